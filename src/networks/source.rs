//! Where a generator comes from: an installed pack, a checkpoint, or an ONNX file.

use std::path::Path;

use ndarray::{Array1, ArrayD, Ix1, IxDyn};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::pack::read_array;
use super::{Error, GeneratorSpec, Pack, Role, Whitening};
use crate::architectures::stylegan2::{StyleGan2, layer_resolutions_px};
use crate::checkpoint::{Tensors, torch};
use crate::graph::{Graph, Value};

/// The names of the inputs and outputs of a generator's graphs.
pub mod name {
    /// Input of the mapping network, `[1, n]`.
    pub const Z: &str = "z";
    /// Output of the mapping network, `[1, n]`.
    pub const W: &str = "w";
    /// Input of the synthesis network, `[L, n]`.
    pub const CODES: &str = "codes";
    /// Output of the synthesis network, `[1, 3, R, R]`.
    pub const IMAGE: &str = "image";

    /// Input of the synthesis network: the noise of a convolution, `[1, 1, r, r]`.
    pub fn noise(convolution: usize) -> String {
        format!("noise_{convolution:02}")
    }

    /// Output of the synthesis network: the picture so far at a resolution, `[1, 3, r, r]`.
    pub fn rgb(resolution_px: usize) -> String {
        format!("rgb_{resolution_px:04}")
    }
}

/// The networks of a generator as graphs.
#[derive(Debug, Clone)]
pub struct GeneratorNetworks {
    /// Layers, resolutions, noise maps.
    pub spec: GeneratorSpec,
    /// `z [1, n]` → `w [1, n]`; `None` for an ONNX file that holds a synthesis network alone.
    pub mapping: Option<Graph>,
    /// `codes [L, n]` and a noise map `noise_00 [1, 1, r, r]` … for each convolution that has noise →
    /// `image [1, 3, R, R]`, and of a StyleGAN2 also `rgb_0004 [1, 3, 4, 4]` … `rgb_0RRR`.
    pub synthesis: Graph,
    /// The mean of W, `[n]`; zero where a file does not say it.
    pub mean: Array1<f32>,
    /// The whitening of W, where it was measured.
    pub whitening: Option<Whitening>,
}

/// A synthesis network in a graph.
#[derive(Debug, Clone)]
pub struct SynthesisValues {
    /// The code in W+, `[L, n]`.
    pub codes: Value,
    /// The names of the noise maps, and the maps, `[1, 1, r, r]`.
    pub noise: Vec<(String, Value)>,
    /// The picture, `[1, 3, R, R]`.
    pub image: Value,
}

impl GeneratorNetworks {
    /// Takes the generator of a pack.
    ///
    /// # Errors
    /// When the pack has none, or a file of it is missing, altered or of another shape.
    pub fn from_pack(pack: &Pack) -> Result<Self, Error> {
        let whitening = match pack.entry(Role::WhiteningBasis) {
            Some(_) => Some(Whitening::load(pack)?),
            None => None,
        };
        Ok(Self {
            spec: pack.generator()?.clone(),
            mapping: Some(Graph::from_onnx_bytes(&pack.read(Role::Mapping)?)?),
            synthesis: Graph::from_onnx_bytes(&pack.read(Role::Synthesis)?)?,
            mean: read_array::<Ix1>(pack, Role::LatentMean, "[n]")?,
            whitening,
        })
    }

