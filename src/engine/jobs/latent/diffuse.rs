//! Diffusion as a job.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use ndarray::{Array2, Array4};
use serde::Serialize;

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::latent;
use crate::latent::diffusion::{Best, Diffusion, Loss, Networks, Options, Target, Variable};
use crate::latent::inversion::Ending;
use crate::networks::{Noise, Perceptual};

/// What a diffusion found.
#[derive(Debug, Clone)]
pub struct Diffused {
    /// The code of the least loss in W+, `[L, n]`, what the generator draws for it, and its loss.
    pub best: Best,
    /// The code after the last step, `[L, n]`, as the reference takes it. Its loss is not known.
    pub last_code: Array2<f32>,
    /// What the generator draws for it, `[1, 3, R, R]`; only if [asked for](Diffuse::drawing_last).
    pub last_picture: Option<Array4<f32>>,
    /// How it went.
    pub report: DiffusionReport,
}

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

/// How a diffusion went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiffusionReport {
    /// Steps taken.
    pub steps: usize,
    /// Why it ended.
    pub ending: Ending,
    /// The loss of every step, before its update.
    pub losses: Vec<Loss>,
    /// The loss of the best code.
    pub best: Loss,
    /// Seconds in all, without loading the networks.
    pub seconds: f64,
    /// Seconds of every step.
    #[serde(skip)]
    pub step_seconds: Vec<f64>,
}

/// Diffuses one edit into its portrait, a step of the optimisation at a time.
pub struct Diffuse {
    target: Target,
    init: Array2<f32>,
    options: Options,
    snapshots: Option<Sender<Best>>,
    own: Own,
    draws_last: bool,
    running: Option<Diffusion>,
    step_seconds: Vec<f64>,
}

impl Diffuse {
    /// Aims at this target, from this code in W+, `[L, n]`.
    pub fn new(target: Target, init: Array2<f32>, options: Options) -> Self {
        Self {
            target,
            init,
            options,
            snapshots: None,
            own: Own::No,
            draws_last: false,
            running: None,
            step_seconds: Vec::new(),
        }
    }

    /// Sends the best code with its picture whenever there is a better one: to show it live, and to
    /// keep it when the job is cancelled.
    #[must_use]
    pub fn showing(mut self, snapshots: Sender<Best>) -> Self {
        self.snapshots = Some(snapshots);
        self
    }

    /// Uses other networks than the engine's own.
    #[must_use]
    pub fn with_networks(mut self, networks: DiffusionNetworks) -> Self {
        self.own = Own::Wanted(Box::new(networks));
        self
    }

    /// Draws the code after the last step as well.
    #[must_use]
    pub fn drawing_last(mut self) -> Self {
        self.draws_last = true;
        self
    }

    fn finish(
        &mut self,
        ending: Ending,
        last_picture: Option<Array4<f32>>,
    ) -> Result<Diffused, Error> {
        let Some(diffusion) = self.running.take() else {
            return Err(latent::Error::Diverged.into());
        };
        let Some(best) = diffusion.best().cloned() else {
            return Err(latent::Error::Diverged.into());
        };
        Ok(Diffused {
            last_code: diffusion.code().clone(),
            last_picture,
            report: DiffusionReport {
                steps: diffusion.steps_taken(),
                ending,
                losses: diffusion.losses().to_vec(),
                best: best.loss,
                seconds: self.step_seconds.iter().sum(),
                step_seconds: std::mem::take(&mut self.step_seconds),
            },
            best,
        })
    }
}

impl Job for Diffuse {
    type Output = Diffused;

    fn name(&self) -> String {
        "diffuse the edit".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Diffused>, Error> {
        if let Own::Wanted(wanted) = &self.own {
            self.own = Own::Loaded(Box::new(wanted.load(context)?));
        }
        let networks = match &mut self.own {
            Own::Loaded(networks) => networks,
            _ => context.sessions.diffusion()?,
        };
        let Some(diffusion) = &mut self.running else {
            self.running = Some(Diffusion::start(
                networks,
                std::mem::take(&mut self.target),
                std::mem::take(&mut self.init),
                self.options,
                context.cancel,
            )?);
            return Ok(Step::More(progress(0, None, self.options.steps, None)));
        };
        let least = diffusion.best().map(|best| best.loss.total);
        let begun = Instant::now();
        let ending = diffusion.step(networks, context.cancel)?;
        self.step_seconds.push(begun.elapsed().as_secs_f64());
        let best = diffusion.best();
        if let (Some(snapshots), Some(best)) = (&self.snapshots, best)
            && least != Some(best.loss.total)
        {
            // Nobody looks any more: the job goes on all the same.
            let _ = snapshots.send(best.clone());
        }
        let loss = best.map(|best| best.loss);
        let taken = diffusion.steps_taken();
        match ending {
            Some(ending) => {
                let last_picture = match self.draws_last {
                    true => Some(diffusion.draw(networks, context.cancel)?),
                    false => None,
                };
                Ok(Step::Done(self.finish(ending, last_picture)?))
            }
            None => {
                let elapsed = Duration::from_secs_f64(self.step_seconds.iter().sum());
                Ok(Step::More(progress(
                    taken,
                    loss,
                    self.options.steps,
                    Some(elapsed),
                )))
            }
        }
    }
}

enum Own {
    No,
    Wanted(Box<DiffusionNetworks>),
    Loaded(Box<Networks>),
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

fn progress(taken: usize, best: Option<Loss>, steps: usize, elapsed: Option<Duration>) -> Progress {
    let left = steps.saturating_sub(taken) as f64 / taken.max(1) as f64;
    Progress {
        stage: "diffuse",
        fraction: taken as f32 / steps.max(1) as f32,
        detail: best.map_or_else(String::new, |loss| format!("loss {:.3}", loss.total)),
        left: elapsed.map(|elapsed| elapsed.mul_f64(left)),
    }
}
