//! A life of the program and its user, and what has to hold all the time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::disk::{BEGIN, PlayedDisk, State, TICK_MS, World, index_of};
use super::engine::{Mood, PlayedEngine};
use super::{PHOTOS, alias_path, photo_path, project_path};
use crate::app::notices::{Notice, Remedy};
use crate::app::workspace::disk::{Disk, Reply, Task, WriteId, WriteProgress};
use crate::app::workspace::photos::Origin;
use crate::app::workspace::{Event, Workspace};
use crate::editor::export::ExportOptions;
use crate::editor::project::Replace;
use crate::editor::{Change, Command, Document, FaceId};
use crate::engine::client::Backend;
use crate::latent::OwnBoundaries;
use crate::photo::PhotoId;

/// What the user does, or what happens to them. Numbers beyond what there is wrap around.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    Open(usize),
    OpenAlias(usize),
    OpenProject(usize),
    Switch(usize),
    Close(usize),
    SaveAndClose,
    DiscardAndClose,
    Stay,
    Edit,
    Undo,
    Redo,
    Save,
    SaveAs(usize),
    Remedy,
    Export,
    Copy,
    CancelWrite,
    TryAgain,
    Locate(usize),
    Eject(usize),
    Insert(usize),
    DiskFails(bool),
    EngineFails(bool),
    Wait(u64),
    Crash,
    Recover(usize),
    DiscardRecoverable(usize),
    Quit,
    SaveAndQuit,
    DiscardAndQuit,
}

/// Five seconds.
const FIVE_SECONDS: u64 = 5000 / TICK_MS;

/// A document as the user knows it.
#[derive(Debug)]
struct Known {
    state: State,
    /// The amounts that it had, and since when.
    log: Vec<(u64, f32)>,
    /// It was a crash's: there is an autosave from the first moment on.
    is_recovered: bool,
    /// What its project will hold once a save under way has ended.
    being_saved: Option<State>,
    /// Since when no project holds it, or a save under way is about to overwrite it there.
    at_risk_since: Option<u64>,
}

/// The disk, also in the test's hands.
#[derive(Clone)]
struct SharedDisk(Rc<RefCell<PlayedDisk>>);

impl Disk for SharedDisk {
    fn send(&mut self, task: Task) {
        self.0.borrow_mut().send(task);
    }

    fn poll(&mut self) -> Vec<Reply> {
        self.0.borrow_mut().poll()
    }

    fn progress(&self, id: WriteId) -> Option<WriteProgress> {
        self.0.borrow().progress(id)
    }

    fn cancel(&mut self, id: WriteId) {
        self.0.borrow_mut().cancel(id);
    }
}

pub struct Life {
    pub workspace: Workspace,
    pub world: Rc<RefCell<World>>,
    pub notices: Vec<Notice>,
    pub has_quit: bool,
    disk: SharedDisk,
    mood: Rc<RefCell<Mood>>,
    engine: PlayedEngine,
    boundaries: OwnBoundaries,
    begun: Instant,
    known: BTreeMap<PhotoId, Known>,
    edits_made: u32,
    failed_last: Option<u64>,
    exports_asked: usize,
    exports_ended: usize,
    seed: u64,
}

impl Life {
    pub fn begin(seed: u64) -> Self {
        let world = World::new(seed);
        let boundaries = OwnBoundaries::read().unwrap();
        let mood = Rc::new(RefCell::new(Mood {
            now: BEGIN,
            fails: false,
        }));
        let disk = SharedDisk(Rc::new(RefCell::new(PlayedDisk::new(&world))));
        let mut life = Self {
            workspace: Workspace::new(Box::new(disk.clone()), boundaries.clone()),
            engine: PlayedEngine::new(&mood, seed),
            world,
            notices: Vec::new(),
            has_quit: false,
            disk,
            mood,
            boundaries,
            begun: Instant::now(),
            known: BTreeMap::new(),
            edits_made: 0,
            failed_last: None,
            exports_asked: 0,
            exports_ended: 0,
            seed,
        };
        life.frame();
        life
    }

