//! Work for the engine thread, cut into steps, and what its owner learns of it.

use std::collections::VecDeque;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::error::Error;
use super::sessions::Sessions;
use crate::runtime::CancelToken;

/// Who waits for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A person waits for the next frame.
    Interactive,
    /// Long work, between frames.
    Background,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What is being done, in words.
    pub stage: &'static str,
    /// The part that is done, 0 to 1.
    pub fraction: f32,
    /// More about it, such as a loss; may be empty.
    pub detail: String,
    /// An estimate of the time left, once there is something to estimate from.
    pub left: Option<Duration>,
}

impl Progress {
    /// This part of a stage is done; no more is known of it.
    pub fn at(stage: &'static str, fraction: f32) -> Self {
        Self {
            stage,
            fraction,
            detail: String::new(),
            left: None,
        }
    }
}

/// The outcome of a step.
pub enum Step<T> {
    /// There is more to do.
    More(Progress),
    /// The job is done.
    Done(T),
}

/// What a step may use.
pub struct Context<'a> {
    /// The networks, loaded when first asked for.
    pub sessions: &'a mut Sessions,
    /// Cancelled when nobody wants the result any more.
    pub cancel: &'a CancelToken,
}

/// Work for the engine thread, cut into steps.
pub trait Job: Send + 'static {
    /// What the job yields.
    type Output: Send + 'static;

    /// The job's name, for people.
    fn name(&self) -> String;

    /// Does a bounded piece of the work: at most about one network run.
    ///
    /// # Errors
    /// An error ends the job.
    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Self::Output>, Error>;
}

type Work<I, T> = dyn FnMut(I, &mut Context<'_>) -> Result<T, Error> + Send;

/// A job that is one step, such as a run of one network.
pub struct OneStep<T> {
    name: &'static str,
    work: Box<Work<(), T>>,
}

impl<T> OneStep<T> {
    /// Of this name; `work` is called once.
    pub fn new(
        name: &'static str,
        mut work: impl FnMut(&mut Context<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Self {
        let work = Box::new(move |(), context: &mut Context<'_>| work(context));
        Self { name, work }
    }
}

impl<T: Send + 'static> Job for OneStep<T> {
    type Output = T;

    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<T>, Error> {
        (self.work)((), context).map(Step::Done)
    }
}

/// A job that does the same to one thing after another.
pub struct OneByOne<I, T> {
    name: &'static str,
    stage: &'static str,
    left: VecDeque<I>,
    done: Vec<T>,
    work: Box<Work<I, T>>,
}

impl<I, T> OneByOne<I, T> {
    /// Of this name, with this stage in the progress.
    pub fn new(
        name: &'static str,
        stage: &'static str,
        things: impl IntoIterator<Item = I>,
        work: impl FnMut(I, &mut Context<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Self {
        Self {
            name,
            stage,
            left: things.into_iter().collect(),
            done: Vec::new(),
            work: Box::new(work),
        }
    }
}

impl<I: Send + 'static, T: Send + 'static> Job for OneByOne<I, T> {
    type Output = Vec<T>;

    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Vec<T>>, Error> {
        let Some(thing) = self.left.pop_front() else {
            return Ok(Step::Done(std::mem::take(&mut self.done)));
        };
        self.done.push((self.work)(thing, context)?);
        let done = self.done.len();
        let fraction = done as f32 / (done + self.left.len()) as f32;
        Ok(Step::More(Progress::at(self.stage, fraction)))
    }
}

/// What a job's owner is told.
pub enum Event<T> {
    /// It goes on.
    Progress(Progress),
    /// It ended.
    Finished(Result<T, Error>),
}

/// The owner's end of a job. Dropping it before the end cancels the job.
pub struct Handle<T> {
    name: String,
    events: Receiver<Event<T>>,
    cancel: CancelToken,
    ended: bool,
}

impl<T> Handle<T> {
    /// Of the job of this name, which tells `events` how it goes.
    pub(super) fn new(name: String, events: Receiver<Event<T>>, cancel: CancelToken) -> Self {
        Self {
            name,
            events,
            cancel,
            ended: false,
        }
    }

    /// Everything received since the last call, without waiting.
    pub fn poll(&self) -> Vec<Event<T>> {
        self.events.try_iter().collect()
    }

    /// Ends the job within its current step.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Waits for the result and tells of the progress meanwhile.
    ///
    /// # Errors
    /// The job's error; [`Error::Internal`] when the engine thread is gone.
    pub fn wait(mut self, mut on_progress: impl FnMut(&Progress)) -> Result<T, Error> {
        loop {
            match self.events.recv() {
                Ok(Event::Progress(progress)) => on_progress(&progress),
                Ok(Event::Finished(result)) => {
                    self.ended = true;
                    return result;
                }
                Err(_) => {
                    return Err(Error::Internal {
                        job: self.name.clone(),
                        detail: "the engine thread ended".to_owned(),
                    });
                }
            }
        }
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        if !self.ended {
            self.cancel.cancel();
        }
    }
}
