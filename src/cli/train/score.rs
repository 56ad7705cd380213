//! `jawline train score`.

use clap::{Args, ValueEnum};
use ndarray::Array2;
use serde_json::json;

use super::workshop::{Count, Data, Workshop};
use crate::cli::{EngineOptions, Failure, pictures};
use crate::engine::{Progress, ReadChins, ScorePictures};
use crate::networks::{BatchNorm, ChinMeter, ChinReading, ChinScore, Role};
use crate::training::LinearScorer;
use crate::training::dataset::{Dataset, Scoring, names};

/// Portraits that are scored between two saves.
const CHUNK: usize = 20;

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    data: Data,
    /// What scores: Jawline's own chin meter (the default), the classifier and the parser of the pack (the
    /// default if it has them), or a linear scorer in W that was fitted on our labels
    #[arg(long, value_enum)]
    scorer: Option<Scorer>,
    #[command(flatten)]
    engine: EngineOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scorer {
    Own,
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
            let choice = choice.unwrap_or(match has(Role::Scorer) && has(Role::Parser) {
                true => Scorer::Networks,
                false => Scorer::Own,
            });
            by_pictures(options, &dataset, &workshop, choice)?
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
    dataset.discard(names::READINGS_SO_FAR);
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

/// By networks that see the pictures: ours, or those of the pack. They go on where they were stopped.
fn by_pictures(
    options: &Options,
    dataset: &Dataset,
    workshop: &Workshop,
    scorer: Scorer,
) -> Result<Scored, Failure> {
    let (name, so_far, checksum, bound) = match scorer {
        Scorer::Networks => (
            "classifier and parser of the pack",
            names::SCORES_SO_FAR,
            workshop
                .pack
                .entry(Role::Scorer)
                .map_or_else(String::new, |entry| entry.sha256.clone()),
            ChinScore::THRESHOLD,
        ),
        _ => (
            "chin meter",
            names::READINGS_SO_FAR,
            ChinMeter::checksum(),
            ChinReading::THRESHOLD,
        ),
    };
    let count = dataset.manifest.sample.count;
    let mut progress = Count::of(count, "score", options.data.voice);
    let mut scores: Vec<f32> = match dataset.has(so_far) {
        true => dataset.read(so_far, "score")?.into_iter().collect(),
        false => Vec::new(),
    };
    scores.truncate(count);
    scores.iter().for_each(|_| progress.skip());
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
        let show = |step: &Progress| progress.show(step.fraction * chunk as f32);
        scores.extend(match scorer {
            Scorer::Networks => {
                let name = &workshop.pack.name;
                workshop.run(ScorePictures::new(name, BatchNorm::Stored, pictures), show)?
            }
            _ => {
                let readings = workshop.run(ReadChins::new(pictures), show)?;
                readings.iter().map(|chin| chin.probability).collect()
            }
        });
        (0..chunk).for_each(|_| progress.made());
        dataset.write(so_far, &ndarray::arr1(&scores))?;
    }
    let scoring = Scoring {
        scorer: name.to_owned(),
        checksum,
        scored: count,
    };
    let scores = Array2::from_shape_fn((count, 1), |(sample, _)| scores[sample]);
    Ok((progress, scores, scoring, bound))
}

fn count_above(scores: &Array2<f32>, bound: f32) -> usize {
    scores.iter().filter(|&&score| score > bound).count()
}
