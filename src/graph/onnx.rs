//! ONNX files: written and read.
//!
//! A graph is written as opset 18 of the standard operators, IR version 9, weights as raw
//! little-endian data inside the file. What can be read is a subset of ONNX: static shapes,
//! `float`, `int64` and `bool` tensors, two-dimensional convolutions, no control flow, no
//! functions, no operators of other domains, no external data. Everything else is refused by name.

mod arrangement;
mod attributes;
mod compose;
mod proto;
mod read;
mod translate;
mod wire;
mod write;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::build::Graph;
use super::error::Error;

/// Version of the standard operators that is written.
const OPSET_WRITTEN: i64 = 18;

/// Versions of the standard operators that can be read: what lies between changed only what the
/// reader knows.
const OPSETS_READ: std::ops::RangeInclusive<i64> = 11..=21;

/// Version of the file format itself that is written; the one that goes with opset 18.
const IR_VERSION: i64 = 9;

impl Graph {
    /// The graph as an ONNX file.
    ///
    /// # Errors
    /// [`Error::Onnx`] when the file would pass 2 GiB, the limit of its format.
    pub fn to_onnx_bytes(&self) -> Result<Vec<u8>, Error> {
        write::write(self)
    }

    /// Reads an ONNX file whose shapes are all given.
    ///
    /// # Errors
    /// [`Error::Onnx`] when the file is damaged or uses what this program does not, and the errors
    /// of [`Graph::push`] when shapes do not fit.
    pub fn from_onnx_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_onnx_bytes_with_dimensions(bytes, &[])
    }

    /// Reads an ONNX file and puts numbers in place of the named dimensions of its inputs, such as
    /// `("batch", 1)`.
    ///
    /// # Errors
    /// As [`Graph::from_onnx_bytes`]; also when a dimension is neither a number nor named in
    /// `dimensions`.
    pub fn from_onnx_bytes_with_dimensions(
        bytes: &[u8],
        dimensions: &[(&str, usize)],
    ) -> Result<Self, Error> {
        wire::check(bytes)?;
        read::read(
            bytes,
            &dimensions.iter().copied().collect::<HashMap<_, _>>(),
        )
    }
}

/// An [`Error::Onnx`].
fn refuse<T>(problem: impl Into<String>) -> Result<T, Error> {
    Err(Error::Onnx(problem.into()))
}
