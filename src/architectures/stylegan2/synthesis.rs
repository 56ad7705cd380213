//! The synthesis network.

use std::f32::consts::SQRT_2;

use ndarray::{Array4, ArrayD, Axis, Ix4, IxDyn};

use super::{Dense, EPSILON, EXPECTED, LEAK};
use crate::architectures::Error;
use crate::checkpoint::{self, Tensors};
use crate::graph::{Conv, ConvTranspose, Graph, Tensor, Value};

/// Where the network's tensors are in the checkpoint.
const PREFIX: &str = "G_synthesis.state_dict";

/// Width and height of the constant that the network starts from.
const START_PX: usize = 4;

/// The most blocks: a picture of 8192 px, eight times the largest published.
const BLOCK_LIMIT: usize = 12;

/// From W+ to a picture.
///
/// There are as many blocks as resolutions: 4, 8, 16 … px. The first has one convolution, each other
/// one two, of which the first doubles the size. Convolution `k` is modulated by row `k` of W+, and
/// the RGB layer of block `b` by row `2b + 1` (which is also that of the next block's convolution).
#[derive(Debug, Clone)]
pub struct Synthesis {
    latent_size: usize,
    /// `[1, channels, 4, 4]`
    start: Tensor,
    blocks: Vec<Block>,
    /// The filter that smooths an enlarged picture, for a transposed convolution: `[3, 1, k, k]`.
    enlarging_filter: Tensor,
}

#[derive(Debug, Clone)]
struct Block {
    layers: Vec<StyledConvolution>,
    rgb: ToRgb,
}

/// A modulated and demodulated convolution with noise, bias and leaky ReLU.
///
/// The factor of √2 behind the ReLU is multiplied into whatever is added up before it: the
/// demodulation, the strength of the noise and the bias.
#[derive(Debug, Clone)]
struct StyledConvolution {
    style: Dense,
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
struct ToRgb {
    style: Dense,
    /// `[3, input, 1, 1]`
    weights: Tensor,
    /// `[3]`
    bias: Tensor,
}

/// The values on the way through the network.
#[derive(Debug, Clone)]
pub struct Stages {
    /// What each convolution is modulated by, `[1, input channels]`.
    pub convolution_styles: Vec<Value>,
    /// What each RGB layer is modulated by, `[1, input channels]`.
    pub rgb_styles: Vec<Value>,
    /// The activations behind each convolution, `[1, channels, resolution, resolution]`.
    pub activations: Vec<Value>,
    /// The picture so far at each resolution, `[1, 3, resolution, resolution]`; the last is the result.
    pub rgb: Vec<Value>,
    /// The result: RGB, nominally in [-1, 1].
    pub image: Value,
}

impl Synthesis {
    /// Takes the weights out of a checkpoint.
    pub(super) fn new(tensors: &mut Tensors, latent_size: usize) -> Result<Self, Error> {
        let start_name = format!("{PREFIX}.const");
        let mut channels = first_axis(tensors, &start_name)?;
        let start = tensors
            .take(&start_name, &[channels, START_PX, START_PX])?
            .insert_axis(Axis(0));
        let mut blocks: Vec<Block> = Vec::new();
        while blocks.len() < BLOCK_LIMIT {
            let block = blocks.len();
            let name = |layer| format!("{PREFIX}.conv_blocks.{block}.conv_block.{layer}");
            if block > 0 && tensors.get(&format!("{}.bias", name(0))).is_none() {
                break;
            }
            let mut layers = Vec::new();
            for layer in 0..(if block == 0 { 1 } else { 2 }) {
                let output = first_axis(tensors, &format!("{}.bias", name(layer)))?;
                let doubles = block > 0 && layer == 0;
                let sizes = [output, channels, latent_size];
                layers.push(StyledConvolution::new(
                    tensors,
                    &name(layer),
                    sizes,
                    doubles,
                )?);
                channels = output;
            }
            let rgb = format!("{PREFIX}.to_data_layers.{block}");
            blocks.push(Block {
                layers,
                rgb: ToRgb::new(tensors, &rgb, [channels, latent_size])?,
            });
        }
        let kernel = fir_kernel(tensors, &format!("{PREFIX}.upsample.filter.filter_kernel"))?;
        // A transposed convolution runs through its kernel backwards.
        let enlarging_filter = repeated(
            kernel.slice(ndarray::s![.., .., ..;-1, ..;-1]).to_owned(),
            3,
        );
        Ok(Self {
            latent_size,
            start: start.into(),
            blocks,
            enlarging_filter,
        })
    }

    /// How many rows of W+ there are: two for each resolution.
    pub fn rows(&self) -> usize {
        2 * self.blocks.len()
    }

