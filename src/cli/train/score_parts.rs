//! Scores of parts of the samples, and how they become those of all.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::context::Count;
use crate::cli::output::write_json;
use crate::cli::shard::{Shard, files_of_parts};
use crate::cli::{Failure, OutputOptions};
use crate::training::dataset::names::SCORES_OF_PART;
use crate::training::dataset::{Dataset, Scoring};

/// What came of scoring.
pub(super) struct Scored {
    pub progress: Count,
    /// Of the samples that were to be scored here, in their order.
    pub scores: Vec<f32>,
    pub scoring: Scoring,
    /// A score above it means a double chin.
    pub bound: f32,
}

/// The scores of a part.
#[derive(Serialize, Deserialize)]
struct Part {
    /// Which part it is of how many, such as 1/3.
    part: String,
    scoring: Scoring,
    bound: f32,
    scores: Vec<f32>,
}

/// Writes the scores of a part.
pub(super) fn write(
    dataset: &Dataset,
    shard: Shard,
    scored: Scored,
    console: OutputOptions,
) -> Result<(), Failure> {
    let path = dataset.path(&SCORES_OF_PART.join(&shard.in_name()))?;
    let count = scored.scores.len();
    let part = Part {
        part: shard.to_string(),
        scoring: scored.scoring,
        bound: scored.bound,
        scores: scored.scores,
    };
    write_json(&path, &part, true)?;
    let sentence = format!("{count} scores in {}", path.display());
    scored
        .progress
        .finish(console, &sentence, &json!({ "scored": count }))
}

/// The scores of all parts together, in the order of the samples.
pub(super) fn merge(
    dataset: &Dataset,
    folder: &Path,
    console: OutputOptions,
) -> Result<Scored, Failure> {
    let count = dataset.manifest.sample.count;
    let mut scores = vec![None; count];
    let mut scoring: Option<(Scoring, f32)> = None;
    for path in files_of_parts(folder, SCORES_OF_PART) {
        let wrong = |what: &str| Failure::because(format!("{}: {what}", path.display()));
        let bytes = fs::read(&path).map_err(|error| wrong(&error.to_string()))?;
        let part: Part =
            serde_json::from_slice(&bytes).map_err(|error| wrong(&error.to_string()))?;
        let shard: Shard = part.part.parse().map_err(|why: String| wrong(&why))?;
        let mine: Vec<usize> = (0..count).filter(|&sample| shard.has(sample)).collect();
        if mine.len() != part.scores.len() {
            return Err(wrong(
                "was scored for another number of samples; score that part again",
            ));
        }
        let this = Scoring {
            scored: count,
            ..part.scoring
        };
        match &scoring {
            Some((other, bound)) if *other != this || *bound != part.bound => {
                return Err(wrong("was scored in another way than the parts before it"));
            }
            _ => scoring = Some((this, part.bound)),
        }
        for (sample, score) in mine.into_iter().zip(part.scores) {
            if let Some(place) = scores.get_mut(sample) {
                *place = Some(score);
            }
        }
    }
    let missing = scores.iter().position(Option::is_none);
    let (Some((scoring, bound)), None) = (scoring, missing) else {
        return Err(Failure::because(format!(
            "{}: portrait {} has no score yet; run the step's other parts (--shard) first",
            folder.display(),
            missing.unwrap_or_default()
        )));
    };
    let mut progress = Count::of(count, "score", console);
    (0..count).for_each(|_| progress.skip());
    Ok(Scored {
        progress,
        scores: scores.into_iter().flatten().collect(),
        scoring,
        bound,
    })
}

/// Removes the scores of parts, which are in those of all now.
pub(super) fn discard(dataset: &Dataset, folder: &Path) {
    for path in files_of_parts(folder, SCORES_OF_PART) {
        let name = path.file_name().unwrap_or_default();
        dataset.discard(&name.to_string_lossy());
    }
}
