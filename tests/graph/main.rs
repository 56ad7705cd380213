//! Graphs, run by ONNX Runtime: gradients, simplification, files.

// Helpers of tests fail by panicking too; clippy.toml covers only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases;
mod constants;
mod gradients;
mod harness;
mod random;
mod simplification;
