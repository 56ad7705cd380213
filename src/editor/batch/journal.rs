//! What a folder of results knows about them: from which photo each came, by which options, and whether
//! it is done.
//!
//! The journal is a file of JSON lines in the folder. A line is added before the work on a photo, one before
//! each of its files takes its name, and one when all are there, so that a run can go on wherever it was
//! stopped, and knows its own files from those that somebody else has put there. Shards write a file each,
//! and read all. The command line and the window's queue keep the same journal.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sha256::sha256_read;

/// How the journals' names begin; whatever is between this and the end tells shards apart.
const NAME: &str = ".jawline-retouch";
const END: &str = ".jsonl";

/// Why a journal could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One that is there.
    #[error("the journal {} cannot be read: {source}; move it away, or choose another folder", path.display())]
    Read {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The one that is written.
    #[error("the journal {} cannot be written: {source}; choose another folder", path.display())]
    Write {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A result that should be there.
    #[error("{} cannot be read back: {source}", path.display())]
    ReadBack {
        /// The result.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What tells one content of a file from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    bytes: u64,
    modified: SystemTime,
    sha256: String,
}

impl FileMark {
    /// The mark of the content that the file has now.
    ///
    /// # Errors
    /// What reading says.
    pub fn of(path: &Path) -> io::Result<Self> {
        Self::of_open(&mut File::open(path)?)
    }

    /// The same of a file that is open for reading, whatever its name will be.
    ///
    /// # Errors
    /// What reading says.
    pub fn of_open(file: &mut File) -> io::Result<Self> {
        file.rewind()?;
        let modified = file.metadata()?.modified()?;
        let (bytes, sha256) = sha256_read(file)?;
        Ok(Self {
            bytes,
            modified,
            sha256,
        })
    }

    /// Whether the file still has this content. One of the same length that was not touched since is not
    /// read again.
    pub fn is_still_of(&self, path: &Path) -> bool {
        let Ok(metadata) = fs::metadata(path) else {
            return false;
        };
        if metadata.len() != self.bytes {
            return false;
        }
        metadata.modified().is_ok_and(|time| time == self.modified)
            || Self::of(path).is_ok_and(|now| now.sha256 == self.sha256)
    }
}

/// A line about a result.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    /// Its place in the folder, in letters that every system has.
    out: String,
    source: FileMark,
    /// The options that it depends on.
    recipe: String,
    /// A file of it (the result, its mask, a stage) that is about to take its name. The name does not matter:
    /// what has this content is of this program's making.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<FileMark>,
    /// `None` until it is there.
    done: Option<Done>,
}

/// A result that is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Done {
    result: FileMark,
    /// What the report says of it.
    pub report: Value,
}

impl Done {
    /// What the window's queue has noted for the photo's owner.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.report.as_array().into_iter().flatten();
        let warnings = warnings.filter_map(|warning| warning.as_str());
        warnings.map(str::to_owned).collect()
    }
}

/// What has to be done about a photo.
#[derive(Debug, Clone)]
pub enum State {
    /// All of it.
    New,
    /// All of it. Files with these contents were left by an earlier run and may be replaced.
    Begun(Vec<FileMark>),
    /// Nothing.
    Done(Box<Done>),
}

impl State {
    /// Whether an earlier run, which was stopped, has left this file, so that it may be replaced.
    pub fn has_left(&self, file: &Path) -> bool {
        match self {
            Self::Begun(ours) => ours.iter().any(|mark| mark.is_still_of(file)),
            Self::New | Self::Done(_) => false,
        }
    }

    /// What lies in the way of a photo that was begun and was not put there by this program, in words.
    pub fn in_the_way(&self, file: &Path) -> Option<String> {
        let is_strange = matches!(self, Self::Begun(_))
            && file.symlink_metadata().is_ok()
            && !self.has_left(file);
        is_strange.then(|| {
            format!(
                "{}: is there, and is not what the stopped run has left; move it elsewhere",
                file.display()
            )
        })
    }
}

/// The journals of a folder: all are read, one is written.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    name: String,
    recipe: String,
    records: HashMap<String, Vec<Record>>,
    file: Option<File>,
}

