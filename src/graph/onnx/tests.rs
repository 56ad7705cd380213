//! Files that are as they should be, and files that are not.

use ndarray::{arr1, arr2};
use proptest::prelude::*;
use prost::Message;

use super::super::operator::{Conv, DepthOrder, Op, PadMode, Pool, ResizeCoordinates, ResizeMode};
use super::super::tensor::{DataType, TensorType};
use super::super::{Error, Graph, Value};
use super::proto::{
    AttributeProto, DimensionProto, DimensionValue, ModelProto, NodeProto, TensorProto,
    attribute_type,
};

/// Every kind of operand that is written in its own way.
fn varied() -> Graph {
    let build = || -> Result<Graph, Error> {
        let mut graph = Graph::new("varied");
        let x = graph.input("x", &[1, 4, 6, 6])?;
        let rows = graph.typed_input(
            "rows",
            TensorType {
                data_type: DataType::I64,
                shape: vec![2],
            },
        )?;
        let weights = graph.constant("weights", ndarray::Array4::<f32>::ones((8, 2, 3, 3)));
        let y = graph.conv(
            x,
            weights,
            None,
            Conv {
                groups: 2,
                ..Conv::padded(1)
            },
        )?;
        let y = graph.depth_to_space(y, 2, DepthOrder::ChannelFirst)?;
        let y = graph.space_to_depth(y, 3)?;
        let y = graph.clip(y, f32::NEG_INFINITY, 6.0)?;
        let y = graph.max_pool(y, Pool::tiles(2))?;
        let y = graph.average_pool(
            y,
            Pool {
                kernel: [3; 2],
                strides: [1; 2],
                pads: [1; 4],
            },
        )?;
        let y = graph.resize(
            y,
            ResizeMode::Linear,
            ResizeCoordinates::AlignCorners,
            [5, 7],
        )?;
        let y = graph.pad(y, &[0, 0, 1, 2], &[0, 1, 0, 0], PadMode::Constant(0.5))?;
        let y = graph.pad(y, &[0, 0, 1, 0], &[0, 0, 0, 0], PadMode::Reflect)?;
        let y = graph.reduce_mean(y, &[0, 3], false)?;
        let y = graph.transpose(y, &[1, 0])?;
        let y = graph.gather(y, rows, 0)?;
        let parts = graph.split(y, 1, &[9, 10])?;
        let y = graph.concat(&[parts[1], parts[0]], 1)?;
        let y = graph.slice_axis(y, 1, 3, 8)?;
        let y = graph.leaky_relu(y, 0.2)?;
        let zero = graph.scalar(0.0);
        let positive = graph.greater(y, zero)?;
        let y = graph.select(positive, y, zero)?;
        let y = graph.expand(y, &[3, 2, 5])?;
        let number = graph.cast(positive, DataType::F32)?;
        graph.output("y", y)?;
        graph.output("mask", positive)?;
        graph.output("number", number)?;
        graph.output("x_again", x)?;
        Ok(graph)
    };
    build().unwrap()
}

fn model(graph: &Graph) -> ModelProto {
    ModelProto::decode(graph.to_onnx_bytes().unwrap().as_slice()).unwrap()
}

fn small() -> Graph {
    let mut graph = Graph::new("small");
    let x = graph.input("x", &[2, 2]).unwrap();
    let weights = graph.constant("weights", arr2(&[[1.0_f32, 2.0], [3.0, 4.0]]));
    let y = graph.matmul(x, weights).unwrap();
    let y = graph.relu(y).unwrap();
    graph.output("y", y).unwrap();
    graph
}

/// What reading says about the small model after a change to its file.
fn refusal(change: impl FnOnce(&mut ModelProto)) -> String {
    let mut model = model(&small());
    change(&mut model);
    Graph::from_onnx_bytes(&model.encode_to_vec())
        .unwrap_err()
        .to_string()
}

fn first_node(model: &mut ModelProto) -> &mut NodeProto {
    &mut model.graph.as_mut().unwrap().node[0]
}

fn first_tensor(model: &mut ModelProto) -> &mut TensorProto {
    &mut model.graph.as_mut().unwrap().initializer[0]
}

#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let graph = varied();
    let bytes = graph.to_onnx_bytes().unwrap();
    let read = Graph::from_onnx_bytes(&bytes).unwrap();
    let operators =
        |graph: &Graph| -> Vec<Op> { graph.nodes().iter().map(|node| node.op.clone()).collect() };
    let mut expected = operators(&graph);
    // The input that is an output too gets a node of its own.
    expected.push(Op::Unary(super::super::Unary::Identity));
    assert_eq!(operators(&read), expected);
    for (name, value) in graph.outputs() {
        assert_eq!(
            read.tensor_type(read.output_named(name).unwrap()),
            graph.tensor_type(*value)
        );
    }
    let weights = |graph: &Graph| graph.constant_tensor(graph.nodes()[0].inputs[1]).cloned();
    assert_eq!(weights(&read), weights(&graph));
    // And once more: nothing is lost or added by the second trip.
    let again = Graph::from_onnx_bytes(&read.to_onnx_bytes().unwrap()).unwrap();
    assert_eq!(operators(&again), operators(&read));
}

