//! Types of a node's results from its operator and the types of its operands.

mod window;

#[cfg(test)]
mod tests;

use super::operator::{Binary, Compare, Op, PadMode, Reduce, SliceRange, Unary};
use super::tensor::{DataType, TensorType};

pub(super) use window::dilated;

/// The types of the results, or what is wrong with the operands.
pub(super) fn infer(op: &Op, inputs: &[&TensorType]) -> Result<Vec<TensorType>, String> {
    if let Op::Split { axis, sizes } = op {
        return split(one(inputs)?, *axis, sizes);
    }
    let result = match op {
        Op::Unary(unary) => unary_type(*unary, one(inputs)?)?,
        Op::Binary(binary) => {
            let [a, b] = two(inputs)?;
            binary_type(*binary, a, b)?
        }
        Op::Compare(compare) => {
            let [a, b] = two(inputs)?;
            compare_type(*compare, a, b)?
        }
        Op::Where => where_type(inputs)?,
        Op::PRelu => prelu(inputs)?,
        Op::Cast { to } => TensorType {
            data_type: *to,
            shape: one(inputs)?.shape.clone(),
        },
        Op::Conv(attributes) => window::conv(inputs, attributes)?,
        Op::ConvTranspose(attributes) => window::conv_transpose(inputs, attributes)?,
        Op::MatMul => matmul(inputs)?,
        Op::Reshape { shape } => reshape(one(inputs)?, shape)?,
        Op::Transpose { permutation } => transpose(one(inputs)?, permutation)?,
        Op::Concat { axis } => concat(inputs, *axis)?,
        Op::Split { .. } => return Err("Split is handled above".into()),
        Op::Slice { ranges } => slice(one(inputs)?, ranges)?,
        Op::Gather { axis } => {
            let [data, indices] = two(inputs)?;
            gather(data, indices, *axis)?
        }
        Op::Expand { shape } => {
            let input = one(inputs)?;
            if broadcast(&input.shape, shape).as_deref() != Ok(shape) {
                return Err(format!("it cannot be expanded to {shape:?}"));
            }
            TensorType {
                data_type: input.data_type,
                shape: shape.clone(),
            }
        }
        Op::Pad {
            before,
            after,
            mode,
        } => pad(one(inputs)?, before, after, *mode)?,
        Op::Reduce {
            kind,
            axes,
            keep_axes,
        } => reduce(one(inputs)?, *kind, axes, *keep_axes)?,
        Op::MaxPool(attributes) | Op::AveragePool(attributes) => {
            window::pool(one(inputs)?, attributes)?
        }
        Op::Resize { size, .. } => {
            let input = f32_only(one(inputs)?)?;
            let [n, c, h, w] = image(input)?;
            if size.contains(&0) || h == 0 || w == 0 {
                return Err("neither the picture nor its new size may be empty".into());
            }
            TensorType::f32([n, c, size[0], size[1]])
        }
        Op::DepthToSpace { block, .. } => {
            let [n, c, h, w] = image(f32_only(one(inputs)?)?)?;
            let area = block_size(*block)?.saturating_mul(*block);
            if c % area != 0 {
                return Err(format!(
                    "{c} channels are not divisible by the block's {area} elements"
                ));
            }
            TensorType::f32([
                n,
                c / area,
                h.saturating_mul(*block),
                w.saturating_mul(*block),
            ])
        }
        Op::SpaceToDepth { block } => {
            let [n, c, h, w] = image(f32_only(one(inputs)?)?)?;
            let block = block_size(*block)?;
            if h % block != 0 || w % block != 0 {
                return Err(format!(
                    "height and width are not divisible by the block size {block}"
                ));
            }
            TensorType::f32([
                n,
                c.saturating_mul(block).saturating_mul(block),
                h / block,
                w / block,
            ])
        }
    };
    Ok(vec![result])
}

/// The shape that two shapes are broadcast to, as NumPy does it.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let extent = |shape: &[usize], axis: usize| {
        (axis + shape.len())
            .checked_sub(rank)
            .and_then(|axis| shape.get(axis))
            .copied()
            .unwrap_or(1)
    };
    (0..rank)
        .map(|axis| match (extent(a, axis), extent(b, axis)) {
            (m, n) if m == n => Ok(m),
            (1, n) => Ok(n),
            (m, 1) => Ok(m),
            (m, n) => Err(format!(
                "axis {axis} has extents {m} and {n}, which cannot be broadcast"
            )),
        })
        .collect()
}

fn one<'a>(inputs: &[&'a TensorType]) -> Result<&'a TensorType, String> {
    match inputs {
        [input] => Ok(input),
        _ => Err(format!("one operand is needed, not {}", inputs.len())),
    }
}

fn two<'a>(inputs: &[&'a TensorType]) -> Result<[&'a TensorType; 2], String> {
    match inputs {
        [a, b] => Ok([a, b]),
        _ => Err(format!("two operands are needed, not {}", inputs.len())),
    }
}

