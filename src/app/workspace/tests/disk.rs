//! A disk that is played: slow, failing when told to, and still there after a crash.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use image::DynamicImage;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{PHOTOS, alias_path, photo_path, project_path};
use crate::app::workspace::disk::{Disk, Recoverable, Reply, Task, WriteId, WriteProgress};
use crate::editor::autosave;
use crate::editor::export::{self, Exported};
use crate::editor::open::{self, Loaded, LoadedPhoto, Source};
use crate::editor::project::{self, Existing, Project, ProjectFile, Replace, check_replacement};
use crate::editor::{Document, FaceId};
use crate::fs;
use crate::photo::{self, Photo, PhotoId};

/// When lives begin: early enough for there to be a five seconds ago.
pub const BEGIN: u64 = 1000;
/// A tick of the played clock.
pub const TICK_MS: u64 = 100;
/// The longest that an autosave waits for changes that follow it: [`autosave`]'s own times.
const AUTOSAVE_TICKS: std::ops::RangeInclusive<u64> = 5..=25;

/// A project on the disk.
#[derive(Debug, Clone)]
pub struct Saved {
    pub bytes: Vec<u8>,
    pub of: State,
}

/// Which photo, and how far its chin is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    pub photo: usize,
    pub amount: f32,
}

impl State {
    pub fn of(project: &Project) -> Self {
        Self {
            photo: index_of(project.name()),
            amount: project.edits().of(FaceId(1)).amount,
        }
    }
}

/// Which photo has this name.
pub fn index_of(name: &str) -> usize {
    let name = name.trim_end_matches(".jawline").trim_end_matches(".jpg");
    name.parse().unwrap()
}

/// What is on the disk, and what was seen there.
pub struct World {
    pub now: u64,
    pub fails: bool,
    /// The photos whose files are there.
    pub photos: BTreeSet<usize>,
    pub projects: BTreeMap<PathBuf, Saved>,
    /// Autosaves by file: the project, and whether a living program holds it.
    pub autosaves: BTreeMap<PathBuf, (Project, bool)>,
    /// Exports that were written: the photo whose pixels it has.
    pub exports: BTreeMap<PathBuf, usize>,
    random: ChaCha8Rng,
    autosave_files: u64,
}

impl World {
    pub fn new(seed: u64) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            now: BEGIN,
            fails: false,
            photos: (0..PHOTOS).collect(),
            projects: BTreeMap::new(),
            autosaves: BTreeMap::new(),
            exports: BTreeMap::new(),
            random: ChaCha8Rng::seed_from_u64(seed),
            autosave_files: 0,
        }))
    }

    fn delay(&mut self) -> u64 {
        self.random.random_range(0..30)
    }

    /// Which photo a path leads to.
    pub fn photo_of(path: &Path) -> Option<usize> {
        (0..PHOTOS).find(|index| photo_path(*index) == path || alias_path(*index) == path)
    }
}

/// The pixels of a photo: each has its own.
pub fn pixels(index: usize) -> Photo {
    let mut picture = DynamicImage::new_rgb8(2, 2);
    if let Some(picture) = picture.as_mut_rgb8() {
        picture.put_pixel(0, 0, image::Rgb([index as u8, 0, 0]));
    }
    Photo::from_pixels(picture)
}

/// Which photo has these pixels.
pub fn photo_with(photo: &Photo) -> usize {
    let pixels = photo.pixels().as_rgb8().unwrap();
    usize::from(pixels.get_pixel(0, 0)[0])
}

fn full(path: &Path) -> fs::Error {
    fs::Error::DiskFull { path: path.into() }
}

/// The disk as one run of the program sees it.
pub struct PlayedDisk {
    world: Rc<RefCell<World>>,
    /// Tasks under way, with the tick at which they are done.
    tasks: Vec<(u64, Task)>,
    /// What is to be autosaved, and when.
    autosaves: BTreeMap<PhotoId, (u64, Option<Project>)>,
    files: BTreeMap<PhotoId, PathBuf>,
    cancelled: BTreeSet<WriteId>,
    replies: VecDeque<Reply>,
}

impl PlayedDisk {
    pub fn new(world: &Rc<RefCell<World>>) -> Self {
        Self {
            world: Rc::clone(world),
            tasks: Vec::new(),
            autosaves: BTreeMap::new(),
            files: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            replies: VecDeque::new(),
        }
    }

    fn file_of(&mut self, photo: PhotoId) -> PathBuf {
        let mut world = self.world.borrow_mut();
        let file = self.files.entry(photo).or_insert_with(|| {
            world.autosave_files += 1;
            PathBuf::from(format!("/data/{}.jawline", world.autosave_files))
        });
        file.clone()
    }

