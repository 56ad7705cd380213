//! Running graphs and comparing arrays.

use jawline::checkpoint::npy;
use jawline::graph::Graph;
use jawline::runtime::{CancelToken, Outputs, ProviderChoice, Runtime};
use ndarray::ArrayD;

use crate::reference;

/// An array of the reference data.
pub fn array(relative: &str) -> ArrayD<f32> {
    npy::read_f32(&reference(relative)).unwrap()
}

/// An 8-bit picture as `[1, channels, height, width]`, 0–255.
pub fn picture(relative: &str, channels: usize) -> ArrayD<f32> {
    let picture = image::open(reference(relative)).unwrap().to_rgb8();
    let shape = (
        1,
        channels,
        picture.height() as usize,
        picture.width() as usize,
    );
    let value = |(_, c, y, x)| f32::from(picture.get_pixel(x as u32, y as u32).0[c]);
    ndarray::Array4::from_shape_fn(shape, value).into_dyn()
}

/// ONNX Runtime with the execution provider that `JAWLINE_PARITY_PROVIDER` names; with the CPU if it is
/// not set.
pub fn runtime() -> Runtime {
    let named = std::env::var("JAWLINE_PARITY_PROVIDER");
    let provider = named.map_or(ProviderChoice::Cpu, |name| name.parse().unwrap());
    Runtime::load(provider, 2).unwrap()
}

/// Runs a graph in ONNX Runtime.
pub fn run(graph: &Graph, inputs: &[(&str, &ArrayD<f32>)]) -> Outputs {
    let mut session = runtime()
        .session(graph.name(), &graph.to_onnx_bytes().unwrap())
        .unwrap();
    let inputs: Vec<_> = inputs
        .iter()
        .map(|(name, array)| (*name, array.view()))
        .collect();
    session.run(&inputs, &CancelToken::new()).unwrap()
}

/// The largest absolute difference of two arrays of one shape.
pub fn largest_difference(a: &ArrayD<f32>, b: &ArrayD<f32>) -> f32 {
    assert_eq!(a.shape(), b.shape());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

/// The length of `found − expected`, relative to the length of `expected`.
pub fn relative_error(found: &ArrayD<f32>, expected: &ArrayD<f32>) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let square = |x: f32| f64::from(x) * f64::from(x);
    let error: f64 = found.iter().zip(expected).map(|(a, b)| square(a - b)).sum();
    (error / expected.iter().map(|x| square(*x)).sum::<f64>()).sqrt()
}
