//! Random graphs of elementwise operators: they differentiate, simplify and survive a file.

use jawline::graph::{Binary, Graph, Op, Unary, Value};
use proptest::prelude::*;

use super::gradients::check_gradients;
use super::harness::{Domain, Network, inputs, relative_difference};

/// A node to be added; operands are picked among the values so far.
#[derive(Debug, Clone)]
enum Step {
    Unary(Unary, usize),
    Binary(Binary, usize, usize),
    Number(Binary, usize, f32),
    Rows(usize),
}

fn step() -> impl Strategy<Value = Step> {
    // Smooth functions with bounded slopes: a chain of six stays within what central differences resolve.
    let unary = prop::sample::select(vec![
        Unary::Sigmoid,
        Unary::Tanh,
        Unary::Softplus,
        Unary::Neg,
        Unary::Identity,
    ]);
    let binary = prop::sample::select(vec![Binary::Add, Binary::Sub, Binary::Mul]);
    let number = prop::sample::select(vec![0.0_f32, 1.0, -0.5, 0.7]);
    let any = any::<usize>;
    prop_oneof![
        (unary, any()).prop_map(|(op, a)| Step::Unary(op, a)),
        (binary.clone(), any(), any()).prop_map(|(op, a, b)| Step::Binary(op, a, b)),
        (binary, any(), number).prop_map(|(op, a, number)| Step::Number(op, a, number)),
        any().prop_map(Step::Rows),
    ]
}

/// All values have shape `[2, 3]`; inputs `x0 [2, 3]` and `x1 [3]`.
fn graph_of(steps: &[Step]) -> Graph {
    let mut graph = Graph::new("random");
    let x0 = graph.input("x0", &[2, 3]).unwrap();
    let x1 = graph.input("x1", &[3]).unwrap();
    let x1 = graph.expand(x1, &[2, 3]).unwrap();
    let mut values: Vec<Value> = vec![x0, x1];
    for step in steps {
        let pick = |index: usize| values[index % values.len()];
        let value = match *step {
            Step::Unary(op, a) => graph.push(Op::Unary(op), &[pick(a)]),
            Step::Binary(op, a, b) => graph.push(Op::Binary(op), &[pick(a), pick(b)]),
            Step::Number(op, a, number) => {
                let number = graph.scalar(number);
                graph.push(Op::Binary(op), &[pick(a), number])
            }
            Step::Rows(a) => {
                let mean = graph.reduce_mean(pick(a), &[1], true).unwrap();
                graph.push(Op::Expand { shape: vec![2, 3] }, &[mean])
            }
        };
        values.push(value.unwrap()[0]);
    }
    graph.output("y", *values.last().unwrap()).unwrap();
    graph
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_graphs_differentiate(steps in prop::collection::vec(step(), 1..6), seed in any::<u64>()) {
        let graph = graph_of(&steps);
        check_gradients("random", &graph, &inputs(&graph, Domain::Any, seed));
    }

    #[test]
    fn simplification_and_files_keep_what_random_graphs_compute(
        steps in prop::collection::vec(step(), 1..16),
        seed in any::<u64>(),
    ) {
        let graph = graph_of(&steps);
        let values = inputs(&graph, Domain::Any, seed);
        let expected = &Network::load(&graph).run(&values)["y"];
        let mut simplified = graph.clone();
        simplified.simplify().unwrap();
        prop_assert!(simplified.nodes().len() <= graph.nodes().len());
        let read_back = Graph::from_onnx_bytes(&graph.to_onnx_bytes().unwrap()).unwrap();
        for other in [simplified, read_back] {
            let found = &Network::load(&other).run(&values)["y"];
            // Rounding of a chain of sixteen operations.
            prop_assert!(relative_difference(found, expected) < 1e-5);
        }
    }
}
