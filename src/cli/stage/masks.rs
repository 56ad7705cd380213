//! `jawline stage masks`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{into_folder, read_labels, read_landmarks};
use crate::cli::{Failure, Voice};
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
    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    voice: Voice,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let labels = read_labels(&options.labels)?;
    let landmarks = read_landmarks(&options.landmarks)?;
    let masks = StageMasks::compute(&labels, &landmarks, options.size)?;
    into_folder(&options.out, options.voice, |folder| {
        for (name, picture) in masks.pictures() {
            folder.png(&format!("{name}.png"), picture.clone())?;
        }
        folder.json("masks.json", &masks.rows)?;
        Ok(json!(masks.rows))
    })
}
