//! The diffusion on a generator small enough to see through.

use jawline::latent::diffusion::{Diffusion, Networks, Options, Target, Variable};
use jawline::latent::inversion::Ending;
use jawline::latent::{self, CODE_SIZE};
use jawline::runtime::{self, CancelToken, ProviderChoice, Runtime};
use ndarray::{Array1, Array2, Array4, s};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::tiny::{LAYERS, SIZE, perceptual, synthesis};

fn networks(variable: Variable<'_>) -> Networks {
    let runtime = Runtime::load(ProviderChoice::Cpu, 1).unwrap();
    Networks::load(&runtime, &synthesis(), &perceptual(), variable).unwrap()
}

/// A picture whose halves know nothing of each other; its right half is masked.
fn target() -> Target {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let picture =
        Array4::from_shape_simple_fn((1, 3, SIZE, SIZE), || random.random_range(-0.8..0.8));
    let mut mask = Array4::zeros((1, 1, SIZE, SIZE));
    mask.slice_mut(s![.., .., .., SIZE / 2..]).fill(1.0);
    Target { picture, mask }
}

fn run(networks: &mut Networks, target: Target, options: Options) -> (Diffusion, Ending) {
    let cancel = CancelToken::new();
    let init = Array2::zeros((LAYERS, CODE_SIZE));
    let mut diffusion = Diffusion::start(networks, target, init, options, &cancel).unwrap();
    loop {
        if let Some(ending) = diffusion.step(networks, &cancel).unwrap() {
            return (diffusion, ending);
        }
    }
}

#[test]
fn the_picture_agrees_outside_the_mask_and_is_free_inside() {
    let options = Options {
        steps: 600,
        feature_weight: 0.0,
        ..Options::default()
    };
    let mut networks = networks(Variable::EachLayer);
    let (diffusion, ending) = run(&mut networks, target(), options);
    assert_eq!(ending, Ending::Complete);
    assert_eq!(diffusion.losses().len(), 600);
    let best = diffusion.best().unwrap();
    let difference = (&best.picture - &target().picture).mapv(|x| x * x);
    let mean = |half: ndarray::ArrayView4<'_, f32>| half.mean().unwrap();
    let outside = mean(difference.slice(s![.., .., .., ..SIZE / 2]));
    let inside = mean(difference.slice(s![.., .., .., SIZE / 2..]));
    assert!(outside < 0.15 * inside, "{outside} {inside}");
    // Half of the pixels count.
    assert!((best.loss.pixel / (0.5 * outside) - 1.0).abs() < 1e-3);
    assert_eq!(best.loss.feature, 0.0);
}

#[test]
fn features_hold_the_picture_inside_the_mask() {
    let error_inside = |feature_weight| {
        let options = Options {
            steps: 100,
            feature_weight,
            ..Options::default()
        };
        let mut networks = networks(Variable::EachLayer);
        let (diffusion, _) = run(&mut networks, target(), options);
        let difference = &diffusion.best().unwrap().picture - &target().picture;
        let inside = difference.slice(s![.., .., .., SIZE / 2..]);
        inside.mapv(|x| x * x).mean().unwrap()
    };
    assert!(error_inside(1.0) < 0.5 * error_inside(0.0));
}

#[test]
fn one_code_for_all_layers_is_truncated_to_the_mean() {
    let mean = Array1::from_elem(CODE_SIZE, 0.25);
    let variable = Variable::OneForAll {
        mean: &mean,
        psi: 0.0,
    };
    let mut networks = networks(variable);
    let cancel = CancelToken::new();
    let picture = |networks: &mut Networks, code: f32| {
        let init = Array2::from_elem((1, CODE_SIZE), code);
        let options = Options::default();
        let diffusion = Diffusion::start(networks, target(), init, options, &cancel).unwrap();
        diffusion.draw(networks, &cancel).unwrap()
    };
    assert_eq!(picture(&mut networks, 1.0), picture(&mut networks, -3.0));
}

#[test]
fn an_explosion_is_caught_and_the_best_code_kept() {
    let options = Options {
        learning_rate: 1e30,
        ..Options::default()
    };
    let (diffusion, ending) = run(&mut networks(Variable::EachLayer), target(), options);
    assert_eq!(ending, Ending::Diverged);
    let best = diffusion.best().unwrap();
    assert!(best.loss.total.is_finite());
    assert_eq!(diffusion.code(), &best.code);
}

#[test]
fn a_picture_that_is_no_picture_is_an_error() {
    let mut networks = networks(Variable::EachLayer);
    let cancel = CancelToken::new();
    let nothing = Target {
        picture: Array4::from_elem((1, 3, SIZE, SIZE), f32::NAN),
        mask: Array4::zeros((1, 1, SIZE, SIZE)),
    };
    let init = Array2::zeros((LAYERS, CODE_SIZE));
    let options = Options::default();
    let mut diffusion = Diffusion::start(&mut networks, nothing, init, options, &cancel).unwrap();
    let outcome = diffusion.step(&mut networks, &cancel);
    assert!(
        matches!(outcome, Err(latent::Error::Diverged)),
        "{outcome:?}"
    );
}

#[test]
fn a_cancelled_diffusion_keeps_its_best_code() {
    let mut networks = networks(Variable::EachLayer);
    let cancel = CancelToken::new();
    let init = Array2::zeros((LAYERS, CODE_SIZE));
    let options = Options::default();
    let mut diffusion = Diffusion::start(&mut networks, target(), init, options, &cancel).unwrap();
    diffusion.step(&mut networks, &cancel).unwrap();
    cancel.cancel();
    let outcome = diffusion.step(&mut networks, &cancel);
    assert!(matches!(
        outcome,
        Err(latent::Error::Runtime(runtime::Error::Cancelled))
    ));
    assert!(diffusion.best().is_some());
}

#[test]
fn a_code_or_a_target_of_another_generator_is_refused() {
    let mut networks = networks(Variable::EachLayer);
    let mut start = |target, rows| {
        let init = Array2::zeros((rows, CODE_SIZE));
        let options = Options::default();
        Diffusion::start(&mut networks, target, init, options, &CancelToken::new()).err()
    };
    assert!(matches!(
        start(target(), LAYERS + 1),
        Some(latent::Error::Shape { .. })
    ));
    let larger = Target {
        picture: Array4::zeros((1, 3, 2 * SIZE, 2 * SIZE)),
        mask: Array4::zeros((1, 1, SIZE, SIZE)),
    };
    assert!(start(larger, LAYERS).is_some());
}
