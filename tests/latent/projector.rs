//! The projector on a small generator.

use jawline::architectures::stylegan2::{Sizes, StyleGan2};
use jawline::architectures::vgg16::Vgg16;
use jawline::latent::inversion::Ending;
use jawline::latent::projector::{
    Networks, Objective, Options, Projector, Regularisation, Statistics,
};
use jawline::latent::{self, Lpips};
use jawline::networks::GeneratorNetworks;
use jawline::runtime::{CancelToken, ProviderChoice, Runtime};
use ndarray::{Array1, Array4};

fn generator() -> GeneratorNetworks {
    let sizes = Sizes {
        widths: vec![8, 6, 4],
        mapping_layers: 2,
        latent_size: 5,
    };
    GeneratorNetworks::from_stylegan2(&StyleGan2::random(&sizes, 3).unwrap()).unwrap()
}

#[test]
fn a_seed_decides_the_code_and_the_noise_stays_normal() {
    let generator = generator();
    let runtime = Runtime::load(ProviderChoice::Cpu, 1).unwrap();
    let lpips = Lpips::even(Vgg16::random(0).unwrap());
    let objective = Objective {
        lpips: &lpips,
        lpips_size: 32,
        regularisation: Regularisation::Paper,
    };
    let mut networks = Networks::load(&runtime, &generator, &objective).unwrap();
    let cancel = CancelToken::new();
    let statistics = Statistics {
        mean: Array1::zeros(5),
        deviation: 1.0,
    };
    let target = Array4::from_shape_fn((1, 3, 16, 16), |(_, c, y, x)| {
        ((c + y + x) % 4) as f32 / 2.0 - 0.75
    });
    let mut run = |seed, maps| {
        let options = Options {
            steps: 8,
            seed,
            ..Options::default()
        };
        let mut projector = Projector::start(
            &mut networks,
            target.clone(),
            maps,
            &statistics,
            options,
            &cancel,
        )?;
        while projector.step(&mut networks, &cancel)? != Some(Ending::Complete) {}
        Ok::<_, latent::Error>(projector)
    };
    let maps = || generator.spec.noise_maps(0);
    let first = run(0, maps()).unwrap();
    assert_eq!(first.losses().len(), 8);
    assert_eq!(first.code(), run(0, maps()).unwrap().code());
    assert_ne!(first.code(), run(1, maps()).unwrap().code());
    for map in first.noise() {
        let mean = map.mean().unwrap();
        let mean_square = map.mapv(|x| x * x).mean().unwrap();
        assert!(mean.abs() < 1e-5 && (mean_square - 1.0).abs() < 1e-4);
    }
    assert!(matches!(
        run(0, maps()[1..].to_vec()),
        Err(latent::Error::Shape { .. })
    ));
}
