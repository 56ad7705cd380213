use std::io;
use std::path::{Path, PathBuf};

/// Why a file could not be written. What was there before is untouched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It would replace a file that may not be replaced.
    #[error("{}: the file exists already; choose another name or allow it to be replaced", path.display())]
    Exists {
        /// The file to be written.
        path: PathBuf,
    },
    /// The name is that of a folder or a device.
    #[error("{}: is not an ordinary file, so it cannot be replaced", path.display())]
    NotAFile {
        /// The file to be written.
        path: PathBuf,
    },
    /// Its folder does not exist.
    #[error("{}: its folder does not exist; create it first", path.display())]
    NoFolder {
        /// The file to be written.
        path: PathBuf,
    },
    /// The user may not write in the folder.
    #[error("{}: permission to write in its folder is denied", path.display())]
    WriteDenied {
        /// The file to be written.
        path: PathBuf,
    },
    /// No space left.
    #[error("{}: the disk is full; nothing was written", path.display())]
    DiskFull {
        /// The file to be written.
        path: PathBuf,
    },
    /// Any other failure to write.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file to be written.
        path: PathBuf,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// What `source` means for a writer of `path`.
    pub fn writing(path: &Path, source: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let path = path.to_owned();
        match source.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Self::NoFolder { path },
            Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
                Self::WriteDenied { path }
            }
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                Self::DiskFull { path }
            }
            Some(io::ErrorKind::AlreadyExists) => Self::Exists { path },
            _ => Self::Write { path, source },
        }
    }
}
