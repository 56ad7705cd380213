//! Readers of weight files: each yields named tensors (or, for dlib, trees) and nothing else.
//!
//! A weight file comes from a stranger. No reader executes anything in it, every declared size is
//! compared with the length of the file before memory is set aside for it, and nesting is limited;
//! so the worst a bad file can do is to be refused with an [`Error`] that says where it is wrong.
//!
//! | module | reads | yields |
//! |---|---|---|
//! | [`dlib`] | dlib's `shape_predictor` (`.dat`, `.dat.bz2`) | [`dlib::ShapePredictor`] |

pub mod dlib;
mod error;
mod tensors;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use error::Error;
pub use tensors::Tensors;

/// Reads a whole file, but refuses one that is longer than `limit_bytes`.
fn read_file(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, Error> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let too_large = || Error::TooLarge {
        path: path.to_owned(),
        limit_bytes,
    };
    if length > limit_bytes {
        return Err(too_large());
    }
    // The file may grow between the two calls, so the read is limited as well.
    let mut bytes = Vec::new();
    file.take(limit_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    if bytes.len() as u64 > limit_bytes {
        return Err(too_large());
    }
    Ok(bytes)
}
