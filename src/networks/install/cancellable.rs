//! Cancelling work that knows nothing of cancelling.

use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use crate::networks::Error;
use crate::runtime::CancelToken;

/// How often the token is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Does a piece of work, such as the conversion of a network, on a thread of its own. When it is cancelled
/// nobody waits for it any more: it comes to its end by itself, within seconds, and what it yields is
/// dropped. So it must own what it needs, and write nothing.
///
/// # Errors
/// What the work says; [`Error::Cancelled`]; [`Error::NoThread`].
pub(super) fn cancellable<T: Send + 'static>(
    cancel: &CancelToken,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (sender, receiver) = bounded(1);
    let thread = thread::Builder::new()
        .name("convert".to_owned())
        .spawn(move || {
            let _ = sender.send(work());
        })
        .map_err(Error::NoThread)?;
    loop {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match receiver.recv_timeout(POLL) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) => {}
            // It has panicked; that is reported as if it had been done here.
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Ok(()) => return Err(Error::Cancelled),
                Err(panic) => resume_unwind(panic),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_that_nobody_wants_any_more_is_left_alone() {
        let cancel = CancelToken::new();
        let by_work = cancel.clone();
        let begun = Instant::now();
        let outcome = cancellable(&cancel, move || {
            by_work.cancel();
            thread::sleep(Duration::from_secs(20));
            Ok(())
        });
        assert!(matches!(outcome, Err(Error::Cancelled)));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn results_errors_and_panics_arrive() {
        let cancel = CancelToken::new();
        assert_eq!(cancellable(&cancel, || Ok(7)).unwrap(), 7);
        let failed = cancellable::<()>(&cancel, || Err(Error::NoDataDir));
        assert!(matches!(failed, Err(Error::NoDataDir)));
        let panicked = std::panic::catch_unwind(|| {
            let _ = cancellable::<()>(&CancelToken::new(), || panic!("on purpose"));
        });
        assert_eq!(
            panicked.unwrap_err().downcast_ref::<&str>(),
            Some(&"on purpose")
        );
    }
}
