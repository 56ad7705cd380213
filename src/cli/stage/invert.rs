//! `jawline stage invert`.

use std::path::{Path, PathBuf};

use clap::Args;
use ndarray::Array2;
use serde_json::json;

use super::{WorkOptions, into_folder};
use crate::cli::Failure;
use crate::cli::arrays::StoredCode;
use crate::cli::pictures;
use crate::cli::progress::Reporter;
use crate::engine::{Engine, InvertPicture, Synthesize};
use crate::latent::inversion::{self, LOSS_SIZE, Target};
use crate::portrait::tensor::{picture_from_tensor, reduced_tensor};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// FFHQ-aligned crop, square
    #[arg(long, value_name = "CROP.png")]
    image: PathBuf,
    /// Greatest number of steps
    #[arg(long, default_value_t = inversion::Options::default().steps, value_name = "N", value_parser = crate::cli::at_least_one)]
    steps: usize,
    /// Seed of the exploration noise
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where to start: the mean face, or a code in W+, [L,512] or [1,L,512]
    #[arg(long, default_value = "mean", value_name = "mean|F.npy")]
    init: String,
    #[command(flatten)]
    work: WorkOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = options.work.out.folder(
        &["code.npy", "losses.npy", "inverted.png"],
        &[&options.image, Path::new(&options.init)],
    )?;
    let crop = pictures::load(&options.image, options.work.console)?
        .pixels()
        .to_rgb8();
    if crop.width() != crop.height() {
        let (width, height) = crop.dimensions();
        return Err(Failure::because(format!(
            "{} has {width} x {height} pixels, but an aligned crop is square; make one with `jawline stage align`",
            options.image.display()
        )));
    }
    let choices = inversion::Options {
        steps: options.steps,
        seed: options.seed,
        ..inversion::Options::default()
    };
    let init = read_init(&options.init)?;
    let engine = Engine::start(options.work.engine.settings())?;
    let mut reporter = Reporter::new(options.work.console);
    let target = Target::even(reduced_tensor(&crop, LOSS_SIZE as u32));
    let mut job = InvertPicture::new(target, choices);
    if let Some(code) = init {
        job = job.starting_at(code);
    }
    let inverted = reporter.run(&engine, job)?;
    let draw = Synthesize::from_codes(vec![inverted.best.code.clone()]);
    let drawn = reporter.run(&engine, draw)?;
    reporter.finish();

    into_folder(out, options.work.console, |folder| {
        let losses = &inverted.report.losses;
        let table = Array2::from_shape_fn((losses.len(), 3), |(step, term)| {
            let loss = losses[step];
            [loss.perceptual, loss.pixel, loss.total][term]
        });
        folder.npy(
            "code.npy",
            &inverted.best.code.view().insert_axis(ndarray::Axis(0)),
        )?;
        folder.npy("losses.npy", &table)?;
        if let Some(portrait) = drawn.first() {
            folder.png("inverted.png", picture_from_tensor(portrait.image.view()))?;
        }
        Ok(json!(inverted.report))
    })
}

/// The code to start at; `None` for the mean face.
fn read_init(init: &str) -> Result<Option<Array2<f32>>, Failure> {
    if init == "mean" {
        return Ok(None);
    }
    Ok(Some(StoredCode::read(Path::new(init))?.code))
}
