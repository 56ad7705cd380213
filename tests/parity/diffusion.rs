//! The whole trajectories of the diffusion step.

use jawline::latent::diffusion::{Diffusion, Networks, Options, Target, Variable};
use jawline::runtime::CancelToken;
use ndarray::{Array1, ArrayD, Axis, Ix1, Ix4};

use crate::architectures::{noise_maps, perceptual_graph, tiny_networks};
use crate::harness::{array, largest_difference, picture, relative_error, runtime};

/// Runs as many steps as the reference did, and compares every loss, gradient and code on the way.
fn along_the_trajectory(run: &str, feature_weight: f32, psi: Option<f32>) {
    let file = |name: &str| array(&format!("diffuse/{run}_{name}.npy"));
    let generator = tiny_networks();
    let synthesis = generator.with_noise(&noise_maps()).unwrap();
    let mean: &Array1<f32> = &generator.mean;
    let variable = match psi {
        Some(psi) => Variable::OneForAll { mean, psi },
        None => Variable::EachLayer,
    };
    let runtime = runtime();
    let mut networks = Networks::load(&runtime, &synthesis, &perceptual_graph(), variable).unwrap();

    let losses = file("loss_per_step");
    let steps = losses.len_of(Axis(0));
    let size = generator.spec.code_size;
    let rows = file("init_code").len() / size;
    let per_step = |name: &str| {
        file(name)
            .into_shape_with_order(vec![steps, rows, size])
            .unwrap()
    };
    let (gradients, codes) = (per_step("grad_per_step"), per_step("code_per_step"));
    let target = Target {
        picture: fixed(picture(&format!("diffuse/{run}_target.png"), 3) / 127.5 - 1.0),
        mask: fixed(picture("diffuse/mask.png", 1) / 255.0),
    };
    let init = file("init_code")
        .into_shape_with_order((rows, size))
        .unwrap();
    let options = Options {
        steps,
        feature_weight,
        ..Options::default()
    };
    let cancel = CancelToken::new();
    let mut diffusion = Diffusion::start(&mut networks, target, init, options, &cancel).unwrap();
    for step in 0..steps {
        let ending = diffusion.step(&mut networks, &cancel).unwrap();
        assert_eq!(ending.is_some(), step + 1 == steps);
        let found = diffusion.losses()[step];
        let expected = losses.index_axis(Axis(0), step);
        let tolerance = if step < 5 { 1e-4 } else { 1e-3 };
        for (found, expected) in [found.pixel, found.feature, found.total]
            .into_iter()
            .zip(expected)
        {
            let error = (found / expected - 1.0).abs();
            assert!(error < tolerance, "step {step}: {found}, not {expected}");
        }
        if step == 0 {
            let expected = gradients.index_axis(Axis(0), 0).to_owned();
            let error = relative_error(diffusion.gradient().unwrap(), &expected);
            assert!(error < 1e-3, "gradient: {error}");
            let expected = codes.index_axis(Axis(0), 0).to_owned();
            let difference = largest_difference(&diffusion.code().clone().into_dyn(), &expected);
            assert!(difference < 1e-4, "code after step 1: {difference}");
        }
    }
    let expected = file("final_code")
        .into_shape_with_order(vec![rows, size])
        .unwrap();
    let difference = largest_difference(&diffusion.code().clone().into_dyn(), &expected);
    assert!(difference < 5e-3, "final code: {difference}");
    let mean_square = (diffusion.code().clone().into_dyn() - &expected)
        .mapv(|x| x * x)
        .mean()
        .unwrap();
    assert!(mean_square.sqrt() < 5e-4, "final code: {mean_square}");
    let best = diffusion.best().unwrap();
    let least = losses
        .index_axis(Axis(1), 2)
        .to_owned()
        .into_dimensionality::<Ix1>()
        .unwrap();
    let least = least.iter().copied().fold(f32::INFINITY, f32::min);
    assert!((best.loss.total / least - 1.0).abs() < 1e-3);
}

fn fixed(array: ArrayD<f32>) -> ndarray::Array4<f32> {
    array.into_dimensionality::<Ix4>().unwrap()
}

#[test]
fn in_w_plus() {
    along_the_trajectory("wp", 1e-4, None);
}

#[test]
fn in_w_with_truncation() {
    along_the_trajectory("w", 5e-5, Some(0.5));
}
