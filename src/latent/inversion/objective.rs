//! The inversion's loss and its gradient as one ONNX graph.

use ndarray::Array2;

use super::super::Error;
use super::super::terms::{input_shape, mean_square, only, sum, unit_length};
use crate::graph::{self, Graph, Pool, Value};
use crate::networks::{LEAKY_SLOPE, Whitening};

/// Weights of the terms of the loss. The perceptual term has weight 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Of the mean squared difference of pixels in [-1, 1].
    pub pixel: f32,
    /// Of the mean square of the shared whitened vector: how strongly it is pulled to the mean face.
    pub shared: f32,
    /// Of the mean square of the layers' offsets: how strongly the layers are held together.
    pub offsets: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            pixel: 3.0,
            shared: 0.05,
            offsets: 0.1,
        }
    }
}

/// Names of the step graph's inputs and outputs.
pub(super) mod name {
    pub const SHARED: &str = "shared";
    pub const OFFSETS: &str = "offsets";
    pub const TARGET: &str = "target";
    pub const IMPORTANCE: &str = "importance";
    pub const LOSS: &str = "loss";
    pub const PERCEPTUAL: &str = "perceptual";
    pub const PIXEL: &str = "pixel";
    pub const CODES: &str = "codes";
    pub(crate) use crate::latent::optimise::PICTURE;
    pub const GRADIENT_SHARED: &str = "gradient_shared";
    pub const GRADIENT_OFFSETS: &str = "gradient_offsets";

    pub fn features(block: usize) -> String {
        format!("features_{block}")
    }
}

/// Adds the output features of the perceptual network, each pixel's feature vector brought to unit
/// length, to a graph that maps a picture `[1, 3, 256, 256]` in [-1, 1] to them.
///
/// # Errors
/// When the perceptual network does not take such a picture.
pub fn feature_graph(perceptual: &Graph) -> Result<Graph, Error> {
    let mut graph = Graph::new("perceptual features");
    let shape = input_shape(perceptual);
    let picture = graph.input(name::TARGET, &shape)?;
    for (block, features) in normalised_features(&mut graph, perceptual, picture)?
        .into_iter()
        .enumerate()
    {
        graph.output(name::features(block), features)?;
    }
    graph.simplify()?;
    Ok(graph)
}

/// Builds the graph of one step of the inversion.
///
/// Inputs: the variables `shared [1, n]` and `offsets [L, n]` in P_N, the `target` picture
/// `[1, 3, 256, 256]` in [-1, 1], its features as [`feature_graph`] yields them, and the `importance`
/// of each pixel, `[1, 1, 256, 256]` with mean 1. Outputs: the
/// `loss` and its terms, the `codes [L, n]` in W+, the generated `picture` at the target's size, and
/// the gradients of the loss.
///
/// The loss is that of `METHOD.md` with codes in P_N: perceptual distance of unit-length features, mean
/// squared pixels, and the two pulls towards the mean face.
///
/// # Errors
/// [`Error::Graph`] when the networks do not fit together or hold an operator without a derivative.
pub fn step_graph(
    synthesis: &Graph,
    perceptual: &Graph,
    whitening: &Whitening,
    weights: Weights,
) -> Result<Graph, Error> {
    let layers = extent(&input_shape(synthesis), 0);
    let mut graph = Graph::new("inversion step");
    let code_size = whitening.mean.len();
    let shared = graph.input(name::SHARED, &[1, code_size])?;
    let offsets = graph.input(name::OFFSETS, &[layers, code_size])?;
    let target = graph.input(name::TARGET, &input_shape(perceptual))?;
    let size = extent(graph.shape(target), 2);
    let importance = graph.input(name::IMPORTANCE, &[1, 1, size, size])?;

    let codes = codes(&mut graph, shared, offsets, whitening)?;
    let image = only(graph.splice(synthesis, &[codes])?)?;
    let factor = extent(graph.shape(image), 2) / size.max(1);
    let picture = graph.average_pool(image, Pool::tiles(factor.max(1)))?;

    let mut perceptual_terms = Vec::new();
    for (block, features) in normalised_features(&mut graph, perceptual, picture)?
        .into_iter()
        .enumerate()
    {
        let shape = graph.shape(features).to_vec();
        let wanted = graph.input(name::features(block), &shape)?;
        let reduction = size / extent(&shape, 2).max(1);
        let importance = match reduction {
            0 | 1 => importance,
            _ => graph.average_pool(importance, Pool::tiles(reduction))?,
        };
        let mean_square = mean_squared_difference(&mut graph, features, wanted, importance)?;
        // The distance sums over channels and averages over pixels.
        perceptual_terms.push(graph.scale(mean_square, extent(&shape, 1) as f32)?);
    }
    let perceptual_loss = sum(&mut graph, &perceptual_terms)?;
    let pixel_loss = mean_squared_difference(&mut graph, picture, target, importance)?;
    let shared_pull = mean_square(&mut graph, shared)?;
    let offsets_pull = mean_square(&mut graph, offsets)?;
    let terms = [
        perceptual_loss,
        graph.scale(pixel_loss, weights.pixel)?,
        graph.scale(shared_pull, weights.shared)?,
        graph.scale(offsets_pull, weights.offsets)?,
    ];
    let loss = sum(&mut graph, &terms)?;

    let gradients = graph::differentiate(&mut graph, loss, &[shared, offsets])?;
    for (name, value) in [
        (name::LOSS, loss),
        (name::PERCEPTUAL, perceptual_loss),
        (name::PIXEL, pixel_loss),
        (name::CODES, codes),
        (name::PICTURE, picture),
    ] {
        graph.output(name, value)?;
    }
    for (name, gradient) in [name::GRADIENT_SHARED, name::GRADIENT_OFFSETS]
        .into_iter()
        .zip(gradients)
    {
        graph.output(name, gradient)?;
    }
    graph.simplify()?;
    Ok(graph)
}

/// Codes in W+ of whitened vectors: `shared` plus each layer's offset, coloured, rolled up.
fn codes(
    graph: &mut Graph,
    shared: Value,
    offsets: Value,
    whitening: &Whitening,
) -> Result<Value, Error> {
    let vectors = graph.add(offsets, shared)?;
    let transposed: Array2<f32> = whitening.basis.t().as_standard_layout().to_owned();
    let basis = graph.constant("whitening_basis", transposed);
    let mean = graph.constant("whitening_mean", whitening.mean.clone());
    let coloured = graph.matmul(vectors, basis)?;
    let unrolled = graph.add(coloured, mean)?;
    Ok(graph.leaky_relu(unrolled, LEAKY_SLOPE)?)
}

fn normalised_features(
    graph: &mut Graph,
    perceptual: &Graph,
    picture: Value,
) -> Result<Vec<Value>, Error> {
    graph
        .splice(perceptual, &[picture])?
        .into_iter()
        .map(|features| unit_length(graph, features))
        .collect()
}

/// The mean over all elements of `importance · (a − b)²`.
fn mean_squared_difference(
    graph: &mut Graph,
    a: Value,
    b: Value,
    importance: Value,
) -> Result<Value, Error> {
    let difference = graph.sub(a, b)?;
    let weighted = graph.mul(difference, importance)?;
    let product = graph.mul(weighted, difference)?;
    Ok(graph.mean(product)?)
}

fn extent(shape: &[usize], axis: usize) -> usize {
    shape.get(axis).copied().unwrap_or(0)
}
