//! `jawline stage score`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use image::RgbImage;
use serde_json::{Value, json};

use super::{WorkOptions, channel_order, into_folder, read_labels, run_job};
use crate::cli::Failure;
use crate::cli::pictures;
use crate::engine::{LabelSource, read_chins, score_picture};
use crate::networks::{BatchNorm, NetworkSource};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Chin classifier: a pack's name, or a file (a checkpoint such as classification_model.pth, or
    /// .onnx); Jawline's own chin meter by default, which needs no label map
    #[arg(long, value_name = "SCORER")]
    scorer: Option<String>,
    /// Aligned crop; for a classifier its middle square is brought to 256 px as the reference does it
    /// (Pillow, bilinear)
    #[arg(long, value_name = "I.png")]
    image: PathBuf,
    /// Label map of the crop, one CelebAMask-HQ label (0–18) a pixel: it says where the neck begins
    #[arg(long, value_name = "L.png", requires = "scorer")]
    labels: Option<PathBuf>,
    /// Let this face parser make the label map, as the reference does it: a pack's name, or a file;
    /// Jawline's own if neither is given
    #[arg(
        long,
        value_name = "PARSER",
        conflicts_with = "labels",
        requires = "scorer"
    )]
    parser: Option<String>,
    /// Statistics of the network's batch normalisations. The reference never leaves training
    /// mode and so runs with per-image; stored is what the network was trained for
    #[arg(long, value_enum, default_value_t = Statistics::Stored, requires = "scorer")]
    batchnorm: Statistics,
    /// Let the network see red and blue swapped, as the reference does with pictures in memory
    #[arg(long, requires = "scorer")]
    bgr: bool,
    #[command(flatten)]
    work: WorkOptions,
}

/// Whose mean and variance the batch normalisations use.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Statistics {
    /// Those of the training set
    Stored,
    /// Those of the picture itself
    PerImage,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = options
        .work
        .out
        .folder(&["score.json"], &[&options.image])?;
    let photo = pictures::load(&options.image, options.work.console)?;
    let picture = photo.pixels().to_rgb8();
    let figures = match &options.scorer {
        Some(scorer) => classified(options, NetworkSource::named(scorer), picture)?,
        None => read(options, picture)?,
    };
    into_folder(out, options.work.console, |folder| {
        folder.json("score.json", &figures)?;
        Ok(figures)
    })
}

/// What our meter says.
fn read(options: &Options, crop: RgbImage) -> Result<Value, Failure> {
    let readings = run_job(&options.work, read_chins(vec![crop]))?;
    let reading = readings
        .first()
        .ok_or_else(|| Failure::because("the chin meter gave no answer"))?;
    Ok(json!({
        "probability": reading.probability,
        "severity": reading.severity,
        "double_chin": reading.has_double_chin(),
    }))
}

/// What a classifier like the published one says.
fn classified(
    options: &Options,
    scorer: NetworkSource,
    picture: RgbImage,
) -> Result<Value, Failure> {
    let labels = match (&options.labels, &options.parser) {
        (Some(path), _) => LabelSource::Known(read_labels(path, options.work.console)?),
        (None, parser) => LabelSource::Parsed(parser.as_deref().map(NetworkSource::named)),
    };
    let norm = match options.batchnorm {
        Statistics::Stored => BatchNorm::Stored,
        Statistics::PerImage => BatchNorm::PerImage,
    };
    let job = score_picture(scorer, norm, picture, labels, channel_order(options.bgr));
    let score = run_job(&options.work, job)?;
    Ok(json!({
        "logits": score.logits,
        "probability": score.probability(),
        "probabilities": score.probabilities(),
        "double_chin": score.has_double_chin(),
    }))
}
