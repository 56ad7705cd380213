//! Diffusion as a job.

use ndarray::Array2;

use super::optimise::{NetworksOf, OptimiseJob, Search};
use crate::engine::error::Error;
use crate::engine::job::Context;
use crate::latent::diffusion::{Diffusing, Diffusion, Networks, Options, Target, Variable};
use crate::networks::{Noise, Perceptual};

/// Diffuses one edit into its portrait, a step of the optimisation at a time.
pub type Diffuse = OptimiseJob<DiffuseEdit>;

/// Networks of a diffusion other than the engine's own.
pub struct DiffusionNetworks {
    /// Compares pictures of 256 px behind its fourth block.
    pub perceptual: Perceptual,
    /// The generator's noise.
    pub noise: Noise,
    /// What is moved.
    pub space: Space,
}

/// Where a diffusion moves its code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Space {
    /// Each layer for itself: `[L, n]`.
    WPlus,
    /// One code for all layers, `[1, n]`, truncated before each synthesis.
    W {
        /// 1 leaves the code where it is.
        psi: f32,
    },
}

/// What a diffusion is begun with.
pub struct DiffuseEdit {
    target: Target,
    init: Array2<f32>,
    options: Options,
    own: Own,
}

enum Own {
    No,
    Wanted(Box<DiffusionNetworks>),
    Loaded(Box<Networks>),
}

impl Diffuse {
    /// Aims at this target, from this code in W+, `[L, n]`.
    pub fn new(target: Target, init: Array2<f32>, options: Options) -> Self {
        Self::of(DiffuseEdit {
            target,
            init,
            options,
            own: Own::No,
        })
    }

    /// Uses other networks than the engine's own.
    #[must_use]
    pub fn with_networks(mut self, networks: DiffusionNetworks) -> Self {
        self.search.own = Own::Wanted(Box::new(networks));
        self
    }
}

impl Search for DiffuseEdit {
    type Objective = Diffusing;
    const NAME: &'static str = "diffuse the edit";
    const STAGE: &'static str = "diffuse";

    fn networks<'a>(
        &'a mut self,
        context: &'a mut Context<'_>,
    ) -> Result<&'a mut NetworksOf<Self>, Error> {
        if let Own::Wanted(wanted) = &self.own {
            self.own = Own::Loaded(Box::new(wanted.load(context)?));
        }
        match &mut self.own {
            Own::Loaded(networks) => Ok(networks),
            _ => context.sessions.diffusion(),
        }
    }

    fn begin(&mut self, context: &mut Context<'_>) -> Result<Diffusion, Error> {
        let target = std::mem::take(&mut self.target);
        let init = std::mem::take(&mut self.init);
        let (options, cancel) = (self.options, context.cancel);
        let networks = self.networks(context)?;
        Ok(Diffusion::start(networks, target, init, options, cancel)?)
    }
}

impl DiffusionNetworks {
    fn load(&self, context: &mut Context<'_>) -> Result<Networks, Error> {
        let generator = context.sessions.generator_networks()?;
        let synthesis = generator.with_noise(&self.noise.maps(&generator.spec)?)?;
        let perceptual = self.perceptual.diffusion_graph()?;
        let variable = match self.space {
            Space::WPlus => Variable::EachLayer,
            Space::W { psi } => Variable::OneForAll {
                mean: &generator.mean,
                psi,
            },
        };
        let runtime = context.sessions.runtime()?;
        Ok(Networks::load(runtime, &synthesis, &perceptual, variable)?)
    }
}