#[test]
fn tensors_may_be_lists_and_operators_older() {
    let mut model = model(&small());
    let tensor = first_tensor(&mut model);
    tensor.raw_data.clear();
    tensor.float_data = vec![1.0, 2.0, 3.0, 4.0];
    model.opset_import[0].version = 11;
    // Before version 13 the axes of a sum were an attribute.
    let integers = |name: &str, ints: Vec<i64>| AttributeProto {
        name: name.into(),
        ints,
        r#type: attribute_type::INTS,
        ..AttributeProto::default()
    };
    let node = &mut model.graph.as_mut().unwrap().node[1];
    node.op_type = "ReduceSum".into();
    node.attribute = vec![integers("axes", vec![-1])];
    let graph = Graph::from_onnx_bytes(&model.encode_to_vec()).unwrap();
    assert_eq!(graph.shape(graph.output_named("y").unwrap()), [2, 1]);
    assert_eq!(model.graph.unwrap().initializer[0].float_data.len(), 4);
}

/// Exporters compute target shapes from the operand's shape, with nodes.
#[test]
fn shapes_computed_from_shapes_are_known() {
    let node =
        |op_type: &str, input: &[&str], output: &str, attribute: Vec<AttributeProto>| NodeProto {
            op_type: op_type.into(),
            input: input.iter().map(ToString::to_string).collect(),
            output: vec![output.into()],
            attribute,
            ..NodeProto::default()
        };
    let axis = AttributeProto {
        name: "axis".into(),
        r#type: attribute_type::INT,
        ..AttributeProto::default()
    };
    let mut model = model(&small());
    let graph = model.graph.as_mut().unwrap();
    let index = TensorProto {
        dims: vec![1],
        data_type: 7,
        int64_data: vec![-1],
        name: "last".into(),
        ..TensorProto::default()
    };
    graph.initializer.push(index);
    graph.node = vec![
        node("Shape", &["x"], "shape", vec![]),
        node("Gather", &["shape", "last"], "columns", vec![axis.clone()]),
        node("Mul", &["columns", "columns"], "squared", vec![]),
        node("Concat", &["squared", "last"], "target", vec![axis]),
        node("Reshape", &["x", "target"], "y", vec![]),
    ];
    let read = Graph::from_onnx_bytes(&model.encode_to_vec()).unwrap();
    assert_eq!(read.shape(read.output_named("y").unwrap()), [4, 1]);
}

#[test]
fn composed_operators_become_ours() {
    let mut model = model(&small());
    let flag = AttributeProto {
        name: "transB".into(),
        i: 1,
        r#type: attribute_type::INT,
        ..AttributeProto::default()
    };
    first_node(&mut model).op_type = "Gemm".into();
    first_node(&mut model).attribute.push(flag);
    let graph = Graph::from_onnx_bytes(&model.encode_to_vec()).unwrap();
    let names: Vec<_> = graph.nodes().iter().map(|node| node.op.name()).collect();
    assert_eq!(names, ["Transpose", "MatMul", "Relu"]);
}

#[test]
fn open_dimensions_need_a_number() {
    let mut model = model(&small());
    let input = &mut model.graph.as_mut().unwrap().input[0];
    let shape = input
        .r#type
        .as_mut()
        .unwrap()
        .tensor_type
        .as_mut()
        .unwrap()
        .shape
        .as_mut()
        .unwrap();
    shape.dim[0] = DimensionProto {
        value: Some(DimensionValue::Name("batch".into())),
    };
    let bytes = model.encode_to_vec();
    assert_says(
        &Graph::from_onnx_bytes(&bytes).unwrap_err().to_string(),
        &["\"batch\"", "\"x\""],
    );
    let graph = Graph::from_onnx_bytes_with_dimensions(&bytes, &[("batch", 7)]).unwrap();
    assert_eq!(graph.shape(graph.inputs()[0]), [7, 2]);
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    assert_says(
        &refusal(|model| first_node(model).op_type = "LSTM".into()),
        &["LSTM", "not supported"],
    );
    assert_says(
        &refusal(|model| first_node(model).op_type = "Loop".into()),
        &["Loop", "control flow"],
    );
    assert_says(
        &refusal(|model| first_node(model).domain = "com.example".into()),
        &["com.example"],
    );
    assert_says(
        &refusal(|model| model.functions.push(vec![])),
        &["functions"],
    );
    assert_says(
        &refusal(|model| model.opset_import[0].version = 9),
        &["version 9", "11 to 21"],
    );
    assert_says(&refusal(|model| model.opset_import.clear()), &["version"]);
    assert_says(
        &refusal(|model| first_tensor(model).data_location = 1),
        &["weights", "another file"],
    );
    assert_says(
        &refusal(|model| first_tensor(model).data_type = 10),
        &["weights", "element type 10"],
    );
    let unknown = AttributeProto {
        name: "mystery".into(),
        r#type: attribute_type::INT,
        ..AttributeProto::default()
    };
    assert_says(
        &refusal(|model| first_node(model).attribute.push(unknown)),
        &["mystery", "MatMul"],
    );
}

