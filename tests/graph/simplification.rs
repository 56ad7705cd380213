//! Simplification makes graphs smaller and keeps what they compute.

use jawline::graph::{
    Conv, ConvTranspose, DataType, DepthOrder, Error, Graph, PadMode, SliceRange, Value,
};
use ndarray::{Array4, ArrayD, arr1};

use super::gradients::check_gradients;
use super::harness::{Domain, Network, inputs, noise, relative_difference};

/// Rounding of folded constants and reordered sums.
const TOLERANCE: f32 = 1e-5;

/// A graph over `x [1, 4, 6, 6]`, and the operators that are left of it.
struct Case {
    name: &'static str,
    build: fn(&mut Graph, Value) -> Result<Value, Error>,
    left: &'static [&'static str],
}

const fn case(
    name: &'static str,
    left: &'static [&'static str],
    build: fn(&mut Graph, Value) -> Result<Value, Error>,
) -> Case {
    Case { name, build, left }
}

const CASES: &[Case] = &[
    case("identity", &[], |g, x| g.identity(x)),
    case("double negation", &["Exp"], |g, x| {
        let y = g.neg(x)?;
        let y = g.neg(y)?;
        g.exp(y)
    }),
    case("cast to the same type", &["Exp"], |g, x| {
        let y = g.cast(x, DataType::F32)?;
        g.exp(y)
    }),
    case("neutral numbers", &["Exp"], |g, x| {
        let (zero, one) = (g.scalar(0.0), g.scalar(1.0));
        let y = g.add(zero, x)?;
        let y = g.mul(y, one)?;
        let y = g.sub(y, zero)?;
        let y = g.div(y, one)?;
        let y = g.pow(y, one)?;
        g.exp(y)
    }),
    case(
        "a zero that broadcasts is no neutral element",
        &["Add"],
        |g, x| {
            let zeros = g.constant("zeros", ArrayD::<f32>::zeros(vec![2, 1, 1, 1]));
            g.add(x, zeros)
        },
    ),
    case("constants are computed", &["Add"], |g, x| {
        let a = g.constant("a", noise(&[6, 6], 1));
        let b = g.transpose(a, &[1, 0])?;
        let c = g.matmul(a, b)?;
        let d = g.slice_axis(c, 0, 2, 3)?;
        let e = g.abs(d)?;
        let e = g.sqrt(e)?;
        let f = g.concat(&[d, e], 0)?;
        let indices = g.constant("indices", arr1(&[0_i64, 1, 1, 0, 0, 1]));
        let f = g.gather(f, indices, 0)?;
        let f = g.clip(f, -0.1, 0.4)?;
        g.add(x, f)
    }),
    case("chains of constants", &["Add", "Mul"], |g, x| {
        let y = g.scale(x, 2.0)?;
        let y = g.scale(y, 3.0)?;
        let (a, b) = (g.constant("a", noise(&[6, 6], 1)), g.scalar(1.5));
        let y = g.add(y, a)?;
        g.add(b, y)
    }),
    case("reshapes in a row", &["Reshape"], |g, x| {
        let y = g.reshape(x, &[4, 36])?;
        let y = g.reshape(y, &[36, 4])?;
        g.reshape(y, &[1, 2, 72])
    }),
    case("reshapes back", &["Exp"], |g, x| {
        let y = g.reshape(x, &[4, 36])?;
        let y = g.reshape(y, &[1, 4, 6, 6])?;
        g.exp(y)
    }),
    case("transpositions that undo each other", &["Exp"], |g, x| {
        let y = g.transpose(x, &[0, 2, 3, 1])?;
        let y = g.transpose(y, &[0, 3, 1, 2])?;
        g.exp(y)
    }),
    case("a split joined again", &["Exp"], |g, x| {
        let parts = g.split(x, 1, &[1, 3])?;
        let y = g.concat(&parts, 1)?;
        g.exp(y)
    }),
    case(
        "parts joined and split again",
        &["Exp", "Sub", "Tanh"],
        |g, x| {
            let (a, b) = (g.exp(x)?, g.tanh(x)?);
            let joined = g.concat(&[a, b], 1)?;
            let parts = g.split(joined, 1, &[4, 4])?;
            g.sub(parts[0], parts[1])
        },
    ),
    case(
        "parts in another order stay",
        &["Concat", "Split"],
        |g, x| {
            let parts = g.split(x, 1, &[1, 3])?;
            g.concat(&[parts[1], parts[0]], 1)
        },
    ),
    case("whole slices and empty pads", &["Exp"], |g, x| {
        let y = g.slice_axis(x, 2, 0, 6)?;
        let y = g.pad(y, &[0; 4], &[0; 4], PadMode::Constant(1.0))?;
        g.exp(y)
    }),
    case("equal nodes are one", &["Add", "Exp"], |g, x| {
        let (a, b) = (g.exp(x)?, g.exp(x)?);
        g.add(a, b)
    }),
    case(
        "nodes with other attributes are not equal",
        &["Add", "Clip", "Clip"],
        |g, x| {
            let (a, b) = (g.clip(x, -1.0, 0.5)?, g.clip(x, -0.5, 1.0)?);
            g.add(a, b)
        },
    ),
    case("squares", &["Mul"], |g, x| {
        let two = g.scalar(2.0);
        g.pow(x, two)
    }),
    case("one slope for all channels", &["LeakyRelu"], |g, x| {
        let slope = g.constant("slope", ArrayD::from_elem(vec![4, 1, 1], 0.2_f32));
        g.prelu(x, slope)
    }),
    case(
        "expanded only to fit",
        &["Mul", "Mul", "ReduceMean"],
        |g, x| {
            let mean = g.reduce_mean(x, &[1], true)?;
            let full = g.expand(mean, &[1, 4, 6, 6])?;
            let double = g.scale(full, 2.0)?;
            g.mul(double, x)
        },
    ),
    case(
        "factor and summand behind a convolution",
        &["Conv"],
        |g, x| {
            let (weights, bias) = (
                g.constant("w", noise(&[5, 4, 3, 3], 1)),
                g.constant("b", noise(&[5], 2)),
            );
            let y = g.conv(x, weights, Some(bias), Conv::padded(1))?;
            let (factor, summand) = (
                g.constant("f", noise(&[5, 1, 1], 3)),
                g.constant("s", noise(&[1, 5, 1, 1], 4)),
            );
            let y = g.mul(factor, y)?;
            let y = g.add(y, summand)?;
            g.scale(y, 0.5)
        },
    ),
    case(
        "a bias behind a larger constant",
        &["Add", "Conv"],
        |g, x| {
            let weights = g.constant("w", noise(&[5, 4, 1, 1], 1));
            let y = g.conv(x, weights, None, Conv::default())?;
            let (picture, bias) = (
                g.constant("p", noise(&[1, 1, 6, 6], 2)),
                g.constant("b", noise(&[1, 5, 1, 1], 3)),
            );
            let y = g.add(y, picture)?;
            g.add(y, bias)
        },
    ),
    case("factor before a grouped convolution", &["Conv"], |g, x| {
        let factor = g.constant("f", noise(&[1, 4, 1, 1], 3));
        let y = g.mul(x, factor)?;
        let weights = g.constant("w", noise(&[6, 2, 3, 3], 1));
        g.conv(
            y,
            weights,
            None,
            Conv {
                groups: 2,
                ..Conv::padded(1)
            },
        )
    }),
    case(
        "summand before a padded convolution stays",
        &["Add", "Conv"],
        |g, x| {
            let summand = g.constant("s", noise(&[1, 4, 1, 1], 3));
            let y = g.add(x, summand)?;
            let weights = g.constant("w", noise(&[2, 4, 3, 3], 1));
            g.conv(y, weights, None, Conv::padded(1))
        },
    ),
    case(
        "factor and difference behind a transposed convolution",
        &["ConvTranspose"],
        |g, x| {
            let weights = g.constant("w", noise(&[4, 3, 2, 2], 1));
            let conv = Conv {
                strides: [2; 2],
                groups: 2,
                ..Conv::default()
            };
            let y = g.conv_transpose(
                x,
                weights,
                None,
                ConvTranspose {
                    conv,
                    output_padding: [0; 2],
                },
            )?;
            let (factor, difference) = (
                g.constant("f", noise(&[6, 1, 1], 3)),
                g.constant("s", noise(&[6, 1, 1], 4)),
            );
            let y = g.mul(y, factor)?;
            g.sub(y, difference)
        },
    ),
    case(
        "a convolution used twice keeps its weights",
        &["Add", "Conv", "Mul"],
        |g, x| {
            let weights = g.constant("w", noise(&[4, 4, 1, 1], 1));
            let y = g.conv(x, weights, None, Conv::default())?;
            let factor = g.constant("f", noise(&[4, 1, 1], 3));
            let scaled = g.mul(y, factor)?;
            g.add(scaled, y)
        },
    ),
    case("a wavelet synthesis", &["ConvTranspose"], |g, x| {
        inverse_haar(g, x, 1)
    }),
    case(
        "two scales of wavelets",
        &["Conv", "ConvTranspose", "Mul", "ConvTranspose"],
        |g, x| {
            let parts = g.constant("parts", noise(&[4, 4, 1, 1], 1));
            let y = g.conv(x, parts, None, Conv::default())?;
            let y = inverse_haar(g, y, 1)?;
            // Four sub-bands again, from one channel.
            let spread = g.constant("spread", noise(&[1, 4, 1, 1], 2));
            let y = g.mul(y, spread)?;
            inverse_haar(g, y, 1)
        },
    ),
];

