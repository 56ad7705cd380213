//! The inversion on a generator small enough to see through.

use jawline::graph::Graph;
use jawline::latent::inversion::{
    Ending, Inversion, Networks, Options, Target, Weights, feature_graph, step_graph,
};
use jawline::latent::{self, CODE_SIZE};
use jawline::networks::Whitening;
use jawline::runtime::{self, CancelToken, ProviderChoice, Runtime};
use ndarray::{Array1, Array2, Array4};

use crate::tiny::{LAYERS, SIZE, noise, perceptual, synthesis};

fn networks() -> Networks {
    let runtime = Runtime::load(ProviderChoice::Cpu, 1).unwrap();
    let whitening = Whitening::new(Array1::zeros(CODE_SIZE), Array2::eye(CODE_SIZE)).unwrap();
    let features = feature_graph(&perceptual()).unwrap();
    let step = step_graph(&synthesis(), &perceptual(), &whitening, Weights::default()).unwrap();
    let session = |graph: &Graph| {
        let onnx = graph.to_onnx_bytes().unwrap();
        runtime.session(graph.name(), &onnx).unwrap()
    };
    Networks {
        features: session(&features),
        step: session(&step),
        layers: LAYERS,
        whitening,
    }
}

fn target() -> Target {
    Target::even(Array4::from_shape_fn((1, 3, SIZE, SIZE), |(_, c, y, x)| {
        0.8 * noise(c * 64 + y * 8 + x)
    }))
}

/// Runs an inversion to its end.
fn run(networks: &mut Networks, options: Options) -> (Inversion, Ending) {
    let cancel = CancelToken::new();
    let mut inversion = Inversion::start(networks, target(), None, options, &cancel).unwrap();
    loop {
        if let Some(ending) = inversion.step(networks, &cancel).unwrap() {
            return (inversion, ending);
        }
    }
}

#[test]
fn the_loss_falls_and_a_seed_decides_the_code() {
    let mut networks = networks();
    let options = Options {
        steps: 60,
        ..Options::default()
    };
    let (inversion, ending) = run(&mut networks, options);
    assert_eq!(ending, Ending::Complete);
    let (first, best) = (inversion.losses()[0].total, inversion.best().unwrap());
    assert!(
        best.loss.total < 0.35 * first,
        "{} {first}",
        best.loss.total
    );
    assert_eq!(best.code.shape(), [LAYERS, CODE_SIZE]);

    let (again, _) = run(&mut networks, options);
    assert_eq!(again.best().unwrap().code, best.code);
    let (other, _) = run(&mut networks, Options { seed: 1, ..options });
    assert_ne!(other.best().unwrap().code, best.code);
}

#[test]
fn an_explosion_is_caught_and_the_best_code_kept() {
    let mut networks = networks();
    let options = Options {
        steps: 200,
        learning_rate: 1e30,
        ..Options::default()
    };
    let (inversion, ending) = run(&mut networks, options);
    assert_eq!(ending, Ending::Diverged);
    let best = inversion.best().unwrap();
    assert!(best.loss.total.is_finite() && best.code.iter().all(|value| value.is_finite()));
}

#[test]
fn a_loss_that_stands_still_ends_the_inversion_early() {
    let mut networks = networks();
    let options = Options {
        steps: 400,
        learning_rate: 0.0,
        exploration: 0.0,
        ..Options::default()
    };
    let (inversion, ending) = run(&mut networks, options);
    assert_eq!(ending, Ending::Stalled);
    assert!(inversion.steps_taken() < 200);
}

#[test]
fn a_picture_that_is_no_picture_is_an_error_and_no_code() {
    let mut networks = networks();
    let cancel = CancelToken::new();
    let nothing = Target::even(Array4::from_elem((1, 3, SIZE, SIZE), f32::NAN));
    let mut inversion =
        Inversion::start(&mut networks, nothing, None, Options::default(), &cancel).unwrap();
    let outcome = inversion.step(&mut networks, &cancel);
    assert!(
        matches!(outcome, Err(latent::Error::Diverged)),
        "{outcome:?}"
    );
    assert!(inversion.best().is_none());
}

#[test]
fn a_cancelled_inversion_keeps_its_best_code() {
    let mut networks = networks();
    let cancel = CancelToken::new();
    let mut inversion =
        Inversion::start(&mut networks, target(), None, Options::default(), &cancel).unwrap();
    inversion.step(&mut networks, &cancel).unwrap();
    cancel.cancel();
    let outcome = inversion.step(&mut networks, &cancel);
    assert!(
        matches!(
            outcome,
            Err(latent::Error::Runtime(runtime::Error::Cancelled))
        ),
        "{outcome:?}"
    );
    assert!(inversion.best().is_some());
}

#[test]
fn a_code_of_another_generator_is_no_start() {
    let mut networks = networks();
    let code = Array2::zeros((LAYERS + 1, CODE_SIZE));
    let outcome = Inversion::start(
        &mut networks,
        target(),
        Some(&code),
        Options::default(),
        &CancelToken::new(),
    );
    assert!(matches!(outcome, Err(latent::Error::Shape { .. })));
}
