//! Many photos at once: which ones, where their results go, and which of them are done. The command line and
//! the window's queue share it.

mod journal;
mod names;
mod noted;
mod sources;
mod unfinished;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

pub use journal::{Error as JournalError, FileMark, Journal, State};
pub use names::{kept_apart, with_added, without_extensions};
pub use noted::Noted;
pub use sources::{Source, Sources};
pub use unfinished::{Offer, Unfinished, UnfinishedStore};

use super::background::Unexpected;
use super::export_options::ExportOptions;
use super::{FaceParams, path_text};
use crate::photo::Format;
use crate::sha256::sha256_hex;

/// Why there is nothing to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that names nothing (`/`, `..`).
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Neither photos nor folders.
    #[error("there is no photo to retouch; add photos or folders of photos")]
    Nothing,
    /// The folder of the results.
    #[error("the folder {} cannot be made: {source}; choose another", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The journal of the results.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The thread failed.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

/// What the queue does to each photo.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Edit {
    /// The settings of each face.
    pub params: FaceParams,
    /// All faces of a photo, not only the largest.
    pub all_faces: bool,
    /// The amount is the least after which the chin meter sees no double chin.
    pub finds_amount: bool,
    /// How results are written; their format is that of their names.
    pub export: ExportOptions,
    /// The network pack.
    pub pack: String,
}

impl Edit {
    /// Stands for all that a result depends on beside its photo and its name.
    fn recipe(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let export = ExportOptions {
            format: Format::Jpeg,
            ..self.export
        };
        let edit = Self {
            export,
            ..self.clone()
        };
        // It holds nothing that JSON could not.
        let edit = serde_json::to_string(&edit).unwrap_or_default();
        sha256_hex(format!("{version} queue {edit}").as_bytes())
    }
}

/// A photo and the place of its result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The photo.
    #[serde(with = "path_text::one")]
    pub source: PathBuf,
    /// The folder of the results.
    #[serde(with = "path_text::one")]
    pub folder: PathBuf,
    /// The result, below the folder.
    #[serde(with = "path_text::one")]
    pub below: PathBuf,
}

impl Place {
    /// The result.
    pub fn out(&self) -> PathBuf {
        self.folder.join(&self.below)
    }
}

/// What the window's queue is asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wish {
    /// Photos, and folders of photos.
    pub inputs: Vec<PathBuf>,
    /// Whether sub-folders are looked into.
    pub recursive: bool,
    /// The folder of the results; made if need be.
    pub folder: PathBuf,
    /// The format of the results; that of each photo if `None`.
    pub format: Option<Format>,
    /// Photos whose turn has not come before, with their places.
    pub waiting: Vec<Place>,
    /// What is done to all of them.
    pub edit: Edit,
    /// Whether files that are there already may be replaced.
    pub replaces: bool,
    /// Whether a stopped run is resumed: what it has done is not done again, even where files may be
    /// replaced.
    pub goes_on: bool,
    /// Queues that were offered after a crash ([`Offer::id`]), whose photos are among those that wait.
    pub adopted: Vec<u64>,
    /// Files that are never written to, beside the photos themselves.
    pub kept: Vec<PathBuf>,
}

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The photos in their order: those that waited, then new ones.
    pub photos: Vec<Planned>,
    /// What to tell the user: folders without photos, files that are passed over.
    pub remarks: Vec<String>,
}

impl Plan {
    /// What has to be kept for the case of a crash.
    pub fn unfinished(&self, wish: &Wish) -> Unfinished {
        let photos = self.photos.iter();
        let waiting = photos.filter(|photo| matches!(photo.turn, Turn::Waits(_)));
        Unfinished {
            places: waiting.map(|photo| photo.place.clone()).collect(),
            edit: wish.edit.clone(),
            replaces: wish.replaces,
        }
    }
}

/// A photo of a plan.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Where its result goes: a name of its own.
    pub place: Place,
    /// What has to be done.
    pub turn: Turn,
}

/// What has to be done about a photo.
#[derive(Debug, Clone)]
pub enum Turn {
    /// All of it.
    Waits(Noted),
    /// Nothing: an earlier run has made this result by the same settings; with what its owner should know.
    Done(Vec<String>),
    /// Nothing can go there, and why, in words.
    Refused(String),
}

