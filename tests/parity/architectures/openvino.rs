use std::path::Path;

use jawline::architectures::community::openvino;
use jawline::checkpoint::openvino::Model;
use jawline::graph::Graph;
use ndarray::array;

use crate::harness::run;

/// `generator.xml` and `.bin` were written by OpenVINO 2026.4: random weights, and every operation that
/// the community generator uses. The numbers are what OpenVINO itself computes on its CPU in f32.
#[test]
fn converted_graph_computes_what_openvino_computes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/generator.xml");
    let model = Model::read(&path).unwrap();
    let mut graph = Graph::new("generator");
    let style = graph.input("style", &[1, 6]).unwrap();
    let image = openvino::append(&mut graph, &model, &[style]).unwrap()[0];
    graph.output("image", image).unwrap();
    let style = array![[0.5f32, -1.25, 2.0, 0.25, -0.75, 1.5]].into_dyn();
    let image = &run(&graph, &[("style", &style)])["image"];

    assert_eq!(image.shape(), [1, 3, 8, 8]);
    let expected = [
        ([0, 0, 0, 0], -0.19378456f32),
        ([0, 0, 0, 1], -0.55993116),
        ([0, 0, 0, 2], 0.34709132),
        ([0, 0, 3, 5], -0.21301928),
        ([0, 1, 3, 5], 0.03871265),
        ([0, 2, 3, 5], 4.3554893),
        ([0, 2, 7, 7], 5.623792),
    ];
    for (at, expected) in expected {
        let difference = (image[at] - expected).abs();
        assert!(difference < 1e-5, "{at:?}: {difference}");
    }
    let mean = image.sum() / image.len() as f32;
    let deviation = (image.mapv(|x| (x - mean) * (x - mean)).sum() / image.len() as f32).sqrt();
    assert!((mean - 1.0331131).abs() < 1e-5, "{mean}");
    assert!((deviation - 2.6233811).abs() < 1e-5, "{deviation}");
}
