//! `jawline train sample`.

use std::path::{Path, PathBuf};

use clap::Args;
use ndarray::{Array2, Array3, Axis, s};
use serde_json::json;

use super::context::{Count, Part, TrainingContext, not_done};
use crate::cli::output::write_png;
use crate::cli::{EngineOptions, Failure, OutputOptions, at_least_one};
use crate::engine::Synthesize;
use crate::networks::gaussian_latents;
use crate::portrait::tensor::picture_from_tensor;
use crate::training::dataset::{Dataset, MANIFEST_FILE, Sampling, names};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The dataset's folder; made if need be, enlarged if it is there. A folder with other files is refused
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How many portraits
    #[arg(long, value_name = "K", value_parser = at_least_one)]
    count: usize,
    /// Seed of the Gaussian latents
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Truncation ψ; 0.5 and 0.8 were published
    #[arg(long, default_value_t = 0.8)]
    psi: f32,
    #[command(flatten)]
    part: Part,
    /// After all shards: draw nothing, and gather the codes of all samples
    #[arg(long, conflicts_with = "shard")]
    merge: bool,
    #[command(flatten)]
    engine: EngineOptions,
    #[command(flatten)]
    console: OutputOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    if !(0.0..=1.0).contains(&options.psi) {
        return Err(Failure::Usage("--psi lies between 0 and 1".to_owned()));
    }
    if options.merge {
        return merge(options);
    }
    check_folder(&options.data)?;
    let context = TrainingContext::start(&options.engine)?;
    let sampling = Sampling {
        seed: options.seed,
        psi: options.psi,
        count: options.count,
    };
    let dataset = Dataset::begin(&options.data, context.generator.clone(), sampling)?;
    let count = dataset.manifest.sample.count;
    let latents = gaussian_latents(options.seed, count, context.generator.code_size);
    let mut progress = Count::of(options.part.count(count), "sample", options.console);
    for sample in (0..count).filter(|&sample| options.part.has(sample)) {
        // The picture is written last.
        if dataset.has(&names::image(sample)) {
            progress.skip();
            continue;
        }
        let latent = latents.slice(s![sample..=sample, ..]).to_owned();
        let job = Synthesize::from_latents(latent, options.psi, None);
        for portrait in context.run(job, |_| ())? {
            if let Some((_, w)) = portrait.drawn_from {
                dataset.write(&names::w(sample), &w.insert_axis(Axis(0)))?;
            }
            dataset.write(&names::code(sample), &portrait.code.insert_axis(Axis(0)))?;
            let picture = picture_from_tensor(portrait.image.view());
            write_png(&dataset.path(&names::image(sample))?, picture, true)?;
        }
        progress.made();
    }
    let summary = match options.part.shard {
        None => {
            gather(&dataset)?;
            format!("{count} portraits in {}", options.data.display())
        }
        Some(shard) => format!(
            "part {shard} of {count} portraits in {}",
            options.data.display()
        ),
    };
    progress.finish(options.console, &summary, &json!({ "count": count }))
}

/// The last step of parts.
fn merge(options: &Options) -> Result<(), Failure> {
    let dataset = Dataset::open(&options.data)?;
    let count = dataset.manifest.sample.count;
    let missing = (0..count).map(names::image).find(|name| !dataset.has(name));
    if let Some(name) = missing {
        return Err(not_done(&options.data, &name));
    }
    let mut progress = Count::of(count, "sample", options.console);
    (0..count).for_each(|_| progress.skip());
    gather(&dataset)?;
    let summary = format!("{count} portraits in {}", options.data.display());
    progress.finish(options.console, &summary, &json!({ "count": count }))
}

/// A dataset is begun in a folder of its own: files of others could be taken for its samples, or be
/// replaced.
fn check_folder(folder: &Path) -> Result<(), Failure> {
    let is_dataset = folder.join(MANIFEST_FILE).is_file();
    let is_empty = std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    match is_dataset || is_empty {
        true => Ok(()),
        false => Err(Failure::because(format!(
            "{}: holds files, but no dataset; choose a new folder",
            folder.display()
        ))),
    }
}

/// The codes of all samples in one file each, as the reference wants them.
fn gather(dataset: &Dataset) -> Result<(), Failure> {
    let generator = &dataset.manifest.generator;
    let (count, size) = (dataset.manifest.sample.count, generator.code_size);
    let mut in_w = Array2::zeros((count, size));
    let mut in_w_plus = Array3::zeros((count, generator.layer_resolutions.len(), size));
    for sample in 0..count {
        let w = dataset.read(&names::w(sample), "sample")?;
        for (target, value) in in_w.row_mut(sample).iter_mut().zip(&w) {
            *target = *value;
        }
        in_w_plus
            .index_axis_mut(Axis(0), sample)
            .assign(&dataset.code(sample)?);
    }
    dataset.write(names::W, &in_w)?;
    dataset.write(names::W_PLUS, &in_w_plus)?;
    Ok(())
}
