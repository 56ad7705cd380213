//! Typed networks over sessions, and the network pack that holds them.
//!
//! Nothing above this room knows a tensor's name or a file's layout.

pub mod detector;
mod generator;
pub mod landmarks;
pub mod pack;
mod reduced;
pub mod source;
mod whitening;

use std::io;
use std::path::PathBuf;

pub use detector::FaceDetector;
pub use generator::{Generator, gaussian_latents};
pub use landmarks::LandmarkModel;
pub use pack::{GeneratorSpec, Pack, Role};
pub use source::GeneratorNetworks;
pub use whitening::{LEAKY_SLOPE, Whitening};

use crate::{architectures, checkpoint, graph, runtime};

/// Components of a latent code of one style layer in the published generators, and of the Gaussian
/// latent it comes from. A generator's own number is in its [`GeneratorSpec`].
pub const CODE_SIZE: usize = 512;

/// What can go wrong with networks and packs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no place to install anything.
    #[error(
        "this system names no home directory; set JAWLINE_DATA_DIR to a folder for Jawline's data"
    )]
    NoDataDir,
    /// A pack is not installed.
    #[error("the network pack '{name}' is not installed; run `jawline networks install`")]
    PackMissing {
        /// The pack.
        name: String,
    },
    /// A pack's manifest is damaged.
    #[error(
        "the manifest {path} cannot be used: {reason}. Run `jawline networks install` to make the pack anew"
    )]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A pack lacks a network.
    #[error("the pack '{pack}' has no {role}; run `jawline networks install` to complete it")]
    RoleMissing {
        /// The pack.
        pack: String,
        /// What is missing.
        role: Role,
    },
    /// A file holds no generator.
    #[error("{path} holds no generator that can be used: {reason}")]
    NotAGenerator {
        /// The file.
        path: PathBuf,
        /// What is different.
        reason: String,
    },
    /// There is no mapping network.
    #[error(
        "this generator is a synthesis network alone and cannot map Gaussian latents; give it codes instead"
    )]
    NoMapping,
    /// A file changed since it was installed.
    #[error(
        "{path} is damaged or was changed since it was installed; run `jawline networks install` to make the pack '{pack}' anew"
    )]
    Tampered {
        /// The file.
        path: PathBuf,
        /// Its pack.
        pack: String,
    },
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("{path} cannot be written: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A package could not be fetched.
    #[error(
        "the package {package} {version} cannot be fetched: {reason}. Is python3 with pip installed, and is there a network? Run the command again to continue"
    )]
    Fetch {
        /// The package.
        package: String,
        /// Its version.
        version: String,
        /// pip's last words.
        reason: String,
    },
    /// A fetched package is not the one that was pinned.
    #[error(
        "the package {package} {version} that was fetched is not the one Jawline knows (its SHA-256 differs); it was deleted"
    )]
    WrongHash {
        /// The package.
        package: String,
        /// Its version.
        version: String,
    },
    /// A package archive is damaged or lacks a file.
    #[error("the package archive {path} cannot be used: {reason}")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// ONNX Runtime is not packaged for this machine.
    #[error(
        "there is no ONNX Runtime package for this system; install the library yourself and set ORT_DYLIB_PATH to it"
    )]
    NoRuntimePackage,
    /// A network's arrays have unexpected shapes.
    #[error("the {role} of the pack has the shape {shape:?}; expected {expected}")]
    Shape {
        /// Which network or array.
        role: Role,
        /// What was found.
        shape: Vec<usize>,
        /// What was expected.
        expected: String,
    },
    /// The work was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The face detector failed.
    #[error(transparent)]
    Detector(#[from] detector::Error),
    /// A face has no landmarks that can be trusted.
    #[error(transparent)]
    Landmarks(#[from] landmarks::Error),
    /// A weight file cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// A network cannot be built.
    #[error(transparent)]
    Architecture(#[from] architectures::Error),
    /// A graph cannot be read or written.
    #[error(transparent)]
    Graph(#[from] graph::Error),
    /// ONNX Runtime failed.
    #[error(transparent)]
    Runtime(#[from] runtime::Error),
}
