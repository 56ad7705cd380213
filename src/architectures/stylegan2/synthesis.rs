//! The synthesis network.

use ndarray::{Axis, s};

use super::layers::{Activations, StyledConvolution, ToRgb, fir_kernel, repeated};
use super::{EXPECTED, first_axis, layer_resolutions_px};
use crate::architectures::Error;
use crate::checkpoint::Tensors;
use crate::graph::{Conv, ConvTranspose, Graph, Tensor, Value};

/// Where the network's tensors are in the checkpoint.
const PREFIX: &str = "G_synthesis.state_dict";

/// Width and height of the constant that the network starts from.
pub(super) const START_PX: usize = 4;

/// The most blocks: a picture of 8192 px, eight times the largest published.
pub(super) const BLOCK_LIMIT: usize = 12;

/// From W+ to a picture.
///
/// There are as many blocks as resolutions: 4, 8, 16 … px. The first has one convolution, each other
/// one two, of which the first doubles the size. Convolution `k` is modulated by row `k` of W+, and
/// the RGB layer of block `b` by row `2b + 1` (which is also that of the next block's convolution).
#[derive(Debug, Clone)]
pub struct Synthesis {
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
            if block > 0 && !tensors.has_under(&format!("{PREFIX}.conv_blocks.{block}")) {
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
        let enlarging_filter = repeated(kernel.slice(s![.., .., ..;-1, ..;-1]).to_owned(), 3);
        Ok(Self {
            start: start.into(),
            blocks,
            enlarging_filter,
        })
    }

    /// How many rows of W+ there are: two for each resolution.
    pub fn rows(&self) -> usize {
        2 * self.blocks.len()
    }

