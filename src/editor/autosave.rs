//! Keeping unsaved work for the case of a crash.
//!
//! An [`AutosaveWriter`] writes the newest state of a document to a file of its own in the data
//! directory. Beside it lies a lock file, which the program holds locked as long as it lives: the
//! system lets go of the lock however the program ends. So an autosave whose lock is free is work
//! that a program has left behind ([`recoverable`]), and no program is offered what another is still
//! at. Who goes on with recovered work goes on in the same file ([`AutosaveWriter::adopting`]), so
//! that there is no moment without an autosave.

use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use super::project::{self, EXTENSION, Project};
use crate::fs::private;

/// The time from one write to the next.
const INTERVAL: Duration = Duration::from_secs(2);
/// A change waits this long for those that follow it, so that a drag is not written at its start.
const SETTLING: Duration = Duration::from_millis(500);
/// After a failure the disk is left in peace a little longer.
const RETRY: Duration = Duration::from_secs(5);
/// The lock file of the folder: whoever makes or removes other lock files holds it meanwhile.
const FOLDER_LOCK: &str = "folder.lock";

/// Why work cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be made, or a lock not be taken.
    #[error(
        "unsaved work cannot be kept for the case of a crash: {}: {source}; save often until this \
         is put right",
        path.display()
    )]
    Folder {
        /// The folder or lock file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A write failed.
    #[error(
        "unsaved work cannot be kept for the case of a crash: {0}; save often until this is put right"
    )]
    Write(#[source] project::Error),
    /// The thread failed.
    #[error(
        "an internal error keeps unsaved work from being kept for the case of a crash; save often, and please report it"
    )]
    Internal,
}

/// Writes the newest state of a document, in a thread of its own. Dropping it writes what is still to
/// be written; the file then stays, and is offered at the next start, unless
/// [`forget`](Self::forget) has been called.
#[derive(Debug)]
pub struct AutosaveWriter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    wish: Option<Wish>,
    /// When the oldest change that is not written yet was made.
    since: Option<Instant>,
    error: Option<Error>,
    ends: bool,
}

#[derive(Debug)]
enum Wish {
    Keep(Box<Project>),
    Forget,
}

/// The file of one writer, with the lock that says that its program lives.
#[derive(Debug)]
struct OwnFile {
    path: PathBuf,
    _lock: File,
}

impl OwnFile {
    /// A name in the folder that no other program uses. The folder is made when missing.
    fn create(folder: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Folder {
            path: folder.into(),
            source,
        };
        private::create_dir(folder).map_err(failed)?;
        let _folder_lock = lock_folder(folder).map_err(failed)?;
        let lock = tempfile::Builder::new()
            .prefix("session-")
            .suffix(".lock")
            .tempfile_in(folder)
            .map_err(failed)?;
        let (lock, lock_path) = lock.keep().map_err(|error| failed(error.error))?;
        lock.lock().map_err(failed)?;
        Ok(Self {
            path: lock_path.with_extension(EXTENSION),
            _lock: lock,
        })
    }

    fn lock_path(&self) -> PathBuf {
        self.path.with_extension("lock")
    }

    /// Writes the project, also where somebody has cleared the data directory meanwhile: a lock file
    /// that is gone would let another program take this one for ended, so both are made again.
    fn write(file: &mut Option<Self>, folder: &Path, project: &Project) -> Result<(), Error> {
        file.take_if(|file| !file.lock_path().exists());
        let file = match file {
            Some(file) => file,
            None => file.insert(Self::create(folder)?),
        };
        project.write_for_recovery(&file.path).map_err(Error::Write)
    }

    fn remove(&self) -> Result<(), Error> {
        remove(&self.path).map_err(|source| Error::Folder {
            path: self.path.clone(),
            source,
        })
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if !self.path.exists() {
            // Whoever finds a lock file left behind removes it as well.
            let _ = fs::remove_file(self.lock_path());
        }
    }
}

impl AutosaveWriter {
    /// Starts the thread that writes into this folder. The folder and the file are made when there is
    /// something to write.
    pub fn start(folder: &Path) -> Self {
        Self::with_file(folder, None)
    }

    /// Goes on in the file of recovered work, which stays as it is until there is something newer.
    pub fn adopting(recoverable: Recoverable) -> Self {
        let folder = recoverable
            .path
            .parent()
            .unwrap_or(Path::new(""))
            .to_owned();
        let file = OwnFile {
            path: recoverable.path,
            _lock: recoverable.lock,
        };
        Self::with_file(&folder, Some(file))
    }

    fn with_file(folder: &Path, file: Option<OwnFile>) -> Self {
        let shared = Arc::new(Shared::default());
        let (of_thread, folder) = (Arc::clone(&shared), folder.to_owned());
        let thread = thread::Builder::new()
            .name("autosave".to_owned())
            .spawn(move || of_thread.serve(&folder, file));
        let thread = thread.map_err(|_| shared.lock().error = Some(Error::Internal));
        Self {
            thread: thread.ok(),
            shared,
        }
    }

    /// Hands over the newest state; an older one that is not written yet gives way. Never waits.
    pub fn keep(&self, project: Project) {
        self.wish(Wish::Keep(Box::new(project)));
    }