/// Sub-bands `[1, 4c, h, w]` to `[1, c, 2h, 2w]`, step by step, as PyTorch's wavelet modules are
/// exported: the first `c` channels are the low-pass band, the others three bands for each channel.
fn inverse_haar(graph: &mut Graph, x: Value, channels: usize) -> Result<Value, Error> {
    let &[_, _, height, width] = graph.shape(x) else {
        panic!("a picture is needed")
    };
    let along = |graph: &mut Graph, x: Value, axis: usize, sign: f32| {
        let (kernel, strides) = if axis == 2 {
            ((2, 1), [2, 1])
        } else {
            ((1, 2), [1, 2])
        };
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let weights =
            Array4::from_shape_fn((channels, 1, kernel.0, kernel.1), |(_, _, row, column)| {
                if row + column == 0 { half } else { sign * half }
            });
        let weights = graph.constant("haar", weights);
        let conv = Conv {
            strides,
            groups: channels,
            ..Conv::default()
        };
        graph.conv_transpose(
            x,
            weights,
            None,
            ConvTranspose {
                conv,
                output_padding: [0; 2],
            },
        )
    };
    let parts = graph.split(x, 1, &[channels, 3 * channels])?;
    let high = graph.reshape(parts[1], &[1, channels, 3, height, width])?;
    let mut bands = vec![parts[0]];
    for band in graph.split(high, 2, &[1, 1, 1])? {
        bands.push(graph.reshape(band, &[1, channels, height, width])?);
    }
    let mut sides = Vec::new();
    for (pair, sign) in bands.chunks(2).zip([1.0, -1.0]) {
        let low = along(graph, pair[0], 2, 1.0)?;
        let high = along(graph, pair[1], 2, -1.0)?;
        let sum = graph.add(low, high)?;
        sides.push(along(graph, sum, 3, sign)?);
    }
    graph.add(sides[0], sides[1])
}

