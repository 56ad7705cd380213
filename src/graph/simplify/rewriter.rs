//! A graph that is rebuilt node by node.

use std::collections::HashMap;

use super::super::build::{Graph, Node, Source, Value};
use super::super::error::Error;
use super::super::operator::Op;
use super::super::tensor::{DataType, Tensor};

/// Constants up to this length are compared by content; longer ones only by address.
const MAX_COMPARED: usize = 256;

/// The old graph and the new one that replaces it.
pub(super) struct Rewriter<'old> {
    pub(super) old: &'old Graph,
    pub(super) new: Graph,
    /// How often each old value is used by live nodes and outputs.
    pub(super) uses: Vec<usize>,
    /// Old values in the new graph.
    here: Vec<Option<Value>>,
    /// New nodes by operands, to find equal ones.
    nodes: HashMap<Vec<Value>, Vec<(Op, Vec<Value>)>>,
    constants: HashMap<ConstantKey, Value>,
}

/// What makes two constants the same one.
#[derive(Debug, PartialEq, Eq, Hash)]
enum ConstantKey {
    /// Type, shape and the bits of the elements.
    Content(DataType, Vec<usize>, Vec<u64>),
    /// Shared elements, seen with a shape.
    Address(usize, Vec<usize>),
}

impl<'old> Rewriter<'old> {
    /// A new graph with the inputs of the old one.
    pub(super) fn new(old: &'old Graph) -> Result<Self, Error> {
        let mut rewriter = Self {
            old,
            new: Graph::new(old.name()),
            uses: count_uses(old),
            here: vec![None; old.values.len()],
            nodes: HashMap::new(),
            constants: HashMap::new(),
        };
        for &input in old.inputs() {
            if let Source::Input(name) = old.source(input) {
                let value = rewriter
                    .new
                    .typed_input(name.clone(), old.tensor_type(input).clone())?;
                rewriter.set(&[input], &[value]);
            }
        }
        Ok(rewriter)
    }

    pub(super) fn finish(mut self) -> Result<Graph, Error> {
        for (name, value) in self.old.outputs() {
            for value in self.here(&[*value])? {
                self.new.output(name.clone(), value)?;
            }
        }
        Ok(self.new)
    }

    /// Whether anything needs a node's results.
    pub(super) fn is_live(&self, node: &Node) -> bool {
        node.outputs.iter().any(|output| self.uses[output.0] > 0)
    }

    /// Whether an old value has a single use.
    pub(super) fn is_used_once(&self, old: Value) -> bool {
        self.uses[old.0] == 1
    }

    /// Old values in the new graph. Constants move when they are first used.
    pub(super) fn here(&mut self, old: &[Value]) -> Result<Vec<Value>, Error> {
        old.iter()
            .map(
                |&value| match (self.here[value.0], self.old.source(value)) {
                    (Some(here), _) => Ok(here),
                    (None, Source::Constant(name, tensor)) => {
                        let here = self.constant(name, tensor.clone());
                        self.here[value.0] = Some(here);
                        Ok(here)
                    }
                    (None, _) => Err(Error::Operands {
                        graph: self.old.name().to_owned(),
                        node: "simplification".into(),
                        inputs: self.old.tensor_type(value).to_string(),
                        problem: "a value of another graph is used".into(),
                    }),
                },
            )
            .collect()
    }

    /// Notes what old values became.
    pub(super) fn set(&mut self, old: &[Value], new: &[Value]) {
        for (old, new) in old.iter().zip(new) {
            self.here[old.0] = Some(*new);
        }
    }

    /// Adds a constant, or yields the one that is there already.
    pub(super) fn constant(&mut self, name: &str, tensor: impl Into<Tensor>) -> Value {
        let tensor = tensor.into();
        let key = constant_key(&tensor);
        if let Some(&value) = self.constants.get(&key) {
            return value;
        }
        let value = self.new.constant(name, tensor);
        self.constants.insert(key, value);
        value
    }

    /// Adds a node, or yields the results of an equal one.
    pub(super) fn push(&mut self, op: Op, inputs: &[Value]) -> Result<Vec<Value>, Error> {
        let equal = self
            .nodes
            .get(inputs)
            .and_then(|nodes| nodes.iter().find(|(other, _)| *other == op));
        if let Some((_, outputs)) = equal {
            return Ok(outputs.clone());
        }
        let outputs = self.new.push(op.clone(), inputs)?;
        self.nodes
            .entry(inputs.to_vec())
            .or_default()
            .push((op, outputs.clone()));
        Ok(outputs)
    }

    /// As [`Rewriter::push`], for operators with one result.
    pub(super) fn push_one(&mut self, op: Op, inputs: &[Value]) -> Result<Value, Error> {
        match self.push(op.clone(), inputs)?.as_slice() {
            [value] => Ok(*value),
            _ => self.new.push_one(op, inputs),
        }
    }

    /// The elements of a new value that is a constant `f32`.
    pub(super) fn f32_constant(
        &self,
        value: Value,
    ) -> Option<&ndarray::ArcArray<f32, ndarray::IxDyn>> {
        self.new.constant_tensor(value).and_then(Tensor::as_f32)
    }
}

/// Uses by nodes that lead to an output, and by outputs.
fn count_uses(graph: &Graph) -> Vec<usize> {
    let mut uses = vec![0; graph.values.len()];
    for (_, output) in graph.outputs() {
        uses[output.0] += 1;
    }
    for node in graph.nodes().iter().rev() {
        if node.outputs.iter().any(|output| uses[output.0] > 0) {
            for input in &node.inputs {
                uses[input.0] += 1;
            }
        }
    }
    uses
}

fn constant_key(tensor: &Tensor) -> ConstantKey {
    let shape = tensor.shape().to_vec();
    if tensor.len() > MAX_COMPARED {
        let address = match tensor {
            Tensor::F32(array) => array.as_ptr().addr(),
            Tensor::I64(array) => array.as_ptr().addr(),
            Tensor::Bool(array) => array.as_ptr().addr(),
        };
        return ConstantKey::Address(address, shape);
    }
    let bits = match tensor {
        Tensor::F32(array) => array
            .iter()
            .map(|number| u64::from(number.to_bits()))
            .collect(),
        Tensor::I64(array) => array.iter().map(|number| number.cast_unsigned()).collect(),
        Tensor::Bool(array) => array.iter().map(|&truth| u64::from(truth)).collect(),
    };
    ConstantKey::Content(tensor.data_type(), shape, bits)
}
