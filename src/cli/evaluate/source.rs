//! Where the portraits come from: a folder of photos, or the generator.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Options;
use crate::cli::Failure;
use crate::photo::Format;

/// The portraits to evaluate.
pub(super) enum Source {
    Photos(Vec<PhotoFile>),
    Drawn { seed: u64, count: usize, psi: f32 },
}

/// A photo of the folder.
#[derive(Debug, PartialEq)]
pub(super) struct PhotoFile {
    /// Its file name without extension, or with it where two would have the same.
    pub name: String,
    pub path: PathBuf,
    /// Where its code is, if it is known.
    pub code: Option<PathBuf>,
}

impl Source {
    pub fn of(options: &Options) -> Result<Self, Failure> {
        let Some(folder) = &options.photos else {
            return Ok(Self::Drawn {
                seed: options.seed,
                count: options.count.unwrap_or_default(),
                psi: options.psi,
            });
        };
        let photos = photos(folder, options.codes.as_deref())?;
        if let Some(codes) = &options.codes
            && photos.iter().all(|photo| photo.code.is_none())
        {
            return Err(Failure::because(format!(
                "{} has no NAME/code.npy for any photo of {}; `jawline retouch --stages` writes such a folder",
                codes.display(),
                folder.display()
            )));
        }
        Ok(Self::Photos(photos))
    }

    /// How many portraits there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Photos(photos) => photos.len(),
            Self::Drawn { count, .. } => *count,
        }
    }

    /// What a portrait is called.
    pub fn name(&self, index: usize) -> String {
        match self {
            Self::Photos(photos) => photos
                .get(index)
                .map(|photo| photo.name.clone())
                .unwrap_or_default(),
            Self::Drawn { seed, .. } => format!("seed {seed}, portrait {index}"),
        }
    }

    /// The files that are read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let photos = match self {
            Self::Photos(photos) => photos.as_slice(),
            Self::Drawn { .. } => &[],
        };
        photos
            .iter()
            .flat_map(|photo| [Some(&photo.path), photo.code.as_ref()])
            .flatten()
            .map(PathBuf::as_path)
    }
}

/// The files of a folder whose names are those of pictures, sorted, with their codes.
fn photos(folder: &Path, codes: Option<&Path>) -> Result<Vec<PhotoFile>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Failure::because(format!(
            "{} cannot be read: {error}; --photos is a folder of photos",
            folder.display()
        ))
    })?;
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && Format::from_path(path).is_some())
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::because(format!(
            "there is no picture (PNG, JPEG, TIFF, WebP, BMP) in {}",
            folder.display()
        )));
    }
    let mut stems = HashSet::new();
    let mut twice = HashSet::new();
    for path in &paths {
        if !stems.insert(stem(path)) {
            twice.insert(stem(path));
        }
    }
    let photo = |path: PathBuf| {
        let name = match twice.contains(&stem(&path)) {
            true => path.file_name().unwrap_or_default().to_owned(),
            false => path.file_stem().unwrap_or_default().to_owned(),
        };
        let code = codes.map(|codes| codes.join(&name).join("code.npy"));
        PhotoFile {
            name: name.to_string_lossy().into_owned(),
            code: code.filter(|code| code.is_file()),
            path,
        }
    };
    Ok(paths.into_iter().map(photo).collect())
}

/// What two files must not share: many a system takes names that differ in case for one.
fn stem(path: &Path) -> OsString {
    path.file_stem().unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn photos_are_named_by_their_stems_and_find_their_codes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b.jpg", "A.png", "a.jpg", "notes.txt"] {
            fs::write(at(name), b"").unwrap();
        }
        fs::create_dir(at("folder.png")).unwrap();
        fs::create_dir_all(at("codes/b")).unwrap();
        fs::write(at("codes/b/code.npy"), b"").unwrap();
        let found = photos(folder.path(), Some(&at("codes"))).unwrap();
        let names: Vec<&str> = found.iter().map(|photo| photo.name.as_str()).collect();
        assert_eq!(names, ["A.png", "a.jpg", "b"]);
        let codes: Vec<bool> = found.iter().map(|photo| photo.code.is_some()).collect();
        assert_eq!(codes, [false, false, true]);
    }

    #[test]
    fn a_folder_without_photos_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes.txt"), b"").unwrap();
        let said = |folder: &Path| photos(folder, None).unwrap_err().causes().join(" ");
        assert!(said(folder.path()).contains("no picture"));
        assert!(said(&folder.path().join("missing")).contains("cannot be read"));
    }
}
