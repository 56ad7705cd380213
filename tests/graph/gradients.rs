//! Every operator's rule of differentiation against central differences.

use jawline::graph::{
    Binary, Conv, DataType, Error, Graph, Op, PadMode, Pool, Value, differentiate,
};
use ndarray::{Array1, ArrayD, IxDyn, arr1};

use super::cases::{Build, CASES, MATRIX, PICTURE};
use super::harness::{Domain, Named, Network, inputs, noise, relative_difference};

/// Half the distance of the points of a central difference. Its error is about `f‴·h²/6`, below
/// 10⁻⁴ for the functions here; the rounding of `f32` adds 10⁻⁷·|f| / h, as much again.
pub const STEP: f32 = 4e-3;

/// Relative to the largest component of the gradient. Ten times the errors above; a wrong rule is
/// off by 10⁻¹ or more.
const TOLERANCE: f32 = 2e-3;

/// A graph with inputs `x0`, `x1` … and the function's result as output `y`.
fn function(name: &str, shapes: &[&[usize]], build: Build) -> Graph {
    let mut graph = Graph::new(name);
    let variables: Vec<Value> = shapes
        .iter()
        .enumerate()
        .map(|(k, shape)| graph.input(format!("x{k}"), shape).unwrap())
        .collect();
    let result = build(&mut graph, &variables).unwrap_or_else(|error| panic!("{name}: {error}"));
    graph.output("y", result).unwrap();
    graph
}

/// Compares the gradient of `Σ cotangent · y` with central differences, before and after
/// simplification.
pub fn check_gradients(name: &str, graph: &Graph, values: &Named) {
    let y = graph.output_named("y").unwrap();
    let cotangent = noise(graph.shape(y), 3);
    let expected = central_differences(graph, values, &cotangent);

    let mut with_gradient = graph.clone();
    let weights = with_gradient.constant("cotangent", cotangent);
    let weighted = with_gradient.mul(y, weights).unwrap();
    let loss = with_gradient.sum(weighted).unwrap();
    let variables = with_gradient.inputs().to_vec();
    let gradients = differentiate(&mut with_gradient, loss, &variables)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    for (key, gradient) in values.keys().zip(gradients) {
        with_gradient.output(format!("d{key}"), gradient).unwrap();
    }
    let mut simplified = with_gradient.clone();
    simplified.simplify().unwrap();
    for (form, graph) in [("as built", with_gradient), ("simplified", simplified)] {
        let found = Network::load(&graph).run(values);
        for (key, expected) in &expected {
            let difference = relative_difference(&found[&format!("d{key}")], expected);
            assert!(
                difference < TOLERANCE,
                "{name}, {form}: d{key} is off by {difference}\n{:?}\n{expected:?}",
                found[&format!("d{key}")]
            );
        }
    }
}

/// d (Σ cotangent · y) / dx for every input, summed in `f64`.
fn central_differences(graph: &Graph, values: &Named, cotangent: &ArrayD<f32>) -> Named {
    let mut network = Network::load(graph);
    let mut moved = values.clone();
    let mut gradients = Named::new();
    for (key, value) in values {
        let mut gradient = value.clone();
        for (index, x) in value.indexed_iter() {
            let mut loss_at = |x: f32| -> f64 {
                moved.get_mut(key).unwrap()[index.clone()] = x;
                let y = &network.run(&moved)["y"];
                y.iter()
                    .zip(cotangent)
                    .map(|(&y, &c)| f64::from(y) * f64::from(c))
                    .sum()
            };
            let (above, below) = (x + STEP, x - STEP);
            let slope = (loss_at(above) - loss_at(below)) / (f64::from(above) - f64::from(below));
            loss_at(*x);
            gradient[index] = slope as f32;
        }
        gradients.insert(key.clone(), gradient);
    }
    gradients
}

#[test]
fn every_rule_agrees_with_central_differences() {
    for case in CASES {
        let graph = function(case.name, case.shapes, case.build);
        let values = inputs(&graph, case.domain, 7);
        check_gradients(case.name, &graph, &values);
    }
}

