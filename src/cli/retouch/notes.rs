//! What the journal is told while the files of a photo are written, and which files may be replaced.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

use super::super::Failure;
use super::super::output::write_with;
use super::outputs::Output;

/// The files of one photo: those that an earlier run has left may be replaced, and each is noted before
/// it takes its name.
pub(super) struct Notes<'a> {
    output: &'a Output,
    overwrite: bool,
}

impl<'a> Notes<'a> {
    /// Notes that the work on the photo begins, where there is a journal. `overwrite`: whatever is there
    /// may be replaced.
    pub fn begin(output: &'a Output, overwrite: bool) -> Result<Self, Failure> {
        output.check_left(overwrite)?;
        if let Some(noted) = &output.noted {
            noted.begin()?;
        }
        Ok(Self { output, overwrite })
    }

    /// Whether a file of that name may be replaced.
    pub fn may_replace(&self, path: &Path) -> bool {
        self.overwrite || self.output.state.has_left(path)
    }

    /// Notes what is in a finished file that is about to take its name.
    pub fn note(&self, file: &mut File) -> io::Result<()> {
        let noted = self.output.noted.as_ref();
        noted.map_or(Ok(()), |noted| noted.note(file))
    }

    /// Writes a file with this content, whole or not at all, and notes it.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        write_with(path, self.may_replace(path), |file| {
            file.write_all(bytes)?;
            file.flush()?;
            self.note(file.get_mut())
        })
    }

    /// Notes that all is there.
    pub fn finish(self, report: &Value) -> Result<(), Failure> {
        match &self.output.noted {
            Some(noted) => Ok(noted.finish(report.clone())?),
            None => Ok(()),
        }
    }
}
