//! Importing networks, as a job.

use std::path::PathBuf;

use crossbeam_channel::Sender;

use super::report_steps;
use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::engine::thread::Waker;
use crate::networks::install::{Imported, import};
use crate::networks::recognise::Kind;

/// Imports networks into a pack of their own. It is one long step: converting a network takes seconds.
pub struct ImportNetworks {
    files: Vec<PathBuf>,
    expected: Option<Kind>,
    pack: String,
    progress: Sender<Progress>,
    wake: Waker,
}

impl ImportNetworks {
    /// These files into the pack of this name, detected from their content; with `expected` they must hold
    /// that. Tells `progress` about every file, and calls `wake` then.
    pub fn new(
        files: Vec<PathBuf>,
        expected: Option<Kind>,
        pack: String,
        progress: Sender<Progress>,
        wake: Waker,
    ) -> Self {
        Self {
            files,
            expected,
            pack,
            progress,
            wake,
        }
    }
}

/// What was imported, and where it is.
#[derive(Debug, Clone)]
pub struct ImportedPack {
    /// The pack's name.
    pub pack: String,
    /// The files.
    pub files: Vec<Imported>,
}

impl ImportedPack {
    /// What was imported, such as «generator, parser».
    pub fn in_words(&self) -> String {
        let words = self.files.iter().map(|file| file.facts.role.word());
        words.collect::<Vec<_>>().join(", ")
    }
}

impl Job for ImportNetworks {
    type Output = ImportedPack;

    fn name(&self) -> String {
        "import networks".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<ImportedPack>, Error> {
        let mut show = report_steps("import", &self.progress, &self.wake);
        let files = import(
            &self.files,
            self.expected,
            &self.pack,
            context.sessions.runtime().ok(),
            &mut show,
            context.cancel,
        )?;
        Ok(Step::Done(ImportedPack {
            pack: self.pack.clone(),
            files,
        }))
    }
}
