//! The system's disk: each task in a thread of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbaImage;

use super::disk::{Disk, Recoverable, Reply, Task, WriteId, WriteProgress};
use crate::editor::autosave::{self, AutosaveWriter};
use crate::editor::background::{Background, Progress, Unexpected};
use crate::editor::batch::{self, Offer, Plan, UnfinishedStore};
use crate::editor::export::{self, ClipboardPixels, Export};
use crate::editor::open::{self, Loaded};
use crate::editor::project::{self, ProjectFile};
use crate::engine::Waker;
use crate::photo::PhotoId;

/// The system's disk.
pub struct Threads {
    wake: Waker,
    /// Where autosaves go; `None` keeps none.
    autosave_folder: Option<PathBuf>,
    finding: Option<Background<Vec<autosave::Recoverable>, Unexpected>>,
    /// What was found, with the locks that keep other programs from it.
    found: BTreeMap<PathBuf, autosave::Recoverable>,
    autosaves: BTreeMap<PhotoId, AutosaveWriter>,
    /// What is being removed from what is kept for a crash.
    endings: Vec<Background<(), Unexpected>>,
    loads: Vec<(PhotoId, Background<Loaded, open::Error>)>,
    writes: Vec<(WriteId, Write)>,
    discards: Vec<Background<Result<(), autosave::Error>, Unexpected>>,
    plans: Vec<(u64, Background<Plan, batch::Error>)>,
    /// Where the queue is kept; `None` as for autosaves.
    queue: Option<Arc<Mutex<UnfinishedStore>>>,
    finding_queue: Option<Background<Vec<Offer>, Unexpected>>,
}

enum Write {
    Save(Background<ProjectFile, project::Error>),
    Export(Export),
    Copy(ClipboardPixels),
}

/// What came of a write.
enum Outcome {
    Save(Result<ProjectFile, project::Error>),
    Export(Result<export::Exported, export::Error>),
    Copy(Result<RgbaImage, export::Error>),
}

impl Write {
    fn poll(&self) -> Option<Outcome> {
        match self {
            Self::Save(save) => save.poll().map(Outcome::Save),
            Self::Export(export) => export.poll().map(Outcome::Export),
            Self::Copy(copy) => copy.poll().map(Outcome::Copy),
        }
    }

    fn progress(&self) -> Progress {
        match self {
            Self::Save(save) => save.progress(),
            Self::Export(export) => export.progress(),
            Self::Copy(copy) => copy.progress(),
        }
    }
}

impl Threads {
    /// `wake` is called from the threads when there is something to poll.
    pub fn new(autosave_folder: Option<PathBuf>, wake: Waker) -> Self {
        let queue = autosave_folder.as_deref().map(UnfinishedStore::new);
        Self {
            wake,
            queue: queue.map(|store| Arc::new(Mutex::new(store))),
            finding_queue: None,
            autosave_folder,
            finding: None,
            found: BTreeMap::new(),
            autosaves: BTreeMap::new(),
            endings: Vec::new(),
            loads: Vec::new(),
            writes: Vec::new(),
            discards: Vec::new(),
            plans: Vec::new(),
        }
    }

    fn start<T, E>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Background<T, E>
    where
        T: Send + 'static,
        E: From<Unexpected> + Send + 'static,
    {
        Background::start(name, Arc::clone(&self.wake), move |_| work())
    }

    fn find_recoverable(&mut self) {
        if let Some(folder) = self.autosave_folder.clone() {
            let find = move || Ok(autosave::recoverable(&folder));
            self.finding = Some(self.start("recover", find));
        }
        if let Some(queue) = self.queue.clone() {
            let find = move || Ok(held(&queue).find());
            self.finding_queue = Some(self.start("recover", find));
        }
    }

    fn change_queue(&mut self, change: impl FnOnce(&mut UnfinishedStore) + Send + 'static) {
        if let Some(queue) = self.queue.clone() {
            let change = move || {
                change(&mut held(&queue));
                Ok(())
            };
            let ending = self.start("queue", change);
            self.endings.push(ending);
        }
    }
}

fn held(queue: &Mutex<UnfinishedStore>) -> std::sync::MutexGuard<'_, UnfinishedStore> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plans the queue, and keeps it.
fn plan(
    number: u64,
    wish: &batch::Wish,
    queue: Option<&Mutex<UnfinishedStore>>,
) -> Result<Plan, batch::Error> {
    let mut plan = batch::plan(wish)?;
    let kept = queue.map(|queue| held(queue).keep(plan.unfinished(wish), number, &wish.adopted));
    if let Some(Err(error)) = kept {
        plan.remarks.push(format!(
            "The queue is not kept for the case of a crash, after which its photos would have to be added again: {error}"
        ));
    }
    Ok(plan)
}

