//! Networks of random weights, to measure and to test what does not depend on the weights.

use ndarray::{Array4, ArrayD};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::StyleGan2;
use super::synthesis::START_PX;
use crate::architectures::Error;
use crate::checkpoint::Tensors;

/// How large a network is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Channels of each resolution's activations, from 4 px on.
    pub widths: Vec<usize>,
    /// Layers of the mapping network.
    pub mapping_layers: usize,
    /// The length of a latent code.
    pub latent_size: usize,
}

impl Sizes {
    /// The official network of 1024 px trained on FFHQ (configuration F).
    pub fn ffhq() -> Self {
        Self {
            widths: vec![512, 512, 512, 512, 512, 256, 128, 64, 32],
            mapping_layers: 8,
            latent_size: 512,
        }
    }
}

/// A checkpoint with the names of the PyTorch port, as [`StyleGan2::from_torch`] takes it. Weights are
/// standard normal, as before training; noise has some strength.
pub fn random_checkpoint(sizes: &Sizes, seed: u64) -> Tensors {
    let mut checkpoint = Checkpoint {
        tensors: Tensors::new(),
        random: ChaCha8Rng::seed_from_u64(seed),
        latent_size: sizes.latent_size,
    };
    checkpoint.mapping(sizes.mapping_layers);
    checkpoint.synthesis(&sizes.widths);
    checkpoint.tensors
}

impl StyleGan2 {
    /// A network of random weights.
    ///
    /// # Errors
    /// None for sizes that are not zero.
    pub fn random(sizes: &Sizes, seed: u64) -> Result<Self, Error> {
        Self::from_torch(random_checkpoint(sizes, seed))
    }
}

/// A checkpoint under construction.
struct Checkpoint {
    tensors: Tensors,
    random: ChaCha8Rng,
    latent_size: usize,
}

impl Checkpoint {
    fn add(&mut self, name: String, shape: &[usize], [mean, deviation]: [f32; 2]) {
        let random = &mut self.random;
        let tensor = ArrayD::from_shape_simple_fn(shape, || {
            let normal: f32 = StandardNormal.sample(random);
            mean + deviation * normal
        });
        self.tensors.insert(name, tensor);
    }

    fn mapping(&mut self, layers: usize) {
        let size = self.latent_size;
        self.add("state_dict.dlatent_avg".into(), &[size], [0.0, 0.1]);
        for layer in 0..layers {
            let name = format!("G_mapping.state_dict.main.{layer}");
            // The network multiplies its weights by 0.01.
            self.add(format!("{name}.layer.weight"), &[size; 2], [0.0, 100.0]);
            self.add(format!("{name}.bias"), &[size], [0.0, 1.0]);
        }
    }

    fn synthesis(&mut self, widths: &[usize]) {
        let prefix = "G_synthesis.state_dict";
        let mut input = widths.first().copied().unwrap_or(1);
        let start = [input, START_PX, START_PX];
        self.add(format!("{prefix}.const"), &start, [0.0, 1.0]);
        self.filter(format!("{prefix}.upsample.filter.filter_kernel"));
        for (block, &output) in widths.iter().enumerate() {
            for layer in 0..(if block == 0 { 1 } else { 2 }) {
                let name = format!("{prefix}.conv_blocks.{block}.conv_block.{layer}");
                let inner = format!("{name}.layer.layer");
                self.style(&inner, input);
                let shape = [output, input, 3, 3];
                self.add(format!("{inner}.weight"), &shape, [0.0, 1.0]);
                if block > 0 && layer == 0 {
                    self.filter(format!("{inner}.filter.filter_kernel"));
                }
                self.add(format!("{name}.layer.weight"), &[1], [0.1, 0.0]);
                self.add(format!("{name}.bias"), &[output], [0.0, 0.1]);
                input = output;
            }
            let name = format!("{prefix}.to_data_layers.{block}");
            self.style(&format!("{name}.layer"), output);
            let shape = [3, output, 1, 1];
            self.add(format!("{name}.layer.weight"), &shape, [0.0, 1.0]);
            self.add(format!("{name}.bias"), &[3], [0.0, 0.1]);
        }
    }

    /// The affine layer that makes a style, around 1.
    fn style(&mut self, layer: &str, input: usize) {
        let weights = format!("{layer}.dense.layer.weight");
        self.add(weights, &[input, self.latent_size], [0.0, 1.0]);
        self.add(format!("{layer}.dense.bias"), &[input], [1.0, 0.1]);
    }

    /// The smoothing filter `[1, 3, 3, 1]` in both directions, times the four of doubling.
    fn filter(&mut self, name: String) {
        let taps = [1.0, 3.0, 3.0, 1.0_f32];
        let kernel = Array4::from_shape_fn((1, 1, 4, 4), |(_, _, row, column)| {
            taps[row] * taps[column] / 16.0
        });
        self.tensors.insert(name, kernel.into_dyn());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_checkpoint_is_a_network_of_its_sizes() {
        let sizes = Sizes {
            widths: vec![8, 6, 4],
            mapping_layers: 2,
            latent_size: 5,
        };
        let network = StyleGan2::random(&sizes, 1).unwrap();
        assert_eq!(network.synthesis.resolution_px(), 16);
        assert_eq!(network.synthesis.rows(), 6);
        assert_eq!(network.mapping.latent_size(), 5);
        assert_eq!(random_checkpoint(&sizes, 1), random_checkpoint(&sizes, 1));
        assert_ne!(random_checkpoint(&sizes, 1), random_checkpoint(&sizes, 2));
    }
}