#[test]
fn intermediate_values_can_be_variables() {
    let mut graph = Graph::new("chain");
    let x = graph.input("x", &[3]).unwrap();
    let doubled = graph.scale(x, 2.0).unwrap();
    let square = graph.mul(doubled, doubled).unwrap();
    let loss = graph.sum(square).unwrap();
    let gradients = differentiate(&mut graph, loss, &[doubled, x]).unwrap();
    graph.output("d_doubled", gradients[0]).unwrap();
    graph.output("d_x", gradients[1]).unwrap();
    let values: Named = [("x".to_owned(), arr1(&[1.0, -2.0, 0.5]).into_dyn())].into();
    let found = Network::load(&graph).run(&values);
    assert_eq!(found["d_doubled"], arr1(&[4.0, -8.0, 2.0]).into_dyn());
    assert_eq!(found["d_x"], arr1(&[8.0, -16.0, 4.0]).into_dyn());
}

#[test]
fn what_the_loss_does_not_depend_on_has_gradient_zero() {
    let mut graph = Graph::new("apart");
    let x = graph.input("x", &[2]).unwrap();
    let y = graph.input("y", &[2, 2]).unwrap();
    let loss = graph.sum(x).unwrap();
    let gradients = differentiate(&mut graph, loss, &[y]).unwrap();
    assert_eq!(
        graph
            .constant_tensor(gradients[0])
            .unwrap()
            .as_f32()
            .unwrap(),
        ArrayD::<f32>::zeros(IxDyn(&[2, 2]))
    );
}

#[test]
fn only_a_single_number_can_be_differentiated() {
    let mut graph = Graph::new("vector");
    let x = graph.input("x", &[2]).unwrap();
    assert_eq!(
        differentiate(&mut graph, x, &[x]),
        Err(Error::LossNotScalar {
            data_type: DataType::F32,
            shape: vec![2]
        })
    );
}

#[test]
fn operators_without_a_rule_are_refused_by_name() {
    let refused: &[(&str, &[&[usize]], Build)] = &[
        ("MaxPool_0", PICTURE, |g, v| {
            g.max_pool(
                v[0],
                Pool {
                    kernel: [3; 2],
                    strides: [2; 2],
                    pads: [1; 4],
                },
            )
        }),
        ("Pad_0", MATRIX, |g, v| {
            g.pad(v[0], &[1, 1], &[1, 1], PadMode::Reflect)
        }),
        ("Pow_0", &[&[2], &[2]], |g, v| g.pow(v[0], v[1])),
        ("Conv_0", &[&[1, 1, 3, 3], &[1, 1, 2, 2]], |g, v| {
            g.conv(v[0], v[1], None, Conv::default())
        }),
    ];
    for (node, shapes, build) in refused {
        let mut graph = function("refused", shapes, *build);
        let y = graph.output_named("y").unwrap();
        let loss = graph.sum(y).unwrap();
        let variables = graph.inputs().to_vec();
        match differentiate(&mut graph, loss, &variables) {
            Err(Error::NotDifferentiable { node: named, .. }) => assert_eq!(&named, node),
            other => panic!("{node}: {other:?}"),
        }
    }
}

/// Weights that are not constants, and do not depend on a variable, are no obstacle.
#[test]
fn weights_computed_from_other_inputs_are_allowed() {
    let mut graph = Graph::new("given weights");
    let x = graph.input("x", &[1, 1, 3, 3]).unwrap();
    let weights = graph.input("weights", &[2, 1, 2, 2]).unwrap();
    let y = graph.conv(x, weights, None, Conv::default()).unwrap();
    let loss = graph.sum(y).unwrap();
    let gradient = differentiate(&mut graph, loss, &[x]).unwrap();
    graph.output("gradient", gradient[0]).unwrap();
    let ones = |shape: &[usize]| ArrayD::<f32>::ones(shape);
    let values: Named = [
        ("x".into(), ones(&[1, 1, 3, 3])),
        ("weights".into(), ones(&[2, 1, 2, 2])),
    ]
    .into();
    let windows_per_pixel = Array1::from(vec![2.0, 4.0, 2.0, 4.0, 8.0, 4.0, 2.0, 4.0, 2.0]);
    let expected = windows_per_pixel
        .into_shape_with_order((1, 1, 3, 3))
        .unwrap()
        .into_dyn();
    assert_eq!(Network::load(&graph).run(&values)["gradient"], expected);
}

