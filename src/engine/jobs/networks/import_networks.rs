//! Importing networks, as a job.

use std::path::PathBuf;

use crossbeam_channel::Sender;

use super::report_steps;
use crate::engine::job::{OneStep, Progress};
use crate::engine::thread::Waker;
use crate::networks::install::{Imported, import};
use crate::networks::recognise::Kind;

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

/// Imports these files into the pack of this name, detected from their content; with `expected` they must hold
/// that. It is one long step: converting a network takes seconds. Tells `progress` about every file, and calls
/// `wake` then.
pub fn import_networks(
    files: Vec<PathBuf>,
    expected: Option<Kind>,
    pack: String,
    progress: Sender<Progress>,
    wake: Waker,
) -> OneStep<ImportedPack> {
    OneStep::new("import networks", move |context| {
        let mut show = report_steps("import", &progress, &wake);
        let files = import(
            &files,
            expected,
            &pack,
            context.sessions.runtime().ok(),
            &mut show,
            context.cancel,
        )?;
        let pack = pack.clone();
        Ok(ImportedPack { pack, files })
    })
}
