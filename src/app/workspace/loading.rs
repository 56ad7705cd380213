//! Opening photos and projects, going from one to another, and what to do when one can't be loaded.

use std::path::{Path, PathBuf};

use super::disk::Task;
use super::photos::{Loading, OpenPhoto, Origin, name_of};
use super::{Event, Workspace};
use crate::app::notices::{Notice, Remedy};
use crate::app::session::Session;
use crate::editor::Document;
use crate::editor::open::{self, Loaded, LoadedPhoto, Source};
use crate::editor::project::Project;
use crate::engine::client::Backend;
use crate::photo::PhotoId;

impl Workspace {
    /// Adds photos and projects to the list and goes to the first. Those on the list are not added
    /// again.
    pub fn open(&mut self, paths: Vec<PathBuf>, backend: &mut dyn Backend) -> Vec<Event> {
        let mut first = None;
        for path in paths {
            let known = self.photos.iter().find(|photo| {
                photo.photo_path() == Some(&path) || photo.origin == Origin::File(path.clone())
            });
            let id = match known {
                Some(photo) => photo.id,
                None => self.add(name_of(&path), Origin::File(path)),
            };
            first = first.or(Some(id));
        }
        first.map_or_else(Vec::new, |first| self.switch(first, backend))
    }

    fn add(&mut self, name: String, origin: Origin) -> PhotoId {
        let id = PhotoId::unique();
        self.photos.push(OpenPhoto::new(id, name, origin));
        id
    }

    /// Opens what a crash has left. Its autosave stays, and becomes its autosave.
    pub fn recover(&mut self, autosave: &PathBuf, backend: &mut dyn Backend) -> Vec<Event> {
        let Some(place) = self.recoverable.iter().position(|it| it.path == *autosave) else {
            return Vec::new();
        };
        let recoverable = self.recoverable.remove(place);
        let id = self.add(recoverable.name.clone(), Origin::Autosave(recoverable));
        self.switch(id, backend)
    }

    /// Throws away what a crash has left.
    pub fn discard_recoverable(&mut self, autosave: &PathBuf) {
        self.recoverable.retain(|it| it.path != *autosave);
        let autosave = autosave.clone();
        self.disk.send(Task::DiscardRecoverable { autosave });
    }

    /// Goes to another photo of the list.
    pub fn switch(&mut self, id: PhotoId, backend: &mut dyn Backend) -> Vec<Event> {
        if self.photo(id).is_none() || self.current == Some(id) {
            return Vec::new();
        }
        if let Some(before) = self.current.replace(id) {
            self.earlier.retain(|earlier| *earlier != before);
            self.earlier.push(before);
            self.let_go(before, backend);
        }
        self.load(id);
        vec![Event::Shown]
    }

    /// Loads a photo's pixels, unless they are there or on their way.
    pub(super) fn load(&mut self, id: PhotoId) {
        let Some(photo) = self.photo_mut(id) else {
            return;
        };
        if matches!(photo.loading, Loading::Running | Loading::Loaded) {
            return;
        }
        let source = match (&photo.session, &photo.origin) {
            (Some(session), _) => Source::Photo {
                path: session.document.source.clone(),
                of: Box::new(Project::of(&session.document)),
            },
            (None, Origin::File(path)) => Source::File(path.clone()),
            (None, Origin::Autosave(recoverable)) => Source::Autosave(recoverable.path.clone()),
        };
        self.load_from(id, source);
    }

    fn load_from(&mut self, id: PhotoId, source: Source) {
        if let Some(photo) = self.photo_mut(id) {
            photo.loading = Loading::Running;
            self.disk.send(Task::Load { photo: id, source });
        }
    }

    /// Tries again to load a photo that could not be loaded.
    pub fn try_again(&mut self, id: PhotoId) {
        self.load(id);
    }

