//! A convolution with batch normalisation behind it, the building block of residual networks.

use ndarray::{Array1, Array4, ArrayD, Axis, Ix1, Ix4};

use super::Error;
use crate::checkpoint::Tensors;
use crate::graph::{Conv, Graph, Value};

/// What PyTorch adds to a variance before its root is taken.
const EPSILON: f32 = 1e-5;

/// Whose mean and variance a batch normalisation uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BatchNorm {
    /// Those that the checkpoint stores: the evaluation mode of PyTorch. They are folded into the
    /// convolutions.
    #[default]
    Stored,
    /// Those of the picture at hand, with the biased variance: PyTorch's training mode with a batch of
    /// one.
    PerImage,
}

/// A convolution without bias, and the batch normalisation behind it.
#[derive(Debug, Clone)]
pub(super) struct NormalisedConv {
    name: String,
    attributes: Conv,
    /// `[output, input / groups, kernel, kernel]`
    weights: Array4<f32>,
    /// What the normalised channels are multiplied with, `[output]`.
    scale: Array1<f32>,
    /// What is then added, `[output]`.
    shift: Array1<f32>,
    /// The stored statistics, `[output]`.
    mean: Array1<f32>,
    variance: Array1<f32>,
}

impl NormalisedConv {
    /// Takes `{conv}.weight` of shape `[output, input / groups, kernel, kernel]` and the parameters and
    /// statistics of the normalisation `norm`.
    pub(super) fn new(
        tensors: &mut Tensors,
        conv: &str,
        norm: &str,
        shape: [usize; 4],
        attributes: Conv,
    ) -> Result<Self, Error> {
        let weights = take_array::<Ix4>(tensors, &format!("{conv}.weight"), &shape)?;
        let mut per_channel =
            |part: &str| take_array::<Ix1>(tensors, &format!("{norm}.{part}"), &shape[..1]);
        Ok(Self {
            name: conv.to_owned(),
            attributes,
            weights,
            scale: per_channel("weight")?,
            shift: per_channel("bias")?,
            mean: per_channel("running_mean")?,
            variance: per_channel("running_var")?,
        })
    }

    /// Appends both, without an activation.
    pub(super) fn append(
        &self,
        graph: &mut Graph,
        x: Value,
        norm: BatchNorm,
    ) -> Result<Value, Error> {
        match norm {
            BatchNorm::Stored => self.append_folded(graph, x),
            BatchNorm::PerImage => self.append_with_own_statistics(graph, x),
        }
    }

    /// [`append`](Self::append), and a ReLU.
    pub(super) fn append_with_relu(
        &self,
        graph: &mut Graph,
        x: Value,
        norm: BatchNorm,
    ) -> Result<Value, Error> {
        let x = self.append(graph, x, norm)?;
        Ok(graph.relu(x)?)
    }

    /// (w ∗ x − mean) · scale / σ + shift = (w · scale / σ) ∗ x + (shift − mean · scale / σ)
    fn append_folded(&self, graph: &mut Graph, x: Value) -> Result<Value, Error> {
        let factor = &self.scale / &self.variance.mapv(|variance| (variance + EPSILON).sqrt());
        let mut weights = self.weights.clone();
        for (mut filter, factor) in weights.outer_iter_mut().zip(&factor) {
            filter *= *factor;
        }
        let bias = &self.shift - &(&self.mean * &factor);
        let weights = graph.constant(format!("{}.weights", self.name), weights);
        let bias = graph.constant(format!("{}.bias", self.name), bias);
        Ok(graph.conv(x, weights, Some(bias), self.attributes)?)
    }

    fn append_with_own_statistics(&self, graph: &mut Graph, x: Value) -> Result<Value, Error> {
        let weights = graph.constant(format!("{}.weights", self.name), self.weights.clone());
        let x = graph.conv(x, weights, None, self.attributes)?;
        let mean = graph.reduce_mean(x, &[2, 3], true)?;
        let centred = graph.sub(x, mean)?;
        let squares = graph.mul(centred, centred)?;
        let variance = graph.reduce_mean(squares, &[2, 3], true)?;
        let epsilon = graph.scalar(EPSILON);
        let variance = graph.add(variance, epsilon)?;
        let deviation = graph.sqrt(variance)?;
        let scale = graph.constant(format!("{}.scale", self.name), channels(&self.scale));
        let shift = graph.constant(format!("{}.shift", self.name), channels(&self.shift));
        // Scale and deviation are small, `[1, c, 1, 1]`: joined first, the picture is scaled once.
        let factor = graph.div(scale, deviation)?;
        let scaled = graph.mul(centred, factor)?;
        Ok(graph.add(scaled, shift)?)
    }
}

/// A convolution with weights `[output, input, 1, 1]` and nothing else: in effect a matrix.
#[derive(Debug, Clone)]
pub(super) struct Pointwise {
    name: String,
    weights: Array4<f32>,
}