impl Journal {
    /// Reads the journals of a folder, which need not be there. What a killed program has written half is
    /// passed over. `recipe` stands for the options of this run, `shard` for its part of the photos, where
    /// there are several.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn read(folder: &Path, recipe: String, shard: Option<&str>) -> Result<Self, Error> {
        let mut records: HashMap<String, Vec<Record>> = HashMap::new();
        for path in journals(folder) {
            let unreadable = |source| Error::Read {
                path: path.clone(),
                source,
            };
            let file = File::open(&path).map_err(unreadable)?;
            for line in BufReader::new(file).split(b'\n') {
                let line = line.map_err(unreadable)?;
                if let Ok(record) = serde_json::from_slice::<Record>(&line) {
                    records.entry(record.out.clone()).or_default().push(record);
                }
            }
        }
        let shard = shard.map_or_else(String::new, |shard| format!("-{shard}"));
        Ok(Self {
            folder: folder.to_owned(),
            name: format!("{NAME}{shard}{END}"),
            recipe,
            records,
            file: None,
        })
    }

    /// What has to be done to have `out`, below the folder, made from `source`.
    pub fn state(&self, out: &Path, source: &Path) -> State {
        let records = self.records.get(&key(out)).map_or(&[][..], Vec::as_slice);
        let ours = || {
            let ours = records.iter().rev();
            ours.filter(|record| record.recipe == self.recipe && record.source.is_still_of(source))
        };
        let result = self.folder.join(out);
        let done = ours().find_map(|record| {
            let done = record.done.as_ref()?;
            done.result.is_still_of(&result).then(|| done.clone())
        });
        match done {
            Some(done) => State::Done(Box::new(done)),
            None if ours().next().is_some() => {
                State::Begun(ours().filter_map(|record| record.file.clone()).collect())
            }
            None => State::New,
        }
    }

    /// Notes that `out` will be made from `source`.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn begin(&mut self, out: &Path, source: FileMark) -> Result<(), Error> {
        self.add(&self.record(out, source))
    }

    /// Notes a file that is about to take its name, as a part of the work on `out`.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn note(&mut self, out: &Path, source: FileMark, file: FileMark) -> Result<(), Error> {
        self.add(&Record {
            file: Some(file),
            ..self.record(out, source)
        })
    }

    /// Notes that `out` is there.
    ///
    /// # Errors
    /// [`Error::ReadBack`] or [`Error::Write`].
    pub fn finish(&mut self, out: &Path, source: FileMark, report: Value) -> Result<(), Error> {
        let path = self.folder.join(out);
        let result = FileMark::of(&path).map_err(|source| Error::ReadBack { path, source })?;
        self.add(&Record {
            done: Some(Done { result, report }),
            ..self.record(out, source)
        })
    }

    fn record(&self, out: &Path, source: FileMark) -> Record {
        Record {
            out: key(out),
            source,
            recipe: self.recipe.clone(),
            file: None,
            done: None,
        }
    }

    fn add(&mut self, record: &Record) -> Result<(), Error> {
        let path = self.folder.join(&self.name);
        let failed = |source| Error::Write {
            path: path.clone(),
            source,
        };
        let line = serde_json::to_vec(record);
        let mut line = line.map_err(|error| failed(io::Error::other(error)))?;
        line.push(b'\n');
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                // What a killed program has left unfinished must not swallow the next line.
                line.insert(0, b'\n');
                let file = OpenOptions::new().create(true).append(true).open(&path);
                none.insert(file.map_err(failed)?)
            }
        };
        file.write_all(&line).map_err(failed)?;
        file.sync_data().map_err(failed)
    }
}

fn journals(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut journals: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(NAME) && name.ends_with(END)
        })
        .map(|entry| entry.path())
        .collect();
    journals.sort();
    journals
}

fn key(out: &Path) -> String {
    let bytes = out.as_os_str().as_encoded_bytes();
    bytes.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Room {
        folder: tempfile::TempDir,
        source: PathBuf,
    }

    impl Room {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let source = folder.path().join("source.jpg");
            fs::write(&source, b"photo").unwrap();
            Self { folder, source }
        }

        fn journal(&self, recipe: &str) -> Journal {
            Journal::read(self.folder.path(), recipe.to_owned(), None).unwrap()
        }

        fn mark(&self) -> FileMark {
            FileMark::of(&self.source).unwrap()
        }

        fn state(&self, recipe: &str) -> State {
            self.journal(recipe).state(Path::new("a.jpg"), &self.source)
        }
    }

    #[test]
    fn only_the_same_photo_by_the_same_options_with_its_result_is_done() {
        let room = Room::new();
        let out = Path::new("a.jpg");
        assert!(matches!(room.state("r"), State::New));
        let mut journal = room.journal("r");
        journal.begin(out, room.mark()).unwrap();
        assert!(matches!(room.state("r"), State::Begun(ours) if ours.is_empty()));
        let result = room.folder.path().join(out);
        fs::write(&result, b"result").unwrap();
        let mark = FileMark::of(&result).unwrap();
        journal.note(out, room.mark(), mark.clone()).unwrap();
        assert!(matches!(room.state("r"), State::Begun(ours) if ours == [mark]));
        let report = serde_json::json!({ "photo": "a" });
        journal.finish(out, room.mark(), report.clone()).unwrap();
        let State::Done(done) = room.state("r") else {
            panic!("it is done");
        };
        assert_eq!(done.report, report);
        assert!(matches!(room.state("other options"), State::New));
        // Other content of the same length.
        fs::write(&result, b"edited").unwrap();
        let State::Begun(ours) = room.state("r") else {
            panic!("it was begun");
        };
        assert!(!ours.iter().any(|mark| mark.is_still_of(&result)));
        fs::write(&result, b"result").unwrap();
        assert!(matches!(room.state("r"), State::Done(_)), "told by content");
        fs::write(&room.source, b"other").unwrap();
        assert!(matches!(room.state("r"), State::New));
    }

    #[test]
    fn a_line_that_was_cut_off_costs_nothing_but_itself() {
        let room = Room::new();
        let out = Path::new("a.jpg");
        fs::write(room.folder.path().join(out), b"result").unwrap();
        let path = room.folder.path().join(format!("{NAME}{END}"));
        fs::write(&path, b"{\"out\": \"b").unwrap();
        let mut journal = room.journal("r");
        journal.finish(out, room.mark(), Value::Null).unwrap();
        assert!(matches!(room.state("r"), State::Done(_)));
        let other = Journal::read(room.folder.path(), "r".to_owned(), Some("1-of-2")).unwrap();
        assert!(
            matches!(other.state(out, &room.source), State::Done(_)),
            "shards read each other's"
        );
    }
}
