//! The StyleGAN2 projector as a job.

use ndarray::{Array2, Array4};

use super::optimise::{NetworksOf, OptimiseJob, Search};
use crate::engine::error::Error;
use crate::engine::job::Context;
use crate::latent::Lpips;
use crate::latent::projector::{
    Networks, Objective, Options, Projecting, Projector, Regularisation, Statistics,
};
use crate::networks::{Generator, Noise, gaussian_latents};

/// Projects one picture, a step of the optimisation at a time.
pub type Project = OptimiseJob<ProjectPicture>;

/// What a projection starts from and how it measures.
pub struct Projection {
    /// The picture, `[1, 3, R, R]`, RGB in [-1, 1], of the generator's size.
    pub target: Array4<f32>,
    /// The noise maps to start from.
    pub noise: Noise,
    /// The perceptual distance.
    pub lpips: Lpips,
    /// Side of the pictures that it compares, in pixels.
    pub lpips_size: usize,
    /// The form of the noise regularisation.
    pub regularisation: Regularisation,
    /// Gaussian latents `[m, n]` to measure W on; 10 000 of a fixed seed if `None`.
    pub latents: Option<Array2<f32>>,
    /// Steps, rates, weights.
    pub options: Options,
}

/// A projection with its networks, as soon as they are loaded.
pub struct ProjectPicture {
    projection: Projection,
    loaded: Option<Networks>,
}

/// How many samples the reference measures W on.
const SAMPLES: usize = 10_000;
const SAMPLES_SEED: u64 = 0;

impl Project {
    /// Projects so.
    pub fn new(projection: Projection) -> Self {
        let loaded = None;
        Self::of(ProjectPicture { projection, loaded }).drawing_last()
    }
}

impl Search for ProjectPicture {
    type Objective = Projecting;
    const NAME: &'static str = "project the picture";
    const STAGE: &'static str = "project";

    fn networks<'a>(
        &'a mut self,
        _: &'a mut Context<'_>,
    ) -> Result<&'a mut NetworksOf<Self>, Error> {
        self.loaded
            .as_mut()
            .ok_or_else(|| Error::over(Self::NAME.to_owned()))
    }

    fn begin(&mut self, context: &mut Context<'_>) -> Result<Projector, Error> {
        let networks = context.sessions.generator_networks()?;
        let runtime = context.sessions.runtime()?;
        let Projection {
            target,
            noise,
            lpips,
            lpips_size,
            regularisation,
            latents,
            options,
        } = &self.projection;
        let statistics = {
            let size = networks.spec.code_size;
            let drawn;
            let latents = match latents {
                Some(latents) => latents,
                None => {
                    drawn = gaussian_latents(SAMPLES_SEED, SAMPLES, size);
                    &drawn
                }
            };
            let codes = Generator::map_only(runtime, &networks, latents.view(), context.cancel)?;
            Statistics::measure(codes.view())
        };
        let objective = Objective {
            lpips,
            lpips_size: *lpips_size,
            regularisation: *regularisation,
        };
        let noise = noise.maps(&networks.spec)?;
        let loaded = Networks::load(runtime, &networks, &objective)?;
        let loaded = self.loaded.insert(loaded);
        Ok(Projector::start(
            loaded,
            target.clone(),
            noise,
            &statistics,
            *options,
            context.cancel,
        )?)
    }
}
