//! Putting a folder in its place, so that whatever happens the old one or the new one is there, whole.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::super::Error;
use crate::runtime::CancelToken;

/// The names of half-made folders, and of folders on their way out.
const PARTIAL: &str = ".partial-";

/// The name of a folder that was moved aside, before its own name.
const ASIDE: &str = ".replaced-";

/// The file that is locked while something is installed.
const LOCK_FILE: &str = "install.lock";

/// How often a lock that another program holds is tried.
const POLL: Duration = Duration::from_millis(50);

/// Whoever installs, imports or removes holds this lock of the data directory: two installations do not
/// take each other's half-made folders for rubbish. The system lets go of it when a program ends, however
/// that comes about.
pub(in crate::networks) struct InstallLock {
    /// `None` on a file system without locks.
    file: Option<File>,
}

impl InstallLock {
    /// Whether no other installation can be under way.
    fn is_held(&self) -> bool {
        self.file.is_some()
    }

    /// Waits for the lock. `waiting` is called once, if another program holds it.
    ///
    /// # Errors
    /// [`Error::Write`] when the data directory cannot be written to, [`Error::Cancelled`].
    pub(in crate::networks) fn wait(
        data_dir: &Path,
        mut waiting: impl FnMut(),
        cancel: &CancelToken,
    ) -> Result<Self, Error> {
        let path = data_dir.join(LOCK_FILE);
        fs::create_dir_all(data_dir).map_err(cannot_write(data_dir))?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(cannot_write(&path))?;
        let mut has_told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file: Some(file) }),
                Err(TryLockError::WouldBlock) if cancel.is_cancelled() => {
                    return Err(Error::Cancelled);
                }
                Err(TryLockError::WouldBlock) => {
                    if !has_told {
                        waiting();
                        has_told = true;
                    }
                    thread::sleep(POLL);
                }
                Err(TryLockError::Error(error)) => {
                    tracing::warn!(%error, lock = %path.display(), "installing without a lock");
                    return Ok(Self { file: None });
                }
            }
        }
    }
}

/// Fills a temporary folder beside its final place, has it checked, and puts it there in place of what was
/// there. Whatever fails, the old folder stays as it was.
///
/// # Errors
/// What `fill` and `check` say; [`Error::Write`].
pub(in crate::networks) fn into_place(
    lock: &InstallLock,
    parent: &Path,
    name: &str,
    fill: impl FnOnce(&Path) -> Result<(), Error>,
    check: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    fs::create_dir_all(parent).map_err(cannot_write(parent))?;
    tidy(&RealDisk, lock, parent);
    replace(&RealDisk, parent, name, fill, check)
}

/// Removes the folder `name`: at once it is no longer there, and then its files go.
///
/// # Errors
/// [`Error::Write`] when it cannot be moved out of its place.
pub(in crate::networks) fn remove(
    lock: &InstallLock,
    parent: &Path,
    name: &str,
) -> Result<(), Error> {
    // An older one left aside would take its place.
    tidy(&RealDisk, lock, parent);
    let place = parent.join(name);
    let partial = partial_folder(parent)?;
    fs::rename(&place, &partial).map_err(cannot_write(&place))?;
    discard(&RealDisk, &partial);
    Ok(())
}

/// Where the folder `name` is: in its place, or aside if a replacement was interrupted.
pub(in crate::networks) fn current(parent: &Path, name: &str) -> PathBuf {
    let place = parent.join(name);
    let aside = aside(parent, name);
    if !place.exists() && aside.exists() {
        aside
    } else {
        place
    }
}

/// The names of the folders of `parent`, also of those that an interrupted replacement left aside.
pub(in crate::networks) fn names(parent: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            match name.strip_prefix(ASIDE) {
                Some(name) => Some(name.to_owned()),
                None => (!name.starts_with('.')).then_some(name),
            }
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Writes a file of a folder that is being filled, down to the disk.
///
/// # Errors
/// [`Error::Write`].
pub(in crate::networks) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let sync = || -> io::Result<()> {
        let mut file = File::create(path)?;
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()
    };
    sync().map_err(cannot_write(path))
}

/// What a replacement does to the disk, so that tests can let it fail at each step.
trait Disk {
    /// Lets two names change places in one step.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, folder: &Path) -> io::Result<()>;
    /// Brings the names in a folder down to the disk.
    fn sync(&self, folder: &Path) -> io::Result<()>;
}

struct RealDisk;

impl Disk for RealDisk {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn exchange(&self, _one: &Path, _other: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir_all(folder)
    }

