//! The serialisation before PyTorch 1.6: five pickles (magic number, protocol, system, the object,
//! keys of storages), then the storages in the order of their keys, each a count and its numbers.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::pickle::{Pickle, Value, brief};
use super::tensor::Storage;
use super::{PICKLE_LIMIT_BYTES, Source, collect, storage_error};
use crate::checkpoint::{Error, Tensors, unreadable};

/// The magic number 0x1950a86a20f9469cfc6c, as pickles spell it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Where the magic number ends at the latest, in any protocol.
const MAGIC_SEARCH_BYTES: usize = 32;

/// The only version of this serialisation.
const PROTOCOL: i64 = 1001;

/// Bytes of the count before a storage.
const COUNT_BYTES: u64 = 8;

/// Whether a file that begins so is of this kind.
pub(super) fn begins(head: &[u8]) -> bool {
    let searched = head.get(..MAGIC_SEARCH_BYTES).unwrap_or(head);
    searched.windows(MAGIC.len()).any(|part| part == MAGIC)
}

/// Reads all tensors.
pub(super) fn read(
    path: &Path,
    mut source: impl Read + Seek,
    file_bytes: u64,
) -> Result<Tensors, Error> {
    let mut head = Vec::new();
    let limited = source
        .by_ref()
        .take(PICKLE_LIMIT_BYTES)
        .read_to_end(&mut head);
    limited.map_err(|e| unreadable(path, e))?;

    let mut at = 0;
    let mut next = |field| {
        let rest = head.get(at..).unwrap_or_default();
        let pickle = Pickle::read(path, field, rest).map_err(|e| match e {
            Error::Truncated { .. } if file_bytes > PICKLE_LIMIT_BYTES => {
                let problem = format!("goes beyond the first {PICKLE_LIMIT_BYTES} bytes");
                Error::unsupported(path, field, problem)
            }
            e => e,
        })?;
        at += pickle.length;
        Ok::<_, Error>(pickle)
    };
    next("the magic number")?;
    let field = "the version of the serialisation";
    if !matches!(*next(field)?.root(), Value::Int(PROTOCOL)) {
        let problem = format!("is not {PROTOCOL}");
        return Err(Error::unsupported(path, field, problem));
    }
    let system = next("the system information")?;
    if !matches!(
        system.entry(system.root(), "little_endian"),
        Some(Value::Bool(true))
    ) {
        let problem = "are not in little-endian order";
        return Err(Error::unsupported(path, "its numbers", problem));
    }
    let object = next("the pickle")?;
    let keys = next("the list of storages")?;
    let start_of = layout(path, &object, &keys, at as u64, file_bytes)?;
    let mut storages = Storages {
        path,
        source,
        start_of,
    };
    collect(path, &object, file_bytes, &mut storages)
}

/// Where every storage begins.
fn layout<'a>(
    path: &Path,
    object: &Pickle<'a>,
    keys: &Pickle<'a>,
    first: u64,
    file_bytes: u64,
) -> Result<HashMap<&'a str, u64>, Error> {
    let field = "the list of storages";
    let Value::Sequence(ids) = keys.root() else {
        return Err(Error::malformed(path, field, "is no list"));
    };
    let mut start_of = HashMap::new();
    let mut start = first;
    for &id in ids {
        let &Value::Text(key) = keys.value(id) else {
            return Err(Error::malformed(path, field, "has a key that is no text"));
        };
        let Some(storage) = object.storages.get(key) else {
            let problem = format!("has the key `{}`, which nothing refers to", brief(key));
            return Err(Error::malformed(path, field, problem));
        };
        if start_of.insert(key, start).is_some() {
            let problem = format!("has the key `{}` twice", brief(key));
            return Err(Error::malformed(path, field, problem));
        }
        start = start
            .checked_add(COUNT_BYTES)
            .and_then(|start| start.checked_add(storage.bytes() as u64))
            .filter(|end| *end <= file_bytes)
            .ok_or_else(|| Error::truncated(path, format!("the storage `{}`", brief(key))))?;
    }
    Ok(start_of)
}

struct Storages<'a, R> {
    path: &'a Path,
    source: R,
    start_of: HashMap<&'a str, u64>,
}

impl<R: Read + Seek> Source for Storages<'_, R> {
    fn storage(&mut self, key: &str, storage: Storage) -> Result<Vec<u8>, Error> {
        let Some(&start) = self.start_of.get(key) else {
            return Err(storage_error(self.path, key, "is missing"));
        };
        let mut count = [0; COUNT_BYTES as usize];
        // `layout` has found the storage inside the file, so its length can be trusted.
        let mut bytes = vec![0; storage.bytes()];
        self.source
            .seek(SeekFrom::Start(start))
            .and_then(|_| self.source.read_exact(&mut count))
            .and_then(|()| self.source.read_exact(&mut bytes))
            .map_err(|e| unreadable(self.path, e))?;
        if u64::from_le_bytes(count) != storage.count as u64 {
            let problem = format!(
                "has {} numbers, where {} are described",
                u64::from_le_bytes(count),
                storage.count
            );
            return Err(storage_error(self.path, key, problem));
        }
        Ok(bytes)
    }
}
