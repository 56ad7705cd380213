//! Where Jawline keeps what it installs: networks, ONNX Runtime, downloads.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempDir};

/// The environment variable that moves the data directory.
pub const VARIABLE: &str = "JAWLINE_DATA_DIR";

/// The user's data directory for Jawline: `$JAWLINE_DATA_DIR` if set, else the platform's own
/// (`~/.local/share/jawline` on Linux). It need not exist yet.
///
/// Returns `None` when the platform names no home directory; setting the variable cures that.
pub fn data_dir() -> Option<PathBuf> {
    match env::var_os(VARIABLE) {
        Some(path) if !path.is_empty() => Some(PathBuf::from(path)),
        _ => directories::ProjectDirs::from("", "", "jawline")
            .map(|dirs| dirs.data_dir().to_path_buf()),
    }
}

/// A new folder below `parent` that nobody but its owner can enter, whatever the user's mask allows. It is
/// removed with the value.
///
/// # Errors
/// What the system says.
pub(crate) fn private_folder(parent: &Path, prefix: &str) -> io::Result<TempDir> {
    let mut builder = Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    builder.tempdir_in(parent)
}
