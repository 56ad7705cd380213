use std::path::Path;

use ndarray::{ArrayD, IxDyn, arr1};
use proptest::prelude::*;

use super::*;

type Attributes<'a> = &'a [(&'a str, &'a str)];

/// Kind, attributes, indices of the layers read from, shapes of the results.
type Described<'a> = (&'a str, Attributes<'a>, &'a [usize], &'a [&'a [usize]]);

fn model(layers: &[Described]) -> Model {
    let layers = layers
        .iter()
        .map(|(kind, attributes, operands, results)| Layer {
            name: format!("the {kind}"),
            kind: (*kind).to_owned(),
            attributes: attributes
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            operands: operands
                .iter()
                .map(|layer| Operand {
                    layer: *layer,
                    result: 0,
                })
                .collect(),
            results: results.iter().map(|shape| shape.to_vec()).collect(),
            constant: (*kind == "Const").then(|| Constant::F32(ArrayD::ones(IxDyn(results[0])))),
        });
    Model {
        name: "test".into(),
        layers: layers.collect(),
    }
}

/// Converts a model of one parameter of the shape `input`.
fn converted(model: &Model, input: &[usize]) -> Result<(Graph, Vec<Value>), Error> {
    let mut graph = Graph::new("test");
    let x = graph.input("x", input).unwrap();
    let results = append(&mut graph, model, &[x])?;
    Ok((graph, results))
}

fn operations(graph: &Graph) -> Vec<&'static str> {
    graph.nodes().iter().map(|node| node.op.name()).collect()
}

const CONV: [(&str, &str); 4] = [
    ("strides", "2, 1"),
    ("pads_begin", "0, 1"),
    ("pads_end", "2, 3"),
    ("dilations", "1, 1"),
];

#[test]
fn layers_that_compute_shapes_vanish() {
    let model = model(&[
        ("Parameter", &[], &[], &[&[1, 6]]),
        ("ShapeOf", &[], &[0], &[&[2]]),
        ("Gather", &[("batch_dims", "0")], &[1, 1, 1], &[&[]]),
        ("Reshape", &[], &[0, 2], &[&[2, 3]]),
        ("Reshape", &[], &[3, 2], &[&[2, 3]]),
        ("Result", &[], &[4], &[]),
    ]);
    let (graph, results) = converted(&model, &[1, 6]).unwrap();
    assert_eq!(operations(&graph), ["Reshape"]);
    assert_eq!(graph.shape(results[0]), [2, 3]);
}

#[test]
fn weights_of_groups_lose_an_axis() {
    let model = model(&[
        ("Parameter", &[], &[], &[&[1, 4, 8, 8]]),
        ("Const", &[], &[], &[&[2, 3, 2, 3, 3]]),
        ("GroupConvolution", &CONV, &[0, 1], &[&[1, 6, 4, 10]]),
        ("Const", &[], &[], &[&[6, 1, 2, 2, 1]]),
        (
            "GroupConvolutionBackpropData",
            &CONV,
            &[2, 3],
            &[&[1, 12, 6, 6]],
        ),
        ("Result", &[], &[4], &[]),
    ]);
    let (graph, _) = converted(&model, &[1, 4, 8, 8]).unwrap();
    assert_eq!(operations(&graph), ["Conv", "ConvTranspose"]);
    assert_eq!(graph.shape(graph.nodes()[0].inputs[1]), [6, 2, 3, 3]);
    assert_eq!(graph.shape(graph.nodes()[1].inputs[1]), [6, 2, 2, 1]);
    let graph::Op::Conv(conv) = &graph.nodes()[0].op else {
        panic!("{:?}", graph.nodes()[0])
    };
    assert_eq!(
        (conv.groups, conv.strides, conv.pads),
        (2, [2, 1], [0, 1, 2, 3])
    );
}

#[test]
fn slopes_run_along_the_channels() {
    let with_slopes = |slopes: &'static [usize]| {
        let model = model(&[
            ("Parameter", &[], &[], &[&[1, 4, 8, 8]]),
            ("Const", &[], &[], &[slopes]),
            ("PReLU", &[], &[0, 1], &[&[1, 4, 8, 8]]),
            ("Result", &[], &[2], &[]),
        ]);
        let (graph, _) = converted(&model, &[1, 4, 8, 8]).unwrap();
        graph.shape(graph.nodes()[0].inputs[1]).to_vec()
    };
    assert_eq!(with_slopes(&[4]), [4, 1, 1]);
    assert_eq!(with_slopes(&[1]), [1]);
}

