//! How a command fails.

use std::process::ExitCode;

use crate::{
    checkpoint, editor, engine, fs, geometry, graph, latent, networks, photo, portrait, runtime,
    training,
};

/// The exit status of a program that Ctrl-C ended, as shells have it: 128 and the signal's number.
pub(super) const INTERRUPTED: u8 = 130;

/// Why a command failed: one line a cause.
#[derive(Debug)]
pub(super) enum Failure {
    /// The work could not be done.
    Failed(Vec<String>),
    /// The command was used wrongly in a way that the argument parser cannot see.
    Usage(String),
    /// The user pressed Ctrl-C.
    Interrupted,
}

impl Failure {
    /// A failure with one cause.
    pub fn because(cause: impl ToString) -> Self {
        Self::Failed(vec![cause.to_string()])
    }

    /// The causes, a line each.
    pub fn causes(&self) -> Vec<String> {
        match self {
            Self::Failed(causes) => causes.clone(),
            Self::Usage(what) => vec![what.clone()],
            Self::Interrupted => Vec::new(),
        }
    }

    /// Did the user stop it?
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted)
    }

    /// Says the causes on stderr and yields the exit status.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Failed(causes) => {
                for cause in causes {
                    eprintln!("jawline: {cause}");
                }
                ExitCode::FAILURE
            }
            Self::Usage(what) => {
                eprintln!("jawline: {what}");
                ExitCode::from(2)
            }
            Self::Interrupted => {
                eprintln!("jawline: interrupted; nothing half-done was left behind");
                ExitCode::from(INTERRUPTED)
            }
        }
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Self {
        if error.is_cancelled() {
            Self::Interrupted
        } else {
            Self::because(error)
        }
    }
}

impl From<networks::Error> for Failure {
    fn from(error: networks::Error) -> Self {
        engine::Error::from(error).into()
    }
}

impl From<runtime::Error> for Failure {
    fn from(error: runtime::Error) -> Self {
        engine::Error::from(error).into()
    }
}

impl From<latent::Error> for Failure {
    fn from(error: latent::Error) -> Self {
        engine::Error::from(error).into()
    }
}

macro_rules! plain_failures {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::because(error)
            }
        })+
    };
}

plain_failures!(
    checkpoint::Error,
    fs::Error,
    editor::batch::Error,
    editor::batch::JournalError,
    editor::compare::Error,
    geometry::Error,
    graph::Error,
    photo::Error,
    portrait::Error,
    training::Error
);