    /// Reads a generator from a file: a checkpoint of the PyTorch port of StyleGAN2 (`Gs.pth`, of any
    /// resolution and width), or an ONNX file with an input `codes [L, n]` and an output `image`.
    ///
    /// # Errors
    /// When the file cannot be read or holds another network.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let is_onnx = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"));
        if is_onnx {
            let bytes = std::fs::read(path).map_err(|source| Error::Read {
                path: path.to_owned(),
                source,
            })?;
            Self::from_graph(path, Graph::from_onnx_bytes(&bytes)?)
        } else {
            Self::from_torch(torch::read(path)?)
        }
    }

    /// Builds the graphs of a StyleGAN2 from the tensors of its checkpoint.
    ///
    /// # Errors
    /// [`Error::Architecture`] when a weight is missing or has another shape.
    pub fn from_torch(tensors: Tensors) -> Result<Self, Error> {
        Self::from_stylegan2(&StyleGan2::from_torch(tensors)?)
    }

    /// Builds the graphs of a StyleGAN2.
    ///
    /// # Errors
    /// [`Error::Architecture`] when its parts do not fit each other.
    pub fn from_stylegan2(network: &StyleGan2) -> Result<Self, Error> {
        let synthesis = &network.synthesis;
        let code_size = network.mapping.latent_size();
        let spec = GeneratorSpec {
            layers: synthesis.rows(),
            resolution: synthesis.resolution_px(),
            layer_resolutions: synthesis.row_resolutions_px(),
            code_size,
            noise_resolutions_px: synthesis.noise_resolutions_px(),
        };

        let mut mapping = Graph::new("mapping");
        let z = mapping.input(name::Z, &[1, code_size])?;
        let w = network.mapping.append(&mut mapping, z)?;
        mapping.output(name::W, w)?;
        mapping.simplify()?;

        let mut graph = Graph::new("synthesis");
        let codes = graph.input(name::CODES, &[spec.layers, code_size])?;
        let noise = spec
            .noise_resolutions_px
            .iter()
            .enumerate()
            .map(|(index, &side)| graph.input(name::noise(index), &[1, 1, side, side]))
            .collect::<Result<Vec<_>, _>>()?;
        let stages = synthesis.append(&mut graph, codes, Some(&noise))?;
        graph.output(name::IMAGE, stages.image)?;
        for rgb in stages.rgb {
            let side = graph.shape(rgb).last().copied().unwrap_or_default();
            graph.output(name::rgb(side), rgb)?;
        }
        graph.simplify()?;

        let mean = network.w_mean.view().into_dimensionality::<Ix1>();
        let mean = mean.map_err(|_| Error::Shape {
            role: Role::LatentMean,
            shape: network.w_mean.shape().to_vec(),
            expected: "[n]".to_owned(),
        })?;
        Ok(Self {
            spec,
            mapping: Some(mapping),
            synthesis: graph,
            mean: mean.to_owned(),
            whitening: None,
        })
    }

    /// Takes the graph of an ONNX file for a synthesis network; `path` is only for messages.
    pub(super) fn from_graph(path: &Path, synthesis: Graph) -> Result<Self, Error> {
        let shape_of = |value: Option<Value>| value.map(|value| synthesis.shape(value).to_vec());
        let refuse = |reason: &str| Error::NotAGenerator {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        let Some([layers, code_size]) = shape_of(synthesis.input_named(name::CODES))
            .as_deref()
            .map(<[usize; 2]>::try_from)
            .and_then(Result::ok)
        else {
            return Err(refuse("it has no input `codes [L, n]`"));
        };
        let Some([1, 3, resolution, _]) = shape_of(synthesis.output_named(name::IMAGE))
            .as_deref()
            .map(<[usize; 4]>::try_from)
            .and_then(Result::ok)
        else {
            return Err(refuse("it has no output `image [1, 3, R, R]`"));
        };
        let layer_resolutions = layer_resolutions_px(layers);
        if layer_resolutions.last() != Some(&resolution) {
            return Err(refuse(&format!(
                "{layers} style layers and {resolution} px do not belong together; an ONNX file is \
                 taken for a StyleGAN2"
            )));
        }
        let noise_resolutions_px = (0..)
            .map_while(|index| {
                shape_of(synthesis.input_named(&name::noise(index)))?
                    .last()
                    .copied()
            })
            .collect();
        Ok(Self {
            spec: GeneratorSpec {
                layers,
                resolution,
                layer_resolutions,
                code_size,
                noise_resolutions_px,
            },
            mapping: None,
            synthesis,
            mean: Array1::zeros(code_size),
            whitening: None,
        })
    }

    /// The synthesis network with these noise maps inside: `codes [L, n]` → `image [1, 3, R, R]`, as
    /// the graphs of losses take it.
    ///
    /// # Errors
    /// [`Error::Graph`] when there are more or fewer maps than the network takes, or of other sizes.
    pub fn with_noise(&self, maps: &[ArrayD<f32>]) -> Result<Graph, Error> {
        let mut graph = Graph::new("synthesis");
        let codes = graph.input(name::CODES, &[self.spec.layers, self.spec.code_size])?;
        let mut constants = maps
            .iter()
            .enumerate()
            .map(|(index, map)| graph.constant(name::noise(index), map.clone()))
            .collect::<Vec<_>>()
            .into_iter();
        let mut inputs: Vec<Value> = self
            .synthesis_inputs()
            .iter()
            .filter_map(|(input, _)| match input == name::CODES {
                true => Some(codes),
                false => constants.next(),
            })
            .collect();
        // Maps too many are left over, and refused as operands too many.
        inputs.extend(constants);
        let image = self.splice_image(&mut graph, &inputs)?;
        graph.output(name::IMAGE, image)?;
        graph.simplify()?;
        Ok(graph)
    }

    /// The inputs of the synthesis network, name and shape.
    fn synthesis_inputs(&self) -> Vec<(String, Vec<usize>)> {
        let graph = &self.synthesis;
        graph
            .inputs()
            .iter()
            .filter_map(|&input| {
                let name = graph.input_name(input)?.to_owned();
                Some((name, graph.shape(input).to_vec()))
            })
            .collect()
    }

    /// Appends the synthesis network to a graph, its inputs as inputs of that graph.
    ///
    /// # Errors
    /// [`Error::Graph`] when the graph already has an input of such a name.
    pub fn append_synthesis(&self, graph: &mut Graph) -> Result<SynthesisValues, Error> {
        let mut codes = None;
        let mut noise = Vec::new();
        let mut inputs = Vec::new();
        for (name, shape) in self.synthesis_inputs() {
            let value = graph.input(name.clone(), &shape)?;
            inputs.push(value);
            match name == name::CODES {
                true => codes = Some(value),
                false => noise.push((name, value)),
            }
        }
        let missing = || Error::Shape {
            role: Role::Synthesis,
            shape: Vec::new(),
            expected: "an input named codes".to_owned(),
        };
        Ok(SynthesisValues {
            codes: codes.ok_or_else(missing)?,
            image: self.splice_image(graph, &inputs)?,
            noise,
        })
    }

    fn splice_image(&self, graph: &mut Graph, inputs: &[Value]) -> Result<Value, Error> {
        let outputs = graph.splice(&self.synthesis, inputs)?;
        let image = self
            .synthesis
            .outputs()
            .iter()
            .zip(outputs)
            .find_map(|((name, _), value)| (name == name::IMAGE).then_some(value));
        image.ok_or_else(|| Error::Shape {
            role: Role::Synthesis,
            shape: Vec::new(),
            expected: "an output named image".to_owned(),
        })
    }
}