#[test]
fn constant_matrices_are_transposed_at_once() {
    let flags = [("transpose_a", "false"), ("transpose_b", "true")];
    let model = model(&[
        ("Parameter", &[], &[], &[&[1, 6]]),
        ("Const", &[], &[], &[&[2, 6]]),
        ("MatMul", &flags, &[0, 1], &[&[1, 2]]),
        ("Result", &[], &[2], &[]),
    ]);
    let (graph, _) = converted(&model, &[1, 6]).unwrap();
    assert_eq!(operations(&graph), ["MatMul"]);
    assert_eq!(graph.shape(graph.nodes()[0].inputs[1]), [6, 2]);
}

#[test]
fn splits_by_the_sizes_of_the_results() {
    let mut model = model(&[
        ("Parameter", &[], &[], &[&[1, 6]]),
        ("Const", &[], &[], &[&[1]]),
        ("VariadicSplit", &[], &[0, 1], &[&[1, 2], &[1, 4]]),
        ("Concat", &[("axis", "-1")], &[2, 2], &[&[1, 6]]),
        ("Result", &[], &[3], &[]),
    ]);
    model.layers[1].constant = Some(Constant::I64(arr1(&[-1]).into_dyn()));
    model.layers[3].operands[0].result = 1;
    let (graph, _) = converted(&model, &[1, 6]).unwrap();
    assert_eq!(operations(&graph), ["Split", "Concat"]);
    let split = &graph.nodes()[0];
    assert_eq!(
        graph.nodes()[1].inputs,
        [split.outputs[1], split.outputs[0]]
    );
}

#[test]
fn says_which_layer_cannot_be_converted() {
    let message = |kind, attributes, shape| {
        let model = model(&[
            ("Parameter", &[], &[], &[&[1, 4]]),
            (kind, attributes, &[0, 0], &[shape]),
            ("Result", &[], &[1], &[]),
        ]);
        converted(&model, &[1, 4]).unwrap_err().to_string()
    };
    let cases: [(&str, Attributes, &[usize], &str); 6] = [
        ("Softmax", &[], &[1, 4], "not supported"),
        ("Add", &[("auto_broadcast", "pdpd")], &[1, 4], "NumPy"),
        ("Add", &[], &[1, 5], "another shape"),
        (
            "MatMul",
            &[("transpose_b", "maybe")],
            &[1, 1],
            "transpose_b",
        ),
        ("ReduceMean", &[], &[1, 1], "constant integers"),
        ("Convolution", &[("strides", "1")], &[1, 1], "pads_begin"),
    ];
    for (kind, attributes, shape, expected) in cases {
        let message = message(kind, attributes, shape);
        assert!(
            message.contains(expected) && message.contains(kind),
            "{message}"
        );
    }
}

#[test]
fn refuses_the_wrong_number_of_arguments() {
    let model = model(&[("Result", &[], &[], &[])]);
    assert!(matches!(
        converted(&model, &[1]),
        Err(Error::OtherNetwork { .. })
    ));
}

/// A generator of random weights, written by OpenVINO.
const XML: &[u8] = include_bytes!("../../../../tests/fixtures/generator.xml");
const BIN: &[u8] = include_bytes!("../../../../tests/fixtures/generator.bin");

#[test]
fn converts_what_openvino_wrote() {
    let model = Model::parse(Path::new("generator.xml"), XML, BIN).unwrap();
    let (graph, results) = converted(&model, &[1, 6]).unwrap();
    assert_eq!(graph.shape(results[0]), [1, 3, 8, 8]);
    assert!(!operations(&graph).contains(&"Gather"));
}

proptest! {
    #[test]
    fn never_panics_on_a_damaged_description(
        damage in prop::collection::vec((any::<prop::sample::Index>(), b'0'..=b'9'), 1..6)
    ) {
        let mut xml = XML.to_vec();
        let digits: Vec<usize> = (0..xml.len()).filter(|at| xml[*at].is_ascii_digit()).collect();
        for (at, digit) in damage {
            xml[digits[at.index(digits.len())]] = digit;
        }
        if let Ok(model) = Model::parse(Path::new("generator.xml"), &xml, BIN) {
            _ = converted(&model, &[1, 6]);
        }
    }
}