    fn autosave(&mut self, photo: PhotoId, project: Option<Project>) {
        let mut world = self.world.borrow_mut();
        let now = world.now;
        let settled = now + world.random.random_range(AUTOSAVE_TICKS);
        let (due, wish) = self.autosaves.entry(photo).or_insert((settled, None));
        if project.is_none() {
            *due = now;
        }
        *wish = project;
    }

    fn write_autosaves(&mut self) {
        let now = self.world.borrow().now;
        let is_due = |(due, _): &(u64, Option<Project>)| *due <= now;
        let due: Vec<PhotoId> = (self.autosaves.iter())
            .filter(|(_, wish)| is_due(wish))
            .map(|(photo, _)| *photo)
            .collect();
        for photo in due {
            let Some((_, wish)) = self.autosaves.remove(&photo) else {
                continue;
            };
            let file = self.file_of(photo);
            let mut world = self.world.borrow_mut();
            if world.fails && wish.is_some() {
                // Tried again, as the writer does.
                self.autosaves.insert(photo, (now + 10, wish));
                let error = autosave::Error::Internal;
                self.replies.push_back(Reply::AutosaveFailed(photo, error));
                continue;
            }
            match wish {
                Some(project) => {
                    world.autosaves.insert(file, (project, true));
                }
                None => {
                    world.autosaves.remove(&file);
                }
            }
        }
    }

    /// What the autosave of a photo holds.
    pub fn autosaved(&self, photo: PhotoId) -> Option<State> {
        let world = self.world.borrow();
        let (project, _) = world.autosaves.get(self.files.get(&photo)?)?;
        Some(State::of(project))
    }

    /// What a save under way will leave of a document's edits, which are a step of its history.
    pub fn being_saved(&self, document: &Document) -> Option<State> {
        self.tasks.iter().find_map(|(_, task)| {
            let Task::Save { project, .. } = task else {
                return None;
            };
            let mut steps = document.history().steps().iter();
            let is_of_it = steps.any(|step| Arc::ptr_eq(&step.edits, project.edits()));
            is_of_it.then(|| State::of(project))
        })
    }

    /// The program is killed: what was under way is gone, its locks are free.
    pub fn die(world: &Rc<RefCell<World>>) {
        for (_, is_held) in world.borrow_mut().autosaves.values_mut() {
            *is_held = false;
        }
    }

    /// The program ends: what is still to be written is written.
    pub fn flush(&mut self) {
        for (due, _) in self.autosaves.values_mut() {
            *due = 0;
        }
        self.world.borrow_mut().fails = false;
        self.write_autosaves();
    }

    fn perform(&mut self, task: Task) {
        match task {
            Task::FindRecoverable => {
                let mut world = self.world.borrow_mut();
                let mut found = Vec::new();
                for (path, (project, is_held)) in &mut world.autosaves {
                    if !*is_held {
                        *is_held = true;
                        found.push(Recoverable {
                            path: path.clone(),
                            name: project.name().to_owned(),
                            saved_at: SystemTime::UNIX_EPOCH,
                        });
                    }
                }
                drop(world);
                self.replies.push_back(Reply::Recoverable(found));
            }
            Task::Load { photo, source } => {
                let loaded = self.load(source);
                self.replies.push_back(Reply::Loaded(photo, loaded));
            }
            Task::DiscardRecoverable { autosave } => {
                self.world.borrow_mut().autosaves.remove(&autosave);
            }
            Task::Save {
                id,
                project,
                path,
                replace,
            } => {
                let saved = self.save(&project, &path, replace);
                self.replies.push_back(Reply::Saved(id, saved));
            }
            Task::Export {
                id, photo, path, ..
            } => {
                let mut world = self.world.borrow_mut();
                let result = if self.cancelled.contains(&id) {
                    Err(export::Error::Cancelled)
                } else if world.fails {
                    Err(export::Error::Photo(photo::Error::File(full(&path))))
                } else {
                    world.exports.insert(path.clone(), photo_with(&photo));
                    Ok(Exported {
                        path,
                        warnings: Vec::new(),
                    })
                };
                drop(world);
                self.replies.push_back(Reply::Exported(id, result));
            }
            Task::Copy { id, .. } => {
                let pixels = image::RgbaImage::new(1, 1);
                self.replies.push_back(Reply::Copied(id, Ok(pixels)));
            }
            Task::Autosave { .. }
            | Task::ForgetAutosave { .. }
            | Task::AdoptAutosave { .. }
            | Task::PlanBatch { .. }
            | Task::ForgetBatch { .. }
            | Task::DeclineBatch { .. } => (),
        }
    }

