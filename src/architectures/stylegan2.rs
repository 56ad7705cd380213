//! StyleGAN2 (Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, CVPR 2020), with
//! skip connections to RGB, from a checkpoint of the PyTorch port `stylegan2_pytorch`.
//!
//! Resolution, widths and the number of layers are those found in the file. A modulated convolution
//! scales the activations by the style, convolves with constant weights and scales the outputs by the
//! demodulation factor: the same as modulating the weights, but its reverse pass needs no gradient of
//! weights.

mod layers;
mod random;
mod synthesis;

use ndarray::{Array2, ArrayD, Axis};

use super::Error;
use crate::checkpoint::{self, Tensors};
use crate::graph::{Graph, Value};

use layers::Dense;
pub use random::{Sizes, random_checkpoint};
use synthesis::{BLOCK_LIMIT, START_PX};
pub use synthesis::{Stages, Synthesis};

/// Added under a square root, in pixel norm and in demodulation.
const EPSILON: f32 = 1e-8;

/// Slope of the leaky ReLUs for negative numbers; each is followed by a factor of √2.
const LEAK: f32 = 0.2;

/// The learning-rate multiplier of the mapping network, which scales its weights and biases.
const MAPPING_MULTIPLIER: f32 = 0.01;

/// What error messages call this network.
const EXPECTED: &str = "a StyleGAN2 generator";

/// The resolution that each style layer (row of W+) drives, for their number, coarse to fine.
///
/// Layer 0 drives the convolution at 4 px; from 8 px on a resolution has two convolutions, and the
/// to-RGB layer of a resolution shares the layer behind its second convolution (Karras et al., CVPR
/// 2020, figure 2). So L = 2·log₂(resolution) − 2, and the last layer is the final to-RGB's.
pub fn layer_resolutions_px(layers: usize) -> Vec<usize> {
    let last_convolution = layers.saturating_sub(2);
    (0..layers)
        .map(|layer| START_PX << layer.min(last_convolution).div_ceil(2).min(BLOCK_LIMIT))
        .collect()
}

/// A whole generator.
#[derive(Debug, Clone)]
pub struct StyleGan2 {
    /// From Z to W.
    pub mapping: Mapping,
    /// From W+ to a picture.
    pub synthesis: Synthesis,
    /// The mean of W, `[n]`, the centre of truncation.
    pub w_mean: ArrayD<f32>,
}

/// The mapping network: pixel norm and dense layers.
#[derive(Debug, Clone)]
pub struct Mapping {
    latent_size: usize,
    layers: Vec<Dense>,
}

/// Which codes are pulled towards the mean of W, and how far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truncation {
    /// 1 leaves a code where it is, 0 puts it to the mean.
    pub psi: f32,
    /// Only this many rows, from the coarsest on, are pulled; all if `None`.
    pub cutoff: Option<usize>,
}

impl StyleGan2 {
    /// Whether these are the tensors of such a network, as far as their names tell.
    pub fn is_in(tensors: &Tensors) -> bool {
        tensors.has_under("G_synthesis")
    }

    /// Takes the weights of `Gs.pth` (as [`torch::read`](crate::checkpoint::torch::read) yields them).
    ///
    /// Parts that are not weights of the network proper (such as a stored truncation) are ignored.
    ///
    /// # Errors
    /// [`Error::Weights`] if a weight is missing or has another shape, [`Error::OtherNetwork`] if there
    /// is no generator in the file.
    pub fn from_torch(mut tensors: Tensors) -> Result<Self, Error> {
        let mapping = Mapping::new(&mut tensors)?;
        let synthesis = Synthesis::new(&mut tensors, mapping.latent_size)?;
        let w_mean = tensors.take("state_dict.dlatent_avg", &[mapping.latent_size])?;
        Ok(Self {
            mapping,
            synthesis,
            w_mean,
        })
    }

    /// Appends truncation: a code in W, `[1, n]`, → one in W+, `[rows, n]`, the same in all rows but
    /// for the pull towards the mean.
    ///
    /// # Errors
    /// [`Error::Graph`] if the code has another shape.
    pub fn append_truncation(
        &self,
        graph: &mut Graph,
        w: Value,
        Truncation { psi, cutoff }: Truncation,
    ) -> Result<Value, Error> {
        let rows = self.synthesis.rows();
        let kept = |row| {
            if cutoff.is_none_or(|cutoff| row < cutoff) {
                psi
            } else {
                1.0
            }
        };
        let kept = Array2::from_shape_fn((rows, 1), |(row, _)| kept(row));
        let pull = kept.mapv(|kept| 1.0 - kept) * self.w_mean.view().insert_axis(Axis(0));
        let kept = graph.constant("kept", kept);
        let pull = graph.constant("pull", pull);
        let kept = graph.mul(w, kept)?;
        Ok(graph.add(kept, pull)?)
    }
}

impl Mapping {
    fn new(tensors: &mut Tensors) -> Result<Self, Error> {
        let name = |layer: usize| format!("G_mapping.state_dict.main.{layer}");
        let latent_size = first_axis(tensors, &format!("{}.bias", name(0)))?;
        let mut layers = Vec::new();
        while tensors.has_under(&name(layers.len())) {
            let [weights, bias] =
                ["layer.weight", "bias"].map(|part| format!("{}.{part}", name(layers.len())));
            let sizes = [latent_size, latent_size];
            layers.push(Dense::new(
                tensors,
                &weights,
                &bias,
                sizes,
                MAPPING_MULTIPLIER,
            )?);
        }
        Ok(Self {
            latent_size,
            layers,
        })
    }

    /// The length of a latent code (512).
    pub fn latent_size(&self) -> usize {
        self.latent_size
    }

    /// Appends the network: `z` `[m, n]`, standard normal, → `w` `[m, n]`.
    ///
    /// # Errors
    /// [`Error::Graph`] if `z` has another shape.
    pub fn append(&self, graph: &mut Graph, z: Value) -> Result<Value, Error> {
        let squares = graph.mul(z, z)?;
        let mean_square = graph.reduce_mean(squares, &[1], true)?;
        let epsilon = graph.scalar(EPSILON);
        let mean_square = graph.add(mean_square, epsilon)?;
        let norm = graph.sqrt(mean_square)?;
        let mut x = graph.div(z, norm)?;
        for layer in &self.layers {
            x = layer.append(graph, x)?;
            x = graph.leaky_relu(x, LEAK)?;
            x = graph.scale(x, std::f32::consts::SQRT_2)?;
        }
        Ok(x)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stylegan2_at_1024_has_two_layers_a_resolution_and_a_last_one() {
        assert_eq!(
            layer_resolutions_px(18),
            [
                4, 8, 8, 16, 16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 512, 1024, 1024, 1024
            ]
        );
        assert_eq!(
            layer_resolutions_px(10),
            [4, 8, 8, 16, 16, 32, 32, 64, 64, 64]
        );
    }
}
