//! `jawline stage`: every stage of the method alone, files in and files out, for scripts, for
//! researchers who compare implementations, and for checks.

mod align;
mod invert;
mod masks;
mod warp;

use std::path::Path;
use std::time::Instant;

use clap::Subcommand;
use image::GrayImage;
use serde_json::{Value, json};

use super::output::{OutputFolder, print_json};
use super::{Failure, Voice};
use crate::checkpoint::npy;
use crate::geometry::{Landmarks, Point};
use crate::photo::{Limits, Photo};

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
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Align(options) => align::run(&options),
        Command::Masks(options) => masks::run(&options),
        Command::Warp(options) => warp::run(&options),
        Command::Invert(options) => invert::run(&options),
    }
}

/// Runs a stage that writes into a folder and says what it wrote; `figures` are added to the JSON.
fn into_folder(
    out: &Path,
    voice: Voice,
    stage: impl FnOnce(&mut OutputFolder) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut folder = OutputFolder::create(out)?;
    let figures = stage(&mut folder)?;
    if voice.json {
        print_json(&json!({
            "written": folder.written(),
            "figures": figures,
            "seconds": begun.elapsed().as_secs_f64(),
        }))?;
    } else if !voice.quiet {
        eprintln!("{} files in {}", folder.written().len(), out.display());
    }
    Ok(())
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
fn read_labels(path: &Path) -> Result<GrayImage, Failure> {
    let photo = Photo::load(path, &Limits::default())?;
    let labels = photo.pixels().to_luma8();
    match labels.iter().find(|&&label| label > 18) {
        None => Ok(labels),
        Some(label) => Err(Failure::because(format!(
            "{}: {label} is no label of CelebAMask-HQ (0 to 18)",
            path.display()
        ))),
    }
}

/// Points as an array `[n, 2]`.
fn point_array(points: &[Point]) -> ndarray::Array2<f32> {
    ndarray::Array2::from_shape_fn((points.len(), 2), |(index, axis)| {
        let point = points[index];
        (if axis == 0 { point.x } else { point.y }) as f32
    })
}
