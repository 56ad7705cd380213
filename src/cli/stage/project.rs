//! `jawline stage project`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ndarray::{Array2, Axis};
use serde_json::json;

use super::{WorkOptions, into_folder, run_job};
use crate::checkpoint::torch;
use crate::cli::Failure;
use crate::cli::arrays::{NoiseOptions, noise_file, read_matrix, read_picture};
use crate::engine::{Project, Projection};
use crate::latent::Lpips;
use crate::latent::projector::{self, Regularisation, Weights};
use crate::networks::{NetworkSource, Perceptual};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Trunk of LPIPS, five blocks of VGG16: the name of a pack, or a file (.pth or .onnx)
    #[arg(long, value_name = "PERC")]
    lpips_backbone: String,
    /// Linear layers of LPIPS, with the keys lin0.model.1.weight …
    #[arg(long, value_name = "F.pth")]
    lpips_linear: PathBuf,
    /// Side of the pictures that LPIPS compares, in pixels
    #[arg(long, default_value_t = 256, value_name = "PX", value_parser = crate::cli::at_least_one)]
    lpips_size: usize,
    /// Picture to project, [1,3,R,R] in [-1,1], of the generator's size
    #[arg(long, value_name = "T.npy")]
    target: PathBuf,
    /// Number of steps
    #[arg(long, default_value_t = projector::Options::default().steps, value_name = "N", value_parser = crate::cli::at_least_one)]
    steps: usize,
    /// Weight of the noise regularisation (the published class has 1e5)
    #[arg(long, default_value_t = Weights::COMMAND_LINE.noise, value_name = "W")]
    noise_weight: f32,
    /// Weight of the mean squared difference of pixels (the published class has 5e5)
    #[arg(long, default_value_t = Weights::COMMAND_LINE.pixel, value_name = "W")]
    pixel_weight: f32,
    /// Form of the noise regularisation: that of the reference, or of the StyleGAN2 paper
    #[arg(long, value_enum, default_value_t = Form::Published)]
    regularisation: Form,
    /// Learning rate of the plateau
    #[arg(long, default_value_t = projector::Options::default().learning_rate)]
    lr: f64,
    /// How strongly the code is shaken at first, in terms of the deviation of W; 0 for not at all
    #[arg(long, default_value_t = projector::Options::default().exploration, value_name = "S")]
    exploration: f64,
    /// Seed of that shaking
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Gaussian latents [m,n] to measure mean and deviation of W on; 10000 of a fixed seed by default
    #[arg(long, value_name = "Z.npy")]
    stats_z: Option<PathBuf>,
    #[command(flatten)]
    noise: NoiseOptions,
    #[command(flatten)]
    work: WorkOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Mean of squared products with the map shifted along the diagonal
    Published,
    /// Squares of mean products with the map shifted along each axis
    Paper,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let noise = options.noise.files();
    let mut inputs = vec![options.target.as_path(), &options.lpips_linear];
    inputs.extend(noise.iter().map(PathBuf::as_path));
    let names = ["code.npy", "terms.npy", "noise_*.npy", "image.npy"];
    let out = options.work.out.folder(&names, &inputs)?;
    let linear = torch::read(&options.lpips_linear)?;
    let trunk = Perceptual::load(&NetworkSource::named(&options.lpips_backbone))?;
    let latents = options.stats_z.as_deref();
    let projection = Projection {
        target: read_picture(&options.target, &[3])?,
        noise: options.noise.read()?,
        lpips: Lpips::new(trunk.network().clone(), linear)?,
        lpips_size: options.lpips_size,
        regularisation: match options.regularisation {
            Form::Published => Regularisation::Published,
            Form::Paper => Regularisation::Paper,
        },
        latents: latents.map(|path| read_matrix(path, "[m,n]")).transpose()?,
        options: projector::Options {
            steps: options.steps,
            learning_rate: options.lr,
            weights: Weights {
                noise: options.noise_weight,
                pixel: options.pixel_weight,
            },
            exploration: options.exploration,
            seed: options.seed,
        },
    };
    let projected = run_job(&options.work, Project::new(projection))?;
    let report = &projected.report;
    into_folder(out, options.work.console, |folder| {
        let code = projected.last.code().view().insert_axis(Axis(0));
        folder.npy("code.npy", &code)?;
        let terms = Array2::from_shape_fn((report.losses.len(), 5), |(step, term)| {
            let loss = &report.losses[step];
            let terms = [loss.total, loss.perceptual, loss.pixel, loss.noise];
            terms
                .get(term)
                .map_or(loss.learning_rate, |&term| f64::from(term))
        });
        folder.npy("terms.npy", &terms)?;
        for (index, map) in projected.last.noise().iter().enumerate() {
            folder.npy(&noise_file(index), map)?;
        }
        if let Some(picture) = &projected.last_picture {
            folder.npy("image.npy", picture)?;
        }
        Ok(json!(report))
    })
}
