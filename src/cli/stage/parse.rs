//! `jawline stage parse`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{WorkOptions, channel_order, into_folder, run_job};
use crate::cli::Failure;
use crate::cli::pictures;
use crate::engine::parse_picture;
use crate::networks::NetworkSource;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Face parser: a pack's name, or a file (a checkpoint such as 79999_iter.pth, or .onnx); Jawline's own
    /// by default
    #[arg(long, value_name = "PARSER")]
    parser: Option<String>,
    /// Aligned crop; it is brought to 512 px as the reference does it (Pillow, bilinear)
    #[arg(long, value_name = "I.png")]
    image: PathBuf,
    /// Let the network see red and blue swapped, as the reference does wherever it reads the
    /// picture with OpenCV; the network was trained on RGB
    #[arg(long)]
    bgr: bool,
    #[command(flatten)]
    work: WorkOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = &options.work.out;
    let out = out.folder(&["labels.png", "logits.npy"], &[&options.image])?;
    let photo = pictures::load(&options.image, options.work.console)?;
    let job = parse_picture(
        options.parser.as_deref().map(NetworkSource::named),
        photo.pixels().to_rgb8(),
        channel_order(options.bgr),
    );
    let parsed = run_job(&options.work, job)?;
    into_folder(out, options.work.console, |folder| {
        let mut pixels = [0usize; 19];
        for label in parsed.labels.pixels() {
            if let Some(count) = pixels.get_mut(usize::from(label[0])) {
                *count += 1;
            }
        }
        folder.png("labels.png", parsed.labels)?;
        folder.npy("logits.npy", &parsed.logits)?;
        Ok(json!({ "pixels_of_label": pixels }))
    })
}
