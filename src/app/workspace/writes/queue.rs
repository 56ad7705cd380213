//! The queue of what is to be written.

use std::mem;
use std::path::PathBuf;
use std::sync::Arc;

use crate::app::notices::Notice;
use crate::app::workspace::Event;
use crate::app::workspace::disk::WriteId;
use crate::editor::export::ExportOptions;
use crate::editor::project::Replace;
use crate::engine::EditedFace;
use crate::photo::{Photo, PhotoId};

/// All that is to be written, the oldest first.
#[derive(Default)]
pub(in crate::app::workspace) struct Writes {
    pub(super) queue: Vec<Write>,
    last_id: u64,
}

pub(super) struct Write {
    pub id: WriteId,
    pub photo: PhotoId,
    /// The photo's name, for messages.
    pub name: String,
    pub kind: Kind,
    pub stage: Stage,
}

#[derive(Clone)]
pub(super) enum Kind {
    Save {
        path: PathBuf,
        replace: Replace,
    },
    Export {
        path: PathBuf,
        options: ExportOptions,
        is_comparison: bool,
    },
    Copy,
}

pub(super) enum Stage {
    /// Until every edit is exact.
    Waiting,
    /// Until what was asked for before is written.
    Queued(Inputs),
    Running,
}

/// What a write needs, taken when it can be had.
pub(super) enum Inputs {
    /// A save takes the document as it is when its turn comes.
    Document,
    Pixels {
        photo: Arc<Photo>,
        faces: Vec<Arc<EditedFace>>,
    },
}

impl Kind {
    pub fn is_save(&self) -> bool {
        matches!(self, Self::Save { .. })
    }

    /// What it is called in the middle of a sentence.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Save { .. } => "project",
            Self::Export {
                is_comparison: true,
                ..
            } => "comparison",
            Self::Export { .. } => "photo",
            Self::Copy => "copy",
        }
    }
}

impl Writes {
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Does a write wait for the exact edit of this photo?
    pub fn needs_pixels_of(&self, photo: PhotoId) -> bool {
        let mut writes = self.queue.iter();
        writes.any(|write| write.photo == photo && matches!(write.stage, Stage::Waiting))
    }

    /// Would something not be written if this photo left the list?
    pub fn depends_on(&self, photo: PhotoId) -> bool {
        let mut writes = self.queue.iter();
        writes.any(|write| write.depends_on(photo))
    }

    /// Is this photo's project to be saved again?
    pub fn will_save(&self, photo: PhotoId) -> bool {
        let mut writes = self.queue.iter();
        writes.any(|write| write.kind.is_save() && write.depends_on(photo))
    }

    /// The writes under way.
    pub fn running(&self) -> Vec<WriteId> {
        let writes = self.queue.iter();
        let running = writes.filter(|write| matches!(write.stage, Stage::Running));
        running.map(|write| write.id).collect()
    }

    /// A name for a write that is in no queue here.
    pub fn new_id(&mut self) -> WriteId {
        self.last_id += 1;
        WriteId(self.last_id)
    }

    pub(super) fn add(&mut self, photo: PhotoId, name: String, kind: Kind, stage: Stage) {
        let id = self.new_id();
        self.queue.push(Write {
            id,
            photo,
            name,
            kind,
            stage,
        });
    }

    pub(super) fn take(&mut self, id: WriteId) -> Option<Write> {
        let place = self.queue.iter().position(|write| write.id == id)?;
        Some(self.queue.remove(place))
    }

    /// The photo leaves the list, as the user wants it: what waits for it is not written.
    pub fn drop_waiting_of(&mut self, photo: PhotoId) -> Vec<Event> {
        let (dropped, kept) =
            (mem::take(&mut self.queue).into_iter()).partition(|write| write.depends_on(photo));
        self.queue = kept;
        let exports = dropped
            .iter()
            .filter(|write: &&Write| !write.kind.is_save());
        let told = exports.map(|write| {
            let Write { name, kind, .. } = write;
            format!("{name} was closed; the {} was not written", kind.noun())
        });
        told.map(|text| Event::Notice(Notice::warning(text)))
            .collect()
    }
}

impl Write {
    /// Does it still need what only the photo on the list has: its document, or its exact edit?
    pub fn depends_on(&self, photo: PhotoId) -> bool {
        let needs_it = match self.stage {
            Stage::Waiting => true,
            Stage::Queued(_) => self.kind.is_save(),
            Stage::Running => false,
        };
        needs_it && self.photo == photo
    }
}
