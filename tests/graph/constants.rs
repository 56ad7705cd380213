//! Inputs that stay on the device from run to run.

use std::sync::Arc;

use jawline::graph::Graph;
use jawline::runtime::{CancelToken, Constants, DeviceValues, ProviderChoice, Runtime, Session};
use ndarray::arr1;

/// `scaled = factor · x`
fn scaling() -> Session {
    let mut graph = Graph::new("scaling");
    let factor = graph.input("factor", &[2]).unwrap();
    let x = graph.input("x", &[2]).unwrap();
    let scaled = graph.mul(factor, x).unwrap();
    graph.output("scaled", scaled).unwrap();
    session(&graph)
}

/// `negative = −scaled`
fn negation() -> Session {
    let mut graph = Graph::new("negation");
    let scaled = graph.input("scaled", &[2]).unwrap();
    let negative = graph.neg(scaled).unwrap();
    graph.output("negative", negative).unwrap();
    session(&graph)
}

fn session(graph: &Graph) -> Session {
    let runtime = Runtime::load(ProviderChoice::Cpu, 1).unwrap();
    let bytes = graph.to_onnx_bytes().unwrap();
    runtime.session(graph.name(), &bytes).unwrap()
}

fn factor(numbers: [f32; 2]) -> Arc<Constants> {
    let factor = arr1(&numbers).into_dyn();
    Arc::new(Constants::from([("factor".to_owned(), factor)]))
}

#[test]
fn constants_stay_until_others_take_their_place() {
    let mut session = scaling();
    let mut run = |constants: &Arc<Constants>, x: [f32; 2]| {
        let x = arr1(&x).into_dyn();
        let outputs = session.run_with(constants, &[("x", x.view())], &CancelToken::new());
        outputs.unwrap()["scaled"]
            .clone()
            .into_raw_vec_and_offset()
            .0
    };
    let (first, second) = (factor([2.0, 3.0]), factor([10.0, 100.0]));
    assert_eq!(run(&first, [1.0, 1.0]), [2.0, 3.0]);
    assert_eq!(run(&first, [4.0, 5.0]), [8.0, 15.0]);
    assert_eq!(run(&second, [4.0, 5.0]), [40.0, 500.0]);
    assert_eq!(run(&first, [1.0, 2.0]), [2.0, 6.0]);
}

#[test]
fn a_run_without_constants_is_not_touched_by_them() {
    let mut session = scaling();
    let (x, f) = (arr1(&[1.0, 2.0]).into_dyn(), arr1(&[5.0, 7.0]).into_dyn());
    session
        .run_with(&factor([2.0, 3.0]), &[("x", x.view())], &CancelToken::new())
        .unwrap();
    let inputs = [("x", x.view()), ("factor", f.view())];
    let outputs = session.run(&inputs, &CancelToken::new()).unwrap();
    assert_eq!(outputs["scaled"], arr1(&[5.0, 14.0]).into_dyn());
}

#[test]
fn a_cancelled_run_and_a_wrong_shape_are_errors() {
    let mut session = scaling();
    let (constants, x) = (factor([2.0, 3.0]), arr1(&[1.0, 2.0]).into_dyn());
    let cancelled = CancelToken::new();
    cancelled.cancel();
    let result = session.run_with(&constants, &[("x", x.view())], &cancelled);
    assert!(result.unwrap_err().to_string().contains("cancelled"));
    let longer = arr1(&[1.0, 2.0, 3.0]).into_dyn();
    let inputs = [("x", longer.view())];
    assert!(
        session
            .run_with(&constants, &inputs, &CancelToken::new())
            .is_err()
    );
    let inputs = [("x", x.view())];
    assert!(
        session
            .run_with(&constants, &inputs, &CancelToken::new())
            .is_ok()
    );
}

#[test]
fn what_a_network_leaves_on_the_device_is_the_input_of_the_next() {
    let (mut first, mut second) = (scaling(), negation());
    let (factors, none) = (factor([2.0, 3.0]), Arc::default());
    let (cancel, kept) = (CancelToken::new(), ["scaled".to_owned()]);
    let mut scaled = |x: [f32; 2]| {
        let x = arr1(&x).into_dyn();
        let inputs = [("x", x.view())];
        let nothing = DeviceValues::default();
        let (outputs, left) = first
            .run_between(&factors, &inputs, &nothing, &kept, &cancel)
            .unwrap();
        assert!(outputs.is_empty());
        left
    };
    // The second run must not write over what the first has left.
    let (early, late) = (scaled([1.0, 1.0]), scaled([10.0, 10.0]));
    let mut negative = |left: &DeviceValues| {
        let (outputs, _) = second.run_between(&none, &[], left, &[], &cancel).unwrap();
        outputs["negative"].clone()
    };
    assert_eq!(negative(&early), arr1(&[-2.0, -3.0]).into_dyn());
    assert_eq!(negative(&late), arr1(&[-20.0, -30.0]).into_dyn());
    assert_eq!(negative(&early), arr1(&[-2.0, -3.0]).into_dyn());
}
