//! Codes that searches have found, kept on the disk: what is looked for again is there at once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ndarray::{Array2, Ix2};

use crate::checkpoint::npy;
use crate::fs::{atomic, private};
use crate::latent::inversion::{Options, SEARCH_VERSION, Target};
use crate::sha256::sha256_hex;

/// What decides the outcome of a search, digested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeKey(String);

impl CodeKey {
    /// The search for this target with these options, by networks of this identity (such as the digests of their
    /// files).
    pub fn new(target: &Target, options: &Options, networks: &str) -> Self {
        let Options {
            steps,
            learning_rate,
            exploration,
            seed,
        } = options;
        let head = format!(
            "{SEARCH_VERSION} {networks} {steps} {learning_rate} {exploration} {seed} {:?}\n",
            target.picture.dim()
        );
        let numbers = target.picture.iter().chain(&target.importance);
        let mut bytes = head.into_bytes();
        bytes.extend(numbers.flat_map(|number| number.to_le_bytes()));
        Self(sha256_hex(&bytes))
    }
}

/// A folder of codes, each in a file of its own. The ones that were asked for least recently give way when
/// there are too many.
///
/// A store never fails its user: what cannot be read is not there, what cannot be written is not kept.
#[derive(Debug, Clone)]
pub struct CodeStore {
    folder: PathBuf,
    most_entries: usize,
    most_bytes: u64,
}