    /// The program is started (again).
    fn start(&mut self) {
        self.disk = SharedDisk(Rc::new(RefCell::new(PlayedDisk::new(&self.world))));
        self.workspace = Workspace::new(Box::new(self.disk.clone()), self.boundaries.clone());
        self.engine = PlayedEngine::new(&self.mood, self.seed);
        self.known.clear();
        self.notices.clear();
        self.exports_asked = 0;
        self.exports_ended = 0;
    }

    pub fn go(&mut self, step: Step) {
        let allowed_to_vanish = self.step(step);
        self.look(&allowed_to_vanish);
        self.frame();
    }

    /// Everything comes to its end: nothing waits for ever.
    pub fn end(&mut self) {
        self.go(Step::DiskFails(false));
        self.go(Step::EngineFails(false));
        for index in 0..PHOTOS {
            self.go(Step::Insert(index));
        }
        for _ in 0..40 {
            if self.workspace.write_states().is_empty() {
                break;
            }
            self.go(Step::Wait(20));
        }
        let states = self.workspace.write_states();
        assert!(states.is_empty(), "never written: {states:?}");
        assert_eq!(
            self.exports_ended, self.exports_asked,
            "every export is written, or its owner is told: {:?}",
            self.notices
        );
    }

    fn now(&self) -> u64 {
        self.world.borrow().now
    }

    fn chosen(&self, number: usize) -> Option<PhotoId> {
        let photos = self.workspace.photos();
        let photo = photos.get(number.checked_rem(photos.len())?)?;
        Some(photo.id)
    }

    fn current(&self) -> Option<PhotoId> {
        self.workspace.current().map(|photo| photo.id)
    }

