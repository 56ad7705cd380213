//! `jawline stage gradient`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{WorkOptions, into_folder, run_job};
use crate::cli::Failure;
use crate::cli::arrays::{NoiseOptions, StoredCode, noise_file, read_picture};
use crate::engine::differentiate_picture;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Code in W+, [L,n] or [1,L,n]
    #[arg(long, value_name = "C.npy")]
    codes: PathBuf,
    /// Target picture, [1,3,R,R] in [-1,1]
    #[arg(long, value_name = "T.npy")]
    target: PathBuf,
    /// How much each pixel counts, [1,1,R,R] or [1,3,R,R]. The loss is mean(((G−T)·M)²)
    #[arg(long, value_name = "M.npy")]
    mask: PathBuf,
    #[command(flatten)]
    noise: NoiseOptions,
    #[command(flatten)]
    work: WorkOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = options.work.out.folder(
        &["gradient.json", "grad_codes.npy", "grad_noise_*.npy"],
        &[&options.codes, &options.target, &options.mask],
    )?;
    let stored = StoredCode::read(&options.codes)?;
    let target = read_picture(&options.target, &[3])?;
    let mask = read_picture(&options.mask, &[1, 3])?;
    let job = differentiate_picture(stored.code.clone(), options.noise.read()?, target, mask);
    let gradient = run_job(&options.work, job)?;
    into_folder(out, options.work.console, |folder| {
        let figures = json!({ "loss": gradient.loss });
        folder.json("gradient.json", &figures)?;
        folder.npy("grad_codes.npy", &stored.in_its_shape(&gradient.codes)?)?;
        for (index, map) in gradient.noise.iter().enumerate() {
            folder.npy(&format!("grad_{}", noise_file(index)), map)?;
        }
        Ok(figures)
    })
}