    /// The photo of a document is in this file.
    pub fn locate(&mut self, id: PhotoId, path: PathBuf) {
        let Some(document) = self.photo(id).and_then(OpenPhoto::document) else {
            return;
        };
        let of = Box::new(Project::of(document));
        let path = Some(path);
        self.load_from(id, Source::Photo { path, of });
    }

    /// Opens the project that lies beside a photo in the place of the photo's untouched document.
    pub fn open_project_beside(
        &mut self,
        id: PhotoId,
        project: PathBuf,
        backend: &mut dyn Backend,
    ) -> Option<Notice> {
        let photo = self.photo_mut(id)?;
        if !photo.is_untouched() {
            return Some(Notice::warning(format!(
                "{} was edited meanwhile: save it under another name or close it first, then open {}",
                photo.name,
                project.display()
            )));
        }
        photo.returns_to = photo.photo_path().map(Path::to_owned);
        if let Some(mut session) = photo.session.take() {
            session.unload(backend);
        }
        photo.loading = Loading::Unloaded;
        // Which photo it is of is found out again.
        photo.identity = None;
        self.load_from(id, Source::File(project));
        None
    }

    /// Lets go of the pixels of a photo that is neither in view nor needed by a write.
    pub(super) fn let_go(&mut self, id: PhotoId, backend: &mut dyn Backend) {
        if self.current == Some(id) || self.writes.needs_pixels_of(id) {
            return;
        }
        if let Some(photo) = self.photo_mut(id)
            && photo.loading == Loading::Loaded
            && let Some(session) = &mut photo.session
        {
            session.unload(backend);
            photo.loading = Loading::Unloaded;
        }
    }

    pub(super) fn handle_loaded(
        &mut self,
        id: PhotoId,
        loaded: Result<Loaded, open::Error>,
        backend: &mut dyn Backend,
        events: &mut Vec<Event>,
    ) {
        // A photo that was closed meanwhile has nothing to report.
        let Some(photo) = self.photo(id) else {
            return;
        };
        let is_new = photo.session.is_none();
        match loaded {
            Err(error) if is_new => self.give_up_opening(id, &error, backend, events),
            Err(error) => self.fail_loading(id, error.to_string(), events),
            Ok(loaded) => {
                if is_new && !self.begin_document(id, &loaded, backend, events) {
                    return;
                }
                match loaded.photo {
                    Ok(photo) => self.take_pixels(id, photo, backend, events),
                    Err(error) => self.fail_loading(id, error.to_string(), events),
                }
            }
        }
    }

    /// Makes the document of a photo that is opened for the first time; `false` when it is open
    /// already, and the photo has left the list again.
    fn begin_document(
        &mut self,
        id: PhotoId,
        loaded: &Loaded,
        backend: &mut dyn Backend,
        events: &mut Vec<Event>,
    ) -> bool {
        let pixels = loaded.photo.as_ref().ok();
        let source = pixels.map(|photo| photo.path.clone());
        let document = match &loaded.project {
            Some(project) => project.clone().document(source),
            None => Document::beginning_with(
                self.method,
                source.clone(),
                source.as_deref().map_or_else(String::new, name_of),
            ),
        };
        let twin = pixels
            .and_then(|pixels| self.open_as(id, &pixels.identity))
            .or_else(|| self.open_from_project_of(id, &document))
            .map(|twin| twin.id);
        if let Some(twin) = twin {
            let is_project = loaded.project.is_some();
            if is_project && self.may_give_way(twin) {
                if self.current == Some(twin) {
                    events.extend(self.switch(id, backend));
                }
                self.remove(twin, backend);
            } else {
                let is_news = is_project && !self.is_same_project(twin, &document);
                self.give_way_to(twin, id, is_news, backend, events);
                return false;
            }
        }
        let session = Session::new(id, document, self.boundaries.clone());
        let Some(photo) = self.photo_mut(id) else {
            return false;
        };
        photo.name.clone_from(&session.document.name);
        photo.returns_to = None;
        let adopted = match &photo.origin {
            Origin::Autosave(recoverable) => Some(recoverable.path.clone()),
            Origin::File(_) => None,
        };
        photo.autosaved = adopted.as_ref().map(|_| session.document.revision());
        photo.session = Some(session);
        if let Some(beside) = &loaded.beside {
            let notice = Notice::warning(format!(
                "{} was edited before: {} has the edits",
                photo.name,
                name_of(beside)
            ));
            let remedy = Remedy::OpenProject(id, beside.clone());
            events.push(Event::Notice(notice.with_remedy(remedy)));
        }
        if let Some(autosave) = adopted {
            self.disk.send(Task::AdoptAutosave {
                photo: id,
                autosave,
            });
        }
        true
    }

