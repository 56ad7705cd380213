//! `jawline stage`: every stage of the method alone, files in and files out, for scripts, for
//! researchers who compare implementations, and for checks.

mod align;
mod diffuse;
mod features;
mod field;
mod gradient;
mod invert;
mod mapping;
mod masks;
mod mix;
mod parse;
mod project;
mod score;
mod warp;

use std::path::Path;

use clap::Subcommand;
use image::GrayImage;

use super::output::{FolderOptions, WorkOptions, into_folder};
use super::pictures;
use super::progress::Reporter;
use super::{Failure, OutputOptions};
use crate::checkpoint::npy;
use crate::engine::{Engine, Job};
use crate::geometry::{Landmarks, Point};
use crate::networks::ChannelOrder;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Cut the FFHQ-aligned crop out of a photo
    Align(align::Options),
    /// Compute every mask from a label map and landmarks
    Masks(masks::Options),
    /// Warp an edited crop towards the photo's outline and composite it
    Warp(warp::Options),
    /// Find the latent code of an aligned crop
    Invert(invert::Options),
    /// Map Gaussian latents to codes
    Mapping(mapping::Options),
    /// Compute the gradient of a picture's loss by code and noise
    Gradient(gradient::Options),
    /// Move a code until its picture agrees with a photo outside a mask
    Diffuse(diffuse::Options),
    /// Project a picture to a code and noise maps, as StyleGAN2's projector does
    Project(project::Options),
    /// Mix layers of one code into another
    Mix(mix::Options),
    /// Ask the neck field where the pixels of a slimmer neck come from, and put it into the crop
    Field(field::Options),
    /// Label the parts of a face with a face parser
    Parse(parse::Options),
    /// Ask a chin classifier whether there is a double chin
    Score(score::Options),
    /// Compute perceptual features: features.npy gets what lies behind the ReLU of convolution 4_3,
    /// [n,512,H/8,W/8]
    Features(features::Options),
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Align(options) => align::run(&options),
        Command::Masks(options) => masks::run(&options),
        Command::Warp(options) => warp::run(&options),
        Command::Invert(options) => invert::run(&options),
        Command::Mapping(options) => mapping::run(&options),
        Command::Gradient(options) => gradient::run(&options),
        Command::Diffuse(options) => diffuse::run(&options),
        Command::Project(options) => project::run(&options),
        Command::Mix(options) => mix::run(&options),
        Command::Field(options) => field::run(&options),
        Command::Parse(options) => parse::run(&options),
        Command::Score(options) => score::run(&options),
        Command::Features(options) => features::run(&options),
    }
}

/// Runs one job in an engine of its own, and says how far it is.
fn run_job<J: Job>(work: &WorkOptions, job: J) -> Result<J::Output, Failure> {
    let engine = Engine::start(work.engine.settings())?;
    let mut reporter = Reporter::new(work.console);
    let output = reporter.run(&engine, job)?;
    reporter.finish();
    Ok(output)
}

/// Reads 68 landmarks, `[68, 2]`, x and y in pixels.
fn read_landmarks(path: &Path) -> Result<Landmarks, Failure> {
    let array = npy::read_f32(path)?;
    npy::check_shape(path, &array, &[Some(Landmarks::COUNT), Some(2)])?;
    let points = std::array::from_fn(|index| {
        Point::new(f64::from(array[[index, 0]]), f64::from(array[[index, 1]]))
    });
    Ok(Landmarks::new(points)?)
}

/// Reads a label map: the first channel of a picture whose values are labels.
fn read_labels(path: &Path, console: OutputOptions) -> Result<GrayImage, Failure> {
    let photo = pictures::load(path, console)?;
    let labels = photo.pixels().to_luma8();
    match labels.iter().find(|&&label| label > 18) {
        None => Ok(labels),
        Some(label) => Err(Failure::because(format!(
            "{}: {label} is no label of CelebAMask-HQ (0 to 18)",
            path.display()
        ))),
    }
}

/// What `--bgr` means.
fn channel_order(bgr: bool) -> ChannelOrder {
    if bgr {
        ChannelOrder::Bgr
    } else {
        ChannelOrder::Rgb
    }
}

/// Points as an array `[n, 2]`.
fn point_array(points: &[Point]) -> ndarray::Array2<f32> {
    ndarray::Array2::from_shape_fn((points.len(), 2), |(index, axis)| {
        let point = points[index];
        (if axis == 0 { point.x } else { point.y }) as f32
    })
}
