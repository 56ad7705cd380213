//! What a folder of results knows about them: from which photo each came, by which options, and whether
//! it is done.
//!
//! The journal is a file of JSON lines in the folder. A line is added before the work on a photo, one before
//! each of its files takes its name, and one when all are there, so that a run can go on wherever it was
//! stopped, and knows its own files from those that somebody else has put there. Shards write a file each,
//! and read all.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Failure;
use super::super::shard::Shard;
use crate::sha256::sha256_read;

/// How the journals' names begin; whatever is between this and the end tells shards apart.
const NAME: &str = ".jawline-retouch";
const END: &str = ".jsonl";

/// What tells one content of a file from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileMark {
    bytes: u64,
    modified: SystemTime,
    sha256: String,
}

impl FileMark {
    /// The mark of the content that the file has now.
    pub fn of(path: &Path) -> io::Result<Self> {
        Self::of_open(&mut File::open(path)?)
    }

    /// The same of a file that is open for reading, whatever its name will be.
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

/// What the journal says about a result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
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
    pub done: Option<Done>,
}

/// A result that is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Done {
    result: FileMark,
    /// What the report says of it.
    pub report: Value,
}

/// What has to be done about a photo.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// All of it.
    New,
    /// All of it. Files with these contents were left by an earlier run and may be replaced.
    Begun(Vec<FileMark>),
    /// Nothing.
    Done(Box<Done>),
}

/// The journals of a folder: all are read, one is written.
pub(super) struct Journal {
    folder: PathBuf,
    name: String,
    recipe: String,
    records: HashMap<String, Vec<Record>>,
    file: Option<File>,
}

impl Journal {
    /// Reads the journals of a folder, which need not be there. What a killed program has written half is
    /// passed over.
    pub fn read(folder: &Path, recipe: String, shard: Option<Shard>) -> Result<Self, Failure> {
        let mut records: HashMap<String, Vec<Record>> = HashMap::new();
        for path in journals(folder) {
            let unreadable = |error: io::Error| {
                Failure::because(format!("{} cannot be read: {error}", path.display()))
            };
            let file = File::open(&path).map_err(unreadable)?;
            for line in BufReader::new(file).split(b'\n') {
                let line = line.map_err(unreadable)?;
                if let Ok(record) = serde_json::from_slice::<Record>(&line) {
                    records.entry(record.out.clone()).or_default().push(record);
                }
            }
        }
        let shard = shard.map_or_else(String::new, |shard| format!("-{}", shard.in_name()));
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
    pub fn begin(&mut self, out: &Path, source: FileMark) -> Result<(), Failure> {
        self.add(&self.record(out, source))
    }

    /// Notes a file that is about to take its name, as a part of the work on `out`.
    pub fn note(&mut self, out: &Path, source: FileMark, file: FileMark) -> Result<(), Failure> {
        self.add(&Record {
            file: Some(file),
            ..self.record(out, source)
        })
    }

    /// Notes that `out` is there.
    pub fn finish(&mut self, out: &Path, source: FileMark, report: Value) -> Result<(), Failure> {
        let path = self.folder.join(out);
        let result = FileMark::of(&path).map_err(|error| {
            Failure::because(format!("{} cannot be read back: {error}", path.display()))
        })?;
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

    fn add(&mut self, record: &Record) -> Result<(), Failure> {
        let path = self.folder.join(&self.name);
        let failed = |error: io::Error| {
            Failure::because(format!("{} cannot be written: {error}", path.display()))
        };
        let mut line = serde_json::to_vec(record).map_err(Failure::because)?;
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
        let shard = Some("1/2".parse().unwrap());
        let other = Journal::read(room.folder.path(), "r".to_owned(), shard).unwrap();
        assert!(
            matches!(other.state(out, &room.source), State::Done(_)),
            "shards read each other's"
        );
    }
}
