//! The photos that are open, one of them in view.
//!
//! A photo is named by its [`PhotoId`] everywhere, and its document stays here from the first opening
//! until the user closes it: while pixels come and go, when the file is gone, through every failure.
//! Reading and writing is asked of a [`Disk`], rendering of the engine; both answer by identity. What
//! writes is in a queue of its own ([`writes`]); what may end a document is in [`closing`].

mod batch;
mod closing;
pub mod disk;
mod loading;
mod photos;
mod threads;
mod writes;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use batch::{Batch, BatchOptions, BatchProgress, BatchSettings, Item, ItemState};
pub use closing::Question;
pub use photos::{Loading, OpenPhoto};
pub use threads::Threads;
pub use writes::WriteState;

use super::notices::Notice;
use super::session::Session;
use crate::editor::Document;
use crate::editor::batch::{Edit, Offer};
use crate::editor::project::Project;
use crate::engine::Method;
use crate::engine::client::{self, Backend};
use crate::latent::OwnBoundaries;
use crate::photo::PhotoId;
use disk::{Disk, Recoverable, Reply, Task};
use writes::Writes;

/// What happened, for the window to react to.
pub enum Event {
    /// Something to tell.
    Notice(Notice),
    /// Another photo is in view, or other pixels of it.
    Shown,
    /// A photo could not be opened, and is no recent file any more.
    NotOpened(PathBuf),
    /// Pixels for the clipboard.
    Copied(image::RgbaImage),
    /// Nothing keeps the window from closing any more, as the user has asked.
    MayQuit,
}

/// The photos that are open, one of them in view.
pub struct Workspace {
    photos: Vec<OpenPhoto>,
    current: Option<PhotoId>,
    /// What was in view before, the newest last.
    earlier: Vec<PhotoId>,
    recoverable: Vec<Recoverable>,
    writes: Writes,
    batch: Batch,
    question: Option<Question>,
    closes_when_saved: BTreeSet<PhotoId>,
    quits_when_done: bool,
    disk: Box<dyn Disk>,
    boundaries: OwnBoundaries,
    /// The method that faces of photos that are opened begin with.
    pub method: Method,
}

impl Workspace {
    /// Nothing is open. What a crash has left is looked for.
    pub fn new(mut disk: Box<dyn Disk>, boundaries: OwnBoundaries) -> Self {
        disk.send(Task::FindRecoverable);
        Self {
            photos: Vec::new(),
            current: None,
            earlier: Vec::new(),
            recoverable: Vec::new(),
            writes: Writes::default(),
            batch: Batch::default(),
            question: None,
            closes_when_saved: BTreeSet::new(),
            quits_when_done: false,
            disk,
            boundaries,
            method: Method::default(),
        }
    }

    /// All photos, in the order they were opened.
    pub fn photos(&self) -> &[OpenPhoto] {
        &self.photos
    }

    /// A photo; `None` once it was closed.
    pub fn photo(&self, id: PhotoId) -> Option<&OpenPhoto> {
        self.photos.iter().find(|photo| photo.id == id)
    }

    fn photo_mut(&mut self, id: PhotoId) -> Option<&mut OpenPhoto> {
        self.photos.iter_mut().find(|photo| photo.id == id)
    }

    /// The photo in view.
    pub fn current(&self) -> Option<&OpenPhoto> {
        self.photo(self.current?)
    }

    /// The work on the photo in view, while its pixels are loaded.
    pub fn session(&self) -> Option<&Session> {
        let session = self.current()?.session.as_ref()?;
        session.photo().is_some().then_some(session)
    }

    /// The same, to change it.
    pub fn session_mut(&mut self) -> Option<&mut Session> {
        self.session_of(self.current?)
    }

    /// The work on a photo, while its pixels are loaded.
    fn session_of(&mut self, id: PhotoId) -> Option<&mut Session> {
        let session = self.photo_mut(id)?.session.as_mut()?;
        session.photo().is_some().then_some(session)
    }

    /// A photo's document, to change it.
    pub fn document_mut(&mut self, id: PhotoId) -> Option<&mut Document> {
        Some(&mut self.photo_mut(id)?.session.as_mut()?.document)
    }

    /// The name of the photo in view while it is being loaded.
    pub fn opening(&self) -> Option<&str> {
        let photo = self.current()?;
        (photo.loading == Loading::Running).then_some(&photo.name)
    }

    /// What a crash has left.
    pub fn recoverable(&self) -> &[Recoverable] {
        &self.recoverable
    }

    /// The file of the photo in view.
    pub fn photo_path(&self) -> Option<&Path> {
        self.current()?.photo_path()
    }

