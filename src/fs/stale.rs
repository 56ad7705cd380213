//! Temporary files that killed programs have left behind.
//!
//! Whoever writes a temporary file holds it locked meanwhile; the system lets go of the lock however
//! the program ends. So a temporary file whose lock is free belongs to nobody.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// What the names of temporary files begin with.
pub(super) const PREFIX: &str = ".jawline-";
/// The random letters that follow.
pub(super) const RANDOM_LETTERS: usize = 6;

/// A file may be so new that its maker has not locked it yet.
const TOO_NEW: Duration = Duration::from_secs(10);

/// Removes the temporary files in a folder that no living program holds. Looks once into each folder.
pub(super) fn sweep(folder: &Path) {
    static SWEPT: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if swept.insert(folder.to_owned()) {
        drop(swept);
        sweep_now(folder);
    }
}

pub(super) fn sweep_now(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_temporary(&entry.file_name().to_string_lossy()) {
            remove_if_stale(&entry.path());
        }
    }
}

fn is_temporary(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| {
        rest.len() == RANDOM_LETTERS && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn remove_if_stale(path: &Path) {
    // Never through a link that took the file's place meanwhile: the name is removed, not a target.
    let Ok(file) = OpenOptions::new().read(true).open(path) else {
        return;
    };
    // A file system without locks says so, and the file stays.
    if file.try_lock().is_err() || is_just_made(&file) {
        return;
    }
    match fs::remove_file(path) {
        Ok(()) => tracing::info!(path = %path.display(), "removed what a killed program had left"),
        Err(error) => tracing::debug!(path = %path.display(), %error, "not removed"),
    }
}

/// Nothing is in it yet, and it is seconds old.
fn is_just_made(file: &File) -> bool {
    let Ok(metadata) = file.metadata() else {
        return true;
    };
    let age = metadata.modified().map(|time| time.elapsed());
    metadata.len() == 0 && !matches!(age, Ok(Ok(age)) if age > TOO_NEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_nobody_holds_and_that_are_ours_go() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [
            ".jawline-abc123",
            ".jawline-held12",
            ".jawline-notes",
            ".jawline-abc12.jpg",
            "a.jpg",
        ] {
            fs::write(at(name), b"half a photo").unwrap();
        }
        fs::write(at(".jawline-newnew"), b"").unwrap();
        fs::create_dir(at(".jawline-folder")).unwrap();
        let held = File::open(at(".jawline-held12")).unwrap();
        held.lock().unwrap();
        sweep_now(folder.path());
        let left = |name: &str| at(name).exists();
        assert!(!left(".jawline-abc123"), "nobody holds it");
        assert!(left(".jawline-held12"), "a living program writes it");
        assert!(left(".jawline-newnew"), "its maker may be about to lock it");
        for others in [
            ".jawline-notes",
            ".jawline-abc12.jpg",
            "a.jpg",
            ".jawline-folder",
        ] {
            assert!(left(others), "{others}");
        }
        drop(held);
        sweep_now(folder.path());
        assert!(!left(".jawline-held12"), "its program is gone");
    }
}
