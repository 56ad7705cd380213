//! Where everything of a run goes, and whether it may go there: decided before any work.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::super::Failure;
use super::super::output::{check_replaced, create_folder, existing};
use super::{FaceChoice, Options, stages};
use crate::fs::atomic;
use crate::photo::SaveOptions;

/// Where the files of a run go.
pub(super) struct Outputs {
    /// Of each photo, in their order.
    pub photos: Vec<Output>,
}

/// Where the files of a photo go.
pub(super) struct Output {
    /// The retouched photo.
    pub photo: PathBuf,
    /// Its stages, if they are wanted.
    pub stages: Option<StagesFolder>,
}

/// Where the stages of a photo go.
pub(super) struct StagesFolder {
    folder: PathBuf,
    has_all_faces: bool,
}

impl StagesFolder {
    /// The folder of a face: one each where there may be several.
    pub fn of_face(&self, number: usize) -> PathBuf {
        match self.has_all_faces {
            true => self.folder.join(format!("face_{number}")),
            false => self.folder.clone(),
        }
    }

    /// The files of an earlier run.
    fn existing(&self) -> Vec<PathBuf> {
        let folders = match self.has_all_faces {
            true => existing(&self.folder, &["face_*"]),
            false => vec![self.folder.clone()],
        };
        let files = folders.iter();
        files
            .flat_map(|folder| existing(folder, &stages::NAMES))
            .collect()
    }
}

impl Outputs {
    /// Decides where everything goes, and makes the folder of `--out`. Refused when anything is there
    /// already and may not be replaced, when it would replace an input, and when it cannot be written.
    pub fn plan(options: &Options) -> Result<Self, Failure> {
        let is_folder = is_folder(options);
        let files = match is_folder {
            true => in_folder(options)?,
            false => vec![options.out.clone()],
        };
        let photos: Vec<Output> = files
            .iter()
            .cloned()
            .zip(stages_folders(options))
            .map(|(photo, stages)| Output { photo, stages })
            .collect();

        let mut written = files.clone();
        if let Some(report) = &options.report {
            if files.contains(report) {
                return Err(Failure::Usage(format!(
                    "{} cannot be both the photo and the report",
                    report.display()
                )));
            }
            written.push(report.clone());
        }
        let stages = photos.iter().filter_map(|output| output.stages.as_ref());
        written.extend(stages.flat_map(StagesFolder::existing));
        let inputs = options.photos.iter().chain(&options.boundary);
        let inputs: Vec<&Path> = inputs.map(PathBuf::as_path).collect();
        check_replaced(&written, &inputs, options.overwrite)?;

        if is_folder {
            create_folder(&options.out)?;
        } else {
            SaveOptions::for_path(&options.out)?;
        }
        for file in files.iter().chain(&options.report) {
            atomic::check(file)?;
        }
        Ok(Self { photos })
    }
}

fn is_folder(options: &Options) -> bool {
    options.photos.len() > 1
        || options.out.is_dir()
        || options.out.extension().is_none()
        || ends_with_separator(&options.out)
}

/// A path forgets its last slash when it is taken apart.
fn ends_with_separator(path: &Path) -> bool {
    let last = path.as_os_str().as_encoded_bytes().last();
    last.is_some_and(|&byte| std::path::is_separator(char::from(byte)))
}

/// Each photo under its own name.
fn in_folder(options: &Options) -> Result<Vec<PathBuf>, Failure> {
    let mut names = HashSet::new();
    let mut files = Vec::new();
    for photo in &options.photos {
        let Some(name) = photo.file_name() else {
            return Err(Failure::because(format!(
                "{} is not a file",
                photo.display()
            )));
        };
        // Many a system takes names that differ in case for one.
        if !names.insert(name.to_ascii_lowercase()) {
            return Err(Failure::Usage(format!(
                "two photos are called {}; retouch them into different folders",
                photo.display()
            )));
        }
        files.push(options.out.join(name));
    }
    Ok(files)
}

/// A folder for each photo where there are several: its name without the extension, or with it where
/// two would have the same.
fn stages_folders(options: &Options) -> Vec<Option<StagesFolder>> {
    let has_all_faces = options.face == FaceChoice::All;
    let stem = |photo: &Path| photo.file_stem().unwrap_or_default().to_owned();
    let mut stems = HashSet::new();
    let are_apart =
        (options.photos.iter()).all(|photo| stems.insert(stem(photo).to_ascii_lowercase()));
    let of_photo = |photo: &PathBuf| {
        let mut folder = options.stages.clone()?;
        if options.photos.len() > 1 {
            folder.push(match are_apart {
                true => stem(photo),
                false => photo.file_name().unwrap_or_default().to_owned(),
            });
        }
        Some(StagesFolder {
            folder,
            has_all_faces,
        })
    };
    options.photos.iter().map(of_photo).collect()
}
