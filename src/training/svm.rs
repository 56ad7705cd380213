//! Linear support vector machines: the plane with the widest margin between two classes.
//!
//! The problem is that of scikit-learn's `SVC(kernel="linear")`: minimise ½‖w‖² + C·Σᵢ max(0, 1 −
//! yᵢ(w·xᵢ + b)), with an intercept b that costs nothing (Cortes, Vapnik; Machine Learning 20, 1995).
//! Codes have few components and there are many of them, which favours an interior point method over
//! the decomposition of LIBSVM: its some twenty steps cost the same whether classes overlap or not, and it
//! ends with a proof of how near it is.

mod interior_point;

use nalgebra::DMatrix;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::Error;

/// The duality gap, in ‖w‖², at which a solution is taken for exact: w is then within 2·10⁻⁵ of its
/// length of the true one.
const TOLERANCE: f64 = 1e-10;
/// The gap that is accepted when rounding allows no better: w is within 1.5·10⁻³, its direction within a cosine
/// of 0.999 999.
const ACCEPTED_GAP: f64 = 1e-6;

/// A linear support vector machine.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearSvm {
    /// w `[d]`, not normalised: the margin is 1/‖w‖ wide on either side.
    pub weights: Array1<f64>,
    /// b: a sample is positive when w·x + b > 0.
    pub intercept: f64,
    /// Samples within the margin or on it.
    pub support_vectors: usize,
    /// The duality gap in ‖w‖²; ‖w − w*‖/‖w‖ is at most the root of twice this.
    pub relative_gap: f64,
    /// Newton steps of the solver.
    pub iterations: usize,
}

impl LinearSvm {
    /// Fits to samples `[n, d]`, of which those marked are the positive class. `penalty` is C.
    ///
    /// # Errors
    /// [`Error::Length`] when there is not one mark a sample, [`Error::NotFinite`] for samples with NaN
    /// or infinity, [`Error::Constant`] when a class is empty, [`Error::Setting`] for a penalty that is
    /// not positive, [`Error::Inseparable`] when no direction tells the classes apart at all.
    pub fn fit(
        samples: ArrayView2<'_, f32>,
        is_positive: &[bool],
        penalty: f64,
    ) -> Result<Self, Error> {
        check(samples, is_positive, penalty)?;
        let labels: Array1<f64> = is_positive
            .iter()
            .map(|&positive| if positive { 1.0 } else { -1.0 })
            .collect();
        // The intercept is free, so the origin may move to where the numbers are small.
        let samples = samples.mapv(f64::from);
        let centre = samples.mean_axis(Axis(0)).unwrap_or_default();
        let centred = samples - &centre;

        let solution = if centred.nrows() < centred.ncols() {
            // The weights lie in the span of the samples: solve in coordinates of that span.
            let coordinates = coordinates_in_span(&centred);
            interior_point::solve(coordinates.view(), labels.view(), penalty, TOLERANCE)
        } else {
            interior_point::solve(centred.view(), labels.view(), penalty, TOLERANCE)
        };
        let weights = centred.t().dot(&(&labels * &solution.alpha));
        let squared = weights.dot(&weights);
        let relative_gap = solution.gap / squared;
        if !(squared > 0.0 && relative_gap <= ACCEPTED_GAP) {
            return Err(Error::Inseparable);
        }
        Ok(Self {
            intercept: solution.bias - weights.dot(&centre),
            support_vectors: solution
                .alpha
                .iter()
                .filter(|&&alpha| alpha > SUPPORT * penalty)
                .count(),
            weights,
            relative_gap,
            iterations: solution.iterations,
        })
    }

    /// w·x + b of a sample `[d]`: above 0 on the positive side.
    pub fn decision(&self, sample: ArrayView1<'_, f32>) -> f64 {
        let dot: f64 = sample
            .iter()
            .zip(&self.weights)
            .map(|(&x, w)| f64::from(x) * w)
            .sum();
        dot + self.intercept
    }

    /// The unit normal of the plane, `[d]`, pointing to the positive side.
    pub fn normal(&self) -> Array1<f32> {
        let norm = self.weights.dot(&self.weights).sqrt();
        self.weights.mapv(|weight| (weight / norm) as f32)
    }
}

/// The part of C that the multiplier of a support vector exceeds; others vanish with the gap.
const SUPPORT: f64 = 1e-5;

fn check(samples: ArrayView2<'_, f32>, is_positive: &[bool], penalty: f64) -> Result<(), Error> {
    if is_positive.len() != samples.nrows() {
        return Err(Error::Length {
            what: "the list of classes".into(),
            expected: samples.nrows(),
            found: is_positive.len(),
        });
    }
    if samples.iter().any(|value| !value.is_finite()) {
        return Err(Error::NotFinite {
            what: "the table of codes".into(),
        });
    }
    if !(is_positive.contains(&true) && is_positive.contains(&false)) {
        return Err(Error::Constant {
            what: "the class".into(),
        });
    }
    if !(penalty.is_finite() && penalty > 0.0) {
        return Err(Error::Setting {
            what: "the penalty C".into(),
            range: "positive",
            found: penalty,
        });
    }
    Ok(())
}

/// Samples `[n, d]` with n < d as `[n, n]` with the same inner products.
fn coordinates_in_span(samples: &Array2<f64>) -> Array2<f64> {
    let (n, d) = samples.dim();
    let transposed = DMatrix::from_fn(d, n, |component, sample| samples[(sample, component)]);
    let triangle = transposed.qr().unpack_r();
    Array2::from_shape_fn((n, n), |(sample, axis)| triangle[(axis, sample)])
}

