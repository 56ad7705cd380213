//! Files, as the workspace sees them: tasks go out, replies come back, no frame waits.
//!
//! A task owns all it needs (paths, immutable snapshots) and a reply gives back pixels, or "written,
//! this content". Documents stay where they are. The trait stands between the workspace and the
//! system, so that tests can play a slow and failing disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use image::RgbaImage;

use crate::editor::autosave;
use crate::editor::batch::{self, Noted, Offer, Plan, Wish};
use crate::editor::export::{self, ExportOptions, Exported};
use crate::editor::open::{self, Loaded, Source};
use crate::editor::project::{self, Project, ProjectFile, Replace};
use crate::engine::EditedFace;
use crate::photo::{Photo, PhotoId};

/// The identity of a piece of work that writes, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub(super) u64);

/// An autosave that a program has left behind; named by its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recoverable {
    /// The autosave's file.
    pub path: PathBuf,
    /// What the photo is called.
    pub name: String,
    /// When it was last written.
    pub saved_at: SystemTime,
}

/// Something to read or write.
pub enum Task {
    /// Look for what programs that ended without saving have left.
    FindRecoverable,
    /// Load a photo, with a project or without.
    Load {
        /// Comes back with what was loaded.
        photo: PhotoId,
        /// From where.
        source: Source,
    },
    /// Keep the newest state of a document for the case of a crash.
    Autosave {
        /// The document's photo.
        photo: PhotoId,
        /// Its state.
        project: Box<Project>,
    },
    /// Remove a document's autosave.
    ForgetAutosave {
        /// The document's photo.
        photo: PhotoId,
    },
    /// Go on in the autosave that a document was recovered from.
    AdoptAutosave {
        /// The document's photo.
        photo: PhotoId,
        /// The autosave's file.
        autosave: PathBuf,
    },
    /// Remove what a program has left behind.
    DiscardRecoverable {
        /// The autosave's file.
        autosave: PathBuf,
    },
    /// Save a project.
    Save {
        /// Comes back with the outcome.
        id: WriteId,
        /// What to save.
        project: Box<Project>,
        /// Where.
        path: PathBuf,
        /// What may be replaced.
        replace: Replace,
    },
    /// Export a photo, or a comparison of it.
    Export {
        /// Comes back with the outcome.
        id: WriteId,
        /// The untouched photo.
        photo: Arc<Photo>,
        /// The exact edits.
        faces: Vec<Arc<EditedFace>>,
        /// Where to.
        path: PathBuf,
        /// How.
        options: ExportOptions,
        /// Before and after side by side instead of the result.
        is_comparison: bool,
        /// For a photo of the queue: where its result is noted, and what its owner should know already.
        noted: Option<(Noted, Vec<String>)>,
    },
    /// Find the photos of the queue, and places for their results. The plan is kept for the case of a crash.
    PlanBatch {
        /// Comes back with the plan.
        plan: u64,
        /// What is asked for.
        wish: Box<Wish>,
    },
    /// The queue has ended, or is not wanted: it is not kept any longer.
    ForgetBatch {
        /// The plan that it came from.
        plan: u64,
        /// Queues that were offered, and were resumed as part of it.
        adopted: Vec<u64>,
    },
    /// A queue that was offered is not wanted.
    DeclineBatch {
        /// Its [`Offer::id`].
        offer: u64,
    },
    /// Make the retouched photo ready for the clipboard.
    Copy {
        /// Comes back with the pixels.
        id: WriteId,
        /// The untouched photo.
        photo: Arc<Photo>,
        /// The exact edits.
        faces: Vec<Arc<EditedFace>>,
    },
}

/// What came of a task.
pub enum Reply {
    /// To [`Task::FindRecoverable`].
    Recoverable(Vec<Recoverable>),
    /// To [`Task::FindRecoverable`]: queues that were not finished.
    Unfinished(Vec<Offer>),
    /// To [`Task::Load`].
    Loaded(PhotoId, Result<Loaded, open::Error>),
    /// Autosaves of this document fail; reported once as long as it lasts.
    AutosaveFailed(PhotoId, autosave::Error),
    /// To [`Task::DiscardRecoverable`], when it failed.
    DiscardFailed(autosave::Error),
    /// To [`Task::Save`].
    Saved(WriteId, Result<ProjectFile, project::Error>),
    /// To [`Task::Export`].
    Exported(WriteId, Result<Exported, export::Error>),
    /// To [`Task::PlanBatch`].
    BatchPlanned(u64, Result<Plan, batch::Error>),
    /// To [`Task::Copy`].
    Copied(WriteId, Result<RgbaImage, export::Error>),
}

/// How far a piece of work that writes is.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteProgress {
    /// What is being done, in words.
    pub stage: &'static str,
    /// 0 to 1.
    pub fraction: f32,
}

/// Whoever reads and writes files for the workspace.
pub trait Disk {
    /// Begins a task. Never waits.
    fn send(&mut self, task: Task);

    /// All replies since the last call, without waiting.
    fn poll(&mut self) -> Vec<Reply>;

    /// How far a piece of work that writes is, where that is known.
    fn progress(&self, id: WriteId) -> Option<WriteProgress>;

    /// Asks a piece of work that writes to stop. Its reply says whether it did; nothing half-written
    /// is left either way.
    fn cancel(&mut self, id: WriteId);
}
