//! The mapping network alone.

use ndarray::{Array2, Array3, Axis};

use crate::engine::job::OneStep;

/// What the mapping network makes of Gaussian latents.
#[derive(Debug, Clone)]
pub struct MappedLatents {
    /// Codes in W, `[m, n]`, without truncation.
    pub w: Array2<f32>,
    /// Truncated codes in W+, `[m, L, n]`.
    pub codes: Array3<f32>,
}

/// Maps Gaussian `latents [m, n]`, truncated with ψ on the layers before `cutoff` (on all, if `None`).
pub fn map_latents(
    latents: Array2<f32>,
    psi: f32,
    cutoff: Option<usize>,
) -> OneStep<MappedLatents> {
    OneStep::new("map latents", move |context| {
        let generator = context.sessions.generator()?;
        let w = generator.map(latents.view(), context.cancel)?;
        let spec = generator.spec();
        let mut codes = Array3::zeros((w.nrows(), spec.layers, spec.code_size));
        for (w, mut code) in w.outer_iter().zip(codes.axis_iter_mut(Axis(0))) {
            code.assign(&generator.code(w, psi, cutoff));
        }
        Ok(MappedLatents { w, codes })
    })
}