/// A file of a store.
struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl CodeStore {
    /// The folder's name in the data directory.
    pub const FOLDER: &str = "codes";

    /// The store in this folder, which need not exist yet: up to 500 codes, up to 64 MiB.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            most_entries: 500,
            most_bytes: 64 << 20,
        }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The code `[L, n]` of this shape that a search found, if it is kept. A file that holds no such code is
    /// removed.
    pub fn get(&self, key: &CodeKey, shape: [usize; 2]) -> Option<Array2<f32>> {
        let path = self.path(key);
        if !path.is_file() {
            return None;
        }
        let read = npy::read_f32(&path).and_then(|code| {
            npy::check_shape(&path, &code, &shape.map(Some))?;
            npy::check_finite(&path, &code)?;
            Ok(code)
        });
        match read {
            Ok(code) => {
                let now = SystemTime::now();
                let touched = fs::File::options()
                    .append(true)
                    .open(&path)
                    .and_then(|file| file.set_modified(now));
                if let Err(error) = touched {
                    tracing::debug!(path = %path.display(), %error, "not marked as used");
                }
                code.into_dimensionality::<Ix2>().ok()
            }
            Err(error) => {
                tracing::warn!(%error, "a code that was kept is damaged; it is looked for again");
                remove(&path);
                None
            }
        }
    }

    /// Keeps a code.
    pub fn put(&self, key: &CodeKey, code: &Array2<f32>) {
        let path = self.path(key);
        let bytes = npy::to_bytes(code);
        let made = private::create_dir(&self.folder).map_err(|error| error.to_string());
        let written = made.and_then(|()| {
            atomic::write_private(&path, |file| io::Write::write_all(file, &bytes))
                .map_err(|error| error.to_string())
        });
        match written {
            Ok(()) => self.make_room(),
            Err(error) => tracing::warn!(path = %path.display(), %error, "a code was not kept"),
        }
    }

    /// How many codes there are, and their bytes in all.
    pub fn size(&self) -> (usize, u64) {
        let entries = self.entries();
        (entries.len(), entries.iter().map(|entry| entry.bytes).sum())
    }

    /// Removes all codes and yields how many there were.
    ///
    /// # Errors
    /// What the system says of the first file that cannot be removed.
    pub fn clear(&self) -> io::Result<usize> {
        let entries = self.entries();
        for entry in &entries {
            fs::remove_file(&entry.path)?;
        }
        Ok(entries.len())
    }

    fn path(&self, key: &CodeKey) -> PathBuf {
        self.folder.join(format!("{}.npy", key.0))
    }

    /// Removes the codes that were used least recently, as long as there are too many.
    fn make_room(&self) {
        let mut entries = self.entries();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
        let mut bytes = 0;
        for (number, entry) in entries.iter().enumerate() {
            bytes += entry.bytes;
            if number >= self.most_entries || bytes > self.most_bytes {
                remove(&entry.path);
            }
        }
    }

    /// The files whose names are keys; others are not the store's to touch.
    fn entries(&self) -> Vec<Entry> {
        let Ok(folder) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        folder
            .flatten()
            .filter_map(|file| {
                let path = file.path();
                let key = path.file_name()?.to_str()?.strip_suffix(".npy")?;
                let is_key = key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
                let metadata = file.metadata().ok().filter(|_| is_key)?;
                Some(Entry {
                    bytes: metadata.len(),
                    used: metadata.modified().ok()?,
                    path,
                })
            })
            .collect()
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "a code could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    fn target(value: f32) -> Target {
        Target::even(Array4::from_elem((1, 3, 4, 4), value))
    }

    fn key(value: f32) -> CodeKey {
        CodeKey::new(&target(value), &Options::default(), "generator")
    }

    fn code(value: f32) -> Array2<f32> {
        Array2::from_elem((3, 5), value)
    }

    #[test]
    fn what_is_kept_is_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = CodeStore::at(folder.path().join("codes"));
        assert_eq!(store.get(&key(0.0), [3, 5]), None);
        store.put(&key(0.0), &code(1.5));
        assert_eq!(store.get(&key(0.0), [3, 5]), Some(code(1.5)));
        assert_eq!(store.get(&key(0.1), [3, 5]), None);

        let more = Options {
            steps: 7,
            ..Options::default()
        };
        let others = [
            CodeKey::new(&target(0.0), &more, "generator"),
            CodeKey::new(&target(0.0), &Options::default(), "another"),
        ];
        assert!(
            others
                .iter()
                .all(|other| store.get(other, [3, 5]).is_none())
        );
        let mut closer = target(0.0);
        closer.importance[[0, 0, 1, 1]] = 2.0;
        let closer = CodeKey::new(&closer, &Options::default(), "generator");
        assert_eq!(store.get(&closer, [3, 5]), None);
    }

    #[test]
    fn a_damaged_code_is_not_used_and_gives_way() {
        let folder = tempfile::tempdir().unwrap();
        let store = CodeStore::at(folder.path());
        for damage in [
            &b""[..],
            b"\x93NUMPY\x01\x00",
            &npy::to_bytes(&code(f32::NAN)),
        ] {
            fs::write(store.path(&key(0.0)), damage).unwrap();
            assert_eq!(store.get(&key(0.0), [3, 5]), None);
            assert_eq!(store.size().0, 0);
            store.put(&key(0.0), &code(2.0));
            assert_eq!(store.get(&key(0.0), [3, 5]), Some(code(2.0)));
        }
        // Another generator's shape.
        assert_eq!(store.get(&key(0.0), [4, 5]), None);
    }

    #[test]
    fn the_least_used_give_way_and_strangers_stay() {
        let folder = tempfile::tempdir().unwrap();
        let stranger = folder.path().join("notes.npy");
        fs::write(&stranger, "mine").unwrap();
        let one = npy::to_bytes(&code(0.0)).len() as u64;
        for store in [
            CodeStore {
                most_entries: 2,
                ..CodeStore::at(folder.path())
            },
            CodeStore {
                most_bytes: 2 * one,
                ..CodeStore::at(folder.path())
            },
        ] {
            for (number, value) in [1.0, 2.0].into_iter().enumerate() {
                store.put(&key(value), &code(value));
                let long_ago =
                    SystemTime::now() - std::time::Duration::from_secs(100 - number as u64);
                let file = fs::File::options()
                    .append(true)
                    .open(store.path(&key(value)));
                file.unwrap().set_modified(long_ago).unwrap();
            }
            // The older one is asked for, so that the other is the least used.
            assert!(store.get(&key(1.0), [3, 5]).is_some());
            store.put(&key(3.0), &code(3.0));
            assert_eq!(store.size(), (2, 2 * one));
            assert!(store.get(&key(2.0), [3, 5]).is_none());
            assert_eq!(store.clear().unwrap(), 2);
            assert_eq!(store.size(), (0, 0));
        }
        assert_eq!(fs::read(stranger).unwrap(), b"mine");
    }
}
