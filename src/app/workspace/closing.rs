//! What may end a document: the user's own *Close*, *Discard*, and quitting. Nothing else does.

use super::disk::Task;
use super::{Event, OpenPhoto, Workspace};
use crate::engine::client::Backend;
use crate::photo::PhotoId;

/// What the user is asked before work could be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// May this photo leave the list?
    ClosePhoto(PhotoId),
    /// May the window close?
    Quit,
}

impl Workspace {
    /// What the user is being asked.
    pub fn question(&self) -> Option<Question> {
        self.question
    }

    /// The user stays: nothing closes, not later either.
    pub fn stay(&mut self) {
        self.question = None;
        self.quits_when_done = false;
        self.closes_when_saved.clear();
    }

    /// Takes a photo off the list, or asks when work would be lost with it.
    pub fn close(&mut self, id: PhotoId, backend: &mut dyn Backend) -> Vec<Event> {
        let Some(photo) = self.photo(id) else {
            return Vec::new();
        };
        if photo.is_unsaved() || self.writes.depends_on(id) {
            self.question = Some(Question::ClosePhoto(id));
            return Vec::new();
        }
        self.close_now(id, backend)
    }

    /// Saves a photo's project, then takes it off the list.
    pub fn save_and_close(&mut self, id: PhotoId) {
        self.question = None;
        self.closes_when_saved.insert(id);
        self.save(id);
    }

    /// Takes a photo off the list, whatever is lost with it.
    pub fn discard_and_close(&mut self, id: PhotoId, backend: &mut dyn Backend) -> Vec<Event> {
        self.question = None;
        self.close_now(id, backend)
    }

    fn close_now(&mut self, id: PhotoId, backend: &mut dyn Backend) -> Vec<Event> {
        self.closes_when_saved.remove(&id);
        if self.question == Some(Question::ClosePhoto(id)) {
            self.question = None;
        }
        self.put_back(id);
        let mut events = self.writes.drop_waiting_of(id);
        events.extend(self.leave(id, backend));
        self.remove(id, backend);
        self.disk.send(Task::ForgetAutosave { photo: id });
        events
    }

    /// A save of this photo has ended: what was to happen then happens, or is off.
    pub(super) fn after_save(
        &mut self,
        id: PhotoId,
        is_saved: bool,
        backend: &mut dyn Backend,
        events: &mut Vec<Event>,
    ) {
        if !is_saved {
            self.closes_when_saved.remove(&id);
            self.quits_when_done = false;
        }
        // The save that the photo closes after may not have begun yet.
        if !self.writes.will_save(id) && self.closes_when_saved.remove(&id) {
            // Edits made while it was saved are asked for.
            events.extend(self.close(id, backend));
        }
    }

    /// The photos with edits that no project holds.
    pub fn unsaved_names(&self) -> Vec<&str> {
        let unsaved = self.photos.iter().filter(|photo| photo.is_unsaved());
        unsaved.map(|photo| photo.name.as_str()).collect()
    }

    /// Closes the window, or asks when work would be lost with it.
    pub fn quit(&mut self) -> Vec<Event> {
        if self.unsaved_names().is_empty() && self.writes.is_empty() && !self.batch.is_running() {
            return vec![Event::MayQuit];
        }
        self.question = Some(Question::Quit);
        Vec::new()
    }

    /// Saves all that is unsaved and closes the window once everything is written.
    pub fn save_all_and_quit(&mut self) {
        self.question = None;
        self.quits_when_done = true;
        let unsaved = self.photos.iter().filter(|photo| photo.is_unsaved());
        let unsaved: Vec<PhotoId> = unsaved.map(|photo| photo.id).collect();
        for id in unsaved {
            self.save(id);
        }
    }

    /// Closes the window, whatever is lost with it.
    pub fn discard_all_and_quit(&mut self) -> Vec<Event> {
        self.question = None;
        let ids: Vec<PhotoId> = self.photos.iter().map(|photo| photo.id).collect();
        for photo in ids {
            self.disk.send(Task::ForgetAutosave { photo });
        }
        for write in self.writes.running() {
            self.disk.cancel(write);
        }
        vec![Event::MayQuit]
    }

    pub(super) fn quit_when_done(&mut self, events: &mut Vec<Event>) {
        if !self.quits_when_done || !self.writes.is_empty() || self.batch.is_running() {
            return;
        }
        self.quits_when_done = false;
        if self.photos.iter().any(OpenPhoto::is_unsaved) {
            // Edited meanwhile.
            self.question = Some(Question::Quit);
        } else {
            events.push(Event::MayQuit);
        }
    }
}
