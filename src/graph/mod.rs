//! ONNX graphs as values: build, infer shapes, simplify, differentiate, write.
//!
//! A [`Graph`] is a network whose shapes are all known (it is rebuilt for another size). Values are
//! assigned once, nodes stand in topological order, and every node's types are checked when it is
//! added. From there:
//!
//! - [`Graph::simplify`] makes a smaller graph that computes the same;
//! - [`differentiate`] adds the gradient of a loss as more nodes;
//! - [`Graph::splice`] puts one graph into another;
//! - [`Graph::subgraph`] and [`Graph::segments`] take one apart;
//! - [`Graph::to_onnx_bytes`] and [`Graph::from_onnx_bytes`] write and read files.
//!
//! Nothing is run here: that is the work of ONNX Runtime, in [`crate::runtime`].
//!
//! To add an operator: a variant of [`Op`], its result type in `infer`, a method, its lines in
//! `onnx::write` and `onnx::translate`, its rule in `differentiate`, and a line in the tables of
//! `tests/graph`. The compiler asks for most of them.

mod build;
mod differentiate;
mod error;
mod evaluate;
mod infer;
mod methods;
mod onnx;
mod operator;
mod simplify;
mod splice;
mod subgraph;
mod tensor;

pub use build::{Graph, Node, Source, Value};
pub use differentiate::differentiate;
pub use error::Error;
pub use operator::{
    Binary, Compare, Conv, ConvTranspose, DepthOrder, Op, PadMode, Pool, Reduce, ResizeCoordinates,
    ResizeMode, SliceRange, Unary,
};
pub use tensor::{DataType, Tensor, TensorType};
