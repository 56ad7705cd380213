//! The generator: from Gaussian latents to codes, from codes to pictures.

use ndarray::{Array1, Array2, Array4, ArrayD, ArrayView1, ArrayView2, Axis, Ix2, Ix4, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::source::name;
use super::{Error, GeneratorNetworks, GeneratorSpec, Role};
use crate::runtime::{CancelToken, Runtime, Session};

/// A generator over two sessions: mapping (`z` → `w`) and synthesis (`w+` → picture).
pub struct Generator {
    spec: GeneratorSpec,
    mean: Array1<f32>,
    mapping: Option<Session>,
    synthesis: Session,
    noise: Vec<ArrayD<f32>>,
}

impl Generator {
    /// The seed of the noise that a generator starts with.
    pub const NOISE_SEED: u64 = 0;

    /// Loads a generator into ONNX Runtime. Its noise is that of [`NOISE_SEED`](Self::NOISE_SEED).
    ///
    /// # Errors
    /// When ONNX Runtime refuses a network.
    pub fn load(runtime: &Runtime, networks: &GeneratorNetworks) -> Result<Self, Error> {
        let mapping = match &networks.mapping {
            Some(mapping) => Some(runtime.session("mapping network", &mapping.to_onnx_bytes()?)?),
            None => None,
        };
        Ok(Self {
            spec: networks.spec.clone(),
            mean: networks.mean.clone(),
            mapping,
            synthesis: runtime
                .session("synthesis network", &networks.synthesis.to_onnx_bytes()?)?,
            noise: networks.spec.noise_maps(Self::NOISE_SEED),
        })
    }

    /// Layers, resolution, and what drives what.
    pub fn spec(&self) -> &GeneratorSpec {
        &self.spec
    }

    /// The mean of W, `[n]`.
    pub fn mean(&self) -> &Array1<f32> {
        &self.mean
    }

    /// Maps Gaussian latents `[m, n]` to W, `[m, n]`, without truncation.
    ///
    /// # Errors
    /// [`Error::NoMapping`] for a synthesis network alone; what ONNX Runtime says; [`runtime::Error::Cancelled`](crate::runtime::Error::Cancelled).
    pub fn map(
        &mut self,
        latents: ArrayView2<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<Array2<f32>, Error> {
        let mapping = self.mapping.as_mut().ok_or(Error::NoMapping)?;
        map_latents(mapping, latents, cancel)
    }

    /// A code in W `[n]` for all layers, `[L, n]`; the layers before `cutoff` (all, if `None`) are
    /// truncated towards the mean: `mean + ψ·(w − mean)`.
    pub fn code(&self, w: ArrayView1<'_, f32>, psi: f32, cutoff: Option<usize>) -> Array2<f32> {
        let truncated = &self.mean + &((&w - &self.mean) * psi);
        let mut code = Array2::zeros((self.spec.layers, w.len()));
        for (layer, mut row) in code.axis_iter_mut(Axis(0)).enumerate() {
            let is_truncated = cutoff.is_none_or(|cutoff| layer < cutoff);
            row.assign(&if is_truncated { truncated.view() } else { w });
        }
        code
    }

    /// Draws a code in W+, `[L, n]`: a picture `[1, 3, R, R]`, RGB, about [-1, 1].
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn synthesize(
        &mut self,
        code: ArrayView2<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<Array4<f32>, Error> {
        let noise_names: Vec<String> = (0..self.noise.len()).map(name::noise).collect();
        let mut inputs = vec![(name::CODES, code.into_dyn())];
        for (name, map) in noise_names.iter().zip(&self.noise) {
            inputs.push((name, map.view()));
        }
        let image = self.synthesis.run_for(name::IMAGE, &inputs, cancel)?;
        let shape = image.shape().to_vec();
        image
            .into_dimensionality::<Ix4>()
            .map_err(|_| Error::Shape {
                role: Role::Synthesis,
                shape,
                expected: "[1, 3, R, R]".to_owned(),
            })
    }
}

/// Maps Gaussian latents `[m, n]` to W, `[m, n]`, without truncation.
pub(super) fn map_latents(
    mapping: &mut Session,
    latents: ArrayView2<'_, f32>,
    cancel: &CancelToken,
) -> Result<Array2<f32>, Error> {
    let mut codes = Array2::zeros(latents.raw_dim());
    for row in 0..latents.nrows() {
        let latent = latents.slice(s![row..=row, ..]);
        let code = mapping.run_for(name::W, &[(name::Z, latent.into_dyn())], cancel)?;
        let shape = code.shape().to_vec();
        let code = code
            .into_dimensionality::<Ix2>()
            .ok()
            .filter(|code| code.ncols() == latents.ncols());
        let code = code.ok_or_else(|| Error::Shape {
            role: Role::Mapping,
            shape,
            expected: format!("[1, {}]", latents.ncols()),
        })?;
        codes.row_mut(row).assign(&code.row(0));
    }
    Ok(codes)
}

/// Gaussian latents `[count, size]`, row by row from one stream: row k of a seed is the same whatever
/// the count.
pub fn gaussian_latents(seed: u64, count: usize, size: usize) -> Array2<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((count, size), || StandardNormal.sample(&mut random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latent_does_not_depend_on_how_many_follow() {
        let few = gaussian_latents(7, 2, 512);
        let many = gaussian_latents(7, 5, 512);
        assert_eq!(few, many.slice(s![..2, ..]));
        assert_ne!(few, gaussian_latents(8, 2, 512));
    }
}
