//! Files: written whole or not at all, kept private where they must be, recognised under any name.
//!
//! [`atomic::write`] is the way in which the program writes every file.

#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

pub mod atomic;
mod attributes;
mod error;
pub mod private;
mod stale;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use error::Error;

/// Whether two names lead to the same file, through symbolic links and (on Unix) hard links.
pub fn same_file(a: &Path, b: &Path) -> bool {
    if let (Ok(a), Ok(b)) = (fs::canonicalize(a), fs::canonicalize(b))
        && a == b
    {
        return true;
    }
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => same_inode(&a, &b),
        _ => false,
    }
}

#[cfg(unix)]
fn same_inode(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same_inode(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    false
}

/// The file that writing to `path` would create or replace: links are followed, the last of them even
/// when it leads to a file that is not there yet.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    /// As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(there) = fs::canonicalize(&target) {
            return Ok(there);
        }
        match fs::read_link(&target) {
            Ok(next) => target = target.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other("there are too many symbolic links"))
}
