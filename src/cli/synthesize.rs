//! `jawline synthesize`: portraits that show nobody, with their codes, and as a sheet.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use image::RgbImage;
use ndarray::{Array3, Array4, ArrayView4, Axis, concatenate, stack};
use serde_json::json;

use super::answer::{paths, print_json};
use super::arrays::{NoiseOptions, read_codes};
use super::output::{OutputFolder, WorkOptions};
use super::progress::Reporter;
use super::{Failure, interrupt};
use crate::editor::sheet::Sheet;
use crate::engine::{Engine, Synthesize, SynthesizedPortrait, describe_generator};
use crate::latent::Boundary;
use crate::networks::source::name;
use crate::photo::resize::resize_levels;
use crate::portrait::tensor::picture_from_tensor;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Seed of the Gaussian latents
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many portraits
    #[arg(long, default_value_t = 1, value_name = "K")]
    count: usize,
    /// Truncation ψ: 0 is the mean face, 1 the full variety
    #[arg(long, default_value_t = 0.7)]
    psi: f32,
    /// Truncate the layers before this one only
    #[arg(long, value_name = "L")]
    cutoff: Option<usize>,
    /// Draw these codes instead: [n,512] in W, [n,L,512] or [L,512] in W+
    #[arg(long, value_name = "F.npy", conflicts_with_all = ["seed", "count", "psi", "cutoff"])]
    codes: Option<PathBuf>,
    /// Move every code along this boundary, by the amounts of --alpha: fine (the default) or coarse, which
    /// are built in, or a file
    #[arg(long, value_name = "fine|coarse|F.npy")]
    boundary: Option<PathBuf>,
    /// Amounts, separated by commas; one column of the sheet each
    #[arg(
        long,
        value_delimiter = ',',
        allow_negative_numbers = true,
        value_name = "A,B,…"
    )]
    alpha: Vec<f32>,
    /// The boundary moves the layers that drive up to this resolution; 32 for fine, 16 for all others
    #[arg(long, value_name = "PX")]
    up_to: Option<usize>,
    /// Side of the pictures that are written; the generator's own by default
    #[arg(long, value_name = "R")]
    size: Option<u32>,
    /// Write the pictures of the network as image.npy too, and those of lower resolutions on its way,
    /// where it has them, as rgb_0RRR.npy
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    noise: NoiseOptions,
    #[command(flatten)]
    work: WorkOptions,
}

