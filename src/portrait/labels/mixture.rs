//! How likely a colour is, as a mixture of Gaussians.

use nalgebra::{SMatrix, SVector};

/// What is looked at in a pixel: luma, blue and red difference (0–255), and texture.
pub(super) type Feature = SVector<f32, 4>;
type Covariance = SMatrix<f32, 4, 4>;

/// Variances below these are noise of the camera, not knowledge.
const LEAST_VARIANCE: [f32; 4] = [25.0, 6.0, 6.0, 0.02];
const ROUNDS: usize = 8;

/// A density over [`Feature`]s.
#[derive(Debug, Clone)]
pub(super) struct Mixture {
    parts: Vec<Gaussian>,
}

#[derive(Debug, Clone)]
struct Gaussian {
    mean: Feature,
    precision: Covariance,
    /// Logarithm of the weight and of the normalising factor.
    log_height: f32,
}

impl Mixture {
    /// Fits `parts` Gaussians by alternating assignment (k-means in the Gaussians' own metric), as
    /// GrabCut does; starts from quantiles of luma. `None` when there are too few samples.
    pub fn fit(samples: &[Feature], parts: usize) -> Option<Self> {
        if samples.len() < 20 * parts || parts == 0 {
            return None;
        }
        let mut by_luma: Vec<&Feature> = samples.iter().collect();
        by_luma.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let slices = by_luma.chunks(samples.len().div_ceil(parts));
        let mut mixture = Self {
            parts: slices
                .filter_map(|s| Gaussian::fit(s, samples.len()))
                .collect(),
        };
        for _ in 0..ROUNDS {
            let mut groups = vec![Vec::new(); mixture.parts.len()];
            for sample in samples {
                groups[mixture.nearest(sample)].push(sample);
            }
            let fitted = groups
                .iter()
                .filter_map(|g| Gaussian::fit(g, samples.len()));
            mixture.parts = fitted.collect();
        }
        (!mixture.parts.is_empty()).then_some(mixture)
    }

    /// Natural logarithm of the density (up to a constant that all mixtures share).
    pub fn log_density(&self, feature: &Feature) -> f32 {
        let logs = self.parts.iter().map(|part| part.log_density(feature));
        let largest = logs.clone().fold(f32::NEG_INFINITY, f32::max);
        largest + logs.map(|log| (log - largest).exp()).sum::<f32>().ln()
    }

    fn nearest(&self, feature: &Feature) -> usize {
        let logs = self.parts.iter().map(|part| part.log_density(feature));
        let best = logs.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        best.map_or(0, |(index, _)| index)
    }
}

impl Gaussian {
    /// Mean and covariance of a part of `total` samples; `None` when the part is too small to tell.
    fn fit(samples: &[&Feature], total: usize) -> Option<Self> {
        if samples.len() < 10 {
            return None;
        }
        let count = samples.len() as f32;
        let mean = samples.iter().copied().sum::<Feature>() / count;
        let spread = |sample: &&Feature| {
            let away = **sample - mean;
            away * away.transpose()
        };
        let mut covariance = samples.iter().map(spread).sum::<Covariance>() / count;
        for (i, least) in LEAST_VARIANCE.into_iter().enumerate() {
            covariance[(i, i)] += least;
        }
        let cholesky = covariance.cholesky()?;
        let log_weight = (count / total as f32).ln();
        Some(Self {
            mean,
            precision: cholesky.inverse(),
            log_height: log_weight - cholesky.l().diagonal().map(f32::ln).sum(),
        })
    }

    fn log_density(&self, feature: &Feature) -> f32 {
        let away = feature - self.mean;
        self.log_height - 0.5 * (away.transpose() * self.precision * away)[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` samples on a small grid around a colour.
    fn cloud(luma: f32, red: f32, count: usize) -> Vec<Feature> {
        (0..count)
            .map(|i| {
                let (a, b) = ((i % 7) as f32 - 3.0, (i % 5) as f32 - 2.0);
                Feature::new(luma + 4.0 * a, 110.0 + b, red + a - b, 1.0 + 0.1 * b)
            })
            .collect()
    }

    #[test]
    fn colours_are_likelier_where_samples_were() {
        let samples = [cloud(60.0, 150.0, 200), cloud(190.0, 120.0, 100)].concat();
        let mixture = Mixture::fit(&samples, 2).unwrap();
        let at = |luma: f32, red: f32| mixture.log_density(&Feature::new(luma, 110.0, red, 1.0));
        for seen in [at(60.0, 150.0), at(190.0, 120.0)] {
            assert!(seen > at(60.0, 120.0) + 5.0);
            assert!(seen > at(190.0, 150.0) + 5.0);
            assert!(seen > at(125.0, 135.0) + 5.0);
        }
    }

    #[test]
    fn few_samples_tell_nothing() {
        assert!(Mixture::fit(&cloud(60.0, 150.0, 30), 2).is_none());
    }

    #[test]
    fn equal_samples_are_no_division_by_zero() {
        let samples = vec![Feature::new(10.0, 20.0, 30.0, 1.0); 500];
        let mixture = Mixture::fit(&samples, 3).unwrap();
        assert!(mixture.log_density(&samples[0]).is_finite());
    }
}
