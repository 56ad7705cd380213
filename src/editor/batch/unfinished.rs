//! Queues that have not ended, kept for the case of a crash: which photos are on them, and what is to be done to
//! them. Which of them are done, the journals of their folders know. What a program that was killed has left stays
//! here until it is answered for, whatever other queue comes and ends meanwhile.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Edit, Place};
use crate::fs::{self as files, atomic, private};

/// The version of the file.
const VERSION: u64 = 2;
/// No such file is longer.
const MOST_BYTES: u64 = 64 << 20;
const NAME: &str = "queue.json";
/// Held by the program whose queues they are, as long as it lives.
const LOCK: &str = "queue.held";

/// A queue that was not finished.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Unfinished {
    /// The photos that waited, in their order.
    pub places: Vec<Place>,
    /// What was to be done to them.
    pub edit: Edit,
    /// Whether files that are there already may be replaced.
    pub replaces: bool,
}

/// A queue that a killed program has left.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Its name among those that are offered.
    pub id: u64,
    /// What was left of it.
    pub queue: Unfinished,
}

#[derive(Serialize, Deserialize)]
struct Stored<Q> {
    version: u64,
    queues: Vec<Q>,
}

/// The place where unfinished queues are kept. Of several programs one has it; the queues of the others are
/// not kept.
#[derive(Debug)]
pub struct UnfinishedStore {
    folder: PathBuf,
    lock: Option<File>,
    /// What was asked for last: tasks come from threads that may overtake each other.
    latest: u64,
    /// What was there when the lock was taken, and is not answered yet.
    offered: Vec<Offer>,
    /// The queue of this program.
    current: Option<Unfinished>,
}

