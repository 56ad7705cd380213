//! Every operator's rule of differentiation against central differences.

use jawline::graph::{
    Binary, Conv, ConvTranspose, DataType, DepthOrder, Error, Graph, Op, PadMode, Pool,
    ResizeCoordinates, ResizeMode, SliceRange, Value, differentiate,
};
use ndarray::{Array1, ArrayD, IxDyn, arr1};

use super::harness::{Domain, Named, Network, inputs, noise, relative_difference};

/// Half the distance of the points of a central difference. Its error is about `f‴·h²/6`, below 10⁻⁴ for the functions
/// here; the rounding of `f32` adds 10⁻⁷·|f| / h, as much again.
pub const STEP: f32 = 4e-3;

/// Relative to the largest component of the gradient. Ten times the errors above; a wrong rule is off by 10⁻¹ or more.
const TOLERANCE: f32 = 2e-3;

type Build = fn(&mut Graph, &[Value]) -> Result<Value, Error>;

/// A function to differentiate with respect to all its inputs.
struct Case {
    name: &'static str,
    domain: Domain,
    shapes: &'static [&'static [usize]],
    build: Build,
}

const fn any(name: &'static str, shapes: &'static [&'static [usize]], build: Build) -> Case {
    Case {
        name,
        domain: Domain::Any,
        shapes,
        build,
    }
}

const fn positive(name: &'static str, shapes: &'static [&'static [usize]], build: Build) -> Case {
    Case {
        name,
        domain: Domain::Positive,
        shapes,
        build,
    }
}

const PICTURE: &[&[usize]] = &[&[1, 4, 6, 6]];
const MATRIX: &[&[usize]] = &[&[3, 4]];

/// A new operator is one more line.
const CASES: &[Case] = &[
    any("identity", MATRIX, |g, v| g.identity(v[0])),
    any("neg", MATRIX, |g, v| g.neg(v[0])),
    any("abs", MATRIX, |g, v| g.abs(v[0])),
    positive("sqrt", MATRIX, |g, v| g.sqrt(v[0])),
    any("exp", MATRIX, |g, v| g.exp(v[0])),
    positive("log", MATRIX, |g, v| g.log(v[0])),
    any("sigmoid", MATRIX, |g, v| g.sigmoid(v[0])),
    any("tanh", MATRIX, |g, v| g.tanh(v[0])),
    any("softplus", MATRIX, |g, v| g.softplus(v[0])),
    any("relu", MATRIX, |g, v| g.relu(v[0])),
    any("leaky relu", MATRIX, |g, v| g.leaky_relu(v[0], 0.2)),
    any("leaky relu, falling", MATRIX, |g, v| {
        g.leaky_relu(v[0], -0.5)
    }),
    any("leaky relu, steeper", MATRIX, |g, v| {
        g.leaky_relu(v[0], 3.0)
    }),
    any("clip", MATRIX, |g, v| g.clip(v[0], -0.15, 0.2)),
    any("clip, open", MATRIX, |g, v| {
        g.clip(v[0], f32::NEG_INFINITY, 0.15)
    }),
    any("add", &[&[3, 4], &[3, 4]], |g, v| g.add(v[0], v[1])),
    any("add, broadcast", &[&[2, 3, 4], &[3, 1]], |g, v| {
        g.add(v[0], v[1])
    }),
    any("sub, broadcast", &[&[4], &[2, 3, 4]], |g, v| {
        g.sub(v[0], v[1])
    }),
    any("sub, right", &[&[2, 3, 4], &[1, 3, 1]], |g, v| {
        g.sub(v[0], v[1])
    }),
    any("mul", &[&[3, 4], &[3, 4]], |g, v| g.mul(v[0], v[1])),
    any("mul, style", &[&[1, 4, 3, 3], &[1, 4, 1, 1]], |g, v| {
        g.mul(v[0], v[1])
    }),
    any("mul, number", &[&[3, 4], &[]], |g, v| g.mul(v[0], v[1])),
    any("square", MATRIX, |g, v| g.mul(v[0], v[0])),
    positive("div", &[&[3, 4], &[3, 4]], |g, v| g.div(v[0], v[1])),
    positive("div, broadcast", &[&[1, 4], &[3, 4]], |g, v| {
        g.div(v[0], v[1])
    }),
    positive("pow", MATRIX, |g, v| {
        let exponent = g.scalar(2.5);
        g.pow(v[0], exponent)
    }),
    any("pow 2", MATRIX, |g, v| {
        let exponent = g.scalar(2.0);
        g.pow(v[0], exponent)
    }),
    positive("pow, exponents", MATRIX, |g, v| {
        let exponents = g.constant("exponents", arr1(&[1.0_f32, 2.0, 3.0, 0.5]));
        g.pow(v[0], exponents)
    }),
    any("max", &[&[3, 4], &[3, 4]], |g, v| g.max(v[0], v[1])),
    any("min, broadcast", &[&[3, 4], &[4]], |g, v| g.min(v[0], v[1])),
    any("where", &[&[3, 4], &[3, 4], &[4]], |g, v| {
        let zero = g.scalar(0.0);
        let condition = g.greater(v[0], zero)?;
        g.select(condition, v[1], v[2])
    }),
    any("prelu", &[&[1, 3, 2, 2], &[3, 1, 1]], |g, v| {
        g.prelu(v[0], v[1])
    }),
    any("cast", MATRIX, |g, v| g.cast(v[0], DataType::F32)),
    any("comparisons have derivative 0", MATRIX, |g, v| {
        let zero = g.scalar(0.0);
        let mut sum = v[0];
        for condition in [
            g.less(v[0], zero)?,
            g.less_or_equal(v[0], zero)?,
            g.greater_or_equal(v[0], zero)?,
        ] {
            let number = g.cast(condition, DataType::F32)?;
            sum = g.add(sum, number)?;
        }
        Ok(sum)
    }),
    any("matmul", &[&[3, 4], &[4, 2]], |g, v| g.matmul(v[0], v[1])),
    any("matmul, batches", &[&[2, 3, 4], &[2, 4, 2]], |g, v| {
        g.matmul(v[0], v[1])
    }),
    any("matmul, broadcast", &[&[3, 4], &[2, 4, 2]], |g, v| {
        g.matmul(v[0], v[1])
    }),
    any("matmul, one matrix", &[&[2, 3, 4], &[4, 2]], |g, v| {
        g.matmul(v[0], v[1])
    }),
    any("conv 3×3", PICTURE, |g, v| {
        conv(g, v[0], [5, 4, 3, 3], Conv::padded(1))
    }),
    any("conv 1×1", PICTURE, |g, v| {
        conv(g, v[0], [5, 4, 1, 1], Conv::default())
    }),
    any("conv, unpadded", PICTURE, |g, v| {
        conv(g, v[0], [2, 4, 3, 2], Conv::default())
    }),
    any("conv, much padding", PICTURE, |g, v| {
        conv(g, v[0], [2, 4, 2, 2], Conv::padded(2))
    }),
    any("conv, uneven padding", PICTURE, |g, v| {
        conv(
            g,
            v[0],
            [2, 4, 3, 3],
            Conv {
                pads: [0, 1, 2, 0],
                ..Conv::default()
            },
        )
    }),
    any("conv, stride 2", PICTURE, |g, v| {
        conv(
            g,
            v[0],
            [2, 4, 3, 3],
            Conv {
                strides: [2; 2],
                ..Conv::padded(1)
            },
        )
    }),
    any("conv, strides 2 and 3", PICTURE, |g, v| {
        conv(
            g,
            v[0],
            [2, 4, 1, 2],
            Conv {
                strides: [2, 3],
                ..Conv::default()
            },
        )
    }),
    any("conv, dilated", PICTURE, |g, v| {
        conv(
            g,
            v[0],
            [2, 4, 2, 3],
            Conv {
                dilations: [3, 2],
                ..Conv::padded(1)
            },
        )
    }),
    any("conv, groups", PICTURE, |g, v| {
        conv(
            g,
            v[0],
            [6, 2, 3, 3],
            Conv {
                groups: 2,
                ..Conv::padded(1)
            },
        )
    }),
    any("conv, depthwise", PICTURE, |g, v| {
        conv(
            g,
            v[0],
            [4, 1, 3, 3],
            Conv {
                groups: 4,
                ..Conv::padded(1)
            },
        )
    }),
    any("conv, groups and strides", PICTURE, |g, v| {
        conv(
            g,
            v[0],
            [8, 1, 2, 2],
            Conv {
                groups: 4,
                strides: [2; 2],
                ..Conv::default()
            },
        )
    }),
    any(
        "conv, weights and bias given at run time",
        &[&[1, 2, 4, 4], &[3]],
        |g, v| {
            let unit = g.constant("unit", noise(&[3, 2, 3, 3], 1));
            g.conv(v[0], unit, Some(v[1]), Conv::padded(1))
        },
    ),
    any("transposed conv", PICTURE, |g, v| {
        transposed(g, v[0], [4, 3, 3, 3], ConvTranspose::default())
    }),
    any("transposed conv, stride 2", PICTURE, |g, v| {
        let conv = Conv {
            strides: [2; 2],
            ..Conv::padded(1)
        };
        transposed(
            g,
            v[0],
            [4, 3, 4, 4],
            ConvTranspose {
                conv,
                output_padding: [0; 2],
            },
        )
    }),
    any("transposed conv, output padding", PICTURE, |g, v| {
        let conv = Conv {
            strides: [2; 2],
            ..Conv::padded(1)
        };
        transposed(
            g,
            v[0],
            [4, 3, 3, 3],
            ConvTranspose {
                conv,
                output_padding: [1; 2],
            },
        )
    }),
    any("transposed conv, wavelet", PICTURE, |g, v| {
        let conv = Conv {
            strides: [2; 2],
            groups: 2,
            ..Conv::default()
        };
        transposed(
            g,
            v[0],
            [4, 1, 2, 2],
            ConvTranspose {
                conv,
                output_padding: [0; 2],
            },
        )
    }),
    any("transposed conv, dilated", PICTURE, |g, v| {
        let conv = Conv {
            dilations: [2, 1],
            ..Conv::default()
        };
        transposed(
            g,
            v[0],
            [4, 2, 2, 2],
            ConvTranspose {
                conv,
                output_padding: [0; 2],
            },
        )
    }),
    any("reshape", MATRIX, |g, v| g.reshape(v[0], &[2, 6])),
    any("transpose", &[&[2, 3, 4]], |g, v| {
        g.transpose(v[0], &[2, 0, 1])
    }),
    any("concat", &[&[2, 3], &[2, 1], &[2, 2]], |g, v| {
        g.concat(v, 1)
    }),
    any("split", &[&[2, 6]], |g, v| {
        let parts = g.split(v[0], 1, &[2, 1, 3])?;
        let square = g.mul(parts[0], parts[0])?;
        g.concat(&[parts[2], square], 1)
    }),
    any("slice", &[&[3, 7]], |g, v| g.slice_axis(v[0], 1, 2, 5)),
    any("slice, steps", &[&[5, 8]], |g, v| {
        let range = |start, end, step| SliceRange { start, end, step };
        g.slice(v[0], &[range(1, 5, 2), range(0, 8, 3)])
    }),
    any("gather, one row", MATRIX, |g, v| gather(g, v[0], &[1], 0)),
    any("gather, repeated", MATRIX, |g, v| {
        gather(g, v[0], &[2, 0, 2, 2], 0)
    }),
    any("gather, order", PICTURE, |g, v| {
        gather(g, v[0], &[2, 0, 3, 1], 1)
    }),
    any("gather, columns", &[&[2, 4, 3]], |g, v| {
        gather(g, v[0], &[3, 1], 1)
    }),
    any("expand", &[&[3, 1]], |g, v| g.expand(v[0], &[2, 3, 4])),
    any("pad", MATRIX, |g, v| {
        g.pad(v[0], &[1, 0], &[2, 3], PadMode::Constant(0.5))
    }),
    any("mean", &[&[2, 3, 4]], |g, v| {
        g.reduce_mean(v[0], &[0, 2], true)
    }),
    any("sum", &[&[2, 3, 4]], |g, v| g.reduce_sum(v[0], &[1], false)),
    any("mean of all", MATRIX, |g, v| g.mean(v[0])),
    any("max pool", PICTURE, |g, v| g.max_pool(v[0], Pool::tiles(2))),
    any("max pool, rest", &[&[1, 2, 7, 5]], |g, v| {
        g.max_pool(v[0], Pool::tiles(2))
    }),
    any("average pool", PICTURE, |g, v| {
        g.average_pool(v[0], Pool::tiles(3))
    }),
    any("average pool, rest", &[&[1, 2, 7, 5]], |g, v| {
        g.average_pool(v[0], Pool::tiles(2))
    }),
    any("average pool, overlapping", PICTURE, |g, v| {
        g.average_pool(
            v[0],
            Pool {
                kernel: [3, 2],
                strides: [2, 1],
                pads: [1, 0, 1, 1],
            },
        )
    }),
    any("global average pool", PICTURE, |g, v| {
        g.global_average_pool(v[0])
    }),
    any("upsample", PICTURE, |g, v| g.upsample_nearest(v[0], 3)),
    any("nearest, smaller", PICTURE, |g, v| {
        resize(
            g,
            v[0],
            ResizeMode::Nearest,
            ResizeCoordinates::Asymmetric,
            [4, 5],
        )
    }),
    any("bilinear, half pixels", PICTURE, |g, v| {
        resize(
            g,
            v[0],
            ResizeMode::Linear,
            ResizeCoordinates::HalfPixel,
            [9, 4],
        )
    }),
    any("bilinear, corners", PICTURE, |g, v| {
        resize(
            g,
            v[0],
            ResizeMode::Linear,
            ResizeCoordinates::AlignCorners,
            [11, 3],
        )
    }),
    any("bilinear, asymmetric", PICTURE, |g, v| {
        resize(
            g,
            v[0],
            ResizeMode::Linear,
            ResizeCoordinates::Asymmetric,
            [12, 8],
        )
    }),
    any("depth to space", PICTURE, |g, v| {
        g.depth_to_space(v[0], 2, DepthOrder::BlockFirst)
    }),
    any("pixel shuffle", &[&[1, 8, 2, 2]], |g, v| {
        g.depth_to_space(v[0], 2, DepthOrder::ChannelFirst)
    }),
    any("space to depth", PICTURE, |g, v| g.space_to_depth(v[0], 2)),
    any("a value used three times", MATRIX, |g, v| {
        let exp = g.exp(v[0])?;
        let product = g.mul(exp, v[0])?;
        g.add(product, exp)
    }),
];

fn conv(graph: &mut Graph, x: Value, shape: [usize; 4], attributes: Conv) -> Result<Value, Error> {
    let weights = graph.constant("weights", noise(&shape, 1));
    let bias = graph.constant("bias", noise(&shape[..1], 2));
    graph.conv(x, weights, Some(bias), attributes)
}

fn transposed(
    graph: &mut Graph,
    x: Value,
    shape: [usize; 4],
    attributes: ConvTranspose,
) -> Result<Value, Error> {
    let weights = graph.constant("weights", noise(&shape, 1));
    graph.conv_transpose(x, weights, None, attributes)
}

fn gather(graph: &mut Graph, x: Value, indices: &[i64], axis: usize) -> Result<Value, Error> {
    let indices = graph.constant("indices", arr1(indices));
    graph.gather(x, indices, axis)
}

fn resize(
    graph: &mut Graph,
    x: Value,
    mode: ResizeMode,
    coordinates: ResizeCoordinates,
    size: [usize; 2],
) -> Result<Value, Error> {
    graph.resize(x, mode, coordinates, size)
}

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

/// Compares the gradient of `Σ cotangent · y` with central differences, before and after simplification.
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