    fn photo(&self, path: &Path) -> Result<LoadedPhoto, open::Error> {
        let world = self.world.borrow();
        let index = World::photo_of(path).filter(|index| world.photos.contains(index));
        let Some(index) = index.filter(|_| !world.fails) else {
            return Err(open::Error::Empty { path: path.into() });
        };
        Ok(LoadedPhoto {
            photo: Arc::new(pixels(index)),
            path: path.into(),
            identity: photo_path(index),
            warnings: Vec::new(),
        })
    }

    fn load(&self, source: Source) -> Result<Loaded, open::Error> {
        let with_project = |project: Project| {
            let photo = project.photo_path().unwrap_or(Path::new("")).to_owned();
            Loaded {
                photo: self.photo(&photo),
                project: Some(Box::new(project)),
                beside: None,
            }
        };
        match source {
            Source::File(path) if project::is_project(&path) => {
                let world = self.world.borrow();
                let saved = world.projects.get(&path).filter(|_| !world.fails);
                let Some(saved) = saved.cloned() else {
                    return Err(open::Error::Empty { path });
                };
                drop(world);
                Ok(with_project(Project::from_bytes(&path, &saved.bytes)?))
            }
            Source::Queued(noted) => self.load(Source::File(noted.source().to_owned())),
            Source::File(path) => {
                let photo = self.photo(&path)?;
                let beside = World::photo_of(&path).map(project_path);
                let world = self.world.borrow();
                Ok(Loaded {
                    project: None,
                    photo: Ok(photo),
                    beside: beside.filter(|beside| {
                        let saved = world.projects.get(beside);
                        saved.is_some_and(|saved| Some(saved.of.photo) == World::photo_of(&path))
                    }),
                })
            }
            Source::Photo { path, of } => {
                let path = path.or_else(|| of.photo_path().map(Path::to_owned));
                Ok(Loaded {
                    project: None,
                    photo: self.photo(&path.unwrap_or_default()),
                    beside: None,
                })
            }
            Source::Autosave(path) => {
                let world = self.world.borrow();
                let project = world.autosaves.get(&path).filter(|_| !world.fails);
                let Some((project, _)) = project else {
                    return Err(open::Error::Empty { path });
                };
                let project = project.clone().recovered();
                drop(world);
                Ok(with_project(project))
            }
        }
    }

    fn save(
        &self,
        project: &Project,
        path: &Path,
        replace: Replace,
    ) -> Result<ProjectFile, project::Error> {
        let mut world = self.world.borrow_mut();
        if world.fails {
            return Err(project::Error::Write(full(path)));
        }
        let of = State::of(project);
        if let Some(saved) = world.projects.get(path) {
            let existing = Existing::of(path, saved.bytes.clone());
            check_replacement(path, &existing, project, replace)?;
            assert_eq!(
                saved.of.photo, of.photo,
                "{path:?} is the project of another photo"
            );
        }
        let bytes = project.to_bytes(path, None)?;
        let file = ProjectFile::just_written(path, &bytes);
        world.projects.insert(path.into(), Saved { bytes, of });
        Ok(file)
    }
}

impl Disk for PlayedDisk {
    fn send(&mut self, task: Task) {
        match task {
            Task::Autosave { photo, project } => self.autosave(photo, Some(*project)),
            Task::ForgetAutosave { photo } => self.autosave(photo, None),
            Task::AdoptAutosave { photo, autosave } => {
                self.files.insert(photo, autosave);
            }
            task => {
                if let Task::Load { photo, .. } = &task {
                    self.tasks.retain(|(_, earlier)| {
                        !matches!(earlier, Task::Load { photo: of, .. } if of == photo)
                    });
                }
                let mut world = self.world.borrow_mut();
                let due = world.now + world.delay();
                self.tasks.push((due, task));
            }
        }
    }

    fn poll(&mut self) -> Vec<Reply> {
        let now = self.world.borrow().now;
        for (due, task) in std::mem::take(&mut self.tasks) {
            if due <= now {
                self.perform(task);
            } else {
                self.tasks.push((due, task));
            }
        }
        self.write_autosaves();
        self.replies.drain(..).collect()
    }

    fn progress(&self, _: WriteId) -> Option<WriteProgress> {
        None
    }

    fn cancel(&mut self, id: WriteId) {
        self.cancelled.insert(id);
    }
}
