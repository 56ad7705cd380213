//! Runs graphs and makes their inputs.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jawline::graph::{Graph, Source};
use jawline::runtime::{CancelToken, ProviderChoice, Runtime, Session};
use ndarray::ArrayD;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Inputs or outputs by name.
pub type Named = BTreeMap<String, ArrayD<f32>>;

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Runtime::load(ProviderChoice::Cpu, 1)
            .expect("these tests run graphs: set ORT_DYLIB_PATH to the path of libonnxruntime")
    })
}

/// A graph loaded into ONNX Runtime.
pub struct Network(Session);

impl Network {
    pub fn load(graph: &Graph) -> Self {
        let bytes = graph.to_onnx_bytes().unwrap();
        Self(runtime().session(graph.name(), &bytes).unwrap())
    }

    pub fn run(&mut self, inputs: &Named) -> Named {
        let views: Vec<_> = inputs
            .iter()
            .map(|(name, array)| (name.as_str(), array.view()))
            .collect();
        self.0.run(&views, &CancelToken::new()).unwrap()
    }
}

/// Where inputs are drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Domain {
    /// Around 0, see [`GRID_STEP`].
    Any,
    /// 0.2 and more.
    Positive,
}

/// Drawn numbers are at least this far from each other and half of it from 0, within one input and a quarter of it between
/// two: far enough from every kink (of ReLU at 0, of maxima at ties) for differences taken with [`crate::gradients::STEP`].
pub const GRID_STEP: f32 = 0.05;

pub fn inputs(graph: &Graph, domain: Domain, seed: u64) -> Named {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let draw = |(index, &value)| {
        let Source::Input(name) = graph.source(value) else {
            panic!("an input is an input")
        };
        let shape = graph.shape(value);
        let count: usize = shape.iter().product();
        let mut ranks: Vec<usize> = (0..count).collect();
        ranks.shuffle(&mut random);
        let offset = GRID_STEP * (0.5 + index as f32 * 0.25) - GRID_STEP * (count / 2) as f32;
        let numbers = ranks.iter().map(|&rank| rank as f32 * GRID_STEP + offset);
        let numbers = numbers.map(|x| {
            if domain == Domain::Positive {
                x.abs() + 0.2
            } else {
                x
            }
        });
        (
            name.clone(),
            ArrayD::from_shape_vec(shape, numbers.collect()).unwrap(),
        )
    };
    graph.inputs().iter().enumerate().map(draw).collect()
}

/// Numbers in ±0.5.
pub fn noise(shape: &[usize], seed: u64) -> ArrayD<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(shape, || random.random::<f32>() - 0.5)
}

/// The largest difference, relative to the largest expected number or 1.
pub fn relative_difference(found: &ArrayD<f32>, expected: &ArrayD<f32>) -> f32 {
    assert_eq!(found.shape(), expected.shape());
    let scale = expected.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
    let difference = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    difference.fold(0.0_f32, |most, d| {
        if d.is_nan() {
            f32::INFINITY
        } else {
            most.max(d)
        }
    }) / scale
}
