//! What the user chose for a face: what is drawn and how it is put back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::latent::Boundary;
use crate::portrait::edit_mask::MaskSettings;
use crate::portrait::strokes::Stroke;
use crate::portrait::warp::{Pull, WarpSettings};

/// How the edited neck is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// At once: the photo's own pixels are moved by the neck field
    /// ([`MoveFace`](super::MoveFace)), without generator and code.
    Instant,
    /// Warped towards the photo's outline, then pasted with the soft mask.
    #[default]
    Warp,
    /// Pasted with the soft mask as the generator drew it.
    Plain,
    /// A code is looked for whose picture meets the photo around the neck
    /// ([`DiffuseFace`](super::DiffuseFace)); that picture is pasted with the soft mask.
    Diffuse,
}

impl Method {
    /// All methods, the quickest first.
    pub const ALL: [Self; 4] = [Self::Instant, Self::Warp, Self::Plain, Self::Diffuse];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instant => "Instant",
            Self::Warp => "Warp",
            Self::Plain => "Plain",
            Self::Diffuse => "Diffuse",
        }
    }

    /// What it does, and when to take it, in a sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::Instant => {
                "Moves and shades the photo's own pixels, at once and at full resolution: skin stays skin"
            }
            Self::Warp => {
                "Draws a new neck along the boundary, bends it to meet the photo's jaw line and blends it in: \
                 for folds that must be painted anew"
            }
            Self::Plain => "Blends the new neck in as it was drawn",
            Self::Diffuse => {
                "Draws the neck again and again until it meets the photo around it: slow, for seams that \
                 the warp leaves"
            }
        }
    }
}

/// What the user chose for a face.
#[derive(Debug, Clone, PartialEq)]
pub struct EditParams {
    /// How far the code moves along the boundary; negative removes the double chin.
    pub alpha: f32,
    /// The boundary.
    pub boundary: Arc<Boundary>,
    /// Layers that drive up to this resolution move.
    pub up_to_px: usize,
    /// How the edited neck is put back.
    pub method: Method,
    /// The warp, for [`Method::Warp`].
    pub warp: WarpSettings,
    /// Points that the user has pulled aside, for [`Method::Warp`].
    pub pulls: Vec<Pull>,
    /// The shape of the mask.
    pub mask: MaskSettings,
    /// What the user has painted into the mask.
    pub strokes: Vec<Arc<Stroke>>,
    /// Whether the edited neck is brought into the photo's colours.
    pub match_colour: bool,
}

impl EditParams {
    /// This far along this boundary, all else as it suits most portraits.
    pub fn along(boundary: Arc<Boundary>, alpha: f32) -> Self {
        Self {
            alpha,
            up_to_px: boundary.resolution_px(),
            boundary,
            method: Method::Warp,
            warp: WarpSettings::default(),
            pulls: Vec::new(),
            mask: MaskSettings::default(),
            strokes: Vec::new(),
            match_colour: true,
        }
    }
}
