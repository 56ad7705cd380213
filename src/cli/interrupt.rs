//! Ctrl-C: the first cancels the work, the second ends the program.

use std::sync::OnceLock;

use super::Failure;
use super::failure::INTERRUPTED;
use crate::engine::{Engine, Error, Job, Priority, Progress};
use crate::runtime::CancelToken;

static TOKEN: OnceLock<CancelToken> = OnceLock::new();

/// The token that Ctrl-C cancels. Every job of a command shares it.
pub(super) fn token() -> CancelToken {
    TOKEN.get_or_init(CancelToken::new).clone()
}

/// Runs a job until it ends, or Ctrl-C ends it.
pub(super) fn run_job<J: Job>(
    engine: &Engine,
    job: J,
    on_progress: impl FnMut(&Progress),
) -> Result<J::Output, Error> {
    engine
        .submit(Priority::Background, token(), job)
        .wait(on_progress)
}

/// Fails when Ctrl-C was pressed: for work that no job does.
pub(super) fn check() -> Result<(), Failure> {
    match token().is_cancelled() {
        true => Err(Failure::Interrupted),
        false => Ok(()),
    }
}

/// Listens for Ctrl-C and for a request to terminate.
pub(super) fn listen() {
    let outcome = ctrlc::set_handler(|| {
        let token = token();
        if token.is_cancelled() {
            std::process::exit(i32::from(INTERRUPTED));
        }
        token.cancel();
    });
    if let Err(error) = outcome {
        tracing::warn!(%error, "Ctrl-C will end the program at once");
    }
}
