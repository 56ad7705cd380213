//! Computes nodes whose operands are constants.
//!
//! Only the operators that occur between constants in real networks: shape arithmetic, rearrangement, elementwise
//! arithmetic. Convolutions and pooling of constants are left to the runtime.

use ndarray::{ArcArray, ArrayD, ArrayViewD, Axis, IxDyn, Slice, Zip};

use super::infer::{broadcast, infer};
use super::operator::{Binary, Compare, Op, PadMode, Reduce, Unary};
use super::tensor::{DataType, Tensor, TensorType};

/// The results, or nothing if this operator is not computed here or its operands do not fit.
pub(super) fn evaluate(op: &Op, inputs: &[&Tensor]) -> Option<Vec<Tensor>> {
    let types: Vec<TensorType> = inputs.iter().map(|input| input.tensor_type()).collect();
    infer(op, &types.iter().collect::<Vec<_>>()).ok()?;
    if let (Op::Split { axis, sizes }, [input]) = (op, inputs) {
        return split(input, *axis, sizes);
    }
    let result = match (op, inputs) {
        (Op::Unary(unary), [input]) => unary_of(*unary, input)?,
        (Op::Binary(binary), [a, b]) => binary_of(*binary, a, b)?,
        (Op::Compare(compare), [a, b]) => compare_of(*compare, a, b)?,
        (Op::Where, [Tensor::Bool(condition), Tensor::F32(a), Tensor::F32(b)]) => {
            let chosen = zip(a, b, |&a, &b| (a, b))?;
            zip(condition, &chosen.into_shared(), |&condition, &(a, b)| {
                if condition { a } else { b }
            })?
            .into()
        }
        (Op::Cast { to }, [input]) => cast(input, *to),
        (Op::MatMul, [Tensor::F32(a), Tensor::F32(b)]) => matmul(a, b)?,
        (Op::Concat { axis }, inputs) => concat(inputs, *axis)?,
        (Op::Gather { axis }, [data, Tensor::I64(indices)]) => gather(data, indices, *axis)?,
        (
            Op::Pad {
                before,
                after,
                mode: PadMode::Constant(number),
            },
            [Tensor::F32(input)],
        ) => pad(input, before, after, *number)?,
        (
            Op::Reduce {
                kind,
                axes,
                keep_axes,
            },
            [Tensor::F32(input)],
        ) => reduce(input, *kind, axes, *keep_axes)?,
        (_, [input]) => rearrange(op, input)?,
        _ => return None,
    };
    Some(vec![result])
}

/// Applies one generic function to the array of whichever element type.
macro_rules! for_any_type {
    ($tensor:expr, $array:ident => $result:expr) => {
        match $tensor {
            Tensor::F32($array) => Tensor::from($result),
            Tensor::I64($array) => Tensor::from($result),
            Tensor::Bool($array) => Tensor::from($result),
        }
    };
}

fn rearrange(op: &Op, input: &Tensor) -> Option<Tensor> {
    Some(match op {
        Op::Reshape { shape } => {
            for_any_type!(input, array => array.to_shape(IxDyn(shape)).ok()?.into_owned())
        }
        Op::Transpose { permutation } => {
            for_any_type!(input, array => array.view().permuted_axes(IxDyn(permutation)).to_owned())
        }
        Op::Slice { ranges } => for_any_type!(input, array => {
            let range = |axis: usize| ranges.get(axis).map_or(Slice::from(..), |range| {
                Slice::new(range.start as isize, Some(range.end as isize), range.step as isize)
            });
            array.slice_each_axis(|axis| range(axis.axis.index())).to_owned()
        }),
        Op::Expand { shape } => {
            for_any_type!(input, array => array.broadcast(IxDyn(shape))?.to_owned())
        }
        _ => return None,
    })
}

fn split(input: &Tensor, axis: usize, sizes: &[usize]) -> Option<Vec<Tensor>> {
    let mut parts = Vec::with_capacity(sizes.len());
    let mut start = 0;
    for &size in sizes {
        let range = Slice::from(start..start + size);
        parts.push(for_any_type!(input, array => array.slice_axis(Axis(axis), range).to_owned()));
        start += size;
    }
    Some(parts)
}

