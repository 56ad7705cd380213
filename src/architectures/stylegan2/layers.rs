//! The layers of StyleGAN2, with all factors that a checkpoint leaves to run time multiplied in.

use std::f32::consts::SQRT_2;

use ndarray::{Array1, Array2, Array4, ArrayD, Axis, Ix4, IxDyn};

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

/// Activations, of which a positive factor of each channel is still missing.
///
/// A convolution is demodulated by a positive number for each of its channels, and what is positive
/// passes through a leaky ReLU: `lrelu(d·x) = d·lrelu(x)`. So the demodulation can wait until the
/// next layer modulates the channels anyway, where both are one product. It saves a pass over the
/// activations, and for the reverse pass, which needs both operands of a product with a variable
/// factor, half of all that has to be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Activations {
    /// `[1, channels, height, width]`
    values: Value,
    /// The missing factor, `[1, channels]`; `None` if it is 1.
    factor: Option<Value>,
}

impl From<Value> for Activations {
    fn from(values: Value) -> Self {
        Self {
            values,
            factor: None,
        }
    }
}

impl Activations {
    /// The activations with their factor, `[1, channels, height, width]`.
    pub(super) fn complete(self, graph: &mut Graph) -> Result<Value, Error> {
        match self.factor {
            Some(factor) => modulated(graph, self.values, factor),
            None => Ok(self.values),
        }
    }

    /// What the values have to be multiplied by for activations modulated by `style`, `[1, channels]`.
    fn modulation(self, graph: &mut Graph, style: Value) -> Result<Value, Error> {
        match self.factor {
            Some(factor) => Ok(graph.mul(style, factor)?),
            None => Ok(style),
        }
    }
}

/// A modulated and demodulated convolution with noise, bias and leaky ReLU.
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
    /// `[output]`
    bias: Array1<f32>,
}

/// A modulated 1×1 convolution to RGB.
#[derive(Debug, Clone)]
pub(super) struct ToRgb {
    pub(super) style: Dense,
    /// `[3, input]`
    weights: Tensor,
    /// `[3, 1]`
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
        let bias = tensors.take(&format!("{name}.bias"), &[output])?;
        Ok(Self {
            style,
            weights: weights.into(),
            doubling_filter,
            energies: energies.into(),
            noise_strength: strength,
            bias: Array1::from_iter(bias),
        })
    }

    pub(super) fn append(
        &self,
        graph: &mut Graph,
        x: Activations,
        style: Value,
        noise: Option<Value>,
    ) -> Result<Activations, Error> {
        let weights = graph.constant("weights", self.weights.clone());
        let modulation = x.modulation(graph, style)?;
        let mut x = modulated(graph, x.values, modulation)?;
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
        // Demodulated: √2 · lrelu(x / norm + noise + bias), without the positive factor √2 / norm.
        let norm = self.norm(graph, style)?;
        let offset = self.offset(graph, norm, graph.shape(x).to_vec(), noise)?;
        x = graph.add(x, offset)?;
        let values = graph.leaky_relu(x, LEAK)?;
        let root = graph.scalar(SQRT_2);
        let factor = Some(graph.div(root, norm)?);
        Ok(Activations { values, factor })
    }

    /// What each output channel is divided by, which brings it back to unit variance, `[1, output]`.
    fn norm(&self, graph: &mut Graph, style: Value) -> Result<Value, Error> {
        let energies = graph.constant("energies", self.energies.clone());
        let squares = graph.mul(style, style)?;
        let energy = graph.matmul(squares, energies)?;
        let epsilon = graph.scalar(EPSILON);
        let energy = graph.add(energy, epsilon)?;
        Ok(graph.sqrt(energy)?)
    }

    /// Noise and bias, times the norm: to be added to values of `shape`, and broadcast if there is no
    /// noise.
    ///
    /// With noise it is one matrix product, `norm·[strength, bias]` `[output, 2]` by `[noise, 1]`
    /// `[2, pixels]`, which is a single pass over the activations, forwards and backwards.
    fn offset(
        &self,
        graph: &mut Graph,
        norm: Value,
        shape: Vec<usize>,
        noise: Option<Value>,
    ) -> Result<Value, Error> {
        let channels = self.bias.len();
        let Some(noise) = noise else {
            let bias = graph.constant("bias", self.bias.clone().insert_axis(Axis(0)));
            let offset = graph.mul(norm, bias)?;
            return Ok(graph.reshape(offset, &[1, channels, 1, 1])?);
        };
        let pixels: usize = shape.iter().skip(2).product();
        let strength = Array1::from_elem(channels, self.noise_strength);
        let rates = ndarray::stack![Axis(1), strength, self.bias];
        let rates = graph.constant("noise.strength_and_bias", rates);
        let norm = graph.reshape(norm, &[channels, 1])?;
        let rates = graph.mul(norm, rates)?;
        let noise = graph.reshape(noise, &[1, pixels])?;
        let one = graph.constant("one", Array2::<f32>::ones((1, pixels)));
        let maps = graph.concat(&[noise, one], 0)?;
        let offset = graph.matmul(rates, maps)?;
        Ok(graph.reshape(offset, &shape)?)
    }
}

impl ToRgb {
    pub(super) fn new(
        tensors: &mut Tensors,
        name: &str,
        [input, latent_size]: [usize; 2],
    ) -> Result<Self, Error> {
        let style = style(tensors, &format!("{name}.layer"), [input, latent_size])?;
        let weights = tensors.take(&format!("{name}.layer.weight"), &[3, input, 1, 1])?;
        let weights = weights
            .index_axis_move(Axis(3), 0)
            .index_axis_move(Axis(2), 0)
            / (input as f32).sqrt();
        let bias = tensors.take(&format!("{name}.bias"), &[3])?;
        Ok(Self {
            style,
            weights: weights.into(),
            bias: bias.insert_axis(Axis(1)).into(),
        })
    }

    /// The weights are modulated instead of the activations, since there are fewer of them.
    pub(super) fn append(
        &self,
        graph: &mut Graph,
        x: Activations,
        style: Value,
    ) -> Result<Value, Error> {
        let weights = graph.constant("rgb.weights", self.weights.clone());
        let bias = graph.constant("rgb.bias", self.bias.clone());
        let modulation = x.modulation(graph, style)?;
        let weights = graph.mul(weights, modulation)?;
        let shape = graph.shape(x.values).to_vec();
        let [channels, height, width] = [1, 2, 3].map(|axis| shape.get(axis).copied().unwrap_or(0));
        let pixels = graph.reshape(x.values, &[channels, height * width])?;
        let rgb = graph.matmul(weights, pixels)?;
        let rgb = graph.add(rgb, bias)?;
        Ok(graph.reshape(rgb, &[1, 3, height, width])?)
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
