//! Fetching a package archive with pip, by name, version and hash.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::data_dir::private_folder;
use crate::networks::Error;
use crate::networks::pack::sha256_hex;
use crate::networks::pack::sources::{Kind, Source};
use crate::python::{self, Unfinished};
use crate::runtime::CancelToken;

/// An archive that was fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Archive {
    path: PathBuf,
    sha256: &'static str,
}

impl Archive {
    /// The file, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of the archive. They are hashed as they are read: a file that was changed after it was
    /// fetched is not used.
    ///
    /// # Errors
    /// [`Error::Read`], and [`Error::Archive`] when they are not those that are pinned.
    pub(super) fn read(&self) -> Result<Vec<u8>, Error> {
        let bytes = fs::read(&self.path).map_err(|source| Error::Read {
            path: self.path.clone(),
            source,
        })?;
        if sha256_hex(&bytes) == self.sha256 {
            return Ok(bytes);
        }
        Err(Error::Archive {
            path: self.path.clone(),
            reason: "its SHA-256 is not the pinned one".to_owned(),
        })
    }
}

/// Fetches the archive into `downloads`. An archive that is already there with the right hash is used as
/// it is, so that an interrupted installation continues.
///
/// # Errors
/// [`Error::Fetch`] with pip's last words, [`Error::WrongHash`] when the archive is not the pinned one,
/// [`Error::Cancelled`].
pub(super) fn fetch(
    source: &Source,
    downloads: &Path,
    cancel: &CancelToken,
) -> Result<Archive, Error> {
    fetch_from(source, downloads, &[], cancel)
}

