//! A generator that is drawn in parts.

use jawline::architectures::stylegan2::{Sizes, StyleGan2};
use jawline::networks::{
    Drawn, Generator, GeneratorNetworks, Noise, PREVIEW_RESOLUTIONS_PX, Stages, gaussian_latents,
};
use jawline::runtime::{CancelToken, ProviderChoice, Runtime};
use ndarray::Array2;

/// A StyleGAN2 of 512 px with a few channels.
fn networks() -> GeneratorNetworks {
    let sizes = Sizes {
        widths: vec![6, 6, 6, 4, 4, 4, 3, 2],
        mapping_layers: 2,
        latent_size: 8,
    };
    GeneratorNetworks::from_stylegan2(&StyleGan2::random(&sizes, 3).unwrap()).unwrap()
}

fn code(networks: &GeneratorNetworks) -> Array2<f32> {
    gaussian_latents(5, networks.spec.layers, networks.spec.code_size)
}

#[test]
fn previews_come_first_and_are_what_the_network_has_drawn_by_then() {
    let networks = networks();
    let runtime = Runtime::load(ProviderChoice::Cpu, 1).unwrap();
    let cancel = CancelToken::new();
    let mut generator = Generator::load(&runtime, &networks).unwrap();
    let mut whole = Generator::load_with(&runtime, &networks, Stages::All).unwrap();
    let code = code(&networks);
    let stages = whole.synthesize_stages(code.view(), &cancel).unwrap();
    let sides: Vec<usize> = stages.iter().map(|(side, _)| *side).collect();
    assert_eq!(sides, [4, 8, 16, 32, 64, 128, 256, 512]);

    let mut drawing = generator.begin(code.view());
    for side in PREVIEW_RESOLUTIONS_PX {
        let drawn = generator.advance(&mut drawing, &cancel).unwrap();
        let Drawn::Preview(preview) = drawn else {
            panic!("no preview of {side} px");
        };
        assert_eq!(preview.dim(), (1, 3, side, side));
        let (_, expected) = stages.iter().find(|(other, _)| *other == side).unwrap();
        assert!((&preview - expected).iter().all(|x| x.abs() < 1e-4));
    }
    let Drawn::Picture(picture) = generator.advance(&mut drawing, &cancel).unwrap() else {
        panic!("no picture");
    };
    assert_eq!(picture, generator.synthesize(code.view(), &cancel).unwrap());
    let (_, expected) = stages.last().unwrap();
    assert!((&picture - expected).iter().all(|x| x.abs() < 1e-4));
    // A finished drawing stays as it is.
    let again = generator.advance(&mut drawing, &cancel).unwrap();
    assert_eq!(again, Drawn::Picture(picture));
}

#[test]
fn noise_is_that_of_its_seed_or_none_or_given() {
    let networks = networks();
    let runtime = Runtime::load(ProviderChoice::Cpu, 1).unwrap();
    let cancel = CancelToken::new();
    let mut generator = Generator::load(&runtime, &networks).unwrap();
    let code = code(&networks);
    let mut drawn = |noise: &Noise| {
        generator.set_noise(noise).unwrap();
        generator.synthesize(code.view(), &cancel).unwrap()
    };
    let seeded = drawn(&Noise::default());
    assert_eq!(drawn(&Noise::Maps(networks.spec.noise_maps(0))), seeded);
    assert_ne!(drawn(&Noise::Seeded(1)), seeded);
    assert_ne!(drawn(&Noise::Zero), seeded);
    let mut maps = networks.spec.noise_maps(0);
    maps.swap(0, 1);
    let message = generator
        .set_noise(&Noise::Maps(maps))
        .unwrap_err()
        .to_string();
    assert!(message.contains("map 0"), "{message}");
}
