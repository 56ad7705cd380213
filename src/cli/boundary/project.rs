//! `jawline boundary project`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{cosine, rows};
use crate::cli::output::{FolderOptions, into_folder};
use crate::cli::{Failure, OutputOptions};
use crate::latent::{BoundaryFile, Layout};
use crate::training::conditional::condition_boundary;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The boundary of the attribute
    #[arg(long, value_name = "FILE")]
    primal: PathBuf,
    /// A boundary along which nothing may change; may be given more than once
    #[arg(long = "condition", required = true, value_name = "FILE")]
    conditions: Vec<PathBuf>,
    #[command(flatten)]
    out: FolderOptions,
    #[command(flatten)]
    console: OutputOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let mut inputs = vec![options.primal.as_path()];
    inputs.extend(options.conditions.iter().map(PathBuf::as_path));
    let out = options.out.folder(&["boundary.npy"], &inputs)?;
    let primal = BoundaryFile::read(&options.primal)?;
    let conditions = options
        .conditions
        .iter()
        .map(|path| Ok(BoundaryFile::read(path)?.array))
        .collect::<Result<Vec<_>, Failure>>()?;
    let projected = BoundaryFile {
        array: condition_boundary(&primal.array, &conditions)?,
        layout: if primal.layout == Layout::Coarse {
            Layout::Coarse
        } else {
            Layout::Fine
        },
        intercepts: None,
    };
    into_folder(out, options.console, |folder| {
        folder.npy("boundary.npy", &projected.array)?;
        let (before, after) = (rows(&primal)?, rows(&projected)?);
        let cosines: Vec<f64> = before
            .rows()
            .into_iter()
            .zip(after.rows())
            .map(|(before, after)| cosine(before, after))
            .collect();
        Ok(json!({ "cosine_to_primal": cosines }))
    })
}
