//! `jawline stage field`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use image::{DynamicImage, GrayImage};
use ndarray::{Array2, Array3};
use serde_json::json;

use super::{WorkOptions, into_folder, run_job};
use crate::cli::Failure;
use crate::cli::pictures;
use crate::engine::{AlignFace, EditParams, FindFaces, MoveFace};
use crate::latent::Boundary;
use crate::networks::detector::Search;
use crate::portrait::field::{GRID_SIZE, NeckField};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Aligned crop
    #[arg(long, value_name = "CROP.png")]
    image: PathBuf,
    /// How much of the double chin to remove, 0 to 100
    #[arg(long, value_name = "P", value_parser = crate::cli::retouch::amount, default_value_t = Boundary::DEFAULT_AMOUNT, allow_negative_numbers = true)]
    amount: f32,
    #[command(flatten)]
    work: WorkOptions,
}

const FILES: [&str; 5] = [
    "flow.npy",
    "shade.npy",
    "detail.npy",
    "mask.png",
    "result.png",
];

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = options.work.out.folder(&FILES, &[&options.image])?;
    let crop = Arc::new(pictures::load(&options.image, options.work.console)?);
    let name = options.image.display().to_string();
    let find = FindFaces::new(Arc::clone(&crop), name.clone(), Search::Quick);
    let faces = run_job(&options.work, find)?;
    let landmarks = faces.into_iter().find_map(|face| face.landmarks.ok());
    let landmarks = landmarks.ok_or_else(|| {
        Failure::because(format!(
            "{name}: no face was found in the crop; cut it out of a photo with `jawline stage align`"
        ))
    })?;
    let align = AlignFace::of_crop(crop, landmarks.landmarks);
    let (aligned, _) = run_job(&options.work, align)?;
    let params = EditParams::along(
        Arc::new(Boundary::fine()?),
        Boundary::alpha_of_amount(options.amount),
    );
    let moved = run_job(&options.work, MoveFace::new(aligned, params))?;
    into_folder(out, options.work.console, |folder| {
        let field = &moved.edit.field;
        folder.npy("flow.npy", &flow(field))?;
        folder.npy("shade.npy", &shade(field))?;
        folder.npy("detail.npy", &detail(field))?;
        folder.png("mask.png", GrayImage::clone(&moved.edit.mask))?;
        let result = DynamicImage::ImageRgb32F(moved.composite()?).into_rgb8();
        folder.png("result.png", result)?;
        Ok(json!({
            "chin_before": moved.face.chin,
            "chin_after": moved.chin(),
            "doubts": moved.face.parsed.doubts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }))
    })
}

const GRID: usize = GRID_SIZE as usize;

/// Displacement in fractions of the crop's side, `[2, 256, 256]`.
fn flow(field: &NeckField) -> Array3<f32> {
    let scale = field.crop_size() as f32;
    Array3::from_shape_fn((2, GRID, GRID), |(axis, y, x)| {
        field.motion().get_pixel(x as u32, y as u32)[axis] / scale
    })
}

fn shade(field: &NeckField) -> Array3<f32> {
    Array3::from_shape_fn((3, GRID, GRID), |(channel, y, x)| {
        field.shade().get_pixel(x as u32, y as u32)[channel]
    })
}

fn detail(field: &NeckField) -> Array2<f32> {
    Array2::from_shape_fn((GRID, GRID), |(y, x)| {
        field.motion().get_pixel(x as u32, y as u32)[2]
    })
}
