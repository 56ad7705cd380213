//! Which photos a run is about: those named, and those in the folders named.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Error, with_added};
use crate::fs::same_file;
use crate::photo::Format;

/// A photo to retouch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// Where it is below the folder that was named, or its file name, and what the result's name begins with.
    pub below: PathBuf,
    /// The format of the result, for a file whose name does not tell: that of its content, or the one that is written
    /// instead of it.
    pub format: Option<Format>,
}

impl Source {
    /// A photo; `format` is detected from its content.
    fn new(path: PathBuf, below: PathBuf, format: Option<Format>) -> Self {
        let instead = match Format::from_path(&path).or(format) {
            Some(_) => None,
            None => Format::instead_of(&path),
        };
        Self {
            path,
            below: match instead {
                Some(_) => below.with_extension(""),
                None => below,
            },
            format: instead.or(format),
        }
    }

    /// Its result's place below a folder: its own name, with an extension where it has none that tells the
    /// format.
    pub fn result_name(&self) -> PathBuf {
        match self.format {
            Some(format) => with_added(&self.below, &format!(".{}", format.extension())),
            None => self.below.clone(),
        }
    }

    /// The same of a result in this format.
    pub fn named(&self, format: Format) -> PathBuf {
        match self.format {
            Some(_) => with_added(&self.below, &format!(".{}", format.extension())),
            None => self.below.with_extension(format.extension()),
        }
    }
}

/// The photos, and what else was met on the way.
#[derive(Debug, Default)]
pub struct Sources {
    /// In the order of the command line; those of a folder sorted by their paths.
    pub photos: Vec<Source>,
    /// Folders that cannot be read or hold no photo, one line each.
    pub causes: Vec<String>,
    /// Files of folders that are no photos Jawline reads, counted by extension.
    pub passed_over: BTreeMap<String, usize>,
    /// Whether a folder was named.
    pub has_folders: bool,
}

/// Raw files of cameras look like TIFF files from the beginning, and are none.
const RAW: [&str; 12] = [
    "3fr", "arw", "cr2", "dcr", "dng", "erf", "iiq", "nef", "nrw", "orf", "pef", "rw2",
];

impl Sources {
    /// Finds the photos. A folder gives the photos in it, with `recursive` also those in its sub-folders;
    /// hidden files and folders, and the folder `out` with the results, are left out. A photo that is
    /// named twice counts once.
    ///
    /// # Errors
    /// [`Error::NotAFile`].
    pub fn find(inputs: &[PathBuf], recursive: bool, out: Option<&Path>) -> Result<Self, Error> {
        let mut sources = Self::default();
        for input in inputs {
            if input.is_dir() {
                sources.has_folders = true;
                sources.look_into(input, recursive, out);
                continue;
            }
            let Some(name) = input.file_name() else {
                return Err(Error::NotAFile {
                    path: input.clone(),
                });
            };
            sources
                .photos
                .push(Source::new(input.clone(), name.into(), None));
        }
        let mut seen = HashSet::new();
        sources.photos.retain(|photo| {
            let whole = fs::canonicalize(&photo.path).unwrap_or_else(|_| photo.path.clone());
            seen.insert(whole)
        });
        Ok(sources)
    }

    fn look_into(&mut self, folder: &Path, recursive: bool, out: Option<&Path>) {
        let before = self.photos.len();
        let causes = self.causes.len();
        let mut walk = Walk {
            root: folder,
            out,
            recursive,
            // Links may lead back to where they are.
            visited: HashSet::new(),
        };
        walk.enter(folder, self);
        if self.photos.len() == before && self.causes.len() == causes {
            let deeper = match recursive {
                true => "",
                false => {
                    "; its sub-folders were not looked into (--recursive, or Sub-folders too in the window)"
                }
            };
            self.causes.push(format!(
                "there is no photo (PNG, JPEG, TIFF, WebP, BMP) in {}{deeper}",
                folder.display()
            ));
        }
    }

    /// What to tell the user about files that were passed over.
    pub fn remark(&self) -> Option<String> {
        let total: usize = self.passed_over.values().sum();
        let kinds = self.passed_over.iter();
        let kinds: Vec<String> = kinds
            .map(|(extension, count)| format!("{count} {extension}"))
            .collect();
        (total > 0).then(|| {
            format!(
                "{total} files are no photos that Jawline reads and are passed over: {}",
                kinds.join(", ")
            )
        })
    }
}

