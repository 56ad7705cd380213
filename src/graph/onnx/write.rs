//! [`Graph`] → ONNX file.

use std::collections::{HashMap, HashSet};

use prost::Message;

use super::super::build::{Graph, Node, Source, Value};
use super::super::error::Error;
use super::super::operator::{
    Conv, DepthOrder, Op, PadMode, Pool, ResizeCoordinates, ResizeMode, Unary,
};
use super::super::tensor::{DataType, Tensor, TensorType};
use super::proto::{
    AttributeProto, DimensionProto, DimensionValue, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
    attribute_type, data_type,
};
use super::{IR_VERSION, OPSET_WRITTEN, refuse};

/// Protocol buffers cannot be longer.
const MAX_BYTES: usize = i32::MAX as usize;

pub(super) fn write(graph: &Graph) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new(graph);
    for node in graph.nodes() {
        writer.node(node);
    }
    let input = graph
        .inputs()
        .iter()
        .map(|&value| writer.value_info(value))
        .collect();
    let output = graph
        .outputs()
        .iter()
        .map(|(name, value)| writer.output(name, *value))
        .collect();
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: env!("CARGO_PKG_NAME").to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET_WRITTEN,
        }],
        graph: Some(GraphProto {
            node: writer.nodes,
            name: graph.name().to_owned(),
            initializer: writer.initializers,
            input,
            output,
            sparse_initializer: Vec::new(),
        }),
        functions: Vec::new(),
    };
    if model.encoded_len() > MAX_BYTES {
        return refuse(format!(
            "graph {:?} would pass 2 GiB as an ONNX file",
            graph.name()
        ));
    }
    Ok(model.encode_to_vec())
}

/// The element type's number in ONNX.
fn onnx_type(data_type: DataType) -> i32 {
    match data_type {
        DataType::F32 => data_type::FLOAT,
        DataType::I64 => data_type::INT64,
        DataType::Bool => data_type::BOOL,
    }
}

struct Writer<'graph> {
    graph: &'graph Graph,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    names: HashMap<Value, String>,
    taken: HashSet<String>,
    /// Operands that only ONNX needs, by content, so that equal ones are written once.
    operands: HashMap<Operand, String>,
}

/// A constant operand that is an attribute in our graph. Numbers as bits, to compare them exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Operand {
    Integers(Vec<i64>),
    Number(u32),
}

impl<'graph> Writer<'graph> {
    fn new(graph: &'graph Graph) -> Self {
        let mut writer = Self {
            graph,
            nodes: Vec::new(),
            initializers: Vec::new(),
            names: HashMap::new(),
            taken: HashSet::new(),
            operands: HashMap::new(),
        };
        for &value in graph.inputs() {
            if let Source::Input(name) = graph.source(value) {
                writer.taken.insert(name.clone());
                writer.names.insert(value, name.clone());
            }
        }
        for (name, value) in graph.outputs() {
            writer.taken.insert(name.clone());
            if graph.producer(*value).is_some() {
                writer.names.entry(*value).or_insert_with(|| name.clone());
            }
        }
        writer
    }

    /// The wish itself, or the wish with a number when it is taken. An empty name means "absent" in ONNX.
    fn unique(&mut self, wish: &str) -> String {
        let wish = if wish.is_empty() { "value" } else { wish };
        let mut name = wish.to_owned();
        let mut number = self.names.len();
        while !self.taken.insert(name.clone()) {
            name = format!("{wish}_{number}");
            number += 1;
        }
        name
    }

    /// The name of a value; a constant is written when it is first used.
    fn name(&mut self, value: Value) -> String {
        if let Some(name) = self.names.get(&value) {
            return name.clone();
        }
        let name = match self.graph.source(value) {
            Source::Constant(wish, tensor) => {
                let name = self.unique(wish);
                self.initializers.push(tensor_proto(name.clone(), tensor));
                name
            }
            Source::Input(wish) => self.unique(wish),
            Source::Node { .. } => self.unique(&format!("v{}", value.0)),
        };
        self.names.insert(value, name.clone());
        name
    }

    fn operand(&mut self, operand: Operand) -> String {
        if let Some(name) = self.operands.get(&operand) {
            return name.clone();
        }
        let (wish, tensor): (String, Tensor) = match &operand {
            Operand::Integers(numbers) => {
                let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                (
                    format!("int64_{}", words.join("_")),
                    ndarray::arr1(numbers).into(),
                )
            }
            Operand::Number(bits) => ("number".into(), f32::from_bits(*bits).into()),
        };
        let name = self.unique(&wish);
        self.initializers.push(tensor_proto(name.clone(), &tensor));
        self.operands.insert(operand, name.clone());
        name
    }

