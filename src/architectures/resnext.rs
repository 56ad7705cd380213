//! ResNeXt-50 32×4d (Xie et al., *Aggregated Residual Transformations for Deep Neural Networks*, CVPR
//! 2017), with the key names of torchvision and any number of outputs: the double-chin classifier.

use ndarray::ArrayD;

pub use super::normalised_conv::BatchNorm;
use super::normalised_conv::{NormalisedConv, has_tensor, prefix_of};
use super::{Error, Normalisation};
use crate::checkpoint::{self, Tensors};
use crate::graph::{Conv, Graph, Pool, Tensor, Value};

/// Blocks in each stage.
const BLOCKS: [usize; 4] = [3, 4, 6, 3];

/// Channels after the stem.
const STEM: usize = 64;

/// Groups of the 3×3 convolutions.
const GROUPS: usize = 32;

/// A name that only such a checkpoint has.
const TELLTALE: &str = "layer4.2.conv3.weight";

/// The network.
#[derive(Debug, Clone)]
pub struct ResNeXt50 {
    stem: NormalisedConv,
    blocks: Vec<Bottleneck>,
    /// `[features, outputs]`
    weights: Tensor,
    /// `[outputs]`
    bias: Tensor,
    outputs: usize,
}

impl ResNeXt50 {
    /// Whether these are the tensors of such a network, as far as their names tell.
    pub fn is_in(tensors: &Tensors) -> bool {
        has_tensor(tensors, TELLTALE)
    }

    /// From a state dict, whether it lies in the file as it is or under a key such as `model`.
    ///
    /// # Errors
    /// [`Error::Weights`] if a weight is missing or has another shape.
    pub fn from_torch(mut tensors: Tensors) -> Result<Self, Error> {
        let tensors = &mut tensors;
        let root = prefix_of(tensors, TELLTALE);
        let stem = NormalisedConv::new(
            tensors,
            &format!("{root}conv1"),
            &format!("{root}bn1"),
            [STEM, 3, 7, 7],
            Conv {
                strides: [2; 2],
                ..Conv::padded(3)
            },
        )?;
        let mut blocks = Vec::new();
        let mut input = STEM;
        for (stage, count) in BLOCKS.into_iter().enumerate() {
            let width = 128 << stage;
            for index in 0..count {
                let name = format!("{root}layer{}.{index}", stage + 1);
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                blocks.push(Bottleneck::new(tensors, &name, [input, width], stride)?);
                input = 2 * width;
            }
        }
        let last = format!("{root}fc.weight");
        let outputs = tensors
            .get(&last)
            .and_then(|tensor| tensor.shape().first().copied())
            .ok_or_else(|| checkpoint::Error::MissingTensor { name: last.clone() })?;
        let weights: ArrayD<f32> = tensors.take(&last, &[outputs, input])?;
        let bias = tensors.take(&format!("{root}fc.bias"), &[outputs])?;
        Ok(Self {
            stem,
            blocks,
            weights: weights.reversed_axes().into(),
            bias: bias.into(),
            outputs,
        })
    }

    /// How many logits the network yields.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Appends the network to a picture `[n, 3, height, width]`, RGB in [-1, 1], and yields logits
    /// `[n, outputs]`. `normalisation` says what the weights were trained on.
    ///
    /// # Errors
    /// [`Error::Graph`] if the value is not such a picture, or too small.
    pub fn append(
        &self,
        graph: &mut Graph,
        image: Value,
        normalisation: &Normalisation,
        norm: BatchNorm,
    ) -> Result<Value, Error> {
        let x = normalisation.append(graph, image)?;
        let x = self.stem.append_with_relu(graph, x, norm)?;
        let mut x = graph.max_pool(
            x,
            Pool {
                kernel: [3; 2],
                strides: [2; 2],
                pads: [1; 4],
            },
        )?;
        for block in &self.blocks {
            x = block.append(graph, x, norm)?;
        }
        let features = graph.reduce_mean(x, &[2, 3], false)?;
        let weights = graph.constant("fc.weights", self.weights.clone());
        let bias = graph.constant("fc.bias", self.bias.clone());
        let logits = graph.matmul(features, weights)?;
        Ok(graph.add(logits, bias)?)
    }
}

/// 1×1, grouped 3×3 and 1×1 convolutions beside a shortcut. The middle one halves the size where the
/// block does.
#[derive(Debug, Clone)]
struct Bottleneck {
    narrow: NormalisedConv,
    grouped: NormalisedConv,
    widen: NormalisedConv,
    /// Where size or channels change, the shortcut is a convolution.
    shortcut: Option<NormalisedConv>,
}

impl Bottleneck {
    /// `width` is that of the grouped convolution; the block yields twice as many channels.
    fn new(
        tensors: &mut Tensors,
        name: &str,
        [input, width]: [usize; 2],
        stride: usize,
    ) -> Result<Self, Error> {
        let output = 2 * width;
        let mut part = |conv: &str, norm: &str, shape, attributes| {
            let [conv, norm] = [conv, norm].map(|part| format!("{name}.{part}"));
            NormalisedConv::new(tensors, &conv, &norm, shape, attributes)
        };
        let narrow = part("conv1", "bn1", [width, input, 1, 1], Conv::default())?;
        let grouped = Conv {
            strides: [stride; 2],
            groups: GROUPS,
            ..Conv::padded(1)
        };
        let grouped = part("conv2", "bn2", [width, width / GROUPS, 3, 3], grouped)?;
        let widen = part("conv3", "bn3", [output, width, 1, 1], Conv::default())?;
        let shortcut = (stride != 1 || input != output).then(|| {
            let strided = Conv {
                strides: [stride; 2],
                ..Conv::default()
            };
            part(
                "downsample.0",
                "downsample.1",
                [output, input, 1, 1],
                strided,
            )
        });
        Ok(Self {
            narrow,
            grouped,
            widen,
            shortcut: shortcut.transpose()?,
        })
    }

    fn append(&self, graph: &mut Graph, x: Value, norm: BatchNorm) -> Result<Value, Error> {
        let residual = self.narrow.append_with_relu(graph, x, norm)?;
        let residual = self.grouped.append_with_relu(graph, residual, norm)?;
        let residual = self.widen.append(graph, residual, norm)?;
        let shortcut = match &self.shortcut {
            Some(shortcut) => shortcut.append(graph, x, norm)?,
            None => x,
        };
        let sum = graph.add(shortcut, residual)?;
        Ok(graph.relu(sum)?)
    }
}