    /// Takes a step; the photos that may leave the list with their work come back.
    fn step(&mut self, step: Step) -> Vec<PhotoId> {
        let mut discarded = Vec::new();
        let engine: &mut dyn Backend = &mut self.engine;
        let events = match step {
            Step::Open(index) => self.workspace.open(vec![photo_path(index)], engine),
            Step::OpenAlias(index) => self.workspace.open(vec![alias_path(index)], engine),
            Step::OpenProject(index) => self.workspace.open(vec![project_path(index)], engine),
            Step::Switch(number) => match self.chosen(number) {
                Some(id) => self.workspace.switch(id, &mut self.engine),
                None => Vec::new(),
            },
            Step::Close(number) => match self.chosen(number) {
                Some(id) => self.workspace.close(id, &mut self.engine),
                None => Vec::new(),
            },
            Step::SaveAndClose => {
                if let Some(id) = self.current() {
                    self.workspace.save_and_close(id);
                }
                Vec::new()
            }
            Step::DiscardAndClose => match self.current() {
                Some(id) => {
                    discarded.push(id);
                    self.workspace.discard_and_close(id, &mut self.engine)
                }
                None => Vec::new(),
            },
            Step::Stay => {
                self.workspace.stay();
                Vec::new()
            }
            Step::Edit => {
                self.edits_made += 1;
                let change = Change::Amount(1.0 + self.edits_made as f32 / 100.0);
                let face = FaceId(1);
                self.edit(|document| document.apply(&Command::Edit { face, change }, None))
            }
            Step::Undo => self.edit(Document::undo),
            Step::Redo => self.edit(Document::redo),
            Step::Save => {
                if let Some(id) = self.current() {
                    self.workspace.save(id);
                }
                Vec::new()
            }
            Step::SaveAs(number) => {
                if let Some(id) = self.current() {
                    let path = match number.checked_sub(PHOTOS) {
                        Some(number) => PathBuf::from(format!("/elsewhere/{number}.jawline")),
                        None => project_path(number),
                    };
                    self.workspace.save_as(id, path, Replace::Own);
                }
                Vec::new()
            }
            Step::Remedy => {
                self.remedy();
                Vec::new()
            }
            Step::Export => {
                // What a photo is called is known once it was opened.
                if let Some(photo) = self.workspace.current()
                    && let Some(document) = photo.document()
                {
                    let (id, name) = (photo.id, document.name.clone());
                    self.exports_asked += 1;
                    let path = format!("/out/{}/{name}", self.exports_asked);
                    let options = ExportOptions::default();
                    self.workspace.export(id, path.into(), options, false);
                }
                Vec::new()
            }
            Step::Copy => {
                if let Some(id) = self.current() {
                    self.workspace.copy(id);
                }
                Vec::new()
            }
            Step::CancelWrite => {
                let write = self.workspace.write_states().into_iter().next();
                let is_export = |text: &str| text.contains("xport") || text.contains("the photo");
                if let Some(write) = write.filter(|write| is_export(&write.text)) {
                    self.cancel_write(write.id);
                }
                Vec::new()
            }
            Step::TryAgain => {
                if let Some(id) = self.current() {
                    self.workspace.try_again(id);
                }
                Vec::new()
            }
            Step::Locate(index) => {
                // The user shows the photo where it is, or another one: only the first is sensible.
                if let Some(photo) = self.workspace.current() {
                    let (id, own) = (photo.id, index_of(&photo.name) == index);
                    if own {
                        self.workspace.locate(id, alias_path(index));
                    }
                }
                Vec::new()
            }
            Step::Eject(index) => {
                self.world.borrow_mut().photos.remove(&index);
                Vec::new()
            }
            Step::Insert(index) => {
                self.world.borrow_mut().photos.insert(index);
                Vec::new()
            }
            Step::DiskFails(fails) => {
                let mut world = self.world.borrow_mut();
                if world.fails || fails {
                    self.failed_last = Some(world.now);
                }
                world.fails = fails;
                Vec::new()
            }
            Step::EngineFails(fails) => {
                self.mood.borrow_mut().fails = fails;
                Vec::new()
            }
            Step::Wait(ticks) => {
                for _ in 0..ticks {
                    let now = self.now() + 1;
                    self.world.borrow_mut().now = now;
                    self.mood.borrow_mut().now = now;
                    if self.world.borrow().fails {
                        self.failed_last = Some(now);
                    }
                    self.frame();
                }
                Vec::new()
            }
            Step::Crash => {
                self.check_crash();
                PlayedDisk::die(&self.world);
                self.start();
                Vec::new()
            }
            Step::Recover(number) => match self.recoverable(number) {
                Some(path) => self.workspace.recover(&path, &mut self.engine),
                None => Vec::new(),
            },
            Step::DiscardRecoverable(number) => {
                if let Some(path) = self.recoverable(number) {
                    self.workspace.discard_recoverable(&path);
                }
                Vec::new()
            }
            Step::Quit => self.workspace.quit(),
            Step::SaveAndQuit => {
                self.workspace.save_all_and_quit();
                Vec::new()
            }
            Step::DiscardAndQuit => {
                let _ = self.workspace.discard_all_and_quit();
                self.disk.0.borrow_mut().flush();
                PlayedDisk::die(&self.world);
                self.start();
                Vec::new()
            }
        };
        self.take(events);
        discarded
    }

    fn recoverable(&self, number: usize) -> Option<PathBuf> {
        let all = self.workspace.recoverable();
        Some(all.get(number.checked_rem(all.len())?)?.path.clone())
    }

    /// Changes the document in view, and what the user knows of it.
    fn edit(&mut self, change: impl FnOnce(&mut Document) -> bool) -> Vec<Event> {
        let now = self.now();
        if let Some(id) = self.current()
            && let Some(session) = self.workspace.session_mut()
        {
            change(&mut session.document);
            let amount = session.document.params(FaceId(1)).amount;
            if let Some(known) = self.known.get_mut(&id) {
                known.state.amount = amount;
                known.log.push((now, amount));
            }
        }
        Vec::new()
    }