fn f32_only(input: &TensorType) -> Result<&TensorType, String> {
    match input.data_type {
        DataType::F32 => Ok(input),
        other => Err(format!("the operand must be f32, not {other}")),
    }
}

fn same_type(a: &TensorType, b: &TensorType) -> Result<DataType, String> {
    if a.data_type != b.data_type {
        return Err("the element types differ; cast one of them".into());
    }
    Ok(a.data_type)
}

fn image(input: &TensorType) -> Result<[usize; 4], String> {
    <[usize; 4]>::try_from(input.shape.as_slice())
        .map_err(|_| "a tensor of four axes (picture, channel, row, column) is needed".into())
}

fn at_least_one(number: usize, what: &str) -> Result<usize, String> {
    if number == 0 {
        Err(format!("the {what} must be at least 1"))
    } else {
        Ok(number)
    }
}

fn block_size(block: usize) -> Result<usize, String> {
    const LARGEST: usize = 1 << 10;
    match at_least_one(block, "block")? {
        block if block <= LARGEST => Ok(block),
        block => Err(format!("the block must be at most {LARGEST}, not {block}")),
    }
}

fn axis_in(axis: usize, shape: &[usize]) -> Result<usize, String> {
    shape
        .get(axis)
        .copied()
        .ok_or_else(|| format!("there is no axis {axis}"))
}

fn unary_type(unary: Unary, input: &TensorType) -> Result<TensorType, String> {
    match (unary, input.data_type) {
        (Unary::Identity, _) | (Unary::Not, DataType::Bool) => {}
        (Unary::Not, other) => return Err(format!("the operand must be bool, not {other}")),
        _ => {
            f32_only(input)?;
        }
    }
    if let Unary::Clip { min, max } = unary
        && (min.is_nan() || max.is_nan() || min > max)
    {
        return Err(format!("the limits {min} and {max} are not in order"));
    }
    Ok(input.clone())
}

fn binary_type(binary: Binary, a: &TensorType, b: &TensorType) -> Result<TensorType, String> {
    let data_type = same_type(a, b)?;
    if data_type == DataType::Bool || (data_type == DataType::I64 && binary == Binary::Pow) {
        return Err(format!("{} is not defined for {data_type}", binary.name()));
    }
    Ok(TensorType {
        data_type,
        shape: broadcast(&a.shape, &b.shape)?,
    })
}

fn compare_type(compare: Compare, a: &TensorType, b: &TensorType) -> Result<TensorType, String> {
    if same_type(a, b)? == DataType::Bool && compare != Compare::Equal {
        return Err("truth values have no order".into());
    }
    Ok(TensorType {
        data_type: DataType::Bool,
        shape: broadcast(&a.shape, &b.shape)?,
    })
}

fn where_type(inputs: &[&TensorType]) -> Result<TensorType, String> {
    let [condition, a, b] = inputs else {
        return Err("three operands are needed: condition, value if true, value if false".into());
    };
    if condition.data_type != DataType::Bool {
        return Err("the condition must be bool".into());
    }
    let data_type = same_type(a, b)?;
    let shape = broadcast(&condition.shape, &broadcast(&a.shape, &b.shape)?)?;
    Ok(TensorType { data_type, shape })
}

fn prelu(inputs: &[&TensorType]) -> Result<TensorType, String> {
    let [x, slope] = two(inputs)?;
    f32_only(x)?;
    f32_only(slope)?;
    if broadcast(&x.shape, &slope.shape)? != x.shape {
        return Err("the slope must be broadcastable to the first operand".into());
    }
    Ok(x.clone())
}

fn matmul(inputs: &[&TensorType]) -> Result<TensorType, String> {
    let [a, b] = two(inputs)?;
    f32_only(a)?;
    f32_only(b)?;
    let ([a_batch @ .., rows, inner], [b_batch @ .., inner_b, columns]) =
        (a.shape.as_slice(), b.shape.as_slice())
    else {
        return Err("both operands need two axes or more".into());
    };
    if inner != inner_b {
        return Err(format!("{inner} columns meet {inner_b} rows"));
    }
    let mut shape = broadcast(a_batch, b_batch)?;
    shape.extend([*rows, *columns]);
    Ok(TensorType::f32(shape))
}

fn reshape(input: &TensorType, shape: &[usize]) -> Result<TensorType, String> {
    let count = |shape: &[usize]| {
        shape
            .iter()
            .try_fold(1_usize, |product, &extent| product.checked_mul(extent))
    };
    if count(shape) != count(&input.shape) {
        return Err(format!(
            "the new shape {shape:?} has another number of elements"
        ));
    }
    Ok(TensorType {
        data_type: input.data_type,
        shape: shape.to_vec(),
    })
}

