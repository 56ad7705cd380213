//! `jawline boundary`: looking at boundaries, and making one of others.
//!
//! Reads every published layout: `[1, d]` in W or Z, `[1, L, d]` in W+, and a folder with a
//! `boundary_N.npy` for each layer.

mod compare;
mod convert;
mod info;
mod interpolate;
mod project;

use clap::Subcommand;
use ndarray::{ArrayView1, ArrayView2};

use super::Failure;
use crate::latent::BoundaryFile;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Say what boundaries are: space, layers, norms, intercepts
    Info(info::Options),
    /// Fit a boundary to a generator with another number of layers, or store it a layer a file
    Convert(convert::Options),
    /// Print the cosines between boundaries
    Compare(compare::Options),
    /// Take the directions of conditions out of a boundary (a conditional boundary)
    Project(project::Options),
    /// Move a code along a boundary, in equal steps (linear_interpolate)
    Interpolate(interpolate::Options),
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Info(options) => info::run(options),
        Command::Convert(options) => convert::run(options),
        Command::Compare(options) => compare::run(options),
        Command::Project(options) => project::run(options),
        Command::Interpolate(options) => interpolate::run(options),
    }
}

/// The normals of a boundary as they are stored, `[1, d]` or `[L, d]`.
fn rows(file: &BoundaryFile) -> Result<ArrayView2<'_, f32>, Failure> {
    let width = file.array.shape().last().copied().unwrap_or(0);
    let rows = file.array.len().checked_div(width).unwrap_or(0);
    file.array
        .view()
        .into_shape_with_order((rows, width))
        .map_err(Failure::because)
}

/// Euclidean length, in double precision.
fn norm(row: ArrayView1<'_, f32>) -> f64 {
    dot(row, row).sqrt()
}

/// The cosine of the angle between two normals; NaN when one of them is zero.
fn cosine(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
    dot(a, b) / (norm(a) * norm(b))
}

fn dot(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| f64::from(a) * f64::from(b))
        .sum()
}
