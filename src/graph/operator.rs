//! The operators, with their attributes as types.
//!
//! What ONNX passes as constant integer tensors (target shapes, axes, pads, slices) is an attribute
//! here: every shape is known when a node is added, so such operands can never be anything but
//! constants. The ONNX writer turns them back into tensors.

use std::ops::Range;

use super::tensor::DataType;

/// An operation of one node. Semantics are those of the ONNX operator of the same name, opset 18.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// One element in, one element out.
    Unary(Unary),
    /// Two operands, broadcast against each other as NumPy does.
    Binary(Binary),
    /// Comparison of two operands, broadcast; yields truth values.
    Compare(Compare),
    /// `condition ? a : b`, all three broadcast.
    Where,
    /// `x` where it is not negative, `slope · x` elsewhere; the slope (second operand) is broadcast
    /// to `x`.
    PRelu,
    /// Conversion of the element type.
    Cast {
        /// Type of the result's elements.
        to: DataType,
    },
    /// Two-dimensional convolution of `[n, c, h, w]` with weights `[out, c / groups, kh, kw]` and,
    /// optionally, a bias `[out]`.
    Conv(Conv),
    /// Transposed convolution of `[n, c, h, w]` with weights `[c, out / groups, kh, kw]` and,
    /// optionally, a bias `[out]`.
    ConvTranspose(ConvTranspose),
    /// Matrix product of the last two axes; leading axes are broadcast.
    MatMul,
    /// The same elements in another shape.
    Reshape {
        /// The new shape, every extent given.
        shape: Vec<usize>,
    },
    /// Reordered axes: axis `i` of the result is axis `permutation[i]` of the operand.
    Transpose {
        /// For each axis of the result the axis it comes from.
        permutation: Vec<usize>,
    },
    /// Joins any number of operands along one axis.
    Concat {
        /// The axis along which the extents add up.
        axis: usize,
    },
    /// Cuts along one axis; the only operator with several results.
    Split {
        /// The axis that is cut.
        axis: usize,
        /// Extents of the parts along it.
        sizes: Vec<usize>,
    },
    /// A regular part of every axis.
    Slice {
        /// One range per axis of the operand.
        ranges: Vec<SliceRange>,
    },
    /// `data[indices]` along one axis; the second operand holds the indices (`i64`, not negative).
    Gather {
        /// The axis that is indexed.
        axis: usize,
    },
    /// Repeats axes of extent 1 until the shape is reached, as broadcasting does.
    Expand {
        /// The shape after broadcasting.
        shape: Vec<usize>,
    },
    /// Adds elements around the operand.
    Pad {
        /// Elements added before the first, per axis.
        before: Vec<usize>,
        /// Elements added behind the last, per axis.
        after: Vec<usize>,
        /// What is added.
        mode: PadMode,
    },
    /// Mean or sum over axes.
    Reduce {
        /// Mean or sum.
        kind: Reduce,
        /// The axes that vanish, ascending.
        axes: Vec<usize>,
        /// Whether they stay, with extent 1.
        keep_axes: bool,
    },
    /// Maximum in every window. Padding never wins.
    MaxPool(Pool),
    /// Mean in every window, over the window's whole area (padding counts as zeros).
    AveragePool(Pool),
    /// Another height and width of `[n, c, h, w]`.
    Resize {
        /// Interpolation.
        mode: ResizeMode,
        /// How a result's coordinate maps to the operand.
        coordinates: ResizeCoordinates,
        /// New height and width.
        size: [usize; 2],
    },
    /// `[n, b²·c, h, w]` → `[n, c, b·h, b·w]`.
    DepthToSpace {
        /// The factor `b`.
        block: usize,
        /// How the channels are numbered.
        order: DepthOrder,
    },
    /// `[n, c, b·h, b·w]` → `[n, b²·c, h, w]`, channels numbered block first
    /// ([`DepthOrder::BlockFirst`]).
    SpaceToDepth {
        /// The factor `b`.
        block: usize,
    },
}

/// Elementwise functions of one operand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unary {
    /// The operand itself.
    Identity,
    /// −x
    Neg,
    /// |x|
    Abs,
    /// √x
    Sqrt,
    /// eˣ
    Exp,
    /// ln x
    Log,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// tanh x
    Tanh,
    /// ln (1 + eˣ)
    Softplus,
    /// max(x, 0)
    Relu,
    /// `x` where it is not negative, `alpha · x` elsewhere.
    LeakyRelu {
        /// Slope for negative operands.
        alpha: f32,
    },
    /// `x` limited to `min..=max`; infinities stand for an open end.
    Clip {
        /// Lower limit.
        min: f32,
        /// Upper limit.
        max: f32,
    },
    /// Logical negation of truth values.
    Not,
}

/// Elementwise functions of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// a + b
    Add,
    /// a − b
    Sub,
    /// a · b
    Mul,
    /// a / b
    Div,
    /// aᵇ
    Pow,
    /// max(a, b)
    Max,
    /// min(a, b)
    Min,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// a = b
    Equal,
    /// a > b
    Greater,
    /// a ≥ b
    GreaterOrEqual,
    /// a < b
    Less,
    /// a ≤ b
    LessOrEqual,
}

/// Reductions over axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduce {
    /// Arithmetic mean.
    Mean,
    /// Sum.
    Sum,
}

/// Attributes of a two-dimensional convolution. Default: stride 1, no padding, dilation 1, one
/// group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv {
    /// Steps between windows, vertical and horizontal.
    pub strides: [usize; 2],
    /// Zeros added at the top, left, bottom and right.
    pub pads: [usize; 4],
    /// Steps between the elements of a window.
    pub dilations: [usize; 2],
    /// Number of groups of channels that do not see each other.
    pub groups: usize,
}

