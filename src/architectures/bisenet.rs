//! BiSeNet (Yu et al., *BiSeNet: Bilateral Segmentation Network for Real-time Semantic Segmentation*,
//! ECCV 2018) as the public project `face-parsing.PyTorch` trained it for faces: a ResNet-18 trunk, its
//! stage at 1/8 of the size in place of a spatial path.
//!
//! Keys are those of that project's checkpoint (`79999_iter.pth`). The number of classes is found in the
//! file.

use super::normalised_conv::{BatchNorm, NormalisedConv, Pointwise, has_tensor, prefix_of};
use super::{Error, Normalisation};
use crate::checkpoint::{self, Tensors};
use crate::graph::{Conv, Graph, Pool, ResizeCoordinates, ResizeMode, Value};

/// Channels of the four stages of ResNet-18; each has two blocks.
const STAGES: [usize; 4] = [64, 128, 256, 512];

/// Channels of the context path.
const CONTEXT: usize = 128;

/// Channels where the two paths are joined.
const FUSED: usize = 256;

/// A name that only such a checkpoint has.
const TELLTALE: &str = "ffm.convblk.conv.weight";

/// The network, of any number of classes.
#[derive(Debug, Clone)]
pub struct BiSeNet {
    classes: usize,
    stem: NormalisedConv,
    stages: Vec<[BasicBlock; 2]>,
    context: ContextPath,
    fusion: Fusion,
    head: Head,
}

/// What the network yields: one picture a class, `[n, classes, height, width]`.
#[derive(Debug, Clone, Copy)]
pub struct Logits {
    /// At an eighth of the input's size, as computed.
    pub coarse: Value,
    /// At the input's size: enlarged bilinearly, corners on corners.
    pub full: Value,
}