/// Side of a portrait on the sheet.
const SHEET_SIZE: u32 = 256;

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut folder = folder(options)?;
    let boundary = boundary(options)?;
    let engine = Engine::start(options.work.engine.settings())?;
    let spec = interrupt::run_job(&engine, describe_generator(), |_| ())?;
    let layer_resolutions = spec.layer_resolutions.clone();
    let given = options
        .codes
        .as_deref()
        .map(|path| read_codes(path, [spec.layers, spec.code_size]))
        .transpose()?;
    let mut reporter = Reporter::new(options.work.console);
    let noise = options.noise.read()?;
    let mut draw = |job: Synthesize| {
        let job = job.with_noise(noise.clone());
        let job = if options.raw { job.with_stages() } else { job };
        interrupt::run_job(&engine, job, |progress| reporter.show(progress))
    };

    let portraits = match given {
        Some(codes) => draw(Synthesize::from_codes(codes))?,
        None => draw(Synthesize::from_seed(
            options.seed,
            options.count,
            options.psi,
            options.cutoff,
        ))?,
    };
    let mut rows: Vec<Vec<SynthesizedPortrait>> = Vec::new();
    for portrait in portraits {
        let edits = options
            .alpha
            .iter()
            .map(|&alpha| {
                boundary.edit(
                    portrait.code.view(),
                    alpha,
                    &layer_resolutions,
                    options.up_to.unwrap_or(boundary.resolution_px()),
                )
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut row = vec![portrait];
        row.extend(draw(Synthesize::from_codes(edits))?);
        rows.push(row);
    }
    reporter.finish();
    write(options, &rows, &mut folder)?;
    reporter.say(&format!(
        "{} portraits in {}",
        rows.len(),
        options.work.out.out.display()
    ));
    if options.work.console.json {
        print_json(&json!({
            "written": paths(folder.written()),
            "portraits": rows.len(),
            "alphas": options.alpha,
            "seconds": begun.elapsed().as_secs_f64(),
        }))?;
    }
    Ok(())
}

/// The folder, looked through before any work.
fn folder(options: &Options) -> Result<OutputFolder, Failure> {
    let mut names = vec!["z.npy", "w.npy", "codes.npy", "sheet.png", "image_*.png"];
    if options.raw {
        names.extend(["image.npy", "rgb_*.npy"]);
    }
    let inputs = [&options.codes, &options.boundary].into_iter().flatten();
    let mut inputs: Vec<PathBuf> = inputs.cloned().collect();
    inputs.extend(options.noise.files());
    let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    options.work.out.folder(&names, &inputs)
}

fn boundary(options: &Options) -> Result<Boundary, Failure> {
    match &options.boundary {
        Some(name) => Ok(Boundary::named(name)?),
        None => Ok(Boundary::fine()?),
    }
}

/// `z.npy w.npy codes.npy`, a picture a portrait and alpha, and the sheet of all.
fn write(
    options: &Options,
    rows: &[Vec<SynthesizedPortrait>],
    folder: &mut OutputFolder,
) -> Result<(), Failure> {
    let originals: Vec<&SynthesizedPortrait> = rows.iter().filter_map(|row| row.first()).collect();
    let drawn_from: Vec<_> = originals
        .iter()
        .filter_map(|portrait| portrait.drawn_from.as_ref())
        .collect();
    if !drawn_from.is_empty() {
        let latents: Vec<_> = drawn_from.iter().map(|(z, _)| z.view()).collect();
        let mapped: Vec<_> = drawn_from.iter().map(|(_, w)| w.view()).collect();
        folder.npy(
            "z.npy",
            &stack(Axis(0), &latents).map_err(Failure::because)?,
        )?;
        folder.npy("w.npy", &stack(Axis(0), &mapped).map_err(Failure::because)?)?;
    }
    let all: Vec<_> = rows.iter().flatten().collect();
    let codes: Vec<_> = all.iter().map(|portrait| portrait.code.view()).collect();
    let codes: Array3<f32> = stack(Axis(0), &codes).map_err(Failure::because)?;
    folder.npy("codes.npy", &codes)?;
    if options.raw {
        write_raw(&all, folder)?;
    }
    let mut sheet = Sheet::new();
    for (index, portrait) in all.iter().enumerate() {
        let picture: RgbImage = picture_from_tensor(portrait.image.view());
        let picture = match options.size {
            Some(size) => resize_levels(&picture, size, size),
            None => picture,
        };
        let columns = 1 + options.alpha.len();
        let (row, column) = (index / columns, index % columns);
        let label = match column
            .checked_sub(1)
            .and_then(|edit| options.alpha.get(edit))
        {
            Some(alpha) => format!("{row}   α {alpha:+}"),
            None => format!("{row}"),
        };
        sheet.add(row, resize_levels(&picture, SHEET_SIZE, SHEET_SIZE), &label);
        folder.png(&format!("image_{index:03}.png"), picture)?;
    }
    folder.png("sheet.png", sheet.draw())
}

/// `image.npy` `[n, 3, R, R]`, and `rgb_0RRR.npy` for each resolution that the generator has on its
/// way, its own included.
fn write_raw(portraits: &[&SynthesizedPortrait], folder: &mut OutputFolder) -> Result<(), Failure> {
    let stacked = |pictures: Vec<ArrayView4<'_, f32>>| {
        concatenate(Axis(0), &pictures).map_err(Failure::because)
    };
    let images: Vec<_> = portraits.iter().map(|p| p.image.view()).collect();
    let image = stacked(images)?;
    folder.npy("image.npy", &image)?;
    let stages = portraits
        .first()
        .map_or(0, |portrait| portrait.stages.len());
    for stage in 0..stages {
        let pictures = portraits.iter().filter_map(|p| p.stages.get(stage));
        let picture = stacked(pictures.map(|(_, picture)| picture.view()).collect())?;
        folder.npy(&rgb_file(&picture), &picture)?;
    }
    if stages > 0 {
        folder.npy(&rgb_file(&image), &image)?;
    }
    Ok(())
}

fn rgb_file(pictures: &Array4<f32>) -> String {
    format!("{}.npy", name::rgb(pictures.len_of(Axis(3))))
}
