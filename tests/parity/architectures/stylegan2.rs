use jawline::architectures::stylegan2::{StyleGan2, Truncation};
use jawline::checkpoint::{Tensors, torch};
use jawline::graph::{Graph, differentiate};
use jawline::runtime::Outputs;
use ndarray::{ArrayD, Axis, Slice};

use super::{noise_constants, tiny_generator};
use crate::harness::{array, largest_difference, relative_error, run};
use crate::reference;

/// Sample `n` of a batch, as a batch of one.
fn sample(batch: &ArrayD<f32>, n: usize) -> ArrayD<f32> {
    batch.slice_axis(Axis(0), Slice::from(n..=n)).to_owned()
}

/// Every stage of the synthesis of one code `[rows, n]`, by the names of the reference data.
fn synthesised(network: &StyleGan2, codes: &ArrayD<f32>, with_noise: bool) -> Outputs {
    let mut graph = Graph::new("synthesis");
    let input = graph.input("codes", codes.shape()).unwrap();
    let noise = noise_constants(&mut graph);
    let stages = network
        .synthesis
        .append(&mut graph, input, with_noise.then_some(&noise))
        .unwrap();
    let named = [
        ("style_conv", &stages.convolution_styles),
        ("style_rgb", &stages.rgb_styles),
        ("act", &stages.activations),
        ("rgb", &stages.rgb),
    ];
    for (name, values) in named {
        for (index, value) in values.iter().enumerate() {
            graph.output(format!("{name}_{index:02}"), *value).unwrap();
        }
    }
    graph.output("image", stages.image).unwrap();
    run(&graph, &[("codes", codes)])
}

#[test]
fn both_serialisations_hold_the_same_tensors() {
    let legacy = torch::read(&reference("stylegan2/Gs_tiny_legacy.pth")).unwrap();
    let zip = torch::read(&reference("stylegan2/Gs_tiny_zip.pth")).unwrap();
    assert_eq!(legacy.len(), 81);
    assert!(legacy == zip);
}

#[test]
fn sizes_are_those_of_the_file() {
    let network = tiny_generator();
    assert_eq!(network.synthesis.rows(), 10);
    assert_eq!(network.synthesis.resolution_px(), 64);
    assert_eq!(
        network.synthesis.row_resolutions_px(),
        [4, 8, 8, 16, 16, 32, 32, 64, 64, 64]
    );
    assert_eq!(
        network.synthesis.noise_resolutions_px(),
        [4, 8, 8, 16, 16, 32, 32, 64, 64]
    );
    assert_eq!(network.mapping.latent_size(), 64);
    assert_eq!(network.w_mean, array("stylegan2/dlatent_avg.npy"));
}

#[test]
fn mapping() {
    let mut graph = Graph::new("mapping");
    let z = graph.input("z", &[4, 64]).unwrap();
    let w = tiny_generator().mapping.append(&mut graph, z).unwrap();
    graph.output("w", w).unwrap();
    let outputs = run(&graph, &[("z", &array("stylegan2/z.npy"))]);
    let difference = largest_difference(&outputs["w"], &array("stylegan2/w.npy"));
    assert!(difference < 2e-5, "{difference}");
}

#[test]
fn truncation() {
    let network = tiny_generator();
    let w = array("stylegan2/w.npy");
    for (psi, cutoff, expected) in [
        (1.0, None, "wp_psi1"),
        (0.7, None, "wp_psi0.7"),
        (0.5, None, "wp_psi0.5"),
        (0.6, Some(4), "wp_psi0.6_cutoff4"),
    ] {
        let mut graph = Graph::new("truncation");
        let input = graph.input("w", &[1, 64]).unwrap();
        let truncation = Truncation { psi, cutoff };
        let codes = network
            .append_truncation(&mut graph, input, truncation)
            .unwrap();
        graph.output("codes", codes).unwrap();
        let expected = array(&format!("stylegan2/{expected}.npy"));
        for n in 0..4 {
            let outputs = run(&graph, &[("w", &sample(&w, n))]);
            let expected = expected.index_axis(Axis(0), n).to_owned();
            let difference = largest_difference(&outputs["codes"], &expected);
            assert!(difference < 2e-5, "psi {psi}, sample {n}: {difference}");
        }
    }
}

#[test]
fn every_stage_of_the_synthesis() {
    let network = tiny_generator();
    let codes = array("stylegan2/wp.npy");
    for n in 0..4 {
        let outputs = synthesised(&network, &codes.index_axis(Axis(0), n).to_owned(), true);
        let check = |output: &str, file: &str, tolerance: f32| {
            let difference = largest_difference(&outputs[output], &sample(&array(file), n));
            assert!(difference < tolerance, "{file}, sample {n}: {difference}");
        };
        for index in 0..9 {
            let name = format!("style_conv_{index:02}");
            check(&name, &format!("stylegan2/{name}.npy"), 2e-5);
        }
        for index in 0..5 {
            let name = format!("style_rgb_{index:02}");
            check(&name, &format!("stylegan2/{name}.npy"), 2e-5);
            let resolution = 4 << index;
            check(
                &format!("rgb_{index:02}"),
                &format!("stylegan2/rgb_{resolution:03}.npy"),
                1e-4,
            );
        }
        check("image", "stylegan2/image.npy", 1e-4);
        if n == 0 {
            for index in 0..9 {
                let name = format!("act_{index:02}");
                check(&name, &format!("stylegan2/{name}_sample0.npy"), 1e-4);
            }
        }
    }
}

