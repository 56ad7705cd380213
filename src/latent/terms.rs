//! What the graphs of several losses are made of.

use ndarray::{Array, ArrayD, Dimension};

use super::Error;
use crate::graph::{Graph, Value};
use crate::networks;
use crate::runtime::{Outputs, Runtime, Session};

/// The mean of all squared elements, a scalar.
pub(super) fn mean_square(graph: &mut Graph, x: Value) -> Result<Value, Error> {
    let square = graph.mul(x, x)?;
    Ok(graph.mean(square)?)
}

/// Brings the feature vector of each pixel to unit length.
pub(super) fn unit_length(graph: &mut Graph, features: Value) -> Result<Value, Error> {
    // Keeps the division finite where a pixel has no features at all.
    const LEAST_SQUARE: f32 = 1e-8;
    let squares = graph.mul(features, features)?;
    let square = graph.reduce_sum(squares, &[1], true)?;
    let least = graph.scalar(LEAST_SQUARE);
    let square = graph.add(square, least)?;
    let length = graph.sqrt(square)?;
    let one = graph.scalar(1.0);
    // One division a pixel instead of one an element.
    let inverse = graph.div(one, length)?;
    Ok(graph.mul(features, inverse)?)
}

/// The sum of scalars.
pub(super) fn sum(graph: &mut Graph, terms: &[Value]) -> Result<Value, Error> {
    let zero = graph.scalar(0.0);
    terms
        .iter()
        .try_fold(zero, |total, &term| Ok(graph.add(total, term)?))
}

/// The shape of a network's first input.
pub(super) fn input_shape(network: &Graph) -> Vec<usize> {
    network
        .inputs()
        .first()
        .map(|&input| network.shape(input).to_vec())
        .unwrap_or_default()
}

/// The picture of a generator's synthesis network, which yields nothing else.
pub(super) fn only(values: Vec<Value>) -> Result<Value, Error> {
    values.into_iter().next().ok_or_else(|| Error::Shape {
        what: "the generator's list of outputs".to_owned(),
        shape: vec![0],
        expected: "[1]".to_owned(),
    })
}

/// Loads a graph under its own name.
pub(super) fn session(runtime: &Runtime, graph: &Graph) -> Result<Session, Error> {
    let onnx = graph.to_onnx_bytes().map_err(networks::Error::from)?;
    Ok(runtime.session(graph.name(), &onnx)?)
}

/// An output that is one number; not a number if it is missing.
pub(super) fn scalar(outputs: &Outputs, name: &str) -> f32 {
    outputs
        .get(name)
        .and_then(|array| array.first().copied())
        .unwrap_or(f32::NAN)
}

/// Takes an output with a known number of axes.
pub(super) fn take<D: Dimension>(
    outputs: &mut Outputs,
    name: &str,
) -> Result<Array<f32, D>, Error> {
    let output = outputs.remove(name).unwrap_or_default();
    let shape = output.shape().to_vec();
    output.into_dimensionality().map_err(|_| Error::Shape {
        what: format!("the output '{name}' of an optimisation step"),
        shape,
        expected: "as the step graph declares it".to_owned(),
    })
}

/// Whether an output is there and holds finite numbers only.
pub(super) fn is_finite(outputs: &Outputs, name: &str) -> bool {
    let finite = |array: &ArrayD<f32>| array.iter().all(|value| value.is_finite());
    outputs.get(name).is_some_and(finite)
}
