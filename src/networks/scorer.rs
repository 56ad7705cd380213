//! The scorer: has a portrait a double chin?

use std::path::Path;

use ndarray::ArrayView4;

use super::forms::{IMAGE, LOGITS, SCORER, SCORER_SIDE_PX};
use super::{ChannelOrder, Error, Network, NetworkSource, Pack, Role, recognise};
use crate::architectures::resnext::BatchNorm;
use crate::graph::Graph;
use crate::runtime::{CancelToken, Runtime, Session};

/// A classifier of chins over a session.
pub struct ChinScorer {
    session: Session,
}

/// What the scorer says of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChinScore {
    /// The network's two outputs. The second speaks for a double chin.
    pub logits: [f32; 2],
}

impl ChinScore {
    /// Above this probability the reference takes a chin for double.
    pub const THRESHOLD: f32 = 0.95;

    /// Both outputs as probabilities. They are trained apart and need not add up to 1.
    pub fn probabilities(self) -> [f32; 2] {
        self.logits.map(|logit| 1.0 / (1.0 + (-logit).exp()))
    }

    /// The probability of a double chin.
    pub fn probability(self) -> f32 {
        self.probabilities()[1]
    }

    /// Has it a double chin?
    pub fn has_double_chin(self) -> bool {
        self.probability() > Self::THRESHOLD
    }
}

impl ChinScorer {
    /// Side of the picture that it takes, in pixels.
    pub const SIZE: usize = SCORER_SIDE_PX;

    /// Loads the scorer of a pack, or of a file.
    ///
    /// # Errors
    /// When the pack has none, when a file is missing, altered or holds another network, or ONNX Runtime
    /// refuses it.
    pub fn load(runtime: &Runtime, source: &NetworkSource, norm: BatchNorm) -> Result<Self, Error> {
        let onnx = match source {
            NetworkSource::Pack(name) => Pack::open(name)?.read(match norm {
                BatchNorm::Stored => Role::Scorer,
                BatchNorm::PerImage => Role::ScorerPerImage,
            })?,
            NetworkSource::File(path) => Self::read(path, norm)?.to_onnx_bytes()?,
        };
        Ok(Self {
            session: runtime.session("scorer", &onnx)?,
        })
    }

    fn read(path: &Path, norm: BatchNorm) -> Result<Graph, Error> {
        match (recognise::read(path)?.0, norm) {
            (Network::Scorer { stored, .. }, BatchNorm::Stored) => Ok(stored),
            (Network::Scorer { per_image, .. }, BatchNorm::PerImage) => {
                per_image.ok_or_else(|| Error::NoPerImageStatistics {
                    path: path.to_owned(),
                })
            }
            (other, _) => Err(Error::OtherKind {
                path: path.to_owned(),
                found: other.kind(),
                expected: recognise::Kind::Scorer,
            }),
        }
    }

    /// Scores a picture `[1, 3, 256, 256]`, RGB in [-1, 1], which is black but for the neck and what lies
    /// beside and below it.
    ///
    /// # Errors
    /// What ONNX Runtime says; [`runtime::Error::Cancelled`](crate::runtime::Error::Cancelled).
    pub fn score(
        &mut self,
        picture: ArrayView4<'_, f32>,
        order: ChannelOrder,
        cancel: &CancelToken,
    ) -> Result<ChinScore, Error> {
        let picture = order.arranged(picture);
        let logits = self
            .session
            .run_for(LOGITS, &[(IMAGE, picture.view().into_dyn())], cancel)?;
        let numbers: Vec<f32> = logits.iter().copied().collect();
        let logits = numbers
            .try_into()
            .map_err(|_| SCORER.wrong_shape(logits.shape().to_vec()))?;
        Ok(ChinScore { logits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_logit_decides() {
        let score = |second| ChinScore {
            logits: [9.0, second],
        };
        assert!((score(0.0).probability() - 0.5).abs() < 1e-6);
        assert!(score(3.0).has_double_chin(), "0.953");
        assert!(!score(2.9).has_double_chin(), "0.948");
        assert!(score(-200.0).probability() >= 0.0);
    }
}