#[test]
fn damaged_models_are_refused_by_name() {
    assert_says(&refusal(|model| model.graph = None), &["no graph"]);
    assert_says(
        &refusal(|model| first_node(model).input[0] = "nobody".into()),
        &["nobody", "cycle"],
    );
    assert_says(
        &refusal(|model| first_node(model).input[0] = "y".into()),
        &["\"y\"", "cycle"],
    );
    assert_says(
        &refusal(|model| first_node(model).output[0] = "x".into()),
        &["two of its values", "\"x\""],
    );
    assert_says(
        &refusal(|model| first_node(model).output[0] = "z".into()),
        &["before any node yields it"],
    );
    assert_says(
        &refusal(|model| model.graph.as_mut().unwrap().output[0].name = "z".into()),
        &["\"z\""],
    );
    assert_says(
        &refusal(|model| first_tensor(model).raw_data.truncate(15)),
        &["weights", "cut off"],
    );
    assert_says(
        &refusal(|model| first_tensor(model).dims = vec![2, -2]),
        &["weights", "impossible shape"],
    );
    assert_says(
        &refusal(|model| first_tensor(model).dims = vec![i64::MAX, i64::MAX]),
        &["impossible shape"],
    );
    assert_says(
        &refusal(|model| first_tensor(model).dims = vec![1 << 40]),
        &["impossible shape"],
    );
    assert_says(
        &refusal(|model| first_tensor(model).dims = vec![1; 100]),
        &["100 axes"],
    );
    assert_says(
        &refusal(|model| first_tensor(model).dims = vec![4, 1]),
        &["MatMul_0", "f32[4, 1]"],
    );
}

#[test]
fn absurd_sizes_are_refused_before_anything_is_allocated() {
    let message = refusal(|model| {
        let input = &mut model.graph.as_mut().unwrap().input[0];
        let shape = input
            .r#type
            .as_mut()
            .unwrap()
            .tensor_type
            .as_mut()
            .unwrap()
            .shape
            .as_mut()
            .unwrap();
        for dim in &mut shape.dim {
            dim.value = Some(DimensionValue::Number(1 << 40));
        }
    });
    assert_says(&message, &["\"x\"", "elements"]);
    // Two bytes a node: a decoder would need a hundred times as much.
    let nodes = [0x0a, 0x00].repeat(2 << 20);
    let mut bytes = vec![0x3a];
    prost::encoding::encode_varint(nodes.len() as u64, &mut bytes);
    bytes.extend(nodes);
    assert_says(
        &Graph::from_onnx_bytes(&bytes).unwrap_err().to_string(),
        &["more than"],
    );
}

#[test]
fn empty_tensors_may_not_hide_absurd_extents() {
    let message = refusal(|model| {
        let tensor = first_tensor(model);
        tensor.dims = vec![0, 1 << 30, 1 << 30];
        tensor.raw_data.clear();
    });
    assert_says(&message, &["impossible shape"]);
}

/// A model that applies a node to `x` of shape [1] and the constant `list` of integers `count` times.
fn repeated(list: Vec<i64>, count: usize, node: impl Fn(NodeProto) -> NodeProto) -> ModelProto {
    let mut file = model(&small());
    set_extent_of_x(&mut file, 1);
    let graph = file.graph.as_mut().unwrap();
    graph.initializer.push(TensorProto {
        name: "list".into(),
        dims: vec![list.len() as i64],
        data_type: super::proto::data_type::INT64,
        int64_data: list,
        ..TensorProto::default()
    });
    graph.node = (0..count)
        .map(|index| {
            node(NodeProto {
                input: vec!["x".into(), "list".into()],
                output: vec![format!("result_{index}")],
                name: format!("node_{index}"),
                ..NodeProto::default()
            })
        })
        .collect();
    graph.output[0].name = "result_0".into();
    file
}