impl GeneratorSpec {
    /// Standard normal noise maps `[1, 1, r, r]`, one for each convolution that takes noise. The same
    /// seed gives the same maps: a portrait keeps its noise, so that it does not flicker.
    pub fn noise_maps(&self, seed: u64) -> Vec<ArrayD<f32>> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        self.noise_resolutions_px
            .iter()
            .map(|&side| {
                ArrayD::from_shape_simple_fn(IxDyn(&[1, 1, side, side]), || {
                    StandardNormal.sample(&mut random)
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;

    #[test]
    fn noise_stays_with_its_seed() {
        let spec = GeneratorSpec {
            layers: 4,
            resolution: 8,
            layer_resolutions: layer_resolutions_px(4),
            code_size: 6,
            noise_resolutions_px: vec![4, 8, 8],
        };
        let maps = spec.noise_maps(3);
        let shapes: Vec<_> = maps.iter().map(ArrayD::shape).collect();
        assert_eq!(shapes, [[1, 1, 4, 4], [1, 1, 8, 8], [1, 1, 8, 8]]);
        assert_eq!(maps, spec.noise_maps(3));
        assert_ne!(maps, spec.noise_maps(4));
    }

    /// `image = codes + noise`, as a generator of one row and 4 px would say it.
    fn network() -> GeneratorNetworks {
        let mut graph = Graph::new("synthesis");
        let noise = graph.input(name::noise(0), &[1, 1, 4, 4]).unwrap();
        let codes = graph.input(name::CODES, &[1, 4]).unwrap();
        let rows = graph.reshape(codes, &[1, 1, 1, 4]).unwrap();
        let image = graph.add(rows, noise).unwrap();
        graph.output(name::rgb(4), image).unwrap();
        graph.output(name::IMAGE, image).unwrap();
        GeneratorNetworks {
            spec: GeneratorSpec {
                layers: 1,
                resolution: 4,
                layer_resolutions: vec![4],
                code_size: 4,
                noise_resolutions_px: vec![4],
            },
            mapping: None,
            synthesis: graph,
            mean: Array1::zeros(4),
            whitening: None,
        }
    }

    #[test]
    fn with_its_noise_inside_a_network_takes_a_code_and_yields_the_picture_alone() {
        let network = network();
        let graph = network.with_noise(&network.spec.noise_maps(0)).unwrap();
        assert_eq!(graph.inputs().len(), 1);
        let names: Vec<_> = graph.outputs().iter().map(|(name, _)| name).collect();
        assert_eq!(names, [name::IMAGE]);
        assert!(network.with_noise(&[]).is_err());
        let two = [network.spec.noise_maps(0), network.spec.noise_maps(1)].concat();
        assert!(network.with_noise(&two).is_err());
    }
}
