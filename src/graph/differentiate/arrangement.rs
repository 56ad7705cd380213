//! Adjoints of operators that move, repeat or add up elements.

use ndarray::{Array1, Array2};

use super::super::build::{Node, Value};
use super::super::error::Error;
use super::super::operator::{DepthOrder, Op, PadMode, Reduce, SliceRange};
use super::super::tensor::Tensor;
use super::{Refusal, Reverse};

/// How many numbers count as few.
const FEW: usize = 1 << 20;

impl Reverse<'_> {
    /// Operators of one operand.
    pub(super) fn rearrangement(
        &mut self,
        op: &Op,
        x: Value,
        adjoint: Value,
    ) -> Result<(), Refusal> {
        let shape = self.graph.shape(x).to_vec();
        let graph = &mut *self.graph;
        let from_x = match op {
            Op::Reshape { .. } => graph.reshape(adjoint, &shape)?,
            Op::Transpose { permutation } => {
                let mut inverse: Vec<usize> = (0..permutation.len()).collect();
                inverse.sort_by_key(|&axis| permutation.get(axis));
                graph.transpose(adjoint, &inverse)?
            }
            Op::Expand { .. } => self.sum_to_shape_of(adjoint, x)?,
            Op::Reduce { kind, axes, .. } => self.reduction(*kind, axes, &shape, adjoint)?,
            Op::Slice { ranges } => self.slice(ranges, &shape, adjoint)?,
            Op::Pad {
                before,
                mode: PadMode::Constant(_),
                ..
            } => {
                let ranges: Vec<SliceRange> = (before.iter().zip(&shape))
                    .map(|(&start, &extent)| (start..start + extent).into())
                    .collect();
                graph.slice(adjoint, &ranges)?
            }
            Op::Pad { .. } => {
                return Err(Refusal::NoRule(
                    "it repeats elements at the border; pad with a constant instead",
                ));
            }
            Op::DepthToSpace { block, order } => {
                self.depth_to_space(*block, *order, &shape, adjoint)?
            }
            Op::SpaceToDepth { block } => {
                graph.depth_to_space(adjoint, *block, DepthOrder::BlockFirst)?
            }
            _ => return Err(Refusal::NoRule("it has no rule of differentiation")),
        };
        self.contribute(x, from_x);
        Ok(())
    }

    pub(super) fn split(&mut self, node: &Node, axis: usize) -> Result<(), Refusal> {
        let reached = node
            .outputs
            .iter()
            .any(|part| self.contributions.contains_key(part));
        let (&[x], true) = (node.inputs.as_slice(), reached) else {
            return Ok(());
        };
        let parts = node
            .outputs
            .iter()
            .map(|&part| self.adjoint_or_zero(part))
            .collect::<Result<Vec<_>, _>>()?;
        let elements: usize = self.graph.shape(x).iter().product();
        let joined = match parts.len() * elements <= FEW {
            true => self.summed(&parts, x, axis)?,
            false => self.graph.concat(&parts, axis)?,
        };
        self.contribute(x, joined);
        Ok(())
    }

    /// Parts of the adjoint of `whole`, joined as the sum of what they are with zeros around them.
    ///
    /// It decides when each part is computed, and so how long what it needs is kept. ONNX Runtime
    /// computes depth first what its last nodes need, and of a node's operands the one first that was
    /// added to the graph last. Here that is always the sum so far, so that the last part comes first,
    /// then the one before it: the order of the reverse pass. Operands of one `Concat` would come in
    /// any order, as the runtime replaces the nodes behind some of them by fused ones of its own; for
    /// a generator that takes a row of the code for each layer, it would reach the first layer before
    /// it has done with the last, and keep twice as much.
    fn summed(&mut self, parts: &[Value], whole: Value, axis: usize) -> Result<Value, Error> {
        let shape = self.graph.shape(whole).to_vec();
        let mut ranges: Vec<SliceRange> = shape.iter().map(|&end| (0..end).into()).collect();
        let mut padded = Vec::new();
        let mut start = 0;
        for &part in parts {
            let end = start + self.graph.shape(part).get(axis).copied().unwrap_or(0);
            if let Some(range) = ranges.get_mut(axis) {
                *range = (start..end).into();
            }
            padded.push(self.slice(&ranges, &shape, part)?);
            start = end;
        }
        let mut parts = padded.into_iter().rev();
        let Some(mut sum) = parts.next() else {
            return self.adjoint_or_zero(whole);
        };
        for part in parts {
            sum = self.graph.add(sum, part)?;
        }
        Ok(sum)
    }

    pub(super) fn concat(
        &mut self,
        inputs: &[Value],
        axis: usize,
        adjoint: Value,
    ) -> Result<(), Refusal> {
        let sizes: Vec<usize> = inputs
            .iter()
            .map(|&input| self.graph.shape(input).get(axis).copied().unwrap_or(0))
            .collect();
        let parts = self.graph.split(adjoint, axis, &sizes)?;
        for (&input, part) in inputs.iter().zip(parts) {
            self.contribute(input, part);
        }
        Ok(())
    }

    fn reduction(
        &mut self,
        kind: Reduce,
        axes: &[usize],
        shape: &[usize],
        adjoint: Value,
    ) -> Result<Value, Error> {
        let extent = |axis: usize, &extent: &usize| if axes.contains(&axis) { 1 } else { extent };
        let kept: Vec<usize> = shape
            .iter()
            .enumerate()
            .map(|(axis, n)| extent(axis, n))
            .collect();
        let mut small = self.graph.reshape(adjoint, &kept)?;
        if kind == Reduce::Mean {
            let count: usize = axes.iter().filter_map(|&axis| shape.get(axis)).product();
            small = self.graph.scale(small, 1.0 / count as f32)?;
        }
        self.graph.expand(small, shape)
    }

    /// Puts a slice back into zeros.
    fn slice(
        &mut self,
        ranges: &[SliceRange],
        shape: &[usize],
        adjoint: Value,
    ) -> Result<Value, Error> {
        let spread = if ranges.iter().any(|range| range.step > 1) {
            self.spread(ranges, adjoint)?
        } else {
            adjoint
        };
        let before: Vec<usize> = ranges.iter().map(|range| range.start).collect();
        let covered = self
            .graph
            .shape(spread)
            .iter()
            .zip(&before)
            .map(|(extent, start)| extent + start);
        let after: Vec<usize> = shape
            .iter()
            .zip(covered)
            .map(|(extent, covered)| extent.saturating_sub(covered))
            .collect();
        self.graph
            .pad(spread, &before, &after, PadMode::Constant(0.0))
    }

    /// Puts `step − 1` zeros between neighbours along every axis.
    fn spread(&mut self, ranges: &[SliceRange], adjoint: Value) -> Result<Value, Error> {
        let extents = self.graph.shape(adjoint).to_vec();
        let mut result = adjoint;
        for (axis, range) in ranges
            .iter()
            .enumerate()
            .filter(|(_, range)| range.step > 1)
        {
            let mut shape = self.graph.shape(result).to_vec();
            let extent = extents.get(axis).copied().unwrap_or(0);
            // One more axis of extent 1, padded to the step, then joined: element, zeros, element,
            // zeros …
            shape.insert(axis + 1, 1);
            let apart = self.graph.reshape(result, &shape)?;
            let before = vec![0; shape.len()];
            let after: Vec<usize> = (0..shape.len())
                .map(|k| if k == axis + 1 { range.step - 1 } else { 0 })
                .collect();
            let padded = self
                .graph
                .pad(apart, &before, &after, PadMode::Constant(0.0))?;
            shape.remove(axis + 1);
            if let Some(joined) = shape.get_mut(axis) {
                *joined = extent * range.step;
            }
            let joined = self.graph.reshape(padded, &shape)?;
            // The zeros behind the last element may reach past the sliced range.
            result = self.graph.slice_axis(
                joined,
                axis,
                0,
                (extent * range.step).saturating_sub(range.step - 1),
            )?;
        }
        Ok(result)
    }

    /// A permutation is undone by its inverse. Any other gather with known indices is a product
    /// with a matrix of ones and zeros, and so is its adjoint.
    pub(super) fn gather(
        &mut self,
        data: Value,
        indices: Value,
        axis: usize,
        adjoint: Value,
    ) -> Result<(), Refusal> {
        let Some(indices) = self.graph.constant_tensor(indices).and_then(Tensor::as_i64) else {
            return Err(Refusal::NoRule(
                "its indices are not known before the network runs",
            ));
        };
        let indices: Vec<usize> = indices
            .iter()
            .filter_map(|&index| usize::try_from(index).ok())
            .collect();
        let shape = self.graph.shape(data).to_vec();
        let extent = shape.get(axis).copied().unwrap_or(0);
        let mut inverse: Vec<usize> = (0..indices.len()).collect();
        inverse.sort_by_key(|&position| indices.get(position));
        let is_permutation = inverse
            .iter()
            .filter_map(|&position| indices.get(position).copied())
            .eq(0..extent);
        let from_data = if is_permutation && self.graph.shape(adjoint) == shape {
            let inverse: Array1<i64> = inverse
                .iter()
                .filter_map(|&position| i64::try_from(position).ok())
                .collect();
            let inverse = self.graph.constant("inverse_order", inverse);
            self.graph.gather(adjoint, inverse, axis)?
        } else {
            let is_from = |row: usize, position: usize| {
                f32::from(u8::from(indices.get(position) == Some(&row)))
            };
            let scatter = Array2::from_shape_fn((extent, indices.len()), |(row, position)| {
                is_from(row, position)
            });
            let scatter = self.graph.constant("scatter", scatter);
            let (before, after) = shape.split_at(axis.min(shape.len()));
            let columns = after.iter().skip(1).product();
            let flat = self
                .graph
                .reshape(adjoint, &[before.iter().product(), indices.len(), columns])?;
            let scattered = self.graph.matmul(scatter, flat)?;
            self.graph.reshape(scattered, &shape)?
        };
        self.contribute(data, from_data);
        Ok(())
    }

    fn depth_to_space(
        &mut self,
        block: usize,
        order: DepthOrder,
        shape: &[usize],
        adjoint: Value,
    ) -> Result<Value, Error> {
        let depth = self.graph.space_to_depth(adjoint, block)?;
        let (DepthOrder::ChannelFirst, &[n, channels, height, width]) = (order, shape) else {
            return Ok(depth);
        };
        // SpaceToDepth numbers the block first; exchange block and channel.
        let area = block * block;
        let blocks = self
            .graph
            .reshape(depth, &[n, area, channels / area.max(1), height, width])?;
        let exchanged = self.graph.transpose(blocks, &[0, 2, 1, 3, 4])?;
        self.graph.reshape(exchanged, shape)
    }
}