/// Finds the photos, and a place for each result. The folders of the results are made. What a run that was
/// stopped has done already, by the same settings and from the same content, is what the journals say
/// of the folders.
///
/// # Errors
/// [`Error`], when nothing can be done at all. What is about one photo is its refusal.
pub fn plan(wish: &Wish) -> Result<Plan, Error> {
    let sources = Sources::find(&wish.inputs, wish.recursive, Some(&wish.folder))?;
    let (photos, causes) = (&sources.photos, &sources.causes);
    if photos.is_empty() && causes.is_empty() && wish.waiting.is_empty() {
        return Err(Error::Nothing);
    }
    let wanted = photos.iter().map(|source| match wish.format {
        Some(format) => source.named(format),
        None => source.result_name(),
    });
    let below = kept_apart(&wanted.collect::<Vec<_>>());
    let new = photos.iter().zip(below).map(|(source, below)| Place {
        source: source.path.clone(),
        folder: wish.folder.clone(),
        below,
    });
    let places: Vec<Place> = wish.waiting.iter().cloned().chain(new).collect();
    let kept = (wish.kept.iter()).chain(places.iter().map(|place| &place.source));
    let kept: HashSet<PathBuf> = kept
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect();
    let mut journals = Journals::new(wish);
    let mut planned = Vec::new();
    for place in places {
        let turn = journals.turn(&place, &kept)?;
        planned.push(Planned { place, turn });
    }
    let mut remarks: Vec<String> = sources.remark().into_iter().collect();
    remarks.extend(sources.causes);
    Ok(Plan {
        photos: planned,
        remarks,
    })
}

/// The journals of the folders that results go into.
struct Journals<'a> {
    wish: &'a Wish,
    recipe: String,
    of_folders: BTreeMap<PathBuf, Arc<Mutex<Journal>>>,
}

impl<'a> Journals<'a> {
    fn new(wish: &'a Wish) -> Self {
        Self {
            wish,
            recipe: wish.edit.recipe(),
            of_folders: BTreeMap::new(),
        }
    }

    /// The journal of a folder, which is made if need be.
    fn of(&mut self, folder: &Path) -> Result<Arc<Mutex<Journal>>, Error> {
        if let Some(journal) = self.of_folders.get(folder) {
            return Ok(Arc::clone(journal));
        }
        make(folder)?;
        let journal = Journal::read(folder, self.recipe.clone(), None)?;
        let journal = Arc::new(Mutex::new(journal));
        let folder = folder.to_owned();
        self.of_folders.insert(folder, Arc::clone(&journal));
        Ok(journal)
    }

    /// What has to be done about a photo. `kept` are files that are never written to.
    fn turn(&mut self, place: &Place, kept: &HashSet<PathBuf>) -> Result<Turn, Error> {
        let journal = self.of(&place.folder)?;
        let out = place.out();
        if fs::canonicalize(&out).is_ok_and(|out| kept.contains(&out)) {
            return Ok(Turn::Refused(format!(
                "{} is one of the photos, which are never written to; choose another folder",
                out.display()
            )));
        }
        let wish = self.wish;
        let state = match wish.goes_on || !wish.replaces {
            true => (journal.lock().unwrap_or_else(PoisonError::into_inner))
                .state(&place.below, &place.source),
            false => State::New,
        };
        if let State::Done(done) = &state {
            return Ok(Turn::Done(done.warnings()));
        }
        let in_the_way = match &state {
            _ if wish.replaces => None,
            State::New => out.symlink_metadata().is_ok().then(|| {
                format!(
                    "{} exists already; choose another folder, or let files be replaced",
                    out.display()
                )
            }),
            begun => {
                (begun.in_the_way(&out)).map(|cause| format!("{cause}, or let files be replaced"))
            }
        };
        let parent = || out.parent().map_or(Ok(()), make).err();
        let refusal = in_the_way.or_else(|| parent().map(|error| error.to_string()));
        Ok(match refusal {
            Some(why) => Turn::Refused(why),
            None => Turn::Waits(Noted::new(journal, place.clone(), state)),
        })
    }
}

