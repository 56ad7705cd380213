//! What the journal is told while the files of a photo are written, and which files may be replaced.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

use super::super::Failure;
use super::super::output::write_with;
use super::outputs::Output;
use crate::editor::batch::{FileMark, Journal};

/// The files of one photo: those that an earlier run has left may be replaced, and each is noted before
/// it takes its name.
pub(super) struct Notes<'a> {
    output: &'a Output,
    overwrite: bool,
    /// The journal, and the content of the photo's file.
    journal: Option<(&'a mut Journal, FileMark)>,
}

impl<'a> Notes<'a> {
    /// Notes that the work on the photo begins, where there is a journal. `overwrite`: whatever is there
    /// may be replaced.
    pub fn begin(
        output: &'a Output,
        journal: Option<&'a mut Journal>,
        overwrite: bool,
    ) -> Result<Self, Failure> {
        output.check_left(overwrite)?;
        // A photo that cannot be read is told when it is loaded.
        let mut journal = journal.zip(FileMark::of(&output.source).ok());
        if let Some((journal, source)) = &mut journal {
            journal.begin(&output.below, source.clone())?;
        }
        Ok(Self {
            output,
            overwrite,
            journal,
        })
    }

    /// Whether a file of that name may be replaced.
    pub fn may_replace(&self, path: &Path) -> bool {
        self.overwrite || self.output.state.has_left(path)
    }

    /// Notes what is in a finished file that is about to take its name.
    pub fn note(&mut self, file: &mut File) -> io::Result<()> {
        let Some((journal, source)) = &mut self.journal else {
            return Ok(());
        };
        let mark = FileMark::of_open(file)?;
        let noted = journal.note(&self.output.below, source.clone(), mark);
        noted.map_err(io::Error::other)
    }

    /// Writes a file with this content, whole or not at all, and notes it.
    pub fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        write_with(path, self.may_replace(path), |file| {
            file.write_all(bytes)?;
            file.flush()?;
            self.note(file.get_mut())
        })
    }

    /// Notes that all is there.
    pub fn finish(self, report: &Value) -> Result<(), Failure> {
        match self.journal {
            Some((journal, source)) => {
                Ok(journal.finish(&self.output.below, source, report.clone())?)
            }
            None => Ok(()),
        }
    }
}