fn transpose(input: &TensorType, permutation: &[usize]) -> Result<TensorType, String> {
    let mut sorted = permutation.to_vec();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..input.shape.len()) {
        return Err(format!("{permutation:?} does not name every axis once"));
    }
    let shape = permutation
        .iter()
        .filter_map(|&axis| input.shape.get(axis).copied())
        .collect();
    Ok(TensorType {
        data_type: input.data_type,
        shape,
    })
}

fn concat(inputs: &[&TensorType], axis: usize) -> Result<TensorType, String> {
    let [first, rest @ ..] = inputs else {
        return Err("at least one operand is needed".into());
    };
    let mut result = (*first).clone();
    axis_in(axis, &result.shape)?;
    for input in rest {
        same_type(first, input)?;
        let fits = input.shape.len() == result.shape.len()
            && (input.shape.iter().zip(&result.shape).enumerate())
                .all(|(k, (m, n))| k == axis || m == n);
        if !fits {
            return Err(format!("the operands differ in more than axis {axis}"));
        }
        if let (Some(total), Some(&part)) = (result.shape.get_mut(axis), input.shape.get(axis)) {
            *total = total.saturating_add(part);
        }
    }
    Ok(result)
}

fn split(input: &TensorType, axis: usize, sizes: &[usize]) -> Result<Vec<TensorType>, String> {
    let extent = axis_in(axis, &input.shape)?;
    let total = sizes
        .iter()
        .try_fold(0_usize, |sum, &size| sum.checked_add(size));
    if sizes.is_empty() || total != Some(extent) {
        return Err(format!(
            "parts of {sizes:?} do not add up to the {extent} elements of axis {axis}"
        ));
    }
    let part = |&size: &usize| {
        let mut part = input.clone();
        if let Some(extent) = part.shape.get_mut(axis) {
            *extent = size;
        }
        part
    };
    Ok(sizes.iter().map(part).collect())
}

fn slice(input: &TensorType, ranges: &[SliceRange]) -> Result<TensorType, String> {
    if ranges.len() != input.shape.len() {
        return Err(format!(
            "{} ranges do not fit {} axes",
            ranges.len(),
            input.shape.len()
        ));
    }
    for (range, &extent) in ranges.iter().zip(&input.shape) {
        if at_least_one(range.step, "step")? > extent.max(1) {
            return Err(format!(
                "a step of {} leaves the extent {extent}",
                range.step
            ));
        }
        if range.start > range.end || range.end > extent {
            return Err(format!(
                "the range {}..{} leaves the extent {extent}",
                range.start, range.end
            ));
        }
    }
    Ok(TensorType {
        data_type: input.data_type,
        shape: ranges.iter().map(SliceRange::len).collect(),
    })
}

fn gather(data: &TensorType, indices: &TensorType, axis: usize) -> Result<TensorType, String> {
    axis_in(axis, &data.shape)?;
    if indices.data_type != DataType::I64 {
        return Err("the indices must be i64".into());
    }
    let (before, rest) = data.shape.split_at(axis);
    let after = rest.get(1..).unwrap_or_default();
    Ok(TensorType {
        data_type: data.data_type,
        shape: [before, &indices.shape, after].concat(),
    })
}

fn pad(
    input: &TensorType,
    before: &[usize],
    after: &[usize],
    mode: PadMode,
) -> Result<TensorType, String> {
    f32_only(input)?;
    let rank = input.shape.len();
    if before.len() != rank || after.len() != rank {
        return Err(format!(
            "pads {before:?} and {after:?} do not fit {rank} axes"
        ));
    }
    let mut shape = Vec::with_capacity(rank);
    for ((&extent, &first), &last) in input.shape.iter().zip(before).zip(after) {
        let room = match mode {
            PadMode::Constant(_) => usize::MAX,
            PadMode::Reflect => extent.saturating_sub(1),
            PadMode::Edge if extent > 0 => usize::MAX,
            PadMode::Edge => 0,
        };
        if first.max(last) > room {
            return Err(format!(
                "an axis of extent {extent} has too few elements for pads {before:?} and {after:?}"
            ));
        }
        shape.push(extent.saturating_add(first).saturating_add(last));
    }
    Ok(TensorType::f32(shape))
}

fn reduce(
    input: &TensorType,
    kind: Reduce,
    axes: &[usize],
    keep_axes: bool,
) -> Result<TensorType, String> {
    f32_only(input)?;
    if axes.is_empty() || !axes.is_sorted_by(|a, b| a < b) {
        return Err("the axes must be given, ascending, each once".into());
    }
    for &axis in axes {
        if axis_in(axis, &input.shape)? == 0 && kind == Reduce::Mean {
            return Err("there is no mean of nothing".into());
        }
    }
    let keep = |(axis, &extent): (usize, &usize)| match (axes.contains(&axis), keep_axes) {
        (false, _) => Some(extent),
        (true, true) => Some(1),
        (true, false) => None,
    };
    Ok(TensorType::f32(
        input
            .shape
            .iter()
            .enumerate()
            .filter_map(keep)
            .collect::<Vec<_>>(),
    ))
}