    /// The photo of the list, other than this one, that is in the same file.
    fn open_as(&self, id: PhotoId, identity: &PathBuf) -> Option<&OpenPhoto> {
        let mut others = self.photos.iter().filter(|photo| photo.id != id);
        others.find(|photo| photo.identity.as_ref() == Some(identity))
    }

    /// The photo of the list, other than this one, that has the document's project open: known also
    /// where the photo's file is gone.
    fn open_from_project_of(&self, id: PhotoId, document: &Document) -> Option<&OpenPhoto> {
        let path = project_path(document)?;
        let mut others = self.photos.iter().filter(|photo| photo.id != id);
        others.find(|photo| {
            let open = photo.document();
            open.is_some_and(|open| open.name == document.name && project_path(open) == Some(path))
        })
    }

    /// This photo's document is now in the project file: another that was, as the user has agreed to
    /// replace it, is in none any more.
    pub(super) fn lose_project(&mut self, to: PhotoId, path: &Path) {
        let others = self.photos.iter_mut().filter(|photo| photo.id != to);
        let sessions = others.filter_map(|photo| photo.session.as_mut());
        for document in sessions.map(|session| &mut session.document) {
            if project_path(document) == Some(path) {
                document.set_unsaved();
            }
        }
    }

    /// Is nothing lost if another document takes this photo's place?
    fn may_give_way(&self, id: PhotoId) -> bool {
        let is_untouched = self.photo(id).is_some_and(OpenPhoto::is_untouched);
        is_untouched && !self.writes.depends_on(id)
    }

    /// Is a document, as it was opened, that of a project which a photo has open?
    fn is_same_project(&self, id: PhotoId, document: &Document) -> bool {
        let open = self.photo(id).and_then(OpenPhoto::document);
        let open = open.and_then(project_path);
        open.is_some() && open == project_path(document) && !document.is_unsaved()
    }

    /// A photo leaves the list for its twin, which is open already; `is_news` if its own edits are
    /// others, which its owner then learns.
    fn give_way_to(
        &mut self,
        twin: PhotoId,
        id: PhotoId,
        is_news: bool,
        backend: &mut dyn Backend,
        events: &mut Vec<Event>,
    ) {
        if is_news && let (Some(twin), Some(photo)) = (self.photo(twin), self.photo(id)) {
            events.push(Event::Notice(Notice::warning(format!(
                "{} is open already, with other edits. Save and close it first, then open {} again",
                twin.name, photo.name
            ))));
        }
        if self.current == Some(id) {
            events.extend(self.switch(twin, backend));
        }
        self.put_back(id);
        self.remove(id, backend);
    }

    fn take_pixels(
        &mut self,
        id: PhotoId,
        loaded: LoadedPhoto,
        backend: &mut dyn Backend,
        events: &mut Vec<Event>,
    ) {
        if let Some(twin) = self.open_as(id, &loaded.identity) {
            let why = format!("{} is open already as {}", loaded.path.display(), twin.name);
            return self.fail_loading(id, why, events);
        }
        let is_needed = self.current == Some(id) || self.writes.needs_pixels_of(id);
        let is_current = self.current == Some(id);
        let Some(photo) = self.photo_mut(id) else {
            return;
        };
        let Some(session) = &mut photo.session else {
            return;
        };
        session.document.set_source(loaded.path);
        photo.identity = Some(loaded.identity);
        for warning in loaded.warnings {
            if !photo.warned.contains(&warning) {
                photo.warned.push(warning.clone());
                events.push(Event::Notice(Notice::warning(warning)));
            }
        }
        // What was loaded before belongs to other pixels.
        session.unload(backend);
        if is_needed {
            session.load(loaded.photo);
            photo.loading = Loading::Loaded;
        } else {
            photo.loading = Loading::Unloaded;
        }
        if is_current {
            events.push(Event::Shown);
        }
    }