/// All four elements of a window are its maximum: each gets the whole adjoint.
#[test]
fn ties_of_max_pooling_all_get_the_adjoint() {
    let mut graph = Graph::new("ties");
    let x = graph.input("x", &[1, 1, 2, 2]).unwrap();
    let y = graph.max_pool(x, Pool::tiles(2)).unwrap();
    let loss = graph.sum(y).unwrap();
    let gradient = differentiate(&mut graph, loss, &[x]).unwrap();
    graph.output("gradient", gradient[0]).unwrap();
    let values: Named = [("x".into(), ArrayD::zeros(IxDyn(&[1, 1, 2, 2])))].into();
    assert_eq!(
        Network::load(&graph).run(&values)["gradient"],
        ArrayD::<f32>::ones(IxDyn(&[1, 1, 2, 2]))
    );
}

/// The forward pass must not be repeated by the reverse pass.
#[test]
fn the_reverse_pass_shares_the_forward_pass() {
    let mut graph = function("shared", MATRIX, |g, v| {
        let exp = g.exp(v[0])?;
        g.tanh(exp)
    });
    let y = graph.output_named("y").unwrap();
    let loss = graph.sum(y).unwrap();
    let x = graph.inputs()[0];
    let gradient = differentiate(&mut graph, loss, &[x]).unwrap();
    graph.output("gradient", gradient[0]).unwrap();
    let count = |name: &str| {
        graph
            .nodes()
            .iter()
            .filter(|node| node.op.name() == name)
            .count()
    };
    assert_eq!((count("Exp"), count("Tanh")), (1, 1));
    assert!(
        graph
            .nodes()
            .iter()
            .any(|node| node.op == Op::Binary(Binary::Mul))
    );
}

/// The gradient of `Σ k·xₖ²` with respect to `x [3, columns]`, split into its rows xₖ, and the name of
/// the operator that joins the rows' gradients.
fn gradient_of_rows(columns: usize) -> (Graph, &'static str) {
    let mut graph = Graph::new("rows");
    let x = graph.input("x", &[3, columns]).unwrap();
    let rows = graph.split(x, 0, &[1, 1, 1]).unwrap();
    let mut loss = graph.scalar(0.0);
    for (k, row) in rows.into_iter().enumerate() {
        let square = graph.mul(row, row).unwrap();
        let sum = graph.sum(square).unwrap();
        let scaled = graph.scale(sum, k as f32).unwrap();
        loss = graph.add(loss, scaled).unwrap();
    }
    let gradient = differentiate(&mut graph, loss, &[x]).unwrap()[0];
    graph.output("dx", gradient).unwrap();
    let last = graph.nodes().last().unwrap().op.name();
    (graph, last)
}

#[test]
fn adjoints_of_few_numbers_are_summed_and_of_many_joined() {
    for (columns, joined_by) in [(4, "Add"), (200_000, "Concat")] {
        let (graph, operator) = gradient_of_rows(columns);
        assert_eq!(operator, joined_by);
        let values = inputs(&graph, Domain::Any, 5);
        let found = &Network::load(&graph).run(&values)["dx"];
        for (k, (found, x)) in found.outer_iter().zip(values["x"].outer_iter()).enumerate() {
            let expected = x.mapv(|x| 2.0 * k as f32 * x);
            assert!(relative_difference(&found.to_owned(), &expected) < 1e-6);
        }
    }
}
