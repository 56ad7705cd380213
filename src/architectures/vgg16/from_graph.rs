//! The trunk of VGG16, recognised in a graph.

use ndarray::Axis;

use super::{BLOCKS, Convolution, Vgg16};
use crate::architectures::{Error, Normalisation};
use crate::graph::{Binary, Conv, Graph, Op, Pool, Unary, Value};

impl Vgg16 {
    /// Recognises the trunk in a graph such as [`Vgg16::graph`] makes: factor and offset a channel, then
    /// the convolutions in a chain with their ReLUs and poolings. At least one block must be whole; what
    /// comes behind the last whole block is left out.
    ///
    /// # Errors
    /// [`Error::OtherNetwork`] if the graph computes something else.
    pub fn from_graph(graph: &Graph) -> Result<Self, Error> {
        let &[image] = graph.inputs() else {
            return refuse("has several inputs");
        };
        let mut chain = Chain { graph, at: image };
        let Some(mut normalisation) = chain.normalisation() else {
            return refuse("does not begin with a factor and an offset a channel");
        };
        let mut blocks = Vec::new();
        let mut input = 3;
        for outputs in BLOCKS {
            if !blocks.is_empty() && !chain.max_pool() {
                break;
            }
            let mut convolutions = Vec::new();
            for &output in outputs {
                let Some(convolution) = chain.convolution([output, input]) else {
                    break;
                };
                convolutions.push(convolution);
                input = output;
            }
            if convolutions.len() < outputs.len() {
                break;
            }
            blocks.push(convolutions);
        }
        // In a graph the first weights are in the order of the picture, red first; here they are in the
        // order that they were trained in.
        for known in [Normalisation::CAFFE, Normalisation::HED] {
            if (known.factor, known.offset) == (normalisation.factor, normalisation.offset) {
                normalisation = known;
            }
        }
        match blocks.first_mut().and_then(|block| block.first_mut()) {
            Some(first) if normalisation.bgr => {
                if let Some(weights) = first.weights.as_f32() {
                    let mut weights = weights.to_owned();
                    weights.invert_axis(Axis(1));
                    first.weights = weights.into();
                }
            }
            Some(_) => {}
            None => return refuse("does not begin with two 3×3 convolutions of 64 channels"),
        }
        Ok(Self {
            normalisation,
            blocks,
        })
    }
}

fn refuse<T>(problem: &str) -> Result<T, Error> {
    Err(Error::OtherNetwork {
        expected: "the trunk of VGG16",
        problem: problem.to_owned(),
    })
}

/// A walk along a graph, node by node.
struct Chain<'graph> {
    graph: &'graph Graph,
    at: Value,
}

impl Chain<'_> {
    /// Walks over the first node that uses the value and that `is_wanted`; yields its other operands.
    fn walk(&mut self, is_wanted: impl Fn(&Op) -> bool) -> Option<Vec<Value>> {
        let nodes = self.graph.nodes();
        let node = nodes
            .iter()
            .find(|node| is_wanted(&node.op) && node.inputs.contains(&self.at))?;
        let others = node.inputs.iter().copied();
        let others = others.filter(|&operand| operand != self.at).collect();
        self.at = *node.outputs.first()?;
        Some(others)
    }

    fn normalisation(&mut self) -> Option<Normalisation> {
        let mut channels = |binary| {
            let operands = self.walk(|op| *op == Op::Binary(binary))?;
            let numbers = self.graph.constant_tensor(*operands.first()?)?.as_f32()?;
            let is_per_channel = numbers.shape() == [1, 3, 1, 1];
            let numbers: Vec<f32> = numbers.iter().copied().collect();
            is_per_channel.then_some(numbers)?.try_into().ok()
        };
        Some(Normalisation {
            factor: channels(Binary::Mul)?,
            offset: channels(Binary::Add)?,
            bgr: false,
        })
    }

    fn max_pool(&mut self) -> bool {
        self.walk(|op| *op == Op::MaxPool(Pool::tiles(2))).is_some()
    }

    fn convolution(&mut self, [output, input]: [usize; 2]) -> Option<Convolution> {
        let operands = self.walk(|op| *op == Op::Conv(Conv::padded(1)))?;
        let &[weights, bias] = operands.as_slice() else {
            return None;
        };
        self.walk(|op| *op == Op::Unary(Unary::Relu))?;
        let weights = self.graph.constant_tensor(weights)?.clone();
        let bias = self.graph.constant_tensor(bias)?.clone();
        let fit = weights.shape() == [output, input, 3, 3] && bias.shape() == [output];
        fit.then_some(Convolution { weights, bias })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array4};

    use super::*;
    use crate::architectures::vgg16::Relu;

    /// A trunk of two blocks with weights that tell channels apart.
    fn small() -> Vgg16 {
        let mut input = 3;
        let blocks = BLOCKS[..2].iter().map(|outputs| {
            let convolutions = outputs.iter().map(|&output| {
                let weights = Array4::from_shape_fn((output, input, 3, 3), |(o, i, y, x)| {
                    (o + 10 * i + 100 * y + 1000 * x) as f32
                });
                input = output;
                Convolution {
                    weights: weights.into(),
                    bias: Array1::from_elem(output, output as f32).into(),
                }
            });
            convolutions.collect()
        });
        Vgg16 {
            normalisation: Normalisation::CAFFE,
            blocks: blocks.collect(),
        }
    }

    #[test]
    fn a_trunk_survives_its_onnx_file() {
        let trunk = small();
        let mut graph = trunk.graph([16, 16], &trunk.ends_of_blocks()).unwrap();
        graph.simplify().unwrap();
        let graph = Graph::from_onnx_bytes(&graph.to_onnx_bytes().unwrap()).unwrap();
        let found = Vgg16::from_graph(&graph).unwrap();
        assert_eq!(found.normalisation, Normalisation::CAFFE);
        assert_eq!(found.ends_of_blocks(), [Relu(1, 2), Relu(2, 2)]);
        for (found, expected) in found
            .blocks
            .iter()
            .flatten()
            .zip(trunk.blocks.iter().flatten())
        {
            assert_eq!(found.weights, expected.weights);
            assert_eq!(found.bias, expected.bias);
        }
    }

    #[test]
    fn other_graphs_are_refused() {
        let mut graph = Graph::new("other");
        let image = graph.input("image", &[1, 3, 8, 8]).unwrap();
        let weights = graph.constant("weights", Array4::<f32>::zeros((64, 3, 3, 3)));
        let features = graph.conv(image, weights, None, Conv::padded(1)).unwrap();
        graph.output("features", features).unwrap();
        let message = Vgg16::from_graph(&graph).unwrap_err().to_string();
        assert!(message.contains("VGG16"), "{message}");
    }
}
