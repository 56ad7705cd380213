//! The zip archive around a project: small files by name, read within limits.

use std::io::{self, Cursor, Read, Seek, Write};
use std::path::Path;

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::Error;

/// No project is larger.
const LIMIT_BYTES: u64 = 512 << 20;
/// All that is unpacked of a project together: twice what a thousand faces with codes of 64 layers take.
const UNPACKED_LIMIT_BYTES: u64 = 256 << 20;

/// The bytes of a project file, within the limit.
///
/// # Errors
/// [`Error::Read`], [`Error::TooLarge`].
pub(super) fn read_file(path: &Path, file: impl Read) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = file.take(LIMIT_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|source| Error::Read {
        path: path.into(),
        source,
    })?;
    if bytes.len() as u64 > LIMIT_BYTES {
        return Err(too_large(path, "the file".to_owned(), LIMIT_BYTES));
    }
    Ok(bytes)
}

/// An archive that is being read.
pub(super) struct Archive<'a, R> {
    zip: ZipArchive<R>,
    path: &'a Path,
    /// How much more may be unpacked.
    left_bytes: u64,
}

impl<'a, R: Read + Seek> Archive<'a, R> {
    /// Reads the table of contents; `path` is only for messages.
    pub fn open(path: &'a Path, mut reader: R) -> Result<Self, Error> {
        let failed = |source| Error::Read {
            path: path.into(),
            source,
        };
        let length = reader.seek(io::SeekFrom::End(0)).map_err(failed)?;
        if length > LIMIT_BYTES {
            return Err(too_large(path, "the file".to_owned(), LIMIT_BYTES));
        }
        reader.rewind().map_err(failed)?;
        let mut magic = Vec::new();
        (&mut reader)
            .take(2)
            .read_to_end(&mut magic)
            .map_err(failed)?;
        reader.rewind().map_err(failed)?;
        match ZipArchive::new(reader) {
            Ok(zip) => Ok(Self {
                zip,
                path,
                left_bytes: UNPACKED_LIMIT_BYTES,
            }),
            Err(ZipError::Io(source)) if source.kind() != io::ErrorKind::UnexpectedEof => {
                Err(failed(source))
            }
            Err(_) if magic != b"PK" => Err(Error::NotAProject { path: path.into() }),
            Err(_) => Err(Error::Damaged {
                path: path.into(),
                field: "its end".to_owned(),
                problem: "is missing or makes no sense (was it copied in full?)".to_owned(),
            }),
        }
    }

    /// Whether there is a file of this name.
    pub fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// A file's content. Its declared size is not trusted, and what all files together may take is bounded
    /// too.
    pub fn read(&mut self, name: &str, limit_bytes: u64) -> Result<Vec<u8>, Error> {
        let damaged = |problem: String| Error::Damaged {
            path: self.path.into(),
            field: format!("'{name}' in it"),
            problem,
        };
        let file = self.zip.by_name(name).map_err(|error| match error {
            ZipError::FileNotFound => damaged("is missing".to_owned()),
            other => damaged(format!("cannot be unpacked ({other})")),
        })?;
        let mut bytes = Vec::new();
        file.take(limit_bytes.min(self.left_bytes) + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| damaged(format!("cannot be unpacked ({error})")))?;
        if bytes.len() as u64 > limit_bytes {
            return Err(too_large(self.path, format!("'{name}' in it"), limit_bytes));
        }
        match self.left_bytes.checked_sub(bytes.len() as u64) {
            Some(left) => self.left_bytes = left,
            None => {
                let all = "what it unpacks to".to_owned();
                return Err(too_large(self.path, all, UNPACKED_LIMIT_BYTES));
            }
        }
        Ok(bytes)
    }
}

fn too_large(path: &Path, part: String, limit_bytes: u64) -> Error {
    Error::TooLarge {
        path: path.into(),
        part,
        limit_bytes,
    }
}

/// Packs files into an archive.
pub(super) fn pack(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        // Codes look like noise: packing them would cost time and gain nothing.
        let method = match name.ends_with(".npy") {
            true => CompressionMethod::Stored,
            false => CompressionMethod::Deflated,
        };
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(name.as_str(), options)?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_files_that_are_each_within_the_limit_are_bounded_by_their_sum() {
        const FILE_BYTES: u64 = 16 << 20;
        let fitting = UNPACKED_LIMIT_BYTES / FILE_BYTES;
        let files: Vec<(String, Vec<u8>)> = (0..=fitting)
            .map(|number| (format!("{number}.bin"), vec![0; FILE_BYTES as usize]))
            .collect();
        let bytes = pack(&files).unwrap();
        drop(files);
        let mut archive = Archive::open(Path::new("bomb.jawline"), Cursor::new(bytes)).unwrap();
        for number in 0..fitting {
            archive.read(&format!("{number}.bin"), FILE_BYTES).unwrap();
        }
        let error = archive.read(&format!("{fitting}.bin"), FILE_BYTES);
        assert!(
            matches!(&error, Err(Error::TooLarge { part, .. }) if part.contains("unpacks")),
            "{error:?}"
        );
    }
}