/// As [`fetch`]; `index` are options of pip that say where packages come from, instead of the user's own.
fn fetch_from(
    source: &Source,
    downloads: &Path,
    index: &[&str],
    cancel: &CancelToken,
) -> Result<Archive, Error> {
    let cannot = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    // pip works in another folder.
    let downloads = std::path::absolute(downloads).map_err(cannot(downloads))?;
    // One folder a package: whatever file appears in it is the archive.
    let folder = downloads.join(format!("{}-{}", source.package, source.version));
    if let Some(archive) = archive_in(&folder, source) {
        if archive.read().is_ok() {
            return Ok(archive);
        }
        tracing::warn!(archive = %archive.path.display(), "incomplete or altered, fetched again");
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(cannot(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(cannot(&folder))?;
    run_pip(source, &folder, index, cancel)?;
    let archive = archive_in(&folder, source)
        .ok_or_else(|| fetch_error(source, "pip left no archive".to_owned()))?;
    match archive.read() {
        Ok(_) => Ok(archive),
        Err(Error::Archive { .. }) => {
            let _ = fs::remove_dir_all(&folder);
            Err(wrong_hash(source))
        }
        Err(error) => Err(error),
    }
}

fn run_pip(
    source: &Source,
    folder: &Path,
    index: &[&str],
    cancel: &CancelToken,
) -> Result<(), Error> {
    let cannot = |error| Error::Write {
        path: folder.to_owned(),
        source: error,
    };
    // What pip leaves when it is killed lies in here as well, and goes with the folder.
    let workshop = private_folder(folder, ".pip-").map_err(cannot)?;
    let mut command = python::isolated();
    command
        .args(["-m", "pip", "download", "--no-deps", "--no-input"])
        .args([
            "--progress-bar=off",
            "--disable-pip-version-check",
            "--dest",
        ])
        .arg(folder)
        .args(index)
        .env("TMPDIR", workshop.path());
    match source.kind {
        Kind::Wheel => {
            command.arg("--only-binary=:all:");
        }
        Kind::PlatformWheel { python, platform } => {
            command.args(["--only-binary=:all:", "--implementation", "cp"]);
            command.args(["--python-version", python, "--platform", platform]);
        }
        Kind::SourceArchive => {
            let backend = stand_in_backend(source, &workshop).map_err(cannot)?;
            command
                .args(["--no-binary=:all:", "--use-pep517", "--no-build-isolation"])
                // pip itself does not follow it, being isolated, but what it starts to build does.
                .env("PYTHONPATH", backend);
        }
    }
    // pip checks the hash before it looks into the archive, so it does not matter which index the user's
    // settings of pip name.
    let requirements = workshop.path().join("requirements.txt");
    let pinned = format!(
        "{}=={} --hash=sha256:{}\n",
        source.package, source.version, source.sha256
    );
    fs::write(&requirements, pinned).map_err(cannot)?;
    command
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements);

    let finished = match python::run(command, || cancel.is_cancelled()) {
        Ok(finished) => finished,
        Err(Unfinished::Cancelled) => return Err(Error::Cancelled),
        Err(Unfinished::System(error)) => {
            return Err(fetch_error(
                source,
                format!("python3 cannot be started ({error}); is it installed?"),
            ));
        }
    };
    if finished.status.success() {
        return Ok(());
    }
    if finished.stderr.contains("DO NOT MATCH THE HASHES") {
        return Err(wrong_hash(source));
    }
    Err(fetch_error(source, reason(&finished.stderr)))
}

/// Writes a package `setuptools` that stands in for the real one, and yields the folder it is in.
///
/// For a source archive pip wants to know the package's name and version, and lets setuptools find out,
/// which runs the package's `setup.py`. This one says what we know already and runs nothing, and nothing
/// has to be fetched to build with.
fn stand_in_backend(source: &Source, workshop: &TempDir) -> io::Result<PathBuf> {
    let folder = workshop.path().join("backend");
    let package = folder.join("setuptools");
    fs::create_dir_all(&package)?;
    fs::write(package.join("__init__.py"), "")?;
    let Source {
        package: name,
        version,
        ..
    } = source;
    let code = format!(
        r#"import os


class Backend:
    def get_requires_for_build_wheel(self, config_settings=None):
        return []

    def prepare_metadata_for_build_wheel(self, metadata_directory, config_settings=None):
        folder = "{}-{version}.dist-info"
        os.makedirs(os.path.join(metadata_directory, folder), exist_ok=True)
        with open(os.path.join(metadata_directory, folder, "METADATA"), "w") as file:
            file.write("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        return folder


__legacy__ = Backend()
"#,
        name.replace('-', "_")
    );
    fs::write(package.join("build_meta.py"), code)?;
    Ok(folder)
}

/// Why pip failed, out of its words.
fn reason(words: &str) -> String {
    if words.contains("No module named pip") {
        return "python3 has no pip; install it (Debian: python3-pip)".to_owned();
    }
    // With no connection, too, it says in the end that there is no such package.
    if words.contains("No matching distribution found") {
        return "pip's package index cannot be reached or does not have it; is there a network?"
            .to_owned();
    }
    let mut lines = words.lines().rev().map(str::trim);
    let last = lines.find(|line| !line.is_empty() && !line.starts_with("note:"));
    let last = last.unwrap_or("pip failed without a word");
    let last = last.strip_prefix("ERROR: ").unwrap_or(last);
    last.trim_end_matches('.').to_owned()
}

fn fetch_error(source: &Source, reason: String) -> Error {
    Error::Fetch {
        package: source.package.to_owned(),
        version: source.version.to_owned(),
        reason,
    }
}

fn wrong_hash(source: &Source) -> Error {
    Error::WrongHash {
        package: source.package.to_owned(),
        version: source.version.to_owned(),
    }
}

fn archive_in(folder: &Path, source: &Source) -> Option<Archive> {
    fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".whl") || name.ends_with(".tar.gz")
        })
        .map(|path| Archive {
            path,
            sha256: source.sha256,
        })
}

#[cfg(test)]
mod tests {
    use super::super::unpack::member;
    use super::*;

    const SOURCE: Source = Source {
        package: "no-such-package-of-jawline",
        version: "0.0.1",
        kind: Kind::Wheel,
        sha256: "0",
        licence: "",
        limits: "",
    };

    /// A source archive whose `setup.py` leaves the file `mark` where it runs, in a folder of its own.
    fn source_archive(mark: &Path) -> (TempDir, Source) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("marked_package-1.0.tar.gz");
        let mut tar = tar::Builder::new(Vec::new());
        let setup = format!(
            "open({:?}, 'w').close()\nfrom setuptools import setup\nsetup(name='marked-package', version='1.0')\n",
            mark.to_str().unwrap()
        );
        let metadata = "Metadata-Version: 1.1\nName: marked-package\nVersion: 1.0\n";
        for (name, text) in [("setup.py", setup.as_str()), ("PKG-INFO", metadata)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            let name = format!("marked_package-1.0/{name}");
            tar.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        let plain = tar.into_inner().unwrap();
        let file = fs::File::create(&path).unwrap();
        let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        io::Write::write_all(&mut gz, &plain).unwrap();
        gz.finish().unwrap();
        let digest = sha256_hex(&fs::read(&path).unwrap());
        let source = Source {
            package: "marked-package",
            version: "1.0",
            kind: Kind::SourceArchive,
            sha256: Box::leak(digest.into_boxed_str()),
            ..SOURCE
        };
        (folder, source)
    }

