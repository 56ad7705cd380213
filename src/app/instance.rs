//! One window for all: a second start hands its paths over to the first and ends.
//!
//! Whoever holds the lock is the first and listens at a socket; the system takes the lock back when the
//! program ends, however that happens, so a socket that was left behind deceives nobody. Both lie in a
//! folder that only their owner can enter. Windows on different displays, or with different data
//! directories, are strangers to each other.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};

use crate::data_dir::{data_dir, private_folder};
use crate::engine::Waker;
use crate::sha256::sha256_hex;

/// What the first says when it has understood.
const TAKEN: &[u8] = b"taken\n";
/// No list of paths is longer.
const LIMIT_BYTES: u64 = 4 << 20;
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the second knocks at a socket that the first may be about to open.
const KNOCKS: u32 = 10;

/// What a start of the window turned out to be.
pub(super) enum Instance {
    /// The only one: others will hand their paths over to it.
    First(Door),
    /// Another has the paths now.
    HandedOver,
    /// One that has nothing to do with others.
    Alone,
}

impl Instance {
    /// Hands the paths over to the window that is there already, or becomes the one to hand over to.
    pub fn of_this_user(paths: &[PathBuf]) -> Self {
        let place = match Place::of_this_user() {
            Ok(Some(place)) => place,
            Ok(None) => return Self::Alone,
            Err(error) => {
                tracing::warn!(%error, "windows cannot find each other");
                return Self::Alone;
            }
        };
        Self::at(&place, paths).unwrap_or_else(|error| {
            tracing::warn!(%error, "windows cannot find each other");
            Self::Alone
        })
    }

    fn at(place: &Place, paths: &[PathBuf]) -> io::Result<Self> {
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&place.lock)?;
        match lock.try_lock() {
            Ok(()) => {
                match fs::remove_file(&place.socket) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                Ok(Self::First(Door {
                    listener: UnixListener::bind(&place.socket)?,
                    _lock: lock,
                }))
            }
            Err(fs::TryLockError::Error(error)) => Err(error),
            Err(fs::TryLockError::WouldBlock) => {
                for _ in 0..KNOCKS {
                    match hand_over(&place.socket, paths) {
                        Ok(()) => return Ok(Self::HandedOver),
                        Err(error) => tracing::debug!(%error, "nobody answers"),
                    }
                    thread::sleep(Duration::from_millis(100));
                }
                Ok(Self::Alone)
            }
        }
    }
}

/// Where windows find each other.
struct Place {
    lock: PathBuf,
    socket: PathBuf,
}

impl Place {
    /// In the folder that the system has for the time of a session, else beside what is installed.
    fn of_this_user() -> io::Result<Option<Self>> {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        let session = variable("XDG_RUNTIME_DIR").map(PathBuf::from);
        let Some(folder) = session.filter(|folder| folder.is_dir()).or_else(data_dir) else {
            return Ok(None);
        };
        let mut stranger = data_dir().unwrap_or_default().into_os_string();
        for display in ["DISPLAY", "WAYLAND_DISPLAY"] {
            stranger.push("\n");
            stranger.push(variable(display).unwrap_or_default());
        }
        Self::in_folder(&folder, stranger.as_bytes()).map(Some)
    }

    /// A folder for those who know the word, that nobody else can enter.
    fn in_folder(folder: &Path, word: &[u8]) -> io::Result<Self> {
        let mut name = sha256_hex(word);
        name.truncate(16);
        let own = folder.join(format!("jawline-{name}"));
        if !own.is_dir() {
            fs::create_dir_all(folder)?;
            // Made under another name, since there is no moment in which it may be open to others.
            let made = private_folder(folder, ".jawline-")?.keep();
            match fs::rename(&made, &own) {
                Err(error) if !own.is_dir() => return Err(error),
                Err(_) => fs::remove_dir(&made)?,
                Ok(()) => {}
            }
        }
        Ok(Self {
            lock: own.join("lock"),
            socket: own.join("socket"),
        })
    }
}

fn hand_over(socket: &Path, paths: &[PathBuf]) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    for path in paths {
        stream.write_all(path.as_os_str().as_bytes())?;
        stream.write_all(&[0])?;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.take(TAKEN.len() as u64).read_to_end(&mut answer)?;
    match answer == TAKEN {
        true => Ok(()),
        false => Err(io::Error::other("the other window did not take the paths")),
    }
}

/// Where others knock.
pub(super) struct Door {
    listener: UnixListener,
    _lock: File,
}

impl Door {
    /// Takes in paths from now on, each list as somebody hands it over, and wakes the window for it.
    pub fn open(self, wake: Waker) -> io::Result<Receiver<Vec<PathBuf>>> {
        let (sender, receiver) = unbounded();
        let listen = move || {
            let door = self;
            for stream in door.listener.incoming() {
                let Ok(paths) = stream.and_then(take) else {
                    continue;
                };
                if sender.send(paths).is_err() {
                    return;
                }
                wake();
            }
        };
        thread::Builder::new()
            .name("other starts".to_owned())
            .spawn(listen)?;
        Ok(receiver)
    }
}

fn take(mut stream: UnixStream) -> io::Result<Vec<PathBuf>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut bytes = Vec::new();
    (&mut stream).take(LIMIT_BYTES).read_to_end(&mut bytes)?;
    let paths = bytes
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty());
    let paths = paths.map(|path| std::ffi::OsString::from_vec(path.to_vec()).into());
    let paths = paths.collect();
    stream.write_all(TAKEN)?;
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn place(folder: &Path) -> Place {
        Place::in_folder(folder, b"a display").unwrap()
    }

    fn first(place: &Place) -> Receiver<Vec<PathBuf>> {
        match Instance::at(place, &[]).unwrap() {
            Instance::First(door) => door.open(Arc::new(|| ())).unwrap(),
            _ => panic!("it is the first"),
        }
    }

    #[test]
    fn the_second_hands_its_paths_over_whatever_they_are_called() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let received = first(&place);
        let odd = std::ffi::OsString::from_vec(b"caf\xE9\n.jpg".to_vec()).into();
        for paths in [vec![PathBuf::from("/a b.jpg"), odd], Vec::new()] {
            let second = Instance::at(&place, &paths).unwrap();
            assert!(matches!(second, Instance::HandedOver));
            assert_eq!(received.recv_timeout(PATIENCE).unwrap(), paths);
        }
    }

    #[test]
    fn a_socket_that_was_left_behind_deceives_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        // As after a kill: the file of the socket is there, and nobody behind it.
        drop(UnixListener::bind(&place.socket).unwrap());
        assert!(place.socket.exists());
        let received = first(&place);
        let second = Instance::at(&place, &["/a.jpg".into()]).unwrap();
        assert!(matches!(second, Instance::HandedOver));
        assert_eq!(received.recv_timeout(PATIENCE).unwrap().len(), 1);
    }

    #[test]
    fn one_that_does_not_answer_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let silent = Instance::at(&place, &[]).unwrap();
        fs::remove_file(&place.socket).unwrap();
        let second = Instance::at(&place, &["/a.jpg".into()]).unwrap();
        assert!(matches!(second, Instance::Alone));
        drop(silent);
    }

    #[test]
    fn nobody_else_can_enter_and_strangers_do_not_meet() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let ours = place(folder.path());
        let own = ours.socket.parent().unwrap();
        let mode = fs::metadata(own).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(place(folder.path()).socket, ours.socket);
        let other = Place::in_folder(folder.path(), b"another display").unwrap();
        assert_ne!(other.socket, ours.socket);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
