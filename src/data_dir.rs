//! Where Jawline keeps what it installs: networks, ONNX Runtime, downloads.

use std::env;
use std::path::PathBuf;

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
