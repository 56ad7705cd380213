//! Work that would hold up the window, in a thread of its own: one result, progress, cancelling.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, bounded};

use crate::engine::{Waker, panic_message};

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What is being done, in words.
    pub stage: &'static str,
    /// The part of all the work that is done, 0 to 1.
    pub fraction: f32,
}

/// The thread panicked, or the system gave none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an internal error ended the work '{work}' ({detail}); nothing was lost, please report it")]
pub struct Unexpected {
    /// What the work was.
    pub work: &'static str,
    /// What happened.
    pub detail: String,
}

/// Work under way. Dropping it cancels the work without waiting.
#[derive(Debug)]
pub struct Background<T, E> {
    shared: Arc<Shared>,
    outcome: Receiver<Result<T, E>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    cancelled: AtomicBool,
    progress: Mutex<Progress>,
}

/// The worker's end.
pub struct Worker {
    shared: Arc<Shared>,
    wake: Waker,
}

impl<T, E> Background<T, E>
where
    T: Send + 'static,
    E: From<Unexpected> + Send + 'static,
{
    /// Starts a thread of this name. `wake` is called on it when there is something new to see. A
    /// panic, and a system without threads, become the error.
    pub fn start(
        name: &'static str,
        wake: Waker,
        work: impl FnOnce(&Worker) -> Result<T, E> + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            cancelled: AtomicBool::new(false),
            progress: Mutex::new(Progress {
                stage: name,
                fraction: 0.0,
            }),
        });
        let (sender, outcome) = bounded(1);
        let worker = Worker {
            shared: Arc::clone(&shared),
            wake,
        };
        let unspawned = sender.clone();
        let run = move || {
            let result = catch_unwind(AssertUnwindSafe(|| work(&worker))).unwrap_or_else(|panic| {
                let detail = panic_message(panic.as_ref());
                Err(Unexpected { work: name, detail }.into())
            });
            // Nobody may be listening any more.
            let _ = sender.send(result);
            (worker.wake)();
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(|error| {
            let error = Unexpected {
                work: name,
                detail: error.to_string(),
            };
            let _ = unspawned.send(Err(error.into()));
        });
        Self {
            shared,
            outcome,
            thread: thread.ok(),
        }
    }

    /// The result, once, when it is there. Never waits.
    pub fn poll(&self) -> Option<Result<T, E>> {
        self.outcome.try_recv().ok()
    }

    /// Waits for the result; `None` when [`poll`](Self::poll) has handed it out.
    pub fn wait(&mut self) -> Option<Result<T, E>> {
        self.join();
        self.poll()
    }
}

impl<T, E> Background<T, E> {
    /// How far it is.
    pub fn progress(&self) -> Progress {
        *self
            .shared
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the worker to stop; the result then says so, unless it was there already.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::SeqCst);
    }

    /// Waits until the thread has ended.
    pub(super) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // Panics were caught inside.
            let _ = thread.join();
        }
    }
}

impl<T, E> Drop for Background<T, E> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Worker {
    /// Has somebody cancelled?
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::SeqCst)
    }

    /// Tells how far the work is. The window is woken for changes that it can show.
    pub fn report(&self, stage: &'static str, fraction: f32) {
        const LEAST_VISIBLE: f32 = 0.01;
        let mut progress = self
            .shared
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_visible =
            progress.stage != stage || (progress.fraction - fraction).abs() >= LEAST_VISIBLE;
        if is_visible {
            *progress = Progress { stage, fraction };
        }
        drop(progress);
        if is_visible {
            (self.wake)();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn unwoken() -> Waker {
        Arc::new(|| ())
    }

    #[test]
    fn a_result_comes_once_and_wakes() {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let wake: Waker = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let mut work = Background::<_, Unexpected>::start("counting", wake, |worker| {
            for step in 0..1000 {
                worker.report("counting", step as f32 / 1000.0);
            }
            Ok(7)
        });
        assert_eq!(work.wait(), Some(Ok(7)));
        assert_eq!(work.poll(), None);
        assert!(work.progress().fraction > 0.9);
        let woken = woken.load(Ordering::SeqCst);
        assert!((50..=101).contains(&woken), "{woken}");
    }

    #[test]
    fn a_panic_is_an_error() {
        let mut work =
            Background::<(), Unexpected>::start("falling", unwoken(), |_| panic!("over"));
        let message = work.wait().unwrap().unwrap_err().to_string();
        assert!(
            message.contains("falling") && message.contains("over"),
            "{message}"
        );
    }

    #[test]
    fn cancelling_is_seen_by_the_worker() {
        let mut work = Background::<_, Unexpected>::start("endless", unwoken(), |worker| {
            while !worker.is_cancelled() {
                thread::yield_now();
            }
            Ok(())
        });
        work.cancel();
        assert_eq!(work.wait(), Some(Ok(())));
    }
}
