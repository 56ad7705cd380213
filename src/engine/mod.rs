//! The engine: one background thread that owns all sessions and runs jobs step by step.
//!
//! A [`Job`] is a loop turned inside out: each call of [`Job::step`] does a bounded piece of work and
//! returns. Between two steps the thread looks for newer work, so a picture that a person waits for
//! ([`Priority::Interactive`]) goes before an inversion that takes a minute. Cancelling takes effect
//! within a step, since [`CancelToken`] also ends the network run that is under way.
//!
//! The engine never sees a document: a job carries its inputs, and its [`Handle`] receives progress
//! and the result.

mod align_face;
pub mod client;
mod clock;
mod code_store;
mod compute_features;
mod describe;
mod diffuse;
mod diffuse_face;
mod edit_params;
mod edited_face;
mod edited_synthesis;
mod find_faces;
mod fit_landmarks;
mod gradient;
mod import_networks;
mod install;
mod invert;
mod keyframes;
mod labeller;
mod least_amount;
mod map;
mod mark;
mod move_face;
mod pair;
mod parse_crop;
mod parse_picture;
mod prepare;
mod project;
mod published;
mod read_chins;
mod render;
mod score_picture;
mod sessions;
mod synthesize;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, unbounded};

pub use crate::networks::ChinReading;
pub use align_face::{AlignFace, AlignedFace};
pub use clock::TimedStages;
pub use code_store::{CodeKey, CodeStore};
pub use compute_features::ComputeFeatures;
pub use describe::{Describe, DescribeGenerator, Description};
pub use diffuse::{Diffuse, Diffused, DiffusionNetworks, DiffusionReport, Space};
pub use diffuse_face::DiffuseFace;
pub use edit_params::{EditParams, Method};
pub use edited_face::{EditedFace, Frame};
pub use edited_synthesis::EditedSynthesis;
pub use find_faces::{FindFaces, FoundFace};
pub use fit_landmarks::FitLandmarks;
pub use gradient::DifferentiatePicture;
pub use import_networks::{ImportNetworks, ImportedPack};
pub use install::Install;
pub use invert::{InversionReport, InvertPicture, Inverted};
pub use keyframes::DrawKeyframes;
pub use labeller::Labeller;
pub use least_amount::least_amount;
pub use map::{MapLatents, MappedLatents};
pub use mark::MarkFace;
pub use move_face::{DrawMoved, MoveFace, MovedFace};
pub use pair::{MakePair, Pair};
pub use parse_picture::{ParsePicture, ParsedPicture};
pub use prepare::{FoundCode, PrepareFace, PreparedFace, Snapshot};
pub use project::{Project, Projected, Projection, ProjectionReport};
pub use published::{EditCrop, EditedCrop, PublishedEdit, PublishedMethod};
pub use read_chins::ReadChins;
pub use render::{DrawFrame, RenderFace, RenderedFace};
pub use score_picture::{LabelSource, ScorePicture, ScorePictures};
pub use sessions::{Sessions, Settings};
pub use synthesize::{Synthesize, SynthesizedPortrait};

pub use crate::networks::pack::LICENCE_NOTICE;
use crate::runtime::CancelToken;
pub use crate::runtime::ProviderChoice;
use crate::{latent, networks, portrait, runtime};

/// What can go wrong in a job.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Networks are missing, damaged, or failed.
    #[error(transparent)]
    Networks(#[from] networks::Error),
    /// ONNX Runtime is missing or failed.
    #[error(transparent)]
    Runtime(#[from] runtime::Error),
    /// A code, a boundary or the inversion.
    #[error(transparent)]
    Latent(#[from] latent::Error),
    /// Pixels and geometry.
    #[error(transparent)]
    Portrait(#[from] portrait::Error),
    /// No face was found in the photo.
    #[error(
        "no face was found in {photo}. Jawline needs a face of at least {least_px} px that looks towards the camera"
    )]
    NoFace {
        /// The photo.
        photo: String,
        /// The least side of a face's box, in pixels.
        least_px: u32,
    },
    /// A face is to be moved by its neck field, which nobody has computed.
    #[error("this face has no neck field; align it again")]
    NoField,
    /// The job was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The engine thread is gone, or a job of it panicked.
    #[error("an internal error ended the work '{job}' ({detail}); please report it")]
    Internal {
        /// The job's name.
        job: String,
        /// The panic's message.
        detail: String,
    },
}

impl Error {
    /// Is this something that installing ONNX Runtime and the networks mends?
    pub fn is_missing_parts(&self) -> bool {
        matches!(
            self,
            Self::Networks(
                networks::Error::PackMissing { .. }
                    | networks::Error::NotKnown { .. }
                    | networks::Error::Runtime(runtime::Error::LibraryMissing { .. })
            ) | Self::Runtime(runtime::Error::LibraryMissing { .. })
        )
    }

    /// Is this only the echo of a cancellation?
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Cancelled
                | Self::Runtime(runtime::Error::Cancelled)
                | Self::Networks(
                    networks::Error::Cancelled
                        | networks::Error::Runtime(runtime::Error::Cancelled)
                )
                | Self::Latent(
                    latent::Error::Runtime(runtime::Error::Cancelled)
                        | latent::Error::Network(networks::Error::Runtime(
                            runtime::Error::Cancelled
                        ))
                )
        )
    }
}

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

/// What a job's owner hears.
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
    /// Everything heard since the last call, without waiting.
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

/// The engine thread. Dropping it cancels all jobs, so that the step under way ends soon, and waits for
/// that.
pub struct Engine {
    tasks: Option<Sender<(Priority, Box<dyn Task>)>>,
    thread: Option<JoinHandle<()>>,
    unfinished: Unfinished,
    wake: Waker,
}