    /// For each row of W+, the width and height in pixels of the activations that it modulates last.
    pub fn row_resolutions_px(&self) -> Vec<usize> {
        (0..self.blocks.len())
            .flat_map(|block| [START_PX << block; 2])
            .collect()
    }

    /// Width and height of the picture.
    pub fn resolution_px(&self) -> usize {
        START_PX << self.blocks.len().saturating_sub(1)
    }

    /// The width and height of each noise map, in the order of the convolutions.
    pub fn noise_resolutions_px(&self) -> Vec<usize> {
        let blocks = self.blocks.iter().enumerate();
        blocks
            .flat_map(|(block, b)| vec![START_PX << block; b.layers.len()])
            .collect()
    }

    /// Appends the network to a code in W+, `[rows, n]`.
    ///
    /// `noise` holds one map `[1, 1, resolution, resolution]` for each convolution, standard normal: as
    /// inputs of the graph or as constants. Without any, the noise is zero.
    ///
    /// # Errors
    /// [`Error::Graph`] if the code or a noise map has another shape; [`Error::OtherNetwork`] if there
    /// are too many or too few noise maps.
    pub fn append(
        &self,
        graph: &mut Graph,
        codes: Value,
        noise: Option<&[Value]>,
    ) -> Result<Stages, Error> {
        let convolutions: usize = self.blocks.iter().map(|block| block.layers.len()).sum();
        if let Some(noise) = noise.filter(|noise| noise.len() != convolutions) {
            let problem = format!("takes {convolutions} noise maps, not {}", noise.len());
            return Err(Error::OtherNetwork {
                expected: EXPECTED,
                problem,
            });
        }
        let rows = graph.split(codes, 0, &vec![1; self.rows()])?;
        let mut x = graph.constant("start", self.start.clone());
        let mut rgb: Option<Value> = None;
        let mut stages = Stages {
            convolution_styles: Vec::new(),
            rgb_styles: Vec::new(),
            activations: Vec::new(),
            rgb: Vec::new(),
            image: x,
        };
        for (block, row) in self.blocks.iter().zip(rows.iter().skip(1).step_by(2)) {
            for layer in &block.layers {
                let index = stages.activations.len();
                let style = layer.style.append(graph, rows[index])?;
                let noise = noise.map(|noise| noise[index]);
                x = layer.append(graph, x, style, noise)?;
                stages.convolution_styles.push(style);
                stages.activations.push(x);
            }
            let style = block.rgb.style.append(graph, *row)?;
            let mut sum = block.rgb.append(graph, x, style)?;
            if let Some(coarser) = rgb {
                let coarser = self.doubled(graph, coarser)?;
                sum = graph.add(sum, coarser)?;
            }
            stages.rgb_styles.push(style);
            stages.rgb.push(sum);
            rgb = Some(sum);
            stages.image = sum;
        }
        Ok(stages)
    }

    /// A picture of twice the size: zeros between the pixels, then the filter.
    fn doubled(&self, graph: &mut Graph, rgb: Value) -> Result<Value, Error> {
        let size = self
            .enlarging_filter
            .shape()
            .last()
            .copied()
            .unwrap_or_default();
        let filter = graph.constant("upsample.filter", self.enlarging_filter.clone());
        // All of the overlap at the top and left, as much at the bottom and right as doubles the size.
        let excess = size.saturating_sub(2);
        let conv = Conv {
            strides: [2; 2],
            pads: [0, 0, excess, excess],
            groups: 3,
            ..Conv::default()
        };
        let attributes = ConvTranspose {
            conv,
            output_padding: [0; 2],
        };
        Ok(graph.conv_transpose(rgb, filter, None, attributes)?)
    }
}

impl StyledConvolution {
    fn new(
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

    fn append(
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
    fn new(
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

    fn append(&self, graph: &mut Graph, x: Value, style: Value) -> Result<Value, Error> {
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

/// The length of a tensor's first axis.
fn first_axis(tensors: &Tensors, name: &str) -> Result<usize, checkpoint::Error> {
    let missing = || checkpoint::Error::MissingTensor {
        name: name.to_owned(),
    };
    tensors
        .get(name)
        .and_then(|tensor| tensor.shape().first().copied())
        .ok_or_else(missing)
}

/// A smoothing filter, `[1, 1, k, k]`.
fn fir_kernel(tensors: &mut Tensors, name: &str) -> Result<Array4<f32>, Error> {
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
fn repeated(kernel: Array4<f32>, channels: usize) -> Tensor {
    let (_, _, height, width) = kernel.dim();
    let shape = IxDyn(&[channels, 1, height, width]);
    let filters = kernel.into_dyn();
    ArrayD::from_shape_fn(shape, |at| filters[[0, 0, at[2], at[3]]]).into()
}