fn set_extent_of_x(file: &mut ModelProto, extent: i64) {
    let input = &mut file.graph.as_mut().unwrap().input[0];
    let tensor = input.r#type.as_mut().unwrap().tensor_type.as_mut();
    tensor.unwrap().shape.as_mut().unwrap().dim = vec![DimensionProto {
        value: Some(DimensionValue::Number(extent)),
    }];
}

fn refused(file: &ModelProto) -> String {
    let result = Graph::from_onnx_bytes(&file.encode_to_vec());
    result.unwrap_err().to_string()
}

#[test]
fn many_nodes_may_not_multiply_one_long_list() {
    let op = |op_type: &'static str| {
        move |node| NodeProto {
            op_type: op_type.into(),
            ..node
        }
    };
    let axes = repeated(vec![0; 1 << 16], 1000, op("Squeeze"));
    assert_says(&refused(&axes), &["more shapes, axes and indices"]);
    let axes_of_result = repeated(vec![1; 1 << 16], 1, op("Reshape"));
    assert_says(&refused(&axes_of_result), &["8 axes"]);
    let indices = repeated(vec![-1; 1 << 16], 1000, op("Gather"));
    assert_says(&refused(&indices), &["more shapes, axes and indices"]);
    // Every node would hold 4096 integers of its own.
    let folded = repeated(vec![4096], 2000, |node| NodeProto {
        op_type: "Expand".into(),
        input: vec!["list".into(), "list".into()],
        ..node
    });
    assert_says(&refused(&folded), &["more shapes, axes and indices"]);
}

#[test]
fn a_node_may_not_claim_a_billion_results_or_attributes() {
    let mut split = repeated(vec![1], 1, |node| NodeProto {
        op_type: "Split".into(),
        input: vec!["x".into()],
        attribute: vec![AttributeProto {
            name: "num_outputs".into(),
            i: 1 << 29,
            r#type: attribute_type::INT,
            ..AttributeProto::default()
        }],
        ..node
    });
    set_extent_of_x(&mut split, 1 << 30);
    assert_says(&refused(&split), &["into which parts"]);
    let parts = repeated(vec![0; 1000], 1, |node| NodeProto {
        op_type: "Split".into(),
        ..node
    });
    assert_says(&refused(&parts), &["1000 parts and names 1 results"]);

    let attributes = repeated(vec![1], 1, |node| NodeProto {
        op_type: "Relu".into(),
        attribute: (0..100_000)
            .map(|index| AttributeProto {
                name: index.to_string(),
                ..AttributeProto::default()
            })
            .collect(),
        ..node
    });
    assert_says(&refused(&attributes), &["100000 attributes"]);
}

#[test]
fn duplicate_names_are_refused_when_a_graph_is_built() {
    let mut graph = small();
    let expected = |name: &str| {
        Err(Error::DuplicateName {
            graph: "small".into(),
            name: name.into(),
        })
    };
    assert_eq!(graph.input("x", &[1]), expected("x"));
    let x: Value = graph.inputs()[0];
    assert_eq!(graph.output("y", x).map(|()| x), expected("y"));
    graph.clear_outputs();
    assert_eq!(graph.output("y", x), Ok(()));
}

#[test]
fn names_of_constants_need_not_be_unique() {
    let mut graph = Graph::new("names");
    let x = graph.input("weights", &[2]).unwrap();
    let (a, b) = (
        graph.constant("weights", arr1(&[1.0_f32, 2.0])),
        graph.constant("weights", arr1(&[3.0_f32, 4.0])),
    );
    let y = graph.add(x, a).unwrap();
    let y = graph.add(y, b).unwrap();
    graph.output("weights_1", y).unwrap();
    let read = Graph::from_onnx_bytes(&graph.to_onnx_bytes().unwrap()).unwrap();
    let constant = |graph: &Graph, node: usize| {
        graph
            .constant_tensor(graph.nodes()[node].inputs[1])
            .cloned()
    };
    assert_eq!(
        (constant(&read, 0), constant(&read, 1)),
        (constant(&graph, 0), constant(&graph, 1))
    );
}

#[test]
fn every_truncation_is_refused() {
    let bytes = varied().to_onnx_bytes().unwrap();
    for length in 0..bytes.len() {
        assert!(
            Graph::from_onnx_bytes(&bytes[..length]).is_err(),
            "the first {length} bytes were read"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is in the file, reading ends with a graph or an error.
    #[test]
    fn damaged_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = varied().to_onnx_bytes().unwrap();
        for (position, byte) in changes {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }
        if let Ok(mut graph) = Graph::from_onnx_bytes(&bytes) {
            graph.simplify().unwrap();
        }
    }

    #[test]
    fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        prop_assert!(Graph::from_onnx_bytes(&bytes).is_err());
    }
}
