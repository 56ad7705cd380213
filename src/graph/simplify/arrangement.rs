//! Rearrangements that do nothing, or undo each other.

use super::super::build::{Node, Value};
use super::super::error::Error;
use super::super::operator::Op;
use super::rewriter::Rewriter;

impl Rewriter<'_> {
    /// A simpler form of a node that only moves elements.
    pub(super) fn rearranged(&mut self, op: &Op, inputs: &[Value]) -> Result<Option<Value>, Error> {
        let &[x] = inputs else { return Ok(None) };
        let shape = self.new.shape(x);
        let nothing = match op {
            Op::Reshape { shape: wish } | Op::Expand { shape: wish } => wish == shape,
            Op::Transpose { permutation } => permutation.iter().copied().eq(0..shape.len()),
            Op::Slice { ranges } => ranges
                .iter()
                .zip(shape)
                .all(|(range, &extent)| range.len() == extent),
            Op::Pad { before, after, .. } => before.iter().chain(after).all(|&pad| pad == 0),
            Op::Resize { size, .. } => shape.ends_with(size),
            _ => false,
        };
        if nothing {
            return Ok(Some(x));
        }
        match op {
            Op::Reduce { axes, .. } if axes.iter().all(|&axis| shape.get(axis) == Some(&1)) => {
                let shape = super::super::infer::infer(op, &[self.new.tensor_type(x)]);
                match shape.as_deref() {
                    Ok([reduced]) => self
                        .push_one(
                            Op::Reshape {
                                shape: reduced.shape.clone(),
                            },
                            &[x],
                        )
                        .map(Some),
                    _ => Ok(None),
                }
            }
            Op::Reshape { .. } | Op::Transpose { .. } | Op::Expand { .. } => self.merged(op, x),
            _ => Ok(None),
        }
    }

    /// Two reshapes, transpositions or expansions in a row are one.
    fn merged(&mut self, op: &Op, x: Value) -> Result<Option<Value>, Error> {
        let Some(Node {
            op: inner, inputs, ..
        }) = self.new.producer(x)
        else {
            return Ok(None);
        };
        let &[source] = inputs.as_slice() else {
            return Ok(None);
        };
        let merged = match (inner, op) {
            (Op::Reshape { .. }, Op::Reshape { .. }) | (Op::Expand { .. }, Op::Expand { .. }) => {
                op.clone()
            }
            (
                Op::Transpose { permutation: first },
                Op::Transpose {
                    permutation: second,
                },
            ) => {
                let permutation = second
                    .iter()
                    .filter_map(|&axis| first.get(axis).copied())
                    .collect();
                Op::Transpose { permutation }
            }
            _ => return Ok(None),
        };
        match self.rearranged(&merged, &[source])? {
            Some(simpler) => Ok(Some(simpler)),
            None => self.push_one(merged, &[source]).map(Some),
        }
    }

    /// Cuts that leave one part, joins of one part, and cuts and joins that undo each other.
    pub(super) fn split_or_concat(&self, op: &Op, inputs: &[Value]) -> Option<Vec<Value>> {
        match (op, inputs) {
            (Op::Split { sizes, .. }, &[x]) if sizes.len() == 1 => Some(vec![x]),
            (Op::Concat { .. }, &[x]) => Some(vec![x]),
            (Op::Split { axis, sizes }, &[x]) => {
                let join = self
                    .new
                    .producer(x)
                    .filter(|node| node.op == Op::Concat { axis: *axis })?;
                let parts = join
                    .inputs
                    .iter()
                    .map(|&part| self.new.shape(part).get(*axis).copied());
                parts
                    .eq(sizes.iter().map(|&size| Some(size)))
                    .then(|| join.inputs.clone())
            }
            (Op::Concat { axis }, &[first, ..]) => {
                let cut = self.new.producer(first)?;
                let same_axis = matches!(cut.op, Op::Split { axis: other, .. } if other == *axis);
                (same_axis && cut.outputs == inputs).then(|| cut.inputs.clone())
            }
            _ => None,
        }
    }
}