    /// Stops a write; `true` if it was stopped at once.
    pub fn cancel_write(&mut self, write: WriteId) -> bool {
        let notice = self.workspace.cancel_write(write, &mut self.engine);
        let is_stopped = notice.is_some();
        self.take(notice.map(Event::Notice).into_iter().collect());
        is_stopped
    }

    fn remedy(&mut self) {
        let Some(place) = self.notices.iter().rposition(|it| !it.remedies.is_empty()) else {
            return;
        };
        let notice = self.notices.remove(place);
        match notice.remedies.first() {
            Some(Remedy::ReplaceProject(photo, path)) => {
                self.workspace
                    .save_as(*photo, path.clone(), Replace::Agreed);
            }
            Some(Remedy::OpenProject(photo, path)) => {
                self.workspace
                    .open_project_beside(*photo, path.clone(), &mut self.engine);
            }
            _ => (),
        }
    }

    fn take(&mut self, events: Vec<Event>) {
        let mut quits = false;
        for event in events {
            match event {
                Event::Notice(notice) => {
                    let ends = [
                        "Exported ",
                        "Cancelled",
                        "was not exported",
                        "was closed; the photo",
                    ];
                    if ends.iter().any(|end| notice.text.contains(end)) {
                        self.exports_ended += 1;
                    }
                    self.notices.push(notice);
                }
                Event::MayQuit => {
                    let unsaved = self.workspace.unsaved_names();
                    assert!(unsaved.is_empty(), "quits with {unsaved:?} unsaved");
                    let writes = self.workspace.write_states();
                    assert!(writes.is_empty(), "quits with {writes:?} unwritten");
                    quits = true;
                }
                Event::Shown | Event::NotOpened(_) | Event::Copied(_) => (),
            }
        }
        if quits {
            self.disk.0.borrow_mut().flush();
            for (id, known) in &self.known {
                let kept = self.disk.0.borrow().autosaved(*id);
                assert_eq!(kept, None, "{known:?} is saved, and would be offered again");
            }
            PlayedDisk::die(&self.world);
            self.start();
            self.has_quit = true;
        }
    }

    /// A frame of the window.
    pub fn frame(&mut self) {
        for reply in self.engine.poll() {
            let notice = self.workspace.handle_reply(reply, &mut self.engine);
            self.take(notice.map(Event::Notice).into_iter().collect());
        }
        let events = self.workspace.poll(&mut self.engine);
        self.take(events);
        let now = self.begun + Duration::from_millis(self.now() * TICK_MS);
        (self.workspace).reconcile(now, false, true, &mut self.engine);
        self.look(&[]);
    }

