//! ONNX Runtime: find and load it, choose an execution provider, run sessions.
//!
//! This room is the only user of [`ort`]. Everything above sees a [`Runtime`] that makes
//! [`Session`]s, and plain [`ndarray`] arrays.
//!
//! Two promises are kept here. What is missing is said, with the command that mends it: the library
//! is looked for on disk before it is loaded, because loading an absent one can hang. And the
//! execution provider that is reported is the one that runs: a provider that was asked for and is
//! not there is an error, never a silent run on the CPU.

mod cancel;
mod library;
mod provider;
mod session;

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;

pub use cancel::CancelToken;
pub use library::{Found, RUNTIME_FOLDER, find_library};
pub use provider::{Provider, ProviderChoice};
pub use session::{Constants, DeviceValues, Outputs, Session};

/// The least version of ONNX Runtime that the program accepts.
pub const LEAST_VERSION: &str = "1.24";

/// What can go wrong between the program and ONNX Runtime.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No library was found at any of the places.
    #[error(
        "ONNX Runtime is not installed (looked at: {}). Run `jawline networks install`, or set \
         ORT_DYLIB_PATH to the path of libonnxruntime",
        looked_at.join(", ")
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
        "the execution provider {provider} cannot run here: {reason}. Use --provider cpu to run on the CPU"
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
        tracing::info!(library = %library.path.display(), %provider, "ONNX Runtime loaded");
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

/// The process's one library and environment: ONNX Runtime allows no second. A failure is not kept,
/// so that the library can be installed and loaded without a restart.
fn environment() -> Result<(&'static Found, &'static Environment), Error> {
    static LOADED: OnceLock<(Found, Environment)> = OnceLock::new();
    static LOADING: Mutex<()> = Mutex::new(());
    let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if LOADED.get().is_none() {
        let library = find_library()?;
        let unusable = |reason: String| Error::LibraryUnusable {
            path: library.path.clone(),
            reason,
        };
        let environment = ort::init_from(&library.path)
            .map_err(|error| unusable(error.to_string()))?
            .with_name("jawline")
            .with_telemetry(false)
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        let _ = LOADED.set((library, environment));
    }
    LOADED
        .get()
        .map(|(library, environment)| (library, environment))
        .ok_or_else(|| Error::LibraryMissing {
            looked_at: Vec::new(),
        })
}
