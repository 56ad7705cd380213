//! ONNX graphs as values: build, infer shapes, simplify, differentiate, write.
//!
//! A [`Graph`] is a network whose shapes are all known (it is rebuilt for another size). Values are assigned once, nodes
//! stand in topological order, and every node's types are checked when it is added.

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
mod tensor;

pub use build::{Graph, Node, Source, Value};
pub use differentiate::differentiate;
pub use error::Error;
pub use operator::{
    Binary, Compare, Conv, ConvTranspose, DepthOrder, Op, PadMode, Pool, Reduce, ResizeCoordinates,
    ResizeMode, SliceRange, Unary,
};
pub use tensor::{DataType, Tensor, TensorType};
