//! Typed networks over sessions, and the network pack that holds them.
//!
//! Nothing above this room knows a tensor's name or a file's layout.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use jawline::networks::recognise;
//!
//! // What a file holds is detected from its content, whatever it is called.
//! let (network, _) = recognise::read(Path::new("download.bin"))?;
//! println!("{}", network.kind().word());
//! # Ok::<(), jawline::networks::Error>(())
//! ```

mod chin_meter;
pub mod detector;
mod forms;
mod generator;
pub mod install;
pub mod landmarks;
mod named;
mod neck_field;
pub mod pack;
mod parser;
mod perceptual;
pub mod recognise;
mod reduced;
mod scorer;
pub mod source;
mod whitening;

use std::io;
use std::path::PathBuf;

pub use chin_meter::{ChinMeter, ChinReading};
pub use detector::FaceDetector;
pub use generator::{
    Drawn, Generator, Noise, PREVIEW_RESOLUTIONS_PX, Stages, SynthesisRun, gaussian_latents,
};
pub use landmarks::LandmarkModel;
pub use named::{ChannelOrder, NetworkSource};
pub use neck_field::{FieldOutputs, NeckFieldNetwork};
pub use pack::{GeneratorSpec, Pack, Role};
pub use parser::{FaceParser, Parsing};
pub use perceptual::Perceptual;
pub use recognise::Network;
pub use scorer::{ChinScore, ChinScorer};
pub use source::{GeneratorNetworks, SynthesisValues};
pub use whitening::{LEAKY_SLOPE, Whitening};

pub use crate::architectures::resnext::BatchNorm;
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
    #[error(
        "the network pack '{name}' is not installed; {}",
        remedy::for_missing_pack(name)
    )]
    PackMissing {
        /// The pack.
        name: String,
    },
    /// A pack's manifest is damaged.
    #[error(
        "the manifest {path} cannot be used: {reason}. Run `jawline networks install` to install the community pack again; remove a pack of your own with `jawline networks remove` and import its files again"
    )]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A pack lacks a network.
    #[error("the pack '{pack}' has no {role}; {}", remedy::for_missing_role(*role))]
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
    /// Nothing in a file is known.
    #[error("{path} is no network that can be used: {reason}")]
    UnknownNetwork {
        /// The file.
        path: PathBuf,
        /// What is in it instead.
        reason: String,
    },
    /// A file holds a network for something else.
    #[error("{path} holds a {found}, not a {expected}; choose another file")]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: recognise::Kind,
        /// What was asked for.
        expected: recognise::Kind,
    },
    /// The network in a file is not whole.
    #[error("{path} cannot be used: {source}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with the network.
        source: Box<Error>,
    },
    /// An ONNX file has its batch normalisations folded in.
    #[error(
        "{path} has stored statistics only; give the checkpoint itself to use the picture's own (per-image)"
    )]
    NoPerImageStatistics {
        /// The file.
        path: PathBuf,
    },
    /// Networks cannot be imported into a pack of this name.
    #[error("'{name}' cannot be the name of a pack of imported networks: {reason}")]
    PackName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two files of one import hold the same kind of network.
    #[error("{first} and {second} are both a {kind}; a pack holds one, so nothing was imported")]
    SameKind {
        /// What both are.
        kind: recognise::Kind,
        /// A file.
        first: PathBuf,
        /// Another file.
        second: PathBuf,
    },
    /// There is no mapping network.
    #[error(
        "this generator is a synthesis network alone and cannot map Gaussian latents; give it codes instead"
    )]
    NoMapping,
    /// A file changed since it was installed.
    #[error(
        "{path} is damaged or was changed since it was installed; {}",
        remedy::for_damaged_pack(pack)
    )]
    Tampered {
        /// The file.
        path: PathBuf,
        /// Its pack.
        pack: String,
    },
    /// A file of the community pack is not the one that this program installs.
    #[error(
        "{path} is not the network that this version of Jawline installs; run `jawline networks install` to install the pack 'community' again"
    )]
    NotKnown {
        /// The file.
        path: PathBuf,
    },
    /// A file that was just written holds something else.
    #[error("{path} does not hold what was written to it; is the disk full or failing?")]
    NotAsWritten {
        /// The file.
        path: PathBuf,
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
        "the package {package} {version} cannot be fetched: {reason}. Run the installation again to continue it"
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
    /// Noise maps of another generator.
    #[error(
        "the noise maps do not fit the generator: {found} maps for {expected} convolutions{}",
        first_wrong.map_or_else(String::new, |index| format!(", and map {index} has another size"))
    )]
    NoiseMaps {
        /// How many maps there are.
        found: usize,
        /// How many the generator takes.
        expected: usize,
        /// The first map of another size.
        first_wrong: Option<usize>,
    },
    /// The system is out of threads.
    #[error("the system gives no thread to convert a network on: {0}; close other programs")]
    NoThread(io::Error),
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

/// What to do next, in the messages of [`Error`].
mod remedy {
    use super::Role;
    use crate::networks::pack::COMMUNITY;

    pub(super) fn for_missing_pack(name: &str) -> String {
        if name == COMMUNITY {
            "run `jawline networks install`".to_owned()
        } else {
            "`jawline networks list` shows those that are".to_owned()
        }
    }

    pub(super) fn for_missing_role(role: Role) -> String {
        match role {
            Role::Parser | Role::Scorer | Role::ScorerPerImage => {
                "bring in one of your own with `jawline networks import`".to_owned()
            }
            _ => "run `jawline networks install` to complete it".to_owned(),
        }
    }

    pub(super) fn for_damaged_pack(name: &str) -> String {
        if name == COMMUNITY {
            format!("run `jawline networks install` to install the pack '{name}' again")
        } else {
            format!("import the network into the pack '{name}' again")
        }
    }
}
