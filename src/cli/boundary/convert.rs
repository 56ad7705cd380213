//! `jawline boundary convert`.

use std::path::PathBuf;

use clap::Args;
use ndarray::{Axis, s};
use serde_json::json;

use crate::cli::output::{FolderOptions, into_folder};
use crate::cli::{Failure, OutputOptions};
use crate::latent::{Boundary, resolutions_of_layers};
use crate::networks::Pack;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Boundary: a `.npy` file, or a folder with a `boundary_N.npy` for each layer
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Layers of the generator that it is for: 18 for StyleGAN2 at 1024 px, 23 for the community
    /// generator. Layers are matched by the resolution that they drive
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=64))]
    layers: Option<u8>,
    /// The generator that it is for, by the name of its pack
    #[arg(long, value_name = "NAME", conflicts_with = "layers")]
    generator: Option<String>,
    /// Write a boundary_N.npy, [1,512], for each layer too
    #[arg(long)]
    per_layer: bool,
    #[command(flatten)]
    out: FolderOptions,
    #[command(flatten)]
    console: OutputOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = options
        .out
        .folder(&["boundary.npy", "boundary_*.npy"], &[&options.file])?;
    let boundary = Boundary::read(&options.file)?;
    let layer_resolutions = match (&options.layers, &options.generator) {
        (Some(layers), _) => Some(resolutions_of_layers(usize::from(*layers))),
        (None, Some(name)) => Some(Pack::open(name)?.generator()?.layer_resolutions.clone()),
        (None, None) => None,
    };
    let normals = match layer_resolutions {
        Some(resolutions) => boundary.for_layers(&resolutions),
        None => boundary.normals().to_owned(),
    };
    into_folder(out, options.console, |folder| {
        if normals.nrows() == 1 {
            folder.npy("boundary.npy", &normals)?;
        } else {
            folder.npy("boundary.npy", &normals.view().insert_axis(Axis(0)))?;
        }
        if options.per_layer {
            for layer in 0..normals.nrows() {
                let row = normals.slice(s![layer..=layer, ..]);
                folder.npy(&format!("boundary_{layer}.npy"), &row)?;
            }
        }
        Ok(json!({ "layers": normals.nrows() }))
    })
}
