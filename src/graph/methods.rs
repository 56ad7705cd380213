//! One method of [`Graph`] per operator.
//!
//! Each adds a node and yields its result. Each fails with [`Error::Operands`] when the operands do
//! not fit.

use super::build::{Graph, Value};
use super::error::Error;
use super::operator::{
    Binary, Compare, Conv, ConvTranspose, DepthOrder, Op, PadMode, Pool, Reduce, ResizeCoordinates,
    ResizeMode, SliceRange, Unary,
};
use super::tensor::DataType;

macro_rules! unary_methods {
    ($($(#[$doc:meta])* $name:ident = $op:expr;)*) => {
        impl Graph {
            $($(#[$doc])* pub fn $name(&mut self, x: Value) -> Result<Value, Error> {
                self.push_one($op, &[x])
            })*
        }
    };
}

macro_rules! binary_methods {
    ($($(#[$doc:meta])* $name:ident = $op:expr;)*) => {
        impl Graph {
            $($(#[$doc])* pub fn $name(&mut self, a: Value, b: Value) -> Result<Value, Error> {
                self.push_one($op, &[a, b])
            })*
        }
    };
}

unary_methods! {
    /// The value itself, as a node of its own.
    identity = Op::Unary(Unary::Identity);
    /// −x
    neg = Op::Unary(Unary::Neg);
    /// |x|; its derivative at 0 is taken as 0.
    abs = Op::Unary(Unary::Abs);
    /// √x
    sqrt = Op::Unary(Unary::Sqrt);
    /// eˣ
    exp = Op::Unary(Unary::Exp);
    /// ln x
    log = Op::Unary(Unary::Log);
    /// 1 / (1 + e⁻ˣ)
    sigmoid = Op::Unary(Unary::Sigmoid);
    /// tanh x
    tanh = Op::Unary(Unary::Tanh);
    /// ln (1 + eˣ)
    softplus = Op::Unary(Unary::Softplus);
    /// max(x, 0); its derivative at 0 is taken as 0.
    relu = Op::Unary(Unary::Relu);
    /// Negation of truth values.
    not = Op::Unary(Unary::Not);
}

binary_methods! {
    /// a + b, broadcast.
    add = Op::Binary(Binary::Add);
    /// a − b, broadcast.
    sub = Op::Binary(Binary::Sub);
    /// a · b, broadcast.
    mul = Op::Binary(Binary::Mul);
    /// a / b, broadcast.
    div = Op::Binary(Binary::Div);
    /// aᵇ, broadcast.
    pow = Op::Binary(Binary::Pow);
    /// max(a, b), broadcast.
    max = Op::Binary(Binary::Max);
    /// min(a, b), broadcast.
    min = Op::Binary(Binary::Min);
    /// a = b, broadcast.
    equal = Op::Compare(Compare::Equal);
    /// a > b, broadcast.
    greater = Op::Compare(Compare::Greater);
    /// a ≥ b, broadcast.
    greater_or_equal = Op::Compare(Compare::GreaterOrEqual);
    /// a < b, broadcast.
    less = Op::Compare(Compare::Less);
    /// a ≤ b, broadcast.
    less_or_equal = Op::Compare(Compare::LessOrEqual);
    /// `a` where it is not negative, `b · a` elsewhere; `b` is broadcast to `a`.
    prelu = Op::PRelu;
    /// Matrix product of the last two axes.
    matmul = Op::MatMul;
}

impl Graph {
    /// `x` where it is not negative, `alpha · x` elsewhere.
    pub fn leaky_relu(&mut self, x: Value, alpha: f32) -> Result<Value, Error> {
        self.push_one(Op::Unary(Unary::LeakyRelu { alpha }), &[x])
    }

    /// `x` limited to `min..=max`; an infinity leaves that end open.
    pub fn clip(&mut self, x: Value, min: f32, max: f32) -> Result<Value, Error> {
        self.push_one(Op::Unary(Unary::Clip { min, max }), &[x])
    }

    /// `factor · x`.
    pub fn scale(&mut self, x: Value, factor: f32) -> Result<Value, Error> {
        let factor = self.scalar(factor);
        self.mul(x, factor)
    }

    /// `condition ? a : b`, all broadcast.
    pub fn select(&mut self, condition: Value, a: Value, b: Value) -> Result<Value, Error> {
        self.push_one(Op::Where, &[condition, a, b])
    }

    /// Another element type.
    pub fn cast(&mut self, x: Value, to: DataType) -> Result<Value, Error> {
        self.push_one(Op::Cast { to }, &[x])
    }

    /// Convolution of `[n, c, h, w]` with weights `[out, c / groups, kh, kw]` and a bias `[out]`.
    pub fn conv(
        &mut self,
        x: Value,
        weights: Value,
        bias: Option<Value>,
        attributes: Conv,
    ) -> Result<Value, Error> {
        let inputs: Vec<Value> = [x, weights].into_iter().chain(bias).collect();
        self.push_one(Op::Conv(attributes), &inputs)
    }

    /// Transposed convolution of `[n, c, h, w]` with weights `[c, out / groups, kh, kw]` and a bias
    /// `[out]`.
    pub fn conv_transpose(
        &mut self,
        x: Value,
        weights: Value,
        bias: Option<Value>,
        attributes: ConvTranspose,
    ) -> Result<Value, Error> {
        let inputs: Vec<Value> = [x, weights].into_iter().chain(bias).collect();
        self.push_one(Op::ConvTranspose(attributes), &inputs)
    }

    /// The same elements in another shape of as many elements.
    pub fn reshape(&mut self, x: Value, shape: &[usize]) -> Result<Value, Error> {
        self.push_one(
            Op::Reshape {
                shape: shape.to_vec(),
            },
            &[x],
        )
    }

    /// Reordered axes: axis `i` of the result is axis `permutation[i]` of `x`.
    pub fn transpose(&mut self, x: Value, permutation: &[usize]) -> Result<Value, Error> {
        self.push_one(
            Op::Transpose {
                permutation: permutation.to_vec(),
            },
            &[x],
        )
    }

    /// Joins values along an axis.
    pub fn concat(&mut self, parts: &[Value], axis: usize) -> Result<Value, Error> {
        self.push_one(Op::Concat { axis }, parts)
    }

    /// Cuts along an axis into parts of the given extents.
    pub fn split(&mut self, x: Value, axis: usize, sizes: &[usize]) -> Result<Vec<Value>, Error> {
        self.push(
            Op::Split {
                axis,
                sizes: sizes.to_vec(),
            },
            &[x],
        )
    }

    /// One range per axis.
    pub fn slice(&mut self, x: Value, ranges: &[SliceRange]) -> Result<Value, Error> {
        self.push_one(
            Op::Slice {
                ranges: ranges.to_vec(),
            },
            &[x],
        )
    }

    /// Indices `start..end` of one axis, everything of the others.
    pub fn slice_axis(
        &mut self,
        x: Value,
        axis: usize,
        start: usize,
        end: usize,
    ) -> Result<Value, Error> {
        let shape = self.shape(x).iter();
        let mut ranges: Vec<SliceRange> = shape.map(|&end| (0..end).into()).collect();
        if let Some(range) = ranges.get_mut(axis) {
            *range = (start..end).into();
        }
        self.slice(x, &ranges)
    }

    /// `data[indices]` along an axis.
    pub fn gather(&mut self, data: Value, indices: Value, axis: usize) -> Result<Value, Error> {
        self.push_one(Op::Gather { axis }, &[data, indices])
    }

    /// Repeats axes of extent 1 as broadcasting does.
    pub fn expand(&mut self, x: Value, shape: &[usize]) -> Result<Value, Error> {
        self.push_one(
            Op::Expand {
                shape: shape.to_vec(),
            },
            &[x],
        )
    }

    /// Adds elements before and behind every axis.
    pub fn pad(
        &mut self,
        x: Value,
        before: &[usize],
        after: &[usize],
        mode: PadMode,
    ) -> Result<Value, Error> {
        self.push_one(
            Op::Pad {
                before: before.to_vec(),
                after: after.to_vec(),
                mode,
            },
            &[x],
        )
    }

    /// Mean over axes (ascending); they stay with extent 1 if `keep_axes`.
    pub fn reduce_mean(
        &mut self,
        x: Value,
        axes: &[usize],
        keep_axes: bool,
    ) -> Result<Value, Error> {
        self.push_one(
            Op::Reduce {
                kind: Reduce::Mean,
                axes: axes.to_vec(),
                keep_axes,
            },
            &[x],
        )
    }

    /// Sum over axes (ascending); they stay with extent 1 if `keep_axes`.
    pub fn reduce_sum(
        &mut self,
        x: Value,
        axes: &[usize],
        keep_axes: bool,
    ) -> Result<Value, Error> {
        self.push_one(
            Op::Reduce {
                kind: Reduce::Sum,
                axes: axes.to_vec(),
                keep_axes,
            },
            &[x],
        )
    }

    /// Mean of all elements, a scalar.
    pub fn mean(&mut self, x: Value) -> Result<Value, Error> {
        let axes: Vec<usize> = (0..self.shape(x).len()).collect();
        if axes.is_empty() {
            Ok(x)
        } else {
            self.reduce_mean(x, &axes, false)
        }
    }

    /// Sum of all elements, a scalar.
    pub fn sum(&mut self, x: Value) -> Result<Value, Error> {
        let axes: Vec<usize> = (0..self.shape(x).len()).collect();
        if axes.is_empty() {
            Ok(x)
        } else {
            self.reduce_sum(x, &axes, false)
        }
    }

    /// Maximum in every window.
    pub fn max_pool(&mut self, x: Value, attributes: Pool) -> Result<Value, Error> {
        self.push_one(Op::MaxPool(attributes), &[x])
    }

    /// Mean in every window; padding counts as zeros.
    pub fn average_pool(&mut self, x: Value, attributes: Pool) -> Result<Value, Error> {
        self.push_one(Op::AveragePool(attributes), &[x])
    }

    /// Mean of every channel of `[n, c, h, w]`, as `[n, c, 1, 1]`.
    pub fn global_average_pool(&mut self, x: Value) -> Result<Value, Error> {
        self.reduce_mean(x, &[2, 3], true)
    }

    /// Height and width times `factor`, each element repeated.
    pub fn upsample_nearest(&mut self, x: Value, factor: usize) -> Result<Value, Error> {
        let size = match self.shape(x) {
            &[_, _, height, width] => [height.saturating_mul(factor), width.saturating_mul(factor)],
            _ => [0; 2], // refused by the shape inference, which names the node
        };
        self.resize(x, ResizeMode::Nearest, ResizeCoordinates::Asymmetric, size)
    }

    /// Another height and width.
    pub fn resize(
        &mut self,
        x: Value,
        mode: ResizeMode,
        coordinates: ResizeCoordinates,
        size: [usize; 2],
    ) -> Result<Value, Error> {
        self.push_one(
            Op::Resize {
                mode,
                coordinates,
                size,
            },
            &[x],
        )
    }

    /// `[n, b²·c, h, w]` → `[n, c, b·h, b·w]`.
    pub fn depth_to_space(
        &mut self,
        x: Value,
        block: usize,
        order: DepthOrder,
    ) -> Result<Value, Error> {
        self.push_one(Op::DepthToSpace { block, order }, &[x])
    }

    /// `[n, c, b·h, b·w]` → `[n, b²·c, h, w]`, channels numbered block first.
    pub fn space_to_depth(&mut self, x: Value, block: usize) -> Result<Value, Error> {
        self.push_one(Op::SpaceToDepth { block }, &[x])
    }
}
