//! One photo of the list.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::session::Session;
use crate::editor::{Document, Edits};
use crate::photo::PhotoId;

/// A photo of the list.
pub struct OpenPhoto {
    /// Its identity.
    pub id: PhotoId,
    /// Its name in the list.
    pub name: String,
    /// Whether its pixels are there.
    pub loading: Loading,
    /// The document and the work on it, from the first opening on.
    pub(super) session: Option<Session>,
    pub(super) origin: Origin,
    /// The photo's file as the system knows it, once it was loaded.
    pub(super) identity: Option<PathBuf>,
    /// The document's revision that was autosaved last, while there is an autosave.
    pub(super) autosaved: Option<u64>,
    /// What the project file will hold once the save under way has ended.
    pub(super) being_saved: Option<Arc<Edits>>,
    /// The photo to go back to when the project beside it can't be opened.
    pub(super) returns_to: Option<PathBuf>,
    /// What was said of the photo's file, to be said once.
    pub(super) warned: Vec<String>,
}

/// Whether the pixels of a photo are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loading {
    /// Nobody has asked for them, or they were let go of.
    Unloaded,
    /// They are being loaded.
    Running,
    /// They are there.
    Loaded,
    /// They can't be had, in words; the document is kept.
    Failed(String),
}

/// What was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A photo or a project.
    File(PathBuf),
    /// What a crash has left.
    Autosave(super::Recoverable),
}

impl OpenPhoto {
    pub(super) fn new(id: PhotoId, name: String, origin: Origin) -> Self {
        Self {
            id,
            name,
            loading: Loading::Unloaded,
            session: None,
            origin,
            identity: None,
            autosaved: None,
            being_saved: None,
            returns_to: None,
            warned: Vec::new(),
        }
    }

    /// The document, once it was opened.
    pub fn document(&self) -> Option<&Document> {
        Some(&self.session.as_ref()?.document)
    }

    /// Are there edits that no project holds, or that the one which does is about to lose to a save
    /// under way? Such a save may have replaced the file long before its reply is here.
    pub fn is_unsaved(&self) -> bool {
        self.document().is_some_and(|document| {
            let is_overwritten = |edits| edits != document.edits();
            document.is_unsaved() || self.being_saved.as_ref().is_some_and(is_overwritten)
        })
    }

    /// The photo's file, as far as it is known.
    pub fn photo_path(&self) -> Option<&Path> {
        match (self.document(), &self.origin) {
            (Some(document), _) => document.source.as_deref(),
            (None, Origin::File(path)) => Some(path),
            (None, Origin::Autosave(_)) => None,
        }
    }

    /// Is there nothing of the user's in it, so that another document may take its place?
    pub(super) fn is_untouched(&self) -> bool {
        self.being_saved.is_none()
            && self.document().is_none_or(|document| {
                !document.is_unsaved()
                    && document.project_file.is_none()
                    && **document.edits() == Edits::default()
            })
    }
}

/// A file's name for the list.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}
