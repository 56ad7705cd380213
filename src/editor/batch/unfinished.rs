//! The queue that is at work, kept for the case of a crash: which photos were on it, and what was to be done to
//! them. Which of them are done, the journals of their folders know.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Edit, Place};
use crate::fs::{self as files, atomic, private};

/// The version of the file.
const VERSION: u64 = 1;
/// No such file is longer.
const MOST_BYTES: u64 = 64 << 20;
const NAME: &str = "queue.json";
/// Held by the program whose queue it is, as long as it lives.
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

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u64,
    #[serde(flatten)]
    queue: Unfinished,
}

/// The place where one unfinished queue is kept. Of several programs one has it; the queues of the others are
/// not kept.
#[derive(Debug)]
pub struct UnfinishedStore {
    folder: PathBuf,
    lock: Option<File>,
    /// What was asked for last: tasks come from threads that may overtake each other.
    latest: u64,
}

impl UnfinishedStore {
    /// In this folder, which is made when there is something to keep.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            lock: None,
            latest: 0,
        }
    }

    /// What a program that was killed has left, unless another program has it.
    pub fn find(&mut self) -> Option<Unfinished> {
        let path = self.folder.join(NAME);
        if !path.exists() || !self.is_ours() {
            return None;
        }
        let is_too_long = fs::metadata(&path).is_ok_and(|file| file.len() > MOST_BYTES);
        let bytes = fs::read(&path).ok().filter(|_| !is_too_long)?;
        match serde_json::from_slice::<Stored>(&bytes) {
            Ok(Stored {
                version: VERSION,
                queue,
            }) => (!queue.places.is_empty()).then_some(queue),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "an unfinished queue makes no sense");
                None
            }
        }
    }

    /// Keeps a queue in the place of the one before. Calls are counted by `number`; one that comes late does
    /// nothing.
    ///
    /// # Errors
    /// As [`atomic::write_private`].
    pub fn keep(&mut self, queue: Unfinished, number: u64) -> Result<(), files::Error> {
        if !self.is_latest(number) {
            return Ok(());
        }
        // Whatever is wrong with the folder, writing says it better.
        let _ = private::create_dir(&self.folder);
        if !self.is_ours() {
            return Ok(());
        }
        let stored = Stored {
            version: VERSION,
            queue,
        };
        let path = self.folder.join(NAME);
        atomic::write_private(&path, |file| serde_json::to_writer(file, &stored))
    }

    /// Forgets the queue. Calls are counted with those of [`keep`](Self::keep).
    pub fn forget(&mut self, number: u64) {
        if self.is_latest(number) && self.is_ours() {
            // It may not be there; and what stays is offered, and declined.
            let _ = fs::remove_file(self.folder.join(NAME));
        }
    }

    fn is_latest(&mut self, number: u64) -> bool {
        let is_latest = number >= self.latest;
        self.latest = self.latest.max(number);
        is_latest
    }

    /// Takes the lock, if no other program has it.
    fn is_ours(&mut self) -> bool {
        if self.lock.is_none() {
            let mut open = File::options();
            let open = open.write(true).create(true).truncate(false);
            let lock = open.open(self.folder.join(LOCK)).ok();
            self.lock = lock.filter(|lock| lock.try_lock().is_ok());
        }
        self.lock.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Unfinished {
        Unfinished {
            places: vec![Place {
                source: "/in/a.jpg".into(),
                folder: "/out".into(),
                below: "a.jpg".into(),
            }],
            replaces: true,
            ..Unfinished::default()
        }
    }

    #[test]
    fn a_killed_program_leaves_its_queue_and_a_living_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("autosave");
        let mut store = UnfinishedStore::new(&folder);
        assert_eq!(store.find(), None);
        store.keep(queue(), 1).unwrap();
        assert_eq!(UnfinishedStore::new(&folder).find(), None, "it is in use");
        drop(store);
        let mut next = UnfinishedStore::new(&folder);
        assert_eq!(next.find(), Some(queue()));
        next.forget(1);
        drop(next);
        assert_eq!(UnfinishedStore::new(&folder).find(), None);
    }

    #[test]
    fn what_comes_late_does_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = UnfinishedStore::new(folder.path());
        store.forget(2);
        store.keep(queue(), 1).unwrap();
        assert_eq!(store.find(), None);
    }

    #[test]
    fn what_makes_no_sense_is_not_offered() {
        let folder = tempfile::tempdir().unwrap();
        for content in [
            "{",
            "{\"version\":2,\"places\":[],\"edit\":{},\"replaces\":false}",
        ] {
            fs::write(folder.path().join(NAME), content).unwrap();
            assert_eq!(UnfinishedStore::new(folder.path()).find(), None);
        }
    }
}
