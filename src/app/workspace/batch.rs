//! The queue: many photos, retouched one after the other into a folder. Each has a session of its own that is
//! on no list, and one bad photo stops none of the others.

mod item;
mod work;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::disk::{Disk, Task, WriteId, WriteProgress};
use super::photos::name_of;
use super::writes::Writes;
use crate::app::notices::Notice;
use crate::app::session::{Finding, Session};
use crate::editor::Document;
use crate::editor::batch::{self, Edit, Offer, Plan, Unfinished, Wish};
use crate::editor::export::{self, Exported};
use crate::editor::open::{self, Loaded, Source};
use crate::engine::client::{Backend, Reply};
use crate::latent::OwnBoundaries;
use crate::photo::{Format, Overwrite, PhotoId};
pub use item::{Item, ItemState};
use work::Work;

/// Whose settings the photos get.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BatchSettings {
    /// Those of the face that is chosen in the photo in view.
    #[default]
    Chosen,
    /// Those of a preset, by its name.
    Preset(String),
    /// Those of the queue that is resumed.
    AsBefore,
}

/// What the user chooses for the photos that are started next.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BatchOptions {
    /// The folder of the results.
    pub folder: PathBuf,
    /// Whether sub-folders of folders are looked into.
    pub recursive: bool,
    /// Whose settings.
    pub settings: BatchSettings,
    /// All faces of a photo, not only the largest.
    pub all_faces: bool,
    /// The amount is the least after which the chin meter sees no double chin.
    pub finds_amount: bool,
    /// The format of the results; that of each photo if `None`.
    pub format: Option<Format>,
    /// Whether files that are there already may be replaced.
    pub replaces: bool,
}

/// How far all of it is.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchProgress {
    /// Photos whose result is there.
    pub done: usize,
    /// Photos that have none.
    pub failed: usize,
    /// All photos.
    pub total: usize,
    /// 0 to 1, with the photo in work.
    pub fraction: f32,
    /// What is being done, in words.
    pub stage: &'static str,
    /// The time that is left, once a photo is done.
    pub left: Option<Duration>,
}

/// The queue.
#[derive(Default)]
pub struct Batch {
    /// Photos and folders that are looked through at the start.
    pub inputs: Vec<PathBuf>,
    /// For what is started next.
    pub options: BatchOptions,
    /// Queues that were not finished when the program ended.
    pub(super) offers: Vec<Offer>,
    /// Those of them that are part of this one now.
    adopted: Vec<u64>,
    /// The inputs that are being looked through.
    planning: Vec<PathBuf>,
    items: Vec<Item>,
    stage: Stage,
    plans: u64,
    work: Option<Work>,
    edit: Edit,
    overwrite: Overwrite,
    /// Since when this run goes on, and the photos that were done since.
    begun: Option<Instant>,
    ended: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Idle,
    /// Photos are looked for.
    Planning,
    Running,
    /// What is being written is waited for.
    Stopping,
}

/// What the queue works with.
pub(super) struct Tools<'a> {
    pub disk: &'a mut dyn Disk,
    pub writes: &'a mut Writes,
    pub backend: &'a mut dyn Backend,
}

impl Batch {
    /// The photos, in their order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Is there work under way?
    pub fn is_running(&self) -> bool {
        self.stage != Stage::Idle
    }

    /// How far all of it is.
    pub(super) fn progress(&self, disk: &dyn Disk) -> BatchProgress {
        let count = |wanted: fn(&ItemState) -> bool| {
            let states = self.items.iter().map(|item| &item.state);
            states.filter(|state| wanted(state)).count()
        };
        let done = count(|state| matches!(state, ItemState::Done(_)));
        let failed = count(|state| matches!(state, ItemState::Failed(_)));
        let total = self.items.len();
        let (stage, part) = self.part(disk);
        let left = self.begun.filter(|_| self.ended > 0).map(|begun| {
            let each = begun.elapsed().as_secs_f64() / self.ended as f64;
            let open = total.saturating_sub(done + failed) as f64;
            Duration::from_secs_f64(each * open)
        });
        BatchProgress {
            done,
            failed,
            total,
            fraction: ((done + failed) as f32 + part) / total.max(1) as f32,
            stage,
            left,
        }
    }

