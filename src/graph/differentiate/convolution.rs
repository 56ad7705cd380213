//! Adjoints of convolutions and matrix products.

use ndarray::{Array4, ArrayView4, Ix4};

use super::super::build::Value;
use super::super::error::Error;
use super::super::infer::dilated;
use super::super::operator::{Conv, ConvTranspose};
use super::super::tensor::Tensor;
use super::{Refusal, Reverse};

const WEIGHTS: Refusal =
    Refusal::NoRule("its weights depend on a variable; scale its operand or its result instead");

impl Reverse<'_> {
    /// A convolution of stride 1 has a convolution with flipped weights as its adjoint; any other a transposed convolution.
    pub(super) fn conv(
        &mut self,
        attributes: &Conv,
        x: Value,
        weights: Value,
        bias: &[Value],
        adjoint: Value,
    ) -> Result<(), Refusal> {
        self.bias(bias, adjoint)?;
        if self.is_active(weights) {
            return Err(WEIGHTS);
        }
        if !self.is_active(x) {
            return Ok(());
        }
        let from_x = match self.mirrored_conv(attributes, weights) {
            Some((weights, attributes)) => {
                let weights = self.graph.constant("mirrored", weights);
                self.graph.conv(adjoint, weights, None, attributes)?
            }
            None => self.transposed_conv(attributes, x, weights, adjoint)?,
        };
        self.contribute(x, from_x);
        Ok(())
    }

    /// Weights and attributes of the convolution that is the adjoint, if there is one: known weights, stride 1 and no more
    /// padding than the kernel reaches.
    fn mirrored_conv(&self, attributes: &Conv, weights: Value) -> Option<(Array4<f32>, Conv)> {
        let weights = self
            .graph
            .constant_tensor(weights)
            .and_then(Tensor::as_f32)?;
        let weights = weights.view().into_dimensionality::<Ix4>().ok()?;
        let (_, _, kernel_height, kernel_width) = weights.dim();
        let [top, left, bottom, right] = attributes.pads;
        let reach = [
            dilated(kernel_height, attributes.dilations[0]) - 1,
            dilated(kernel_width, attributes.dilations[1]) - 1,
        ];
        if attributes.strides != [1; 2] {
            return None;
        }
        let pads = [
            reach[0].checked_sub(top)?,
            reach[1].checked_sub(left)?,
            reach[0].checked_sub(bottom)?,
            reach[1].checked_sub(right)?,
        ];
        Some((
            mirror(weights, attributes.groups),
            Conv {
                pads,
                ..*attributes
            },
        ))
    }

    fn transposed_conv(
        &mut self,
        attributes: &Conv,
        x: Value,
        weights: Value,
        adjoint: Value,
    ) -> Result<Value, Error> {
        let extent = |shape: &[usize], axis: usize| shape.get(axis + 2).copied().unwrap_or(0);
        let output_padding = [0, 1].map(|axis| {
            // The rows at the end that no window reached.
            let kernel = dilated(
                extent(self.graph.shape(weights), axis),
                attributes.dilations[axis],
            );
            let pads = attributes.pads[axis] + attributes.pads[axis + 2];
            let room = (extent(self.graph.shape(x), axis) + pads).saturating_sub(kernel);
            room % attributes.strides[axis].max(1)
        });
        self.graph.conv_transpose(
            adjoint,
            weights,
            None,
            ConvTranspose {
                conv: *attributes,
                output_padding,
            },
        )
    }

    /// The adjoint of a transposed convolution is the convolution with the same weights.
    pub(super) fn conv_transpose(
        &mut self,
        attributes: &ConvTranspose,
        x: Value,
        weights: Value,
        bias: &[Value],
        adjoint: Value,
    ) -> Result<(), Refusal> {
        self.bias(bias, adjoint)?;
        if self.is_active(weights) {
            return Err(WEIGHTS);
        }
        if self.is_active(x) {
            let from_x = self.graph.conv(adjoint, weights, None, attributes.conv)?;
            self.contribute(x, from_x);
        }
        Ok(())
    }

    fn bias(&mut self, bias: &[Value], adjoint: Value) -> Result<(), Refusal> {
        for &bias in bias {
            if self.is_active(bias) {
                let sum = self.graph.reduce_sum(adjoint, &[0, 2, 3], false)?;
                self.contribute(bias, sum);
            }
        }
        Ok(())
    }

    pub(super) fn matmul(&mut self, operands: [Value; 2], adjoint: Value) -> Result<(), Refusal> {
        let [a, b] = operands;
        if self.is_active(a) {
            let transposed = self.transposed(b)?;
            let product = self.graph.matmul(adjoint, transposed)?;
            self.contribute_broadcast(a, product)?;
        }
        if self.is_active(b) {
            let transposed = self.transposed(a)?;
            let product = self.graph.matmul(transposed, adjoint)?;
            self.contribute_broadcast(b, product)?;
        }
        Ok(())
    }

    /// The last two axes exchanged.
    fn transposed(&mut self, matrix: Value) -> Result<Value, Error> {
        let rank = self.graph.shape(matrix).len();
        let mut permutation: Vec<usize> = (0..rank).collect();
        if let [.., second_last, last] = permutation.as_mut_slice() {
            std::mem::swap(second_last, last);
        }
        self.graph.transpose(matrix, &permutation)
    }
}

/// Weights `[out, in / groups, kh, kw]` → `[in, out / groups, kh, kw]`, kernels turned by 180°.
fn mirror(weights: ArrayView4<'_, f32>, groups: usize) -> Array4<f32> {
    let (out, in_per_group, height, width) = weights.dim();
    let out_per_group = out / groups.max(1);
    Array4::from_shape_fn(
        (in_per_group * groups, out_per_group, height, width),
        |(input, output, row, column)| {
            let group = input / in_per_group.max(1);
            weights[(
                group * out_per_group + output,
                input % in_per_group.max(1),
                height - 1 - row,
                width - 1 - column,
            )]
        },
    )
}
