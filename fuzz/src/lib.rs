//! The rooms of Jawline that read files of strangers, compiled by themselves.
//!
//! They are the sources of the main package, not copies; only their dependencies come along, so that
//! the whole builds in minutes with the instrumentation that fuzzing needs.

#![allow(dead_code, reason = "the targets only read; what writes stays unused")]

#[path = "../../src/checkpoint/mod.rs"]
pub mod checkpoint;
#[path = "../../src/graph/mod.rs"]
pub mod graph;
#[path = "../../src/photo/mod.rs"]
pub mod photo;
// What these need.
#[path = "../../src/fs/mod.rs"]
pub mod fs;
#[path = "../../src/geometry/mod.rs"]
pub mod geometry;