    /// What is being done to the photo in work, and how much of it is done, 0 to 1.
    fn part(&self, disk: &dyn Disk) -> (&'static str, f32) {
        match (self.stage, &self.work) {
            (Stage::Idle, _) => ("", 0.0),
            (Stage::Planning, _) => ("Looking for photos", 0.0),
            (Stage::Running | Stage::Stopping, None) => ("", 0.0),
            (_, Some(work)) => match (work.write, &work.session) {
                (Some(write), _) => {
                    let progress: Option<WriteProgress> = disk.progress(write);
                    let fraction = progress.map_or(0.0, |progress| progress.fraction);
                    ("Writing", 0.8 + 0.2 * fraction)
                }
                (None, None) => ("Opening", 0.0),
                (None, Some(session)) if session.finding == Finding::Done => {
                    let prepared = session.preparing().filter_map(|(_, progress)| progress);
                    let fraction = prepared.map(|progress| progress.fraction).next();
                    ("Retouching", 0.2 + 0.6 * fraction.unwrap_or(0.0))
                }
                (None, Some(_)) => ("Finding the face", 0.1),
            },
        }
    }

    /// Begins to look for the photos of the inputs; `kept` are never written to.
    pub(super) fn start(&mut self, edit: Edit, kept: Vec<PathBuf>, disk: &mut dyn Disk) {
        if !self.is_running() {
            self.planning = std::mem::take(&mut self.inputs);
            self.plan(edit, kept, false, disk);
        }
    }

    /// Goes on with a queue that was not finished.
    pub(super) fn go_on_with(&mut self, offer: u64, kept: Vec<PathBuf>, disk: &mut dyn Disk) {
        if self.is_running() {
            return;
        }
        let Some(index) = self.offers.iter().position(|other| other.id == offer) else {
            return;
        };
        let Unfinished {
            places,
            edit,
            replaces,
        } = self.offers.remove(index).queue;
        self.adopted.push(offer);
        self.options = BatchOptions {
            folder: places
                .first()
                .map(|place| place.folder.clone())
                .unwrap_or_default(),
            settings: BatchSettings::AsBefore,
            all_faces: edit.all_faces,
            finds_amount: edit.finds_amount,
            replaces,
            ..BatchOptions::default()
        };
        self.items.extend(places.into_iter().map(Item::waiting));
        self.plan(edit, kept, true, disk);
    }

    /// A queue that was not finished is not wanted.
    pub(super) fn decline(&mut self, offer: u64, disk: &mut dyn Disk) {
        self.offers.retain(|other| other.id != offer);
        disk.send(Task::DeclineBatch { offer });
    }

    /// What is done to the photos of the queue.
    pub fn edit(&self) -> &Edit {
        &self.edit
    }

    fn plan(&mut self, edit: Edit, kept: Vec<PathBuf>, goes_on: bool, disk: &mut dyn Disk) {
        self.overwrite = match self.options.replaces {
            true => Overwrite::ExceptSource,
            false => Overwrite::Never,
        };
        self.edit = edit;
        self.plans += 1;
        self.stage = Stage::Planning;
        let wish = Wish {
            inputs: self.planning.clone(),
            recursive: self.options.recursive,
            folder: self.options.folder.clone(),
            format: self.options.format,
            waiting: self.waiting().map(|item| item.place.clone()).collect(),
            edit: self.edit.clone(),
            replaces: self.options.replaces,
            goes_on,
            adopted: self.adopted.clone(),
            kept,
        };
        disk.send(Task::PlanBatch {
            plan: self.plans,
            wish: Box::new(wish),
        });
    }

