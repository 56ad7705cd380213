//! `jawline boundary interpolate`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::checkpoint::npy;
use crate::cli::output::{FolderOptions, into_folder};
use crate::cli::{Failure, OutputOptions, at_least_one};
use crate::latent::{BoundaryFile, interpolate};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The code: [1,512] in W is moved to distances from the boundary, [1,L,512] in W+ by distances
    #[arg(long, value_name = "C.npy")]
    code: PathBuf,
    /// The boundary
    #[arg(long, value_name = "FILE")]
    boundary: PathBuf,
    /// First distance
    #[arg(long, default_value_t = -3.0, allow_negative_numbers = true)]
    from: f64,
    /// Last distance
    #[arg(long, default_value_t = 3.0, allow_negative_numbers = true)]
    to: f64,
    /// Number of codes
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = at_least_one)]
    steps: usize,
    #[command(flatten)]
    out: FolderOptions,
    #[command(flatten)]
    console: OutputOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = options
        .out
        .folder(&["codes.npy"], &[&options.code, &options.boundary])?;
    let code = npy::read_f32(&options.code)?;
    npy::check_finite(&options.code, &code)?;
    let boundary = BoundaryFile::read(&options.boundary)?.array;
    let codes = interpolate(&code, &boundary, options.from..=options.to, options.steps)?;
    into_folder(out, options.console, |folder| {
        folder.npy("codes.npy", &codes)?;
        Ok(json!({ "codes": options.steps }))
    })
}
