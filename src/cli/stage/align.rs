//! `jawline stage align`.

use std::path::PathBuf;

use clap::Args;
use image::DynamicImage;
use serde_json::json;

use super::{FolderOptions, into_folder, read_landmarks};
use crate::cli::pictures;
use crate::cli::{Failure, OutputOptions};
use crate::photo::ColourSpace;
use crate::portrait::align::{align, align_reference};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The photo
    #[arg(long, value_name = "P")]
    photo: PathBuf,
    /// 68 landmarks in pixels of the photo, [68,2]
    #[arg(long, value_name = "L.npy")]
    landmarks: PathBuf,
    /// Side of the crop
    #[arg(long, default_value_t = 1024)]
    size: u32,
    /// Exactly as the reference computes it: sampled at this size, then reduced (its default is
    /// 4096). Without it the crop is resampled directly
    #[arg(long, value_name = "S")]
    transform_size: Option<u32>,
    /// The reference's way with its default transform size
    #[arg(long)]
    reference: bool,
    #[command(flatten)]
    out: FolderOptions,
    #[command(flatten)]
    console: OutputOptions,
}

/// The reference's transform size.
const REFERENCE_TRANSFORM_SIZE: u32 = 4096;

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = options.out.folder(
        &["aligned.png", "align.json"],
        &[&options.photo, &options.landmarks],
    )?;
    let photo = pictures::load(&options.photo, options.console)?;
    let landmarks = read_landmarks(&options.landmarks)?;
    let transform_size = options
        .transform_size
        .or(options.reference.then_some(REFERENCE_TRANSFORM_SIZE));
    let (crop, alignment) = match transform_size {
        Some(transform_size) => {
            let stage = align_reference(
                &photo.pixels().to_rgb8(),
                &landmarks,
                options.size,
                transform_size,
            )?;
            (stage.picture, stage.alignment)
        }
        None => {
            let aligned =
                align(photo.pixels(), &landmarks, options.size)?.in_srgb(&ColourSpace::of(&photo));
            (
                DynamicImage::ImageRgb32F(aligned.picture).into_rgb8(),
                aligned.alignment,
            )
        }
    };
    let corners = alignment.quad.corners.map(|corner| [corner.x, corner.y]);
    let figures = json!({
        "quad": corners,
        "quad_size": alignment.quad_size,
        "photo_from_crop": alignment.photo_from_crop(options.size),
    });
    into_folder(out, options.console, |folder| {
        folder.png("aligned.png", crop)?;
        folder.json("align.json", &figures)?;
        Ok(figures)
    })
}
