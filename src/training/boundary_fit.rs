//! Boundaries from scored codes: the published training, on tables.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use serde::Serialize;

use super::{Choice, Error, Labelled, LinearSvm, Selection};

/// C of the published support vector machines.
pub const PENALTY: f64 = 1.0;

/// How many of a list are classified correctly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Accuracy {
    /// Told right.
    pub correct: usize,
    /// In the list.
    pub total: usize,
}

impl Accuracy {
    /// The part that is classified correctly, 0 to 1; `None` of an empty list.
    pub fn ratio(self) -> Option<f64> {
        (self.total > 0).then(|| self.correct as f64 / self.total as f64)
    }
}

/// A plane between the positives and negatives of a selection, and how well it tells them apart.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredBoundary {
    /// The plane; its [normal](LinearSvm::normal) is the boundary.
    pub svm: LinearSvm,
    /// On what it was fitted to.
    pub train: Accuracy,
    /// On what was kept aside.
    pub validation: Accuracy,
    /// On everything else.
    pub remaining: Accuracy,
}

impl ScoredBoundary {
    /// Fits a plane to the rows of `codes` `[n, d]` that are selected for training.
    ///
    /// # Errors
    /// [`Error::Length`] when a row is selected that the codes do not have, and what
    /// [`LinearSvm::fit`] refuses.
    pub fn fit(codes: ArrayView2<'_, f32>, selection: &Selection) -> Result<Self, Error> {
        let lists = [
            &selection.train,
            &selection.validation,
            &selection.remaining,
        ];
        let highest = lists
            .into_iter()
            .flatten()
            .map(|labelled| labelled.row)
            .max();
        if let Some(row) = highest.filter(|&row| row >= codes.nrows()) {
            return Err(Error::Length {
                what: "the list of scores".into(),
                expected: codes.nrows(),
                found: row + 1,
            });
        }
        let rows: Vec<usize> = selection
            .train
            .iter()
            .map(|labelled| labelled.row)
            .collect();
        let classes: Vec<bool> = selection
            .train
            .iter()
            .map(|labelled| labelled.is_positive)
            .collect();
        let svm = LinearSvm::fit(codes.select(Axis(0), &rows).view(), &classes, PENALTY)?;
        let accuracy = |list: &[Labelled]| Accuracy {
            correct: list
                .iter()
                .filter(|labelled| {
                    (svm.decision(codes.row(labelled.row)) > 0.0) == labelled.is_positive
                })
                .count(),
            total: list.len(),
        };
        Ok(Self {
            train: accuracy(&selection.train),
            validation: accuracy(&selection.validation),
            remaining: accuracy(&selection.remaining),
            svm,
        })
    }
}

/// Fits a plane a layer to pairs of codes `with` and `without` the attribute, `[n, L, d]` each, and
/// yields them from the first layer to the last. Every layer gets a split of its own, as in the
/// published training, from `choice.seed` and its number.
///
/// # Errors
/// [`Error::Length`] when there are not as many codes of each kind, and what [`Selection::by_score`]
/// and [`ScoredBoundary::fit`] refuse.
pub fn fit_layers(
    with: ArrayView3<'_, f32>,
    without: ArrayView3<'_, f32>,
    choice: Choice,
) -> Result<Vec<ScoredBoundary>, Error> {
    if with.dim() != without.dim() {
        return Err(Error::Length {
            what: "the list of codes without the attribute".into(),
            expected: with.len(),
            found: without.len(),
        });
    }
    let pairs = with.len_of(Axis(0));
    let scores: Vec<f64> = (0..2 * pairs)
        .map(|row| if row < pairs { 1.0 } else { 0.0 })
        .collect();
    (0..with.len_of(Axis(1)))
        .map(|layer| {
            let codes = ndarray::concatenate(
                Axis(0),
                &[
                    with.index_axis(Axis(1), layer),
                    without.index_axis(Axis(1), layer),
                ],
            )
            .unwrap_or_default();
            let choice = Choice {
                seed: choice.seed.wrapping_add(layer as u64),
                ..choice
            };
            ScoredBoundary::fit(codes.view(), &Selection::by_score(&scores, choice)?)
        })
        .collect()
}

/// The unit normals of planes, one a layer, `[L, d]`.
pub fn normals(layers: &[ScoredBoundary]) -> Array2<f32> {
    let width = layers.first().map_or(0, |layer| layer.svm.weights.len());
    let mut stacked = Array2::zeros((layers.len(), width));
    for (mut row, layer) in stacked.rows_mut().into_iter().zip(layers) {
        row.assign(&layer.svm.normal());
    }
    stacked
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, s};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn each_layer_finds_its_own_direction() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let without = Array3::from_shape_simple_fn((40, 3, 8), || random.random_range(-1.0..1.0));
        let mut with: Array3<f32> = without.clone();
        for layer in 0..3 {
            let mut moved = with.slice_mut(s![.., layer, 2 * layer]);
            moved += 2.5;
        }
        let layers = fit_layers(with.view(), without.view(), Choice::FINE).unwrap();
        let normals = normals(&layers);
        for (layer, fitted) in layers.iter().enumerate() {
            assert!(normals[(layer, 2 * layer)] > 0.9, "{normals}");
            assert_eq!(
                fitted.train,
                Accuracy {
                    correct: 72,
                    total: 72
                }
            );
            assert_eq!(fitted.validation.total, 8);
            assert_eq!(fitted.remaining.ratio(), None);
        }
    }

    #[test]
    fn unequal_halves_are_refused() {
        let codes = Array3::<f32>::zeros((4, 2, 3));
        let fewer = codes.slice(s![1.., .., ..]);
        assert!(matches!(
            fit_layers(codes.view(), fewer, Choice::FINE),
            Err(Error::Length { .. })
        ));
    }

    #[test]
    fn more_scores_than_codes_are_refused() {
        let selection = Selection::from_rows(&[1.0, 0.0, 1.0], &[0, 1], &[]).unwrap();
        let codes = ndarray::array![[1.0], [0.0]];
        assert!(matches!(
            ScoredBoundary::fit(codes.view(), &selection),
            Err(Error::Length { .. })
        ));
    }
}
