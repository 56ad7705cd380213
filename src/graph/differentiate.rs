//! Reverse-mode differentiation: the gradient as more nodes of the same graph.
//!
//! Every node between a variable and the loss gets nodes that compute its adjoint (d loss / d
//! value), last node first, so a single run yields loss and gradient. Values that do not depend on
//! a variable (weights above all) get none.
//!
//! The forms are those that ONNX Runtime computes fastest on a CPU, as measured: a mask is a small
//! `Clip` or a cast comparison multiplied in, because `Where` takes three passes with temporaries;
//! activations look at the sign of their *result*, so that the runtime may fuse them into the
//! convolution before them and free their operand.

mod arrangement;
mod convolution;
mod elementwise;
mod window;

use std::collections::{HashMap, HashSet};

use ndarray::ArrayD;

use super::build::{Graph, Node, Value};
use super::error::Error;
use super::operator::Op;
use super::tensor::DataType;

/// Adds the gradient of `loss` with respect to each of `variables` to the graph and yields its
/// values, in that order.
///
/// `loss` must be a single `f32`. A variable is any `f32` value, usually an input; its gradient has
/// its shape, and is a constant zero if the loss does not depend on it. Comparisons and conversions
/// to integers have derivative zero. Where a function has a kink, one of the one-sided derivatives
/// is taken.
///
/// ```
/// use jawline::graph::{Graph, differentiate};
///
/// let mut graph = Graph::new("squares");
/// let x = graph.input("x", &[3])?;
/// let squares = graph.mul(x, x)?;
/// let loss = graph.sum(squares)?;
/// let gradient = differentiate(&mut graph, loss, &[x])?;
/// graph.output("gradient", gradient[0])?; // 2 x
/// # Ok::<(), jawline::graph::Error>(())
/// ```
///
/// # Errors
/// [`Error::LossNotScalar`]; [`Error::NotDifferentiable`] for an operator on the way that has no
/// rule, such as overlapping [`Op::MaxPool`] windows or weights that depend on a variable.
pub fn differentiate(
    graph: &mut Graph,
    loss: Value,
    variables: &[Value],
) -> Result<Vec<Value>, Error> {
    if graph.data_type(loss) != DataType::F32 || graph.shape(loss).iter().product::<usize>() != 1 {
        return Err(Error::LossNotScalar {
            data_type: graph.data_type(loss),
            shape: graph.shape(loss).to_vec(),
        });
    }
    let nodes = graph.nodes().to_vec();
    let active = depending_on(graph, &nodes, variables);
    let mut reverse = Reverse {
        graph,
        active,
        contributions: HashMap::new(),
    };
    let one = reverse
        .graph
        .constant("one", ArrayD::<f32>::ones(reverse.graph.shape(loss)));
    reverse.contribute(loss, one);
    for (index, node) in nodes.iter().enumerate().rev() {
        reverse
            .node(node)
            .map_err(|refusal| refusal.into_error(reverse.graph, index, &node.op))?;
    }
    variables
        .iter()
        .map(|&variable| reverse.adjoint_or_zero(variable))
        .collect()
}

/// All `f32` values that depend on one of the variables.
fn depending_on(graph: &Graph, nodes: &[Node], variables: &[Value]) -> HashSet<Value> {
    let is_f32 = |value: &Value| graph.data_type(*value) == DataType::F32;
    let mut active: HashSet<Value> = variables.iter().copied().filter(is_f32).collect();
    for node in nodes {
        if node.inputs.iter().any(|input| active.contains(input)) {
            active.extend(node.outputs.iter().copied().filter(is_f32));
        }
    }
    active
}

/// Why a node gets no adjoint.
enum Refusal {
    /// No rule; the reason and what to do instead.
    NoRule(&'static str),
    Graph(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Graph(error)
    }
}

impl Refusal {
    fn into_error(self, graph: &Graph, index: usize, op: &Op) -> Error {
        match self {
            Self::Graph(error) => error,
            Self::NoRule(problem) => Error::NotDifferentiable {
                graph: graph.name().to_owned(),
                node: format!("{}_{index}", op.name()),
                problem: problem.to_owned(),
            },
        }
    }
}

/// The reverse pass under construction.
struct Reverse<'graph> {
    graph: &'graph mut Graph,
    active: HashSet<Value>,
    /// Adjoints that arrived at a value from the nodes that use it, not yet added up.
    contributions: HashMap<Value, Vec<Value>>,
}