    /// For each row of W+ the resolution that it drives, as [`layer_resolutions_px`] says.
    pub fn row_resolutions_px(&self) -> Vec<usize> {
        layer_resolutions_px(self.rows())
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
        let start = graph.constant("start", self.start.clone());
        let mut x = Activations::from(start);
        let mut rgb: Option<Value> = None;
        let mut stages = Stages {
            convolution_styles: Vec::new(),
            rgb_styles: Vec::new(),
            activations: Vec::new(),
            rgb: Vec::new(),
            image: start,
        };
        for (block, row) in self.blocks.iter().zip(rows.iter().skip(1).step_by(2)) {
            for layer in &block.layers {
                let index = stages.activations.len();
                let style = layer.style.append(graph, rows[index])?;
                let noise = noise.map(|noise| noise[index]);
                x = layer.append(graph, x, style, noise)?;
                stages.convolution_styles.push(style);
                stages.activations.push(x.complete(graph)?);
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
        let filter = graph.constant("upsample.filter", self.enlarging_filter.clone());
        let conv = Conv {
            strides: [2; 2],
            groups: 3,
            ..Conv::default()
        };
        let attributes = ConvTranspose {
            conv,
            output_padding: [0; 2],
        };
        // What the filter adds at the bottom and right is cut off afterwards: with padding at two sides
        // only, ONNX Runtime would take a GPU's picture to the CPU and back.
        let side = graph.shape(rgb).last().copied().unwrap_or_default();
        let doubled = graph.conv_transpose(rgb, filter, None, attributes)?;
        let ranges = [1, 3, 2 * side, 2 * side].map(|end| (0..end).into());
        Ok(graph.slice(doubled, &ranges)?)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;
    use crate::architectures::stylegan2::{StyleGan2, Truncation};

    const LATENT_SIZE: usize = 6;

    /// The tensors of a network of 8 px with the given widths, all ones.
    fn checkpoint(widths: [usize; 2]) -> Tensors {
        let mut tensors = Tensors::new();
        let mut add = |name: String, shape: &[usize]| {
            tensors.insert(name, ArrayD::ones(shape));
        };
        for layer in 0..2 {
            add(
                format!("G_mapping.state_dict.main.{layer}.layer.weight"),
                &[LATENT_SIZE, LATENT_SIZE],
            );
            add(
                format!("G_mapping.state_dict.main.{layer}.bias"),
                &[LATENT_SIZE],
            );
        }
        add("state_dict.dlatent_avg".into(), &[LATENT_SIZE]);
        let [coarse, fine] = widths;
        add(format!("{PREFIX}.const"), &[coarse, 4, 4]);
        add(
            format!("{PREFIX}.upsample.filter.filter_kernel"),
            &[1, 1, 4, 4],
        );
        for (block, layer, input, output) in [
            (0, 0, coarse, coarse),
            (1, 0, coarse, fine),
            (1, 1, fine, fine),
        ] {
            let name = format!("{PREFIX}.conv_blocks.{block}.conv_block.{layer}");
            add(format!("{name}.bias"), &[output]);
            add(format!("{name}.layer.weight"), &[1]);
            add(format!("{name}.layer.layer.weight"), &[output, input, 3, 3]);
            add(
                format!("{name}.layer.layer.dense.layer.weight"),
                &[input, LATENT_SIZE],
            );
            add(format!("{name}.layer.layer.dense.bias"), &[input]);
            if (block, layer) == (1, 0) {
                add(
                    format!("{name}.layer.layer.filter.filter_kernel"),
                    &[1, 1, 4, 4],
                );
            }
        }
        for (block, channels) in widths.into_iter().enumerate() {
            let name = format!("{PREFIX}.to_data_layers.{block}");
            add(format!("{name}.bias"), &[3]);
            add(format!("{name}.layer.weight"), &[3, channels, 1, 1]);
            add(
                format!("{name}.layer.dense.layer.weight"),
                &[channels, LATENT_SIZE],
            );
            add(format!("{name}.layer.dense.bias"), &[channels]);
        }
        tensors
    }

    #[test]
    fn sizes_come_from_the_checkpoint() {
        for widths in [[4, 4], [5, 3], [2, 7]] {
            let network = StyleGan2::from_torch(checkpoint(widths)).unwrap();
            let synthesis = &network.synthesis;
            assert_eq!(synthesis.rows(), 4);
            assert_eq!(synthesis.resolution_px(), 8);
            assert_eq!(synthesis.row_resolutions_px(), [4, 8, 8, 8]);
            assert_eq!(synthesis.noise_resolutions_px(), [4, 8, 8]);

            let mut graph = Graph::new("generator");
            let z = graph.input("z", &[1, LATENT_SIZE]).unwrap();
            let w = network.mapping.append(&mut graph, z).unwrap();
            let truncation = Truncation {
                psi: 0.7,
                cutoff: Some(2),
            };
            let codes = network
                .append_truncation(&mut graph, w, truncation)
                .unwrap();
            assert_eq!(graph.shape(codes), [4, LATENT_SIZE]);
            let stages = synthesis.append(&mut graph, codes, None).unwrap();
            let shapes: Vec<_> = stages
                .activations
                .iter()
                .map(|v| graph.shape(*v).to_vec())
                .collect();
            assert_eq!(
                shapes,
                [
                    [1, widths[0], 4, 4],
                    [1, widths[1], 8, 8],
                    [1, widths[1], 8, 8]
                ]
            );
            assert_eq!(graph.shape(stages.rgb[0]), [1, 3, 4, 4]);
            assert_eq!(graph.shape(stages.image), [1, 3, 8, 8]);
        }
    }

    #[test]
    fn every_tensor_is_needed_and_named_when_missing() {
        let complete = checkpoint([4, 3]);
        for (missing, _) in complete.iter() {
            let rest = complete.iter().filter(|(name, _)| *name != missing);
            let rest: Tensors = rest
                .map(|(name, tensor)| (name.to_owned(), tensor.clone()))
                .collect();
            let error = StyleGan2::from_torch(rest).err();
            let message = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(missing), "{missing}: {message}");
        }
    }

    #[test]
    fn refuses_widths_that_do_not_fit() {
        let mut tensors = checkpoint([4, 3]);
        let name = format!("{PREFIX}.to_data_layers.1.layer.weight");
        tensors.insert(name.as_str(), ArrayD::ones(vec![3, 4, 1, 1]));
        let message = StyleGan2::from_torch(tensors).unwrap_err().to_string();
        assert!(
            message.contains(&name) && message.contains("[3, 3, 1, 1]"),
            "{message}"
        );
    }

    #[test]
    fn refuses_the_wrong_number_of_noise_maps() {
        let network = StyleGan2::from_torch(checkpoint([4, 3])).unwrap();
        let mut graph = Graph::new("generator");
        let codes = graph.input("codes", &[4, LATENT_SIZE]).unwrap();
        let noise = graph.input("noise", &[1, 1, 4, 4]).unwrap();
        let result = network.synthesis.append(&mut graph, codes, Some(&[noise]));
        assert!(
            result
                .unwrap_err()
                .to_string()
                .contains("3 noise maps, not 1")
        );
    }
}
