//! What a dataset remembers of how it was made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::training::Choice;

/// What a dataset is made with, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub(super) format: u32,
    /// The version of the program that began it.
    pub made_by: String,
    /// What draws the portraits.
    pub generator: GeneratorIdentity,
    /// How they are drawn.
    pub sample: Sampling,
    /// How they are scored, once they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Scoring>,
    /// How the coarse boundary was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coarse: Option<Choice>,
    /// How positives were edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Pairing>,
    /// How the edited ones were brought back into latent space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diffuse: Option<Diffusing>,
    /// Which pairs those were: [`pairs`](Self::pairs) at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) diffused_pairs: Option<Pairing>,
    /// How the fine boundary was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine: Option<Choice>,
}

/// Which generator a dataset comes from, to the bit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorIdentity {
    /// The pack, or the checkpoint's file.
    pub name: String,
    /// For each style layer the resolution that it drives, in pixels.
    pub layer_resolutions: Vec<usize>,
    /// Side of its pictures, in pixels.
    pub resolution: usize,
    /// Components of a code.
    pub code_size: usize,
    /// The SHA-256 of each network that takes part, by its role.
    pub checksums: BTreeMap<String, String>,
}

/// How portraits are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Seed of the Gaussian latents.
    pub seed: u64,
    /// Truncation ψ.
    pub psi: f32,
    /// How many there are.
    pub count: usize,
}

/// How portraits are scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scoring {
    /// What scores, in words.
    pub scorer: String,
    /// The SHA-256 of its weights.
    pub checksum: String,
    /// How many portraits could be scored; others have the mean score.
    pub scored: usize,
}

/// How the necks of positives were edited (fine training, step 1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pairing {
    /// The part of the samples, from the highest score down, that are positives.
    pub ratio: f64,
    /// Distance along the coarse boundary.
    pub alpha: f32,
    /// Layers that drive more than this are mixed back.
    pub keep_above_px: usize,
    /// How much of the original those layers get back.
    pub mix: f32,
    /// The SHA-256 of the coarse boundary.
    pub boundary: String,
    /// Positives without a face that could be found, by number.
    pub skipped: Vec<usize>,
}

impl Pairing {
    /// What decides how a pair looks: all but which ones were skipped.
    pub(super) fn settings(&self) -> Self {
        Self {
            skipped: Vec::new(),
            ..self.clone()
        }
    }
}

/// How codes were found for the edited pictures (fine training, step 2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diffusing {
    /// Steps of the optimiser.
    pub steps: usize,
    /// Its learning rate.
    pub learning_rate: f32,
    /// The weight of the features' difference.
    pub feature_weight: f32,
}
