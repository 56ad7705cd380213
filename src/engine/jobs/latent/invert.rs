//! Inversion as a job.

use ndarray::Array2;

use super::optimise::{NetworksOf, OptimiseJob, Search, SearchReport};
use crate::engine::error::Error;
use crate::engine::job::Context;
use crate::latent::inversion::{Inversion, Inverting, Loss, Options, Target};

/// How an inversion went.
pub type InversionReport = SearchReport<Loss>;

/// Inverts one picture, a step of the optimisation at a time.
pub type InvertPicture = OptimiseJob<Invert>;

/// What an inversion is begun with.
pub struct Invert {
    target: Target,
    init: Option<Array2<f32>>,
    options: Options,
}

impl InvertPicture {
    /// Aims at this target.
    pub fn new(target: Target, options: Options) -> Self {
        Self::of(Invert {
            target,
            init: None,
            options,
        })
    }

    /// Starts at this code in W+, `[L, 512]`, instead of the mean face.
    #[must_use]
    pub fn starting_at(mut self, code: Array2<f32>) -> Self {
        self.search.init = Some(code);
        self
    }
}

impl Search for Invert {
    type Objective = Inverting;
    const NAME: &'static str = "invert the portrait";
    const STAGE: &'static str = "invert";

    fn networks<'a>(
        &'a mut self,
        context: &'a mut Context<'_>,
    ) -> Result<&'a mut NetworksOf<Self>, Error> {
        context.sessions.inversion()
    }

    fn begin(&mut self, context: &mut Context<'_>) -> Result<Inversion, Error> {
        Ok(Inversion::start(
            context.sessions.inversion()?,
            std::mem::take(&mut self.target),
            self.init.as_ref(),
            self.options,
            context.cancel,
        )?)
    }
}
