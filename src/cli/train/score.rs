//! `jawline train score`.

use clap::{Args, ValueEnum};
use ndarray::Array2;
use serde_json::json;

use super::workshop::{Count, Data, Workshop};
use crate::cli::{EngineOptions, Failure, pictures};
use crate::engine::ScorePictures;
use crate::networks::{BatchNorm, Role};
use crate::training::LinearScorer;
use crate::training::dataset::{Dataset, Scoring, names};

/// Portraits that are scored between two saves.
const CHUNK: usize = 20;

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    data: Data,
    /// What scores: the classifier and the parser of the pack, or a linear scorer in W that was fitted on
    /// our labels; by default the networks if the pack has them
    #[arg(long, value_enum)]
    scorer: Option<Scorer>,
    #[command(flatten)]
    engine: EngineOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scorer {
    Networks,
    Linear,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let mut dataset = Dataset::open(&options.data.data)?;
    let (progress, scores, scoring, bound) = match options.scorer {
        Some(Scorer::Linear) => by_line(options, &dataset)?,
        choice => {
            let workshop = Workshop::for_dataset(&options.engine, &dataset)?;
            let has = |role| workshop.pack.entry(role).is_some();
            if choice.is_none() && !(has(Role::Scorer) && has(Role::Parser)) {
                by_line(options, &dataset)?
            } else {
                by_networks(options, &dataset, &workshop)?
            }
        }
    };
    dataset.write(names::SCORES, &scores)?;
    let summary = json!({ "scorer": scoring.scorer, "positive": count_above(&scores, bound) });
    let sentence = format!(
        "{} of {} score above {bound}, by the {}",
        count_above(&scores, bound),
        scores.nrows(),
        scoring.scorer
    );
    dataset.manifest.score = Some(scoring);
    dataset.save()?;
    dataset.discard(names::SCORES_SO_FAR);
    progress.finish(options.data.voice, &sentence, &summary)
}

/// The count of what was done, scores `[n, 1]`, what gave them, and the bound above which one means a
/// double chin.
type Scored = (Count, Array2<f32>, Scoring, f32);

fn by_line(options: &Options, dataset: &Dataset) -> Result<Scored, Failure> {
    let count = dataset.manifest.sample.count;
    let mut progress = Count::of(count, "score", options.data.voice);
    let scorer = LinearScorer::double_chin()?;
    let mut scores = Array2::zeros((count, 1));
    for sample in 0..count {
        scores[(sample, 0)] = scorer.score(dataset.code(sample)?.view())? as f32;
        progress.made();
    }
    let scoring = Scoring {
        scorer: LinearScorer::NAME.to_owned(),
        checksum: LinearScorer::checksum(),
        scored: count,
    };
    Ok((progress, scores, scoring, 0.0))
}

fn by_networks(
    options: &Options,
    dataset: &Dataset,
    workshop: &Workshop,
) -> Result<Scored, Failure> {
    /// Above it the published system calls a portrait positive.
    const POSITIVE: f32 = 0.95;
    let count = dataset.manifest.sample.count;
    let mut progress = Count::of(count, "score", options.data.voice);
    let mut scores = match dataset.has(names::SCORES_SO_FAR) {
        true => dataset
            .read(names::SCORES_SO_FAR, "score")?
            .into_iter()
            .collect(),
        false => Vec::new(),
    };
    scores.truncate(count);
    scores.iter().for_each(|_: &f32| progress.skip());
    while scores.len() < count {
        let pictures = (scores.len()..count.min(scores.len() + CHUNK))
            .map(|sample| {
                let path = dataset.path(&names::image(sample))?;
                Ok(pictures::load(&path, options.data.voice)?
                    .pixels()
                    .to_rgb8())
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let chunk = pictures.len();
        let job = ScorePictures::new(&workshop.pack.name, BatchNorm::Stored, pictures);
        scores.extend(workshop.run(job, |step| progress.show(step.fraction * chunk as f32))?);
        (0..chunk).for_each(|_| progress.made());
        dataset.write(names::SCORES_SO_FAR, &ndarray::arr1(&scores))?;
    }
    let checksum = |role| workshop.pack.entry(role).map(|entry| entry.sha256.clone());
    let scoring = Scoring {
        scorer: "classifier and parser of the pack".to_owned(),
        checksum: checksum(Role::Scorer).unwrap_or_default(),
        scored: count,
    };
    let scores = Array2::from_shape_fn((count, 1), |(sample, _)| scores[sample]);
    Ok((progress, scores, scoring, POSITIVE))
}

fn count_above(scores: &Array2<f32>, bound: f32) -> usize {
    scores.iter().filter(|&&score| score > bound).count()
}