    fn waiting(&self) -> impl Iterator<Item = &Item> {
        let items = self.items.iter();
        items.filter(|item| item.state == ItemState::Waiting)
    }

    /// Retouches what waits.
    fn go_on(&mut self) {
        self.stage = Stage::Running;
        self.begun = Some(Instant::now());
        self.ended = 0;
    }

    /// Lets those that have failed wait again.
    pub fn retry(&mut self) {
        for item in &mut self.items {
            if matches!(item.state, ItemState::Failed(_)) {
                item.state = ItemState::Waiting;
            }
        }
    }

    /// Takes everything off the queue that has ended or waits.
    pub(super) fn clear(&mut self, disk: &mut dyn Disk) {
        if !self.is_running() {
            self.items.clear();
            self.forget(disk);
        }
    }

    /// The queue need not be kept any longer.
    fn forget(&mut self, disk: &mut dyn Disk) {
        disk.send(Task::ForgetBatch {
            plan: self.plans,
            adopted: std::mem::take(&mut self.adopted),
        });
    }

    /// Stops: what is in work waits again, unless its file is there before it can be stopped.
    pub(super) fn cancel(&mut self, disk: &mut dyn Disk, backend: &mut dyn Backend) {
        match self.work.take() {
            Some(work) if work.write.is_some() => {
                work.write.into_iter().for_each(|write| disk.cancel(write));
                self.work = Some(work);
                self.stage = Stage::Stopping;
            }
            Some(mut work) => {
                if let Some(session) = &mut work.session {
                    session.unload(backend);
                }
                self.set(work.item, ItemState::Waiting);
                self.stage = Stage::Idle;
            }
            None => self.stage = Stage::Idle,
        }
    }

    fn set(&mut self, item: usize, state: ItemState) {
        if let Some(item) = self.items.get_mut(item) {
            item.state = state;
        }
    }

    pub(super) fn handle_planned(
        &mut self,
        plan: u64,
        result: Result<Plan, batch::Error>,
    ) -> Vec<Notice> {
        if self.stage != Stage::Planning || plan != self.plans {
            return Vec::new();
        }
        match result {
            Err(error) => {
                self.stage = Stage::Idle;
                self.inputs.splice(0..0, self.planning.drain(..));
                vec![Notice::error("The queue was not started", &error)]
            }
            Ok(plan) => {
                self.planning.clear();
                let mut planned = plan.photos.into_iter();
                let items = self.items.iter_mut();
                let waiting = items.filter(|item| item.state == ItemState::Waiting);
                // The plan names those that wait first.
                for (item, planned) in waiting.zip(planned.by_ref()) {
                    item.follow(planned);
                }
                for planned in planned {
                    let mut item = Item::waiting(planned.place.clone());
                    item.follow(planned);
                    self.items.push(item);
                }
                self.go_on();
                plan.remarks.into_iter().map(Notice::warning).collect()
            }
        }
    }

    /// The session of the photo in work.
    pub(super) fn session(&mut self) -> Option<&mut Session> {
        self.work.as_mut()?.session.as_mut()
    }

    /// Is this the photo in work?
    pub(super) fn works_on(&self, photo: PhotoId) -> bool {
        self.work.as_ref().is_some_and(|work| work.photo == photo)
    }

    pub(super) fn handle_reply(&mut self, reply: Reply, backend: &mut dyn Backend) {
        let Some(work) = &mut self.work else {
            return;
        };
        let notice = match &mut work.session {
            Some(session) => session.handle_reply(reply, backend),
            None => None,
        };
        work.warnings.extend(notice.map(|notice| notice.text));
    }

