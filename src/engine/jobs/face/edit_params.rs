//! What the user chose for a face: what is drawn and how it is put back.

use std::sync::Arc;

use crate::latent::Boundary;
use crate::portrait::{EditSettings, Method};

/// What the user chose for a face.
#[derive(Debug, Clone, PartialEq)]
pub struct EditParams {
    /// How far the code moves along the boundary; negative removes the double chin.
    pub alpha: f32,
    /// The boundary.
    pub boundary: Arc<Boundary>,
    /// Layers that drive up to this resolution move.
    pub up_to_px: usize,
    /// How the edit is put into the portrait.
    pub settings: EditSettings,
}

impl EditParams {
    /// This far along this boundary, all else as it suits most portraits.
    pub fn along(boundary: Arc<Boundary>, alpha: f32) -> Self {
        Self {
            alpha,
            up_to_px: boundary.resolution_px(),
            boundary,
            settings: EditSettings::default(),
        }
    }

    /// The same by this method.
    #[must_use]
    pub fn by(mut self, method: Method) -> Self {
        self.settings.method = method;
        self
    }
}
