//! Operands that do not fit are refused, and the message names the node, the operands and the reason.

use super::super::operator::{Conv, ConvTranspose, DepthOrder, PadMode, Pool, SliceRange};
use super::super::tensor::DataType;
use super::super::{Error, Graph, Value};

type Build = fn(&mut Graph, Value) -> Result<Value, Error>;

/// What is built from `x [1, 4, 6, 6]`, and words of the refusal.
const REFUSED: &[(&[&str], Build)] = &[
    (
        &["Add_0", "f32[1, 4, 6, 6]", "f32[5]", "6 and 5"],
        |g, x| {
            let five = g.constant("five", ndarray::Array1::<f32>::zeros(5));
            g.add(x, five)
        },
    ),
    (&["Add_0", "element types differ"], |g, x| {
        let index = g.constant("index", ndarray::arr1(&[1_i64]));
        g.add(x, index)
    }),
    (&["Not_0", "must be bool"], |g, x| g.not(x)),
    (&["Where_0", "condition must be bool"], |g, x| {
        g.select(x, x, x)
    }),
    (&["Sqrt_1", "must be f32"], |g, x| {
        let truth = g.greater(x, x)?;
        g.sqrt(truth)
    }),
    (&["Less_1", "no order"], |g, x| {
        let truth = g.greater(x, x)?;
        g.less(truth, truth)
    }),
    (&["Clip_0", "not in order"], |g, x| g.clip(x, 1.0, 0.0)),
    (&["Clip_0", "not in order"], |g, x| g.clip(x, f32::NAN, 0.0)),
    (&["PRelu_0", "slope"], |g, x| {
        let slope = g.constant("slope", ndarray::Array4::<f32>::zeros((2, 4, 6, 6)));
        g.prelu(x, slope)
    }),
    (&["MatMul_0", "6 columns meet 4 rows"], |g, x| {
        let matrix = g.constant("matrix", ndarray::Array2::<f32>::zeros((4, 6)));
        g.matmul(x, matrix)
    }),
    (&["Conv_0", "weights for 3 channels"], |g, x| {
        conv(g, x, [8, 3, 3, 3], Conv::default())
    }),
    (&["Conv_0", "window of 7"], |g, x| {
        conv(g, x, [8, 4, 7, 7], Conv::default())
    }),
    (&["Conv_0", "must be at least 1"], |g, x| {
        conv(
            g,
            x,
            [8, 4, 1, 1],
            Conv {
                strides: [0, 1],
                ..Conv::default()
            },
        )
    }),
    (&["Conv_0", "number of groups"], |g, x| {
        conv(
            g,
            x,
            [8, 4, 1, 1],
            Conv {
                groups: 0,
                ..Conv::default()
            },
        )
    }),
    (&["Conv_0", "more than any"], |g, x| {
        conv(g, x, [8, 4, 1, 1], Conv::padded(usize::MAX))
    }),
    (&["ConvTranspose_0", "output padding"], |g, x| {
        let weights = g.constant("weights", ndarray::Array4::<f32>::zeros((4, 1, 2, 2)));
        g.conv_transpose(
            x,
            weights,
            None,
            ConvTranspose {
                output_padding: [1, 0],
                ..ConvTranspose::default()
            },
        )
    }),
    (&["ConvTranspose_0", "nothing is left"], |g, x| {
        let weights = g.constant("weights", ndarray::Array4::<f32>::zeros((4, 1, 2, 2)));
        g.conv_transpose(
            x,
            weights,
            None,
            ConvTranspose {
                conv: Conv::padded(4),
                ..ConvTranspose::default()
            },
        )
    }),
    (&["Reshape_0", "[4, 35]"], |g, x| g.reshape(x, &[4, 35])),
    (&["Reshape_0"], |g, x| {
        g.reshape(x, &[usize::MAX, usize::MAX, 4])
    }),
    (&["Transpose_0", "every axis once"], |g, x| {
        g.transpose(x, &[0, 1, 2, 2])
    }),
    (&["Concat_0", "differ"], |g, x| {
        let other = g.constant("other", ndarray::Array4::<f32>::zeros((1, 4, 5, 6)));
        g.concat(&[x, other], 1)
    }),
    (&["Concat_0", "no axis 4"], |g, x| g.concat(&[x, x], 4)),
    (&["Split_0", "do not add up"], |g, x| {
        g.split(x, 1, &[1, 2]).map(|_| x)
    }),
    (&["Slice_0", "leaves the extent"], |g, x| {
        g.slice_axis(x, 2, 3, 7)
    }),
    (&["Slice_0", "step"], |g, x| {
        g.slice(
            x,
            &[SliceRange {
                start: 0,
                end: 1,
                step: 0,
            }; 4],
        )
    }),
    (&["Gather_0", "must be i64"], |g, x| g.gather(x, x, 0)),
    (&["Expand_0", "cannot be expanded"], |g, x| {
        g.expand(x, &[4, 6, 6])
    }),
    (&["Pad_0", "too few elements"], |g, x| {
        g.pad(x, &[0, 0, 6, 0], &[0; 4], PadMode::Reflect)
    }),
    (&["ReduceMean_0", "ascending"], |g, x| {
        g.reduce_mean(x, &[2, 1], true)
    }),
    (&["MaxPool_0", "pads must be smaller"], |g, x| {
        g.max_pool(
            x,
            Pool {
                kernel: [2; 2],
                strides: [2; 2],
                pads: [2; 4],
            },
        )
    }),
    (&["Resize_1", "four axes"], |g, x| {
        let row = g.reduce_mean(x, &[0], false)?;
        g.upsample_nearest(row, 2)
    }),
    (&["DepthToSpace_0", "not divisible"], |g, x| {
        g.depth_to_space(x, 3, DepthOrder::BlockFirst)
    }),
    (&["SpaceToDepth_0", "not divisible"], |g, x| {
        g.space_to_depth(x, 4)
    }),
    (&["SpaceToDepth_0", "at most"], |g, x| {
        g.space_to_depth(x, usize::MAX)
    }),
    (&["Resize_0", "more than"], |g, x| {
        g.upsample_nearest(x, 1 << 40)
    }),
];

fn conv(graph: &mut Graph, x: Value, shape: [usize; 4], attributes: Conv) -> Result<Value, Error> {
    let weights = graph.constant("weights", ndarray::Array4::<f32>::zeros(shape));
    graph.conv(x, weights, None, attributes)
}

#[test]
fn operands_that_do_not_fit_are_refused_and_named() {
    for (words, build) in REFUSED {
        let mut graph = Graph::new("wrong");
        let x = graph.input("x", &[1, 4, 6, 6]).unwrap();
        let nodes_before = graph.nodes().len();
        let message = match build(&mut graph, x) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{words:?} was accepted"),
        };
        for word in *words {
            assert!(message.contains(word), "{message:?} does not say {word:?}");
        }
        assert!(
            graph.nodes().len() <= nodes_before + 1,
            "a refused node was added"
        );
    }
}

#[test]
fn truth_values_can_be_chosen_between_and_moved() {
    let mut graph = Graph::new("truth");
    let x = graph.input("x", &[2, 3]).unwrap();
    let truth = graph.greater(x, x).unwrap();
    let chosen = graph.select(truth, truth, truth).unwrap();
    let turned = graph.transpose(chosen, &[1, 0]).unwrap();
    assert_eq!(
        (graph.data_type(turned), graph.shape(turned)),
        (DataType::Bool, [3, 2].as_slice())
    );
}
