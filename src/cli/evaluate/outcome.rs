//! What became of a portrait: its edits with their figures, or why there are none.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::Method;

/// What became of a portrait.
#[derive(Serialize, Deserialize)]
pub(super) enum Outcome {
    /// Its edits, and the methods that failed.
    Measured(Face, Vec<Failed>),
    /// It has no double chin, and those are not wanted.
    PassedOver(String),
    /// It could not be evaluated.
    Failed(Failed),
}

/// A portrait, as it was and edited by each method.
#[derive(Serialize, Deserialize)]
pub(super) struct Face {
    pub name: String,
    /// What is shown of the crop, as JPEG.
    #[serde(with = "base64")]
    pub before: Vec<u8>,
    pub edits: Vec<Edit>,
}

/// An edit of a portrait.
#[derive(Serialize, Deserialize)]
pub(super) struct Edit {
    pub row: Row,
    /// What is shown of the composite, as JPEG.
    #[serde(with = "base64")]
    pub after: Vec<u8>,
}

/// The figures of an edit. `None` where there is nothing to measure.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Row {
    pub name: String,
    pub method: Method,
    /// The chin meter's probability of a double chin in the crop, and in the composite.
    pub score_before: Option<f32>,
    pub score_after: Option<f32>,
    pub severity_before: Option<f32>,
    pub severity_after: Option<f32>,
    /// Whether a double chin that was there is gone; `None` where there was none.
    pub removed: Option<bool>,
    /// Mean and largest |Δ| outside the mask, in levels of 255.
    pub changed_outside: f64,
    pub changed_outside_largest: f64,
    /// The same between the generator's two pictures outside neck and lower jaw, before compositing.
    pub drawing_changed_outside: Option<f64>,
    pub drawing_changed_outside_largest: Option<f64>,
    /// Detail inside the mask, after over before.
    pub texture: Option<f64>,
    /// ΔE2000 across the mask's edge: what the edit adds to it, and what it was and is.
    pub seam_delta_e: Option<f64>,
    pub seam_before: Option<f64>,
    pub seam_after: Option<f64>,
    /// The share of occluders beside the neck that are unchanged.
    pub occluders_kept: Option<f64>,
    /// Mean shift of brows, nose and eyes, in pixels of a 512-px crop: of the composite, and of the
    /// generator's picture before compositing.
    pub landmark_shift_px: Option<f64>,
    pub drawing_landmark_shift_px: Option<f64>,
    /// Pixels of the crop that may change.
    pub mask_pixels: usize,
    pub doubts: Vec<String>,
    /// Of all stages together, without loading and measuring.
    pub seconds: f64,
    pub stages: Vec<(Cow<'static, str>, f64)>,
}

/// A portrait, or one method on it, that could not be evaluated.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failed {
    pub name: String,
    pub method: Option<Method>,
    pub reason: String,
}

impl Failed {
    pub fn new(name: String, method: Option<Method>, causes: &[String]) -> Self {
        Self {
            name,
            method,
            reason: causes.join("; "),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            Some(method) => write!(f, "{} ({}): {}", self.name, name_of(method), self.reason),
            None if self.reason.contains(&self.name) => f.write_str(&self.reason),
            None => write!(f, "{}: {}", self.name, self.reason),
        }
    }
}

/// A method's name on the command line.
pub(super) fn name_of(method: Method) -> String {
    let value = clap::ValueEnum::to_possible_value(&method);
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Bytes as text.
mod base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}
