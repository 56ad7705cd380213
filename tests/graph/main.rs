//! Graphs, run by ONNX Runtime: gradients, simplification, files.

mod gradients;
mod harness;
mod random;
mod simplification;
