//! The layers of StyleGAN2, with all factors that a checkpoint leaves to run time multiplied in.

use std::f32::consts::SQRT_2;

use ndarray::{Array4, ArrayD, Axis, Ix4, IxDyn};

use super::{EPSILON, EXPECTED, LEAK};
use crate::architectures::Error;
use crate::checkpoint::Tensors;
use crate::graph::{Conv, ConvTranspose, Graph, Tensor, Value};

/// A dense layer.
#[derive(Debug, Clone)]
pub(super) struct Dense {
    /// `[input, output]`
    weights: Tensor,
    /// `[output]`
    bias: Tensor,
}

impl Dense {
    pub(super) fn new(
        tensors: &mut Tensors,
        weights: &str,
        bias: &str,
        [output, input]: [usize; 2],
        multiplier: f32,
    ) -> Result<Self, Error> {
        let weights =
            tensors.take(weights, &[output, input])? * (multiplier / (input as f32).sqrt());
        let bias = tensors.take(bias, &[output])? * multiplier;
        Ok(Self {
            weights: weights.reversed_axes().into(),
            bias: bias.into(),
        })
    }

    pub(super) fn append(&self, graph: &mut Graph, x: Value) -> Result<Value, Error> {
        let weights = graph.constant("dense.weights", self.weights.clone());
        let bias = graph.constant("dense.bias", self.bias.clone());
        let product = graph.matmul(x, weights)?;
        Ok(graph.add(product, bias)?)
    }
}

/// A modulated and demodulated convolution with noise, bias and leaky ReLU.
///
/// The factor of √2 behind the ReLU is multiplied into whatever is added up before it: the
/// demodulation, the strength of the noise and the bias.
#[derive(Debug, Clone)]
pub(super) struct StyledConvolution {
    pub(super) style: Dense,
    /// `[output, input, 3, 3]`, or, if it doubles the size, `[input, output, 3, 3]`.
    weights: Tensor,
    /// The smoothing filter `[output, 1, k, k]`, in a convolution that doubles the size.
    doubling_filter: Option<Tensor>,
    /// Sums of squared weights, `[input, output]`.
    energies: Tensor,
    noise_strength: f32,
    /// `[1, output, 1, 1]`
    bias: Tensor,
}

/// A modulated 1×1 convolution to RGB.
#[derive(Debug, Clone)]
pub(super) struct ToRgb {
    pub(super) style: Dense,
    /// `[3, input, 1, 1]`
    weights: Tensor,
    /// `[3]`
    bias: Tensor,
}

impl StyledConvolution {
    pub(super) fn new(
        tensors: &mut Tensors,
        name: &str,
        [output, input, latent_size]: [usize; 3],
        doubles: bool,
    ) -> Result<Self, Error> {
        let inner = format!("{name}.layer.layer");
        let style = style(tensors, &inner, [input, latent_size])?;
        let mut weights = tensors.take(&format!("{inner}.weight"), &[output, input, 3, 3])?;
        weights /= ((input * 9) as f32).sqrt();
        let energies = weights
            .mapv(|w| w * w)
            .sum_axis(Axis(3))
            .sum_axis(Axis(2))
            .reversed_axes();
        let mut doubling_filter = None;
        if doubles {
            weights.swap_axes(0, 1);
            let kernel = fir_kernel(tensors, &format!("{inner}.filter.filter_kernel"))?;
            doubling_filter = Some(repeated(kernel, output));
        }
        let strength = tensors.take(&format!("{name}.layer.weight"), &[1])?.sum();
        let bias = tensors.take(&format!("{name}.bias"), &[output])? * SQRT_2;
        let bias = bias
            .insert_axis(Axis(1))
            .insert_axis(Axis(2))
            .insert_axis(Axis(0));
        Ok(Self {
            style,
            weights: weights.into(),
            doubling_filter,
            energies: energies.into(),
            noise_strength: strength * SQRT_2,
            bias: bias.into(),
        })
    }

