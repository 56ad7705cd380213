//! How much of a double chin a portrait has, told from its code alone.

use std::path::Path;

use ndarray::{Array1, ArrayView2, Axis, Ix2};

use super::{Error, Options, Table, fit_conditioned_boundary};
use crate::checkpoint::npy;
use crate::networks::pack::sha256_hex;

/// A linear scorer in W.
///
/// It stands in for a classifier of pictures where there is none. It can only say what the labels said
/// that it was fitted to, so a boundary trained on its scores is no better than they are.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearScorer {
    weights: Array1<f32>,
    intercept: f64,
}

/// The tables in `boundaries/training`: 960 codes with a label by eye each.
const CODES: &[u8] = include_bytes!("../../boundaries/training/w.npy");
const LABELS: &str = include_str!("../../boundaries/training/labels.csv");

/// Plain ridge regression ranks best: taking nuisances out, as an edit needs it, costs ranking.
const OPTIONS: Options = Options {
    penalty: 150.0,
    folds: 5,
};

impl LinearScorer {
    /// What it is, for manifests.
    pub const NAME: &str = "linear scorer in W, fitted on Jawline's labels of 960 portraits";

    /// Fits the scorer of double chins to our labels. It takes codes of generators that share W with
    /// the community generator: those of StyleGAN2 on FFHQ.
    ///
    /// # Errors
    /// None in practice: the tables are built in, and a test fits them.
    pub fn double_chin() -> Result<Self, Error> {
        let codes = npy::parse_f32(Path::new("boundaries/training/w.npy"), CODES)?;
        let shape = codes.shape().to_vec();
        let codes = codes
            .into_dimensionality::<Ix2>()
            .map_err(|_| Error::Shape {
                what: "boundaries/training/w.npy".to_owned(),
                shape,
                expected: "[n, d]".to_owned(),
            })?;
        let labels = Table::parse(LABELS)?;
        let label = labels.column("double_chin")?;
        let fit = fit_conditioned_boundary(codes.view(), label, &[], OPTIONS)?;
        Ok(Self {
            weights: fit.boundary.row(0).to_owned(),
            intercept: fit.intercept,
        })
    }

    /// The SHA-256 of what it was fitted to.
    pub fn checksum() -> String {
        sha256_hex(&[CODES, LABELS.as_bytes()].concat())
    }

    /// The score of a code in W+ `[L, d]`, by the mean of its layers: above 0 more likely than not a
    /// double chin.
    ///
    /// # Errors
    /// [`Error::Shape`] for a code of another width.
    pub fn score(&self, code: ArrayView2<'_, f32>) -> Result<f64, Error> {
        let mean = code
            .mean_axis(Axis(0))
            .filter(|mean| mean.len() == self.weights.len())
            .ok_or_else(|| Error::Shape {
                what: "the code".to_owned(),
                shape: code.shape().to_vec(),
                expected: format!("[L, {}], of a generator that shares W", self.weights.len()),
            })?;
        Ok(f64::from(mean.dot(&self.weights)) + self.intercept)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::training::auc;

    #[test]
    fn it_ranks_the_portraits_that_it_was_fitted_to() {
        let scorer = LinearScorer::double_chin().unwrap();
        let codes = npy::parse_f32(Path::new("w.npy"), CODES)
            .unwrap()
            .into_dimensionality::<Ix2>()
            .unwrap();
        let table = Table::parse(LABELS).unwrap();
        let labels = table.column("double_chin").unwrap();
        let of_label = |wanted: f64| -> Vec<f64> {
            codes
                .outer_iter()
                .zip(labels)
                .filter(|(_, label)| **label == wanted)
                .map(|(code, _)| scorer.score(code.insert_axis(Axis(0))).unwrap())
                .collect()
        };
        assert!(auc(&of_label(2.0), &of_label(0.0)).unwrap() > 0.93);
        assert!(matches!(
            scorer.score(Array2::zeros((3, 64)).view()),
            Err(Error::Shape { .. })
        ));
    }
}
