//! The project file: the user's choices and the codes that were found, not pixels.
//!
//! A `*.jawline` file is a zip archive with `project.json` and an `.npy` file for each latent code
//! and each boundary that was opened. Everything that an edit depends on but the photo itself is in
//! it, to the bit, so a project reopens as it was left. The photo is named by its absolute path and
//! by its path from the project, with size and SHA-256 to tell whether it is still the same.

mod archive;
mod replacing;
mod stored;
mod stored_history;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::background::Unexpected;
use super::{Document, Edits, Face, FaceId, History, NamedBoundary};
use crate::engine::FoundCode;
use crate::fs::atomic;
use crate::sha256::sha256_read;

pub(crate) use replacing::{Existing, check_replacement};
pub use replacing::{ProjectFile, Replace};

/// The file name extension of projects, without a dot.
pub const EXTENSION: &str = "jawline";
/// The version that this program writes, and the newest that it reads.
pub const VERSION: u64 = 2;

/// Why a project could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system does not give the file.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The project.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No zip archive with a `project.json` in it.
    #[error("{}: is not a Jawline project", path.display())]
    NotAProject {
        /// The file.
        path: PathBuf,
    },
    /// Larger than any project.
    #[error("{}: {part} is larger than {} MiB, more than any project holds; the file is damaged", path.display(), limit_bytes >> 20)]
    TooLarge {
        /// The project.
        path: PathBuf,
        /// The part of it.
        part: String,
        /// The limit.
        limit_bytes: u64,
    },
    /// Written by a newer program.
    #[error(
        "{}: was saved by a newer Jawline ({program}, project version {version}; this one knows \
         up to {VERSION}); update Jawline to open it",
        path.display()
    )]
    Newer {
        /// The project.
        path: PathBuf,
        /// Its version.
        version: u64,
        /// The program that wrote it.
        program: String,
    },
    /// The content makes no sense.
    #[error("{}: the project is damaged: {field} {problem}; try its backup ({}~)", path.display(), path.display())]
    Damaged {
        /// The project.
        path: PathBuf,
        /// The part that is wrong.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The photo is in none of the places that the project knows.
    #[error("the photo of {} was not found: {}; put it back there, or show where it is now", project.display(), list(tried))]
    PhotoMissing {
        /// The project.
        project: PathBuf,
        /// Where the photo was looked for.
        tried: Vec<PathBuf>,
    },
    /// The name would not be recognised as a project, or hit something else.
    #[error("{}: the name of a project must end in .{EXTENSION}", path.display())]
    Extension {
        /// The file to be written.
        path: PathBuf,
    },
    /// The file that would be replaced was written by a newer program.
    #[error(
        "{}: was saved by a newer Jawline and would lose what this one does not know; save \
         under another name",
        path.display()
    )]
    WouldReplaceNewer {
        /// The file to be written.
        path: PathBuf,
    },
    /// The file that would be replaced is not the one that the document came from.
    #[error(
        "{}: there is a file of this name already that this photo was not opened with, or that was \
         changed since; replace it, or save under another name",
        path.display()
    )]
    Exists {
        /// The file to be written.
        path: PathBuf,
    },
    /// The file that would be replaced is the project of another photo.
    #[error(
        "{}: is the project of another photo ({photo}); save under another name",
        path.display()
    )]
    OfAnotherPhoto {
        /// The file to be written.
        path: PathBuf,
        /// What the other photo is called.
        photo: String,
    },
    /// What is to be written could not be read again.
    #[error("{}: the project was not saved, since it could not be read back ({reason}); please report it", path.display())]
    Unreadable {
        /// The file to be written.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file could not be written; an older one of that name is untouched.
    #[error(transparent)]
    Write(#[from] crate::fs::Error),
    /// A thread failed.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    match paths.is_empty() {
        true => "the project names no file".to_owned(),
        false => format!("there is no {}", paths.join(" and no ")),
    }
}

/// Size and content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint {
    size_bytes: u64,
    /// In hexadecimal; a photo that nobody has had time to read through has none.
    sha256: Option<String>,
}

impl Fingerprint {
    fn of(path: &Path) -> io::Result<Self> {
        let (size_bytes, digest) = sha256_read(File::open(path)?)?;
        Ok(Self {
            size_bytes,
            sha256: Some(digest),
        })
    }
}

