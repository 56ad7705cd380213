//! A photo of a run and the journal of its folder, for the threads that load and write it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;

use super::Place;
use super::journal::{Error, FileMark, Journal, State};

/// A photo whose result is to be noted. Copies stand for the same work.
#[derive(Debug, Clone)]
pub struct Noted {
    journal: Arc<Mutex<Journal>>,
    place: Place,
    state: State,
    /// The content of the photo's file when the work on it began; `None` where it cannot be read.
    source: Arc<OnceLock<Option<FileMark>>>,
}

impl Noted {
    /// A photo in the journal of its folder, with what that says of it.
    pub fn new(journal: Arc<Mutex<Journal>>, place: Place, state: State) -> Self {
        Self {
            journal,
            place,
            state,
            source: Arc::default(),
        }
    }

    /// The photo's file.
    pub fn source(&self) -> &Path {
        &self.place.source
    }

    /// Whether a stopped run has left this file, so that it may be replaced. Reads it.
    pub fn has_left(&self, file: &Path) -> bool {
        self.state.has_left(file)
    }

    /// Notes that the work begins: before the photo is read, so that one that changes meanwhile is not taken
    /// for done. A photo that cannot be read is reported by whoever loads it.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn begin(&self) -> Result<(), Error> {
        let mark = || FileMark::of(&self.place.source).ok();
        match self.source.get_or_init(mark).clone() {
            Some(source) => self.with(|journal, below| journal.begin(below, source)),
            None => Ok(()),
        }
    }

    /// Notes what is in a finished file that is about to take its name.
    ///
    /// # Errors
    /// When it cannot be read, or the journal not be written.
    pub fn note(&self, file: &mut File) -> io::Result<()> {
        let Some(source) = self.begun() else {
            return Ok(());
        };
        let mark = FileMark::of_open(file)?;
        let noted = self.with(|journal, below| journal.note(below, source, mark));
        noted.map_err(io::Error::other)
    }

    /// Notes that the result is there, with what its owner should know, or whatever else belongs to it.
    ///
    /// # Errors
    /// [`Error::ReadBack`] or [`Error::Write`].
    pub fn finish(&self, report: Value) -> Result<(), Error> {
        let Some(source) = self.begun() else {
            return Ok(());
        };
        self.with(|journal, below| journal.finish(below, source, report))
    }

    fn begun(&self) -> Option<FileMark> {
        self.source.get().cloned().flatten()
    }

    fn with<T>(&self, change: impl FnOnce(&mut Journal, &PathBuf) -> T) -> T {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut journal, &self.place.below)
    }
}
