//! `jawline stage mapping`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{WorkOptions, into_folder, run_job};
use crate::cli::Failure;
use crate::cli::arrays::read_matrix;
use crate::engine::map_latents;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Gaussian latents, [m,n]
    #[arg(long, value_name = "Z.npy")]
    z: PathBuf,
    /// Truncation ψ: 0 is the mean of W, 1 leaves codes where they are
    #[arg(long, default_value_t = 1.0)]
    psi: f32,
    /// Truncate the layers before this one only
    #[arg(long, value_name = "L")]
    cutoff: Option<usize>,
    #[command(flatten)]
    work: WorkOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = &options.work.out;
    let out = out.folder(&["w.npy", "codes.npy"], &[&options.z])?;
    let latents = read_matrix(&options.z, "[m,n]")?;
    let job = map_latents(latents, options.psi, options.cutoff);
    let mapped = run_job(&options.work, job)?;
    into_folder(out, options.work.console, |folder| {
        folder.npy("w.npy", &mapped.w)?;
        folder.npy("codes.npy", &mapped.codes)?;
        Ok(json!({ "codes": mapped.codes.shape() }))
    })
}