/// The part of a document that a project file holds.
#[derive(Debug, Clone)]
pub struct Project {
    name: String,
    photo: PhotoFile,
    file: Option<ProjectFile>,
    found: Vec<Face>,
    marked_codes: Vec<(FaceId, FoundCode)>,
    chosen: Option<FaceId>,
    boundaries: Vec<NamedBoundary>,
    history: History,
    /// Its edits are in no file that the user has saved.
    is_recovered: bool,
}

/// Where the photo was, and what it was.
#[derive(Debug, Clone)]
struct PhotoFile {
    /// Absolute; `None` for a photo that comes from no file.
    path: Option<PathBuf>,
    /// From the project's folder.
    relative: Option<PathBuf>,
    fingerprint: Arc<OnceLock<Fingerprint>>,
}

impl Project {
    /// The project of a document as it is now. Quick, for the window's thread: what is large is
    /// shared, no file is touched.
    pub fn of(document: &Document) -> Self {
        let source = document.source.as_deref();
        let edits = Arc::clone(document.edits());
        let is_marked = |id: FaceId| edits.marked.iter().any(|marked| marked.id == id);
        Self {
            name: document.name.clone(),
            photo: PhotoFile {
                path: source.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.into())),
                relative: None,
                fingerprint: Arc::clone(&document.fingerprint),
            },
            file: document.project_file.clone(),
            found: document.found.clone(),
            // The number of a mark that was undone will be given to another face.
            marked_codes: (document.marked_codes.iter())
                .filter(|(id, _)| is_marked(*id))
                .cloned()
                .collect(),
            chosen: document.chosen,
            boundaries: document.boundaries.clone(),
            history: document.history().clone(),
            is_recovered: false,
        }
    }

    /// What the photo is called in the window.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The edits, to be told as saved ([`Document::set_saved`]) once they are written.
    pub fn edits(&self) -> &Arc<Edits> {
        self.history.edits()
    }

    /// The project file that the document was opened from or last saved in.
    pub fn file(&self) -> Option<&ProjectFile> {
        self.file.as_ref()
    }

    /// Writes the project, in full or not at all, where `replace` allows it. What the document was
    /// opened from stays beside it as a backup, its name followed by `~`, through all saves of a
    /// session. Reads the photo through when that has not happened yet.
    ///
    /// # Errors
    /// [`Error::Extension`], [`Error::Exists`], [`Error::OfAnotherPhoto`],
    /// [`Error::WouldReplaceNewer`], or [`Error::Write`] with the reason; the old file is untouched
    /// then.
    pub fn write(&self, path: &Path, replace: Replace) -> Result<ProjectFile, Error> {
        if !has_extension(path) {
            return Err(Error::Extension { path: path.into() });
        }
        if let Some(photo) = &self.photo.path
            && self.photo.fingerprint.get().is_none()
            && let Ok(fingerprint) = Fingerprint::of(photo)
        {
            // A photo that is gone by now does not keep the user from saving.
            let _ = self.photo.fingerprint.set(fingerprint);
        }
        let bytes = self.to_bytes(path, None)?;
        match Existing::at(path)? {
            None => atomic::write_new(path, |file| file.write_all(&bytes))?,
            Some(existing) => {
                if check_replacement(path, &existing, self, replace)? {
                    let old = &existing.bytes;
                    atomic::write(&backup_path(path), |backup| backup.write_all(old))?;
                }
                write_bytes(path, &bytes)?;
            }
        }
        Ok(ProjectFile::just_written(path, &bytes))
    }

    /// Writes the project for the case of a crash: no backup, nothing that takes long, and readable by
    /// its owner alone, since nobody has chosen to share it.
    pub(super) fn write_for_recovery(&self, path: &Path) -> Result<(), Error> {
        let bytes = self.to_bytes(path, self.file.as_ref())?;
        Ok(atomic::write_private(path, |file| file.write_all(&bytes))?)
    }

    /// Reads a project. Nothing in it is executed or unpacked to disk, and no size that it declares is
    /// trusted.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::NotAProject`], [`Error::TooLarge`], [`Error::Newer`] or
    /// [`Error::Damaged`], each with the file's name.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::from_bytes(path, &archive::read_file(path, open(path)?)?)
    }

    /// As [`read`](Self::read), for the content of a file.
    pub(crate) fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let project = stored::read(path, io::Cursor::new(bytes))?;
        Ok(Self {
            // Who opens a backup decides where to save.
            file: has_extension(path).then(|| ProjectFile::just_read(path, bytes)),
            ..project
        })
    }

    /// As [`read`](Self::read), for a file that was kept for the case of a crash.
    pub(super) fn read_recovered(path: &Path) -> Result<Self, Error> {
        Ok(stored::read(path, open(path)?)?.recovered())
    }

    /// The same, as work that a crash has left.
    pub(crate) fn recovered(self) -> Self {
        Self {
            is_recovered: true,
            ..self
        }
    }

    /// The photo's file, as far as there is one.
    #[cfg(test)]
    pub(crate) fn photo_path(&self) -> Option<&Path> {
        self.photo.path.as_deref()
    }

    /// The document of the photo in this file, ready to go on with. Recovered edits are unsaved.
    pub fn document(self, photo: Option<PathBuf>) -> Document {
        let mut document = Document::with_history(photo, self.name, self.history);
        document.fingerprint = self.photo.fingerprint;
        document.found = self.found;
        document.marked_codes = self.marked_codes;
        document.boundaries = self.boundaries;
        document.project_file = self.file;
        document.chosen = self.chosen;
        if self.is_recovered {
            document.set_unsaved();
        }
        document
    }

    /// Where the photo is: where it was, else at the same place from the project on. Of two, the one
    /// of the right size is taken.
    ///
    /// # Errors
    /// [`Error::PhotoMissing`].
    pub fn find_photo(&self, project_path: &Path) -> Result<PathBuf, Error> {
        let folder = project_path.parent().unwrap_or(Path::new(""));
        let beside = self.photo.relative.as_ref().map(|path| folder.join(path));
        let tried: Vec<PathBuf> = self.photo.path.iter().cloned().chain(beside).collect();
        let size_of = |path: &PathBuf| {
            let metadata = fs::metadata(path).ok()?;
            metadata.is_file().then_some(metadata.len())
        };
        let right_size = self.photo.fingerprint.get().map(|print| print.size_bytes);
        let found = tried.iter().filter_map(|path| Some((path, size_of(path)?)));
        // The first of the best.
        match found.min_by_key(|(_, size)| Some(*size) != right_size) {
            Some((path, _)) => Ok(path.clone()),
            None => Err(Error::PhotoMissing {
                project: project_path.into(),
                tried,
            }),
        }
    }

    /// Whether this is known to be the photo that was edited, wherever it is. Reads it through.
    pub(super) fn has_content_of(&self, photo: &Path) -> bool {
        let known = self.photo.fingerprint.get();
        known.is_some_and(|known| Fingerprint::of(photo).is_ok_and(|now| now == *known))
    }

    /// Whether the photo's file is another than the one that was edited. Reads it through.
    pub fn photo_has_changed(&self, photo: &Path) -> bool {
        let Some(known) = self.photo.fingerprint.get() else {
            return false;
        };
        match (fs::metadata(photo), &known.sha256) {
            (Ok(metadata), _) if metadata.len() != known.size_bytes => true,
            (Ok(_), Some(_)) => Fingerprint::of(photo).is_ok_and(|now| now != *known),
            (Ok(_), None) => false,
            (Err(_), _) => true,
        }
    }

    /// The whole file. It is read back before anything relies on it.
    pub(crate) fn to_bytes(
        &self,
        path: &Path,
        saved_in: Option<&ProjectFile>,
    ) -> Result<Vec<u8>, Error> {
        let unreadable = |reason: String| Error::Unreadable {
            path: path.into(),
            reason,
        };
        let bytes = stored::to_bytes(self, path, saved_in).map_err(unreadable)?;
        stored::read(path, io::Cursor::new(&bytes)).map_err(|e| unreadable(e.to_string()))?;
        Ok(bytes)
    }
}

/// Opens an ordinary file; reading a device or a pipe might never end.
fn open(path: &Path) -> Result<File, Error> {
    let read_error = |source| Error::Read {
        path: path.into(),
        source,
    };
    let metadata = fs::metadata(path).map_err(read_error)?;
    if !metadata.is_file() {
        return Err(Error::NotAProject { path: path.into() });
    }
    File::open(path).map_err(read_error)
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    Ok(atomic::write(path, |file| file.write_all(bytes))?)
}

/// Whether a file's name ends as that of a project, or of its backup.
pub fn is_project(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    has_extension(Path::new(name.trim_end_matches('~')))
}

fn has_extension(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(EXTENSION))
}

/// The project file beside a photo, where a project is saved unless its owner says otherwise.
pub fn path_beside(photo: &Path) -> PathBuf {
    let mut name = photo.as_os_str().to_owned();
    name.push(".");
    name.push(EXTENSION);
    name.into()
}

/// The backup's name.
fn backup_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("~");
    name.into()
}

#[cfg(test)]
mod old_tests;
#[cfg(test)]
mod tests;
