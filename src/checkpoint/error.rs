use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with a weight file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system could not open or read the file.
    #[error("cannot read {}: {source}; check that the file exists and that you may open it", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The file is longer than any file of its kind.
    #[error(
        "{} is larger than {} MiB, more than any file of this kind; check that it is the right file",
        path.display(), limit_bytes >> 20
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The largest accepted length.
        limit_bytes: u64,
    },
    /// The file ends inside a field.
    #[error("{} ends inside {field}; it is probably an incomplete download: fetch it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where the end came.
        field: String,
    },
    /// The file contradicts its format.
    #[error(
        "{} is damaged or not the expected kind of file: {field} {problem}; fetch it again or choose another file",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The part that is wrong.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The file may be sound, but uses a part of its format that no supported network needs.
    #[error("{} cannot be used: {field} {problem}, which is not supported", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The part concerned.
        field: String,
        /// What it asks for.
        problem: String,
    },
    /// A pickle refers to a Python object that no weight file needs.
    #[error(
        "{} refers to the Python object `{global}`, which a file of weights has no need of; \
         it was refused and nothing in it was run. Use it only if you trust its source, and save its \
         state dict alone",
        path.display()
    )]
    RefusedGlobal {
        /// The file.
        path: PathBuf,
        /// Module and name.
        global: String,
    },
    /// A tensor that the network needs is not in the file.
    #[error("the tensor `{name}` is missing; check that the file holds the right network")]
    MissingTensor {
        /// The tensor's full name.
        name: String,
    },
    /// A tensor has another shape than the network needs.
    #[error(
        "the tensor `{name}` has the shape {found:?}, expected {expected}; check that the file holds the right network"
    )]
    WrongShape {
        /// The tensor's full name.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape that the network needs, `?` where any length will do.
        expected: String,
    },
}

impl Error {
    pub(super) fn truncated(path: &Path, field: impl Into<String>) -> Self {
        Self::Truncated {
            path: path.to_owned(),
            field: field.into(),
        }
    }

    pub(super) fn malformed(
        path: &Path,
        field: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            field: field.into(),
            problem: problem.into(),
        }
    }

    pub(super) fn unsupported(
        path: &Path,
        field: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self::Unsupported {
            path: path.to_owned(),
            field: field.into(),
            problem: problem.into(),
        }
    }
}
