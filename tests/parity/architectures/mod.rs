//! Networks built from checkpoints of the original's form.

mod diffusion_loss;
mod openvino;
mod stylegan2;
mod vgg16;

use std::io::Read;
use std::path::Path;

use jawline::architectures::stylegan2::StyleGan2;
use jawline::architectures::vgg16::Vgg16;
use jawline::checkpoint::torch;
use jawline::graph::{Graph, Value};

use crate::harness::array;
use crate::reference;

fn tiny_generator() -> StyleGan2 {
    let path = reference("stylegan2/Gs_tiny_legacy.pth");
    StyleGan2::from_torch(torch::read(&path).unwrap()).unwrap()
}

/// The noise maps of the reference data.
fn noise_constants(graph: &mut Graph) -> Vec<Value> {
    let map = |index: usize| array(&format!("stylegan2/noise_{index:02}.npy"));
    (0..9)
        .map(|index| graph.constant("noise", map(index)))
        .collect()
}

fn perceptual() -> Vgg16 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vgg16.pth");
    unpack(&reference("vgg16/vgg16_ternary_legacy.pth.gz"), &path);
    Vgg16::from_torch(torch::read(&path).unwrap()).unwrap()
}

fn unpack(packed: &Path, path: &Path) {
    let mut bytes = Vec::new();
    let packed = std::fs::File::open(packed).unwrap();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut bytes)
        .unwrap();
    std::fs::write(path, bytes).unwrap();
}
