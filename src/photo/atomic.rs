//! Writing a file so that it is there in full or not at all.
//!
//! The content goes to a temporary file in the same folder, reaches the disk, and takes the final
//! name in one step; then the folder reaches the disk too. Whatever happens in between (an error, a
//! full disk, a killed program), what was there before is untouched.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Error;

/// What may happen to a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overwrite {
    /// It stays, and writing fails with [`Error::Exists`].
    Never,
    /// It is replaced, unless it is the photo that the new file was made from.
    #[default]
    ExceptSource,
    /// It is replaced, whatever it is.
    Always,
}

/// Writes the file `path` through `content`, replacing an ordinary file of that name.
///
/// A symbolic link keeps pointing where it does: the file that it names is replaced. A replaced
/// file keeps its permissions; a new one gets the usual ones.
///
/// ```
/// # use std::io::Write;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("report.json");
/// jawline::photo::atomic::write(&path, |file| writeln!(file, "{{}}"))?;
/// assert_eq!(std::fs::read(&path)?, b"{}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::NoFolder`], [`Error::WriteDenied`], [`Error::DiskFull`], [`Error::NotAFile`], or
/// [`Error::Write`] with whatever `content` failed with. No file is left behind then.
pub fn write<T, E>(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
) -> Result<T, Error>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    write_new_or(path, Replace::Yes, content)
}

/// As [`write`], but fails with [`Error::Exists`] when there is a file of that name, even one that
/// appeared while `content` was running.
///
/// # Errors
/// As [`write`], and [`Error::Exists`].
pub fn write_new<T, E>(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
) -> Result<T, Error>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    write_new_or(path, Replace::No, content)
}

/// Finds out whether `path` could be written now, before work is put into what is to be written.
///
/// # Errors
/// As [`write`], as far as can be known without content.
pub fn check(path: &Path) -> Result<(), Error> {
    let place = place(path, Replace::Yes)?;
    builder()
        .tempfile_in(&place.folder)
        .map(|_| ())
        .map_err(|error| Error::writing(path, error.into()))
}

#[derive(Clone, Copy, PartialEq)]
enum Replace {
    Yes,
    No,
}

fn write_new_or<T, E>(
    path: &Path,
    replace: Replace,
    content: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
) -> Result<T, Error>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let failed = |source: std::io::Error| Error::writing(path, source.into());
    let Place {
        target,
        folder,
        old,
    } = place(path, replace)?;

    let mut temporary = builder().tempfile_in(&folder).map_err(failed)?;
    let mut writer = BufWriter::new(temporary.as_file_mut());
    let value = content(&mut writer).map_err(|e| Error::writing(path, e.into()))?;
    writer.flush().map_err(failed)?;
    drop(writer);
    if let Some(old) = old {
        let kept = fs::set_permissions(temporary.path(), old.permissions());
        kept.map_err(failed)?;
    }
    temporary.as_file().sync_all().map_err(failed)?;
    match replace {
        Replace::Yes => temporary.persist(&target),
        Replace::No => temporary.persist_noclobber(&target),
    }
    .map_err(|e| failed(e.error))?;
    sync_folder(&folder).map_err(failed)?;
    Ok(value)
}

/// Where a file will stand.
struct Place {
    target: PathBuf,
    folder: PathBuf,
    /// The file that stands there now.
    old: Option<fs::Metadata>,
}

fn place(path: &Path, replace: Replace) -> Result<Place, Error> {
    // A dangling link cannot be resolved; the rename then replaces the link itself.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let old = fs::metadata(&target).ok();
    if let Some(old) = &old {
        if !old.is_file() {
            return Err(Error::NotAFile { path: path.into() });
        }
        if replace == Replace::No {
            return Err(Error::Exists { path: path.into() });
        }
    }
    let folder = folder_of(&target).ok_or_else(|| Error::NotAFile { path: path.into() })?;
    Ok(Place {
        target,
        folder,
        old,
    })
}

/// The folder that holds `target`, or `None` when it names no file (`/`, `..`).
fn folder_of(target: &Path) -> Option<PathBuf> {
    target.file_name()?;
    match target.parent()? {
        here if here.as_os_str().is_empty() => Some(PathBuf::from(".")),
        folder => Some(folder.to_owned()),
    }
}

#[cfg(unix)]
fn builder() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    // Less the user's umask, like any new file; temporary files are private by default.
    builder
        .prefix(".jawline-")
        .permissions(fs::Permissions::from_mode(0o666));
    builder
}

#[cfg(not(unix))]
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".jawline-");
    builder
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems write the rename themselves and cannot open folders.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
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
}
