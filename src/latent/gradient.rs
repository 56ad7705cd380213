//! The gradient of a generator alone, to compare implementations.

use ndarray::{ArrayD, ArrayView2, ArrayView4};

use super::Error;
use super::terms::{mean_square, scalar};
use crate::graph::{self, Graph, Value};
use crate::networks::source::name as generator_name;
use crate::networks::{self, GeneratorNetworks};
use crate::runtime::{CancelToken, Runtime};

/// A loss of a generated picture with its gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureGradient {
    /// mean(((G − T)·M)²)
    pub loss: f32,
    /// With respect to the code, `[L, n]`.
    pub codes: ArrayD<f32>,
    /// With respect to each noise map, `[1, 1, r, r]`.
    pub noise: Vec<ArrayD<f32>>,
}

/// Computes mean(((G(codes, noise) − target)·mask)²) with its gradients.
///
/// `codes` is `[L, n]`; `noise` holds a map `[1, 1, r, r]` for each convolution that takes noise;
/// `target` is `[1, 3, R, R]`, RGB in [-1, 1], and `mask` `[1, 1, R, R]` or `[1, 3, R, R]`.
///
/// # Errors
/// [`Error::Shape`] when there are more or fewer noise maps than the generator takes;
/// [`Error::Graph`] for a mask or target of another size; [`Error::Runtime`].
pub fn picture_gradient(
    runtime: &Runtime,
    generator: &GeneratorNetworks,
    codes: ArrayView2<'_, f32>,
    noise: &[ArrayD<f32>],
    [target, mask]: [ArrayView4<'_, f32>; 2],
    cancel: &CancelToken,
) -> Result<PictureGradient, Error> {
    const LOSS: &str = "loss";
    const TARGET: &str = "target";
    const MASK: &str = "mask";
    let gradient_name = |variable: &str| format!("gradient_{variable}");

    let mut graph = Graph::new("gradient of a picture");
    let synthesis = generator.append_synthesis(&mut graph)?;
    if synthesis.noise.len() != noise.len() {
        return Err(Error::Shape {
            what: "the list of noise maps".to_owned(),
            shape: vec![noise.len()],
            expected: format!("[{}]", synthesis.noise.len()),
        });
    }
    let wanted = graph.input(TARGET, target.shape())?;
    let weight = graph.input(MASK, mask.shape())?;
    let difference = graph.sub(synthesis.image, wanted)?;
    let counted = graph.mul(difference, weight)?;
    let loss = mean_square(&mut graph, counted)?;
    graph.output(LOSS, loss)?;
    let mut names = vec![generator_name::CODES];
    names.extend(synthesis.noise.iter().map(|(name, _)| name.as_str()));
    let maps = synthesis.noise.iter().map(|(_, map)| *map);
    let variables: Vec<Value> = std::iter::once(synthesis.codes).chain(maps).collect();
    let gradients = graph::differentiate(&mut graph, loss, &variables)?;
    for (variable, gradient) in names.iter().zip(gradients) {
        graph.output(gradient_name(variable), gradient)?;
    }
    graph.simplify()?;

    let onnx = graph.to_onnx_bytes().map_err(networks::Error::from)?;
    let mut session = runtime.session(graph.name(), &onnx)?;
    let mut inputs = vec![
        (generator_name::CODES, codes.into_dyn()),
        (TARGET, target.into_dyn()),
        (MASK, mask.into_dyn()),
    ];
    for ((name, _), map) in synthesis.noise.iter().zip(noise) {
        inputs.push((name, map.view()));
    }
    let mut outputs = session.run(&inputs, cancel)?;
    let loss = scalar(&outputs, LOSS);
    let mut gradients = names
        .iter()
        .map(|variable| outputs.remove(&gradient_name(variable)).unwrap_or_default());
    Ok(PictureGradient {
        loss,
        codes: gradients.next().unwrap_or_default(),
        noise: gradients.collect(),
    })
}
