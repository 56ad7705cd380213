//! Opening a photo or a project without holding up the window.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Document;
use super::background::{Background, Unexpected};
use super::project::{self, Project};
use crate::engine::Waker;
use crate::photo::{self, Format, Limits, Photo};

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
    /// The thread failed.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

/// What was opened.
#[derive(Debug)]
pub struct Opened {
    /// The document.
    pub document: Document,
    /// What its owner should know, one sentence each.
    pub warnings: Vec<String>,
}

/// An opening under way. Dropping it forgets about it without waiting.
pub type Opening = Background<Opened, Error>;

/// What is opened, and where it is from.
#[derive(Debug)]
pub enum Source {
    /// A photo or a project, told by its content.
    File(PathBuf),
    /// A project whose photo is somewhere else now.
    ProjectWithPhoto {
        /// The project.
        project: PathBuf,
        /// The photo.
        photo: PathBuf,
    },
    /// A project that was read already, such as one that a crash has left behind.
    Project {
        /// The project.
        project: Box<Project>,
        /// Its file.
        path: PathBuf,
    },
}

/// Opens it in a thread. `wake` is called there when the result can be polled.
pub fn open(source: Source, wake: Waker) -> Opening {
    Background::start("open", wake, move |_| load(source))
}

/// Opens it on this thread, which may take a second.
///
/// # Errors
/// In plain words, with the file's name.
pub fn load(source: Source) -> Result<Opened, Error> {
    match source {
        Source::File(path) => open_file(&path),
        Source::ProjectWithPhoto { project, photo } => {
            open_project(Project::read(&project)?, photo)
        }
        Source::Project { project, path } => {
            let photo = project.find_photo(&path)?;
            open_project(*project, photo)
        }
    }
}

/// Whether a file's name says that it can be opened, for dialogs and drops. A file with a strange name
/// may still be a photo.
pub fn is_supported(path: &Path) -> bool {
    Format::from_path(path).is_some() || project::is_project(path)
}

/// The extensions of files that can be opened, without dots, for dialogs.
pub const EXTENSIONS: [&str; 8] = [
    "jpg",
    "jpeg",
    "png",
    "tif",
    "tiff",
    "webp",
    "bmp",
    project::EXTENSION,
];

fn open_file(path: &Path) -> Result<Opened, Error> {
    check_kind(path)?;
    if is_archive(path) || project::is_project(path) {
        let project = Project::read(path)?;
        let photo = project.find_photo(path)?;
        return open_project(project, photo);
    }
    let photo = Photo::load(path, &Limits::default())?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy().into_owned();
    Ok(Opened {
        warnings: photo.warnings().iter().map(ToString::to_string).collect(),
        document: Document::new(Arc::new(photo), name),
    })
}

fn open_project(project: Project, photo_path: PathBuf) -> Result<Opened, Error> {
    check_kind(&photo_path)?;
    let photo = Photo::load(&photo_path, &Limits::default())?;
    let mut warnings: Vec<String> = photo.warnings().iter().map(ToString::to_string).collect();
    if project.photo_has_changed(&photo_path) {
        warnings.push(format!(
            "{}: the photo is not the one that was edited (it was changed or replaced since), so \
             faces and masks may lie beside it; look closely",
            photo_path.display()
        ));
    }
    Ok(Opened {
        document: project.document(Arc::new(photo)),
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