    /// What has to hold all the time.
    fn look(&mut self, may_vanish: &[PhotoId]) {
        let now = self.now();
        // What has left the list is saved, untouched, or was given up.
        let known = std::mem::take(&mut self.known);
        for (id, known) in known {
            let is_open = (self.workspace.photo(id)).is_some_and(|it| it.document().is_some());
            if is_open {
                self.known.insert(id, known);
            } else if !may_vanish.contains(&id) {
                let is_safe = known.state.amount == 0.0 || self.is_saved(known.state);
                assert!(is_safe, "{known:?} is gone");
                let stays_safe = known.being_saved.is_none_or(|it| it == known.state);
                assert!(stays_safe, "{known:?} is gone before it is overwritten");
            }
        }
        for photo in self.workspace.photos() {
            let Some(document) = photo.document() else {
                continue;
            };
            let state = State {
                photo: index_of(&document.name),
                amount: document.params(FaceId(1)).amount,
            };
            let being_saved = self.disk.0.borrow().being_saved(document);
            let is_overwritten = being_saved.is_some_and(|it| it != state);
            let is_at_risk = document.is_unsaved() || is_overwritten;
            if let Some(known) = self.known.get_mut(&photo.id) {
                known.being_saved = being_saved;
                let since = known.at_risk_since.unwrap_or(now);
                known.at_risk_since = is_at_risk.then_some(since);
            }
            let Some(known) = self.known.get(&photo.id) else {
                // Unsaved it may be from the first moment on, too, where another document was saved into its project.
                let is_recovered = matches!(photo.origin, Origin::Autosave(_));
                let log = vec![(now, state.amount)];
                let known = Known {
                    state,
                    log,
                    is_recovered,
                    being_saved,
                    at_risk_since: is_at_risk.then_some(now),
                };
                self.known.insert(photo.id, known);
                continue;
            };
            assert_eq!(state, known.state, "the edits are others than the user's");
            if let Some(source) = &document.source {
                assert_eq!(World::photo_of(source), Some(state.photo), "{source:?}");
            }
            if let Some(pixels) = photo.session.as_ref().and_then(|session| session.photo()) {
                let shown = super::disk::photo_with(pixels);
                assert_eq!(shown, state.photo, "edits on the pixels of another photo");
            }
            self.check_autosave(photo.id, known);
        }
        let is_empty = self.workspace.photos().is_empty();
        assert_eq!(
            self.workspace.current().is_none(),
            is_empty,
            "one is in view"
        );
        // One document a photo.
        let mut open: Vec<usize> = (self.workspace.photos().iter())
            .filter(|photo| photo.identity.is_some())
            .map(|photo| index_of(&photo.name))
            .collect();
        let all = open.len();
        open.sort_unstable();
        open.dedup();
        assert_eq!(open.len(), all, "two documents of one photo");
        for (path, photo) in &self.world.borrow().exports {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(index_of(name), *photo, "another photo's pixels in {path:?}");
        }
    }

    fn is_saved(&self, state: State) -> bool {
        let world = self.world.borrow();
        world.projects.values().any(|saved| saved.of == state)
    }

    fn check_autosave(&self, id: PhotoId, known: &Known) {
        let Some(at_risk_since) = known.at_risk_since else {
            return;
        };
        let autosaved = self.disk.0.borrow().autosaved(id);
        if known.is_recovered && known.log.len() == 1 {
            assert!(autosaved.is_some(), "{known:?} has no autosave any more");
        }
        let changed = known.log.last().map_or(0, |(at, _)| *at);
        let changed = changed.max(at_risk_since);
        let quiet_since = changed.max(self.failed_last.unwrap_or(0) + FIVE_SECONDS);
        if self.now() > quiet_since + FIVE_SECONDS {
            assert_eq!(autosaved, Some(known.state), "not autosaved in time");
        }
    }

    /// At a crash no more than five seconds of work may be lost.
    fn check_crash(&self) {
        let now = self.now();
        for photo in self.workspace.photos().iter().filter(|it| it.is_unsaved()) {
            let Some(known) = self.known.get(&photo.id) else {
                continue;
            };
            let long_ago = now.saturating_sub(FIVE_SECONDS);
            if self
                .failed_last
                .is_some_and(|at| at + 2 * FIVE_SECONDS > now)
            {
                continue;
            }
            let before = known.log.iter().rev().find(|(at, _)| *at <= long_ago);
            let since = known.log.iter().filter(|(at, _)| *at > long_ago);
            let mut good: Vec<f32> = before.into_iter().chain(since).map(|it| it.1).collect();
            let kept = self.disk.0.borrow().autosaved(photo.id);
            match kept {
                Some(kept) => assert!(good.contains(&kept.amount), "{kept:?} of {known:?}"),
                None if known.at_risk_since.is_some_and(|since| since > long_ago) => (),
                None => {
                    good.retain(|amount| {
                        let photo = known.state.photo;
                        *amount == 0.0
                            || self.is_saved(State {
                                photo,
                                amount: *amount,
                            })
                    });
                    assert!(!good.is_empty(), "nothing is left of {known:?}");
                }
            }
        }
    }
}