    #[cfg(unix)]
    fn sync(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    #[cfg(not(unix))]
    fn sync(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }
}

fn replace(
    disk: &impl Disk,
    parent: &Path,
    name: &str,
    fill: impl FnOnce(&Path) -> Result<(), Error>,
    check: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let partial = partial_folder(parent)?;
    let place = parent.join(name);
    let outcome = fill(&partial)
        .and_then(|()| check(&partial))
        .and_then(|()| {
            disk.sync(&partial).map_err(cannot_write(&partial))?;
            swap(disk, parent, name, &partial).map_err(cannot_write(&place))
        });
    // After an exchange the old folder is here.
    if partial.exists() {
        discard(disk, &partial);
    }
    outcome
}

/// Puts the folder `partial` in its place. What was there is then at `partial`, or gone.
fn swap(disk: &impl Disk, parent: &Path, name: &str, partial: &Path) -> io::Result<()> {
    let place = parent.join(name);
    // A symbolic link that leads nowhere takes up the name, too.
    if fs::symlink_metadata(&place).is_err() {
        disk.rename(partial, &place)?;
    } else if let Err(error) = disk.exchange(partial, &place) {
        tracing::debug!(%error, "two folders cannot change places in one step here");
        let aside = aside(parent, name);
        disk.rename(&place, &aside)?;
        if let Err(error) = disk.rename(partial, &place) {
            // If this fails too, the old one is found aside.
            let _ = disk.rename(&aside, &place);
            return Err(error);
        }
        discard(disk, &aside);
    }
    if let Err(error) = disk.sync(parent) {
        tracing::warn!(%error, folder = %parent.display(), "the folder cannot be synced");
    }
    Ok(())
}

/// Removes what interrupted installations left, and puts back what they had moved aside.
fn tidy(disk: &impl Disk, lock: &InstallLock, parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(own) = name.strip_prefix(ASIDE) {
            let place = parent.join(own);
            if place.exists() {
                discard(disk, &entry.path());
            } else if let Err(error) = disk.rename(&entry.path(), &place) {
                tracing::warn!(%error, folder = %entry.path().display(), "left aside");
            }
        } else if name.starts_with(PARTIAL) && lock.is_held() {
            tracing::info!(folder = %entry.path().display(), "removing a half-made folder");
            discard(disk, &entry.path());
        }
    }
}

/// What cannot be removed now is removed by the next installation.
fn discard(disk: &impl Disk, folder: &Path) {
    if let Err(error) = disk.remove(folder) {
        tracing::warn!(%error, folder = %folder.display(), "a folder cannot be removed");
    }
}

fn partial_folder(parent: &Path) -> Result<PathBuf, Error> {
    let folder = tempfile::Builder::new().prefix(PARTIAL).tempdir_in(parent);
    Ok(folder.map_err(cannot_write(parent))?.keep())
}

fn aside(parent: &Path, name: &str) -> PathBuf {
    parent.join(format!("{ASIDE}{name}"))
}