    fn integers(&mut self, numbers: impl IntoIterator<Item = usize>) -> String {
        self.operand(Operand::Integers(as_i64(numbers)))
    }

    fn number(&mut self, number: f32) -> String {
        self.operand(Operand::Number(number.to_bits()))
    }

    fn node(&mut self, node: &Node) {
        let mut input: Vec<String> = node.inputs.iter().map(|&value| self.name(value)).collect();
        input.extend(self.extra_operands(node));
        let output: Vec<String> = node.outputs.iter().map(|&value| self.name(value)).collect();
        self.push_node(node.op.name(), input, output, attributes(&node.op));
    }

    fn push_node(
        &mut self,
        operator: &str,
        input: Vec<String>,
        output: Vec<String>,
        attribute: Vec<AttributeProto>,
    ) {
        self.nodes.push(NodeProto {
            input,
            output,
            name: format!("{operator}_{}", self.nodes.len()),
            op_type: operator.to_owned(),
            attribute,
            domain: String::new(),
        });
    }

    /// Attributes of ours that are operands in ONNX.
    fn extra_operands(&mut self, node: &Node) -> Vec<String> {
        match &node.op {
            Op::Unary(Unary::Clip { min, max }) => [*min, *max]
                .map(|limit| {
                    if limit.is_finite() {
                        self.number(limit)
                    } else {
                        String::new()
                    }
                })
                .into(),
            Op::Reshape { shape } | Op::Expand { shape } => {
                vec![self.integers(shape.iter().copied())]
            }
            Op::Split { sizes, .. } => vec![self.integers(sizes.iter().copied())],
            Op::Slice { ranges } => vec![
                self.integers(ranges.iter().map(|range| range.start)),
                self.integers(ranges.iter().map(|range| range.end)),
                self.integers(0..ranges.len()),
                self.integers(ranges.iter().map(|range| range.step)),
            ],
            Op::Pad {
                before,
                after,
                mode,
            } => {
                let mut operands = vec![self.integers(before.iter().chain(after).copied())];
                if let PadMode::Constant(number) = mode {
                    operands.push(self.number(*number));
                }
                operands
            }
            Op::Reduce { axes, .. } => vec![self.integers(axes.iter().copied())],
            Op::Resize { .. } => {
                let shapes = node
                    .outputs
                    .iter()
                    .map(|&output| self.graph.shape(output).to_vec());
                let sizes: Vec<usize> = shapes.flatten().collect();
                vec![String::new(), String::new(), self.integers(sizes)]
            }
            _ => Vec::new(),
        }
    }

    fn value_info(&mut self, value: Value) -> ValueInfoProto {
        value_info(self.name(value), self.graph.tensor_type(value))
    }

    /// An output that is an input or a constant, or has another name already, gets a node of its own.
    fn output(&mut self, name: &str, value: Value) -> ValueInfoProto {
        let source = self.name(value);
        if source != name {
            self.push_node(
                Unary::Identity.name(),
                vec![source],
                vec![name.to_owned()],
                Vec::new(),
            );
        }
        value_info(name.to_owned(), self.graph.tensor_type(value))
    }
}

fn value_info(name: String, tensor_type: &TensorType) -> ValueInfoProto {
    let dimension = |extent| DimensionProto {
        value: Some(DimensionValue::Number(extent)),
    };
    let shape = TensorShapeProto {
        dim: as_i64(tensor_type.shape.iter().copied())
            .into_iter()
            .map(dimension)
            .collect(),
    };
    let tensor_type = TensorTypeProto {
        elem_type: onnx_type(tensor_type.data_type),
        shape: Some(shape),
    };
    ValueInfoProto {
        name,
        r#type: Some(TypeProto {
            tensor_type: Some(tensor_type),
        }),
    }
}

fn tensor_proto(name: String, tensor: &Tensor) -> TensorProto {
    let raw_data = match tensor {
        Tensor::F32(array) => array
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect(),
        Tensor::I64(array) => array
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect(),
        Tensor::Bool(array) => array.iter().map(|&truth| u8::from(truth)).collect(),
    };
    TensorProto {
        dims: as_i64(tensor.shape().iter().copied()),
        data_type: onnx_type(tensor.data_type()),
        name,
        raw_data,
        ..TensorProto::default()
    }
}