fn operators(graph: &Graph) -> Vec<&'static str> {
    let mut names: Vec<_> = graph.nodes().iter().map(|node| node.op.name()).collect();
    names.sort_unstable();
    names
}

fn check_same_results(name: &str, graph: &Graph, simplified: &Graph) {
    let values = inputs(graph, Domain::Any, 5);
    let expected = Network::load(graph).run(&values);
    let found = Network::load(simplified).run(&values);
    for (key, expected) in &expected {
        let difference = relative_difference(&found[key], expected);
        assert!(
            difference < TOLERANCE,
            "{name}: {key} is off by {difference}"
        );
    }
}

#[test]
fn every_rule_leaves_what_it_should_and_keeps_the_results() {
    for case in CASES {
        let mut graph = Graph::new(case.name);
        let x = graph.input("x", &[1, 4, 6, 6]).unwrap();
        let y = (case.build)(&mut graph, x).unwrap();
        graph.output("y", y).unwrap();
        let mut simplified = graph.clone();
        simplified.simplify().unwrap();
        let mut left = case.left.to_vec();
        left.sort_unstable();
        assert_eq!(operators(&simplified), left, "{}", case.name);
        check_same_results(case.name, &graph, &simplified);
    }
}

/// One up-sampling block of the distilled generator: modulated, convolved, noise, activation,
/// modulated, inverse wavelets.
fn generator_block() -> Graph {
    let mut graph = Graph::new("block");
    let x = graph.input("x", &[1, 6, 4, 4]).unwrap();
    let style = graph.input("style", &[1, 8]).unwrap();
    let weights = graph.constant("pointwise", noise(&[32, 6, 1, 1], 1));
    let y = graph.conv(x, weights, None, Conv::default()).unwrap();
    let (noise_map, bias) = (
        graph.constant("noise", noise(&[1, 1, 4, 4], 2)),
        graph.constant("bias", noise(&[1, 32, 1, 1], 3)),
    );
    let y = graph.add(y, noise_map).unwrap();
    let y = graph.add(y, bias).unwrap();
    let slope = graph.constant("slope", arr1(&[0.2_f32]));
    let y = graph.prelu(y, slope).unwrap();
    let affine = graph.constant("affine", noise(&[8, 32], 4));
    let s = graph.matmul(style, affine).unwrap();
    let s = graph.reshape(s, &[1, 32, 1, 1]).unwrap();
    let y = graph.mul(s, y).unwrap();
    let y = inverse_haar(&mut graph, y, 8).unwrap();
    graph.output("y", y).unwrap();
    graph
}