    pub(super) fn append(
        &self,
        graph: &mut Graph,
        x: Value,
        style: Value,
        noise: Option<Value>,
    ) -> Result<Value, Error> {
        let weights = graph.constant("weights", self.weights.clone());
        let mut x = modulated(graph, x, style)?;
        if let Some(filter) = &self.doubling_filter {
            let conv = Conv {
                strides: [2; 2],
                ..Conv::default()
            };
            let attributes = ConvTranspose {
                conv,
                output_padding: [0; 2],
            };
            x = graph.conv_transpose(x, weights, None, attributes)?;
            let groups = filter.shape().first().copied().unwrap_or(1);
            let filter = graph.constant("filter", filter.clone());
            x = graph.conv(
                x,
                filter,
                None,
                Conv {
                    groups,
                    ..Conv::padded(1)
                },
            )?;
        } else {
            x = graph.conv(x, weights, None, Conv::padded(1))?;
        }
        let demodulation = self.demodulation(graph, style)?;
        x = modulated(graph, x, demodulation)?;
        if let Some(noise) = noise {
            let noise = graph.scale(noise, self.noise_strength)?;
            x = graph.add(x, noise)?;
        }
        let bias = graph.constant("bias", self.bias.clone());
        x = graph.add(x, bias)?;
        Ok(graph.leaky_relu(x, LEAK)?)
    }

    /// What brings each output channel back to unit variance (times √2), `[1, output]`.
    fn demodulation(&self, graph: &mut Graph, style: Value) -> Result<Value, Error> {
        let energies = graph.constant("energies", self.energies.clone());
        let squares = graph.mul(style, style)?;
        let energy = graph.matmul(squares, energies)?;
        let epsilon = graph.scalar(EPSILON);
        let energy = graph.add(energy, epsilon)?;
        let norm = graph.sqrt(energy)?;
        let root = graph.scalar(SQRT_2);
        Ok(graph.div(root, norm)?)
    }
}

impl ToRgb {
    pub(super) fn new(
        tensors: &mut Tensors,
        name: &str,
        [input, latent_size]: [usize; 2],
    ) -> Result<Self, Error> {
        let style = style(tensors, &format!("{name}.layer"), [input, latent_size])?;
        let mut weights = tensors.take(&format!("{name}.layer.weight"), &[3, input, 1, 1])?;
        weights /= (input as f32).sqrt();
        let bias = tensors.take(&format!("{name}.bias"), &[3])?;
        Ok(Self {
            style,
            weights: weights.into(),
            bias: bias.into(),
        })
    }

    pub(super) fn append(&self, graph: &mut Graph, x: Value, style: Value) -> Result<Value, Error> {
        let weights = graph.constant("rgb.weights", self.weights.clone());
        let bias = graph.constant("rgb.bias", self.bias.clone());
        let x = modulated(graph, x, style)?;
        Ok(graph.conv(x, weights, Some(bias), Conv::default())?)
    }
}

/// Scales every channel of `[1, channels, height, width]` by its number in `[1, channels]`.
fn modulated(graph: &mut Graph, x: Value, style: Value) -> Result<Value, Error> {
    let channels = graph.shape(style).last().copied().unwrap_or_default();
    let style = graph.reshape(style, &[1, channels, 1, 1])?;
    Ok(graph.mul(x, style)?)
}

/// The affine layer that turns a row of W+ into a style; its bias already contains the 1 around which
/// styles vary.
fn style(tensors: &mut Tensors, layer: &str, sizes: [usize; 2]) -> Result<Dense, Error> {
    let weights = format!("{layer}.dense.layer.weight");
    Dense::new(
        tensors,
        &weights,
        &format!("{layer}.dense.bias"),
        sizes,
        1.0,
    )
}

/// A smoothing filter, `[1, 1, k, k]`.
pub(super) fn fir_kernel(tensors: &mut Tensors, name: &str) -> Result<Array4<f32>, Error> {
    let size = tensors
        .get(name)
        .and_then(|kernel| kernel.shape().last().copied())
        .unwrap_or(4);
    let kernel = tensors.take(name, &[1, 1, size, size])?;
    kernel
        .into_dimensionality::<Ix4>()
        .map_err(|e| Error::OtherNetwork {
            expected: EXPECTED,
            problem: format!("has an unusable filter `{name}` ({e})"),
        })
}

/// The same filter for each of `channels`.
pub(super) fn repeated(kernel: Array4<f32>, channels: usize) -> Tensor {
    let (_, _, height, width) = kernel.dim();
    let shape = IxDyn(&[channels, 1, height, width]);
    let filters = kernel.into_dyn();
    ArrayD::from_shape_fn(shape, |at| filters[[0, 0, at[2], at[3]]]).into()
}
