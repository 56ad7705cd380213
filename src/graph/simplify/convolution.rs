//! Constants per channel next to a convolution move into its weights and bias.

use ndarray::{Array1, Array4, Axis, Ix4};

use super::super::build::Value;
use super::super::error::Error;
use super::super::operator::{Binary, Conv, Op};
use super::rewriter::Rewriter;

impl Rewriter<'_> {
    /// The node with a neighbouring convolution, as one convolution.
    pub(super) fn fused(
        &mut self,
        op: &Op,
        inputs: &[Value],
        only_use: &[bool],
    ) -> Result<Option<Value>, Error> {
        match (op, inputs) {
            (Op::Binary(binary @ (Binary::Add | Binary::Mul)), &[a, b]) => {
                for (x, constant, once) in [(a, b, only_use.first()), (b, a, only_use.get(1))] {
                    if once == Some(&true)
                        && let Some(result) = self.constant_after(*binary, x, constant)?
                    {
                        return Ok(Some(result));
                    }
                }
                Ok(None)
            }
            (Op::Binary(Binary::Sub), &[a, b]) if self.f32_constant(b).is_some() => {
                let negative = self
                    .f32_constant(b)
                    .map(|array| array.mapv(|number| -number));
                let Some(negative) = negative.filter(|_| only_use.first() == Some(&true)) else {
                    return Ok(None);
                };
                let negative = self.constant("bias", negative.into_owned());
                self.constant_after(Binary::Add, a, negative)
            }
            (Op::Conv(conv), &[x, weights, ref bias @ ..]) if only_use.first() == Some(&true) => {
                self.constant_before(*conv, x, weights, bias)
            }
            _ => Ok(None),
        }
    }

    /// `conv(x) · c` and `conv(x) + c`, where `conv` may be transposed.
    fn constant_after(
        &mut self,
        binary: Binary,
        x: Value,
        constant: Value,
    ) -> Result<Option<Value>, Error> {
        let &[_, channels, _, _] = self.new.shape(x) else {
            return Ok(None);
        };
        let Some(per_channel) = self.per_channel(constant, channels) else {
            return Ok(None);
        };
        let Some(node) = self.new.producer(x).cloned() else {
            return Ok(None);
        };
        let (groups, out_axis) = match &node.op {
            Op::Conv(conv) => (conv.groups, 0),
            Op::ConvTranspose(transposed) => (transposed.conv.groups, 1),
            _ => return Ok(None),
        };
        let (&[operand, weights], bias) = node.inputs.split_at(2.min(node.inputs.len())) else {
            return Ok(None);
        };
        let Some((mut weights_array, mut bias_array)) =
            self.weights_and_bias(weights, bias, channels)
        else {
            return Ok(None);
        };
        if binary == Binary::Mul {
            bias_array *= &per_channel;
            scale_outputs(&mut weights_array, &per_channel, groups, out_axis);
        } else {
            bias_array += &per_channel;
        }
        let has_bias = binary == Binary::Add || !bias.is_empty();
        let weights = if binary == Binary::Mul {
            self.renamed(weights, weights_array)
        } else {
            weights
        };
        let mut inputs = vec![operand, weights];
        if has_bias {
            inputs.push(self.constant("bias", bias_array));
        }
        self.push_one(node.op, &inputs).map(Some)
    }

    /// `conv(x · c)`. Zero padding stays zero, so this holds at the border as well.
    fn constant_before(
        &mut self,
        conv: Conv,
        x: Value,
        weights: Value,
        bias: &[Value],
    ) -> Result<Option<Value>, Error> {
        let &[_, channels, _, _] = self.new.shape(x) else {
            return Ok(None);
        };
        let factors = match self.new.producer(x) {
            Some(node) if node.op == Op::Binary(Binary::Mul) => node.inputs.clone(),
            _ => return Ok(None),
        };
        let &[a, b] = factors.as_slice() else {
            return Ok(None);
        };
        for (operand, constant) in [(a, b), (b, a)] {
            if self.new.shape(operand) != self.new.shape(x) {
                continue;
            }
            let (Some(factor), Some(array)) =
                (self.per_channel(constant, channels), self.weights(weights))
            else {
                continue;
            };
            let mut array = array;
            let per_group = channels / conv.groups.max(1);
            let out_per_group = array.len_of(Axis(0)) / conv.groups.max(1);
            for (out, mut kernels) in array.outer_iter_mut().enumerate() {
                let first = out / out_per_group.max(1) * per_group;
                for (kernel, factor) in kernels.outer_iter_mut().zip(factor.iter().skip(first)) {
                    let mut kernel = kernel;
                    kernel *= *factor;
                }
            }
            let weights = self.renamed(weights, array);
            let inputs: Vec<Value> = [operand, weights]
                .into_iter()
                .chain(bias.iter().copied())
                .collect();
            return self.push_one(Op::Conv(conv), &inputs).map(Some);
        }
        Ok(None)
    }

    /// A constant that is one number per channel of `[n, c, h, w]`, or one for all.
    fn per_channel(&self, constant: Value, channels: usize) -> Option<Array1<f32>> {
        let array = self.f32_constant(constant)?;
        let shape = array.shape();
        let from_end = |back: usize| {
            shape
                .len()
                .checked_sub(back)
                .and_then(|axis| shape.get(axis))
                .copied()
                .unwrap_or(1)
        };
        if shape.len() > 4 || from_end(1) != 1 || from_end(2) != 1 || from_end(4) != 1 {
            return None;
        }
        match (from_end(3), array.iter().next()) {
            (1, Some(&number)) => Some(Array1::from_elem(channels, number)),
            (count, Some(_)) if count == channels => Some(array.iter().copied().collect()),
            _ => None,
        }
    }

    fn weights(&self, value: Value) -> Option<Array4<f32>> {
        self.f32_constant(value)?
            .to_owned()
            .into_dimensionality::<Ix4>()
            .ok()
    }

    fn weights_and_bias(
        &self,
        weights: Value,
        bias: &[Value],
        channels: usize,
    ) -> Option<(Array4<f32>, Array1<f32>)> {
        let bias = match bias {
            [] => Array1::zeros(channels),
            [bias, ..] => self.f32_constant(*bias)?.iter().copied().collect(),
        };
        Some((self.weights(weights)?, bias))
    }

    fn renamed(&mut self, like: Value, array: Array4<f32>) -> Value {
        let name = self.constant_name(like);
        self.constant(&name, array)
    }
}

/// Multiplies the kernels that lead to each result channel. Weights are `[out, in / groups, …]` or, with `out_axis` 1,
/// `[in, out / groups, …]`.
fn scale_outputs(weights: &mut Array4<f32>, factors: &Array1<f32>, groups: usize, out_axis: usize) {
    let in_per_group = weights.len_of(Axis(0)) / groups.max(1);
    let out_per_group = weights.len_of(Axis(1));
    for ((first, second, _, _), weight) in weights.indexed_iter_mut() {
        let out = if out_axis == 0 {
            first
        } else {
            first / in_per_group.max(1) * out_per_group + second
        };
        if let Some(factor) = factors.get(out) {
            *weight *= factor;
        }
    }
}