    pub(super) fn handle_loaded(
        &mut self,
        loaded: Result<Loaded, open::Error>,
        boundaries: &OwnBoundaries,
    ) {
        let method = self.edit.params.settings.method;
        let Some(work) = &mut self.work else {
            return;
        };
        let loaded = loaded.and_then(|loaded| match loaded.project {
            Some(_) => Ok(None),
            None => loaded.photo.map(Some),
        });
        match loaded {
            Ok(Some(photo)) => {
                let name = name_of(&photo.path);
                let document = Document::beginning_with(method, Some(photo.path), name);
                let mut session = Session::new(work.photo, document, boundaries.clone());
                session.refines_keyframes = false;
                session.load(photo.photo);
                work.warnings.extend(photo.warnings);
                work.session = Some(session);
            }
            Ok(None) => self.end(Err(
                "it is a project, which has edits of its own; open it, and export its photo"
                    .to_owned(),
            )),
            Err(error) => self.end(Err(error.to_string())),
        }
    }

    /// Gives back the outcome of a write that is not the queue's.
    pub(super) fn handle_exported(
        &mut self,
        write: WriteId,
        result: Result<Exported, export::Error>,
    ) -> Option<Result<Exported, export::Error>> {
        if (self.work.as_ref()).is_none_or(|work| work.write != Some(write)) {
            return Some(result);
        }
        match result {
            Err(error) if error.is_cancelled() => {
                if let Some(work) = self.work.take() {
                    self.set(work.item, ItemState::Waiting);
                }
            }
            Err(error) => self.end(Err(error.to_string())),
            Ok(exported) => self.end(Ok(exported.warnings)),
        }
        None
    }

    /// The photo in work has ended.
    fn end(&mut self, result: Result<Vec<String>, String>) {
        let Some(work) = self.work.take() else {
            return;
        };
        // One that fails takes no time, and tells nothing of the others.
        self.ended += usize::from(result.is_ok());
        let state = match result {
            Ok(more) => ItemState::Done(work.warnings.into_iter().chain(more).collect()),
            Err(why) => ItemState::Failed(why),
        };
        self.set(work.item, state);
    }

    /// Goes on as far as it can; returns what to report when all of it has ended.
    pub(super) fn advance(&mut self, mut tools: Tools<'_>) -> Option<Notice> {
        if !matches!(self.stage, Stage::Running | Stage::Stopping) {
            return None;
        }
        if let Some(mut work) = self.work.take() {
            let out = (self.items.get(work.item)).map(|item| item.place.out());
            let out = out.unwrap_or_default();
            let outcome = work.go_on(&self.edit, self.overwrite, out, &mut tools);
            if let (Err(_), Some(session)) = (&outcome, &mut work.session) {
                session.unload(tools.backend);
            }
            self.work = Some(work);
            match outcome {
                Ok(()) => return None,
                Err(why) => self.end(Err(why)),
            }
        }
        if self.stage == Stage::Stopping {
            self.stage = Stage::Idle;
            return None;
        }
        let mut items = self.items.iter();
        let Some(next) = items.position(|item| item.state == ItemState::Waiting) else {
            self.stage = Stage::Idle;
            self.forget(tools.disk);
            return Some(self.summary(tools.disk));
        };
        self.begin(next, tools.disk);
        None
    }

    fn begin(&mut self, next: usize, disk: &mut dyn Disk) {
        let Some(item) = self.items.get_mut(next) else {
            return;
        };
        let Some(noted) = item.noted.clone() else {
            item.state = ItemState::Failed("it has no place yet; start the queue again".to_owned());
            return;
        };
        item.state = ItemState::Running;
        let photo = PhotoId::unique();
        disk.send(Task::Load {
            photo,
            source: Source::Queued(noted.clone()),
        });
        self.work = Some(Work {
            item: next,
            photo,
            noted,
            session: None,
            undecided: None,
            write: None,
            warnings: Vec::new(),
        });
    }

    fn summary(&self, disk: &dyn Disk) -> Notice {
        let BatchProgress { done, failed, .. } = self.progress(disk);
        match failed {
            0 => Notice::done(format!("The queue has ended: {done} retouched")),
            _ => Notice::warning(format!(
                "The queue has ended: {done} retouched, {failed} failed; the queue says why"
            )),
        }
    }
}