impl Pointwise {
    /// Takes `{name}.weight`.
    pub(super) fn new(
        tensors: &mut Tensors,
        name: &str,
        [output, input]: [usize; 2],
    ) -> Result<Self, Error> {
        Ok(Self {
            name: name.to_owned(),
            weights: take_array(tensors, &format!("{name}.weight"), &[output, input, 1, 1])?,
        })
    }

    pub(super) fn append(&self, graph: &mut Graph, x: Value) -> Result<Value, Error> {
        let weights = graph.constant(format!("{}.weights", self.name), self.weights.clone());
        Ok(graph.conv(x, weights, None, Conv::default())?)
    }
}

/// Whether a tensor of the checkpoint is called `name`, at the top or under some key.
pub(super) fn has_tensor(tensors: &Tensors, name: &str) -> bool {
    prefixes(tensors, name).next().is_some()
}

/// What stands before `name` in the one tensor of the checkpoint that ends with it, such as `model.`;
/// nothing when there is none.
pub(super) fn prefix_of(tensors: &Tensors, name: &str) -> String {
    prefixes(tensors, name)
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn prefixes<'a>(tensors: &'a Tensors, name: &'a str) -> impl Iterator<Item = &'a str> {
    tensors
        .iter()
        .filter_map(move |(full, _)| full.strip_suffix(name))
        .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
}

fn take_array<D: ndarray::Dimension>(
    tensors: &mut Tensors,
    name: &str,
    shape: &[usize],
) -> Result<ndarray::Array<f32, D>, Error> {
    let array: ArrayD<f32> = tensors.take(name, shape)?;
    array
        .into_dimensionality()
        .map_err(|_| Error::OtherNetwork {
            expected: "a convolutional network",
            problem: format!("has a tensor `{name}` of the shape {shape:?}"),
        })
}

/// `[c]` as `[1, c, 1, 1]`.
fn channels(numbers: &Array1<f32>) -> Array4<f32> {
    numbers
        .clone()
        .insert_axis(Axis(0))
        .insert_axis(Axis(2))
        .insert_axis(Axis(3))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn conv() -> NormalisedConv {
        let mut tensors = Tensors::new();
        let weights = Array4::from_shape_fn((2, 1, 1, 1), |at| at.0 as f32 + 1.0);
        tensors.insert("c.weight", weights.into_dyn());
        for (part, numbers) in [
            ("weight", [2.0, 1.0]),
            ("bias", [0.5, 0.0]),
            ("running_mean", [1.0, -2.0]),
            ("running_var", [4.0, 1.0]),
        ] {
            tensors.insert(
                format!("n.{part}"),
                array![numbers[0], numbers[1]].into_dyn(),
            );
        }
        NormalisedConv::new(&mut tensors, "c", "n", [2, 1, 1, 1], Conv::default()).unwrap()
    }

    #[test]
    fn stored_statistics_become_weights_and_bias() {
        let mut graph = Graph::new("folded");
        let x = graph.input("x", &[1, 1, 2, 2]).unwrap();
        conv().append(&mut graph, x, BatchNorm::Stored).unwrap();
        assert_eq!(graph.nodes().len(), 1);
        let constant = |index: usize| {
            let tensor = graph
                .constant_tensor(graph.nodes()[0].inputs[index])
                .unwrap();
            tensor.as_f32().unwrap().iter().copied().collect::<Vec<_>>()
        };
        // 1 · 2 / √4 and 2 · 1 / √1; 0.5 − 1 · 1 and 0 + 2 · 1, but for the epsilon.
        for (found, expected) in constant(1).into_iter().zip([1.0, 2.0]) {
            assert!((found - expected).abs() < 1e-4);
        }
        for (found, expected) in constant(2).into_iter().zip([-0.5, 2.0]) {
            assert!((found - expected).abs() < 1e-4);
        }
    }

    #[test]
    fn the_pictures_own_statistics_need_no_stored_ones() {
        let mut graph = Graph::new("own");
        let x = graph.input("x", &[3, 1, 2, 2]).unwrap();
        let y = conv().append(&mut graph, x, BatchNorm::PerImage).unwrap();
        assert_eq!(graph.shape(y), [3, 2, 2, 2]);
        let uses_stored = graph
            .nodes()
            .iter()
            .flat_map(|node| &node.inputs)
            .any(|&value| {
                let stored = graph
                    .constant_tensor(value)
                    .and_then(|tensor| tensor.as_f32());
                stored.is_some_and(|tensor| tensor.iter().eq(&[1.0, -2.0]))
            });
        assert!(!uses_stored);
    }

    #[test]
    fn prefixes_end_at_a_dot() {
        let named = |name: &str| {
            let mut tensors = Tensors::new();
            tensors.insert(name, ArrayD::zeros(vec![1]));
            prefix_of(&tensors, "conv1.weight")
        };
        assert_eq!(named("conv1.weight"), "");
        assert_eq!(named("module.conv1.weight"), "module.");
        assert_eq!(named("myconv1.weight"), "");
    }
}
