//! What a thread does to open a photo.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::editor::autosave::Keeper;
use crate::editor::background::Unexpected;
use crate::editor::project::Project;
use crate::editor::{Document, open};
use crate::photo::Photo;

/// What was opened.
pub(super) struct Opened {
    pub document: Document,
    pub warnings: Vec<String>,
    pub keeper: Option<Keeper>,
}

/// Why it was not; in words.
pub(super) struct NotOpened(pub String);

impl From<open::Error> for NotOpened {
    fn from(error: open::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<Unexpected> for NotOpened {
    fn from(error: Unexpected) -> Self {
        Self(error.to_string())
    }
}

pub(super) fn keeper(folder: Option<&Path>, document: Option<&Document>) -> Option<Keeper> {
    let keeper = Keeper::start(folder?)
        .map_err(
            |error| tracing::warn!(%error, "this document is not kept for the case of a crash"),
        )
        .ok()?;
    if let Some(document) = document {
        keeper.keep(Project::of(document));
    }
    Some(keeper)
}

fn load_photo(path: &Path) -> Result<Arc<Photo>, NotOpened> {
    let photo = Photo::load(path, &crate::photo::Limits::default());
    Ok(Arc::new(
        photo.map_err(|error| NotOpened(error.to_string()))?,
    ))
}

pub(super) fn unpark(
    mut document: Document,
    path: &Path,
    needs_keeper: bool,
    folder: Option<PathBuf>,
) -> Result<Opened, NotOpened> {
    document.photo = load_photo(path)?;
    let keeper = needs_keeper
        .then(|| keeper(folder.as_deref(), None))
        .flatten();
    Ok(Opened {
        document,
        warnings: Vec::new(),
        keeper,
    })
}
