//! `jawline train`: boundaries from scored codes, or from nothing but a generator.
//!
//! The steps work on one [dataset folder](crate::training::dataset). Each goes on where it was when
//! it was stopped.

mod coarse;
mod context;
mod diffuse;
mod fine;
mod pairs;
mod sample;
mod score;
mod score_parts;
mod sheet;
mod svm;

use clap::Subcommand;
use serde_json::{Value, json};

use super::Failure;
use crate::training::ScoredBoundary;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Fit a boundary to scored codes: a linear support vector machine
    Svm(svm::Options),
    /// 1: draw portraits, with their codes
    Sample(sample::Options),
    /// 2: score how much of a double chin each has
    Score(score::Options),
    /// 3: fit the coarse boundary, in W, to the highest and the lowest scores
    Coarse(coarse::Options),
    /// 4: edit the necks of the positives with the coarse boundary
    Pairs(pairs::Options),
    /// 5: find codes for the edited pictures
    Diffuse(diffuse::Options),
    /// 6: fit the fine boundary, in W+, to the codes with and without
    Fine(fine::Options),
    /// Draw portraits beside their coarse and fine edits
    Sheet(sheet::Options),
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Svm(options) => svm::run(options),
        Command::Sample(options) => sample::run(options),
        Command::Score(options) => score::run(options),
        Command::Coarse(options) => coarse::run(options),
        Command::Pairs(options) => pairs::run(options),
        Command::Diffuse(options) => diffuse::run(options),
        Command::Fine(options) => fine::run(options),
        Command::Sheet(options) => sheet::run(options),
    }
}

/// What there is to say of a fitted boundary: accuracies from 0 to 1, null of an empty list.
fn figures(fitted: &ScoredBoundary) -> Value {
    let svm = &fitted.svm;
    json!({
        "intercept": svm.intercept,
        "weight_norm": svm.weights.dot(&svm.weights).sqrt(),
        "train": fitted.train.ratio(),
        "validation": fitted.validation.ratio(),
        "remaining": fitted.remaining.ratio(),
        "counts": {
            "train": fitted.train,
            "validation": fitted.validation,
            "remaining": fitted.remaining,
        },
        "support_vectors": svm.support_vectors,
        "relative_gap": svm.relative_gap,
        "iterations": svm.iterations,
    })
}
