use std::io;

use super::*;

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn writes_and_replaces_and_returns_what_the_content_returns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    let length = write(&path, |f| f.write_all(b"one").map(|()| 3)).unwrap();
    assert_eq!(length, 3);
    write(&path, |f| f.write_all(b"two")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(names_in(folder.path()), ["a.txt"]);
}

#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, b"old").unwrap();
    let error = write(&path, |f| {
        f.write_all(b"half of")?;
        Err::<(), _>(io::Error::from(io::ErrorKind::StorageFull))
    })
    .unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names_in(folder.path()), ["a.txt"]);
}

#[test]
fn the_error_of_the_content_is_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let error = write(&folder.path().join("a"), |_| Err::<(), _>("no head")).unwrap_err();
    assert!(error.to_string().ends_with("no head"), "{error}");
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn new_files_replace_nothing_even_if_it_appears_late() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    let late = write_new(&path, |f| {
        fs::write(&path, b"other")?;
        f.write_all(b"mine")
    });
    assert!(matches!(late, Err(Error::Exists { .. })), "{late:?}");
    let early = write_new(&path, |f| f.write_all(b"mine"));
    assert!(matches!(early, Err(Error::Exists { .. })), "{early:?}");
    assert_eq!(fs::read(&path).unwrap(), b"other");
    assert_eq!(names_in(folder.path()), ["a.txt"]);
}

#[test]
fn folders_are_neither_replaced_nor_invented() {
    let folder = tempfile::tempdir().unwrap();
    let replaced = write(folder.path(), |f| f.write_all(b"x"));
    assert!(matches!(replaced, Err(Error::NotAFile { .. })));
    let invented = write(&folder.path().join("no/such/a.txt"), |f| f.write_all(b"x"));
    assert!(matches!(invented, Err(Error::NoFolder { .. })));
    let root = write(Path::new("/"), |f| f.write_all(b"x"));
    assert!(matches!(root, Err(Error::NotAFile { .. })));
}

#[cfg(unix)]
#[test]
fn a_device_is_not_replaced() {
    let error = write(Path::new("/dev/full"), |f| f.write_all(b"x")).unwrap_err();
    assert!(matches!(error, Error::NotAFile { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn links_and_permissions_survive() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, b"old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    write(&link, |f| f.write_all(b"new")).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"new");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_that_is_not_there_yet_leads_there() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    symlink("file", &link).unwrap();
    let new = write_new(&link, |f| f.write_all(b"new"));
    assert!(matches!(new, Err(Error::Exists { .. })), "{new:?}");
    write(&link, |f| f.write_all(b"new")).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"new");

    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    symlink(&one, &two).unwrap();
    symlink(&two, &one).unwrap();
    assert!(write(&one, |f| f.write_all(b"x")).is_err(), "a circle");
}

#[test]
fn a_folder_that_cannot_be_synced_does_not_undo_the_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    for kind in [Kind::New, Kind::Replacing, Kind::Private] {
        let failing = |_: &Path| Err(io::Error::other("this file system cannot"));
        write_as(&path, kind, failing, |f| f.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names_in(folder.path()), ["a.txt"]);
    }
}

#[test]
fn what_a_killed_program_left_goes_and_what_a_living_one_writes_stays() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".jawline-killed"), b"half").unwrap();
    let path = folder.path().join("a.txt");
    write(&path, |f| {
        // Another program comes along in the middle of this.
        stale::sweep_now(folder.path());
        f.write_all(b"whole")?;
        f.flush()?;
        stale::sweep_now(folder.path());
        Ok::<(), io::Error>(())
    })
    .unwrap();
    assert_eq!(names_in(folder.path()), ["a.txt"]);
    assert_eq!(fs::read(&path).unwrap(), b"whole");
}

#[cfg(unix)]
#[test]
fn private_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    write_private(&path, |f| f.write_all(b"one")).unwrap();
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    write_private(&path, |f| f.write_all(b"two")).unwrap();
    assert_eq!(mode(), 0o600);
}

#[cfg(target_os = "linux")]
#[test]
fn a_replaced_file_keeps_its_extended_attributes_even_when_it_is_read_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, b"old").unwrap();
    if xattr::set(&path, "user.tag", b"wedding").is_err() {
        // Such as tmpfs of older kernels; the write below must work all the same.
        eprintln!("no extended attributes here");
    }
    let tag = xattr::get(&path, "user.tag").unwrap_or_default();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    write(&path, |f| f.write_all(b"new")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(xattr::get(&path, "user.tag").unwrap_or_default(), tag);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o440);
}

/// Only root can give files away, so this tells nothing when run by others.
#[cfg(unix)]
#[test]
fn a_replaced_file_keeps_its_owner_and_group() {
    use std::os::unix::fs::{MetadataExt, chown};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, b"old").unwrap();
    let _ = chown(&path, Some(1234), Some(2345));
    let owner = |path: &Path| {
        let metadata = fs::metadata(path).unwrap();
        (metadata.uid(), metadata.gid())
    };
    let before = owner(&path);
    write(&path, |f| f.write_all(b"new")).unwrap();
    assert_eq!(owner(&path), before);
}
