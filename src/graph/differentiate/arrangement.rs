//! Adjoints of operators that move, repeat or add up elements.

use ndarray::Array2;

use super::super::build::{Node, Value};
use super::super::error::Error;
use super::super::operator::{DepthOrder, Op, PadMode, Reduce, SliceRange};
use super::super::tensor::Tensor;
use super::{Refusal, Reverse};

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
                let ranges: Vec<_> = (before.iter().zip(&shape))
                    .map(|(&start, &extent)| SliceRange {
                        start,
                        end: start + extent,
                        step: 1,
                    })
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
        let joined = self.graph.concat(&parts, axis)?;
        self.contribute(x, joined);
        Ok(())
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
            // One more axis of extent 1, padded to the step, then joined: element, zeros, element, zeros …
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

    /// With known indices along the first axis, a gather is a product with a matrix of ones and zeros.
    pub(super) fn gather(
        &mut self,
        data: Value,
        indices: Value,
        axis: usize,
        adjoint: Value,
    ) -> Result<(), Refusal> {
        let known = self
            .graph
            .constant_tensor(indices)
            .and_then(Tensor::as_i64)
            .cloned();
        let (Some(indices), 0) = (known, axis) else {
            return Err(Refusal::NoRule(
                "only rows with known indices can be differentiated; transpose, or use Split",
            ));
        };
        let shape = self.graph.shape(data).to_vec();
        let [rows, rest @ ..] = shape.as_slice() else {
            return Ok(());
        };
        let columns: usize = rest.iter().product();
        let flat: Vec<usize> = indices
            .iter()
            .filter_map(|&index| usize::try_from(index).ok())
            .collect();
        let is_from =
            |row: usize, position: usize| f32::from(u8::from(flat.get(position) == Some(&row)));
        let scatter = Array2::from_shape_fn((*rows, flat.len()), |(row, position)| {
            is_from(row, position)
        });
        let scatter = self.graph.constant("scatter", scatter);
        let adjoint = self.graph.reshape(adjoint, &[flat.len(), columns])?;
        let scattered = self.graph.matmul(scatter, adjoint)?;
        let from_data = self.graph.reshape(scattered, &shape)?;
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