fn cannot_write(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Write { path, source }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn lock(folder: &Path) -> InstallLock {
        InstallLock::wait(folder, || (), &CancelToken::new()).unwrap()
    }

    fn put(parent: &Path, content: &[u8]) -> Result<(), Error> {
        let data_dir = tempfile::tempdir().unwrap();
        let fill = |folder: &Path| write(&folder.join("a"), content);
        into_place(&lock(data_dir.path()), parent, "pack", fill, |_| Ok(()))
    }

    fn content(parent: &Path) -> Vec<u8> {
        fs::read(current(parent, "pack").join("a")).unwrap()
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    /// A disk on which operation number `fails_at` fails, and with `is_dead` all after it: so it looks to
    /// the disk when the program is killed.
    struct FailingDisk {
        fails_at: usize,
        is_dead: bool,
        can_exchange: bool,
        done: Cell<usize>,
    }

    impl FailingDisk {
        fn operation(&self, real: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
            let number = self.done.replace(self.done.get() + 1);
            if number == self.fails_at || (self.is_dead && number > self.fails_at) {
                return Err(io::Error::other("the disk failed on purpose"));
            }
            real()
        }
    }

    impl Disk for FailingDisk {
        fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
            match self.can_exchange {
                true => self.operation(|| RealDisk.exchange(one, other)),
                false => Err(io::ErrorKind::Unsupported.into()),
            }
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.operation(|| RealDisk.rename(from, to))
        }

        fn remove(&self, folder: &Path) -> io::Result<()> {
            self.operation(|| RealDisk.remove(folder))
        }

        fn sync(&self, folder: &Path) -> io::Result<()> {
            self.operation(|| RealDisk.sync(folder))
        }
    }

    #[test]
    fn at_whatever_step_it_fails_or_is_killed_the_old_or_the_new_one_is_there_whole() {
        for (is_dead, can_exchange) in [(false, true), (true, true), (false, false), (true, false)]
        {
            for fails_at in 0.. {
                let parent = tempfile::tempdir().unwrap();
                put(parent.path(), b"old").unwrap();
                let disk = FailingDisk {
                    fails_at,
                    is_dead,
                    can_exchange,
                    done: Cell::new(0),
                };
                let fill = |folder: &Path| write(&folder.join("a"), b"new");
                let outcome = replace(&disk, parent.path(), "pack", fill, |_| Ok(()));
                let case = format!("{fails_at} {is_dead} {can_exchange} {outcome:?}");
                match outcome {
                    Ok(()) => assert_eq!(content(parent.path()), b"new", "{case}"),
                    Err(_) => assert_eq!(content(parent.path()), b"old", "{case}"),
                }
                assert_eq!(names(parent.path()), ["pack"], "{case}");
                // The next installation finds nothing in its way and leaves nothing behind.
                put(parent.path(), b"next").unwrap();
                assert_eq!(content(parent.path()), b"next", "{case}");
                assert_eq!(count(parent.path()), 1, "{case}");
                if disk.done.get() <= fails_at {
                    assert!(fails_at >= 3, "{case}");
                    break;
                }
            }
        }
    }

    #[test]
    fn a_failed_fill_or_check_leaves_the_old_folder_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        put(parent.path(), b"old").unwrap();
        let data_dir = tempfile::tempdir().unwrap();
        let lock = lock(data_dir.path());
        let fill = |folder: &Path| write(&folder.join("a"), b"new");
        let half = |folder: &Path| fill(folder).and(Err(Error::Cancelled));
        let failed = into_place(&lock, parent.path(), "pack", half, |_| Ok(()));
        assert!(matches!(failed, Err(Error::Cancelled)));
        let refuse = |_: &Path| Err(Error::Cancelled);
        let failed = into_place(&lock, parent.path(), "pack", fill, refuse);
        assert!(matches!(failed, Err(Error::Cancelled)));
        assert_eq!(content(parent.path()), b"old");
        assert_eq!(count(parent.path()), 1);
    }

    #[test]
    fn what_an_interruption_left_is_swept_and_the_new_folder_replaces_the_old() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join(".partial-dead")).unwrap();
        put(parent.path(), b"old").unwrap();
        fs::write(parent.path().join("pack/b"), b"old, too").unwrap();
        put(parent.path(), b"new").unwrap();
        assert_eq!(count(parent.path()), 1);
        assert!(!parent.path().join("pack/b").exists());
    }

    #[test]
    fn a_half_made_folder_is_no_pack_and_one_aside_is() {
        let parent = tempfile::tempdir().unwrap();
        for name in [".partial-x", ".replaced-own", "community"] {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        assert_eq!(names(parent.path()), ["community", "own"]);
        assert!(current(parent.path(), "own").ends_with(".replaced-own"));
    }

    #[test]
    fn a_removed_folder_is_gone_and_one_left_aside_too() {
        let parent = tempfile::tempdir().unwrap();
        put(parent.path(), b"old").unwrap();
        fs::create_dir(parent.path().join(".replaced-pack")).unwrap();
        let data_dir = tempfile::tempdir().unwrap();
        remove(&lock(data_dir.path()), parent.path(), "pack").unwrap();
        assert_eq!(count(parent.path()), 0);
    }

    #[test]
    fn the_second_installation_waits_says_so_and_can_be_cancelled() {
        let data_dir = tempfile::tempdir().unwrap();
        let first = lock(data_dir.path());
        let cancel = CancelToken::new();
        let mut told = 0;
        let outcome = InstallLock::wait(
            data_dir.path(),
            || {
                told += 1;
                cancel.cancel();
            },
            &cancel,
        );
        assert!(matches!(outcome, Err(Error::Cancelled)));
        assert_eq!(told, 1);

        let has_ended = AtomicBool::new(false);
        thread::scope(|scope| {
            let second = scope.spawn(|| {
                let second = lock(data_dir.path());
                assert!(has_ended.load(Ordering::SeqCst));
                second
            });
            thread::sleep(Duration::from_millis(200));
            has_ended.store(true, Ordering::SeqCst);
            drop(first);
            second.join().unwrap();
        });
    }
}
