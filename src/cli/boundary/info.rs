//! `jawline boundary info`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{norm, rows};
use crate::cli::answer::{JsonPath, print_json, print_line};
use crate::cli::{Failure, OutputOptions};
use crate::latent::{BoundaryFile, Layout, resolutions_of_layers};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Boundaries: `.npy` files, or folders with a `boundary_N.npy` for each layer
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    console: OutputOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let mut boundaries = Vec::new();
    for path in &options.files {
        let file = BoundaryFile::read(path)?;
        let rows = rows(&file)?;
        let norms: Vec<f64> = rows.rows().into_iter().map(norm).collect();
        let layers = (file.layout != Layout::Coarse).then(|| rows.nrows());
        let space = match layers {
            None => "W or Z".to_owned(),
            Some(layers) => {
                let last = resolutions_of_layers(layers).last().copied().unwrap_or(0);
                format!("W+, {layers} layers up to {last} px")
            }
        };
        if !options.console.json {
            let (least, greatest) = range(&norms);
            let intercepts = match &file.intercepts {
                Some(intercepts) => format!(", {} intercepts", intercepts.len()),
                None => String::new(),
            };
            print_line(&format!(
                "{}: {:?}, {space}, {} components, norms {least:.6} to {greatest:.6}{intercepts}",
                path.display(),
                file.array.shape(),
                rows.ncols(),
            ))?;
        }
        boundaries.push(json!({
            "file": JsonPath(path),
            "shape": file.array.shape(),
            "space": if layers.is_none() { "W or Z" } else { "W+" },
            "layers": layers,
            "components": rows.ncols(),
            "per_layer_files": file.layout == Layout::PerLayer,
            "norms": norms,
            "intercepts": file.intercepts,
        }));
    }
    if options.console.json {
        print_json(&json!({ "boundaries": Value::from(boundaries) }))?;
    }
    Ok(())
}

fn range(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        })
}
