//! ONNX file → [`Graph`]: the model around the nodes.

use std::collections::HashMap;

use ndarray::{ArrayD, IxDyn};
use prost::Message;

use super::super::build::{Graph, MAX_ELEMENTS, MAX_RANK, Value};
use super::super::error::Error;
use super::super::tensor::{DataType, Tensor, TensorType};
use super::proto::{
    DimensionValue, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, data_type,
};
use super::{OPSETS_READ, refuse};

/// The most integers of operands (shapes, axes, indices) that are looked at and computed while
/// reading, all nodes together: many nodes may name the same long constant.
const MAX_INTEGERS: usize = 1 << 22;

pub(super) fn read(bytes: &[u8], dimensions: &HashMap<&str, usize>) -> Result<Graph, Error> {
    let model = match ModelProto::decode(bytes) {
        Ok(model) => model,
        Err(error) => return refuse(format!("the file is damaged or no ONNX file ({error})")),
    };
    check_versions(&model)?;
    let Some(graph) = model.graph else {
        return refuse("it holds no graph");
    };
    if !graph.sparse_initializer.is_empty() {
        return refuse("sparse weights are not supported");
    }
    let mut reader = Reader {
        graph: Graph::new(graph.name.clone()),
        values: HashMap::new(),
        integers_left: MAX_INTEGERS,
    };
    reader.read(&graph, dimensions)?;
    Ok(reader.graph)
}

fn check_versions(model: &ModelProto) -> Result<(), Error> {
    if !model.functions.is_empty() {
        return refuse(
            "functions inside the model are not supported; export it with functions inlined",
        );
    }
    let mut opset = None;
    for import in &model.opset_import {
        match import.domain.as_str() {
            "" | "ai.onnx" => opset = Some(import.version),
            // Exporters list domains that no node uses; the nodes are checked one by one.
            _ => {}
        }
    }
    match opset {
        Some(version) if OPSETS_READ.contains(&version) => Ok(()),
        Some(version) => refuse(format!(
            "it uses version {version} of the operators; supported are {} to {}",
            OPSETS_READ.start(),
            OPSETS_READ.end()
        )),
        None => refuse(
            "it does not say which version of the operators it uses; it is damaged or no ONNX file",
        ),
    }
}

/// A graph that grows node by node, and the names of its values in the file.
pub(super) struct Reader {
    pub(super) graph: Graph,
    values: HashMap<String, Value>,
    pub(super) integers_left: usize,
}

