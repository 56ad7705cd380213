//! What a part of the portraits came to (`--shard`), and how parts become one evaluation (`--merge`).

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::outcome::Outcome;
use super::report::Settings;
use crate::cli::Failure;
use crate::cli::answer::to_json;
use crate::cli::shard::{Shard, files_of_parts};

/// What the name of a part's file begins and ends with.
const NAME: [&str; 2] = ["evaluate.", ".json"];

/// The name of a part's file.
pub(super) fn name(shard: Shard) -> String {
    NAME.join(&shard.in_name())
}

/// What a part came to.
#[derive(Serialize, Deserialize)]
pub(super) struct Part {
    /// As they are in `evaluate.json`; parts of other settings do not go together.
    settings: Value,
    /// Each with the place of the portrait among all.
    outcomes: Vec<(usize, Outcome)>,
}

impl Part {
    pub fn new(settings: &Settings, outcomes: Vec<(usize, Outcome)>) -> Result<Self, Failure> {
        Ok(Self {
            settings: to_json(settings)?,
            outcomes,
        })
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(self).map_err(Failure::because)
    }
}

/// The outcomes of all parts in a folder, in the order of the portraits. Each of `count` must be there.
pub(super) fn read(
    folder: &Path,
    settings: &Settings,
    count: usize,
) -> Result<Vec<Outcome>, Failure> {
    let settings = to_json(settings)?;
    let mut found: Vec<Option<Outcome>> = Vec::new();
    found.resize_with(count, || None);
    for path in files_of_parts(folder, NAME) {
        let wrong = |what: String| Failure::because(format!("{}: {what}", path.display()));
        let bytes = fs::read(&path).map_err(|error| wrong(error.to_string()))?;
        let part: Part =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if part.settings != settings {
            return Err(wrong(
                "was measured with other options; give the same ones to --merge".to_owned(),
            ));
        }
        for (index, outcome) in part.outcomes {
            if let Some(place) = found.get_mut(index) {
                *place = Some(outcome);
            }
        }
    }
    let missing = found.iter().filter(|outcome| outcome.is_none()).count();
    if missing > 0 {
        return Err(Failure::because(format!(
            "{}: {missing} of {count} portraits are not measured yet; run the other parts (--shard) first",
            folder.display()
        )));
    }
    Ok(found.into_iter().flatten().collect())
}
