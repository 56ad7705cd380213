//! `jawline stage diffuse`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ndarray::Array2;
use serde_json::json;

use super::{WorkOptions, into_folder, run_job};
use crate::cli::Failure;
use crate::cli::arrays::{NoiseOptions, StoredCode, read_mask, read_rgb};
use crate::engine::{Diffuse, DiffusionNetworks, Space};
use crate::latent::diffusion::{self, Target};
use crate::networks::pack::COMMUNITY;
use crate::networks::{NetworkSource, Perceptual};
use crate::portrait::tensor::picture_from_tensor;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Perceptual network: the name of a pack, or a file (vgg16.pth or .onnx)
    #[arg(long, value_name = "PERC", default_value = COMMUNITY)]
    perceptual: String,
    /// Code to start at: in W+, [L,n] or [1,L,n], or with --space w in W, [1,n]
    #[arg(long, value_name = "C.npy")]
    init: PathBuf,
    /// Picture to aim at, of the generator's size: the photo outside the mask, the edit inside
    #[arg(long, value_name = "T.png")]
    target: PathBuf,
    /// Soft mask of the edit: white pixels do not count
    #[arg(long, value_name = "M.png")]
    mask: PathBuf,
    /// Number of steps
    #[arg(long, default_value_t = diffusion::Options::default().steps, value_name = "N", value_parser = crate::cli::at_least_one)]
    steps: usize,
    /// Weight of the features' mean squared difference (pixels have 1)
    #[arg(long, default_value_t = diffusion::Options::default().feature_weight, value_name = "W")]
    feature_weight: f32,
    /// Learning rate of Adam
    #[arg(long, default_value_t = diffusion::Options::default().learning_rate)]
    lr: f32,
    /// What is moved: each layer's code, or one code for all layers
    #[arg(long, value_enum, default_value_t = SpaceChoice::WPlus)]
    space: SpaceChoice,
    /// With --space w: truncation ψ before each synthesis
    #[arg(long, default_value_t = 1.0)]
    psi: f32,
    #[command(flatten)]
    noise: NoiseOptions,
    #[command(flatten)]
    work: WorkOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SpaceChoice {
    /// A code for each layer
    #[value(name = "w+")]
    WPlus,
    /// One code for all layers, truncated with --psi
    W,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = options.work.out.folder(
        &["code.npy", "losses.npy", "image.npy", "image.png"],
        &[&options.init, &options.target, &options.mask],
    )?;
    let stored = StoredCode::read(&options.init)?;
    let target = Target {
        picture: read_rgb(&options.target, options.work.console)?,
        mask: read_mask(&options.mask, options.work.console)?,
    };
    let choices = diffusion::Options {
        steps: options.steps,
        learning_rate: options.lr,
        feature_weight: options.feature_weight,
    };
    let networks = DiffusionNetworks {
        perceptual: Perceptual::load(&NetworkSource::named(&options.perceptual))?,
        noise: options.noise.read()?,
        space: match options.space {
            SpaceChoice::WPlus => Space::WPlus,
            SpaceChoice::W => Space::W { psi: options.psi },
        },
    };
    let job = Diffuse::new(target, stored.code.clone(), choices).with_networks(networks);
    let diffused = run_job(&options.work, job.drawing_last())?;
    let report = &diffused.report;
    into_folder(out, options.work.console, |folder| {
        let code = diffused.last.code().clone().into_dyn();
        folder.npy("code.npy", &stored.in_its_shape(&code)?)?;
        let losses = Array2::from_shape_fn((report.losses.len(), 3), |(step, term)| {
            let loss = report.losses[step];
            [loss.pixel, loss.feature, loss.total][term]
        });
        folder.npy("losses.npy", &losses)?;
        if let Some(picture) = &diffused.last_picture {
            folder.npy("image.npy", picture)?;
            folder.png("image.png", picture_from_tensor(picture.view()))?;
        }
        Ok(json!(report))
    })
}