#[cfg(test)]
mod tests {
    use ndarray::{array, concatenate};
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Two overlapping clouds, `count` samples each, `distance` apart along the diagonal.
    fn clouds(count: usize, dimensions: usize, distance: f32) -> (Array2<f32>, Vec<bool>) {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut cloud = |offset: f32| {
            Array2::from_shape_simple_fn((count, dimensions), || {
                let uniform: f32 = (0..4).map(|_| random.random_range(-1.0_f32..1.0)).sum();
                uniform + offset / (dimensions as f32).sqrt()
            })
        };
        let (positive, negative) = (cloud(distance / 2.0), cloud(-distance / 2.0));
        let samples = concatenate![Axis(0), positive, negative];
        (samples, (0..2 * count).map(|i| i < count).collect())
    }

    fn objective(svm: &LinearSvm, samples: &Array2<f32>, classes: &[bool], penalty: f64) -> f64 {
        let hinge: f64 = samples
            .rows()
            .into_iter()
            .zip(classes)
            .map(|(sample, &positive)| {
                let sign = if positive { 1.0 } else { -1.0 };
                (1.0 - sign * svm.decision(sample)).max(0.0)
            })
            .sum();
        0.5 * svm.weights.dot(&svm.weights) + penalty * hinge
    }

    #[test]
    fn two_points_have_the_plane_half_way() {
        let samples = array![[1.0, 2.0, 0.0], [1.0, -2.0, 0.0]];
        let svm = LinearSvm::fit(samples.view(), &[true, false], 1.0).unwrap();
        assert!((svm.weights[1] - 0.5).abs() < 1e-6, "{svm:?}");
        assert!(svm.weights[0].abs() < 1e-9 && svm.intercept.abs() < 1e-6);
        assert_eq!(svm.normal().to_vec(), [0.0, 1.0, 0.0]);
        assert_eq!(svm.support_vectors, 2);
    }

    #[test]
    fn the_penalty_bounds_the_weights() {
        // One sample a class at ±0.1: the margin would need w = 10, which violates less than it costs.
        let samples = array![[0.1], [-0.1]];
        let svm = LinearSvm::fit(samples.view(), &[true, false], 1.0).unwrap();
        assert!((svm.weights[0] - 0.2).abs() < 1e-6, "{svm:?}");
    }

    #[test]
    fn far_away_samples_only_move_the_intercept() {
        let (samples, classes) = clouds(60, 5, 1.0);
        let near = LinearSvm::fit(samples.view(), &classes, 1.0).unwrap();
        let far = LinearSvm::fit((&samples + 64.0).view(), &classes, 1.0).unwrap();
        assert!((&near.weights - &far.weights).mapv(f64::abs).sum() < 1e-3);
        let moved = near.intercept - 64.0 * near.weights.sum();
        assert!((moved - far.intercept).abs() < 1e-2 * moved.abs());
    }

    #[test]
    fn refuses_what_cannot_be_fitted() {
        let samples = array![[1.0], [2.0]];
        let fit = |classes: &[bool], penalty| LinearSvm::fit(samples.view(), classes, penalty);
        assert!(matches!(fit(&[true], 1.0), Err(Error::Length { .. })));
        assert!(matches!(fit(&[true; 2], 1.0), Err(Error::Constant { .. })));
        assert!(matches!(
            fit(&[true, false], 0.0),
            Err(Error::Setting { .. })
        ));
        let holed = array![[1.0], [f32::NAN]];
        assert!(matches!(
            LinearSvm::fit(holed.view(), &[true, false], 1.0),
            Err(Error::NotFinite { .. })
        ));
        let same = array![[1.0, 3.0], [1.0, 3.0]];
        assert!(matches!(
            LinearSvm::fit(same.view(), &[true, false], 1.0),
            Err(Error::Inseparable)
        ));
    }

    /// 2 × 8000 codes of 512 components: `cargo nextest run --run-ignored all -E 'test(full_size)'`.
    #[test]
    #[ignore = "takes most of a minute"]
    fn the_full_size_problem_is_solved_within_a_minute() {
        for distance in [1.0, 2.5] {
            let (samples, classes) = clouds(8000, 512, distance);
            let begun = std::time::Instant::now();
            let svm = LinearSvm::fit(samples.view(), &classes, 1.0).unwrap();
            let seconds = begun.elapsed().as_secs_f64();
            eprintln!(
                "distance {distance}: {seconds:.1} s, {} steps, gap {:.1e}, {} support vectors",
                svm.iterations, svm.relative_gap, svm.support_vectors
            );
            assert!(seconds < 60.0);
            // A cosine of at least 1 − 10⁻⁸; rounding allows no smaller gap in sums of thousands.
            assert!(svm.relative_gap <= 1e-8);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn no_other_plane_costs_less(
            seed: u64,
            count in 2_usize..30,
            dimensions in 1_usize..40,
            distance in 0.2_f32..4.0,
            penalty in 0.05_f64..5.0,
        ) {
            let (samples, classes) = clouds(count, dimensions, distance);
            let svm = LinearSvm::fit(samples.view(), &classes, penalty).unwrap();
            prop_assert!(svm.relative_gap <= 1e-9, "{svm:?}");
            let cost = objective(&svm, &samples, &classes, penalty);
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            for scale in [1e-3, 1e-2, 0.3] {
                let mut other = svm.clone();
                other.weights.mapv_inplace(|w| w + scale * random.random_range(-1.0..1.0));
                other.intercept += scale * random.random_range(-1.0..1.0);
                prop_assert!(objective(&other, &samples, &classes, penalty) >= cost - 1e-9 * cost);
            }
        }
    }
}
