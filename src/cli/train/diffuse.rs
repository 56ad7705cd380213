//! `jawline train diffuse`: fine training, step 2.

use clap::Args;
use ndarray::Axis;
use serde_json::json;

use super::context::{Count, Data, Part, TrainingContext};
use crate::cli::output::write_png;
use crate::cli::pictures;
use crate::cli::{EngineOptions, Failure, at_least_one};
use crate::engine::Diffuse;
use crate::latent::diffusion::{self, Target};
use crate::portrait::tensor::{mask_tensor, picture_from_tensor, tensor_from_picture};
use crate::training::Error;
use crate::training::dataset::{Dataset, Diffusing, names};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    data: Data,
    /// Steps of the optimiser
    #[arg(long, default_value_t = diffusion::Options::default().steps, value_name = "N", value_parser = at_least_one)]
    steps: usize,
    /// Adam's learning rate
    #[arg(long, default_value_t = diffusion::Options::default().learning_rate, value_name = "R")]
    lr: f32,
    /// Weight of the features' difference, λ
    #[arg(long, default_value_t = 5e-5, value_name = "W")]
    feature_weight: f32,
    /// Diffuse no more than this many
    #[arg(long, value_name = "K", value_parser = at_least_one)]
    count: Option<usize>,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    engine: EngineOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let mut dataset = Dataset::open(&options.data.data)?;
    let mut samples: Vec<usize> = dataset
        .positives(1.0)?
        .into_iter()
        .filter(|&sample| dataset.has(&names::composite(sample)))
        .collect();
    samples.truncate(options.count.unwrap_or(usize::MAX));
    if samples.is_empty() {
        return Err(Error::StepMissing {
            path: options.data.data.join(names::PAIRS),
            made_by: "pairs",
        }
        .into());
    }
    dataset.begin_diffusing(Diffusing {
        steps: options.steps,
        learning_rate: options.lr,
        feature_weight: options.feature_weight,
    })?;

    let context = TrainingContext::for_dataset(&options.engine, &dataset)?;
    let mine = samples.iter().enumerate();
    let mine = mine.filter(|&(place, _)| options.part.has(place));
    let samples: Vec<usize> = mine.map(|(_, &sample)| sample).collect();
    let mut progress = Count::of(samples.len(), "diffuse", options.data.console);
    for &sample in &samples {
        // The code is written last.
        if dataset.has(&names::diffused_code(sample)) {
            progress.skip();
            continue;
        }
        let load = |name: &str| -> Result<_, Failure> {
            pictures::load(&dataset.path(name)?, options.data.console)
        };
        let target = Target {
            picture: tensor_from_picture(&load(&names::composite(sample))?.pixels().to_rgb8()),
            mask: mask_tensor(&load(&names::mask(sample))?.pixels().to_luma8()),
        };
        let settings = diffusion::Options {
            steps: options.steps,
            learning_rate: options.lr,
            feature_weight: options.feature_weight,
        };
        let job = Diffuse::new(target, dataset.code(sample)?, settings);
        let found = context.run(job, |step| progress.show(step.fraction))?.best;
        let picture = picture_from_tensor(found.picture.view());
        write_png(
            &dataset.path(&names::diffused_image(sample))?,
            picture,
            true,
        )?;
        dataset.write(
            &names::diffused_code(sample),
            &found.code.insert_axis(Axis(0)),
        )?;
        progress.made();
    }
    let folder = options.data.data.join(names::DIFFUSE);
    let summary = format!("{} codes in {}", samples.len(), folder.display());
    let figures = json!({ "codes": samples.len(), "steps": options.steps });
    progress.finish(options.data.console, &summary, &figures)
}
