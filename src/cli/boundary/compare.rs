//! `jawline boundary compare`.

use std::path::PathBuf;

use clap::Args;
use ndarray::{Array2, Axis};
use serde_json::{Value, json};

use super::{cosine, rows};
use crate::cli::answer::{paths, print_json, print_line};
use crate::cli::{Failure, OutputOptions};
use crate::latent::{BoundaryFile, layer_correspondence, resolutions_of_layers};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Two boundaries or more; each pair is compared. Layers of different generators are matched by
    /// resolution, and a boundary in W with every layer of one in W+
    #[arg(required = true, num_args = 2.., value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    console: OutputOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let boundaries = options
        .files
        .iter()
        .map(|path| Ok(rows(&BoundaryFile::read(path)?)?.to_owned()))
        .collect::<Result<Vec<Array2<f32>>, Failure>>()?;
    let mut pairs = Vec::new();
    for (index, a) in boundaries.iter().enumerate() {
        for (other, b) in boundaries.iter().enumerate().skip(index + 1) {
            let (name_a, name_b) = (
                options.files[index].display(),
                options.files[other].display(),
            );
            if a.ncols() != b.ncols() {
                return Err(Failure::because(format!(
                    "{name_a} has {} components and {name_b} has {}: they belong to different latent spaces",
                    a.ncols(),
                    b.ncols()
                )));
            }
            let cosines = cosines(a, b);
            let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
            if !options.console.json {
                print_line(&format!("{name_a}  {name_b}  {mean:.7}"))?;
                if cosines.len() > 1 {
                    for (layer, cosine) in cosines.iter().enumerate() {
                        print_line(&format!("  layer {layer:2}  {cosine:.7}"))?;
                    }
                }
            }
            pairs.push(json!({
                "files": paths([&options.files[index], &options.files[other]]),
                "cosine": mean,
                "cosines": cosines,
            }));
        }
    }
    if options.console.json {
        print_json(&json!({ "pairs": Value::from(pairs) }))?;
    }
    Ok(())
}

/// The cosine of each layer of the boundary that has more layers with its partner in the other.
fn cosines(a: &Array2<f32>, b: &Array2<f32>) -> Vec<f64> {
    let (fewer, more) = if a.nrows() < b.nrows() {
        (a, b)
    } else {
        (b, a)
    };
    let partners = if fewer.nrows() == 1 {
        vec![0; more.nrows()]
    } else {
        layer_correspondence(
            &resolutions_of_layers(more.nrows()),
            &resolutions_of_layers(fewer.nrows()),
        )
    };
    let fewer = fewer.select(Axis(0), &partners);
    more.rows()
        .into_iter()
        .zip(fewer.rows())
        .map(|(a, b)| cosine(a, b))
        .collect()
}
