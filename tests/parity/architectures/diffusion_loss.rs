//! The loss of the diffusion step: a generator and a perceptual network in one graph.

use jawline::architectures::adaptive_average_pool;
use jawline::architectures::stylegan2::Truncation;
use jawline::architectures::vgg16::{Relu, Vgg16};
use jawline::graph::{Error, Graph, Value, differentiate};
use jawline::runtime::CancelToken;
use ndarray::Axis;

use super::{noise_constants, perceptual, tiny_generator};
use crate::harness::{array, picture, relative_error, run, runtime};

fn mean_square(graph: &mut Graph, x: Value) -> Result<Value, Error> {
    let squares = graph.mul(x, x)?;
    graph.mean(squares)
}

fn features(graph: &mut Graph, network: &Vgg16, image: Value) -> Value {
    let pooled = adaptive_average_pool(graph, image, [256, 256]).unwrap();
    network.append(graph, pooled, &[Relu(4, 3)]).unwrap()[0]
}

/// The loss as a graph: input `codes`; outputs `pixel`, `feature` (weighted), `total`, `gradient`, and
/// `pixel_gradient`. With `truncation`, the code is one in W.
fn loss(run: &str, feature_weight: f32, truncation: Option<Truncation>) -> Graph {
    let generator = tiny_generator();
    let network = perceptual();
    let target = picture(&format!("{run}_target.png"), 3).mapv(|x| (x / 255.0 - 0.5) / 0.5);
    let mask = match run.strip_prefix("diffuse/") {
        Some(_) => picture("diffuse/mask.png", 1),
        None => picture(&format!("{run}_mask.png"), 1),
    };

    let mut graph = Graph::new("diffusion loss");
    let codes = graph
        .input("codes", &[if truncation.is_some() { 1 } else { 10 }, 64])
        .unwrap();
    let in_wp = match truncation {
        Some(truncation) => generator
            .append_truncation(&mut graph, codes, truncation)
            .unwrap(),
        None => codes,
    };
    let noise = noise_constants(&mut graph);
    let image = generator
        .synthesis
        .append(&mut graph, in_wp, Some(&noise))
        .unwrap()
        .image;
    let target = graph.constant("target", target);
    let outside = graph.constant("outside", mask.mapv(|m| 1.0 - m / 255.0));

    let difference = graph.sub(target, image).unwrap();
    let masked = graph.mul(difference, outside).unwrap();
    let pixel = mean_square(&mut graph, masked).unwrap();
    let target_features = features(&mut graph, &network, target);
    let image_features = features(&mut graph, &network, image);
    let difference = graph.sub(target_features, image_features).unwrap();
    let feature = mean_square(&mut graph, difference).unwrap();
    let feature = graph.scale(feature, feature_weight).unwrap();
    let total = graph.add(pixel, feature).unwrap();

    let gradient = differentiate(&mut graph, total, &[codes]).unwrap()[0];
    let pixel_gradient = differentiate(&mut graph, pixel, &[codes]).unwrap()[0];
    for (name, value) in [
        ("pixel", pixel),
        ("feature", feature),
        ("total", total),
        ("gradient", gradient),
        ("pixel_gradient", pixel_gradient),
    ] {
        graph.output(name, value).unwrap();
    }
    graph
}

fn assert_close(found: f32, expected: f32, tolerance: f32) {
    assert!(
        (found / expected - 1.0).abs() < tolerance,
        "{found} instead of {expected}"
    );
}

#[test]
fn composed_gradient() {
    let graph = loss("vgg16/composed", 5e-5, None);
    let codes = array("vgg16/composed_wp.npy").index_axis_move(Axis(0), 0);
    let outputs = run(&graph, &[("codes", &codes)]);
    assert_close(outputs["pixel"].sum(), 1.15947115, 1e-5);
    assert_close(outputs["feature"].sum(), 5e-5 * 21289.814453, 1e-5);
    assert_close(outputs["total"].sum(), 2.22396183, 1e-5);
    for (output, file) in [
        ("gradient", "vgg16/composed_grad_wp.npy"),
        (
            "pixel_gradient",
            "vgg16/composed_grad_wp_pixel_term_only.npy",
        ),
    ] {
        let error = relative_error(&outputs[output], &array(file).index_axis_move(Axis(0), 0));
        assert!(error < 1e-3, "{output}: {error}");
    }
}

/// Losses and gradients at the codes that the original went through.
fn along_the_trajectory(run: &str, feature_weight: f32, truncation: Option<Truncation>) {
    let file = |name: &str| array(&format!("diffuse/{run}_{name}.npy"));
    let rows = if truncation.is_some() { 1 } else { 10 };
    let graph = loss(&format!("diffuse/{run}"), feature_weight, truncation);
    let runtime = runtime();
    let mut session = runtime
        .session("loss", &graph.to_onnx_bytes().unwrap())
        .unwrap();
    let losses = file("loss_per_step");
    let steps = losses.shape()[0];
    let per_step = |name: &str| {
        file(name)
            .into_shape_with_order(vec![steps, rows, 64])
            .unwrap()
    };
    let (gradients, after) = (per_step("grad_per_step"), per_step("code_per_step"));
    let mut codes = file("init_code")
        .into_shape_with_order(vec![rows, 64])
        .unwrap();
    for step in 0..steps {
        let outputs = session
            .run(&[("codes", codes.view())], &CancelToken::new())
            .unwrap();
        let losses = losses.index_axis(Axis(0), step);
        for (name, expected) in ["pixel", "feature", "total"].into_iter().zip(&losses) {
            assert_close(outputs[name].sum(), *expected, 1e-4);
        }
        let expected = gradients.index_axis(Axis(0), step).to_owned();
        let error = relative_error(&outputs["gradient"], &expected);
        assert!(error < 1e-3, "step {step}: {error}");
        codes = after.index_axis(Axis(0), step).to_owned();
    }
}

#[test]
fn along_the_trajectory_in_w_plus() {
    along_the_trajectory("wp", 1e-4, None);
}

#[test]
fn along_the_trajectory_in_w() {
    along_the_trajectory(
        "w",
        5e-5,
        Some(Truncation {
            psi: 0.5,
            cutoff: None,
        }),
    );
}