impl BiSeNet {
    /// What the network wants of RGB in [-1, 1]: mean and deviation of ImageNet.
    pub const NORMALISATION: Normalisation =
        Normalisation::of_unit_range([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    /// Whether these are the tensors of such a network, as far as their names tell.
    pub fn is_in(tensors: &Tensors) -> bool {
        has_tensor(tensors, TELLTALE)
    }

    /// From a state dict. The two auxiliary heads, which only training needs, may be there or not.
    ///
    /// # Errors
    /// [`Error::Weights`] if a weight is missing or has another shape.
    pub fn from_torch(mut tensors: Tensors) -> Result<Self, Error> {
        let tensors = &mut tensors;
        let root = prefix_of(tensors, TELLTALE);
        let trunk = format!("{root}cp.resnet.");
        let stem = NormalisedConv::new(
            tensors,
            &format!("{trunk}conv1"),
            &format!("{trunk}bn1"),
            [STAGES[0], 3, 7, 7],
            Conv {
                strides: [2; 2],
                ..Conv::padded(3)
            },
        )?;
        let mut stages = Vec::new();
        let mut input = STAGES[0];
        for (stage, output) in STAGES.into_iter().enumerate() {
            let name = format!("{trunk}layer{}", stage + 1);
            let stride = if stage == 0 { 1 } else { 2 };
            stages.push([
                BasicBlock::new(tensors, &format!("{name}.0"), [input, output], stride)?,
                BasicBlock::new(tensors, &format!("{name}.1"), [output, output], 1)?,
            ]);
            input = output;
        }
        let context = ContextPath::new(tensors, &format!("{root}cp"))?;
        let fusion = Fusion::new(tensors, &format!("{root}ffm"))?;
        let head = Head::new(tensors, &format!("{root}conv_out"))?;
        Ok(Self {
            classes: head.classes,
            stem,
            stages,
            context,
            fusion,
            head,
        })
    }

    /// How many classes the network tells apart.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Appends the network to a picture `[n, 3, height, width]`, RGB in [-1, 1].
    ///
    /// # Errors
    /// [`Error::Graph`] if the value is not such a picture, or too small.
    pub fn append(&self, graph: &mut Graph, image: Value) -> Result<Logits, Error> {
        let x = Self::NORMALISATION.append(graph, image)?;
        let x = self.stem.append_with_relu(graph, x, BatchNorm::Stored)?;
        let mut x = graph.max_pool(
            x,
            Pool {
                kernel: [3; 2],
                strides: [2; 2],
                pads: [1; 4],
            },
        )?;
        let mut after_stages = [x; STAGES.len()];
        for (stage, after) in self.stages.iter().zip(&mut after_stages) {
            for block in stage {
                x = block.append(graph, x)?;
            }
            *after = x;
        }
        let [_, eighth, sixteenth, thirty_second] = after_stages;
        let context = self
            .context
            .append(graph, [eighth, sixteenth, thirty_second])?;
        let fused = self.fusion.append(graph, eighth, context)?;
        let coarse = self.head.append(graph, fused)?;
        let full = graph.resize(
            coarse,
            ResizeMode::Linear,
            ResizeCoordinates::AlignCorners,
            extent(graph, image),
        )?;
        Ok(Logits { coarse, full })
    }
}

/// Two 3×3 convolutions beside a shortcut.
#[derive(Debug, Clone)]
struct BasicBlock {
    first: NormalisedConv,
    second: NormalisedConv,
    /// Where size or channels change, the shortcut is a convolution.
    shortcut: Option<NormalisedConv>,
}

impl BasicBlock {
    fn new(
        tensors: &mut Tensors,
        name: &str,
        [input, output]: [usize; 2],
        stride: usize,
    ) -> Result<Self, Error> {
        let strided = |conv: Conv| Conv {
            strides: [stride; 2],
            ..conv
        };
        let mut part = |conv: &str, norm: &str, shape, attributes| {
            let [conv, norm] = [conv, norm].map(|part| format!("{name}.{part}"));
            NormalisedConv::new(tensors, &conv, &norm, shape, attributes)
        };
        let first = part(
            "conv1",
            "bn1",
            [output, input, 3, 3],
            strided(Conv::padded(1)),
        )?;
        let second = part("conv2", "bn2", [output, output, 3, 3], Conv::padded(1))?;
        let shortcut = (stride != 1 || input != output).then(|| {
            let shape = [output, input, 1, 1];
            part(
                "downsample.0",
                "downsample.1",
                shape,
                strided(Conv::default()),
            )
        });
        Ok(Self {
            first,
            second,
            shortcut: shortcut.transpose()?,
        })
    }

    fn append(&self, graph: &mut Graph, x: Value) -> Result<Value, Error> {
        let residual = self.first.append_with_relu(graph, x, BatchNorm::Stored)?;
        let residual = self.second.append(graph, residual, BatchNorm::Stored)?;
        let shortcut = match &self.shortcut {
            Some(shortcut) => shortcut.append(graph, x, BatchNorm::Stored)?,
            None => x,
        };
        let sum = graph.add(shortcut, residual)?;
        Ok(graph.relu(sum)?)
    }
}

/// What the whole picture is about, from the deepest stage up to an eighth of the size.
#[derive(Debug, Clone)]
struct ContextPath {
    global: NormalisedConv,
    attention_32: Attention,
    attention_16: Attention,
    after_32: NormalisedConv,
    after_16: NormalisedConv,
}

impl ContextPath {
    fn new(tensors: &mut Tensors, name: &str) -> Result<Self, Error> {
        let [_, _, sixteenth, thirty_second] = STAGES;
        let part = |part: &str| format!("{name}.{part}");
        Ok(Self {
            global: conv_norm(tensors, &part("conv_avg"), [CONTEXT, thirty_second], 1)?,
            attention_32: Attention::new(tensors, &part("arm32"), thirty_second)?,
            attention_16: Attention::new(tensors, &part("arm16"), sixteenth)?,
            after_32: conv_norm(tensors, &part("conv_head32"), [CONTEXT; 2], 3)?,
            after_16: conv_norm(tensors, &part("conv_head16"), [CONTEXT; 2], 3)?,
        })
    }

    fn append(
        &self,
        graph: &mut Graph,
        [eighth, sixteenth, thirty_second]: [Value; 3],
    ) -> Result<Value, Error> {
        let global = graph.global_average_pool(thirty_second)?;
        let global = self
            .global
            .append_with_relu(graph, global, BatchNorm::Stored)?;
        // The average is one number a channel; adding it everywhere is enlarging it.
        let attended = self.attention_32.append(graph, thirty_second)?;
        let x = graph.add(attended, global)?;
        let x = enlarged_to(graph, x, sixteenth)?;
        let deep = self
            .after_32
            .append_with_relu(graph, x, BatchNorm::Stored)?;

        let attended = self.attention_16.append(graph, sixteenth)?;
        let x = graph.add(attended, deep)?;
        let x = enlarged_to(graph, x, eighth)?;
        self.after_16.append_with_relu(graph, x, BatchNorm::Stored)
    }
}

/// The attention refinement module: a convolution whose channels are weighted by what they hold on the
/// whole.
#[derive(Debug, Clone)]
struct Attention {
    features: NormalisedConv,
    weights: NormalisedConv,
}

impl Attention {
    fn new(tensors: &mut Tensors, name: &str, input: usize) -> Result<Self, Error> {
        Ok(Self {
            features: conv_norm(tensors, &format!("{name}.conv"), [CONTEXT, input], 3)?,
            weights: NormalisedConv::new(
                tensors,
                &format!("{name}.conv_atten"),
                &format!("{name}.bn_atten"),
                [CONTEXT, CONTEXT, 1, 1],
                Conv::default(),
            )?,
        })
    }

    fn append(&self, graph: &mut Graph, x: Value) -> Result<Value, Error> {
        let features = self
            .features
            .append_with_relu(graph, x, BatchNorm::Stored)?;
        let weights = graph.global_average_pool(features)?;
        let weights = self.weights.append(graph, weights, BatchNorm::Stored)?;
        let weights = graph.sigmoid(weights)?;
        Ok(graph.mul(features, weights)?)
    }
}

/// The feature fusion module: detail and context side by side, channels weighted against each other.
#[derive(Debug, Clone)]
struct Fusion {
    joined: NormalisedConv,
    squeeze: Pointwise,
    excite: Pointwise,
}

impl Fusion {
    fn new(tensors: &mut Tensors, name: &str) -> Result<Self, Error> {
        let detail = STAGES[1];
        let joined = [FUSED, detail + CONTEXT];
        Ok(Self {
            joined: conv_norm(tensors, &format!("{name}.convblk"), joined, 1)?,
            squeeze: Pointwise::new(tensors, &format!("{name}.conv1"), [FUSED / 4, FUSED])?,
            excite: Pointwise::new(tensors, &format!("{name}.conv2"), [FUSED, FUSED / 4])?,
        })
    }

    fn append(&self, graph: &mut Graph, detail: Value, context: Value) -> Result<Value, Error> {
        let joined = graph.concat(&[detail, context], 1)?;
        let features = self
            .joined
            .append_with_relu(graph, joined, BatchNorm::Stored)?;
        let weights = graph.global_average_pool(features)?;
        let weights = self.squeeze.append(graph, weights)?;
        let weights = graph.relu(weights)?;
        let weights = self.excite.append(graph, weights)?;
        let weights = graph.sigmoid(weights)?;
        let weighted = graph.mul(features, weights)?;
        Ok(graph.add(features, weighted)?)
    }
}

/// From fused features to one picture a class.
#[derive(Debug, Clone)]
struct Head {
    classes: usize,
    features: NormalisedConv,
    logits: Pointwise,
}

impl Head {
    fn new(tensors: &mut Tensors, name: &str) -> Result<Self, Error> {
        let last = format!("{name}.conv_out");
        let weights = format!("{last}.weight");
        let classes = tensors
            .get(&weights)
            .and_then(|tensor| tensor.shape().first().copied())
            .ok_or(checkpoint::Error::MissingTensor { name: weights })?;
        Ok(Self {
            classes,
            features: conv_norm(tensors, &format!("{name}.conv"), [FUSED; 2], 3)?,
            logits: Pointwise::new(tensors, &last, [classes, FUSED])?,
        })
    }

    fn append(&self, graph: &mut Graph, x: Value) -> Result<Value, Error> {
        let x = self
            .features
            .append_with_relu(graph, x, BatchNorm::Stored)?;
        self.logits.append(graph, x)
    }
}

/// A convolution `{name}.conv` with a square kernel, size kept, and its normalisation `{name}.bn`.
fn conv_norm(
    tensors: &mut Tensors,
    name: &str,
    [output, input]: [usize; 2],
    kernel: usize,
) -> Result<NormalisedConv, Error> {
    NormalisedConv::new(
        tensors,
        &format!("{name}.conv"),
        &format!("{name}.bn"),
        [output, input, kernel, kernel],
        Conv::padded(kernel / 2),
    )
}

/// Repeats elements until height and width are those of `other`.
fn enlarged_to(graph: &mut Graph, x: Value, other: Value) -> Result<Value, Error> {
    let size = extent(graph, other);
    Ok(graph.resize(x, ResizeMode::Nearest, ResizeCoordinates::Asymmetric, size)?)
}

/// Height and width of `[n, c, height, width]`; the shape inference refuses what is not that.
fn extent(graph: &Graph, x: Value) -> [usize; 2] {
    match graph.shape(x) {
        &[_, _, height, width] => [height, width],
        _ => [0; 2],
    }
}
