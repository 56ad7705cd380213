//! The space P_N: W unrolled and whitened.
//!
//! The mapping network ends with a leaky ReLU of slope 0.2; its inverse, x = w where w ≥ 0 and 5·w
//! elsewhere, makes W nearly Gaussian (Zhu et al., "Improved StyleGAN Embedding", 2020). Whitened
//! with the principal components of many samples, a vector `v` is about as probable as its length is
//! small, so pulling `v` to zero keeps a code near the data. Codes far away from it make a distilled
//! generator explode.

use nalgebra::DMatrix;
use ndarray::{Array1, Array2, ArrayView2, Axis, Ix1, Ix2};

use super::generator::{gaussian_latents, map_latents};
use super::pack::read_array;
use super::{Error, GeneratorNetworks, Pack, Role};
use crate::runtime::{CancelToken, Runtime};

/// The slope of the mapping network's last leaky ReLU.
pub const LEAKY_SLOPE: f32 = 0.2;

/// Least variance along a principal direction; the last ones of a trained mapping network are
/// numerically zero.
const LEAST_VARIANCE: f32 = 1e-6;

/// The affine part of P_N: `x = mean + basis · v`.
#[derive(Debug, Clone, PartialEq)]
pub struct Whitening {
    /// The mean of x, `[n]`.
    pub mean: Array1<f32>,
    /// Principal directions as columns, each as long as the standard deviation along it,
    /// `[n, n]`, most important first.
    pub basis: Array2<f32>,
}

impl Whitening {
    /// Measures the whitening on samples of W, `[m, n]` with m of several thousand.
    pub fn measure(samples: ArrayView2<'_, f32>) -> Self {
        let unrolled = samples.mapv(unroll);
        let mean = unrolled
            .mean_axis(Axis(0))
            .unwrap_or_else(|| Array1::zeros(samples.ncols()));
        let centred = &unrolled - &mean;
        let covariance = centred.t().dot(&centred) / (samples.nrows().max(2) - 1) as f32;
        let size = covariance.nrows();
        let covariance = DMatrix::from_fn(size, size, |row, column| {
            f64::from(covariance[[row, column]])
        });
        let eigen = covariance.symmetric_eigen();
        let mut order: Vec<usize> = (0..size).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let basis = Array2::from_shape_fn((size, size), |(row, column)| {
            let direction = order[column];
            let deviation = (eigen.eigenvalues[direction] as f32)
                .max(LEAST_VARIANCE)
                .sqrt();
            eigen.eigenvectors[(row, direction)] as f32 * deviation
        });
        Self { mean, basis }
    }

    /// Measures the whitening on samples of a generator's mapping network, which takes some seconds.
    ///
    /// # Errors
    /// [`Error::NoMapping`] for a synthesis network alone, and what ONNX Runtime says.
    pub fn sample(
        runtime: &Runtime,
        networks: &GeneratorNetworks,
        cancel: &CancelToken,
    ) -> Result<Self, Error> {
        let mapping = networks.mapping.as_ref().ok_or(Error::NoMapping)?;
        let size = networks.spec.code_size;
        let codes = sample_codes(runtime, &mapping.to_onnx_bytes()?, size, cancel)?;
        Ok(Self::measure(codes.view()))
    }

    /// The whitening that a pack stores.
    ///
    /// # Errors
    /// When the pack's files are missing, altered, or of another shape.
    pub fn load(pack: &Pack) -> Result<Self, Error> {
        Self::new(
            read_array::<Ix1>(pack, Role::WhiteningMean, "[n]")?,
            read_array::<Ix2>(pack, Role::WhiteningBasis, "[n, n]")?,
        )
    }

    /// Makes a whitening from stored arrays.
    ///
    /// # Errors
    /// [`Error::Shape`] unless they are `[n]` and `[n, n]`.
    pub fn new(mean: Array1<f32>, basis: Array2<f32>) -> Result<Self, Error> {
        let size = mean.len();
        if basis.shape() != [size, size] {
            return Err(Error::Shape {
                role: Role::WhiteningBasis,
                shape: basis.shape().to_vec(),
                expected: format!("[{size}, {size}]"),
            });
        }
        Ok(Self { mean, basis })
    }

    /// Whitened vectors of codes in W, both `[m, n]`: the inverse of [`Whitening::codes`]. A code off
    /// the data has absurdly long components along the directions that hardly vary.
    pub fn vectors(&self, codes: ArrayView2<'_, f32>) -> Array2<f32> {
        let squares = self
            .basis
            .mapv(|component| component * component)
            .sum_axis(Axis(0));
        (codes.mapv(unroll) - &self.mean).dot(&self.basis) / &squares
    }

    /// Codes in W of whitened vectors, both `[m, n]`.
    pub fn codes(&self, vectors: ArrayView2<'_, f32>) -> Array2<f32> {
        (vectors.dot(&self.basis.t()) + &self.mean)
            .mapv(|x| if x < 0.0 { x * LEAKY_SLOPE } else { x })
    }
}

/// Codes in W, `[8000, n]`, of the latents that the statistics of a latent space are measured on.
pub(super) fn sample_codes(
    runtime: &Runtime,
    mapping: &[u8],
    code_size: usize,
    cancel: &CancelToken,
) -> Result<Array2<f32>, Error> {
    const SAMPLES: usize = 8000;
    const SEED: u64 = 0;
    let mut session = runtime.session("mapping network", mapping)?;
    let latents = gaussian_latents(SEED, SAMPLES, code_size);
    map_latents(&mut session, latents.view(), cancel)
}

fn unroll(w: f32) -> f32 {
    if w < 0.0 { w / LEAKY_SLOPE } else { w }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    /// Correlated samples in a small space, rolled like a mapping network's output.
    fn samples(count: usize) -> Array2<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let white = Array2::from_shape_simple_fn((count, 3), || StandardNormal.sample(&mut random));
        let mixing = ndarray::arr2(&[[2.0_f32, 0.5, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 0.1]]);
        (white.dot(&mixing) + 0.2).mapv(|x: f32| if x < 0.0 { x * LEAKY_SLOPE } else { x })
    }

    #[test]
    fn samples_become_white() {
        let samples = samples(4000);
        let whitening = Whitening::measure(samples.view());
        let vectors = whitening.vectors(samples.view());
        let covariance = vectors.t().dot(&vectors) / 3999.0;
        for ((row, column), value) in covariance.indexed_iter() {
            let expected = if row == column { 1.0 } else { 0.0 };
            assert!((value - expected).abs() < 0.01, "{covariance}");
        }
        let back = whitening.codes(vectors.view());
        assert!((&back - &samples).iter().all(|d| d.abs() < 1e-4));
    }

    #[test]
    fn the_most_important_direction_comes_first() {
        let whitening = Whitening::measure(samples(4000).view());
        let lengths: Vec<f32> = (0..3)
            .map(|k| whitening.basis.column(k).dot(&whitening.basis.column(k)))
            .collect();
        assert!(
            lengths[0] > lengths[1] && lengths[1] > lengths[2],
            "{lengths:?}"
        );
    }
}
