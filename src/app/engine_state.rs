//! What the window knows of the engine.

use crate::engine::{self, Description, Progress};

/// What the window knows of the engine.
#[derive(Default)]
pub struct EngineState {
    /// What it runs with, once it has said so.
    pub description: Option<Description>,
    /// Why the networks cannot run, in words; installing them may help.
    pub missing: Option<String>,
    /// The installation under way.
    pub installing: Option<Option<Progress>>,
    /// The import of networks under way.
    pub importing: Option<Option<Progress>>,
    /// The packs that are installed, as far as known.
    pub packs: Vec<String>,
}

impl EngineState {
    /// Takes the engine's answer in.
    pub fn handle_reply(&mut self, described: Result<Box<Description>, engine::Error>) {
        match described {
            Ok(description) => {
                self.packs.clone_from(&description.packs);
                self.description = Some(*description);
                self.missing = None;
            }
            Err(error) => {
                self.description = None;
                self.missing = Some(error.to_string());
            }
        }
    }

    /// The execution provider that really runs, for the status line.
    pub fn provider_in_words(&self) -> String {
        match &self.description {
            Some(description) => description.provider.to_uppercase(),
            None if self.missing.is_some() => "no networks".to_owned(),
            None => "starting".to_owned(),
        }
    }

    /// More about it.
    pub fn details_in_words(&self) -> String {
        let Some(description) = &self.description else {
            return self
                .missing
                .clone()
                .unwrap_or_else(|| "The engine is starting".to_owned());
        };
        let mut text = format!(
            "Runs on {} with {}; networks «{}»",
            description.provider.to_uppercase(),
            description.library.display(),
            description.pack.name
        );
        if let Some(why) = &description.passed_over {
            text.push_str(&format!("\nNo GPU is used: {why}"));
        }
        text
    }
}