    /// The document was saved or closed: there is nothing to keep any more.
    pub fn forget(&self) {
        self.wish(Wish::Forget);
    }

    /// What went wrong since the last call; reported once as long as it lasts.
    pub fn take_error(&self) -> Option<Error> {
        self.shared.lock().error.take()
    }

    fn wish(&self, wish: Wish) {
        let mut state = self.shared.lock();
        let older = state.wish.replace(wish);
        state.since.get_or_insert_with(Instant::now);
        drop(state);
        self.shared.changed.notify_all();
        // Codes may be freed with it, which nobody needs to wait for.
        drop(older);
    }
}

impl Drop for AutosaveWriter {
    fn drop(&mut self) {
        self.shared.lock().ends = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's loop.
    fn serve(&self, folder: &Path, mut file: Option<OwnFile>) {
        let mut not_before = Instant::now();
        let mut is_failing = false;
        while let Some(wish) = self.next_wish(not_before) {
            let outcome = catch_unwind(AssertUnwindSafe(|| match &wish {
                Wish::Keep(project) => OwnFile::write(&mut file, folder, project),
                Wish::Forget => file.as_ref().map_or(Ok(()), OwnFile::remove),
            }));
            let error = match outcome {
                Ok(result) => result.err(),
                Err(_) => Some(Error::Internal),
            };
            let pause = if error.is_some() { RETRY } else { INTERVAL };
            not_before = Instant::now() + pause;
            let mut state = self.lock();
            match error {
                None => is_failing = false,
                Some(error) => {
                    tracing::warn!(%error, "unsaved work is not kept");
                    if !is_failing {
                        state.error = Some(error);
                    }
                    is_failing = true;
                    // Tried again, unless there is something newer or no time left.
                    if !state.ends && state.wish.is_none() {
                        state.wish = Some(wish);
                        state.since = Some(Instant::now());
                    }
                }
            }
        }
    }

    /// Waits for the next thing to do; `None` at the end.
    fn next_wish(&self, not_before: Instant) -> Option<Wish> {
        let mut state = self.lock();
        loop {
            let due = match (&state.wish, state.since) {
                (Some(Wish::Keep(_)), Some(since)) => Some(not_before.max(since + SETTLING)),
                (Some(_), _) => Some(Instant::now()),
                (None, _) => None,
            };
            let now = Instant::now();
            state = match due {
                Some(due) if due <= now || state.ends => {
                    state.since = None;
                    return state.wish.take();
                }
                None if state.ends => return None,
                Some(due) => {
                    let waited = self.changed.wait_timeout(state, due - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let waited = self.changed.wait(state);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn lock_folder(folder: &Path) -> io::Result<File> {
    let lock = File::create(folder.join(FOLDER_LOCK))?;
    lock.lock()?;
    Ok(lock)
}

/// Work that a program has left behind. As long as this value lives, no other program is offered it.
#[derive(Debug)]
pub struct Recoverable {
    /// The kept file.
    pub path: PathBuf,
    /// When it was last written.
    pub saved_at: SystemTime,
    /// What the photo was called; the file's name when it cannot be read.
    pub name: String,
    lock: File,
}

impl Recoverable {
    /// Removes it for good.
    ///
    /// # Errors
    /// [`Error::Folder`] when the system does not let go of it.
    pub fn discard(self) -> Result<(), Error> {
        let removed = remove(&self.path);
        let _ = fs::remove_file(self.path.with_extension("lock"));
        removed.map_err(|source| Error::Folder {
            path: self.path.clone(),
            source,
        })
    }
}

/// What programs that ended without saving have left behind, the newest first. Nothing when the folder
/// is missing or cannot be read.
pub fn recoverable(folder: &Path) -> Vec<Recoverable> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let Ok(_folder_lock) = lock_folder(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let extension = path.extension().unwrap_or_default();
        if extension == EXTENSION {
            found.extend(recoverable_at(path));
        } else if extension == "lock" && path.file_name().is_some_and(|name| name != FOLDER_LOCK) {
            remove_useless_lock(&path);
        }
    }
    found.sort_by_key(|recoverable| std::cmp::Reverse(recoverable.saved_at));
    found
}

fn recoverable_at(path: PathBuf) -> Option<Recoverable> {
    let lock = free_lock(&path.with_extension("lock"))?;
    // Older programs left them readable by others.
    private::narrow(&path);
    let saved_at = fs::metadata(&path).ok()?.modified().ok()?;
    let name = match Project::read_recovered(&path) {
        Ok(project) => project.name().to_owned(),
        Err(_) => path.file_name()?.to_string_lossy().into_owned(),
    };
    Some(Recoverable {
        path,
        saved_at,
        name,
        lock,
    })
}

/// The lock of a program that has ended, taken; `None` if it runs, or if nobody can tell.
fn free_lock(path: &Path) -> Option<File> {
    let lock = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .ok()?;
    match lock.try_lock() {
        Ok(()) => Some(lock),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
    }
}

/// A lock that guards no file and that nobody holds was left by a program that had nothing to keep.
fn remove_useless_lock(path: &Path) {
    if !path.with_extension(EXTENSION).exists() && free_lock(path).is_some() {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests;
