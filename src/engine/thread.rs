//! The one thread that owns all sessions and runs jobs, a step of the most urgent one at a time.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, unbounded};

use super::error::Error;
use super::job::{Context, Event, Handle, Job, Priority, Step};
use super::sessions::{Sessions, Settings};
use crate::runtime::CancelToken;

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
            span: tracing::info_span!("job", %name),
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
        Handle::new(name, events, cancel)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.tasks = None;
        // An installation is one step of minutes, and nobody is left to want a result.
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
    /// What a log line of its steps stands in.
    span: tracing::Span,
    job: J,
    events: Sender<Event<J::Output>>,
    cancel: CancelToken,
    entered: Option<Entered>,
    wake: Waker,
}

impl<J: Job> Task for Running<J> {
    fn step(&mut self, sessions: &mut Sessions) -> bool {
        let _step = self.span.enter();
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
            // Before it is sent: whoever learns of the end may drop the engine, and goes on using the token.
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
                // Nobody is left to want a result.
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