/// The tokens of the jobs that have not ended.
#[derive(Clone, Default)]
struct Unfinished(Arc<Mutex<Vec<CancelToken>>>);

impl Unfinished {
    /// Counts a job as unfinished as long as the result lives.
    fn enter(&self, token: &CancelToken) -> Entered {
        self.tokens().push(token.clone());
        Entered {
            unfinished: self.clone(),
            token: token.clone(),
        }
    }

    fn cancel_all(&self) {
        let tokens = self.tokens().clone();
        tokens.iter().for_each(CancelToken::cancel);
    }

    fn tokens(&self) -> MutexGuard<'_, Vec<CancelToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job's place among the unfinished.
struct Entered {
    unfinished: Unfinished,
    token: CancelToken,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut tokens = self.unfinished.tokens();
        // Jobs may share a token; then any one of its places will do.
        if let Some(place) = tokens.iter().position(|other| other.is_same(&self.token)) {
            tokens.swap_remove(place);
        }
    }
}

/// Tells a window that there is something to look at.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

impl Engine {
    /// Starts the thread. Nothing is loaded before a job asks for it.
    ///
    /// # Errors
    /// [`Error::Internal`] when the system gives no thread.
    pub fn start(settings: Settings) -> Result<Self, Error> {
        Self::start_with_waker(settings, Arc::new(|| ()))
    }

    /// As [`start`](Self::start); `wake` is called on the thread whenever a handle has something new.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with_waker(settings: Settings, wake: Waker) -> Result<Self, Error> {
        let (tasks, queue) = unbounded();
        let thread = thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || serve(&queue, &mut Sessions::new(settings)))
            .map_err(|error| Error::Internal {
                job: "engine".to_owned(),
                detail: error.to_string(),
            })?;
        Ok(Self {
            tasks: Some(tasks),
            thread: Some(thread),
            unfinished: Unfinished::default(),
            wake,
        })
    }

    /// Hands a job to the thread. `cancel` may be shared with others, such as a Ctrl-C handler.
    pub fn submit<J: Job>(
        &self,
        priority: Priority,
        cancel: CancelToken,
        job: J,
    ) -> Handle<J::Output> {
        let (sender, events) = unbounded();
        let name = job.name();
        let task = Running {
            job,
            events: sender,
            cancel: cancel.clone(),
            entered: Some(self.unfinished.enter(&cancel)),
            wake: Arc::clone(&self.wake),
        };
        if let Some(tasks) = &self.tasks {
            // A failed send drops the task and with it the events' sender: the handle says so.
            let _ = tasks.send((priority, Box::new(task)));
        }
        Handle {
            name,
            events,
            cancel,
            ended: false,
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.tasks = None;
        // An installation is one step of minutes, and nobody is left to hear of any result.
        self.unfinished.cancel_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A job of any output type.
trait Task: Send {
    /// Does one step; `false` when the job has ended.
    fn step(&mut self, sessions: &mut Sessions) -> bool;
}

struct Running<J: Job> {
    job: J,
    events: Sender<Event<J::Output>>,
    cancel: CancelToken,
    entered: Option<Entered>,
    wake: Waker,
}

impl<J: Job> Task for Running<J> {
    fn step(&mut self, sessions: &mut Sessions) -> bool {
        let outcome = if self.cancel.is_cancelled() {
            Err(Error::Cancelled)
        } else {
            let mut context = Context {
                sessions,
                cancel: &self.cancel,
            };
            // A panic in a decoder or an index must not take the engine, and the user's work, along.
            catch_unwind(AssertUnwindSafe(|| self.job.step(&mut context))).unwrap_or_else(|panic| {
                Err(Error::Internal {
                    job: self.job.name(),
                    detail: panic_message(panic.as_ref()),
                })
            })
        };
        let (event, goes_on) = match outcome {
            Ok(Step::More(progress)) => (Event::Progress(progress), true),
            Ok(Step::Done(output)) => (Event::Finished(Ok(output)), false),
            Err(error) => (Event::Finished(Err(error)), false),
        };
        if !goes_on {
            // Before it is told: who hears of the end may drop the engine, and goes on using the token.
            self.entered = None;
        }
        let is_heard = self.events.send(event).is_ok();
        (self.wake)();
        is_heard && goes_on
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// The thread's loop: take what has come in, do one step of the most urgent task.
fn serve(queue: &Receiver<(Priority, Box<dyn Task>)>, sessions: &mut Sessions) {
    /// Long enough for the next face of a batch to come; then what only a search for codes needs goes.
    const IDLE: Duration = Duration::from_secs(3);
    let mut tasks: VecDeque<(Priority, Box<dyn Task>)> = VecDeque::new();
    loop {
        if tasks.is_empty() {
            match queue.recv_timeout(IDLE) {
                Ok(task) => tasks.push_back(task),
                Err(RecvTimeoutError::Timeout) => {
                    sessions.release_searches();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        loop {
            match queue.try_recv() {
                Ok(task) => tasks.push_back(task),
                Err(TryRecvError::Empty) => break,
                // Nobody is left to hear a result.
                Err(TryRecvError::Disconnected) => return,
            }
        }
        // The first of the most urgent: equals wait for each other in the order they came.
        let urgent = (0..tasks.len()).min_by_key(|&index| (tasks[index].0, index));
        if let Some(index) = urgent
            && !tasks[index].1.step(sessions)
        {
            tasks.remove(index);
        }
    }
}

#[cfg(test)]
mod tests;
