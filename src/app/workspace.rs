//! The photos that are open, one of them in work; opening, saving, exporting.

mod exports;
mod opening;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::DynamicImage;

pub use exports::ExportState;

use super::notices::{Notice, Remedy};
use super::session::Session;
use crate::editor::autosave::{Keeper, Leftover};
use crate::editor::background::{Background, Unexpected};
use crate::editor::project::Project;
use crate::editor::{Document, Edits, open};
use crate::engine::Waker;
use crate::engine::desk::Backend;
use crate::latent::Boundary;
use crate::photo::Photo;
use exports::Exporting;
use opening::{NotOpened, Opened, keeper, unpark};

/// A photo of the list.
pub struct OpenPhoto {
    /// Its name in the list.
    pub name: String,
    path: PathBuf,
    /// The document while another photo is in work. Its pixels are let go and loaded again later.
    parked: Option<Parked>,
    keeper: Option<Keeper>,
    /// What was kept last: the edits, and how many faces had a code.
    kept: Option<(Arc<Edits>, usize)>,
}

struct Parked {
    document: Document,
    project: Project,
}

struct Saving {
    index: usize,
    path: PathBuf,
    edits: Arc<Edits>,
    work: Background<(), NotOpened>,
}

/// What happened, for the window to react to.
pub enum Happened {
    /// Something to tell.
    Notice(Notice),
    /// Another photo is in work: it has to be shown.
    NewSession,
    /// The last project that closing waits for was saved.
    AllSaved,
    /// A photo could not be opened, and is no recent file any more.
    NotOpened(PathBuf),
    /// Pixels for the clipboard: width, height, RGBA.
    Copied(image::RgbaImage),
}

/// The photos that are open, one of them in work.
pub struct Workspace {
    /// All photos, in the order they were opened.
    pub photos: Vec<OpenPhoto>,
    /// Which of them is in work.
    pub current: Option<usize>,
    /// The work.
    pub session: Option<Session>,
    /// What a crash has left.
    pub leftovers: Vec<Leftover>,
    looking_for_leftovers: Option<Background<Vec<Leftover>, Unexpected>>,
    opening: Option<(usize, Background<Opened, NotOpened>)>,
    saving: Vec<Saving>,
    exporting: Exporting,
    autosave_folder: Option<PathBuf>,
    double_chin: Arc<Boundary>,
    sessions_begun: u64,
    wake: Waker,
}

impl Workspace {
    /// Nothing is open. Autosaves go to a folder of the data directory, where those that a crash has
    /// left are looked for.
    pub fn new(data_dir: Option<PathBuf>, double_chin: Arc<Boundary>, wake: Waker) -> Self {
        let autosave_folder = data_dir.map(|folder| folder.join("autosave"));
        let looking_for_leftovers = autosave_folder.clone().map(|folder| {
            Background::start("leftovers", Arc::clone(&wake), move |_| {
                Ok(crate::editor::autosave::leftovers(&folder))
            })
        });
        Self {
            photos: Vec::new(),
            current: None,
            session: None,
            leftovers: Vec::new(),
            looking_for_leftovers,
            opening: None,
            saving: Vec::new(),
            exporting: Exporting::No,
            autosave_folder,
            double_chin,
            sessions_begun: 0,
            wake,
        }
    }

    /// The name of the photo that is being opened.
    pub fn opening(&self) -> Option<&str> {
        let (index, _) = self.opening.as_ref()?;
        Some(&self.photos.get(*index)?.name)
    }

    /// Adds photos and projects to the list and begins to open the first. Those on the list are not
    /// added again.
    pub fn open(&mut self, paths: Vec<PathBuf>, backend: &mut dyn Backend) {
        let mut first = None;
        for path in paths {
            let known = self.photos.iter().position(|photo| photo.path == path);
            let index = known.unwrap_or_else(|| {
                let name = path.file_name().map_or_else(
                    || path.display().to_string(),
                    |name| name.to_string_lossy().into_owned(),
                );
                self.photos.push(OpenPhoto {
                    name,
                    path,
                    parked: None,
                    keeper: None,
                    kept: None,
                });
                self.photos.len() - 1
            });
            first = first.or(Some(index));
        }
        if let Some(first) = first {
            self.switch(first, backend);
        }
    }

    /// Opens what a crash has left. The file stays until the document is kept anew.
    pub fn recover(&mut self, index: usize, backend: &mut dyn Backend) {
        if index >= self.leftovers.len() {
            return;
        }
        let leftover = self.leftovers.remove(index);
        let path = leftover.path.clone();
        self.photos.push(OpenPhoto {
            name: leftover.name.clone(),
            path,
            parked: None,
            keeper: None,
            kept: None,
        });
        self.park(backend);
        let folder = self.autosave_folder.clone();
        self.begin_opening(self.photos.len() - 1, move || {
            let project = leftover
                .open()
                .map_err(|error| NotOpened(error.to_string()))?;
            let opened = open::load(open::Source::Project {
                project: Box::new(project),
                path: leftover.path.clone(),
            })?;
            let keeper = keeper(folder.as_deref(), Some(&opened.document));
            // It is kept anew, so the old file has done its work.
            if keeper.is_some() {
                let _ = leftover.discard();
            }
            Ok(Opened {
                document: opened.document,
                warnings: opened.warnings,
                keeper,
            })
        });
    }

