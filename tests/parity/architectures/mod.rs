//! Networks built from checkpoints of the original's form.

mod bisenet;
mod diffusion_loss;
mod openvino;
mod resnext;
mod stylegan2;
mod vgg16;

use std::io::Read;
use std::path::PathBuf;

use jawline::architectures::stylegan2::StyleGan2;
use jawline::architectures::vgg16::{Relu, Vgg16};
use jawline::checkpoint::torch;
use jawline::graph::{Graph, Value};
use jawline::networks::GeneratorNetworks;
use ndarray::ArrayD;
use tempfile::TempDir;

use crate::harness::array;
use crate::reference;

/// The graphs of the tiny generator.
pub fn tiny_networks() -> GeneratorNetworks {
    GeneratorNetworks::from_stylegan2(&tiny_generator()).unwrap()
}

/// The noise maps of the reference data, in the order of the convolutions.
pub fn noise_maps() -> Vec<ArrayD<f32>> {
    (0..9)
        .map(|index| array(&format!("stylegan2/noise_{index:02}.npy")))
        .collect()
}

/// The perceptual network with the outputs that a pack's has, for pictures of 256 px.
pub fn perceptual_graph() -> Graph {
    let mut graph = Graph::new("perceptual");
    let image = graph.input("image", &[1, 3, 256, 256]).unwrap();
    let places = [Relu(1, 2), Relu(2, 2), Relu(3, 3), Relu(4, 3)];
    for (block, value) in perceptual()
        .append(&mut graph, image, &places)
        .unwrap()
        .into_iter()
        .enumerate()
    {
        graph.output(format!("features_{block}"), value).unwrap();
    }
    graph
}

fn tiny_generator() -> StyleGan2 {
    let path = reference("stylegan2/Gs_tiny_legacy.pth");
    StyleGan2::from_torch(torch::read(&path).unwrap()).unwrap()
}

fn noise_constants(graph: &mut Graph) -> Vec<Value> {
    noise_maps()
        .into_iter()
        .map(|map| graph.constant("noise", map))
        .collect()
}

/// The perceptual network.
pub fn perceptual() -> Vgg16 {
    let (_folder, path) = unpacked("vgg16/vgg16_ternary_legacy.pth.gz");
    Vgg16::from_torch(torch::read(&path).unwrap()).unwrap()
}

/// A gzipped checkpoint of the reference data, unpacked into a folder of its own.
pub fn unpacked(relative: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.pth");
    let mut bytes = Vec::new();
    let packed = std::fs::File::open(reference(relative)).unwrap();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut bytes)
        .unwrap();
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}
