//! What can go wrong in the engine.

use crate::{latent, networks, portrait, runtime};

/// What can go wrong in a job.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Networks are missing, damaged, or failed.
    #[error(transparent)]
    Networks(#[from] networks::Error),
    /// ONNX Runtime is missing or failed.
    #[error(transparent)]
    Runtime(#[from] runtime::Error),
    /// A code, a boundary or the inversion.
    #[error(transparent)]
    Latent(#[from] latent::Error),
    /// Pixels and geometry.
    #[error(transparent)]
    Portrait(#[from] portrait::Error),
    /// No face was found in the photo.
    #[error(
        "no face was found in {photo}. Jawline needs a face of at least {least_px} px that looks towards the camera"
    )]
    NoFace {
        /// The photo.
        photo: String,
        /// The least side of a face's box, in pixels.
        least_px: u32,
    },
    /// A face is to be moved by its neck field, which nobody has computed.
    #[error("this face has no neck field; align it again")]
    NoField,
    /// The job was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The engine thread is gone, or a job of it panicked.
    #[error("an internal error ended the work '{job}' ({detail}); please report it")]
    Internal {
        /// The job's name.
        job: String,
        /// The panic's message.
        detail: String,
    },
}

impl Error {
    /// The job of this name was asked for a step after its end.
    pub(super) fn over(job: String) -> Self {
        Self::Internal {
            job,
            detail: "it was asked to go on after its end".to_owned(),
        }
    }

    /// Is this something that installing ONNX Runtime and the networks mends?
    pub fn is_missing_parts(&self) -> bool {
        matches!(
            self,
            Self::Networks(
                networks::Error::PackMissing { .. }
                    | networks::Error::NotKnown { .. }
                    | networks::Error::Runtime(runtime::Error::LibraryMissing { .. })
            ) | Self::Runtime(runtime::Error::LibraryMissing { .. })
        )
    }

    /// Is this only the echo of a cancellation?
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Cancelled
                | Self::Runtime(runtime::Error::Cancelled)
                | Self::Networks(
                    networks::Error::Cancelled
                        | networks::Error::Runtime(runtime::Error::Cancelled)
                )
                | Self::Latent(
                    latent::Error::Runtime(runtime::Error::Cancelled)
                        | latent::Error::Network(networks::Error::Runtime(
                            runtime::Error::Cancelled
                        ))
                )
        )
    }
}