    /// Throws away what a crash has left.
    pub fn discard(&mut self, index: usize) -> Option<Notice> {
        if index >= self.leftovers.len() {
            return None;
        }
        let error = self.leftovers.remove(index).discard().err()?;
        Some(Notice::error("The autosave could not be removed", &error))
    }

    /// Goes to another photo of the list.
    pub fn switch(&mut self, index: usize, backend: &mut dyn Backend) {
        if index >= self.photos.len() || (self.current == Some(index) && self.session.is_some()) {
            return;
        }
        self.park(backend);
        let photo = &mut self.photos[index];
        let path = photo.path.clone();
        match photo.parked.take() {
            Some(Parked { document, .. }) => {
                let needs_keeper = photo.keeper.is_none();
                let folder = self.autosave_folder.clone();
                self.begin_opening(index, move || unpark(document, &path, needs_keeper, folder));
            }
            None => {
                let folder = self.autosave_folder.clone();
                self.begin_opening(index, move || {
                    let opened = open::load(open::Source::File(path))?;
                    Ok(Opened {
                        keeper: keeper(folder.as_deref(), None),
                        document: opened.document,
                        warnings: opened.warnings,
                    })
                });
            }
        }
    }

    fn begin_opening(
        &mut self,
        index: usize,
        work: impl FnOnce() -> Result<Opened, NotOpened> + Send + 'static,
    ) {
        self.current = Some(index);
        let work = Background::start("open", Arc::clone(&self.wake), move |_| work());
        self.opening = Some((index, work));
    }

    /// Puts the document in work aside.
    fn park(&mut self, backend: &mut dyn Backend) {
        self.opening = None;
        self.exporting = Exporting::No;
        let Some(mut session) = self.session.take() else {
            return;
        };
        session.end(backend);
        let project = Project::of(&session.document);
        let mut document = session.document;
        // Pixels are by far the largest part, and the file still has them.
        document.photo = Arc::new(Photo::from_pixels(DynamicImage::new_luma8(1, 1)));
        if let Some(photo) = self.current.and_then(|index| self.photos.get_mut(index)) {
            photo.parked = Some(Parked { document, project });
        }
    }

    /// Takes a photo off the list.
    pub fn close(&mut self, index: usize, backend: &mut dyn Backend) {
        if index >= self.photos.len() {
            return;
        }
        let was_current = self.current == Some(index);
        if was_current {
            self.park(backend);
        }
        let closed = self.photos.remove(index);
        if let Some(keeper) = &closed.keeper {
            keeper.forget();
        }
        self.current = match self.current {
            Some(current) if current > index => Some(current - 1),
            Some(current) if current == index => None,
            other => other,
        };
        if was_current && !self.photos.is_empty() {
            self.switch(index.min(self.photos.len() - 1), backend);
        }
    }

    /// Has a photo edits that no project holds?
    pub fn is_unsaved(&self, index: usize) -> bool {
        if self.current == Some(index)
            && let Some(session) = &self.session
        {
            return session.document.is_unsaved();
        }
        self.photos
            .get(index)
            .and_then(|photo| photo.parked.as_ref())
            .is_some_and(|parked| parked.document.is_unsaved())
    }

    /// The photos with edits that no project holds.
    pub fn unsaved_names(&self) -> Vec<String> {
        let unsaved = (0..self.photos.len()).filter(|index| self.is_unsaved(*index));
        unsaved
            .map(|index| self.photos[index].name.clone())
            .collect()
    }

    /// Saves the project in work.
    pub fn save(&mut self) {
        if let Some(current) = self.current {
            self.save_one(current);
        }
    }

    /// Saves all that is unsaved; [`Happened::AllSaved`] tells when it is done.
    pub fn save_all(&mut self) {
        for index in 0..self.photos.len() {
            if self.is_unsaved(index) {
                self.save_one(index);
            }
        }
    }

    fn save_one(&mut self, index: usize) {
        let Some(photo) = self.photos.get(index) else {
            return;
        };
        let project = match (&self.session, &photo.parked) {
            (Some(session), _) if self.current == Some(index) => Project::of(&session.document),
            (_, Some(parked)) => parked.project.clone(),
            _ => return,
        };
        let path = match project.project_path() {
            Some(path) => path.to_owned(),
            None => beside(&photo.path),
        };
        let edits = Arc::clone(project.edits());
        let target = path.clone();
        let work = Background::start("save", Arc::clone(&self.wake), move |_| {
            project
                .write(&target)
                .map_err(|error| NotOpened(error.to_string()))
        });
        self.saving.push(Saving {
            index,
            path,
            edits,
            work,
        });
    }