impl Disk for Threads {
    fn send(&mut self, task: Task) {
        match task {
            Task::FindRecoverable => self.find_recoverable(),
            Task::Load { photo, source } => {
                // Whatever was being loaded for this photo before is not wanted any more.
                self.loads.retain(|(loading, _)| *loading != photo);
                let load = self.start("open", move || open::load(source));
                self.loads.push((photo, load));
            }
            Task::Autosave { photo, project } => {
                if let Some(folder) = &self.autosave_folder {
                    let start = || AutosaveWriter::start(folder);
                    let writer = self.autosaves.entry(photo).or_insert_with(start);
                    writer.keep(*project);
                }
            }
            Task::ForgetAutosave { photo } => {
                if let Some(writer) = self.autosaves.remove(&photo) {
                    writer.forget();
                    // Its end is waited for elsewhere.
                    let ending = self.start("autosave", move || {
                        drop(writer);
                        Ok(())
                    });
                    self.endings.push(ending);
                }
            }
            Task::AdoptAutosave { photo, autosave } => {
                if let Some(found) = self.found.remove(&autosave) {
                    self.autosaves
                        .insert(photo, AutosaveWriter::adopting(found));
                }
            }
            Task::DiscardRecoverable { autosave } => {
                if let Some(found) = self.found.remove(&autosave) {
                    let discard = self.start("discard", move || Ok(found.discard()));
                    self.discards.push(discard);
                }
            }
            Task::Save {
                id,
                project,
                path,
                replace,
            } => {
                let save = self.start("Saving", move || project.write(&path, replace));
                self.writes.push((id, Write::Save(save)));
            }
            Task::Export {
                id,
                photo,
                faces,
                path,
                options,
                is_comparison,
                noted,
            } => {
                let wake = Arc::clone(&self.wake);
                let export = match noted {
                    Some(noted) => Export::noted(photo, faces, path, options, noted, wake),
                    None if is_comparison => Export::comparison(photo, faces, path, options, wake),
                    None => Export::start(photo, faces, path, options, wake),
                };
                self.writes.push((id, Write::Export(export)));
            }
            Task::PlanBatch { plan: number, wish } => {
                let queue = self.queue.clone();
                let work = move || plan(number, &wish, queue.as_deref());
                let work = self.start("queue", work);
                self.plans.push((number, work));
            }
            Task::ForgetBatch { plan, adopted } => {
                self.change_queue(move |queue| queue.forget(plan, &adopted));
            }
            Task::DeclineBatch { offer } => self.change_queue(move |queue| queue.decline(&[offer])),
            Task::Copy { id, photo, faces } => {
                let copy = export::clipboard_pixels(photo, faces, Arc::clone(&self.wake));
                self.writes.push((id, Write::Copy(copy)));
            }
        }
    }

    fn poll(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        if let Some(found) = self.finding.as_ref().and_then(Background::poll) {
            self.finding = None;
            let found = found.unwrap_or_default();
            let names = found.iter().map(|found| Recoverable {
                path: found.path.clone(),
                name: found.name.clone(),
                saved_at: found.saved_at,
            });
            replies.push(Reply::Recoverable(names.collect()));
            let found = found.into_iter().map(|found| (found.path.clone(), found));
            self.found.extend(found);
        }
        if let Some(found) = self.finding_queue.as_ref().and_then(Background::poll) {
            self.finding_queue = None;
            replies.extend(found.ok().map(Reply::Unfinished));
        }
        self.loads.retain(|(photo, load)| match load.poll() {
            None => true,
            Some(loaded) => {
                replies.push(Reply::Loaded(*photo, loaded));
                false
            }
        });
        self.writes.retain(|(id, write)| match write.poll() {
            None => true,
            Some(outcome) => {
                replies.push(match outcome {
                    Outcome::Save(result) => Reply::Saved(*id, result),
                    Outcome::Export(result) => Reply::Exported(*id, result),
                    Outcome::Copy(result) => Reply::Copied(*id, result),
                });
                false
            }
        });
        self.plans.retain(|(plan, work)| match work.poll() {
            None => true,
            Some(planned) => {
                replies.push(Reply::BatchPlanned(*plan, planned));
                false
            }
        });
        self.discards.retain(|discard| match discard.poll() {
            None => true,
            Some(Ok(Err(error))) => {
                replies.push(Reply::DiscardFailed(error));
                false
            }
            Some(_) => false,
        });
        self.endings.retain(|ending| ending.poll().is_none());
        for (photo, writer) in &self.autosaves {
            if let Some(error) = writer.take_error() {
                replies.push(Reply::AutosaveFailed(*photo, error));
            }
        }
        replies
    }

    fn progress(&self, id: WriteId) -> Option<WriteProgress> {
        let (_, write) = self.writes.iter().find(|(write, _)| *write == id)?;
        let Progress { stage, fraction } = write.progress();
        Some(WriteProgress { stage, fraction })
    }

    fn cancel(&mut self, id: WriteId) {
        for (_, write) in self.writes.iter().filter(|(write, _)| *write == id) {
            match write {
                // A project is written in a moment.
                Write::Save(_) => (),
                Write::Export(export) => export.cancel(),
                Write::Copy(copy) => copy.cancel(),
            }
        }
    }
}

impl Drop for Threads {
    /// Waits for what takes a moment: what was forgotten is gone, and what was saved is there.
    fn drop(&mut self) {
        for ending in &mut self.endings {
            ending.wait();
        }
        for (_, write) in &mut self.writes {
            if let Write::Save(save) = write {
                save.wait();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::project::Project;
    use crate::editor::{Change, Command, Document, FaceId};

    #[test]
    fn what_is_forgotten_at_the_very_end_is_not_offered_again() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let mut disk = Threads::new(Some(folder.path().to_owned()), Arc::new(|| ()));
            let mut document = Document::new(None, "a.jpg".to_owned());
            let (face, change) = (FaceId(1), Change::Amount(3.0));
            document.apply(&Command::Edit { face, change }, None);
            let photo = PhotoId::unique();
            let project = Box::new(Project::of(&document));
            disk.send(Task::Autosave { photo, project });
            disk.send(Task::ForgetAutosave { photo });
            drop(disk);
            assert!(autosave::recoverable(folder.path()).is_empty());
        }
    }
}