fn make(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|source| Error::Folder {
        path: folder.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn wish(folder: &Path) -> Wish {
        Wish {
            inputs: vec![folder.join("in"), folder.join("a.png")],
            recursive: true,
            folder: folder.join("out"),
            ..Wish::default()
        }
    }

    fn is_refused(photo: &Planned) -> bool {
        matches!(photo.turn, Turn::Refused(_))
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["in/a.png", "in/sub/b.jpg", "in/notes.txt", "a.png"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    fn outs(plan: &Plan, folder: &Path) -> Vec<String> {
        let out = folder.join("out");
        let photos = plan.photos.iter();
        photos
            .map(|photo| {
                photo
                    .place
                    .out()
                    .strip_prefix(&out)
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect()
    }

    #[test]
    fn each_photo_has_a_place_of_its_own() {
        let folder = folder();
        let planned = plan(&wish(folder.path())).unwrap();
        assert_eq!(
            outs(&planned, folder.path()),
            ["a.png", "sub/b.jpg", "a-2.png"]
        );
        assert!(!planned.photos.iter().any(is_refused));
        assert!(planned.remarks[0].contains("1 .txt"), "{planned:?}");
        assert!(folder.path().join("out/sub").is_dir());
        let webp = plan(&Wish {
            format: Some(Format::WebP),
            ..wish(folder.path())
        });
        let names = outs(&webp.unwrap(), folder.path());
        assert_eq!(names, ["a.webp", "sub/b.webp", "a-2.webp"]);
    }

    #[test]
    fn nothing_is_replaced_unasked_and_a_photo_never() {
        let folder = folder();
        fs::create_dir(folder.path().join("out")).unwrap();
        fs::write(folder.path().join("out/a.png"), "mine").unwrap();
        let refusals = |wish: &Wish| -> Vec<bool> {
            let photos = plan(wish).unwrap().photos;
            photos.iter().map(is_refused).collect()
        };
        let first = wish(folder.path());
        assert_eq!(refusals(&first), [true, false, false]);
        let replacing = Wish {
            replaces: true,
            ..first.clone()
        };
        assert_eq!(refusals(&replacing), [false; 3]);
        let kept = Wish {
            kept: vec![folder.path().join("out/a.png")],
            ..replacing.clone()
        };
        assert_eq!(refusals(&kept), [true, false, false]);
        let onto_itself = Wish {
            folder: folder.path().to_owned(),
            inputs: vec![folder.path().join("a.png")],
            ..replacing
        };
        assert_eq!(refusals(&onto_itself), [true]);
    }

    #[test]
    fn where_there_is_nothing_to_do_that_is_said() {
        let folder = folder();
        let nothing = Wish {
            inputs: Vec::new(),
            ..wish(folder.path())
        };
        assert!(matches!(plan(&nothing), Err(Error::Nothing)));
        let in_the_way = Wish {
            folder: folder.path().join("a.png"),
            ..wish(folder.path())
        };
        let message = plan(&in_the_way).unwrap_err().to_string();
        assert!(message.contains("a.png"), "{message}");
    }

    /// Does what the queue does with a photo: to this step.
    fn work_on(planned: &Planned, result: &str, is_finished: bool) {
        let Turn::Waits(noted) = &planned.turn else {
            panic!("{planned:?}");
        };
        noted.begin().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, result.as_bytes()).unwrap();
        noted.note(&mut file).unwrap();
        fs::write(planned.place.out(), result).unwrap();
        if is_finished {
            noted.finish(["a warning"].as_slice().into()).unwrap();
        }
    }

    #[test]
    fn what_a_stopped_run_has_done_is_not_done_again() {
        let folder = folder();
        let first = wish(folder.path());
        let planned = plan(&first).unwrap();
        work_on(&planned.photos[0], "result", true);
        work_on(&planned.photos[1], "half of the work", false);
        let kept = planned.unfinished(&first);
        assert_eq!(kept.places.len(), 3);

        // After a crash, with nothing but what was kept.
        let again = Wish {
            inputs: Vec::new(),
            waiting: kept.places.clone(),
            goes_on: true,
            ..first.clone()
        };
        let states = |wish: &Wish| -> Vec<String> {
            let photos = plan(wish).unwrap().photos;
            let in_words = |photo: &Planned| match &photo.turn {
                Turn::Waits(_) => "waits".to_owned(),
                Turn::Done(warnings) => warnings.join(""),
                Turn::Refused(why) => why.clone(),
            };
            photos.iter().map(in_words).collect()
        };
        assert_eq!(states(&again), ["a warning", "waits", "waits"]);
        let replacing = Wish {
            replaces: true,
            ..again.clone()
        };
        assert_eq!(states(&replacing), ["a warning", "waits", "waits"]);
        let from_the_start = Wish {
            replaces: true,
            ..first.clone()
        };
        assert_eq!(states(&from_the_start), ["waits"; 3]);

        // Results by other settings do not count, and what somebody else has put there stays.
        let mut other = first.clone();
        other.edit.all_faces = true;
        assert!(states(&other)[0].contains("exists already"));
        fs::write(folder.path().join("out/sub/b.jpg"), "somebody's").unwrap();
        let states = states(&again);
        assert!(states[1].contains("let files be replaced"), "{states:?}");
    }

    #[test]
    fn a_photo_that_was_changed_meanwhile_is_not_taken_for_done() {
        let folder = folder();
        let wish = wish(folder.path());
        let photos = plan(&wish).unwrap().photos;
        let Turn::Waits(noted) = &photos[0].turn else {
            panic!("{photos:?}");
        };
        noted.begin().unwrap();
        fs::write(folder.path().join("in/a.png"), "another photo").unwrap();
        fs::write(photos[0].place.out(), "result").unwrap();
        noted.finish(Value::Null).unwrap();
        let again = plan(&wish).unwrap().photos;
        assert!(is_refused(&again[0]), "{again:?}");
    }
}