impl Reverse<'_> {
    fn is_active(&self, value: Value) -> bool {
        self.active.contains(&value)
    }

    /// Notes a part of the adjoint of a value, of the value's shape.
    fn contribute(&mut self, value: Value, adjoint: Value) {
        debug_assert_eq!(self.graph.shape(value), self.graph.shape(adjoint));
        if self.is_active(value) {
            self.contributions.entry(value).or_default().push(adjoint);
        }
    }

    /// As [`Reverse::contribute`], for an operand that was broadcast: sums over what was repeated.
    fn contribute_broadcast(&mut self, value: Value, adjoint: Value) -> Result<(), Error> {
        if self.is_active(value) {
            let adjoint = self.sum_to_shape_of(adjoint, value)?;
            self.contribute(value, adjoint);
        }
        Ok(())
    }

    fn sum_to_shape_of(&mut self, adjoint: Value, value: Value) -> Result<Value, Error> {
        let from = self.graph.shape(adjoint).to_vec();
        let to = self.graph.shape(value).to_vec();
        let new_axes = from.len().saturating_sub(to.len());
        let axes: Vec<usize> = (from.iter().enumerate())
            .filter(|&(axis, &extent)| {
                match axis.checked_sub(new_axes).and_then(|axis| to.get(axis)) {
                    None => true,
                    Some(&kept) => kept == 1 && extent != 1,
                }
            })
            .map(|(axis, _)| axis)
            .collect();
        let summed = if axes.is_empty() {
            adjoint
        } else {
            self.graph.reduce_sum(adjoint, &axes, true)?
        };
        if self.graph.shape(summed) == to {
            Ok(summed)
        } else {
            self.graph.reshape(summed, &to)
        }
    }

    /// The sum of what arrived at a value.
    fn adjoint(&mut self, value: Value) -> Result<Option<Value>, Error> {
        let Some(parts) = self.contributions.remove(&value) else {
            return Ok(None);
        };
        let mut parts = parts.into_iter();
        let Some(mut sum) = parts.next() else {
            return Ok(None);
        };
        for part in parts {
            sum = self.graph.add(sum, part)?;
        }
        self.contributions.insert(value, vec![sum]);
        Ok(Some(sum))
    }

    fn adjoint_or_zero(&mut self, value: Value) -> Result<Value, Error> {
        match self.adjoint(value)? {
            Some(adjoint) => Ok(adjoint),
            None => Ok(self
                .graph
                .constant("zero", ArrayD::<f32>::zeros(self.graph.shape(value)))),
        }
    }

    /// Passes the adjoints of a node's results on to its operands.
    fn node(&mut self, node: &Node) -> Result<(), Refusal> {
        if !node.inputs.iter().any(|&input| self.is_active(input)) {
            return Ok(());
        }
        if let Op::Split { axis, .. } = node.op {
            return self.split(node, axis);
        }
        let &[result] = node.outputs.as_slice() else {
            return Ok(());
        };
        let Some(adjoint) = self.adjoint(result)? else {
            return Ok(());
        };
        match (&node.op, node.inputs.as_slice()) {
            (Op::Unary(unary), &[x]) => self.unary(*unary, x, result, adjoint),
            (Op::Binary(binary), &[a, b]) => self.binary(*binary, [a, b], result, adjoint),
            (Op::Where, &[condition, a, b]) => self.select(condition, [a, b], adjoint),
            (Op::PRelu, &[x, slope]) => self.prelu(x, slope, adjoint),
            (Op::Cast { .. }, &[x]) => {
                self.contribute(x, adjoint);
                Ok(())
            }
            (Op::Conv(attributes), &[x, weights, ref bias @ ..]) => {
                self.conv(attributes, x, weights, bias, adjoint)
            }
            (Op::ConvTranspose(attributes), &[x, weights, ref bias @ ..]) => {
                self.conv_transpose(attributes, x, weights, bias, adjoint)
            }
            (Op::MatMul, &[a, b]) => self.matmul([a, b], adjoint),
            (Op::Concat { axis }, inputs) => self.concat(inputs, *axis, adjoint),
            (Op::Gather { axis }, &[data, indices]) => self.gather(data, indices, *axis, adjoint),
            (Op::MaxPool(attributes), &[x]) => self.max_pool(attributes, x, result, adjoint),
            (Op::AveragePool(attributes), &[x]) => self.average_pool(attributes, x, adjoint),
            (
                Op::Resize {
                    mode, coordinates, ..
                },
                &[x],
            ) => self.resize(*mode, *coordinates, x, adjoint),
            (op, &[x]) => self.rearrangement(op, x, adjoint),
            _ => Err(Refusal::NoRule("it has no rule of differentiation")),
        }
    }
}
