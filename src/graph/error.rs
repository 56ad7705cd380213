//! What can go wrong with a graph.

use super::tensor::DataType;

/// Why a graph could not be built, differentiated, read or written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The operands of a node do not fit its operator.
    #[error("node {node} of graph {graph:?} cannot take inputs {inputs}: {problem}")]
    Operands {
        /// The graph's name.
        graph: String,
        /// The node that was about to be added, operator and running number.
        node: String,
        /// The types of its inputs, such as `f32[1, 3, 8, 8], f32[4, 3, 3, 3]`.
        inputs: String,
        /// What is wrong with them.
        problem: String,
    },
    /// Two inputs, or two outputs, of one graph have the same name.
    #[error("graph {graph:?} already has an input or output named {name:?}; choose another name")]
    DuplicateName {
        /// The graph's name.
        graph: String,
        /// The name that is taken.
        name: String,
    },
    /// A tensor is larger than any network of this program needs.
    #[error(
        "{what} of graph {graph:?} would have shape {shape:?}, more than {limit} elements or 8 axes; the description is damaged or meant for another program"
    )]
    TooLarge {
        /// The graph's name.
        graph: String,
        /// The input or node that has this shape.
        what: String,
        /// The shape asked for; of too many axes, the first nine.
        shape: Vec<usize>,
        /// The largest number of elements allowed.
        limit: usize,
    },
    /// A scalar loss is needed to differentiate.
    #[error(
        "only a single f32 number can be differentiated, but the loss is {data_type}{shape:?}; reduce it first"
    )]
    LossNotScalar {
        /// The loss's element type.
        data_type: DataType,
        /// The loss's shape.
        shape: Vec<usize>,
    },
    /// A node on the path from a variable to the loss has no derivative here.
    #[error("node {node} of graph {graph:?} cannot be differentiated: {problem}")]
    NotDifferentiable {
        /// The graph's name.
        graph: String,
        /// The node, operator and number.
        node: String,
        /// Why, and what to do instead.
        problem: String,
    },
    /// An ONNX file breaks the format, or uses a part of it that this program does not.
    #[error("the ONNX model cannot be used: {0}")]
    Onnx(String),
}
