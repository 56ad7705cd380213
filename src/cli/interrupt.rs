//! Ctrl-C: the first cancels the work, the second ends the program.

use std::sync::OnceLock;

use super::Failure;
use super::failure::INTERRUPTED;
use crate::runtime::CancelToken;

static TOKEN: OnceLock<CancelToken> = OnceLock::new();

/// The token that Ctrl-C cancels. Every job of a command shares it.
pub(super) fn token() -> CancelToken {
    TOKEN.get_or_init(CancelToken::new).clone()
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