impl Reader {
    fn read(&mut self, file: &GraphProto, dimensions: &HashMap<&str, usize>) -> Result<(), Error> {
        for tensor in &file.initializer {
            let label = format!("tensor {:?}", tensor.name);
            let elements = decode_tensor(tensor, &label)?;
            let value = self.graph.constant(tensor.name.clone(), elements);
            self.define(&tensor.name, value)?;
        }
        for input in &file.input {
            // Old exporters list the weights among the inputs.
            if !self.values.contains_key(&input.name) {
                let value = self
                    .graph
                    .typed_input(input.name.clone(), input_type(input, dimensions)?)?;
                self.define(&input.name, value)?;
            }
        }
        for node in &file.node {
            self.node(node)?;
        }
        for output in &file.output {
            match self.values.get(&output.name) {
                Some(&value) => self.graph.output(output.name.clone(), value)?,
                None => return refuse(format!("no node yields its output {:?}", output.name)),
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &NodeProto) -> Result<(), Error> {
        let label = format!("node {:?} ({})", node.name, node.op_type);
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return refuse(format!(
                "{label} comes from the operator set {:?}; only standard operators are supported",
                node.domain
            ));
        }
        let mut inputs = Vec::with_capacity(node.input.len());
        for name in &node.input {
            inputs.push(match (name.as_str(), self.values.get(name)) {
                ("", _) => None,
                (_, Some(&value)) => Some(value),
                (_, None) => {
                    return refuse(format!(
                        "{label} uses {name:?} before any node yields it: the nodes are out of order, or form a cycle"
                    ));
                }
            });
        }
        let results = self.translate(node, &label, inputs)?;
        if node.output.len() > results.len() {
            return refuse(format!(
                "{label} has {} results; {} are supported",
                node.output.len(),
                results.len()
            ));
        }
        for (name, value) in node.output.iter().zip(results) {
            if !name.is_empty() {
                self.define(name, value)?;
            }
        }
        Ok(())
    }

    fn define(&mut self, name: &str, value: Value) -> Result<(), Error> {
        if name.is_empty() {
            return refuse("one of its values has no name");
        }
        match self.values.insert(name.to_owned(), value) {
            None => Ok(()),
            Some(_) => refuse(format!("two of its values are named {name:?}")),
        }
    }
}

fn input_type(
    input: &ValueInfoProto,
    dimensions: &HashMap<&str, usize>,
) -> Result<TensorType, Error> {
    let name = &input.name;
    let Some(tensor) = input
        .r#type
        .as_ref()
        .and_then(|kind| kind.tensor_type.as_ref())
    else {
        return refuse(format!("input {name:?} is not a tensor"));
    };
    let data_type = element_type(tensor.elem_type, &format!("input {name:?}"))?;
    let Some(shape) = &tensor.shape else {
        return refuse(format!("input {name:?} has no shape"));
    };
    if shape.dim.len() > MAX_RANK {
        return refuse(format!(
            "input {name:?} has {} axes; at most {MAX_RANK} are supported",
            shape.dim.len()
        ));
    }
    let mut extents = Vec::with_capacity(shape.dim.len());
    for dimension in &shape.dim {
        extents.push(match &dimension.value {
            Some(DimensionValue::Number(number)) => match usize::try_from(*number) {
                Ok(extent) => extent,
                Err(_) => return refuse(format!("input {name:?} has a dimension of {number}")),
            },
            Some(DimensionValue::Name(word)) => match dimensions.get(word.as_str()) {
                Some(&extent) => extent,
                None => return refuse(format!("dimension {word:?} of input {name:?} is open; export the model with fixed shapes")),
            },
            None => return refuse(format!("a dimension of input {name:?} is open; export the model with fixed shapes")),
        });
    }
    Ok(TensorType {
        data_type,
        shape: extents,
    })
}

pub(super) fn element_type(number: i32, label: &str) -> Result<DataType, Error> {
    match number {
        data_type::FLOAT => Ok(DataType::F32),
        data_type::INT64 => Ok(DataType::I64),
        data_type::BOOL => Ok(DataType::Bool),
        other => refuse(format!(
            "{label} has element type {other}; supported are float (1), int64 (7) and bool (9)"
        )),
    }
}

/// The elements of a tensor, from raw data or from a typed list. Nothing is allocated beyond what
/// the file holds.
pub(super) fn decode_tensor(tensor: &TensorProto, label: &str) -> Result<Tensor, Error> {
    if tensor.data_location != 0 || !tensor.external_data.is_empty() {
        return refuse(format!(
            "{label} lies in another file; save the model with its weights inside"
        ));
    }
    let data_type = element_type(tensor.data_type, label)?;
    let shape: Option<Vec<usize>> = tensor
        .dims
        .iter()
        .map(|&extent| usize::try_from(extent).ok())
        .collect();
    if tensor.dims.len() > MAX_RANK {
        return refuse(format!(
            "{label} has {} axes; at most {MAX_RANK} are supported",
            tensor.dims.len()
        ));
    }
    // Extents of zero are left out, so that no product of some of the extents can overflow.
    let product = shape.as_ref().and_then(|shape| {
        (shape.iter().filter(|extent| **extent > 0))
            .try_fold(1_usize, |product, &extent| product.checked_mul(extent))
    });
    let (Some(shape), Some(product)) = (shape, product.filter(|&n| n <= MAX_ELEMENTS)) else {
        return refuse(format!("{label} has an impossible shape {:?}", tensor.dims));
    };
    let count = if shape.contains(&0) { 0 } else { product };
    match data_type {
        DataType::F32 => {
            let elements =
                raw(tensor, f32::from_le_bytes).unwrap_or_else(|| tensor.float_data.clone());
            array(elements, &shape, count, label).map(Tensor::from)
        }
        DataType::I64 => {
            let elements =
                raw(tensor, i64::from_le_bytes).unwrap_or_else(|| tensor.int64_data.clone());
            array(elements, &shape, count, label).map(Tensor::from)
        }
        DataType::Bool => {
            let listed = || {
                tensor
                    .int32_data
                    .iter()
                    .map(|&number| number != 0)
                    .collect()
            };
            let elements = raw(tensor, |[byte]| byte != 0).unwrap_or_else(listed);
            array(elements, &shape, count, label).map(Tensor::from)
        }
    }
}

/// The raw data as elements of `N` bytes, or nothing if there are none. A rest makes the count
/// wrong on purpose.
fn raw<T, const N: usize>(tensor: &TensorProto, element: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    if tensor.raw_data.is_empty() {
        return None;
    }
    let (whole, rest) = tensor.raw_data.as_chunks::<N>();
    if rest.is_empty() {
        Some(whole.iter().map(|&bytes| element(bytes)).collect())
    } else {
        Some(Vec::new())
    }
}

fn array<T>(
    elements: Vec<T>,
    shape: &[usize],
    count: usize,
    label: &str,
) -> Result<ArrayD<T>, Error> {
    let found = elements.len();
    match ArrayD::from_shape_vec(IxDyn(shape), elements) {
        Ok(array) if found == count => Ok(array),
        _ => refuse(format!(
            "{label} of shape {shape:?} does not hold {count} elements; the file is cut off or damaged"
        )),
    }
}
