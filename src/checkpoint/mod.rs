//! Readers of weight files: each yields named tensors (dlib: trees; OpenVINO: layers as well) and nothing else.
//!
//! A weight file comes from a stranger. No reader executes anything in it, every declared size is
//! compared with the length of the file before memory is set aside for it, and nesting is limited;
//! so the worst a bad file can do is to be refused with an [`Error`] that says where it is wrong.
//!
//! | module | reads | yields |
//! |---|---|---|
//! | [`dlib`] | dlib's `shape_predictor` (`.dat`, `.dat.bz2`) | [`dlib::ShapePredictor`] |
//! | [`hdf5`] | HDF5, as Keras saves weights (`.weights.h5`) | [`Tensors`] |
//! | [`npy`] | NumPy's arrays (`.npy`) | one array |
//! | [`openvino`] | OpenVINO's intermediate representation (`.xml` and `.bin`) | [`openvino::Model`] |
//! | [`torch`] | PyTorch's checkpoints (`.pth`), before and since version 1.6 | [`Tensors`] |
//!
//! ```
//! use std::path::Path;
//!
//! use jawline::checkpoint::npy;
//!
//! let codes = ndarray::array![[0.5_f32, -1.0], [2.0, 0.0]];
//! let bytes = npy::to_bytes(&codes);
//! let name = Path::new("codes.npy");
//! assert_eq!(npy::parse_f32(name, &bytes)?, codes.into_dyn());
//! // Half a file is an error that names it.
//! let error = npy::parse_f32(name, &bytes[..bytes.len() - 4]).unwrap_err();
//! assert!(error.to_string().contains("codes.npy"));
//! # Ok::<(), jawline::checkpoint::Error>(())
//! ```

pub mod dlib;
mod error;
pub mod hdf5;
pub mod npy;
mod numbers;
pub mod openvino;
mod tensors;
pub mod torch;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use error::Error;
use numbers::Numbers;
pub use tensors::Tensors;

/// The length of a file, unless it is longer than `limit_bytes`.
fn file_length(path: &Path, limit_bytes: u64) -> Result<u64, Error> {
    let length = std::fs::metadata(path)
        .map_err(|e| unreadable(path, e))?
        .len();
    if length > limit_bytes {
        Err(too_large(path, limit_bytes))
    } else {
        Ok(length)
    }
}

/// Reads a whole file, unless it is longer than `limit_bytes`.
fn read_file(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, Error> {
    file_length(path, limit_bytes)?;
    // The file may have grown since its length was asked for, so the read is limited as well.
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    let mut bytes = Vec::new();
    file.take(limit_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| unreadable(path, e))?;
    if bytes.len() as u64 > limit_bytes {
        Err(too_large(path, limit_bytes))
    } else {
        Ok(bytes)
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        source,
    }
}

fn too_large(path: &Path, limit_bytes: u64) -> Error {
    Error::TooLarge {
        path: path.to_owned(),
        limit_bytes,
    }
}