fn unary_of(unary: Unary, input: &Tensor) -> Option<Tensor> {
    if unary == Unary::Identity {
        return Some(input.clone());
    }
    if let (Unary::Not, Tensor::Bool(array)) = (unary, input) {
        return Some(array.mapv(|truth| !truth).into());
    }
    let array = input.as_f32()?;
    let function = |x: f32| match unary {
        Unary::Neg => -x,
        Unary::Abs => x.abs(),
        Unary::Sqrt => x.sqrt(),
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Unary::Tanh => x.tanh(),
        Unary::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        Unary::Relu => x.max(0.0),
        Unary::LeakyRelu { alpha } => {
            if x >= 0.0 {
                x
            } else {
                alpha * x
            }
        }
        Unary::Clip { min, max } => x.max(min).min(max),
        Unary::Identity | Unary::Not => x,
    };
    Some(array.mapv(function).into())
}

/// Elementwise, broadcast.
fn zip<A, B, C>(
    a: &ArcArray<A, IxDyn>,
    b: &ArcArray<B, IxDyn>,
    function: impl Fn(&A, &B) -> C,
) -> Option<ArrayD<C>> {
    let shape = broadcast(a.shape(), b.shape()).ok()?;
    let (a, b) = (a.broadcast(IxDyn(&shape))?, b.broadcast(IxDyn(&shape))?);
    Some(Zip::from(a).and(b).map_collect(|a, b| function(a, b)))
}

fn binary_of(binary: Binary, a: &Tensor, b: &Tensor) -> Option<Tensor> {
    match (a, b) {
        (Tensor::F32(a), Tensor::F32(b)) => {
            let function = match binary {
                Binary::Add => |a: &f32, b: &f32| a + b,
                Binary::Sub => |a: &f32, b: &f32| a - b,
                Binary::Mul => |a: &f32, b: &f32| a * b,
                Binary::Div => |a: &f32, b: &f32| a / b,
                Binary::Pow => |a: &f32, b: &f32| a.powf(*b),
                Binary::Max => |a: &f32, b: &f32| a.max(*b),
                Binary::Min => |a: &f32, b: &f32| a.min(*b),
            };
            zip(a, b, function).map(Tensor::from)
        }
        (Tensor::I64(a), Tensor::I64(b)) => {
            if binary == Binary::Div && b.iter().any(|&divisor| divisor == 0) {
                return None;
            }
            let function = match binary {
                Binary::Add => |a: &i64, b: &i64| a.wrapping_add(*b),
                Binary::Sub => |a: &i64, b: &i64| a.wrapping_sub(*b),
                Binary::Mul => |a: &i64, b: &i64| a.wrapping_mul(*b),
                Binary::Div => |a: &i64, b: &i64| a.wrapping_div(*b),
                Binary::Max => |a: &i64, b: &i64| *a.max(b),
                Binary::Min => |a: &i64, b: &i64| *a.min(b),
                Binary::Pow => return None,
            };
            zip(a, b, function).map(Tensor::from)
        }
        _ => None,
    }
}

fn compare_of(compare: Compare, a: &Tensor, b: &Tensor) -> Option<Tensor> {
    fn compare_all<T: PartialOrd>(
        compare: Compare,
        a: &ArcArray<T, IxDyn>,
        b: &ArcArray<T, IxDyn>,
    ) -> Option<Tensor> {
        let function = match compare {
            Compare::Equal => |a: &T, b: &T| a == b,
            Compare::Greater => |a: &T, b: &T| a > b,
            Compare::GreaterOrEqual => |a: &T, b: &T| a >= b,
            Compare::Less => |a: &T, b: &T| a < b,
            Compare::LessOrEqual => |a: &T, b: &T| a <= b,
        };
        zip(a, b, function).map(Tensor::from)
    }
    match (a, b) {
        (Tensor::F32(a), Tensor::F32(b)) => compare_all(compare, a, b),
        (Tensor::I64(a), Tensor::I64(b)) => compare_all(compare, a, b),
        (Tensor::Bool(a), Tensor::Bool(b)) => compare_all(compare, a, b),
        _ => None,
    }
}