struct Walk<'a> {
    root: &'a Path,
    out: Option<&'a Path>,
    recursive: bool,
    visited: HashSet<PathBuf>,
}

impl Walk<'_> {
    fn enter(&mut self, folder: &Path, sources: &mut Sources) {
        let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        if !self.visited.insert(whole) {
            return;
        }
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                let cause = format!("{} cannot be read: {error}", folder.display());
                sources.causes.push(cause);
                return;
            }
        };
        let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if path.is_dir() {
                let is_out = self.out.is_some_and(|out| same_file(out, &path));
                if self.recursive && !is_out {
                    self.enter(&path, sources);
                }
                continue;
            }
            match Kind::of(&path) {
                Kind::Photo(format) => {
                    let below = path.strip_prefix(self.root).unwrap_or(&path).to_owned();
                    sources.photos.push(Source::new(path, below, format));
                }
                Kind::Other => {
                    let kind = match path.extension() {
                        Some(kind) => format!(".{}", kind.to_string_lossy().to_lowercase()),
                        None => "without extension".to_owned(),
                    };
                    *sources.passed_over.entry(kind).or_default() += 1;
                }
            }
        }
    }
}

/// What a file of a folder is.
enum Kind {
    /// A photo; with the format of its content where its name does not tell it.
    Photo(Option<Format>),
    Other,
}

impl Kind {
    /// A name of a photo is enough: a damaged one is reported, not passed over.
    fn of(path: &Path) -> Self {
        if Format::is_name_of_photo(path) || Format::instead_of(path).is_some() {
            return Self::Photo(None);
        }
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if RAW.iter().any(|raw| extension == *raw) {
            return Self::Other;
        }
        let mut head = Vec::new();
        let read = File::open(path).and_then(|file| file.take(32).read_to_end(&mut head));
        match read.ok().and_then(|_| Format::from_content(&head)) {
            Some(format) => Self::Photo(Some(format)),
            None => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1A\n";

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn below(sources: &Sources) -> Vec<&str> {
        let photos = sources.photos.iter();
        photos.map(|photo| photo.below.to_str().unwrap()).collect()
    }

    #[test]
    fn a_folder_gives_its_photos_by_name_or_content_sorted() {
        let folder = folder(&[
            ("b.JPG", b"damaged"),
            ("a.png", PNG),
            ("scan", PNG),
            ("notes.txt", b"x"),
            ("raw.nef", b"II*\0"),
            (".hidden.png", PNG),
            ("sub/c.png", PNG),
            ("out/a.png", PNG),
        ]);
        let inputs = [folder.path().to_owned()];
        let out = folder.path().join("out");
        let flat = Sources::find(&inputs, false, Some(&out)).unwrap();
        assert_eq!(below(&flat), ["a.png", "b.JPG", "scan"]);
        assert_eq!(flat.photos[2].format, Some(Format::Png));
        let remark = flat.remark().unwrap();
        assert!(remark.contains("1 .nef, 1 .txt"), "{remark}");
        let deep = Sources::find(&inputs, true, Some(&out)).unwrap();
        assert_eq!(below(&deep), ["a.png", "b.JPG", "scan", "sub/c.png"]);
        assert!(deep.causes.is_empty());
    }

    #[test]
    fn a_photo_that_is_named_twice_counts_once_and_an_empty_folder_is_told() {
        let folder = folder(&[("a.png", PNG), ("empty/notes.txt", b"")]);
        let at = |name: &str| folder.path().join(name);
        let inputs = [folder.path().to_owned(), at("a.png"), at("empty")];
        let found = Sources::find(&inputs, false, None).unwrap();
        assert_eq!(below(&found), ["a.png"]);
        assert_eq!(found.causes.len(), 1);
        assert!(found.causes[0].contains("no photo"), "{:?}", found.causes);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_back_ends_the_walk() {
        let folder = folder(&[("sub/a.png", PNG)]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("sub/back")).unwrap();
        let found = Sources::find(&[folder.path().to_owned()], true, None).unwrap();
        assert_eq!(below(&found), ["sub/a.png"]);
    }
}
