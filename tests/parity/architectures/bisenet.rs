use image::RgbImage;
use jawline::architectures::bisenet::BiSeNet;
use jawline::checkpoint::torch;
use jawline::graph::Graph;
use jawline::portrait::tensor::tensor_from_picture;
use ndarray::{Array2, ArrayD, Axis};

use super::unpacked;
use crate::harness::{array, largest_difference, run};
use crate::reference;

/// What the reference allows a logit to differ by.
const TOLERANCE: f32 = 1e-3;

fn picture() -> RgbImage {
    let picture = image::open(reference("bisenet/input_512_rgb.png")).unwrap();
    picture.to_rgb8()
}

/// The coarse and the full logits of a picture.
fn parse(picture: &RgbImage) -> [ArrayD<f32>; 2] {
    let (_folder, path) = unpacked("bisenet/bisenet_ternary_legacy.pth.gz");
    let network = BiSeNet::from_torch(torch::read(&path).unwrap()).unwrap();
    assert_eq!(network.classes(), 19);
    let mut graph = Graph::new("bisenet");
    let image = graph.input("image", &[1, 3, 512, 512]).unwrap();
    let logits = network.append(&mut graph, image).unwrap();
    graph.output("coarse", logits.coarse).unwrap();
    graph.output("full", logits.full).unwrap();
    let image = tensor_from_picture(picture).into_dyn();
    let mut outputs = run(&graph, &[("image", &image)]);
    ["coarse", "full"].map(|name| outputs.remove(name).unwrap())
}

fn assert_logits_at_positions(logits: &ArrayD<f32>, expected: &str) {
    let positions: Array2<i32> =
        ndarray_npy::read_npy(reference("bisenet/positions_row_col.npy")).unwrap();
    let expected = array(&format!("bisenet/{expected}.npy"));
    for (position, expected) in positions.outer_iter().zip(expected.outer_iter()) {
        let [row, column] = [position[0] as usize, position[1] as usize];
        for (class, expected) in expected.iter().enumerate() {
            let difference = (logits[[0, class, row, column]] - expected).abs();
            assert!(
                difference < TOLERANCE,
                "{row}, {column}, {class}: {difference}"
            );
        }
    }
}

/// Where the labels differ, the two best classes must be too close to call.
fn assert_labels(logits: &ArrayD<f32>, expected: &str) {
    let expected = image::open(reference(&format!("bisenet/{expected}.png"))).unwrap();
    let expected = expected.to_luma8();
    let logits = logits.index_axis(Axis(0), 0);
    let mut different = 0;
    for (x, y, label) in expected.enumerate_pixels() {
        let scores = logits.index_axis(Axis(2), x as usize);
        let scores = scores.index_axis(Axis(1), y as usize);
        let best = scores.iter().copied().fold(f32::MIN, f32::max);
        let expected = scores[usize::from(label[0])];
        different += usize::from(expected < best);
        assert!(best - expected < 2e-3, "{x}, {y}: {}", best - expected);
    }
    assert!(different < 262, "{different} of 262144 labels differ");
}

#[test]
fn labels_and_logits_of_an_rgb_picture() {
    let [coarse, full] = parse(&picture());
    let difference = largest_difference(&coarse, &array("bisenet/conv_out_64x64.npy"));
    assert!(difference < TOLERANCE, "{difference}");
    assert_logits_at_positions(&full, "logits_at_positions");
    assert_labels(&full, "labels_rgb_input");
}

#[test]
fn labels_and_logits_of_a_picture_with_red_and_blue_swapped() {
    let mut picture = picture();
    picture.pixels_mut().for_each(|pixel| pixel.0.reverse());
    let [_, full] = parse(&picture);
    assert_logits_at_positions(&full, "logits_bgr_input_at_positions");
    assert_labels(&full, "labels_bgr_input");
}
