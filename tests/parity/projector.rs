//! The projector: its parts, and whole runs.

use jawline::checkpoint::torch;
use jawline::graph::{Graph, differentiate};
use jawline::latent::Lpips;
use jawline::latent::projector::{
    Networks, Objective, Options, Projector, Regularisation, Statistics, Weights,
    append_regularisation, exploration, feature_graph, learning_rate,
};
use jawline::networks::{Generator, GeneratorNetworks};
use jawline::runtime::{CancelToken, Runtime};
use ndarray::{Array2, ArrayD, Axis, Ix2, Ix4};

use crate::architectures::{noise_maps, perceptual, tiny_networks};
use crate::harness::{array, largest_difference, relative_error, run, runtime};
use crate::reference;

fn lpips() -> Lpips {
    let linear = torch::read(&reference("projector/lpips_linear_legacy.pth")).unwrap();
    Lpips::new(perceptual(), linear).unwrap()
}

fn assert_close(found: f32, expected: f32, tolerance: f32) {
    assert!(
        (found / expected - 1.0).abs() < tolerance,
        "{found}, not {expected}"
    );
}

#[test]
fn lpips_with_its_gradient() {
    let lpips = lpips();
    let mut graph = Graph::new("lpips");
    let x = graph.input("x", &[1, 3, 64, 64]).unwrap();
    let y = graph.input("y", &[1, 3, 64, 64]).unwrap();
    let a = lpips.append_features(&mut graph, x).unwrap();
    let b = lpips.append_features(&mut graph, y).unwrap();
    let distance = lpips.append_distance(&mut graph, &a, &b).unwrap();
    let gradient = differentiate(&mut graph, distance, &[x]).unwrap()[0];
    graph.output("distance", distance).unwrap();
    graph.output("gradient", gradient).unwrap();
    let (x, y) = (array("vgg16/x64.npy"), array("vgg16/y64.npy"));
    let outputs = run(&graph, &[("x", &x), ("y", &y)]);
    assert_close(outputs["distance"].sum(), 0.906_917_27, 1e-5);
    let error = relative_error(&outputs["gradient"], &array("projector/lpips_grad_x64.npy"));
    assert!(error < 1e-3, "{error}");
}

/// The regularisation of these maps, and its gradients.
fn regularisation(maps: &[ArrayD<f32>]) -> (f32, Vec<ArrayD<f32>>) {
    let mut graph = Graph::new("noise regularisation");
    let names: Vec<String> = (0..maps.len()).map(|index| index.to_string()).collect();
    let values: Vec<_> = names
        .iter()
        .zip(maps)
        .map(|(name, map)| graph.input(name.as_str(), map.shape()).unwrap())
        .collect();
    let loss = append_regularisation(&mut graph, &values, Regularisation::Published).unwrap();
    let gradients = differentiate(&mut graph, loss, &values).unwrap();
    graph.output("loss", loss).unwrap();
    for (name, gradient) in names.iter().zip(gradients) {
        graph.output(format!("gradient {name}"), gradient).unwrap();
    }
    let inputs: Vec<_> = names.iter().map(String::as_str).zip(maps).collect();
    let mut outputs = run(&graph, &inputs);
    let gradients = names
        .iter()
        .map(|name| outputs.remove(&format!("gradient {name}")).unwrap())
        .collect();
    (outputs["loss"].sum(), gradients)
}

#[test]
fn noise_regularisation_with_its_gradients() {
    let (loss, gradients) = regularisation(&noise_maps());
    assert_close(loss, 9.097_099, 1e-5);
    for (index, gradient) in gradients.iter().enumerate() {
        let expected = array(&format!("projector/noise_reg_grad_{index:02}.npy"));
        let error = relative_error(gradient, &expected);
        assert!(error < 1e-3, "map {index}: {error}");
    }
    let (loss, gradients) = regularisation(&[array("projector/noise_reg_extra_128.npy")]);
    assert_close(loss, 0.323_901, 1e-5);
    let expected = array("projector/noise_reg_grad_extra_128.npy");
    let error = relative_error(&gradients[0], &expected);
    assert!(error < 1e-3, "{error}");
}

#[test]
fn schedules() {
    for steps in [20, 1000] {
        let path = reference(&format!("projector/schedule_{steps}.npy"));
        let expected: Array2<f64> = ndarray_npy::read_npy(path).unwrap();
        for (step, row) in expected.outer_iter().enumerate() {
            assert!((learning_rate(0.1, step, steps) - row[0]).abs() < 1e-12);
            assert!((exploration(0.05, step, steps) - row[1]).abs() < 1e-12);
        }
    }
}

fn statistics(runtime: &Runtime, networks: &GeneratorNetworks) -> Statistics {
    let latents: Array2<f32> = array("projector/dlatent_stats_z.npy")
        .into_dimensionality::<Ix2>()
        .unwrap();
    let mut generator = Generator::load(runtime, networks).unwrap();
    let codes = generator.map(latents.view(), &CancelToken::new()).unwrap();
    Statistics::measure(codes.view())
}

