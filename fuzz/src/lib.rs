//! The rooms of Jawline that read files of strangers, compiled by themselves.
//!
//! They are the sources of the main package, not copies; only their dependencies come along, so that
//! the whole builds in a minute with the instrumentation that fuzzing needs.

#![allow(dead_code, reason = "the targets only read; what writes stays unused")]

#[path = "../../src/checkpoint/mod.rs"]
pub mod checkpoint;
#[path = "../../src/graph/mod.rs"]
pub mod graph;

/// The part of the room of files that the signature of `checkpoint::npy::write` mentions. Nothing is
/// written here.
pub mod fs {
    /// In place of the error of writing: there is none.
    #[derive(Debug)]
    pub enum Error {}

    pub mod atomic {
        use std::fs::File;
        use std::io::BufWriter;
        use std::path::Path;

        /// In place of the atomic write.
        pub fn write<T, E>(
            path: &Path,
            _content: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
        ) -> Result<T, super::Error> {
            unreachable!("a fuzz target wants to write {}", path.display())
        }
    }
}
