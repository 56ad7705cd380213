//! The StyleGAN2 projector as a job.

use std::time::{Duration, Instant};

use ndarray::{Array2, Array4, ArrayD};
use serde::Serialize;

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::latent;
use crate::latent::Lpips;
use crate::latent::inversion::Ending;
use crate::latent::projector::{
    Loss, Networks, Objective, Options, Projector, Regularisation, Statistics,
};
use crate::networks::{Generator, Noise, gaussian_latents};

/// What a projection found.
#[derive(Debug, Clone)]
pub struct Projected {
    /// The code in W+, `[L, n]`.
    pub code: ArrayD<f32>,
    /// The noise maps, `[1, 1, r, r]`.
    pub noise: Vec<ArrayD<f32>>,
    /// What the generator draws of both, `[1, 3, R, R]`.
    pub picture: Array4<f32>,
    /// How it went.
    pub report: ProjectionReport,
}

/// How a projection went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProjectionReport {
    /// Steps taken.
    pub steps: usize,
    /// Why it ended.
    pub ending: Ending,
    /// The loss of every step, before its update.
    pub losses: Vec<Loss>,
    /// Seconds in all, without loading the networks.
    pub seconds: f64,
    /// Seconds of every step.
    #[serde(skip)]
    pub step_seconds: Vec<f64>,
}

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

/// Projects one picture, a step of the optimisation at a time.
pub struct Project {
    projection: Projection,
    running: Option<(Networks, Projector)>,
    step_seconds: Vec<f64>,
}

/// How many samples the reference measures W on.
const SAMPLES: usize = 10_000;
const SAMPLES_SEED: u64 = 0;

impl Project {
    /// Projects so.
    pub fn new(projection: Projection) -> Self {
        Self {
            projection,
            running: None,
            step_seconds: Vec::new(),
        }
    }

    fn start(&self, context: &mut Context<'_>) -> Result<(Networks, Projector), Error> {
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
        let mut loaded = Networks::load(runtime, &networks, &objective)?;
        let projector = Projector::start(
            &mut loaded,
            target.clone(),
            noise,
            &statistics,
            *options,
            context.cancel,
        )?;
        Ok((loaded, projector))
    }
}

impl Job for Project {
    type Output = Projected;

    fn name(&self) -> String {
        "project the picture".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Projected>, Error> {
        let steps = self.projection.options.steps;
        let Some((networks, projector)) = &mut self.running else {
            self.running = Some(self.start(context)?);
            return Ok(Step::More(progress(&[], steps, None)));
        };
        let begun = Instant::now();
        let ending = projector.step(networks, context.cancel)?;
        self.step_seconds.push(begun.elapsed().as_secs_f64());
        let Some(ending) = ending else {
            let elapsed = Duration::from_secs_f64(self.step_seconds.iter().sum());
            return Ok(Step::More(progress(
                projector.losses(),
                steps,
                Some(elapsed),
            )));
        };
        if projector.losses().is_empty() && steps > 0 {
            return Err(latent::Error::Diverged.into());
        }
        Ok(Step::Done(Projected {
            code: projector.code().clone(),
            noise: projector.noise().into_iter().cloned().collect(),
            picture: projector.draw(networks, context.cancel)?,
            report: ProjectionReport {
                steps: projector.steps_taken(),
                ending,
                losses: projector.losses().to_vec(),
                seconds: self.step_seconds.iter().sum(),
                step_seconds: std::mem::take(&mut self.step_seconds),
            },
        }))
    }
}

fn progress(losses: &[Loss], steps: usize, elapsed: Option<Duration>) -> Progress {
    let taken = losses.len();
    let left = steps.saturating_sub(taken) as f64 / taken.max(1) as f64;
    Progress {
        stage: "project",
        fraction: taken as f32 / steps.max(1) as f32,
        detail: losses
            .last()
            .map_or_else(String::new, |loss| format!("loss {:.3}", loss.total)),
        left: elapsed.map(|elapsed| elapsed.mul_f64(left)),
    }
}
