//! Networks small enough to see through.

use jawline::graph::{Conv, Graph};
use jawline::latent::CODE_SIZE;
use ndarray::{Array, Array4};

/// Style layers of the generator.
pub const LAYERS: usize = 3;
/// Side of its picture.
pub const SIZE: usize = 8;

/// Numbers without a pattern, the same in every run.
pub fn noise(index: usize) -> f32 {
    ((index * 2_654_435_761) % 1_000_003) as f32 / 500_001.5 - 1.0
}

/// Every layer adds its share to the picture.
pub fn synthesis() -> Graph {
    let mut graph = Graph::new("tiny generator");
    let codes = graph.input("codes", &[LAYERS, CODE_SIZE]).unwrap();
    let weights = Array::from_shape_fn((CODE_SIZE, 3 * SIZE * SIZE), |(row, column)| {
        noise(row * 997 + column) / 20.0
    });
    let weights = graph.constant("weights", weights);
    let shares = graph.matmul(codes, weights).unwrap();
    let pixels = graph.reduce_sum(shares, &[0], true).unwrap();
    let image = graph.reshape(pixels, &[1, 3, SIZE, SIZE]).unwrap();
    graph.output("image", image).unwrap();
    graph
}

/// Edges of the picture.
pub fn perceptual() -> Graph {
    let mut graph = Graph::new("tiny perceptual network");
    let image = graph.input("image", &[1, 3, SIZE, SIZE]).unwrap();
    let weights = Array4::from_shape_fn((6, 3, 3, 3), |(o, i, y, x)| {
        noise(o * 31 + i * 17 + y * 5 + x)
    });
    let weights = graph.constant("weights", weights);
    let edges = graph.conv(image, weights, None, Conv::padded(1)).unwrap();
    let features = graph.relu(edges).unwrap();
    graph.output("features", features).unwrap();
    graph
}
