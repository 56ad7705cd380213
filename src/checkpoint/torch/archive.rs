//! The zip files of PyTorch 1.6 and later.

use std::io::{Read, Seek};
use std::path::Path;

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive, ZipReadOptions};

use super::pickle::Pickle;
use super::tensor::Storage;
use super::{PICKLE_LIMIT_BYTES, Source, collect};
use crate::checkpoint::{Error, Tensors, unreadable};

/// The name of the entry that all others lie beside.
const PICKLE: &str = "data.pkl";

/// Reads all tensors.
pub(super) fn read(
    path: &Path,
    source: impl Read + Seek,
    file_bytes: u64,
) -> Result<Tensors, Error> {
    let mut archive = Archive::open(path, source)?;
    if let Some(order) = archive.entry("byteorder", 16)?
        && order != b"little"
    {
        let problem = "are not in little-endian order";
        return Err(Error::unsupported(path, "its numbers", problem));
    }
    let limit_bytes = PICKLE_LIMIT_BYTES.min(file_bytes);
    let bytes = archive.entry(PICKLE, limit_bytes)?.unwrap_or_default();
    let pickle = Pickle::read(path, "the pickle", &bytes)?;
    collect(path, &pickle, file_bytes, &mut archive)
}

struct Archive<'a, R> {
    path: &'a Path,
    zip: ZipArchive<R>,
    /// The folder of all entries, with its slash.
    root: String,
}

impl<'a, R: Read + Seek> Archive<'a, R> {
    fn open(path: &'a Path, source: R) -> Result<Self, Error> {
        let wrong = |e: ZipError| match e {
            ZipError::Io(e) if e.raw_os_error().is_some() => unreadable(path, e),
            e => Error::malformed(path, "the zip file", format!("cannot be read ({e})")),
        };
        let zip = ZipArchive::new(source).map_err(wrong)?;
        let root = zip
            .file_names()
            .filter_map(|name| name.ok()?.strip_suffix(PICKLE).map(str::to_owned))
            .filter(|root| root.is_empty() || root.ends_with('/'))
            .min_by_key(String::len)
            .ok_or_else(|| {
                let problem = format!("holds no `{PICKLE}`, so it is no checkpoint of PyTorch");
                Error::malformed(path, "the zip file", problem)
            })?;
        Ok(Self { path, zip, root })
    }

    /// An entry, if there is one of this name.
    ///
    /// What PyTorch writes is not compressed. A compressed entry is refused: it could be a thousand
    /// times larger than the file.
    fn entry(&mut self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path;
        let Some(index) = self.zip.index_for_name(&format!("{}{name}", self.root)) else {
            return Ok(None);
        };
        let field = || format!("the entry `{name}`");
        let wrong = |e: ZipError| Error::malformed(path, field(), format!("cannot be read ({e})"));
        // A checksum of zero was never computed; PyTorch can be told not to.
        let unchecked = self.zip.by_index_raw(index).map_err(wrong)?.crc32() == 0;
        let options = ZipReadOptions::new().ignore_crc32(unchecked);
        let entry = self
            .zip
            .by_index_with_options(index, options)
            .map_err(wrong)?;
        if entry.compression() != CompressionMethod::Stored {
            return Err(Error::unsupported(path, field(), "is compressed"));
        }
        if entry.size() > limit_bytes {
            let problem = format!(
                "has {} bytes, more than the {limit_bytes} expected",
                entry.size()
            );
            return Err(Error::malformed(path, field(), problem));
        }
        let length = entry.size();
        let mut bytes = Vec::new();
        let read = entry.take(limit_bytes + 1).read_to_end(&mut bytes);
        match read {
            Ok(read) if read as u64 == length => Ok(Some(bytes)),
            Ok(_) => Err(Error::malformed(path, field(), "has a wrong length")),
            Err(e) if e.raw_os_error().is_some() => Err(unreadable(path, e)),
            Err(e) => Err(wrong(e.into())),
        }
    }
}

impl<R: Read + Seek> Source for Archive<'_, R> {
    fn storage(&mut self, key: &str, storage: Storage) -> Result<Vec<u8>, Error> {
        let expected = storage.bytes();
        let bytes = self.entry(&format!("data/{key}"), expected as u64)?;
        match bytes {
            Some(bytes) if bytes.len() == expected => Ok(bytes),
            Some(bytes) => {
                let problem = format!("has {} bytes instead of {expected}", bytes.len());
                Err(super::storage_error(self.path, key, problem))
            }
            None => Err(super::storage_error(self.path, key, "is missing")),
        }
    }
}