    /// The document stays, and its owner is told what can be done.
    fn fail_loading(&mut self, id: PhotoId, why: String, events: &mut Vec<Event>) {
        let Some(photo) = self.photo_mut(id) else {
            return;
        };
        let has_pixels = (photo.session.as_ref()).is_some_and(|session| session.photo().is_some());
        photo.loading = match has_pixels {
            true => Loading::Loaded,
            false => Loading::Failed(why.clone()),
        };
        events.push(Event::Notice(Notice::problem(why)));
        if self.current == Some(id) {
            events.push(Event::Shown);
        }
    }

    /// There is neither photo nor project: nothing is lost with the entry of the list.
    fn give_up_opening(
        &mut self,
        id: PhotoId,
        error: &open::Error,
        backend: &mut dyn Backend,
        events: &mut Vec<Event>,
    ) {
        let notice = Notice::problem(error.to_string());
        if let Some(photo) = self.photo_mut(id)
            && let Some(path) = photo.returns_to.take()
        {
            // The project beside it was to be opened: the photo itself is still there.
            events.push(Event::Notice(notice));
            return self.load_from(id, Source::File(path));
        }
        events.push(Event::Notice(notice.with_remedy(Remedy::Open)));
        if let Some(Origin::File(path)) = self.photo(id).map(|photo| photo.origin.clone()) {
            events.push(Event::NotOpened(path));
        }
        self.put_back(id);
        events.extend(self.leave(id, backend));
        self.remove(id, backend);
    }

    /// What a crash has left, and was not taken over, is offered again.
    pub(super) fn put_back(&mut self, id: PhotoId) {
        if let Some(photo) = self.photo(id)
            && photo.session.is_none()
            && let Origin::Autosave(recoverable) = &photo.origin
        {
            self.recoverable.push(recoverable.clone());
        }
    }

    /// Goes away from a photo that is about to leave the list: to the one that was in view before, else
    /// to its neighbour.
    pub(super) fn leave(&mut self, id: PhotoId, backend: &mut dyn Backend) -> Vec<Event> {
        if self.current != Some(id) {
            return Vec::new();
        }
        let is_other = |other: &PhotoId| *other != id && self.photo(*other).is_some();
        let earlier = self.earlier.iter().copied().rfind(is_other);
        let place = self.photos.iter().position(|photo| photo.id == id);
        let neighbour = || {
            let place = place?;
            let next = self.photos.get(place + 1);
            let before = || self.photos.get(place.checked_sub(1)?);
            next.or_else(before).map(|photo| photo.id)
        };
        match earlier.or_else(neighbour) {
            Some(other) => self.switch(other, backend),
            None => {
                self.current = None;
                vec![Event::Shown]
            }
        }
    }

    /// Takes a photo off the list, with its document.
    pub(super) fn remove(&mut self, id: PhotoId, backend: &mut dyn Backend) {
        let Some(place) = self.photos.iter().position(|photo| photo.id == id) else {
            return;
        };
        let mut photo = self.photos.remove(place);
        if let Some(session) = &mut photo.session {
            session.unload(backend);
        }
        if self.current == Some(id) {
            self.current = None;
        }
        self.earlier.retain(|earlier| *earlier != id);
    }
}

/// The project file that a document was opened from or last saved in.
fn project_path(document: &Document) -> Option<&Path> {
    Some(&document.project_file.as_ref()?.path)
}
