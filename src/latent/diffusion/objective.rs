//! The diffusion's loss and its gradient as one ONNX graph.

use ndarray::{Array1, Array2, Axis};

use super::super::Error;
use super::super::terms::{input_shape, mean_square, only};
use crate::architectures::adaptive_average_pool;
use crate::graph::{self, Graph, Value};
use crate::networks;

/// Names of the graphs' inputs and outputs.
pub(super) mod name {
    pub const CODE: &str = "code";
    pub const TARGET: &str = "target";
    pub const OUTSIDE: &str = "outside";
    pub const WANTED: &str = "wanted_features";
    pub const FEATURE_WEIGHT: &str = "feature_weight";
    pub const FEATURES: &str = "features";
    pub const PIXEL: &str = "pixel";
    pub const FEATURE: &str = "feature";
    pub const TOTAL: &str = "total";
    pub(crate) use crate::latent::optimise::PICTURE;
    pub const GRADIENT: &str = "gradient";
}

/// The output of the perceptual network that counts: the last ReLU of VGG16's fourth block, `relu4_3`.
const BLOCK: usize = 3;

/// What the diffusion moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Variable<'a> {
    /// A code in W+, `[L, n]`: each layer for itself.
    EachLayer,
    /// A code in W, `[1, n]`: the same for all layers, truncated before each synthesis to
    /// `mean + ψ·(w − mean)`.
    OneForAll {
        /// The mean of W, `[n]`.
        mean: &'a Array1<f32>,
        /// 1 leaves the code where it is.
        psi: f32,
    },
}

/// A graph from a `target` picture `[1, 3, R, R]` in [-1, 1] to its `features`.
///
/// `perceptual` maps a picture of its own size to features of VGG16's blocks; it sees an adaptive
/// average of the target.
///
/// # Errors
/// When the perceptual network takes no picture.
pub fn feature_graph(perceptual: &Graph, resolution: usize) -> Result<Graph, Error> {
    let mut graph = Graph::new("features of the diffusion's target");
    let target = graph.input(name::TARGET, &[1, 3, resolution, resolution])?;
    let features = features(&mut graph, perceptual, target)?;
    graph.output(name::FEATURES, features)?;
    graph.simplify()?;
    Ok(graph)
}

/// The graph of one step of the diffusion.
///
/// Inputs: the `code` (see [`Variable`]), the `target` picture `[1, 3, R, R]` in [-1, 1], how much each
/// of its pixels counts (`outside`, `[1, 1, R, R]`, 0 to 1), its features as [`feature_graph`] yields
/// them (`wanted_features`), and the `feature_weight` `[]`. Outputs: the loss's terms `pixel` and
/// `feature` (weighted), their sum `total`, the generated `picture`, and the `gradient` of the sum with
/// respect to the code.
///
/// `synthesis` maps `codes [L, n]` to a picture `[1, 3, R, R]`, its noise inside. The loss is
/// mean(((target − picture)·outside)²) + feature_weight·mean((f(target) − f(picture))²),
/// with f the features of an adaptive average; they are not masked.
///
/// # Errors
/// [`Error::Graph`] when the networks do not fit together or hold an operator without a derivative.
pub fn step_graph(
    synthesis: &Graph,
    perceptual: &Graph,
    variable: Variable<'_>,
) -> Result<Graph, Error> {
    let mut graph = Graph::new("diffusion step");
    let (code, codes) = codes(&mut graph, synthesis, variable)?;
    let picture = only(graph.splice(synthesis, &[codes])?)?;
    let shape = graph.shape(picture).to_vec();
    let resolution = shape.last().copied().unwrap_or(0);
    let target = graph.input(name::TARGET, &shape)?;
    let outside = graph.input(name::OUTSIDE, &[1, 1, resolution, resolution])?;

    let difference = graph.sub(target, picture)?;
    let counted = graph.mul(difference, outside)?;
    let pixel = mean_square(&mut graph, counted)?;

    let found = features(&mut graph, perceptual, picture)?;
    let shape = graph.shape(found).to_vec();
    let wanted = graph.input(name::WANTED, &shape)?;
    let weight = graph.input(name::FEATURE_WEIGHT, &[])?;
    let difference = graph.sub(wanted, found)?;
    let distance = mean_square(&mut graph, difference)?;
    let feature = graph.mul(distance, weight)?;

    let total = graph.add(pixel, feature)?;
    let gradients = graph::differentiate(&mut graph, total, &[code])?;
    for (name, value) in [
        (name::PIXEL, pixel),
        (name::FEATURE, feature),
        (name::TOTAL, total),
        (name::PICTURE, picture),
    ] {
        graph.output(name, value)?;
    }
    for gradient in gradients {
        graph.output(name::GRADIENT, gradient)?;
    }
    graph.simplify()?;
    Ok(graph)
}

/// The variable as an input, and the code in W+ that follows from it.
fn codes(
    graph: &mut Graph,
    synthesis: &Graph,
    variable: Variable<'_>,
) -> Result<(Value, Value), Error> {
    let shape = input_shape(synthesis);
    let Variable::OneForAll { mean, psi } = variable else {
        let code = graph.input(name::CODE, &shape)?;
        return Ok((code, code));
    };
    let code = graph.input(name::CODE, &[1, mean.len()])?;
    let layers = shape.first().copied().unwrap_or(0);
    let kept = graph.constant("kept", Array2::from_elem((layers, 1), psi));
    let pull = graph.constant("pull", (mean * (1.0 - psi)).insert_axis(Axis(0)));
    let kept = graph.mul(code, kept)?;
    Ok((code, graph.add(kept, pull)?))
}

fn features(graph: &mut Graph, perceptual: &Graph, picture: Value) -> Result<Value, Error> {
    let size = match *input_shape(perceptual).as_slice() {
        [_, _, height, width] => [height, width],
        _ => [0; 2], // refused by the pooling
    };
    let reduced = adaptive_average_pool(graph, picture, size).map_err(networks::Error::from)?;
    let blocks = graph.splice(perceptual, &[reduced])?;
    let found = blocks.get(BLOCK).or(blocks.last()).copied();
    found.ok_or_else(|| Error::Shape {
        what: "the perceptual network's list of outputs".to_owned(),
        shape: vec![0],
        expected: "[4]".to_owned(),
    })
}
