//! Inversion as a job.

use std::time::{Duration, Instant};

use ndarray::Array2;
use serde::Serialize;

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::latent;
use crate::latent::inversion::{Ending, Inversion, Loss, Options, Target};

/// What an inversion found.
#[derive(Debug, Clone)]
pub struct Inverted {
    /// The code in W+, `[L, 512]`.
    pub code: Array2<f32>,
    /// How it went.
    pub report: InversionReport,
}

/// How an inversion went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InversionReport {
    /// Steps taken.
    pub steps: usize,
    /// Why it ended.
    pub ending: Ending,
    /// The loss of every step.
    pub losses: Vec<Loss>,
    /// The loss of the code that was kept.
    pub best: Loss,
    /// Seconds in all, without loading the networks.
    pub seconds: f64,
    /// Seconds of every step.
    #[serde(skip)]
    pub step_seconds: Vec<f64>,
}

/// Inverts one picture, a step of the optimisation at a time.
pub struct InvertPicture {
    target: Target,
    init: Option<Array2<f32>>,
    options: Options,
    running: Option<Inversion>,
    step_seconds: Vec<f64>,
}

impl InvertPicture {
    /// Aims at this target.
    pub fn new(target: Target, options: Options) -> Self {
        Self {
            target,
            init: None,
            options,
            running: None,
            step_seconds: Vec::new(),
        }
    }

    /// Starts at this code in W+, `[L, 512]`, instead of the mean face.
    #[must_use]
    pub fn starting_at(mut self, code: Array2<f32>) -> Self {
        self.init = Some(code);
        self
    }

    /// The best code so far, `[L, 512]`.
    pub fn best_code(&self) -> Option<&Array2<f32>> {
        Some(&self.running.as_ref()?.best()?.code)
    }
}

impl Job for InvertPicture {
    type Output = Inverted;

    fn name(&self) -> String {
        "invert the portrait".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Inverted>, Error> {
        let networks = context.sessions.inversion()?;
        let Some(inversion) = &mut self.running else {
            let target = std::mem::take(&mut self.target);
            self.running = Some(Inversion::start(
                networks,
                target,
                self.init.as_ref(),
                self.options,
                context.cancel,
            )?);
            return Ok(Step::More(Progress::at("invert", 0.0)));
        };
        let begun = Instant::now();
        let ending = inversion.step(networks, context.cancel)?;
        self.step_seconds.push(begun.elapsed().as_secs_f64());
        let elapsed: f64 = self.step_seconds.iter().sum();
        match (ending, inversion.best()) {
            (Some(ending), Some(best)) => Ok(Step::Done(Inverted {
                code: best.code.clone(),
                report: InversionReport {
                    steps: inversion.steps_taken(),
                    ending,
                    losses: inversion.losses().to_vec(),
                    best: best.loss,
                    seconds: elapsed,
                    step_seconds: std::mem::take(&mut self.step_seconds),
                },
            })),
            (Some(_), None) => Err(latent::Error::Diverged.into()),
            (None, best) => {
                let elapsed = Duration::from_secs_f64(elapsed);
                let loss = best.map(|best| best.loss);
                Ok(Step::More(progress(
                    inversion,
                    loss,
                    elapsed,
                    self.options.steps,
                )))
            }
        }
    }
}

fn progress(
    inversion: &Inversion,
    best: Option<Loss>,
    elapsed: Duration,
    steps: usize,
) -> Progress {
    let taken = inversion.steps_taken().max(1);
    Progress {
        stage: "invert",
        fraction: taken as f32 / steps.max(1) as f32,
        detail: best.map_or_else(String::new, |loss| format!("loss {:.3}", loss.total)),
        left: Some(elapsed.mul_f64(steps.saturating_sub(taken) as f64 / taken as f64)),
    }
}
