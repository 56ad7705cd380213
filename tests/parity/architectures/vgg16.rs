use jawline::architectures::adaptive_average_pool;
use jawline::architectures::vgg16::Relu;
use jawline::graph::{Graph, differentiate};
use ndarray::{ArrayD, s};

use super::perceptual;
use crate::harness::{array, largest_difference, relative_error, run};
use crate::reference;

fn features(image: &ArrayD<f32>) -> ArrayD<f32> {
    let mut graph = Graph::new("vgg16");
    let input = graph.input("image", image.shape()).unwrap();
    let features = perceptual()
        .append(&mut graph, input, &[Relu(4, 3)])
        .unwrap();
    graph.output("features", features[0]).unwrap();
    run(&graph, &[("image", image)]).remove("features").unwrap()
}

#[test]
fn features_of_small_pictures() {
    for name in ["x64", "y64"] {
        let expected = array(&format!("vgg16/features_{name}.npy"));
        let largest = expected
            .iter()
            .fold(0f32, |largest, x| largest.max(x.abs()));
        let difference =
            largest_difference(&features(&array(&format!("vgg16/{name}.npy"))), &expected);
        assert!(
            difference < 1e-4 * largest,
            "{name}: {difference} of {largest}"
        );
    }
}

#[test]
fn features_of_a_larger_picture() {
    let found = features(&array("vgg16/x256.npy"));
    assert_eq!(found.shape(), [1, 512, 32, 32]);
    let index: ndarray::Array2<i32> =
        ndarray_npy::read_npy(reference("vgg16/features_x256_index.npy")).unwrap();
    let expected = array("vgg16/features_x256_value.npy");
    let largest = expected
        .iter()
        .fold(0f32, |largest, x| largest.max(x.abs()));
    for (at, expected) in index.outer_iter().zip(&expected) {
        let at = [0, at[0] as usize, at[1] as usize, at[2] as usize];
        let difference = (found[at.as_slice()] - expected).abs();
        assert!(
            difference < 1e-4 * largest,
            "{at:?}: {difference} of {largest}"
        );
    }
    let mean = found.iter().map(|x| f64::from(*x)).sum::<f64>() / found.len() as f64;
    assert!((mean - 57.622047).abs() < 1e-3, "{mean}");
}

#[test]
fn adaptive_pooling() {
    let image = array("vgg16/pool_in_24x20.npy");
    let mut graph = Graph::new("pool");
    let input = graph.input("image", image.shape()).unwrap();
    let pooled = adaptive_average_pool(&mut graph, input, [256, 256]).unwrap();
    graph.output("pooled", pooled).unwrap();
    let outputs = run(&graph, &[("image", &image)]);
    let found = outputs["pooled"]
        .slice(s![.., .., ..;5, ..;3])
        .to_owned()
        .into_dyn();
    let difference = largest_difference(&found, &array("vgg16/pool_out_24x20_to_256.npy"));
    assert!(difference < 1e-5, "{difference}");
}

#[test]
fn gradient_of_the_picture() {
    let network = perceptual();
    let mut graph = Graph::new("perceptual loss");
    let x = graph.input("x", &[1, 3, 64, 64]).unwrap();
    let y = graph.constant("y", array("vgg16/y64.npy"));
    let x_features = network.append(&mut graph, x, &[Relu(4, 3)]).unwrap()[0];
    let y_features = network.append(&mut graph, y, &[Relu(4, 3)]).unwrap()[0];
    let difference = graph.sub(x_features, y_features).unwrap();
    let squares = graph.mul(difference, difference).unwrap();
    let loss = graph.mean(squares).unwrap();
    let gradient = differentiate(&mut graph, loss, &[x]).unwrap();
    graph.output("loss", loss).unwrap();
    graph.output("gradient", gradient[0]).unwrap();
    let outputs = run(&graph, &[("x", &array("vgg16/x64.npy"))]);

    let loss = outputs["loss"].sum();
    assert!((loss / 1503.063721 - 1.0).abs() < 1e-5, "{loss}");
    let error = relative_error(&outputs["gradient"], &array("vgg16/grad_x64.npy"));
    assert!(error < 1e-3, "{error}");
}
