//! Files and folders that are nobody's business but their owner's: 0700 and 0600 on Unix. Other
//! systems keep a user's data directory from other users by themselves.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Creates a folder, and those above it that are missing, for the owner alone; a folder that is there
/// already is narrowed. One that belongs to somebody else, or serves all users (`/tmp`), stays as it is.
///
/// # Errors
/// What the system says when the folder cannot be made.
pub fn create_dir(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    narrow(folder);
    Ok(())
}

/// Takes the permissions of everybody but the owner from a file or a folder. What cannot be narrowed
/// (it is not there, or somebody else's) is left as it is.
pub fn narrow(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        const STICKY: u32 = 0o1000;
        let Ok(metadata) = fs::metadata(path) else {
            return;
        };
        let mode = metadata.permissions().mode();
        if mode & 0o077 == 0 || mode & STICKY != 0 {
            return;
        }
        let narrowed = fs::Permissions::from_mode(mode & 0o7700);
        if let Err(error) = fs::set_permissions(path, narrowed) {
            tracing::debug!(path = %path.display(), %error, "stays readable by others");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Makes an open file the owner's alone.
pub(super) fn set_private(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn folders_are_made_for_their_owner_and_wider_ones_narrowed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        create_dir(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        assert_eq!(mode(&folder.path().join("a")), 0o700);
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        create_dir(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
    }

    #[test]
    fn a_folder_that_serves_all_users_stays_open() {
        let folder = tempfile::tempdir().unwrap();
        let shared = folder.path().join("tmp");
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
        create_dir(&shared).unwrap();
        assert_eq!(mode(&shared), 0o1777);
    }
}
