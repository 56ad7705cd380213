//! Which project file may take the place of which: a project is written only for its own photo, and
//! what the user has not seen is replaced only with their leave.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Error, PhotoFile, Project, archive, stored};

/// The project file that holds a document, as this program last read or wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it held then: its SHA-256.
    pub(super) sha256: [u8; 32],
    /// It was written since the document was opened, so that its backup holds what was there before.
    pub(super) is_of_this_session: bool,
}

impl ProjectFile {
    pub(crate) fn just_read(path: &Path, bytes: &[u8]) -> Self {
        Self {
            path: path.into(),
            sha256: Sha256::digest(bytes).into(),
            is_of_this_session: false,
        }
    }

    pub(crate) fn just_written(path: &Path, bytes: &[u8]) -> Self {
        Self {
            is_of_this_session: true,
            ..Self::just_read(path, bytes)
        }
    }
}

/// What a save may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// Only the file that the document was read from or last written to, if it is still the same.
    Own,
    /// Any file but the project of another photo: the user has agreed.
    Agreed,
}

/// What is there where a project is to be written.
pub(crate) struct Existing {
    pub bytes: Vec<u8>,
    sha256: [u8; 32],
    content: Result<Box<Project>, Error>,
}

impl Existing {
    /// Reads it; `None` when there is nothing.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::NotAProject`] for what is no file, [`Error::TooLarge`].
    pub fn at(path: &Path) -> Result<Option<Self>, Error> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => Ok(Some(Self::of(
                path,
                archive::read_file(path, super::open(path)?)?,
            ))),
        }
    }

    /// The same for bytes that were read already.
    pub fn of(path: &Path, bytes: Vec<u8>) -> Self {
        Self {
            sha256: Sha256::digest(&bytes).into(),
            content: stored::read(path, io::Cursor::new(&bytes)).map(Box::new),
            bytes,
        }
    }
}

/// May `project` take the place of what is at `path`? If so: does that become the backup?
///
/// # Errors
/// [`Error::WouldReplaceNewer`], [`Error::OfAnotherPhoto`], [`Error::Exists`].
pub(crate) fn check_replacement(
    path: &Path,
    existing: &Existing,
    project: &Project,
    replace: Replace,
) -> Result<bool, Error> {
    if let Err(Error::Newer { .. }) = &existing.content {
        return Err(Error::WouldReplaceNewer { path: path.into() });
    }
    let own =
        (project.file.as_ref()).filter(|file| file.path == path && file.sha256 == existing.sha256);
    if let Some(file) = own {
        return Ok(!file.is_of_this_session);
    }
    if let Ok(other) = &existing.content
        && !is_same_photo(&other.photo, &project.photo)
    {
        return Err(Error::OfAnotherPhoto {
            path: path.into(),
            photo: other.name.clone(),
        });
    }
    match replace {
        Replace::Own => Err(Error::Exists { path: path.into() }),
        Replace::Agreed => Ok(true),
    }
}

/// The same file, or the same content.
fn is_same_photo(a: &PhotoFile, b: &PhotoFile) -> bool {
    let is_same_file = a.path.is_some() && a.path == b.path;
    let sha256 = |photo: &PhotoFile| photo.fingerprint.get()?.sha256.clone();
    is_same_file || sha256(a).is_some_and(|digest| sha256(b) == Some(digest))
}
