//! Opening a photo or a project without holding up the window.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::background::Unexpected;
use super::batch::{JournalError, Noted};
use super::project::{self, Project};
use crate::photo::{self, Limits, Photo};

/// Why nothing was opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder was dropped.
    #[error("{}: is a folder; open or drop the photos in it instead", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A device or a pipe.
    #[error("{}: is not an ordinary file", path.display())]
    NotAFile {
        /// What was asked for.
        path: PathBuf,
    },
    /// A file without content.
    #[error("{}: the file is empty; copy it again from where it came", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The photo itself.
    #[error(transparent)]
    Photo(#[from] photo::Error),
    /// The project itself, or that its photo was not found ([`project::Error::PhotoMissing`]).
    #[error(transparent)]
    Project(#[from] project::Error),
    /// What the queue does cannot be noted.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The thread failed.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

/// What a file led to.
#[derive(Debug)]
pub struct Loaded {
    /// The project that was opened. Its work is there even if its photo is not.
    pub project: Option<Box<Project>>,
    /// The photo, or why it could not be loaded.
    pub photo: Result<LoadedPhoto, Error>,
    /// A project that lies beside a photo which was opened without it.
    pub beside: Option<PathBuf>,
}

/// Pixels, and where they are from.
#[derive(Debug)]
pub struct LoadedPhoto {
    /// The photo.
    pub photo: Arc<Photo>,
    /// The photo's file.
    pub path: PathBuf,
    /// The same as the system knows it, whatever path led there.
    pub identity: PathBuf,
    /// What its owner should know, one sentence each.
    pub warnings: Vec<String>,
}

/// What is loaded, and where it is from.
#[derive(Debug)]
pub enum Source {
    /// A photo or a project, detected from its content.
    File(PathBuf),
    /// A photo of the queue.
    Queued(Noted),
    /// The photo of a document that is open already.
    Photo {
        /// The photo's file; `None` looks where the document's project says.
        path: Option<PathBuf>,
        /// The document, to tell whether it is still that photo.
        of: Box<Project>,
    },
    /// An autosave.
    Autosave(PathBuf),
}

/// Loads it on this thread, which may take a second.
///
/// # Errors
/// In plain words, with the file's name, when neither a photo nor a project is there.
pub fn load(source: Source) -> Result<Loaded, Error> {
    match source {
        Source::File(path) => load_file(path),
        Source::Queued(noted) => {
            noted.begin()?;
            load_file(noted.source().to_owned())
        }
        Source::Photo { path, of } => {
            let project_path = of.file().map_or(Path::new(""), |file| &file.path);
            let found = path.map_or_else(|| of.find_photo(project_path), Ok);
            Ok(Loaded {
                photo: found
                    .map_err(Error::from)
                    .and_then(|path| load_photo(path, Some(&of))),
                project: None,
                beside: None,
            })
        }
        Source::Autosave(path) => Ok(load_project(Project::read_recovered(&path)?, &path)),
    }
}

/// The extensions of files that can be opened, without dots, for dialogs.
pub const EXTENSIONS: &[&str] = &[
    "jpg",
    "jpeg",
    "png",
    "tif",
    "tiff",
    "webp",
    "bmp",
    #[cfg(feature = "heif")]
    "heic",
    #[cfg(feature = "heif")]
    "heif",
    #[cfg(feature = "heif")]
    "hif",
    #[cfg(feature = "heif")]
    "avif",
    project::EXTENSION,
];

fn load_file(path: PathBuf) -> Result<Loaded, Error> {
    check_kind(&path)?;
    if is_archive(&path) || project::is_project(&path) {
        return Ok(load_project(Project::read(&path)?, &path));
    }
    let beside = project::path_beside(&path);
    let is_offered = beside.is_file() && is_of_photo(&beside, &path);
    Ok(Loaded {
        project: None,
        photo: Ok(load_photo(path, None)?),
        beside: is_offered.then_some(beside),
    })
}

/// Is the project there that of this photo? One that can't be read may be.
fn is_of_photo(project_path: &Path, photo: &Path) -> bool {
    let Ok(project) = Project::read(project_path) else {
        return true;
    };
    let is_found_there =
        (project.find_photo(project_path)).is_ok_and(|found| crate::fs::same_file(&found, photo));
    is_found_there || project.has_content_of(photo)
}

fn load_project(project: Project, path: &Path) -> Loaded {
    let found = project.find_photo(path).map_err(Error::from);
    Loaded {
        photo: found.and_then(|photo| load_photo(photo, Some(&project))),
        project: Some(Box::new(project)),
        beside: None,
    }
}

fn load_photo(path: PathBuf, of: Option<&Project>) -> Result<LoadedPhoto, Error> {
    check_kind(&path)?;
    let photo = Photo::load(&path, &Limits::default())?;
    let name = path.file_name().unwrap_or_default().display();
    let warnings = photo.warnings().iter();
    let mut warnings: Vec<String> = warnings
        .map(|warning| format!("{name}: {warning}"))
        .collect();
    if of.is_some_and(|project| project.photo_has_changed(&path)) {
        warnings.push(format!(
            "{}: the photo is not the one that was edited (it was changed or replaced since), so \
             faces and masks may lie beside it; look closely",
            path.display()
        ));
    }
    Ok(LoadedPhoto {
        photo: Arc::new(photo),
        identity: fs::canonicalize(&path).unwrap_or_else(|_| path.clone()),
        path,
        warnings,
    })
}

/// Refuses what no photo can be read from; a missing file is left to the loader, which says so.
fn check_kind(path: &Path) -> Result<(), Error> {
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    let path = path.to_owned();
    if metadata.is_dir() {
        Err(Error::Folder { path })
    } else if !metadata.is_file() {
        Err(Error::NotAFile { path })
    } else if metadata.len() == 0 {
        Err(Error::Empty { path })
    } else {
        Ok(())
    }
}

fn is_archive(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"PK\x03\x04"
}

#[cfg(test)]
mod tests;
