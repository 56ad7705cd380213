//! `jawline stage masks`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{FolderOptions, into_folder, read_labels, read_landmarks};
use crate::cli::{Failure, OutputOptions};
use crate::portrait::masks::StageMasks;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Label map, one CelebAMask-HQ label (0–18) a pixel, square (512 px)
    #[arg(long, value_name = "L.png")]
    labels: PathBuf,
    /// 68 landmarks in pixels of the label map, [68,2]
    #[arg(long, value_name = "L.npy")]
    landmarks: PathBuf,
    /// Side of the crop that the masks are for
    #[arg(long, default_value_t = 1024)]
    size: u32,
    #[command(flatten)]
    out: FolderOptions,
    #[command(flatten)]
    console: OutputOptions,
}

const NAMES: [&str; 11] = [
    "neck_mask_dilate7.png",
    "neck_mask_dilate0.png",
    "neck_blur_mask_dilate5.png",
    "face_mask.png",
    "face_neck_mask.png",
    "simple_neck_mask_512.png",
    "warp_band.png",
    "chin_mask_512.png",
    "diffuse_mask_30_35.png",
    "training_mask_15_25.png",
    "masks.json",
];

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let inputs = [options.labels.as_path(), &options.landmarks];
    let out = options.out.folder(&NAMES, &inputs)?;
    let labels = read_labels(&options.labels, options.console)?;
    let landmarks = read_landmarks(&options.landmarks)?;
    let masks = StageMasks::compute(&labels, &landmarks, options.size)?;
    into_folder(out, options.console, |folder| {
        for (name, picture) in masks.pictures() {
            folder.png(&format!("{name}.png"), picture.clone())?;
        }
        folder.json("masks.json", &masks.rows)?;
        Ok(json!(masks.rows))
    })
}
