use image::{GrayImage, RgbImage};
use jawline::architectures::Normalisation;
use jawline::architectures::resnext::{BatchNorm, ResNeXt50};
use jawline::checkpoint::torch;
use jawline::graph::Graph;
use jawline::portrait::tensor::tensor_from_picture;
use ndarray::ArrayD;

use super::unpacked;
use crate::harness::{array, run};
use crate::reference;

/// The picture under its mask, `[1, 3, 256, 256]` in [-1, 1], where 0 of [0, 1] is −1.
fn masked(id: &str, is_bgr: bool) -> ArrayD<f32> {
    let open = |name: String| image::open(reference(&format!("classifier/{name}.png"))).unwrap();
    let mut picture: RgbImage = open(format!("input_256_rgb_{id}")).to_rgb8();
    let mask: GrayImage = open(format!("mask_256_{id}")).to_luma8();
    for (pixel, mask) in picture.pixels_mut().zip(mask.pixels()) {
        if mask[0] == 0 {
            pixel.0 = [0; 3];
        }
        if is_bgr {
            pixel.0.reverse();
        }
    }
    tensor_from_picture(&picture).into_dyn()
}

fn assert_logits(norm: BatchNorm, mode: &str) {
    let (_folder, path) = unpacked("classifier/classification_model_legacy.pth.gz");
    let network = ResNeXt50::from_torch(torch::read(&path).unwrap()).unwrap();
    assert_eq!(network.outputs(), 2);
    let mut graph = Graph::new("resnext");
    let image = graph.input("image", &[1, 3, 256, 256]).unwrap();
    let logits = network
        .append(&mut graph, image, &Normalisation::UNIT_RANGE, norm)
        .unwrap();
    graph.output("logits", logits).unwrap();
    for id in ["00016", "00212"] {
        for (order, is_bgr) in [("rgb", false), ("bgr", true)] {
            let expected = array(&format!("classifier/logits_{mode}_{id}_{order}.npy"));
            let found = &run(&graph, &[("image", &masked(id, is_bgr))])["logits"];
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                let difference = (found - expected).abs();
                assert!(
                    difference < 3e-3 + 1e-4 * expected.abs(),
                    "{id} {order}: {found} instead of {expected}"
                );
            }
        }
    }
}

#[test]
fn logits_with_stored_statistics() {
    assert_logits(BatchNorm::Stored, "eval");
}

#[test]
fn logits_with_the_pictures_own_statistics() {
    assert_logits(BatchNorm::PerImage, "train_mode");
}