    /// The file of the photo in work.
    pub fn photo_path(&self) -> Option<&Path> {
        Some(&self.photos.get(self.current?)?.path)
    }

    /// Takes in what has happened since the last frame.
    pub fn poll(&mut self, backend: &mut dyn Backend) -> Vec<Happened> {
        let mut happened = Vec::new();
        if let Some(found) = self
            .looking_for_leftovers
            .as_ref()
            .and_then(Background::poll)
        {
            self.looking_for_leftovers = None;
            self.leftovers = found.unwrap_or_default();
        }
        self.poll_opening(backend, &mut happened);
        self.poll_saving(&mut happened);
        self.poll_export(&mut happened);
        self.autosave(&mut happened);
        happened
    }

    fn poll_opening(&mut self, backend: &mut dyn Backend, happened: &mut Vec<Happened>) {
        let polled = self.opening.as_ref().and_then(|(_, work)| work.poll());
        let Some((result, (index, _))) =
            polled.and_then(|result| Some((result, self.opening.take()?)))
        else {
            return;
        };
        match result {
            Ok(opened) => {
                self.sessions_begun += 1;
                for warning in opened.warnings {
                    happened.push(Happened::Notice(Notice::warning(warning)));
                }
                if let Some(photo) = self.photos.get_mut(index) {
                    photo.name.clone_from(&opened.document.name);
                    photo.keeper = opened.keeper.or(photo.keeper.take());
                    if let Some(source) = opened.document.photo.source() {
                        photo.path = source.to_owned();
                    }
                }
                self.session = Some(Session::begin(
                    opened.document,
                    self.sessions_begun,
                    Arc::clone(&self.double_chin),
                    backend,
                ));
                happened.push(Happened::NewSession);
            }
            Err(NotOpened(why)) => {
                let path = self.photos.get(index).map(|photo| photo.path.clone());
                self.close(index, backend);
                let notice = Notice::problem(why).with_remedy(Remedy::Open);
                happened.push(Happened::Notice(notice));
                happened.extend(path.map(Happened::NotOpened));
            }
        }
    }

    fn poll_saving(&mut self, happened: &mut Vec<Happened>) {
        let was_saving = !self.saving.is_empty();
        let mut failed = false;
        let saving = std::mem::take(&mut self.saving);
        for saving in saving {
            match saving.work.poll() {
                None => self.saving.push(saving),
                Some(Ok(())) => {
                    if let Some(document) = self.document_mut(saving.index) {
                        document.set_saved(saving.edits);
                        document.project_path = Some(saving.path.clone());
                    }
                    let text = format!("Saved {}", saving.path.display());
                    happened.push(Happened::Notice(Notice::done(text)));
                }
                Some(Err(NotOpened(why))) => {
                    failed = true;
                    happened.push(Happened::Notice(Notice::problem(why)));
                }
            }
        }
        if was_saving && self.saving.is_empty() && !failed {
            happened.push(Happened::AllSaved);
        }
    }

    fn document_mut(&mut self, index: usize) -> Option<&mut Document> {
        if self.current == Some(index) && self.session.is_some() {
            return self.session.as_mut().map(|session| &mut session.document);
        }
        let parked = self.photos.get_mut(index)?.parked.as_mut()?;
        Some(&mut parked.document)
    }

    /// Keeps the document for the case of a crash, whenever its edits have changed.
    fn autosave(&mut self, happened: &mut Vec<Happened>) {
        let Some((session, photo)) = self
            .session
            .as_ref()
            .zip(self.current.and_then(|index| self.photos.get_mut(index)))
        else {
            return;
        };
        let now = (
            Arc::clone(session.document.edits()),
            session.document.codes(),
        );
        let Some(keeper) = &photo.keeper else {
            return;
        };
        if let Some(error) = keeper.take_error() {
            let notice = Notice::error("Autosave failed: save your work elsewhere", &error);
            happened.push(Happened::Notice(notice));
        }
        if photo.kept.as_ref() == Some(&now) {
            return;
        }
        let is_first = photo.kept.is_none();
        photo.kept = Some(now);
        if session.document.is_unsaved() {
            keeper.keep(Project::of(&session.document));
        } else if !is_first {
            keeper.forget();
        }
    }

    /// All is saved or given up: nothing is to be offered after the next start.
    pub fn forget_autosaves(&mut self) {
        for photo in &self.photos {
            if let Some(keeper) = &photo.keeper {
                keeper.forget();
            }
        }
    }
}

/// The project file beside a photo.
fn beside(photo: &Path) -> PathBuf {
    let mut name = photo.as_os_str().to_owned();
    name.push(".jawline");
    PathBuf::from(name)
}
