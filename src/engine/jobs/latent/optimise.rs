//! Searches for codes as jobs, a step of the optimiser at a time.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use ndarray::Array4;
use serde::Serialize;

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::latent;
use crate::latent::optimise::{BestOf, Ending, Loss, Objective, Optimiser};

/// A kind of search, as it is begun.
pub trait Search: Send + 'static {
    /// What is made small.
    type Objective: Objective;
    /// Its name, for people.
    const NAME: &'static str;
    /// Its stage, for the progress.
    const STAGE: &'static str;

    /// The networks that it runs, loaded when first asked for.
    ///
    /// # Errors
    /// What is wrong with them.
    fn networks<'a>(
        &'a mut self,
        context: &'a mut Context<'_>,
    ) -> Result<&'a mut NetworksOf<Self>, Error>;

    /// Begins.
    ///
    /// # Errors
    /// When target or code do not fit the networks.
    fn begin(&mut self, context: &mut Context<'_>) -> Result<Optimiser<Self::Objective>, Error>;
}

/// The networks of a search.
pub type NetworksOf<S> = <<S as Search>::Objective as Objective>::Networks;

/// What a search has found.
pub struct Found<O: Objective> {
    /// The code of the least loss, what the generator draws for it, and its loss.
    pub best: BestOf<O>,
    /// The search after its last step. As the reference takes it, its code is the result; the loss of that is
    /// not known.
    pub last: Optimiser<O>,
    /// What the generator draws for that; only if [asked for](OptimiseJob::drawing_last).
    pub last_picture: Option<Array4<f32>>,
    /// How it went.
    pub report: SearchReport<O::Loss>,
}
/// How a search went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchReport<L> {
    /// Steps taken.
    pub steps: usize,
    /// Why it ended.
    pub ending: Ending,
    /// The loss of every step, before its update.
    pub losses: Vec<L>,
    /// The least of them: that of the best code.
    pub best: L,
    /// Seconds in all, without loading the networks.
    pub seconds: f64,
    /// Seconds of every step.
    #[serde(skip)]
    pub step_seconds: Vec<f64>,
}

/// A search, a step at a time.
pub struct OptimiseJob<S: Search> {
    pub(super) search: S,
    running: Option<Optimiser<S::Objective>>,
    snapshots: Option<Sender<BestOf<S::Objective>>>,
    step_seconds: Vec<f64>,
    draws_last: bool,
}

impl<S: Search> OptimiseJob<S> {
    pub(super) fn of(search: S) -> Self {
        Self {
            search,
            running: None,
            snapshots: None,
            step_seconds: Vec::new(),
            draws_last: false,
        }
    }

    /// Draws what was reached by the last step as well.
    #[must_use]
    pub fn drawing_last(mut self) -> Self {
        self.draws_last = true;
        self
    }

    /// Sends the best code with its picture whenever there is a better one: to show it live, and to
    /// keep it when the job is cancelled.
    #[must_use]
    pub fn showing(mut self, snapshots: Sender<BestOf<S::Objective>>) -> Self {
        self.snapshots = Some(snapshots);
        self
    }

    /// The best code so far.
    pub fn best(&self) -> Option<&BestOf<S::Objective>> {
        self.running.as_ref()?.best()
    }
}

impl<S: Search> Job for OptimiseJob<S>
where
    BestOf<S::Objective>: Clone + Send,
{
    type Output = Found<S::Objective>;

    fn name(&self) -> String {
        S::NAME.to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Self::Output>, Error> {
        let Some(mut optimiser) = self.running.take() else {
            self.running = Some(self.search.begin(context)?);
            return Ok(Step::More(Progress::at(S::STAGE, 0.0)));
        };
        let cancel = context.cancel;
        let networks = self.search.networks(context)?;
        let least = optimiser.best().map(|best| best.loss.total());
        let begun = Instant::now();
        let ending = optimiser.step(networks, cancel)?;
        self.step_seconds.push(begun.elapsed().as_secs_f64());
        let best = optimiser.best().ok_or(latent::Error::Diverged)?;
        if let Some(snapshots) = &self.snapshots
            && least != Some(best.loss.total())
        {
            // Nobody looks any more: the job goes on all the same.
            let _ = snapshots.send(best.clone());
        }
        let seconds = self.step_seconds.iter().sum();
        let Some(ending) = ending else {
            let (taken, steps) = (optimiser.steps_taken().max(1), optimiser.steps());
            let left = steps.saturating_sub(taken) as f64 / taken as f64;
            let progress = Progress {
                stage: S::STAGE,
                fraction: taken as f32 / steps.max(1) as f32,
                detail: format!("loss {:.3}", best.loss.total()),
                left: Some(Duration::from_secs_f64(seconds).mul_f64(left)),
            };
            self.running = Some(optimiser);
            return Ok(Step::More(progress));
        };
        let last_picture = match self.draws_last {
            true => Some(optimiser.draw(networks, cancel)?),
            false => None,
        };
        Ok(Step::Done(Found {
            best: best.clone(),
            last_picture,
            report: SearchReport {
                steps: optimiser.steps_taken(),
                ending,
                losses: optimiser.losses().to_vec(),
                best: best.loss,
                seconds,
                step_seconds: std::mem::take(&mut self.step_seconds),
            },
            last: optimiser,
        }))
    }
}
