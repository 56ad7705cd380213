//! What a file keeps when its content is replaced: owner and group, permissions, access lists and
//! other extended attributes, as far as the system lets us. Nothing here can fail a write.

use std::fs::{File, Metadata};
use std::path::Path;

/// Gives `file`, which is to replace `path`, what that has.
#[cfg(unix)]
pub(super) fn keep(file: &File, path: &Path, old: &Metadata) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let note = |what: &str, error: std::io::Error| {
        tracing::debug!(path = %path.display(), %error, "{what} could not be kept");
    };
    let is_same_owner = file
        .metadata()
        .is_ok_and(|new| (new.uid(), new.gid()) == (old.uid(), old.gid()));
    let mut keeps_owner = is_same_owner;
    if !is_same_owner {
        // Only root may give files away; to a group of one's own everybody may.
        match fchown(file, Some(old.uid()), Some(old.gid())) {
            Ok(()) => keeps_owner = true,
            Err(error) => {
                note("the owner", error);
                if let Err(error) = fchown(file, None, Some(old.gid())) {
                    note("the group", error);
                }
            }
        }
    }
    // Before the permissions, which may forbid to set them; access lists after, since they depend on
    // each other.
    extended::copy(path, file, |name| !extended::is_access_list(name));
    // A program that runs as its owner must not become one that runs as somebody else.
    let kept = if keeps_owner { 0o7777 } else { 0o0777 };
    let mode = old.permissions().mode() & kept;
    if let Err(error) = file.set_permissions(std::fs::Permissions::from_mode(mode)) {
        note("the permissions", error);
    }
    extended::copy(path, file, extended::is_access_list);
}

/// Other systems keep permissions in the folder, and a read-only mark.
#[cfg(not(unix))]
pub(super) fn keep(file: &File, path: &Path, old: &Metadata) {
    if let Err(error) = file.set_permissions(old.permissions()) {
        tracing::debug!(path = %path.display(), %error, "the permissions could not be kept");
    }
}

#[cfg(unix)]
mod extended {
    use std::ffi::OsStr;
    use std::fs::File;
    use std::path::Path;

    use xattr::FileExt;

    pub fn is_access_list(name: &OsStr) -> bool {
        name.to_string_lossy().starts_with("system.")
    }

    /// Whether an attribute describes the content that is replaced: capabilities of a program, and
    /// signatures.
    fn is_about_the_content(name: &OsStr) -> bool {
        ["security.capability", "security.evm", "security.ima"]
            .iter()
            .any(|other| name == *other)
    }

    /// Copies the extended attributes that are `wanted`. File systems without any have none to copy.
    pub fn copy(from: &Path, to: &File, wanted: impl Fn(&OsStr) -> bool) {
        let Ok(names) = xattr::list(from) else {
            return;
        };
        for name in names.filter(|name| wanted(name) && !is_about_the_content(name)) {
            let copied = match xattr::get(from, &name) {
                Ok(Some(value)) => to.set_xattr(&name, &value),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = copied {
                tracing::debug!(path = %from.display(), ?name, %error, "an attribute could not be kept");
            }
        }
    }
}
