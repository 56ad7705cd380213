//! What the user chose for a face: what is drawn and how it is put back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::latent::Boundary;
use crate::portrait::edit_mask::MaskSettings;
use crate::portrait::strokes::Stroke;
use crate::portrait::warp::{Pull, WarpSettings};

/// How the edited neck is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Warped towards the photo's outline, then pasted with the soft mask.
    Warp,
    /// Pasted with the soft mask as the generator drew it.
    Plain,
    /// A code is looked for whose picture meets the photo around the neck
    /// ([`DiffuseFace`](super::DiffuseFace)); that picture is pasted with the soft mask.
    Diffuse,
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
