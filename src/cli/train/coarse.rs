//! `jawline train coarse`.

use clap::Args;
use ndarray::{Axis, Ix2};

use super::context::{Count, Data};
use super::figures;
use crate::cli::Failure;
use crate::cli::output::write_json;
use crate::training::dataset::{Dataset, names};
use crate::training::{Choice, Error, ScoredBoundary, Selection};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    data: Data,
    /// Part of the samples taken from the top as positives, and as many from the bottom as negatives
    #[arg(long, default_value_t = Choice::COARSE.ratio, value_name = "R")]
    ratio: f64,
    /// Part of those that is trained on; the rest validates
    #[arg(long, default_value_t = Choice::COARSE.split, value_name = "R")]
    split: f64,
    /// Seed of the split
    #[arg(long, default_value_t = Choice::COARSE.seed, value_name = "N")]
    seed: u64,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let mut dataset = Dataset::open(&options.data.data)?;
    let mut progress = Count::of(1, "coarse", options.data.console);
    let choice = Choice {
        ratio: options.ratio,
        split: options.split,
        seed: options.seed,
    };
    let selection = Selection::by_score(&dataset.scores()?, choice)?;
    let codes = dataset.read(names::W, "sample")?;
    let shape = codes.shape().to_vec();
    let codes = codes
        .into_dimensionality::<Ix2>()
        .map_err(|_| Error::Shape {
            what: names::W.to_owned(),
            shape,
            expected: "[n, d]".to_owned(),
        })?;
    let fitted = ScoredBoundary::fit(codes.view(), &selection)?;
    let figures = figures(&fitted);
    write_json(&dataset.path("coarse/svm.json")?, &figures, true)?;
    dataset.write(names::COARSE, &fitted.svm.normal().insert_axis(Axis(0)))?;
    dataset.manifest.coarse = Some(choice);
    dataset.save()?;
    progress.made();
    let summary = format!(
        "{}: validation {} of {}, remaining {} of {}",
        names::COARSE,
        fitted.validation.correct,
        fitted.validation.total,
        fitted.remaining.correct,
        fitted.remaining.total
    );
    progress.finish(options.data.console, &summary, &figures)
}
