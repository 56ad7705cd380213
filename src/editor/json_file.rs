//! A value that is kept in a small JSON file for its owner alone, and never lost to a damaged one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fs::{atomic, private};

/// The version of these files.
const VERSION: u64 = 1;
/// No such file is larger.
const LIMIT_BYTES: u64 = 16 << 20;

/// Why the file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It makes no sense; it was put aside, and the defaults serve.
    #[error("{}: makes no sense ({reason}); it was put aside as {}", path.display(), aside.display())]
    PutAside {
        /// The file.
        path: PathBuf,
        /// Its new name.
        aside: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It can neither be used nor put aside; the defaults serve, and nothing will be saved over it.
    #[error("{}: cannot be used ({reason}); changes will not be saved until it is put right", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer program has written it; nothing will be saved over it.
    #[error("{}: was written by a newer Jawline; changes will not be saved", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The platform names no data directory.
    #[error(
        "there is no data directory to save in; set {} to a folder",
        crate::data_dir::VARIABLE
    )]
    NoFolder,
    /// It could not be written; the old file is untouched.
    #[error(transparent)]
    Write(#[from] crate::fs::Error),
}

/// What can be kept.
pub trait Value: DeserializeOwned + Serialize + Default + Clone + PartialEq {
    /// The same with everything in it as the program could have made it, for files that somebody has
    /// written by hand.
    #[must_use]
    fn within_range(self) -> Self;
}

/// A value and the file that it is kept in.
#[derive(Debug)]
pub struct JsonStore<T> {
    value: T,
    path: Option<PathBuf>,
    /// The file holds something that this program could not read and must not replace.
    is_protected: bool,
}

#[derive(Deserialize)]
struct Head {
    #[serde(default = "first_version")]
    version: u64,
}

fn first_version() -> u64 {
    VERSION
}

#[derive(Deserialize)]
struct Stored<T> {
    #[serde(flatten)]
    value: T,
}

#[derive(Serialize)]
struct ToStore<'a, T> {
    version: u64,
    #[serde(flatten)]
    value: &'a T,
}

/// What a file turned out to be.
enum Content<T> {
    Missing,
    Fine(T),
    Newer,
    Senseless(String),
    Unreadable(io::Error),
}

impl<T: Value> JsonStore<T> {
    /// Reads the file `name` in a folder; a missing one gives the defaults. What makes no sense is put
    /// aside as `name.bad` and reported, never overwritten.
    pub fn load(folder: Option<&Path>, name: &str) -> (Self, Option<Error>) {
        let mut kept = Self {
            value: T::default(),
            path: folder.map(|folder| folder.join(name)),
            is_protected: false,
        };
        let Some(path) = kept.path.clone() else {
            return (kept, Some(Error::NoFolder));
        };
        // Earlier versions let others read it.
        private::narrow(&path);
        let problem = match read(&path) {
            Content::Missing => None,
            Content::Fine(value) => {
                kept.value = value;
                None
            }
            Content::Newer => Some(Error::Newer { path }),
            Content::Unreadable(error) => Some(Error::Unusable {
                path,
                reason: error.to_string(),
            }),
            Content::Senseless(reason) => Some(match put_aside(&path) {
                Ok(aside) => Error::PutAside {
                    path,
                    aside,
                    reason,
                },
                Err(_) => Error::Unusable { path, reason },
            }),
        };
        kept.is_protected = matches!(problem, Some(Error::Newer { .. } | Error::Unusable { .. }));
        (kept, problem)
    }

    /// The value.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// Changes the value and saves it, if it has changed. What another running program has saved
    /// meanwhile is read first, so that neither undoes the other's changes. The value changes even
    /// when saving fails.
    ///
    /// # Errors
    /// [`Error::Unusable`] or [`Error::Write`].
    pub fn update(&mut self, change: impl FnOnce(&mut T)) -> Result<(), Error> {
        let on_disk = self.on_disk();
        if let Ok(Some(newest)) = &on_disk {
            self.value = newest.clone();
        }
        change(&mut self.value);
        let (Some(path), on_disk) = (&self.path, on_disk?) else {
            return Err(Error::NoFolder);
        };
        if on_disk.as_ref() == Some(&self.value) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            // Whatever is wrong with the folder, writing says it better.
            let _ = private::create_dir(folder);
        }
        let stored = ToStore {
            version: VERSION,
            value: &self.value,
        };
        Ok(atomic::write_private(path, |file| {
            serde_json::to_writer_pretty(file, &stored)
        })?)
    }

    /// What the file holds now, if it may be replaced.
    fn on_disk(&self) -> Result<Option<T>, Error> {
        let path = self.path.clone().ok_or(Error::NoFolder)?;
        if self.is_protected {
            return Err(Error::Unusable {
                path,
                reason: "it could not be read at the start".to_owned(),
            });
        }
        match read(&path) {
            Content::Missing => Ok(None),
            Content::Fine(value) => Ok(Some(value)),
            Content::Newer => Err(Error::Newer { path }),
            Content::Unreadable(error) => Err(Error::Unusable {
                path,
                reason: error.to_string(),
            }),
            Content::Senseless(reason) => match put_aside(&path) {
                Ok(_) => Ok(None),
                Err(_) => Err(Error::Unusable { path, reason }),
            },
        }
    }
}