impl Default for Conv {
    fn default() -> Self {
        Self {
            strides: [1; 2],
            pads: [0; 4],
            dilations: [1; 2],
            groups: 1,
        }
    }
}

impl Conv {
    /// Stride 1 and the same padding on all sides.
    pub fn padded(pad: usize) -> Self {
        Self {
            pads: [pad; 4],
            ..Self::default()
        }
    }
}

/// Attributes of a transposed convolution. Default: stride 1, nothing cut off, dilation 1, one
/// group.
///
/// Height of the result: `strides[0]·(h − 1) + dilations[0]·(kh − 1) + 1 + output_padding[0] −
/// pads[0] − pads[2]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConvTranspose {
    /// Stride, pads (here: what is cut off the result), dilations and groups.
    pub conv: Conv,
    /// Rows and columns of zeros added at the bottom and at the right.
    pub output_padding: [usize; 2],
}

/// Attributes of pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Steps between windows.
    pub strides: [usize; 2],
    /// Elements added at the top, left, bottom and right.
    pub pads: [usize; 4],
}

impl Pool {
    /// Square windows side by side, without padding.
    pub fn tiles(size: usize) -> Self {
        Self {
            kernel: [size; 2],
            strides: [size; 2],
            pads: [0; 4],
        }
    }
}

/// A range of indices along one axis, `start`, `start + step`, … below `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceRange {
    /// First index.
    pub start: usize,
    /// First index that is not taken.
    pub end: usize,
    /// Distance of the indices, at least 1.
    pub step: usize,
}

impl From<Range<usize>> for SliceRange {
    fn from(indices: Range<usize>) -> Self {
        Self {
            start: indices.start,
            end: indices.end,
            step: 1,
        }
    }
}

impl SliceRange {
    /// Number of indices in the range.
    pub fn len(&self) -> usize {
        self.end
            .saturating_sub(self.start)
            .div_ceil(self.step.max(1))
    }

    /// Whether no index is in the range.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What [`Op::Pad`] adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PadMode {
    /// This number.
    Constant(f32),
    /// The mirror image, without repeating the border.
    Reflect,
    /// The nearest element.
    Edge,
}

/// Interpolation of [`Op::Resize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResizeMode {
    /// The element at the rounded-down coordinate.
    Nearest,
    /// Bilinear.
    Linear,
}

/// How [`Op::Resize`] maps coordinate `x` of the result (extent `n`) to the operand (extent `m`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResizeCoordinates {
    /// `x · m / n`
    Asymmetric,
    /// `(x + ½) · m / n − ½`
    HalfPixel,
    /// `x · (m − 1) / (n − 1)`
    AlignCorners,
}

/// How channels are numbered when they move to space, from the slowest to the fastest index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepthOrder {
    /// Row in the block, column in the block, channel (ONNX calls it `DCR`).
    BlockFirst,
    /// Channel, row in the block, column in the block (`CRD`; PyTorch's pixel shuffle).
    ChannelFirst,
}

impl Op {
    /// The name of the operator in ONNX.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unary(unary) => unary.name(),
            Self::Binary(binary) => binary.name(),
            Self::Compare(compare) => compare.name(),
            Self::Where => "Where",
            Self::PRelu => "PRelu",
            Self::Cast { .. } => "Cast",
            Self::Conv(_) => "Conv",
            Self::ConvTranspose(_) => "ConvTranspose",
            Self::MatMul => "MatMul",
            Self::Reshape { .. } => "Reshape",
            Self::Transpose { .. } => "Transpose",
            Self::Concat { .. } => "Concat",
            Self::Split { .. } => "Split",
            Self::Slice { .. } => "Slice",
            Self::Gather { .. } => "Gather",
            Self::Expand { .. } => "Expand",
            Self::Pad { .. } => "Pad",
            Self::Reduce {
                kind: Reduce::Mean, ..
            } => "ReduceMean",
            Self::Reduce {
                kind: Reduce::Sum, ..
            } => "ReduceSum",
            Self::MaxPool(_) => "MaxPool",
            Self::AveragePool(_) => "AveragePool",
            Self::Resize { .. } => "Resize",
            Self::DepthToSpace { .. } => "DepthToSpace",
            Self::SpaceToDepth { .. } => "SpaceToDepth",
        }
    }
}

impl Unary {
    /// The name of the operator in ONNX.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "Identity",
            Self::Neg => "Neg",
            Self::Abs => "Abs",
            Self::Sqrt => "Sqrt",
            Self::Exp => "Exp",
            Self::Log => "Log",
            Self::Sigmoid => "Sigmoid",
            Self::Tanh => "Tanh",
            Self::Softplus => "Softplus",
            Self::Relu => "Relu",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::Clip { .. } => "Clip",
            Self::Not => "Not",
        }
    }
}

impl Binary {
    /// The name of the operator in ONNX.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
            Self::Div => "Div",
            Self::Pow => "Pow",
            Self::Max => "Max",
            Self::Min => "Min",
        }
    }
}

impl Compare {
    /// The name of the operator in ONNX.
    pub fn name(self) -> &'static str {
        match self {
            Self::Equal => "Equal",
            Self::Greater => "Greater",
            Self::GreaterOrEqual => "GreaterOrEqual",
            Self::Less => "Less",
            Self::LessOrEqual => "LessOrEqual",
        }
    }
}
