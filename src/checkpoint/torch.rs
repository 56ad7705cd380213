//! PyTorch checkpoints (`.pth`): both the zip files of today and the serialisation before 1.6.
//!
//! A checkpoint is a Python pickle, a small program that may name any Python function, and the
//! numbers that it refers to. The `pickle` module reads the program as data and refuses what is
//! neither a tensor nor plain data. Then every storage is read once, and its tensors are taken from
//! it. Compressed entries, tensors larger than the file, and objects that contain themselves are
//! refused, so that memory and time stay in proportion to the length of the file.

mod archive;
mod collect;
mod legacy;
mod pickle;
mod tensor;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use self::collect::collect;
use self::tensor::Storage;
use super::{Error, Tensors, too_large, unreadable};

/// The largest accepted file; the largest network of interest takes 130 MiB.
const LIMIT_BYTES: u64 = 4 << 30;

/// The longest pickles; those of the largest network of interest take 60 KiB.
const PICKLE_LIMIT_BYTES: u64 = 16 << 20;

/// Enough of a file to tell the serialisations apart.
const HEAD_BYTES: u64 = 64;

/// Reads all tensors of a checkpoint.
///
/// Names are the paths of keys, joined by dots (`G_synthesis.state_dict.const`). Every type of number
/// is converted to the nearest 32-bit float.
///
/// # Errors
/// [`Error::RefusedGlobal`] if the file mentions a Python object of another kind than a state dict
/// needs, and otherwise an [`Error`] that names the file and what is wrong with it.
pub fn read(path: &Path) -> Result<Tensors, Error> {
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    parse(path, BufReader::new(file))
}

/// Like [`read`], from the content of a file; `path` is only for messages.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, mut source: impl Read + Seek) -> Result<Tensors, Error> {
    let failed = |e| unreadable(path, e);
    let mut head = Vec::new();
    let beginning = source.by_ref().take(HEAD_BYTES).read_to_end(&mut head);
    beginning.map_err(failed)?;
    let file_bytes = source.seek(SeekFrom::End(0)).map_err(failed)?;
    if file_bytes > LIMIT_BYTES {
        return Err(too_large(path, LIMIT_BYTES));
    }
    source.rewind().map_err(failed)?;
    if head.starts_with(b"PK") {
        archive::read(path, source, file_bytes)
    } else if legacy::begins(&head) {
        legacy::read(path, source, file_bytes)
    } else {
        let problem = "is not that of a checkpoint of PyTorch";
        Err(Error::malformed(path, "the beginning", problem))
    }
}

/// Where the numbers lie.
trait Source {
    /// The bytes of a storage, all of them.
    fn storage(&mut self, key: &str, storage: Storage) -> Result<Vec<u8>, Error>;
}

fn storage_error(path: &Path, key: &str, problem: impl Into<String>) -> Error {
    Error::malformed(
        path,
        format!("the storage `{}`", pickle::brief(key)),
        problem,
    )
}
