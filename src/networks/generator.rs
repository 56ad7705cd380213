//! The generator: from Gaussian latents to codes, from codes to pictures.

use std::path::Path;

use ndarray::{Array1, Array2, Array4, ArrayView1, ArrayView2, Axis, Ix1, Ix2, Ix4, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{CODE_SIZE, Error, GeneratorSpec, Pack, Role, Whitening};
use crate::checkpoint::npy;
use crate::runtime::{CancelToken, Runtime, Session};

/// A generator over two sessions: mapping (`z` → `w`) and synthesis (`w+` → picture).
pub struct Generator {
    spec: GeneratorSpec,
    mean: Array1<f32>,
    mapping: Session,
    synthesis: Session,
}

impl Generator {
    /// Loads the generator of a pack.
    ///
    /// # Errors
    /// When a file is missing or altered, or ONNX Runtime refuses it.
    pub fn load(runtime: &Runtime, pack: &Pack) -> Result<Self, Error> {
        Ok(Self {
            spec: pack.manifest().generator.clone(),
            mean: stored::<Ix1>(pack, Role::LatentMean, "[512]")?,
            mapping: runtime.session("mapping network", &pack.read(Role::Mapping)?)?,
            synthesis: runtime.session("synthesis network", &pack.read(Role::Synthesis)?)?,
        })
    }

    /// Layers, resolution, and what drives what.
    pub fn spec(&self) -> &GeneratorSpec {
        &self.spec
    }

    /// The mean of W, `[512]`.
    pub fn mean(&self) -> &Array1<f32> {
        &self.mean
    }

    /// Maps Gaussian latents `[n, 512]` to W, `[n, 512]`, without truncation.
    ///
    /// # Errors
    /// What ONNX Runtime says; [`runtime::Error::Cancelled`](crate::runtime::Error::Cancelled).
    pub fn map(
        &mut self,
        latents: ArrayView2<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<Array2<f32>, Error> {
        map_latents(&mut self.mapping, latents, cancel)
    }

    /// A code in W `[512]` for all layers, `[L, 512]`; the layers before `cutoff` (all, if `None`) are
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

    /// Draws a code in W+, `[L, 512]`: a picture `[1, 3, R, R]`, RGB, about [-1, 1].
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn synthesize(
        &mut self,
        code: ArrayView2<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<Array4<f32>, Error> {
        let image = self
            .synthesis
            .run_for("image", &[("codes", code.into_dyn())], cancel)?;
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

/// Maps Gaussian latents `[n, 512]` to W, `[n, 512]`, without truncation.
pub(super) fn map_latents(
    mapping: &mut Session,
    latents: ArrayView2<'_, f32>,
    cancel: &CancelToken,
) -> Result<Array2<f32>, Error> {
    let mut codes = Array2::zeros(latents.raw_dim());
    for row in 0..latents.nrows() {
        let latent = latents.slice(s![row..=row, ..]);
        let code = mapping.run_for("w", &[("z", latent.into_dyn())], cancel)?;
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

/// Gaussian latents `[count, 512]`, row by row from one stream: row k of a seed is the same whatever
/// the count.
pub fn gaussian_latents(seed: u64, count: usize) -> Array2<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((count, CODE_SIZE), || StandardNormal.sample(&mut random))
}

impl Whitening {
    /// The whitening that a pack stores.
    ///
    /// # Errors
    /// When the pack's files are missing, altered, or of another shape.
    pub fn load(pack: &Pack) -> Result<Self, Error> {
        Self::new(
            stored::<Ix1>(pack, Role::WhiteningMean, "[512]")?,
            stored::<Ix2>(pack, Role::WhiteningBasis, "[512, 512]")?,
        )
    }
}

fn stored<D: ndarray::Dimension>(
    pack: &Pack,
    role: Role,
    expected: &str,
) -> Result<ndarray::Array<f32, D>, Error> {
    let array = npy::parse_f32(Path::new(&role.to_string()), &pack.read(role)?)?;
    let shape = array.shape().to_vec();
    array.into_dimensionality().map_err(|_| Error::Shape {
        role,
        shape,
        expected: expected.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latent_does_not_depend_on_how_many_follow() {
        let few = gaussian_latents(7, 2);
        let many = gaussian_latents(7, 5);
        assert_eq!(few, many.slice(s![..2, ..]));
        assert_ne!(few, gaussian_latents(8, 2));
    }
}