#[test]
fn without_noise() {
    let network = tiny_generator();
    let codes = array("stylegan2/wp.npy");
    for n in 0..4 {
        let outputs = synthesised(&network, &codes.index_axis(Axis(0), n).to_owned(), false);
        let expected = sample(&array("stylegan2/image_zero_noise.npy"), n);
        let difference = largest_difference(&outputs["image"], &expected);
        assert!(difference < 1e-4, "sample {n}: {difference}");
    }
}

#[test]
fn edited_codes() {
    for mix in ["1.0", "0.8"] {
        let codes = array(&format!("stylegan2/edit_wp_mix{mix}.npy"))
            .index_axis(Axis(0), 0)
            .to_owned();
        let outputs = synthesised(&tiny_generator(), &codes, true);
        let expected = array(&format!("stylegan2/edit_image_mix{mix}.npy"));
        let difference = largest_difference(&outputs["image"], &expected);
        assert!(difference < 1e-4, "mix {mix}: {difference}");
    }
}

#[test]
fn gradients_of_code_and_noise() {
    let synthesis = tiny_generator().synthesis;
    let mut graph = Graph::new("loss");
    let codes = graph.input("codes", &[10, 64]).unwrap();
    let mut variables = vec![codes];
    let mut inputs = vec![(
        String::from("codes"),
        array("stylegan2/wp.npy").index_axis_move(Axis(0), 0),
    )];
    for (index, &size) in synthesis.noise_resolutions_px().iter().enumerate() {
        let name = format!("noise_{index:02}");
        variables.push(graph.input(name.as_str(), &[1, 1, size, size]).unwrap());
        inputs.push((name.clone(), array(&format!("stylegan2/{name}.npy"))));
    }
    let image = synthesis
        .append(&mut graph, codes, Some(&variables[1..]))
        .unwrap()
        .image;
    let target = graph.constant("target", array("stylegan2/target.npy"));
    let mask = graph.constant("mask", array("stylegan2/mask.npy"));
    let difference = graph.sub(image, target).unwrap();
    let masked = graph.mul(difference, mask).unwrap();
    let squares = graph.mul(masked, masked).unwrap();
    let loss = graph.mean(squares).unwrap();
    graph.output("loss", loss).unwrap();
    let gradients = differentiate(&mut graph, loss, &variables).unwrap();
    for ((name, _), gradient) in inputs.iter().zip(&gradients) {
        graph.output(format!("grad_{name}"), *gradient).unwrap();
    }
    let inputs: Vec<_> = inputs
        .iter()
        .map(|(name, array)| (name.as_str(), array))
        .collect();
    let outputs = run(&graph, &inputs);

    let loss = outputs["loss"].sum();
    assert!((loss - 0.47507414).abs() < 5e-6, "{loss}");
    let expected = array("stylegan2/grad_wp.npy").index_axis_move(Axis(0), 0);
    let error = relative_error(&outputs["grad_codes"], &expected);
    assert!(error < 1e-4, "gradient of the code: {error}");
    for index in 0..9 {
        let name = format!("grad_noise_{index:02}");
        let error = relative_error(&outputs[&name], &array(&format!("stylegan2/{name}.npy")));
        assert!(error < 1e-4, "{name}: {error}");
    }
}

/// A checkpoint of a full network: zeros under the names and in the shapes of `full_config_keys.json`.
fn full_checkpoint(configuration: &str) -> Tensors {
    let text = std::fs::read_to_string(reference("stylegan2/full_config_keys.json")).unwrap();
    let keys: serde_json::Value = serde_json::from_str(&text).unwrap();
    let network = &keys[configuration];
    let mut tensors = Tensors::new();
    for (prefix, part) in [
        ("", network),
        ("G_mapping.", &network["G_mapping"]),
        ("G_synthesis.", &network["G_synthesis"]),
    ] {
        for (key, tensor) in part["state_dict"].as_object().unwrap() {
            let shape: Vec<usize> = serde_json::from_value(tensor["shape"].clone()).unwrap();
            tensors.insert(format!("{prefix}state_dict.{key}"), ArrayD::zeros(shape));
        }
    }
    tensors
}

#[test]
fn full_networks() {
    for configuration in ["default_channels_9", "converted_ffhq_config_f"] {
        let network = StyleGan2::from_torch(full_checkpoint(configuration)).unwrap();
        assert_eq!(network.mapping.latent_size(), 512);
        assert_eq!(network.synthesis.rows(), 18);
        let mut graph = Graph::new("synthesis");
        let codes = graph.input("codes", &[18, 512]).unwrap();
        let stages = network.synthesis.append(&mut graph, codes, None).unwrap();
        assert_eq!(graph.shape(stages.image), [1, 3, 1024, 1024]);
        assert_eq!(stages.activations.len(), 17);
    }
}
