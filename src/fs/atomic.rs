//! Writing a file so that it is there in full or not at all.
//!
//! The content goes to a temporary file in the same folder, reaches the disk, and takes the final
//! name in one step. Whatever happens in between (an error, a full disk, a killed program), what was
//! there before is untouched; and once the name is taken, the file is written. What a killed program
//! leaves behind is removed by the next one that writes into the folder.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{Error, attributes, follow_links, private, stale};

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
/// A symbolic link keeps pointing where it does: the file that it names is written, also when that is
/// not there yet. A replaced file keeps its permissions, owner, group and extended attributes where
/// the system allows it; a new one gets the usual ones. Other hard links to a replaced file keep the
/// old content.
///
/// ```
/// # use std::io::Write;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("report.json");
/// jawline::fs::atomic::write(&path, |file| writeln!(file, "{{}}"))?;
/// assert_eq!(std::fs::read(&path)?, b"{}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::NoFolder`], [`Error::WriteDenied`], [`Error::DiskFull`], [`Error::NotAFile`], or
/// [`Error::Write`] with whatever `content` failed with. Nothing has changed then.
pub fn write<T, E>(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
) -> Result<T, Error>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    write_as(path, Kind::Replacing, sync_folder, content)
}

/// As [`write()`], but fails with [`Error::Exists`] when there is a file of that name, even one that
/// appeared while `content` was running.
///
/// # Errors
/// As [`write()`], and [`Error::Exists`].
pub fn write_new<T, E>(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
) -> Result<T, Error>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    write_as(path, Kind::New, sync_folder, content)
}

/// As [`write_new()`] where nothing may be replaced, else as [`write()`]. Whether a file is the photo's own, only the
/// caller knows.
///
/// # Errors
/// As those two.
pub fn write_allowing<T, E>(
    path: &Path,
    overwrite: Overwrite,
    content: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
) -> Result<T, Error>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match overwrite {
        Overwrite::Never => write_new(path, content),
        Overwrite::ExceptSource | Overwrite::Always => write(path, content),
    }
}

/// As [`write()`], for a file that only its owner may read (0600 on Unix), whoever could read the one
/// that it replaces.
///
/// # Errors
/// As [`write()`].
pub fn write_private<T, E>(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
) -> Result<T, Error>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    write_as(path, Kind::Private, sync_folder, content)
}

/// Finds out whether `path` could be written now, before work is put into what is to be written.
///
/// # Errors
/// As [`write()`], as far as can be known without content.
pub fn check(path: &Path) -> Result<(), Error> {
    let place = Place::of(path, Kind::Replacing)?;
    place.temporary().map(|_| ())
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Replacing,
    New,
    Private,
}

fn write_as<T, E>(
    path: &Path,
    kind: Kind,
    sync_folder: impl Fn(&Path) -> std::io::Result<()>,
    content: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
) -> Result<T, Error>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let _write = tracing::info_span!("write", path = %path.display()).entered();
    let failed = |source: std::io::Error| Error::writing(path, source.into());
    let place = Place::of(path, kind)?;
    stale::sweep(&place.folder);

    let mut temporary = place.temporary()?;
    let mut writer = BufWriter::new(temporary.as_file_mut());
    let value = content(&mut writer).map_err(|e| Error::writing(path, e.into()))?;
    writer.flush().map_err(failed)?;
    drop(writer);
    match (kind, &place.old) {
        (Kind::Private, _) => private::set_private(temporary.as_file()).map_err(failed)?,
        (_, Some(old)) => attributes::keep(temporary.as_file(), &place.target, old),
        (_, None) => {}
    }
    temporary.as_file().sync_all().map_err(failed)?;
    match kind {
        Kind::Replacing | Kind::Private => temporary.persist(&place.target),
        Kind::New => temporary.persist_noclobber(&place.target),
    }
    .map_err(|e| failed(e.error))?;
    // The file is there, and a power failure in this moment is all that could undo it.
    if let Err(error) = sync_folder(&place.folder) {
        tracing::warn!(path = %path.display(), %error, "written, but its folder is not synced to the disk");
    }
    Ok(value)
}

/// Where a file will stand.
struct Place<'a> {
    /// The name that it was asked for under.
    path: &'a Path,
    kind: Kind,
    target: PathBuf,
    folder: PathBuf,
    /// The file that stands there now.
    old: Option<fs::Metadata>,
}

impl<'a> Place<'a> {
    fn of(path: &'a Path, kind: Kind) -> Result<Self, Error> {
        let not_a_file = || Error::NotAFile { path: path.into() };
        let is_taken = kind == Kind::New && fs::symlink_metadata(path).is_ok();
        let target = follow_links(path).map_err(|error| Error::writing(path, error.into()))?;
        let old = fs::metadata(&target).ok();
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            return Err(not_a_file());
        }
        if is_taken {
            return Err(Error::Exists { path: path.into() });
        }
        let folder = folder_of(&target).ok_or_else(not_a_file)?;
        Ok(Self {
            path,
            kind,
            target,
            folder,
            old,
        })
    }

    /// A temporary file beside it, locked as long as it is being written.
    fn temporary(&self) -> Result<tempfile::NamedTempFile, Error> {
        // What replaces a private file must not be readable by others while it is being written.
        let is_private = self.kind == Kind::Private || self.old.is_some();
        let made = builder(is_private).tempfile_in(&self.folder);
        let temporary = made.map_err(|error| Error::writing(self.path, error.into()))?;
        if let Err(error) = temporary.as_file().try_lock() {
            // Not every file system has locks; where there are none, nothing is swept either.
            tracing::debug!(path = %self.path.display(), %error, "written without a lock");
        }
        Ok(temporary)
    }
}

/// The folder that holds `target`, or `None` when it names no file (`/`, `..`).
fn folder_of(target: &Path) -> Option<PathBuf> {
    target.file_name()?;
    match target.parent()? {
        here if here.as_os_str().is_empty() => Some(PathBuf::from(".")),
        folder => Some(folder.to_owned()),
    }
}

fn builder(is_private: bool) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder
        .prefix(stale::PREFIX)
        .rand_bytes(stale::RANDOM_LETTERS);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Less the user's umask, like any new file.
        let mode = if is_private { 0o600 } else { 0o666 };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = is_private;
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
#[path = "atomic_tests.rs"]
mod tests;