impl UnfinishedStore {
    /// In this folder, which is made when there is something to keep.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            lock: None,
            latest: 0,
            offered: Vec::new(),
            current: None,
        }
    }

    /// What programs that were killed have left, unless another program has it.
    pub fn find(&mut self) -> Vec<Offer> {
        if self.lock.is_some() || self.path().exists() {
            self.is_ours();
        }
        self.offered.clone()
    }

    /// Keeps a queue in the place of this program's one before, and of those that were offered and are part of it
    /// now. Calls are counted by `number`; one that comes late does nothing.
    ///
    /// # Errors
    /// As [`atomic::write_private`].
    pub fn keep(
        &mut self,
        queue: Unfinished,
        number: u64,
        adopted: &[u64],
    ) -> Result<(), files::Error> {
        if number <= self.latest {
            return Ok(());
        }
        self.latest = number;
        // Whatever is wrong with the folder, writing says it better.
        let _ = private::create_dir(&self.folder);
        if !self.is_ours() {
            return Ok(());
        }
        self.current = Some(queue);
        self.answer(adopted);
        self.write()
    }

    /// Forgets this program's queue, with what it has adopted. Calls are counted with those of
    /// [`keep`](Self::keep).
    pub fn forget(&mut self, number: u64, adopted: &[u64]) {
        if number >= self.latest {
            self.latest = number;
            self.current = None;
            self.decline(adopted);
        }
    }

    /// Forgets queues that were offered.
    pub fn decline(&mut self, offers: &[u64]) {
        if self.lock.is_some() {
            self.answer(offers);
            // What stays is offered again, and declined.
            let _ = self.write();
        }
    }

    fn answer(&mut self, offers: &[u64]) {
        self.offered.retain(|offer| !offers.contains(&offer.id));
    }

    fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    fn write(&self) -> Result<(), files::Error> {
        let offered = self.offered.iter().map(|offer| &offer.queue);
        let queues: Vec<&Unfinished> = offered.chain(&self.current).collect();
        if queues.is_empty() {
            // It may not be there.
            let _ = fs::remove_file(self.path());
            return Ok(());
        }
        let stored = Stored {
            version: VERSION,
            queues,
        };
        atomic::write_private(&self.path(), |file| serde_json::to_writer(file, &stored))
    }

    fn read(&self) -> Vec<Offer> {
        let path = self.path();
        let is_too_long = fs::metadata(&path).is_ok_and(|file| file.len() > MOST_BYTES);
        let Some(bytes) = fs::read(&path).ok().filter(|_| !is_too_long) else {
            return Vec::new();
        };
        let queues = match serde_json::from_slice::<Stored<Unfinished>>(&bytes) {
            Ok(stored) if stored.version == VERSION => stored.queues,
            Ok(_) => Vec::new(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "unfinished queues make no sense");
                Vec::new()
            }
        };
        let queues = queues.into_iter().filter(|queue| !queue.places.is_empty());
        let offers = (0..).zip(queues);
        offers.map(|(id, queue)| Offer { id, queue }).collect()
    }

    /// Takes the lock, if no other program has it, and reads what is there.
    fn is_ours(&mut self) -> bool {
        if self.lock.is_none() {
            let mut open = File::options();
            let open = open.write(true).create(true).truncate(false);
            let lock = open.open(self.folder.join(LOCK)).ok();
            self.lock = lock.filter(|lock| lock.try_lock().is_ok());
            if self.lock.is_some() {
                self.offered = self.read();
            }
        }
        self.lock.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(below: &str) -> Unfinished {
        Unfinished {
            places: vec![Place {
                source: "/in/a.jpg".into(),
                folder: "/out".into(),
                below: below.into(),
            }],
            replaces: true,
            ..Unfinished::default()
        }
    }

    /// What the next program is offered.
    fn offered(folder: &Path) -> Vec<Unfinished> {
        let offers = UnfinishedStore::new(folder).find().into_iter();
        offers.map(|offer| offer.queue).collect()
    }

    /// What a program leaves that is killed while this queue is at work.
    fn killed(folder: &Path, below: &str) {
        let mut store = UnfinishedStore::new(folder);
        store.keep(queue(below), 1, &[]).unwrap();
    }

    #[test]
    fn a_killed_program_leaves_its_queue_and_a_living_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("autosave");
        let mut store = UnfinishedStore::new(&folder);
        assert_eq!(store.find(), Vec::new());
        store.keep(queue("a.jpg"), 1, &[]).unwrap();
        assert_eq!(store.find(), Vec::new(), "it is at work");
        assert_eq!(offered(&folder), Vec::new(), "it is in use");
        drop(store);
        assert_eq!(offered(&folder), [queue("a.jpg")]);
        let mut next = UnfinishedStore::new(&folder);
        next.find();
        next.decline(&[0]);
        drop(next);
        assert_eq!(offered(&folder), Vec::new());
    }

    #[test]
    fn a_queue_that_is_offered_outlives_another() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        killed(folder, "a.jpg");
        // Whether it was looked for before the other one is started, or not.
        for is_looked_for in [true, false] {
            let mut next = UnfinishedStore::new(folder);
            if is_looked_for {
                next.find();
            }
            next.keep(queue("b.jpg"), 1, &[]).unwrap();
            next.forget(1, &[]);
            drop(next);
            assert_eq!(offered(folder), [queue("a.jpg")]);
        }
        killed(folder, "b.jpg");
        assert_eq!(offered(folder), [queue("a.jpg"), queue("b.jpg")]);
        // Declining one leaves the other, and the one at work.
        let mut next = UnfinishedStore::new(folder);
        let first = next.find()[0].id;
        next.keep(queue("c.jpg"), 1, &[]).unwrap();
        next.decline(&[first]);
        drop(next);
        assert_eq!(offered(folder), [queue("b.jpg"), queue("c.jpg")]);
    }

    #[test]
    fn what_is_gone_on_with_is_kept_once_and_forgotten_with_the_queue() {
        let folder = tempfile::tempdir().unwrap();
        killed(folder.path(), "a.jpg");
        let mut next = UnfinishedStore::new(folder.path());
        let adopted = [next.find()[0].id];
        next.keep(queue("a.jpg"), 1, &adopted).unwrap();
        drop(next);
        assert_eq!(offered(folder.path()), [queue("a.jpg")]);
        let mut next = UnfinishedStore::new(folder.path());
        next.find();
        // It was stopped before it was planned, and taken off the list.
        next.forget(1, &adopted);
        next.keep(queue("a.jpg"), 1, &adopted).unwrap();
        drop(next);
        assert_eq!(offered(folder.path()), Vec::new());
    }

    #[test]
    fn what_comes_late_does_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = UnfinishedStore::new(folder.path());
        store.keep(queue("a.jpg"), 2, &[]).unwrap();
        store.keep(queue("b.jpg"), 1, &[]).unwrap();
        store.forget(1, &[]);
        drop(store);
        assert_eq!(offered(folder.path()), [queue("a.jpg")]);
    }

    #[test]
    fn what_makes_no_sense_is_not_offered() {
        let folder = tempfile::tempdir().unwrap();
        for content in [
            "{",
            "{\"version\":3,\"queues\":[{\"places\":[],\"edit\":{},\"replaces\":false}]}",
            "{\"version\":2,\"queues\":[{\"places\":[],\"edit\":{},\"replaces\":false}]}",
        ] {
            fs::write(folder.path().join(NAME), content).unwrap();
            assert_eq!(offered(folder.path()), Vec::new());
        }
    }
}
