//! The projector's loss and its gradients as one ONNX graph.

use super::super::Error;
use super::super::lpips::Lpips;
use super::super::terms::mean_square;
use super::{Regularisation, append_regularisation};
use crate::architectures::adaptive_average_pool;
use crate::graph::{self, Graph, ResizeCoordinates, ResizeMode, Value};
use crate::networks::source::name as generator_name;
use crate::networks::{self, GeneratorNetworks};

/// Names of the graphs' inputs and outputs, besides the code and the noise maps, which are called as in
/// the synthesis network.
pub(super) mod name {
    pub const TARGET: &str = "target";
    pub const NOISE_WEIGHT: &str = "noise_weight";
    pub const PIXEL_WEIGHT: &str = "pixel_weight";
    pub const TOTAL: &str = "total";
    pub const PERCEPTUAL: &str = "perceptual";
    pub const PIXEL: &str = "pixel";
    pub const NOISE: &str = "noise";
    pub(crate) use crate::latent::optimise::PICTURE;

    pub fn wanted(slice: usize) -> String {
        format!("wanted_{slice}")
    }

    pub fn gradient(variable: &str) -> String {
        format!("gradient_{variable}")
    }
}

/// What is measured, and how.
#[derive(Debug, Clone, Copy)]
pub struct Objective<'a> {
    /// The perceptual distance.
    pub lpips: &'a Lpips,
    /// Side of the pictures that it compares, in pixels.
    pub lpips_size: usize,
    /// The form of the noise regularisation.
    pub regularisation: Regularisation,
}

/// A graph from a `target` picture `[1, 3, R, R]` in [-1, 1] to its LPIPS features, `wanted_0` … .
///
/// # Errors
/// [`Error::Network`] when `lpips_size` is too small for five blocks of VGG16.
pub fn feature_graph(objective: &Objective<'_>, resolution: usize) -> Result<Graph, Error> {
    let mut graph = Graph::new("features of the projector's target");
    let target = graph.input(name::TARGET, &[1, 3, resolution, resolution])?;
    let scaled = resized(&mut graph, target, objective.lpips_size)?;
    let features = objective.lpips.append_features(&mut graph, scaled)?;
    for (slice, features) in features.into_iter().enumerate() {
        graph.output(name::wanted(slice), features)?;
    }
    graph.simplify()?;
    Ok(graph)
}

/// The graph of one step of the projector.
///
/// Inputs: `codes [L, n]` and the noise maps, the variables; the `target` picture `[1, 3, R, R]` in
/// [-1, 1] and its features as [`feature_graph`] yields them; `noise_weight` and `pixel_weight`, `[]`.
/// Outputs: the loss's terms `perceptual`, `pixel` and `noise` (both weighted), their sum `total`, the
/// generated `picture`, and the gradient of the sum with respect to each variable, `gradient_codes`,
/// `gradient_noise_00` … .
///
/// # Errors
/// [`Error::Graph`] when the networks do not fit together or hold an operator without a derivative.
pub fn step_graph(
    generator: &GeneratorNetworks,
    objective: &Objective<'_>,
) -> Result<Graph, Error> {
    let mut graph = Graph::new("projector step");
    let synthesis = generator.append_synthesis(&mut graph)?;
    let picture = synthesis.image;
    let maps: Vec<Value> = synthesis.noise.iter().map(|(_, map)| *map).collect();
    let shape = graph.shape(picture).to_vec();
    let target = graph.input(name::TARGET, &shape)?;

    let scaled = resized(&mut graph, picture, objective.lpips_size)?;
    let found = objective.lpips.append_features(&mut graph, scaled)?;
    let mut wanted = Vec::new();
    for (slice, &features) in found.iter().enumerate() {
        let shape = graph.shape(features).to_vec();
        wanted.push(graph.input(name::wanted(slice), &shape)?);
    }
    let perceptual = objective
        .lpips
        .append_distance(&mut graph, &found, &wanted)?;

    let difference = graph.sub(picture, target)?;
    let distance = mean_square(&mut graph, difference)?;
    let weight = graph.input(name::PIXEL_WEIGHT, &[])?;
    let pixel = graph.mul(distance, weight)?;

    let correlation = append_regularisation(&mut graph, &maps, objective.regularisation)?;
    let weight = graph.input(name::NOISE_WEIGHT, &[])?;
    let noise = graph.mul(correlation, weight)?;

    let total = graph.add(perceptual, pixel)?;
    let total = graph.add(total, noise)?;
    let mut names = vec![generator_name::CODES];
    names.extend(synthesis.noise.iter().map(|(name, _)| name.as_str()));
    let variables: Vec<Value> = std::iter::once(synthesis.codes).chain(maps).collect();
    let gradients = graph::differentiate(&mut graph, total, &variables)?;
    for (name, value) in [
        (name::TOTAL, total),
        (name::PERCEPTUAL, perceptual),
        (name::PIXEL, pixel),
        (name::NOISE, noise),
        (name::PICTURE, picture),
    ] {
        graph.output(name, value)?;
    }
    for (variable, gradient) in names.into_iter().zip(gradients) {
        graph.output(name::gradient(variable), gradient)?;
    }
    graph.simplify()?;
    Ok(graph)
}

/// A square picture of another size: box means when it shrinks, repeated pixels when it grows.
fn resized(graph: &mut Graph, picture: Value, size: usize) -> Result<Value, Error> {
    let side = graph.shape(picture).last().copied().unwrap_or(0);
    if side > size {
        let pooled = adaptive_average_pool(graph, picture, [size; 2]);
        return Ok(pooled.map_err(networks::Error::from)?);
    }
    if side == size {
        return Ok(picture);
    }
    let (mode, coordinates) = (ResizeMode::Nearest, ResizeCoordinates::Asymmetric);
    Ok(graph.resize(picture, mode, coordinates, [size; 2])?)
}
