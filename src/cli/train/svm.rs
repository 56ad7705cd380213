//! `jawline train svm`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use ndarray::{Array2, Axis, Ix2};
use serde_json::json;

use super::figures;
use crate::checkpoint::npy;
use crate::cli::output::{FolderOptions, into_folder};
use crate::cli::{Failure, OutputOptions};
use crate::training::{Choice, ScoredBoundary, Selection};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Codes, [n,d]
    #[arg(long, value_name = "X.npy")]
    codes: PathBuf,
    /// How much of the attribute each code has, [n] or [n,1]
    #[arg(long, value_name = "S.npy")]
    scores: PathBuf,
    /// Part of the codes taken from the top as positives, and as many from the bottom as negatives
    #[arg(long, default_value_t = Choice::COARSE.ratio, value_name = "R")]
    ratio: f64,
    /// Part of those that is trained on; the rest validates
    #[arg(long, default_value_t = Choice::COARSE.split, value_name = "R")]
    split: f64,
    /// Seed of the split
    #[arg(long, default_value_t = Choice::COARSE.seed, value_name = "N")]
    seed: u64,
    /// Rows to train on instead: positives first, then as many negatives
    #[arg(long, value_name = "I.npy", conflicts_with_all = ["ratio", "split", "seed"])]
    train_index: Option<PathBuf>,
    /// Rows to validate on, of the same kind
    #[arg(long, value_name = "J.npy", requires = "train_index")]
    val_index: Option<PathBuf>,
    #[command(flatten)]
    out: FolderOptions,
    #[command(flatten)]
    console: OutputOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = options.out.folder(
        &["boundary.npy", "svm.json"],
        &[&options.codes, &options.scores],
    )?;
    let codes = read_codes(&options.codes)?;
    let scores = read_scores(&options.scores, codes.nrows())?;
    let selection = match &options.train_index {
        None => {
            let choice = Choice {
                ratio: options.ratio,
                split: options.split,
                seed: options.seed,
            };
            Selection::by_score(&scores, choice)?
        }
        Some(train) => {
            let validation = match &options.val_index {
                Some(validation) => read_rows(validation)?,
                None => Vec::new(),
            };
            Selection::from_rows(&scores, &read_rows(train)?, &validation)?
        }
    };
    into_folder(out, options.console, |folder| {
        let begun = Instant::now();
        let fitted = ScoredBoundary::fit(codes.view(), &selection)?;
        let mut figures = figures(&fitted);
        figures["seconds"] = json!(begun.elapsed().as_secs_f64());
        folder.npy("boundary.npy", &fitted.svm.normal().insert_axis(Axis(0)))?;
        folder.json("svm.json", &figures)?;
        Ok(figures)
    })
}

fn read_codes(path: &Path) -> Result<Array2<f32>, Failure> {
    let codes = npy::read_f32(path)?;
    npy::check_shape(path, &codes, &[None, None])?;
    npy::check_finite(path, &codes)?;
    codes.into_dimensionality::<Ix2>().map_err(Failure::because)
}

fn read_scores(path: &Path, count: usize) -> Result<Vec<f64>, Failure> {
    let scores = npy::read_f32(path)?;
    if scores.ndim() != 1 {
        npy::check_shape(path, &scores, &[Some(count), Some(1)])?;
    } else {
        npy::check_shape(path, &scores, &[Some(count)])?;
    }
    Ok(scores.iter().map(|&score| f64::from(score)).collect())
}

/// Numbers of rows; 32-bit floats hold whole numbers up to 16 million exactly.
fn read_rows(path: &Path) -> Result<Vec<usize>, Failure> {
    npy::read_f32(path)?
        .iter()
        .map(|&row| {
            let is_row =
                row >= 0.0 && row.fract() == 0.0 && row < (1 << f32::MANTISSA_DIGITS) as f32;
            is_row.then_some(row as usize).ok_or_else(|| {
                Failure::because(format!(
                    "{}: {row} is not the number of a row",
                    path.display()
                ))
            })
        })
        .collect()
}
