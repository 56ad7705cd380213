//! `jawline stage features`.

use std::path::PathBuf;

use clap::Args;
use ndarray::Ix4;
use serde_json::json;

use super::{WorkOptions, into_folder, run_job};
use crate::checkpoint::npy;
use crate::cli::Failure;
use crate::engine::compute_features;
use crate::networks::NetworkSource;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Perceptual network: a pack's name, or a file (a checkpoint such as vgg16.pth, or .onnx)
    #[arg(long, value_name = "PERC")]
    perceptual: String,
    /// Pictures [n,3,H,W], RGB in [-1,1], of any size: nothing is resized
    #[arg(long, value_name = "X.npy")]
    image: PathBuf,
    #[command(flatten)]
    work: WorkOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = &options.work.out;
    let out = out.folder(&["features.npy"], &[&options.image])?;
    let array = npy::read_f32(&options.image)?;
    npy::check_shape(&options.image, &array, &[None, Some(3), None, None])?;
    npy::check_finite(&options.image, &array)?;
    let pictures = array
        .into_dimensionality::<Ix4>()
        .map_err(Failure::because)?;
    let job = compute_features(NetworkSource::named(&options.perceptual), pictures);
    let features = run_job(&options.work, job)?;
    into_folder(out, options.work.console, |folder| {
        folder.npy("features.npy", &features)?;
        Ok(json!({ "shape": features.shape() }))
    })
}
