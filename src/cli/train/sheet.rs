//! `jawline train sheet`: the dataset's boundaries side by side.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::context::{Count, Data, TrainingContext};
use crate::cli::answer::JsonPath;
use crate::cli::output::{check_replaced, write_png};
use crate::cli::{EngineOptions, Failure, at_least_one};
use crate::editor::sheet::Sheet;
use crate::engine::Synthesize;
use crate::latent::Boundary;
use crate::photo::resize::resize_levels;
use crate::portrait::tensor::picture_from_tensor;
use crate::training::dataset::{Dataset, names};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    data: Data,
    /// How many portraits, from the highest score down
    #[arg(long, default_value_t = 6, value_name = "K", value_parser = at_least_one)]
    count: usize,
    /// Leave out so many with the highest scores, such as those that were trained on
    #[arg(long, default_value_t = 0, value_name = "N")]
    skip: usize,
    /// Distances along the coarse and the fine boundary
    #[arg(
        long,
        num_args = 2,
        default_values_t = [-4.0, -5.0],
        allow_negative_numbers = true,
        value_names = ["COARSE", "FINE"]
    )]
    alpha: Vec<f32>,
    /// Both boundaries move the layers that drive up to this resolution
    #[arg(long, default_value_t = 32, value_name = "PX")]
    up_to: usize,
    /// Side of a portrait on the sheet
    #[arg(long, default_value_t = 256, value_name = "PX")]
    size: u32,
    /// The sheet's file; sheet.png in the dataset by default
    #[arg(long, value_name = "FILE.png")]
    out: Option<PathBuf>,
    /// Replace the file of --out if it is there already
    #[arg(long, requires = "out")]
    overwrite: bool,
    #[command(flatten)]
    engine: EngineOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let dataset = Dataset::open(&options.data.data)?;
    if let Some(out) = &options.out {
        check_replaced(std::slice::from_ref(out), &[], options.overwrite)?;
    }
    let samples: Vec<usize> = dataset
        .positives(1.0)?
        .into_iter()
        .skip(options.skip)
        .take(options.count)
        .collect();
    let boundaries = [("coarse", names::COARSE), ("fine", names::FINE)]
        .into_iter()
        .zip(&options.alpha)
        .map(|((step, name), &alpha)| {
            dataset.read(name, step)?;
            Ok((step, alpha, Boundary::read(&dataset.path(name)?)?))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let context = TrainingContext::for_dataset(&options.engine, &dataset)?;
    let resolutions = &context.generator.layer_resolutions;
    let mut progress = Count::of(samples.len(), "draw", options.data.console);
    let mut sheet = Sheet::new();
    for (row, &sample) in samples.iter().enumerate() {
        let code = dataset.code(sample)?;
        let mut codes = vec![code.clone()];
        let mut labels = vec![format!("{sample}   photo")];
        for (step, alpha, boundary) in &boundaries {
            codes.push(boundary.edit(code.view(), *alpha, resolutions, options.up_to)?);
            labels.push(format!("{step}   α {alpha:+}"));
        }
        let portraits = context.run(Synthesize::from_codes(codes), |_| ())?;
        for (portrait, label) in portraits.iter().zip(&labels) {
            let picture = picture_from_tensor(portrait.image.view());
            sheet.add(
                row,
                resize_levels(&picture, options.size, options.size),
                label,
            );
        }
        progress.made();
    }
    // The dataset's own sheet is drawn again each time.
    let (path, overwrite) = match &options.out {
        Some(path) => (path.clone(), options.overwrite),
        None => (dataset.path("sheet.png")?, true),
    };
    write_png(&path, sheet.draw(), overwrite)?;
    let figures = json!({ "written": JsonPath(&path), "samples": samples });
    progress.finish(options.data.console, &path.display().to_string(), &figures)
}
