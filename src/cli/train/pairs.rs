//! `jawline train pairs`: fine training, step 1.

use std::path::{Path, PathBuf};

use clap::Args;
use ndarray::Array2;
use serde_json::json;

use super::context::{Count, Data, Part, TrainingContext, not_done};
use crate::cli::output::{write_png, write_text};
use crate::cli::pictures;
use crate::cli::{EngineOptions, Failure, at_least_one};
use crate::engine::{self, MakePair};
use crate::latent::{Boundary, mix_styles};
use crate::networks;
use crate::networks::pack::sha256_hex;
use crate::training::Choice;
use crate::training::dataset::{Dataset, Pairing, names};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    data: Data,
    /// Part of the samples, from the highest score down, that are edited
    #[arg(long, default_value_t = Choice::COARSE.ratio, value_name = "R")]
    ratio: f64,
    /// Edit no more than this many
    #[arg(long, value_name = "K", value_parser = at_least_one)]
    count: Option<usize>,
    /// Distance along the boundary; negative removes the double chin
    #[arg(long, default_value_t = -4.0, allow_negative_numbers = true, value_name = "A")]
    alpha: f32,
    /// Boundary to edit with; the coarse one of the dataset by default
    #[arg(long, value_name = "F.npy")]
    boundary: Option<PathBuf>,
    /// Layers that drive more than this resolution are mixed back: from StyleGAN2's layer 7 on
    #[arg(long, default_value_t = 32, value_name = "PX")]
    keep_above: usize,
    /// How much of the original those layers get back
    #[arg(long, default_value_t = 0.8, value_name = "R")]
    mix: f32,
    #[command(flatten)]
    part: Part,
    /// After all shards: edit nothing, and note which portraits were left out
    #[arg(long, conflicts_with = "shard")]
    merge: bool,
    #[command(flatten)]
    engine: EngineOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let mut dataset = Dataset::open(&options.data.data)?;
    let mut positives = dataset.positives(options.ratio)?;
    positives.truncate(options.count.unwrap_or(usize::MAX));
    let path = match &options.boundary {
        Some(path) => path.clone(),
        None => {
            dataset.read(names::COARSE, "coarse")?;
            dataset.path(names::COARSE)?
        }
    };
    let boundary = Boundary::read(&path)?;
    let bytes: Vec<u8> = boundary
        .normals()
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let mut pairing = dataset.begin_pairs(Pairing {
        ratio: options.ratio,
        alpha: options.alpha,
        keep_above_px: options.keep_above,
        mix: options.mix,
        boundary: sha256_hex(&bytes),
        skipped: Vec::new(),
    })?;

    let mut progress = Count::of(
        options.part.count(positives.len()),
        "pairs",
        options.data.console,
    );
    if options.merge {
        merge(&mut dataset, &mut pairing, &positives, &options.data.data)?;
        positives.iter().for_each(|_| progress.skip());
        return finish(options, &pairing, positives.len(), progress);
    }
    let context = TrainingContext::for_dataset(&options.engine, &dataset)?;
    let mine = positives.iter().enumerate();
    for (_, &sample) in mine.filter(|&(place, _)| options.part.has(place)) {
        if dataset.has(&names::composite(sample))
            || pairing.skipped.contains(&sample)
            || dataset.has(&names::left_out(sample))
        {
            progress.skip();
            continue;
        }
        let code = dataset.code(sample)?;
        let edited = edit(options, &boundary, &dataset, &code)?;
        let image = pictures::load(&dataset.path(&names::image(sample))?, options.data.console)?;
        let job = MakePair::new(names::image(sample), image.pixels().to_rgb8(), edited);
        match context.run(job, |_| ()) {
            Ok(pair) => {
                write_png(&dataset.path(&names::mask(sample))?, pair.mask, true)?;
                write_png(
                    &dataset.path(&names::composite(sample))?,
                    pair.composite,
                    true,
                )?;
            }
            Err(error) if is_about_the_face(&error) => {
                progress.say(&format!("{} is left out: {error}", names::image(sample)));
                if options.part.shard.is_some() {
                    // The manifest is everybody's; --merge brings it up to date.
                    let path = dataset.path(&names::left_out(sample))?;
                    write_text(&path, error.to_string().as_bytes(), true)?;
                } else {
                    pairing.skipped.push(sample);
                    dataset.manifest.pairs = Some(pairing.clone());
                    dataset.save()?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        progress.made();
    }
    finish(options, &pairing, positives.len(), progress)
}

/// The last step of parts: every positive is edited or left out, and the manifest says which.
fn merge(
    dataset: &mut Dataset,
    pairing: &mut Pairing,
    positives: &[usize],
    folder: &Path,
) -> Result<(), Failure> {
    let mut left_out = Vec::new();
    for &sample in positives {
        let is_left_out = pairing.skipped.contains(&sample);
        if is_left_out || dataset.has(&names::left_out(sample)) {
            left_out.push(sample);
        } else if !dataset.has(&names::composite(sample)) {
            return Err(not_done(folder, &names::composite(sample)));
        }
    }
    pairing.skipped.clone_from(&left_out);
    dataset.manifest.pairs = Some(pairing.clone());
    dataset.save()?;
    for sample in left_out {
        dataset.discard(&names::left_out(sample));
    }
    Ok(())
}

fn finish(
    options: &Options,
    pairing: &Pairing,
    positives: usize,
    progress: Count,
) -> Result<(), Failure> {
    let pairs = positives - pairing.skipped.len();
    let summary = format!(
        "{pairs} edited portraits in {}/pairs",
        options.data.data.display()
    );
    progress.finish(
        options.data.console,
        &summary,
        &json!({ "pairs": pairs, "skipped": pairing.skipped }),
    )
}

/// The code moved along the boundary, with the look of the original mixed back.
fn edit(
    options: &Options,
    boundary: &Boundary,
    dataset: &Dataset,
    code: &Array2<f32>,
) -> Result<Array2<f32>, Failure> {
    let resolutions = &dataset.manifest.generator.layer_resolutions;
    let edited = boundary.edit(code.view(), options.alpha, resolutions, usize::MAX)?;
    let first = resolutions
        .iter()
        .take_while(|&&resolution| resolution <= options.keep_above)
        .count();
    let kept = first..resolutions.len();
    Ok(mix_styles(edited.view(), code.view(), kept, options.mix))
}

/// Is it this portrait alone that cannot be used?
fn is_about_the_face(error: &engine::Error) -> bool {
    matches!(
        error,
        engine::Error::NoFace { .. }
            | engine::Error::Portrait(_)
            | engine::Error::Networks(networks::Error::Landmarks(_))
    )
}
