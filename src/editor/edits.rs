//! What the user has chosen: small, comparable, and kept in every step of the history.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::FaceId;
use crate::engine::Method;
use crate::geometry::Landmarks;
use crate::portrait::edit_mask::MaskSettings;
use crate::portrait::strokes::Stroke;
use crate::portrait::warp::{Pull, WarpSettings};

/// The slider's range in per cent: 0 is the photo, 100 the strongest edit, a little below 0 adds chin.
pub const AMOUNT_RANGE: RangeInclusive<f32> = -20.0..=100.0;

/// All edits of a photo.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Edits {
    /// Faces that the user has marked, since the detector did not find them.
    pub marked: Vec<MarkedFace>,
    /// What was chosen for a face; a face that is not here is untouched.
    pub faces: BTreeMap<FaceId, FaceParams>,
    /// The method that untouched faces begin with. Files of the time before it was chosen have none.
    #[serde(default)]
    pub first_method: Method,
}

impl Edits {
    /// What was chosen for a face.
    pub fn of(&self, face: FaceId) -> FaceParams {
        let untouched = || FaceParams {
            method: self.first_method,
            ..FaceParams::default()
        };
        self.faces.get(&face).cloned().unwrap_or_else(untouched)
    }
}

/// A face that the user has marked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkedFace {
    /// Its number.
    pub id: FaceId,
    /// Its landmarks in photo pixels.
    pub landmarks: Landmarks,
}

/// Which boundary a code moves along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoundaryChoice {
    /// Our own fine one: [`Boundary::fine`](crate::latent::Boundary::fine).
    #[default]
    Fine,
    /// Our own coarse one: [`Boundary::coarse`](crate::latent::Boundary::coarse). It was the only one once,
    /// and files of that time call it so.
    #[serde(rename = "double-chin")]
    Coarse,
    /// One from a file, by its place in [`Document::boundaries`](super::Document::boundaries).
    File(usize),
}

/// What the user has chosen for one face.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaceParams {
    /// How much of the double chin is removed, per cent, within [`AMOUNT_RANGE`].
    pub amount: f32,
    /// The boundary.
    pub boundary: BoundaryChoice,
    /// Layers that drive up to this resolution move; `None` leaves it to the boundary.
    pub up_to_px: Option<usize>,
    /// How the edited neck is put back.
    pub method: Method,
    /// The warp.
    pub warp: WarpSettings,
    /// Points that were pulled aside.
    pub pulls: Vec<Pull>,
    /// The shape of the mask.
    pub mask: MaskSettings,
    /// What was painted into the mask.
    pub strokes: Vec<Arc<Stroke>>,
    /// Whether the edited neck is brought into the photo's colours.
    pub match_colour: bool,
}

impl Default for FaceParams {
    /// As photographed.
    fn default() -> Self {
        Self {
            amount: 0.0,
            boundary: BoundaryChoice::Fine,
            up_to_px: None,
            method: Method::Warp,
            warp: WarpSettings::default(),
            pulls: Vec::new(),
            mask: MaskSettings::default(),
            strokes: Vec::new(),
            match_colour: true,
        }
    }
}

impl FaceParams {
    /// Is the face as photographed?
    pub fn changes_nothing(&self) -> bool {
        self.amount == 0.0
    }

    /// The same settings at another amount.
    #[must_use]
    pub fn at_amount(&self, amount: f32) -> Self {
        Self {
            amount,
            ..self.clone()
        }
    }

    /// The same with every value brought into its range, and without what is no number.
    #[must_use]
    pub fn within_range(mut self) -> Self {
        self.amount = if self.amount.is_nan() {
            0.0
        } else {
            (self.amount).clamp(*AMOUNT_RANGE.start(), *AMOUNT_RANGE.end())
        };
        self.warp = warp_within_range(&self.warp);
        self.mask = mask_within_range(self.mask);
        self.pulls.retain(is_usable_pull);
        self.strokes.retain(|stroke| is_usable_stroke(stroke));
        self
    }

    /// What can be carried over to another face: all but what was drawn on this one.
    #[must_use]
    pub fn portable(&self) -> Self {
        Self {
            pulls: Vec::new(),
            strokes: Vec::new(),
            ..self.clone()
        }
    }
}

pub(super) fn warp_within_range(warp: &WarpSettings) -> WarpSettings {
    let default = WarpSettings::default();
    let or = |value: f64, default: f64| if value.is_nan() { default } else { value };
    WarpSettings {
        strength: or(warp.strength, default.strength).clamp(0.0, 1.0),
        overshoot: or(warp.overshoot, default.overshoot).clamp(0.0, 2.0),
        rows: warp.rows.clamp(2, 20),
    }
}

pub(super) fn mask_within_range(mask: MaskSettings) -> MaskSettings {
    MaskSettings {
        growth_px: mask.growth_px.clamp(-60, 120),
        feather_px: mask.feather_px.clamp(1, 120),
    }
}

/// A pull of numbers: JSON, which keeps the edits, knows no others.
pub(super) fn is_usable_pull(pull: &Pull) -> bool {
    pull.at.is_finite() && pull.by.is_finite()
}

/// A stroke of numbers, as [`is_usable_pull`].
pub(super) fn is_usable_stroke(stroke: &Stroke) -> bool {
    stroke.radius_px.is_finite()
        && stroke.hardness.is_finite()
        && stroke.path.iter().all(|point| point.is_finite())
}
