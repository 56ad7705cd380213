//! Our own networks say the same here as in the framework that they were trained in.

#![allow(clippy::unwrap_used)]

use jawline::networks::{ChannelOrder, ChinMeter, FaceParser, NeckFieldNetwork};
use jawline::runtime::{CancelToken, ProviderChoice, Runtime};
use ndarray::{Array4, Axis};
use serde_json::Value;

/// The picture of the references' formula, `[1, 3, side, side]`.
fn picture(side: usize) -> Array4<f32> {
    values([1, 3, side, side])
}

fn values(shape: [usize; 4]) -> Array4<f32> {
    Array4::from_shape_fn(shape, |(_, channel, y, x)| {
        0.8 * (0.05 * x as f32 + 0.03 * y as f32 + channel as f32).sin()
    })
}

fn reference(network: &str) -> Value {
    let path = format!(
        "{}/onnx/{network}.reference.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn close(found: f32, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (f64::from(found) - expected).abs() < 1e-3,
        "{what}: {found} for {expected}"
    );
}

#[test]
fn the_face_parser_is_the_one_that_was_trained() {
    let runtime = Runtime::load(ProviderChoice::Cpu, 0).unwrap();
    let mut parser = FaceParser::own(&runtime).unwrap();
    let parsing = parser
        .parse(
            picture(FaceParser::SIZE).view(),
            ChannelOrder::Rgb,
            &CancelToken::new(),
        )
        .unwrap();
    let reference = reference("face_parser");
    let expected = reference["logits"].as_array().unwrap();
    assert_eq!(expected.len(), FaceParser::CLASSES);
    for (label, (plane, expected)) in parsing
        .logits
        .index_axis(Axis(0), 0)
        .outer_iter()
        .zip(expected)
        .enumerate()
    {
        close(
            plane.mean().unwrap(),
            expected,
            &format!("mean logit of label {label}"),
        );
    }
    let everything: Vec<u8> = (0..19).collect();
    for probability in parsing.probability_of(&everything) {
        assert!((probability - 1.0).abs() < 1e-5);
    }
    let skin = parsing.probability_of(&[1]);
    let rest: Vec<u8> = everything.into_iter().filter(|label| *label != 1).collect();
    for (skin, rest) in skin.iter().zip(&parsing.probability_of(&rest)) {
        assert!((0.0..=1.0).contains(skin) && (skin + rest - 1.0).abs() < 1e-5);
    }
}

#[test]
fn the_chin_meter_is_the_one_that_was_trained() {
    let runtime = Runtime::load(ProviderChoice::Cpu, 0).unwrap();
    let mut meter = ChinMeter::own(&runtime).unwrap();
    let side = ChinMeter::SIZE as usize;
    let reading = meter
        .read(picture(side).view(), &CancelToken::new())
        .unwrap();
    let reference = reference("chin_scorer");
    close(
        reading.probability,
        &reference["probability"][0],
        "probability",
    );
    close(reading.severity, &reference["severity"][0], "severity");
}

#[test]
fn the_neck_field_is_the_one_that_was_trained() {
    let runtime = Runtime::load(ProviderChoice::Cpu, 0).unwrap();
    let mut network = NeckFieldNetwork::own(&runtime).unwrap();
    let rows = NeckFieldNetwork::ROWS.len();
    let input = values([1, 4, rows, NeckFieldNetwork::SIZE as usize]);
    let outputs = network.predict(input.view(), &CancelToken::new()).unwrap();
    let reference = reference("neck_field");
    for (name, found) in [
        ("flow", &outputs.flow),
        ("shade", &outputs.shade),
        ("detail", &outputs.detail),
        ("mask", &outputs.mask),
    ] {
        let expected = reference[name].as_array().unwrap();
        assert_eq!(expected.len(), found.len_of(Axis(0)), "{name}");
        for (channel, expected) in found.outer_iter().zip(expected) {
            close(channel.mean().unwrap(), expected, name);
        }
    }
}
