//! Many photos at once: which ones, and where their results go. The command line and the window's queue
//! share it.

mod names;
mod sources;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use names::{kept_apart, with_added, without_extensions};
pub use sources::{Source, Sources};

use super::background::Unexpected;
use crate::photo::Format;

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
    /// The thread failed.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

/// What the window's queue is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// Photos, and folders of photos.
    pub inputs: Vec<PathBuf>,
    /// Whether sub-folders are looked into.
    pub recursive: bool,
    /// The folder of the results; made if need be.
    pub folder: PathBuf,
    /// The format of the results; that of each photo if `None`.
    pub format: Option<Format>,
    /// Whether files that are there already may be replaced.
    pub replaces: bool,
    /// Files that are never written to, beside the photos themselves.
    pub kept: Vec<PathBuf>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The photos in their order.
    pub photos: Vec<Planned>,
    /// What the user should hear: folders without photos, files that are passed over.
    pub remarks: Vec<String>,
}

/// A photo with the place of its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The photo.
    pub source: PathBuf,
    /// Where its result goes: a name of its own.
    pub out: PathBuf,
    /// Why nothing can go there, in words.
    pub refusal: Option<String>,
}

/// Finds the photos, and a place for each result. The folders of the results are made.
///
/// # Errors
/// [`Error`], when nothing can be done at all. What is about one photo is its refusal.
pub fn plan(wish: &Wish) -> Result<Plan, Error> {
    let sources = Sources::find(&wish.inputs, wish.recursive, Some(&wish.folder))?;
    if sources.photos.is_empty() && sources.causes.is_empty() {
        return Err(Error::Nothing);
    }
    let make = |path: &Path| {
        fs::create_dir_all(path).map_err(|source| Error::Folder {
            path: path.to_owned(),
            source,
        })
    };
    make(&wish.folder)?;
    let wanted = sources.photos.iter().map(|source| match wish.format {
        Some(format) => source.named(format),
        None => source.result_name(),
    });
    let below = kept_apart(&wanted.collect::<Vec<_>>());
    let kept = wish.kept.iter();
    let photos = sources.photos.iter().map(|source| &source.path);
    let kept: HashSet<PathBuf> = (kept.chain(photos))
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect();
    let refusal = |out: &Path| {
        if fs::canonicalize(out).is_ok_and(|out| kept.contains(&out)) {
            return Some(format!(
                "{} is one of the photos, which are never written to; choose another folder",
                out.display()
            ));
        }
        if !wish.replaces && out.symlink_metadata().is_ok() {
            return Some(format!(
                "{} exists already; choose another folder, or let files be replaced",
                out.display()
            ));
        }
        let parent = out.parent().map_or(Ok(()), make);
        parent.err().map(|error| error.to_string())
    };
    let mut remarks: Vec<String> = sources.remark().into_iter().collect();
    let photos = sources.photos.iter().zip(below).map(|(source, below)| {
        let out = wish.folder.join(below);
        Planned {
            source: source.path.clone(),
            refusal: refusal(&out),
            out,
        }
    });
    let photos = photos.collect();
    remarks.extend(sources.causes);
    Ok(Plan { photos, remarks })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(folder: &Path) -> Wish {
        Wish {
            inputs: vec![folder.join("in"), folder.join("a.png")],
            recursive: true,
            folder: folder.join("out"),
            format: None,
            replaces: false,
            kept: Vec::new(),
        }
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
            .map(|photo| photo.out.strip_prefix(&out).unwrap().display().to_string())
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
        assert!(planned.photos.iter().all(|photo| photo.refusal.is_none()));
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
            photos.iter().map(|photo| photo.refusal.is_some()).collect()
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
}
