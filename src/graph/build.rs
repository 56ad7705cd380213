//! [`Graph`]: values, nodes in topological order, and how they are added.

use std::collections::HashSet;

use super::error::Error;
use super::infer::infer;
use super::operator::Op;
use super::tensor::{DataType, Tensor, TensorType};

/// More elements than any tensor of a portrait network has (2³⁰; 4 GiB of `f32`).
pub(super) const MAX_ELEMENTS: usize = 1 << 30;

/// More axes than any value of a portrait network has.
pub(super) const MAX_RANK: usize = 8;

/// A value of one [`Graph`]: an input, a constant, or a result of a node. Cheap to copy.
///
/// It belongs to the graph that made it; methods of another graph may panic on it or mean another
/// value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(super) usize);

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// Given at every run, under this name.
    Input(String),
    /// Known when the graph is built; the name helps people who look at the ONNX file.
    Constant(String, Tensor),
    /// A result of a node.
    Node {
        /// Position in [`Graph::nodes`].
        node: usize,
        /// Which of the node's results.
        output: usize,
    },
}

#[derive(Debug, Clone)]
pub(super) struct ValueInfo {
    pub(super) tensor_type: TensorType,
    pub(super) source: Source,
}

/// An operator with its operands and results.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The operator and its attributes.
    pub op: Op,
    /// The operands; every one exists before the node.
    pub inputs: Vec<Value>,
    /// The results.
    pub outputs: Vec<Value>,
}