    fn fetch_local(source: &Source, index: &Path, downloads: &Path) -> Result<Archive, Error> {
        let links = ["--no-index", "--find-links", index.to_str().unwrap()];
        fetch_from(source, downloads, &links, &CancelToken::new())
    }

    #[test]
    fn a_source_archive_arrives_without_its_set_up_code_being_run() {
        let downloads = tempfile::tempdir().unwrap();
        let mark = downloads.path().join("mark");
        let (index, source) = source_archive(&mark);
        let archive = fetch_local(&source, index.path(), downloads.path()).unwrap();
        let bytes = archive.read().unwrap();
        let set_up = member(archive.path(), &bytes, "setup.py").unwrap();
        assert!(String::from_utf8(set_up).unwrap().contains("mark"));
        assert!(!mark.exists(), "the package's code was run");
        // Neither pip's temporary files nor our own stay.
        let folder = archive.path().parent().unwrap();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
    }

    #[test]
    fn another_archive_than_the_pinned_one_is_refused_before_it_is_looked_into() {
        let downloads = tempfile::tempdir().unwrap();
        let mark = downloads.path().join("mark");
        let (index, source) = source_archive(&mark);
        let pinned = Source {
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ..source
        };
        let outcome = fetch_local(&pinned, index.path(), downloads.path());
        assert!(
            matches!(outcome, Err(Error::WrongHash { .. })),
            "{outcome:?}"
        );
        assert!(!mark.exists());
    }

    #[test]
    fn an_archive_that_changes_after_it_was_fetched_is_not_used() {
        let downloads = tempfile::tempdir().unwrap();
        let (index, source) = source_archive(&downloads.path().join("mark"));
        let archive = fetch_local(&source, index.path(), downloads.path()).unwrap();
        fs::write(archive.path(), b"another").unwrap();
        assert!(matches!(archive.read(), Err(Error::Archive { .. })));
        // The next installation notices, and fetches it again.
        let again = fetch_local(&source, index.path(), downloads.path()).unwrap();
        assert!(again.read().is_ok());
    }

    #[test]
    fn a_package_that_is_not_there_is_one_clear_line() {
        let folder = tempfile::tempdir().unwrap();
        let error = fetch_local(&SOURCE, folder.path(), folder.path()).unwrap_err();
        let message = error.to_string();
        assert_eq!(message.lines().count(), 1);
        assert!(message.contains("no-such-package-of-jawline"), "{message}");
    }

    #[test]
    fn an_index_that_cannot_be_reached_is_said() {
        let folder = tempfile::tempdir().unwrap();
        // Nothing listens at the discard port.
        let nowhere = ["--index-url", "http://127.0.0.1:9/simple", "--retries", "1"];
        let error = fetch_from(&SOURCE, folder.path(), &nowhere, &CancelToken::new()).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("is there a network?"), "{message}");
        assert_eq!(message.lines().count(), 1);
    }

    #[test]
    fn pip_s_own_cause_is_told_where_it_has_one() {
        let words =
            "WARNING: x\nERROR: No space left on device.\n\nnote: this is not pip's fault\n";
        assert_eq!(reason(words), "No space left on device");
        let words = "/usr/bin/python3: No module named pip\n";
        assert!(reason(words).contains("python3-pip"));
        assert!(!reason("").is_empty());
    }

    #[test]
    fn a_cancelled_fetch_leaves_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let cancel = CancelToken::new();
        cancel.cancel();
        let result = fetch(&SOURCE, folder.path(), &cancel);
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    }

    #[test]
    fn a_finished_download_is_not_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder
            .path()
            .join("no-such-package-of-jawline-0.0.1")
            .join("a.whl");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"wheel").unwrap();
        let sha256: &'static str = Box::leak(sha256_hex(b"wheel").into_boxed_str());
        let source = Source { sha256, ..SOURCE };
        assert_eq!(
            fetch(&source, folder.path(), &CancelToken::new()).unwrap(),
            Archive { path, sha256 }
        );
    }
}