fn read<T: Value>(path: &Path) -> Content<T> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return Content::Unreadable(io::Error::other("it is not an ordinary file"));
        }
        Ok(metadata) if metadata.len() > LIMIT_BYTES => {
            return Content::Senseless("it is far too large".to_owned());
        }
        _ => {}
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Content::Missing,
        Err(error) => return Content::Unreadable(error),
    };
    let head = serde_json::from_slice(&bytes);
    if matches!(head, Ok(Head { version }) if version > VERSION) {
        return Content::Newer;
    }
    match serde_json::from_slice::<Stored<T>>(&bytes) {
        Ok(stored) => Content::Fine(stored.value.within_range()),
        Err(error) => Content::Senseless(error.to_string()),
    }
}

/// Gives a file a name that no file has yet.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    const MOST: usize = 100;
    for number in 1..=MOST {
        let mut name = path.as_os_str().to_owned();
        name.push(".bad");
        if number > 1 {
            name.push(number.to_string());
        }
        let aside = PathBuf::from(name);
        if fs::symlink_metadata(&aside).is_err() {
            return fs::rename(path, &aside).map(|()| aside);
        }
    }
    Err(io::Error::other("too many files were put aside"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
    #[serde(default)]
    struct Numbers {
        a: u32,
        b: u32,
    }

    impl Value for Numbers {
        fn within_range(self) -> Self {
            self
        }
    }

    fn load(folder: &Path) -> (JsonStore<Numbers>, Option<Error>) {
        JsonStore::load(Some(folder), "n.json")
    }

    #[test]
    fn what_is_saved_is_loaded_and_two_programs_keep_each_others_changes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("not/there/yet");
        let ((mut one, none), (mut two, _)) = (load(&folder), load(&folder));
        assert!(none.is_none());
        one.update(|n| n.a = 1).unwrap();
        two.update(|n| n.b = 2).unwrap();
        assert_eq!(load(&folder).0.get(), &Numbers { a: 1, b: 2 });
    }

    #[cfg(unix)]
    #[test]
    fn the_file_and_its_folder_are_their_owners_alone_also_those_of_earlier_versions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (mut kept, _) = load(&data);
        kept.update(|n| n.a = 1).unwrap();
        let file = data.join("n.json");
        assert_eq!((mode(&data), mode(&file)), (0o700, 0o600));

        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        set(&data, 0o755).unwrap();
        set(&file, 0o644).unwrap();
        let (mut kept, _) = load(&data);
        assert_eq!(mode(&file), 0o600, "as soon as it is read");
        kept.update(|n| n.a = 2).unwrap();
        assert_eq!((mode(&data), mode(&file)), (0o700, 0o600));
    }

    #[test]
    fn a_damaged_file_is_put_aside_each_time_under_a_new_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.json");
        for aside in ["n.json.bad", "n.json.bad2", "n.json.bad3"] {
            fs::write(&path, format!("{{\"a\": \"{aside}\"}}")).unwrap();
            let (kept, problem) = load(folder.path());
            let message = problem.unwrap().to_string();
            assert!(
                message.contains("n.json") && message.contains(aside),
                "{message}"
            );
            assert_eq!(kept.get(), &Numbers::default());
            let text = fs::read_to_string(folder.path().join(aside)).unwrap();
            assert!(text.contains(aside));
        }
        let (mut kept, problem) = load(folder.path());
        assert!(problem.is_none());
        kept.update(|n| n.a = 4).unwrap();
        assert_eq!(load(folder.path()).0.get().a, 4);
    }

    #[test]
    fn a_newer_file_and_one_that_cannot_be_read_are_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.json");
        let newer = "{\"version\": 2, \"a\": 9, \"c\": {}}";
        fs::write(&path, newer).unwrap();
        let (mut kept, problem) = load(folder.path());
        assert!(matches!(problem, Some(Error::Newer { .. })));
        assert!(kept.update(|n| n.a = 1).is_err());
        assert_eq!(kept.get().a, 1, "the change holds for this session");
        assert_eq!(fs::read_to_string(&path).unwrap(), newer);

        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let (mut kept, problem) = load(folder.path());
        assert!(
            matches!(problem, Some(Error::Unusable { .. })),
            "{problem:?}"
        );
        assert!(kept.update(|n| n.a = 1).is_err());
        assert!(path.is_dir());
    }

    #[test]
    fn a_file_that_is_damaged_while_the_program_runs_is_put_aside_before_saving() {
        let folder = tempfile::tempdir().unwrap();
        let (mut kept, _) = load(folder.path());
        kept.update(|n| n.a = 1).unwrap();
        fs::write(folder.path().join("n.json"), "{").unwrap();
        kept.update(|n| n.b = 2).unwrap();
        assert_eq!(load(folder.path()).0.get(), &Numbers { a: 1, b: 2 });
        let aside = fs::read_to_string(folder.path().join("n.json.bad"));
        assert_eq!(aside.unwrap(), "{");
    }

    #[test]
    fn without_a_folder_changes_hold_for_the_session() {
        let (mut kept, problem) = JsonStore::<Numbers>::load(None, "n.json");
        assert!(problem.unwrap().to_string().contains("JAWLINE_DATA_DIR"));
        assert!(kept.update(|n| n.a = 1).is_err());
        assert_eq!(kept.get().a, 1);
    }
}
