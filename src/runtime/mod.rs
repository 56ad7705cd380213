//! ONNX Runtime: find and load it, choose an execution provider, run sessions.
//!
//! This room is the only user of [`ort`]. Everything above sees a [`Runtime`] that makes
//! [`Session`]s, and plain [`ndarray`] arrays.
//!
//! Three promises are kept here. Native code is loaded only if Jawline knows its SHA-256 or the user has
//! named it, and what was hashed is what is loaded. What is missing is said, with the command that mends it: the library
//! is looked for on disk before it is loaded, because loading an absent one can hang. And the
//! execution provider that is reported is the one that runs: a provider that was asked for and is
//! not there is an error, never a silent run on the CPU.
//!
//! ```no_run
//! use jawline::runtime::{ProviderChoice, Runtime};
//!
//! let runtime = Runtime::load(ProviderChoice::Auto, 0)?;
//! println!("{} on {}", runtime.build_info(), runtime.provider());
//! # Ok::<(), jawline::runtime::Error>(())
//! ```

#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod cancel;
mod checked;
mod known;
mod library;
mod provider;
mod session;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;

pub use cancel::CancelToken;
pub use known::KnownLibrary;
pub use library::{Found, RUNTIME_FOLDER, Trust, find_library, library_of_python};
pub use provider::{Provider, ProviderChoice};
pub use session::{Constants, DeviceValues, Outputs, Session};

use checked::CheckedCopy;
use library::Located;

use crate::data_dir::data_dir;

/// The least version of ONNX Runtime that the program accepts.
pub const LEAST_VERSION: &str = "1.24";

/// What can go wrong between the program and ONNX Runtime.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No library was found at any of the places.
    #[error(
        "ONNX Runtime is not installed (looked at: {}). Run `jawline networks install`, or set \
         ORT_DYLIB_PATH to the path of a libonnxruntime that you trust",
        looked_at.join("; ")
    )]
    LibraryMissing {
        /// Every place that was looked at, in order.
        looked_at: Vec<String>,
    },
    /// The library is there and cannot be used.
    #[error(
        "ONNX Runtime at {path} cannot be loaded: {reason}. Jawline needs version {LEAST_VERSION} or \
         newer: run `jawline networks install`, or set ORT_DYLIB_PATH to another library"
    )]
    LibraryUnusable {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// The execution provider that was asked for cannot run here.
    #[error(
        "the execution provider {provider} cannot run here: {reason}. Use --provider cpu to run on the CPU, or let ORT_DYLIB_PATH name a library built for it"
    )]
    ProviderUnavailable {
        /// The provider that was asked for.
        provider: ProviderChoice,
        /// What is missing, as the runtime said it.
        reason: String,
    },
    /// A network was refused by ONNX Runtime.
    #[error("ONNX Runtime cannot load the network '{network}': {reason}")]
    Network {
        /// The network's name.
        network: String,
        /// What the runtime said.
        reason: String,
    },
    /// A session failed while running.
    #[error("ONNX Runtime failed while running '{network}': {reason}")]
    Run {
        /// The network's name.
        network: String,
        /// What the runtime said.
        reason: String,
    },
    /// A value of the wrong shape was handed to a session, or is missing from its outputs.
    #[error("the network '{network}' has no {what}")]
    Interface {
        /// The network's name.
        network: String,
        /// The input or output in question.
        what: String,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// A loaded ONNX Runtime with the execution provider that its sessions run on.
pub struct Runtime {
    environment: &'static Environment,
    library: &'static Found,
    provider: Provider,
    threads: usize,
}

impl Runtime {
    /// Finds and loads ONNX Runtime and settles the execution provider.
    ///
    /// `threads` is the number of CPU threads a session uses; 0 means one for each core.
    ///
    /// # Errors
    /// [`Error::LibraryMissing`], [`Error::LibraryUnusable`], or [`Error::ProviderUnavailable`] when
    /// `choice` names a provider that does not start here.
    pub fn load(choice: ProviderChoice, threads: usize) -> Result<Self, Error> {
        let (library, environment) = environment()?;
        let provider = provider::settle(environment, choice)?;
        let trust = library.trust;
        tracing::info!(library = %library.path.display(), %trust, %provider, "ONNX Runtime loaded");
        Ok(Self {
            environment,
            library,
            provider,
            threads,
        })
    }

    /// The library in use and how it was found.
    pub fn library(&self) -> &Found {
        self.library
    }

    /// What the library says of its own build: branch, commit, flags.
    pub fn build_info(&self) -> &'static str {
        ort::info()
    }

    /// The execution provider that the sessions of this runtime really run on.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Makes a session from the bytes of an ONNX model. `network` names it in messages.
    ///
    /// # Errors
    /// [`Error::Network`] when ONNX Runtime refuses the model.
    pub fn session(&self, network: &str, onnx: &[u8]) -> Result<Session, Error> {
        Session::new(self, network, onnx)
    }
}

/// What the process has loaded.
struct Loaded {
    library: Found,
    environment: Environment,
    _copy: Option<CheckedCopy>,
}

/// The process's one library and environment: ONNX Runtime allows no second. A failure is not kept,
/// so that the library can be installed and loaded without a restart.
fn environment() -> Result<(&'static Found, &'static Environment), Error> {
    static LOADED: OnceLock<Loaded> = OnceLock::new();
    static LOADING: Mutex<()> = Mutex::new(());
    let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if LOADED.get().is_none() {
        let _ = LOADED.set(load_library()?);
    }
    LOADED
        .get()
        .map(|loaded| (&loaded.library, &loaded.environment))
        .ok_or_else(|| Error::LibraryMissing {
            looked_at: Vec::new(),
        })
}

fn load_library() -> Result<Loaded, Error> {
    let Located { found, bytes } = library::locate()?;
    let started = match bytes {
        // A library that the user has chosen is loaded from its own folder: one for GPUs looks for its
        // other parts there.
        None => start(&found.path).map(|environment| (environment, None)),
        Some(bytes) => {
            start_checked(&bytes, &found.path).map(|(environment, copy)| (environment, Some(copy)))
        }
    };
    match started {
        Ok((environment, copy)) => Ok(Loaded {
            library: found,
            environment,
            _copy: copy,
        }),
        Err(reason) => Err(Error::LibraryUnusable {
            path: found.path,
            reason,
        }),
    }
}

/// Loads a library from bytes that were checked, so that a file that changes meanwhile changes nothing.
fn start_checked(bytes: &[u8], path: &Path) -> Result<(Environment, CheckedCopy), String> {
    let in_memory = CheckedCopy::sealed(bytes)
        .map_err(|error| error.to_string())
        .and_then(|copy| Ok((start(copy.path())?, copy)));
    in_memory.or_else(|reason| {
        tracing::debug!(%reason, "the library is not loaded from memory but from a private folder");
        let name = path.file_name().unwrap_or_default();
        let parent = data_dir().filter(|folder| folder.is_dir());
        let copy = CheckedCopy::in_folder(bytes, name, &parent.unwrap_or_else(env::temp_dir))
            .map_err(|error| error.to_string())?;
        Ok((start(copy.path())?, copy))
    })
}

fn start(path: &Path) -> Result<Environment, String> {
    ort::init_from(path)
        .map_err(|error| error.to_string())?
        .with_name("jawline")
        .with_telemetry(false)
        .build()
        .map_err(|error| error.to_string())
}
