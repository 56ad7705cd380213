//! A library whose bytes were checked, in a place from which it can be loaded and where nobody else can
//! change it any more.

use std::ffi::OsStr;
#[cfg(any(windows, test))]
use std::fs;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::data_dir::private_folder;

/// Bytes that the system's loader takes for a file. It must live as long as the library is in use:
/// whoever looks for symbols, such as a debugger, opens the path again.
pub(super) struct CheckedCopy {
    path: PathBuf,
    _memory: Option<File>,
    _folder: Option<TempDir>,
}

impl CheckedCopy {
    /// Keeps these bytes sealed in memory, on no disk. Only Linux can, and not where a system forbids that
    /// memory is executed.
    pub(super) fn sealed(bytes: &[u8]) -> io::Result<Self> {
        sealed(bytes)
    }

    /// Keeps these bytes in a new folder below `parent` that is its owner's alone.
    pub(super) fn in_folder(bytes: &[u8], file_name: &OsStr, parent: &Path) -> io::Result<Self> {
        in_folder(bytes, file_name, parent)
    }

    /// The path for the loader.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(not(target_os = "linux"))]
fn sealed(_bytes: &[u8]) -> io::Result<CheckedCopy> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn sealed(bytes: &[u8]) -> io::Result<CheckedCopy> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Since Linux 6.3 whoever wants to execute may have to say so; older ones know no such flag.
    let descriptor = memfd_create("onnxruntime", flags | MemfdFlags::EXEC)
        .or_else(|_| memfd_create("onnxruntime", flags))?;
    let mut memory = File::from(descriptor);
    memory.write_all(bytes)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&memory, seals)?;
    Ok(CheckedCopy {
        path: PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd())),
        _memory: Some(memory),
        _folder: None,
    })
}

fn in_folder(bytes: &[u8], file_name: &OsStr, parent: &Path) -> io::Result<CheckedCopy> {
    const PREFIX: &str = ".loading-";
    // Windows removes no library that is in use, so what earlier runs left goes now.
    #[cfg(windows)]
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let folder = private_folder(parent, PREFIX)?;
    let path = folder.path().join(file_name);
    let mut file = File::create_new(&path)?;
    file.write_all(bytes)?;
    Ok(CheckedCopy {
        path,
        _memory: None,
        _folder: Some(folder),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn sealed_bytes_are_read_by_their_path_and_cannot_be_changed() {
        let copy = sealed(b"library").unwrap();
        assert_eq!(fs::read(copy.path()).unwrap(), b"library");
        let mut memory = copy._memory.as_ref().unwrap();
        assert!(memory.write_all(b"x").is_err());
        assert!(memory.set_len(3).is_err());
        assert!(fs::write(copy.path(), b"other").is_err());
        assert_eq!(fs::read(copy.path()).unwrap(), b"library");
    }

    #[cfg(unix)]
    #[test]
    fn a_copy_on_disk_is_its_owner_s_alone_and_goes_with_its_value() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let copy = in_folder(b"library", "lib.so".as_ref(), parent.path()).unwrap();
        assert_eq!(fs::read(copy.path()).unwrap(), b"library");
        let folder = fs::metadata(copy.path().parent().unwrap()).unwrap();
        assert_eq!(folder.permissions().mode() & 0o777, 0o700);
        drop(copy);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