#[test]
fn statistics_of_w() {
    let runtime = runtime();
    let statistics = statistics(&runtime, &tiny_networks());
    let mean = statistics.mean.insert_axis(Axis(0)).insert_axis(Axis(0));
    let difference = largest_difference(&mean.into_dyn(), &array("projector/dlatent_avg.npy"));
    assert!(difference < 2e-5, "{difference}");
    assert!((statistics.deviation - 6.455_357_55).abs() < 1e-4);
}

#[test]
fn a_target_shrinks_to_box_means() {
    // A trunk of five blocks has its first features at full size: the network sees what was scaled.
    let lpips = lpips();
    let target = array("stylegan2/target.npy");
    let scaled = array("projector/area32_target_scaled.npy");
    let features = |picture: &ArrayD<f32>| {
        let side = picture.shape()[3];
        let objective = Objective {
            lpips: &lpips,
            lpips_size: 32,
            regularisation: Regularisation::Published,
        };
        let graph = feature_graph(&objective, side).unwrap();
        run(&graph, &[("target", picture)])
    };
    let (found, expected) = (features(&target), features(&scaled));
    assert_eq!(found.len(), 5);
    for (name, found) in found {
        let error = relative_error(&found, &expected[&name]);
        assert!(error < 1e-5, "{name}: {error}");
    }
}

/// Runs the projector as the reference did, and compares terms and codes on the way.
fn projection(name: &str, weights: Weights, lpips_size: usize) {
    let file = |part: &str| array(&format!("projector/{name}_{part}.npy"));
    let terms: Array2<f64> =
        ndarray_npy::read_npy(reference(&format!("projector/{name}_terms_per_step.npy"))).unwrap();
    let steps = terms.nrows();
    let generator = tiny_networks();
    let lpips = lpips();
    let objective = Objective {
        lpips: &lpips,
        lpips_size,
        regularisation: Regularisation::Published,
    };
    let runtime = runtime();
    let statistics = statistics(&runtime, &generator);
    let mut networks = Networks::load(&runtime, &generator, &objective).unwrap();
    let target = array("stylegan2/target.npy")
        .into_dimensionality::<Ix4>()
        .unwrap();
    let options = Options {
        steps,
        weights,
        exploration: 0.0,
        ..Options::default()
    };
    let cancel = CancelToken::new();
    let mut projector = Projector::start(
        &mut networks,
        target,
        noise_maps(),
        &statistics,
        options,
        &cancel,
    )
    .unwrap();
    for (step, expected) in terms.outer_iter().enumerate() {
        let ending = projector.step(&mut networks, &cancel).unwrap();
        assert_eq!(ending.is_some(), step + 1 == steps);
        let loss = projector.losses()[step];
        let found = [loss.total, loss.perceptual, loss.pixel, loss.noise];
        let tolerance = if step < 3 { 1e-4 } else { 1e-2 };
        for (found, expected) in found.into_iter().zip(expected) {
            let error = (f64::from(found) / expected - 1.0).abs();
            assert!(error < tolerance, "step {step}: {found}, not {expected}");
        }
        assert!((loss.learning_rate - expected[4]).abs() < 1e-7);
        if step == 0 {
            let error = relative_error(
                &projector.gradients()[0],
                &without_batch(file("step1_grad_dlatent")),
            );
            assert!(error < 1e-3, "gradient of the code: {error}");
        }
        if step == 0 && name == "cli" {
            for (index, gradient) in projector.gradients()[1..].iter().enumerate() {
                let expected = file(&format!("step1_grad_noise_{index:02}"));
                let error = relative_error(gradient, &expected);
                assert!(error < 1e-3, "gradient of map {index}: {error}");
            }
        }
    }
    for (index, map) in projector.noise().into_iter().enumerate() {
        let expected = file(&format!("final_noise_{index:02}"));
        let rms = (map - &expected).mapv(|x| x * x).mean().unwrap().sqrt();
        assert!(rms < 1e-4, "map {index}: {rms}");
    }
    let difference = projector.code() - &without_batch(file("final_dlatent"));
    let rms = difference.mapv(|x| x * x).mean().unwrap().sqrt();
    let largest = difference.iter().fold(0.0_f32, |all, x| all.max(x.abs()));
    assert!(rms < 1e-2 && largest < 6e-2, "{rms} {largest}");
    let drawn = projector.draw(&mut networks, &cancel).unwrap().into_dyn();
    let error = relative_error(&drawn, &file("final_image"));
    assert!(error < 1e-2, "final image: {error}");
}

fn without_batch(code: ArrayD<f32>) -> ArrayD<f32> {
    code.index_axis_move(Axis(0), 0)
}

#[test]
fn with_the_weights_of_the_command_line() {
    projection("cli", Weights::COMMAND_LINE, 256);
}

#[test]
fn with_the_weights_of_the_class() {
    projection("class_defaults", Weights::CLASS, 256);
}

#[test]
fn with_shrunken_pictures() {
    projection("area32", Weights::COMMAND_LINE, 32);
}
