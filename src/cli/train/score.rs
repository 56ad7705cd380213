//! `jawline train score`.

use clap::{Args, ValueEnum};
use ndarray::Axis;
use serde_json::json;

use super::context::{Count, Data, Part, TrainingContext};
use super::score_parts::{self, Scored};
use crate::cli::{EngineOptions, Failure, pictures};
use crate::engine::{Progress, read_chins, score_pictures};
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
    part: Part,
    /// After all shards: score nothing, and gather the scores of all samples
    #[arg(long, conflicts_with_all = ["shard", "scorer"])]
    merge: bool,
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
    if options.merge {
        let scored = score_parts::merge(&dataset, &options.data.data, options.data.console)?;
        return finish(options, &mut dataset, scored);
    }
    let scored = match options.scorer {
        Some(Scorer::Linear) => by_line(options, &dataset)?,
        choice => {
            let context = TrainingContext::for_dataset(&options.engine, &dataset)?;
            let has = |role| context.pack.entry(role).is_some();
            let choice = choice.unwrap_or(match has(Role::Scorer) && has(Role::Parser) {
                true => Scorer::Networks,
                false => Scorer::Own,
            });
            by_pictures(options, &dataset, &context, choice)?
        }
    };
    match options.part.shard {
        Some(shard) => score_parts::write(&dataset, shard, scored, options.data.console),
        None => finish(options, &mut dataset, scored),
    }
}

/// Writes the scores of all samples.
fn finish(options: &Options, dataset: &mut Dataset, scored: Scored) -> Result<(), Failure> {
    let Scored {
        progress,
        scores,
        scoring,
        bound,
    } = scored;
    let above = scores.iter().filter(|&&score| score > bound).count();
    let summary = json!({ "scorer": scoring.scorer, "positive": above });
    let sentence = format!(
        "{above} of {} score above {bound}, by the {}",
        scores.len(),
        scoring.scorer
    );
    let scores = ndarray::Array1::from(scores).insert_axis(Axis(1));
    dataset.write(names::SCORES, &scores)?;
    dataset.manifest.score = Some(scoring);
    dataset.save()?;
    dataset.discard(names::SCORES_SO_FAR);
    dataset.discard(names::READINGS_SO_FAR);
    score_parts::discard(dataset, &options.data.data);
    progress.finish(options.data.console, &sentence, &summary)
}

fn by_line(options: &Options, dataset: &Dataset) -> Result<Scored, Failure> {
    let count = dataset.manifest.sample.count;
    let samples = (0..count).filter(|&sample| options.part.has(sample));
    let mut progress = Count::of(options.part.count(count), "score", options.data.console);
    let scorer = LinearScorer::double_chin()?;
    let mut scores = Vec::new();
    for sample in samples {
        scores.push(scorer.score(dataset.code(sample)?.view())? as f32);
        progress.made();
    }
    let scoring = Scoring {
        scorer: LinearScorer::NAME.to_owned(),
        checksum: LinearScorer::checksum(),
        scored: scores.len(),
    };
    Ok(Scored {
        progress,
        scores,
        scoring,
        bound: 0.0,
    })
}

/// By networks that see the pictures: ours, or those of the pack. They go on where they were stopped.
fn by_pictures(
    options: &Options,
    dataset: &Dataset,
    context: &TrainingContext,
    scorer: Scorer,
) -> Result<Scored, Failure> {
    let (name, so_far, checksum, bound) = match scorer {
        Scorer::Networks => (
            "classifier and parser of the pack",
            names::SCORES_SO_FAR,
            context
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
    let all = 0..dataset.manifest.sample.count;
    let samples: Vec<usize> = all.filter(|&sample| options.part.has(sample)).collect();
    let count = samples.len();
    let mut progress = Count::of(count, "score", options.data.console);
    // A part is scored in one go: what it has so far has no place of its own.
    let has_place = options.part.shard.is_none();
    let mut scores: Vec<f32> = match has_place && dataset.has(so_far) {
        true => dataset.read(so_far, "score")?.into_iter().collect(),
        false => Vec::new(),
    };
    scores.truncate(count);
    scores.iter().for_each(|_| progress.skip());
    while scores.len() < count {
        let chunk = samples.iter().skip(scores.len()).take(CHUNK);
        let pictures = chunk
            .map(|&sample| {
                let path = dataset.path(&names::image(sample))?;
                Ok(pictures::load(&path, options.data.console)?
                    .pixels()
                    .to_rgb8())
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let chunk = pictures.len();
        let show = |step: &Progress| progress.show(step.fraction * chunk as f32);
        scores.extend(match scorer {
            Scorer::Networks => {
                let name = &context.pack.name;
                context.run(score_pictures(name, BatchNorm::Stored, pictures), show)?
            }
            _ => {
                let readings = context.run(read_chins(pictures), show)?;
                readings.iter().map(|chin| chin.probability).collect()
            }
        });
        (0..chunk).for_each(|_| progress.made());
        if has_place {
            dataset.write(so_far, &ndarray::arr1(&scores))?;
        }
    }
    let scoring = Scoring {
        scorer: name.to_owned(),
        checksum,
        scored: count,
    };
    Ok(Scored {
        progress,
        scores,
        scoring,
        bound,
    })
}