fn cast(input: &Tensor, to: DataType) -> Tensor {
    match (input, to) {
        (Tensor::F32(array), DataType::I64) => array.mapv(|x| x as i64).into(),
        (Tensor::F32(array), DataType::Bool) => array.mapv(|x| x != 0.0).into(),
        (Tensor::I64(array), DataType::F32) => array.mapv(|x| x as f32).into(),
        (Tensor::I64(array), DataType::Bool) => array.mapv(|x| x != 0).into(),
        (Tensor::Bool(array), DataType::F32) => array.mapv(|x| f32::from(u8::from(x))).into(),
        (Tensor::Bool(array), DataType::I64) => array.mapv(i64::from).into(),
        (Tensor::F32(_), DataType::F32)
        | (Tensor::I64(_), DataType::I64)
        | (Tensor::Bool(_), DataType::Bool) => input.clone(),
    }
}

/// Products of matrices only: batches of constants do not occur.
fn matmul(a: &ArcArray<f32, IxDyn>, b: &ArcArray<f32, IxDyn>) -> Option<Tensor> {
    let a = a.view().into_dimensionality::<ndarray::Ix2>().ok()?;
    let b = b.view().into_dimensionality::<ndarray::Ix2>().ok()?;
    Some(a.dot(&b).into())
}

fn concat(inputs: &[&Tensor], axis: usize) -> Option<Tensor> {
    fn join<'a, T: Clone + 'a>(
        arrays: impl Iterator<Item = Option<ArrayViewD<'a, T>>>,
        axis: usize,
    ) -> Option<ArrayD<T>> {
        ndarray::concatenate(Axis(axis), &arrays.collect::<Option<Vec<_>>>()?).ok()
    }
    match inputs.first()? {
        Tensor::F32(_) => join(
            inputs
                .iter()
                .map(|tensor| tensor.as_f32().map(|array| array.view())),
            axis,
        )
        .map(Tensor::from),
        Tensor::I64(_) => join(
            inputs
                .iter()
                .map(|tensor| tensor.as_i64().map(|array| array.view())),
            axis,
        )
        .map(Tensor::from),
        Tensor::Bool(_) => None,
    }
}

fn gather(data: &Tensor, indices: &ArcArray<i64, IxDyn>, axis: usize) -> Option<Tensor> {
    let extent = *data.shape().get(axis)?;
    let flat: Option<Vec<usize>> = indices
        .iter()
        .map(|&index| usize::try_from(index).ok().filter(|&index| index < extent))
        .collect();
    let flat = flat?;
    let (before, after) = (data.shape().get(..axis)?, data.shape().get(axis + 1..)?);
    let shape = [before, indices.shape(), after].concat();
    Some(
        for_any_type!(data, array => array.select(Axis(axis), &flat).into_shape_with_order(IxDyn(&shape)).ok()?),
    )
}

fn pad(
    input: &ArcArray<f32, IxDyn>,
    before: &[usize],
    after: &[usize],
    number: f32,
) -> Option<Tensor> {
    let shape: Vec<usize> = (input.shape().iter().zip(before).zip(after))
        .map(|((n, first), last)| n + first + last)
        .collect();
    let mut padded = ArrayD::from_elem(IxDyn(&shape), number);
    let inner = |axis: usize| {
        let start = before.get(axis).copied().unwrap_or(0);
        Slice::from(start..start + input.shape().get(axis).copied().unwrap_or(0))
    };
    padded
        .slice_each_axis_mut(|axis| inner(axis.axis.index()))
        .assign(input);
    Some(padded.into())
}

fn reduce(
    input: &ArcArray<f32, IxDyn>,
    kind: Reduce,
    axes: &[usize],
    keep_axes: bool,
) -> Option<Tensor> {
    let mut result = input.to_owned();
    for &axis in axes.iter().rev() {
        result = match kind {
            Reduce::Sum => result.sum_axis(Axis(axis)),
            Reduce::Mean => result.mean_axis(Axis(axis))?,
        };
        if keep_axes {
            result.insert_axis_inplace(Axis(axis));
        }
    }
    Some(result.into())
}