/// What stays an attribute in ONNX. Attributes with ONNX's default value are left out.
fn attributes(op: &Op) -> Vec<AttributeProto> {
    match op {
        Op::Unary(Unary::LeakyRelu { alpha }) => vec![AttributeProto {
            name: "alpha".into(),
            f: *alpha,
            r#type: attribute_type::FLOAT,
            ..AttributeProto::default()
        }],
        Op::Cast { to } => vec![integer("to", i64::from(onnx_type(*to)))],
        Op::Conv(conv) => conv_attributes(conv),
        Op::ConvTranspose(transposed) => {
            let mut attributes = conv_attributes(&transposed.conv);
            if transposed.output_padding != [0; 2] {
                attributes.push(integers("output_padding", transposed.output_padding));
            }
            attributes
        }
        Op::Transpose { permutation } => vec![integers("perm", permutation.iter().copied())],
        Op::Concat { axis } | Op::Split { axis, .. } | Op::Gather { axis } => {
            vec![count("axis", *axis)]
        }
        Op::Pad { mode, .. } => vec![text(
            "mode",
            match mode {
                PadMode::Constant(_) => "constant",
                PadMode::Reflect => "reflect",
                PadMode::Edge => "edge",
            },
        )],
        Op::Reduce { keep_axes, .. } => vec![integer("keepdims", i64::from(*keep_axes))],
        Op::MaxPool(pool) => pool_attributes(pool),
        Op::AveragePool(pool) => {
            let mut attributes = pool_attributes(pool);
            if pool.pads != [0; 4] {
                attributes.push(integer("count_include_pad", 1));
            }
            attributes
        }
        Op::Resize {
            mode, coordinates, ..
        } => resize_attributes(*mode, *coordinates),
        Op::DepthToSpace { block, order } => vec![
            count("blocksize", *block),
            text(
                "mode",
                match order {
                    DepthOrder::BlockFirst => "DCR",
                    DepthOrder::ChannelFirst => "CRD",
                },
            ),
        ],
        Op::SpaceToDepth { block } => vec![count("blocksize", *block)],
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Compare(_)
        | Op::Where
        | Op::PRelu
        | Op::MatMul
        | Op::Reshape { .. }
        | Op::Slice { .. }
        | Op::Expand { .. } => Vec::new(),
    }
}

fn conv_attributes(conv: &Conv) -> Vec<AttributeProto> {
    vec![
        integers("strides", conv.strides),
        integers("pads", conv.pads),
        integers("dilations", conv.dilations),
        count("group", conv.groups),
    ]
}

fn pool_attributes(pool: &Pool) -> Vec<AttributeProto> {
    vec![
        integers("kernel_shape", pool.kernel),
        integers("strides", pool.strides),
        integers("pads", pool.pads),
    ]
}

fn resize_attributes(mode: ResizeMode, coordinates: ResizeCoordinates) -> Vec<AttributeProto> {
    let coordinates = text(
        "coordinate_transformation_mode",
        match coordinates {
            ResizeCoordinates::Asymmetric => "asymmetric",
            ResizeCoordinates::HalfPixel => "half_pixel",
            ResizeCoordinates::AlignCorners => "align_corners",
        },
    );
    match mode {
        ResizeMode::Nearest => vec![
            coordinates,
            text("mode", "nearest"),
            text("nearest_mode", "floor"),
        ],
        ResizeMode::Linear => vec![coordinates, text("mode", "linear")],
    }
}

fn integer(name: &str, number: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        i: number,
        r#type: attribute_type::INT,
        ..AttributeProto::default()
    }
}

fn count(name: &str, number: usize) -> AttributeProto {
    integer(name, saturating_i64(number))
}

fn integers(name: &str, numbers: impl IntoIterator<Item = usize>) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        ints: as_i64(numbers),
        r#type: attribute_type::INTS,
        ..AttributeProto::default()
    }
}

fn text(name: &str, word: &str) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        s: word.into(),
        r#type: attribute_type::STRING,
        ..AttributeProto::default()
    }
}

/// Extents and indices are far below the limits of `i64`: the largest tensor has 2³⁰ elements.
fn saturating_i64(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn as_i64(numbers: impl IntoIterator<Item = usize>) -> Vec<i64> {
    numbers.into_iter().map(saturating_i64).collect()
}