    /// Takes in what the disk has answered, and sets going what waited for it.
    pub fn poll(&mut self, backend: &mut dyn Backend) -> Vec<Event> {
        let mut events = Vec::new();
        for reply in self.disk.poll() {
            match reply {
                Reply::Recoverable(found) => self.recoverable = found,
                Reply::Unfinished(found) => self.batch.offers = found,
                Reply::Loaded(id, loaded) if self.batch.works_on(id) => {
                    self.batch.handle_loaded(loaded, &self.boundaries);
                }
                Reply::Loaded(id, loaded) => self.handle_loaded(id, loaded, backend, &mut events),
                Reply::BatchPlanned(plan, result) => {
                    let notices = self.batch.handle_planned(plan, result);
                    events.extend(notices.into_iter().map(Event::Notice));
                }
                Reply::AutosaveFailed(id, error) => {
                    let name = self
                        .photo(id)
                        .map_or("a photo", |photo| photo.name.as_str());
                    let what = format!("Autosave of {name} failed: save your work elsewhere");
                    events.push(Event::Notice(Notice::error(what, &error)));
                }
                Reply::DiscardFailed(error) => {
                    let what = "The autosave could not be removed";
                    events.push(Event::Notice(Notice::error(what, &error)));
                }
                Reply::Saved(id, result) => self.handle_saved(id, result, backend, &mut events),
                Reply::Exported(id, result) => {
                    if let Some(result) = self.batch.handle_exported(id, result) {
                        self.handle_exported(id, result, &mut events);
                    }
                }
                Reply::Copied(id, result) => self.handle_copied(id, result, &mut events),
            }
        }
        self.advance_writes(backend, &mut events);
        let ended = self.batch.advance(batch::Tools {
            disk: self.disk.as_mut(),
            writes: &mut self.writes,
            backend,
        });
        events.extend(ended.map(Event::Notice));
        self.autosave();
        self.quit_when_done(&mut events);
        events
    }

    /// Takes in what the engine has answered about a photo. What the user should know comes back.
    pub fn handle_reply(
        &mut self,
        reply: client::Reply,
        backend: &mut dyn Backend,
    ) -> Option<Notice> {
        let photo = reply.photo()?;
        if self.batch.works_on(photo) {
            self.batch.handle_reply(reply, backend);
            return None;
        }
        let session = self.session_of(photo)?;
        session.handle_reply(reply, backend)
    }

    /// Asks the engine for what is missing, of the photo in view and of those that a write waits for.
    /// Says when to ask again if nothing happens before.
    pub fn reconcile(
        &mut self,
        now: Instant,
        is_dragging: bool,
        refines_keyframes: bool,
        backend: &mut dyn Backend,
    ) -> Option<Duration> {
        let current = self.current;
        let mut waits = Vec::new();
        for photo in &mut self.photos {
            let Some(session) = &mut photo.session else {
                continue;
            };
            let is_current = current == Some(photo.id);
            session.refines_keyframes = refines_keyframes && is_current;
            waits.extend(session.reconcile(now, is_dragging && is_current, backend));
        }
        if let Some(session) = self.batch.session() {
            waits.extend(session.reconcile(now, false, backend));
        }
        waits.into_iter().min()
    }

    /// After a restart of the engine: what was under way is requested again.
    pub fn start_over(&mut self) {
        for session in self
            .photos
            .iter_mut()
            .filter_map(|photo| photo.session.as_mut())
        {
            session.start_over();
        }
        if let Some(session) = self.batch.session() {
            session.start_over();
        }
    }

    /// The queue.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The same, to choose what is started next.
    pub fn batch_mut(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// How far the queue is.
    pub fn batch_progress(&self) -> BatchProgress {
        self.batch.progress(self.disk.as_ref())
    }

    /// Starts the queue, or goes on with it. Neither a photo of the queue nor one that is open is ever written
    /// to.
    pub fn start_batch(&mut self, edit: Edit) {
        let kept = self.open_files();
        self.batch.start(edit, kept, self.disk.as_mut());
    }

    /// Queues that were not finished when the program ended, to be offered while no other is at work.
    pub fn unfinished_batches(&self) -> &[Offer] {
        match self.batch.is_running() {
            true => &[],
            false => &self.batch.offers,
        }
    }

    /// Goes on with a queue that was not finished: what it has done is not done again.
    pub fn go_on_with_batch(&mut self, offer: u64) {
        let kept = self.open_files();
        self.batch.go_on_with(offer, kept, self.disk.as_mut());
    }

    /// A queue that was not finished is not wanted.
    pub fn decline_batch(&mut self, offer: u64) {
        self.batch.decline(offer, self.disk.as_mut());
    }

    /// Takes everything off the queue, unless it is at work.
    pub fn clear_batch(&mut self) {
        self.batch.clear(self.disk.as_mut());
    }

    fn open_files(&self) -> Vec<PathBuf> {
        let open = self.photos.iter().filter_map(OpenPhoto::photo_path);
        open.map(Path::to_owned).collect()
    }

    /// Stops the queue within a second; what waits stays on it.
    pub fn cancel_batch(&mut self, backend: &mut dyn Backend) {
        self.batch.cancel(self.disk.as_mut(), backend);
    }

    /// Is this the photo that the queue works on?
    pub fn is_in_batch(&self, photo: PhotoId) -> bool {
        self.batch.works_on(photo)
    }

    /// Keeps every unsaved document for the case of a crash, whenever it has changed.
    fn autosave(&mut self) {
        for photo in &mut self.photos {
            let Some(session) = &photo.session else {
                continue;
            };
            let id = photo.id;
            let document = &session.document;
            if photo.is_unsaved() {
                let revision = Some(document.revision());
                if photo.autosaved != revision {
                    photo.autosaved = revision;
                    let project = Box::new(Project::of(document));
                    self.disk.send(Task::Autosave { photo: id, project });
                }
            } else if photo.autosaved.take().is_some() {
                self.disk.send(Task::ForgetAutosave { photo: id });
            }
        }
    }
}

#[cfg(test)]
mod tests;
