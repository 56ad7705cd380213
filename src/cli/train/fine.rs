//! `jawline train fine`.

use clap::Args;
use ndarray::{Array2, Axis, s};
use serde_json::{Value, json};

use super::context::{Count, Data};
use super::figures;
use crate::checkpoint::npy;
use crate::cli::Failure;
use crate::cli::output::write_json;
use crate::training::boundary_fit::{fit_layers, normals};
use crate::training::dataset::{Dataset, names};
use crate::training::{Choice, Error};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    data: Data,
    /// Part of the pairs that is trained on; the rest validates
    #[arg(long, default_value_t = Choice::FINE.split, value_name = "R")]
    split: f64,
    /// Seed of the splits
    #[arg(long, default_value_t = Choice::FINE.seed, value_name = "N")]
    seed: u64,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let mut dataset = Dataset::open(&options.data.data)?;
    let samples: Vec<usize> = (0..dataset.manifest.sample.count)
        .filter(|&sample| dataset.has(&names::diffused_code(sample)))
        .collect();
    if samples.is_empty() {
        return Err(Error::StepMissing {
            path: options.data.data.join(names::DIFFUSE),
            made_by: "diffuse",
        }
        .into());
    }
    dataset.check_diffused()?;
    let mut progress = Count::of(1, "fine", options.data.console);
    let choice = Choice {
        split: options.split,
        seed: options.seed,
        ..Choice::FINE
    };
    let [with, without] = dataset.pairs(&samples)?;
    let layers = fit_layers(with.view(), without.view(), choice)?;
    let normals = normals(&layers);

    let intercepts = Array2::from_shape_fn((layers.len(), 1), |(layer, _)| {
        layers.get(layer).map_or(0.0, |layer| layer.svm.intercept)
    });
    npy::write(&dataset.path("fine/intercept.npy")?, &intercepts)?;
    for layer in 0..layers.len() {
        let normal = normals.slice(s![layer..=layer, ..]).to_owned();
        dataset.write(&format!("fine/boundary_{layer}.npy"), &normal)?;
    }
    let figures: Vec<Value> = layers.iter().map(figures).collect();
    let figures = json!({ "pairs": samples.len(), "layers": figures });
    write_json(&dataset.path("fine/svm.json")?, &figures, true)?;
    dataset.write(names::FINE, &normals.insert_axis(Axis(0)))?;
    dataset.manifest.fine = Some(choice);
    dataset.save()?;
    progress.made();

    let told = |of: fn(&crate::training::ScoredBoundary) -> crate::training::Accuracy| {
        let ratios: Vec<f64> = layers
            .iter()
            .filter_map(|layer| of(layer).ratio())
            .collect();
        100.0 * ratios.iter().sum::<f64>() / ratios.len().max(1) as f64
    };
    let summary = format!(
        "{} of {} pairs, {} layers; mean accuracy: training {:.1} %, validation {:.1} %",
        names::FINE,
        samples.len(),
        layers.len(),
        told(|layer| layer.train),
        told(|layer| layer.validation)
    );
    progress.finish(options.data.console, &summary, &figures)
}
