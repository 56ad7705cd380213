//! Commands: the only way to change a document's edits.

use std::sync::Arc;

use super::{AMOUNT_RANGE, BoundaryChoice, Edits, FaceId, FaceParams, MarkedFace};
use crate::engine::Method;
use crate::geometry::Landmarks;
use crate::portrait::edit_mask::MaskSettings;
use crate::portrait::strokes::{Stroke, StrokeKind};
use crate::portrait::warp::{Pull, WarpMesh, WarpSettings};

/// Something that the user does to a document.
#[allow(clippy::large_enum_variant)] // There is never more than one of them at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Changes the edit of one face.
    Edit {
        /// The face.
        face: FaceId,
        /// What changes.
        change: Change,
    },
    /// Adds a face that the detector did not find.
    MarkFace {
        /// A number that no face has yet.
        id: FaceId,
        /// Its landmarks in photo pixels.
        landmarks: Box<Landmarks>,
    },
}

/// A change of one face's edit. Values beyond their range are brought into it.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The slider's value, per cent.
    Amount(f32),
    /// How the neck is put back.
    Method(Method),
    /// The boundary.
    Boundary(BoundaryChoice),
    /// The highest resolution whose layers move, in pixels.
    UpTo(Option<usize>),
    /// The warp.
    Warp(WarpSettings),
    /// Pulls a point; one that is there already moves on.
    Pull(Pull),
    /// Lets all pulled points go.
    RemovePulls,
    /// The mask's shape.
    Mask(MaskSettings),
    /// Paints into the mask.
    Paint(Arc<Stroke>),
    /// Takes all paint away.
    RemovePaint,
    /// Whether colours are matched.
    MatchColour(bool),
    /// Takes settings over from a preset or another face; paint and pulled points stay.
    Apply {
        /// Where they come from, for the history.
        name: String,
        /// The settings.
        params: Box<FaceParams>,
    },
}

impl Command {
    /// What the history calls it.
    pub fn title(&self) -> String {
        match self {
            Self::MarkFace { .. } => "Face marked".to_owned(),
            Self::Edit { change, .. } => change.title(),
        }
    }

    /// The edits after this command.
    pub fn applied_to(&self, edits: &Edits) -> Edits {
        let mut edits = edits.clone();
        match self {
            Self::MarkFace { id, landmarks } => {
                edits.marked.retain(|marked| marked.id != *id);
                edits.marked.push(MarkedFace {
                    id: *id,
                    landmarks: Landmarks::clone(landmarks),
                });
            }
            Self::Edit { face, change } => {
                let mut params = edits.of(*face);
                change.apply(&mut params);
                edits.faces.insert(*face, params);
            }
        }
        edits
    }
}

impl Change {
    fn title(&self) -> String {
        match self {
            Self::Amount(amount) => format!("Chin {amount:.0}"),
            Self::Method(Method::Instant) => "Method: instant".to_owned(),
            Self::Method(Method::Warp) => "Method: warp".to_owned(),
            Self::Method(Method::Plain) => "Method: plain".to_owned(),
            Self::Method(Method::Diffuse) => "Method: diffuse".to_owned(),
            Self::Boundary(_) => "Boundary".to_owned(),
            Self::UpTo(Some(px)) => format!("Layers up to {px} px"),
            Self::UpTo(None) => "Layers as suits the boundary".to_owned(),
            Self::Warp(warp) => format!("Warp {:.0} %", warp.strength * 100.0),
            Self::Pull(_) => "Point pulled".to_owned(),
            Self::RemovePulls => "Points let go".to_owned(),
            Self::Mask(_) => "Mask shape".to_owned(),
            Self::Paint(stroke) => match stroke.kind {
                StrokeKind::Add => "Mask +".to_owned(),
                StrokeKind::Erase => "Mask −".to_owned(),
            },
            Self::RemovePaint => "Mask unpainted".to_owned(),
            Self::MatchColour(true) => "Colour match on".to_owned(),
            Self::MatchColour(false) => "Colour match off".to_owned(),
            Self::Apply { name, .. } => name.clone(),
        }
    }

    fn apply(&self, params: &mut FaceParams) {
        match self {
            Self::Amount(amount) => {
                // A number that is none leaves the slider where it is.
                if !amount.is_nan() {
                    params.amount = amount.clamp(*AMOUNT_RANGE.start(), *AMOUNT_RANGE.end());
                }
            }
            Self::Method(method) => params.settings.method = *method,
            Self::Boundary(boundary) => params.boundary = *boundary,
            Self::UpTo(px) => params.up_to_px = *px,
            Self::Warp(warp) => params.settings.warp = warp.within_range(),
            // What is not a number can neither be drawn nor saved.
            Self::Pull(pull) if !pull.is_finite() => {}
            Self::Paint(stroke) if !stroke.is_finite() => {}
            Self::Pull(pull) => {
                let is_same = |other: &Pull| other.at.distance(pull.at) < WarpMesh::GRASP_PX;
                params.settings.pulls.retain(|other| !is_same(other));
                params.settings.pulls.push(*pull);
            }
            Self::RemovePulls => params.settings.pulls.clear(),
            Self::Mask(mask) => params.settings.mask = mask.within_range(),
            Self::Paint(stroke) => params.settings.strokes.push(Arc::clone(stroke)),
            Self::RemovePaint => params.settings.strokes.clear(),
            Self::MatchColour(on) => params.settings.match_colour = *on,
            Self::Apply { params: other, .. } => {
                let drawn = std::mem::take(&mut params.settings);
                *params = other.portable().within_range();
                params.settings.pulls = drawn.pulls;
                params.settings.strokes = drawn.strokes;
            }
        }
    }
}
