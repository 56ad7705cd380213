//! The mapping network alone.

use ndarray::{Array2, Array3, Axis};

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Step};

/// Maps Gaussian latents to codes.
pub struct MapLatents {
    latents: Array2<f32>,
    psi: f32,
    cutoff: Option<usize>,
}

/// What the mapping network makes of Gaussian latents.
#[derive(Debug, Clone)]
pub struct MappedLatents {
    /// Codes in W, `[m, n]`, without truncation.
    pub w: Array2<f32>,
    /// Truncated codes in W+, `[m, L, n]`.
    pub codes: Array3<f32>,
}

impl MapLatents {
    /// Maps `latents [m, n]`, truncated with ψ on the layers before `cutoff` (on all, if `None`).
    pub fn new(latents: Array2<f32>, psi: f32, cutoff: Option<usize>) -> Self {
        Self {
            latents,
            psi,
            cutoff,
        }
    }
}

impl Job for MapLatents {
    type Output = MappedLatents;

    fn name(&self) -> String {
        "map latents".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<MappedLatents>, Error> {
        let generator = context.sessions.generator()?;
        let w = generator.map(self.latents.view(), context.cancel)?;
        let spec = generator.spec();
        let mut codes = Array3::zeros((w.nrows(), spec.layers, spec.code_size));
        for (w, mut code) in w.outer_iter().zip(codes.axis_iter_mut(Axis(0))) {
            code.assign(&generator.code(w, self.psi, self.cutoff));
        }
        Ok(Step::Done(MappedLatents { w, codes }))
    }
}