/// A network as a value: static single assignment, all shapes known.
///
/// A node can only be added behind its operands, so [`Graph::nodes`] is always in topological order
/// and no graph has a cycle. Shapes and element types are inferred and checked when a node is
/// added. Cloning shares the constants.
///
/// ```
/// use jawline::graph::{Conv, Graph, Tensor};
///
/// let mut graph = Graph::new("edges");
/// let image = graph.input("image", &[1, 1, 8, 8])?;
/// let weights = graph.constant("weights", ndarray::Array4::<f32>::ones((2, 1, 3, 3)));
/// let edges = graph.conv(image, weights, None, Conv::padded(1))?;
/// let edges = graph.relu(edges)?;
/// graph.output("edges", edges)?;
/// assert_eq!(graph.shape(edges), [1, 2, 8, 8]);
/// # Ok::<(), jawline::graph::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Graph {
    name: String,
    pub(super) values: Vec<ValueInfo>,
    nodes: Vec<Node>,
    inputs: Vec<Value>,
    outputs: Vec<(String, Value)>,
    names: HashSet<String>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            values: Vec::new(),
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            names: HashSet::new(),
        }
    }

    /// The graph's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The nodes; operands come before the nodes that use them.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The inputs in the order in which they were added.
    pub fn inputs(&self) -> &[Value] {
        &self.inputs
    }

    /// The outputs and their names in the order in which they were named.
    pub fn outputs(&self) -> &[(String, Value)] {
        &self.outputs
    }

    /// Extent of every axis of a value.
    pub fn shape(&self, value: Value) -> &[usize] {
        &self.tensor_type(value).shape
    }

    /// Element type of a value.
    pub fn data_type(&self, value: Value) -> DataType {
        self.tensor_type(value).data_type
    }

    /// Element type and shape of a value.
    pub fn tensor_type(&self, value: Value) -> &TensorType {
        &self.values[value.0].tensor_type
    }

    /// Where a value comes from.
    pub fn source(&self, value: Value) -> &Source {
        &self.values[value.0].source
    }

    /// The elements of a value that is a constant.
    pub fn constant_tensor(&self, value: Value) -> Option<&Tensor> {
        match self.source(value) {
            Source::Constant(_, tensor) => Some(tensor),
            _ => None,
        }
    }

    /// The node that a value is a result of.
    pub fn producer(&self, value: Value) -> Option<&Node> {
        match *self.source(value) {
            Source::Node { node, .. } => self.nodes.get(node),
            _ => None,
        }
    }

    /// The name of a value that is an input.
    pub fn input_name(&self, value: Value) -> Option<&str> {
        match self.source(value) {
            Source::Input(name) => Some(name),
            _ => None,
        }
    }

    /// The input of that name.
    pub fn input_named(&self, name: &str) -> Option<Value> {
        let is_named =
            |value: &Value| matches!(self.source(*value), Source::Input(own) if own == name);
        self.inputs.iter().copied().find(is_named)
    }

    /// The output of that name.
    pub fn output_named(&self, name: &str) -> Option<Value> {
        self.outputs
            .iter()
            .find(|(own, _)| own == name)
            .map(|&(_, value)| value)
    }

    /// Adds an input of `f32` elements, to be given at every run.
    ///
    /// # Errors
    /// The name is taken, or the shape absurdly large.
    pub fn input(&mut self, name: impl Into<String>, shape: &[usize]) -> Result<Value, Error> {
        self.typed_input(name, TensorType::f32(shape))
    }

    /// Adds an input of any element type.
    ///
    /// # Errors
    /// The name is taken, or the shape absurdly large.
    pub fn typed_input(
        &mut self,
        name: impl Into<String>,
        tensor_type: TensorType,
    ) -> Result<Value, Error> {
        let name = name.into();
        self.check_size(&tensor_type, || format!("input {name:?}"))?;
        self.take_name(&name)?;
        let value = self.push_value(tensor_type, Source::Input(name));
        self.inputs.push(value);
        Ok(value)
    }

    /// Adds a constant. Its name need not be unique.
    pub fn constant(&mut self, name: impl Into<String>, tensor: impl Into<Tensor>) -> Value {
        let tensor = tensor.into();
        self.push_value(tensor.tensor_type(), Source::Constant(name.into(), tensor))
    }

    /// Adds a constant number of shape `[]`.
    pub fn scalar(&mut self, number: f32) -> Value {
        self.constant("number", number)
    }

    /// Makes a value an output under a name.
    ///
    /// # Errors
    /// The name is taken by another input or output.
    pub fn output(&mut self, name: impl Into<String>, value: Value) -> Result<(), Error> {
        let name = name.into();
        self.take_name(&name)?;
        self.outputs.push((name, value));
        Ok(())
    }

    /// Forgets which values are outputs, so that a part of the network can be cut out: name new
    /// ones, then simplify.
    pub fn clear_outputs(&mut self) {
        for (name, _) in self.outputs.drain(..) {
            self.names.remove(&name);
        }
    }

    /// Adds a node of any operator and yields all its results. The named methods ([`Graph::add`],
    /// [`Graph::conv`] …) are usually more convenient.
    ///
    /// # Errors
    /// The operands do not fit the operator, or a result would be absurdly large.
    pub fn push(&mut self, op: Op, inputs: &[Value]) -> Result<Vec<Value>, Error> {
        let types: Vec<&TensorType> = inputs
            .iter()
            .map(|&input| self.tensor_type(input))
            .collect();
        let label = || format!("{}_{}", op.name(), self.nodes.len());
        let result_types = infer(&op, &types).map_err(|problem| Error::Operands {
            graph: self.name.clone(),
            node: label(),
            inputs: types
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            problem,
        })?;
        for tensor_type in &result_types {
            self.check_size(tensor_type, || format!("node {}", label()))?;
        }
        let node = self.nodes.len();
        let outputs: Vec<Value> = (result_types.into_iter().enumerate())
            .map(|(output, tensor_type)| {
                self.push_value(tensor_type, Source::Node { node, output })
            })
            .collect();
        self.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            outputs: outputs.clone(),
        });
        Ok(outputs)
    }

    /// Adds a node of an operator with one result.
    pub(super) fn push_one(&mut self, op: Op, inputs: &[Value]) -> Result<Value, Error> {
        let outputs = self.push(op, inputs)?;
        match outputs.as_slice() {
            [value, ..] => Ok(*value),
            [] => Err(Error::Operands {
                graph: self.name.clone(),
                node: format!("node {}", self.nodes.len()),
                inputs: String::new(),
                problem: "it has no result".into(),
            }),
        }
    }

    fn push_value(&mut self, tensor_type: TensorType, source: Source) -> Value {
        self.values.push(ValueInfo {
            tensor_type,
            source,
        });
        Value(self.values.len() - 1)
    }

    fn take_name(&mut self, name: &str) -> Result<(), Error> {
        if self.names.insert(name.to_owned()) {
            Ok(())
        } else {
            Err(Error::DuplicateName {
                graph: self.name.clone(),
                name: name.to_owned(),
            })
        }
    }

    fn check_size(&self, tensor_type: &TensorType, what: impl Fn() -> String) -> Result<(), Error> {
        // Extents of zero are left out, so that no product of some of the extents can overflow.
        let shape = &tensor_type.shape;
        let count = (shape.iter().filter(|extent| **extent > 0))
            .try_fold(1_usize, |product, &extent| product.checked_mul(extent));
        if shape.len() <= MAX_RANK && count.is_some_and(|count| count <= MAX_ELEMENTS) {
            return Ok(());
        }
        Err(Error::TooLarge {
            graph: self.name.clone(),
            what: what(),
            shape: shape.iter().copied().take(MAX_RANK + 1).collect(),
            limit: MAX_ELEMENTS,
        })
    }
}
