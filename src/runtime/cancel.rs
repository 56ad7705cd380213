//! Cancelling from another thread: between steps by a flag, within a run by ONNX Runtime's own
//! termination.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ort::session::RunOptions;

/// A token shared between the one who cancels and the one who works. Clones are the same token.
///
/// Cancelling takes effect between the operators of a run that is under way, so it never has to
/// wait for a whole network.
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Shared>);

#[derive(Default)]
struct Shared {
    cancelled: AtomicBool,
    running: Mutex<Option<Arc<RunOptions>>>,
}

impl CancelToken {
    /// A token that nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the work, now and for good.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        let running = self
            .0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(options) = running.as_ref()
            && let Err(error) = options.terminate()
        {
            tracing::warn!(%error, "a run could not be terminated; it ends by itself");
        }
    }

    /// Has somebody cancelled?
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Is this the same token, of which both are clones?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Runs `work` with these options registered, so that [`cancel`](Self::cancel) ends it.
    pub(super) fn during<T>(&self, options: &Arc<RunOptions>, work: impl FnOnce() -> T) -> T {
        *self
            .0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(options));
        // Cancelled between the caller's check and the registration: end the run all the same.
        if self.is_cancelled() {
            let _ = options.terminate();
        }
        let result = work();
        *self
            .0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        result
    }
}

impl std::fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CancelToken")
            .field(&self.is_cancelled())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_sees_the_cancellation() {
        let token = CancelToken::new();
        let clone = token.clone();
        assert!(!clone.is_cancelled());
        token.cancel();
        assert!(clone.is_cancelled());
        assert!(clone.is_same(&token) && !clone.is_same(&CancelToken::new()));
    }
}