#[test]
fn channels_are_put_in_order_in_the_weights_and_not_at_run_time() {
    let graph = generator_block();
    let mut simplified = graph.clone();
    simplified.simplify().unwrap();
    // The only thing reordered while the network runs is the style vector.
    let left = [
        "Add",
        "Conv",
        "ConvTranspose",
        "Gather",
        "LeakyRelu",
        "MatMul",
        "Mul",
        "Reshape",
    ];
    assert_eq!(operators(&simplified), left);
    let gather = simplified
        .nodes()
        .iter()
        .find(|node| node.op.name() == "Gather")
        .unwrap();
    assert_eq!(simplified.shape(gather.outputs[0]), [1, 32, 1, 1]);
    check_same_results("block", &graph, &simplified);
}

#[test]
fn a_simplified_network_can_still_be_differentiated() {
    let mut graph = Graph::new("wavelets");
    let x = graph.input("x", &[1, 8, 3, 3]).unwrap();
    let y = graph.tanh(x).unwrap();
    let y = inverse_haar(&mut graph, y, 2).unwrap();
    let y = graph.sigmoid(y).unwrap();
    graph.output("y", y).unwrap();
    graph.simplify().unwrap();
    assert_eq!(
        operators(&graph),
        ["ConvTranspose", "Gather", "Sigmoid", "Tanh"]
    );
    let values = inputs(&graph, Domain::Any, 5);
    check_gradients("wavelets", &graph, &values);
}

#[test]
fn inputs_and_outputs_stay_even_where_nothing_is_computed() {
    let mut graph = Graph::new("through");
    let x = graph.input("x", &[2]).unwrap();
    graph.input("unused", &[3]).unwrap();
    let number = graph.constant("number", arr1(&[1.0_f32, 2.0]));
    let same = graph.identity(x).unwrap();
    let dead = graph.exp(x).unwrap();
    graph.neg(dead).unwrap();
    for (name, value) in [
        ("again", same),
        ("x_too", x),
        ("constant", number),
        ("constant_too", number),
    ] {
        graph.output(name, value).unwrap();
    }
    graph.simplify().unwrap();
    assert_eq!(graph.nodes().len(), 0);
    assert_eq!(graph.inputs().len(), 2);
    let values = inputs(&graph, Domain::Any, 5);
    let found = Network::load(&graph).run(&values);
    assert_eq!(found["again"], values["x"]);
    assert_eq!(found["x_too"], values["x"]);
    assert_eq!(found["constant_too"], arr1(&[1.0, 2.0]).into_dyn());
}

#[test]
fn cutting_a_network_short_drops_the_rest() {
    let mut graph = Graph::new("long");
    let x = graph.input("x", &[1, 8, 2, 2]).unwrap();
    let early = graph
        .depth_to_space(x, 2, DepthOrder::ChannelFirst)
        .unwrap();
    let range = |end| SliceRange {
        start: 0,
        end,
        step: 1,
    };
    let late = graph
        .slice(early, &[range(1), range(2), range(2), range(2)])
        .unwrap();
    graph.output("late", late).unwrap();
    graph.clear_outputs();
    graph.output("early", early).unwrap();
    graph.simplify().unwrap();
    assert_eq!(operators(&graph), ["DepthToSpace"]);
}
