//! Where everything of a run goes, and whether it may go there: decided before any work.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::Failure;
use super::super::output::{check_replaced, create_folder, existing};
use super::super::shard::is_mine;
use super::{FaceChoice, Options, recipe};
use crate::editor::batch::{
    Journal, Noted, Place, Source, Sources, State, kept_apart, with_added, without_extensions,
};
use crate::fs::atomic;
use crate::photo::{Format, SaveOptions};

/// The files of the stages of a face.
const STAGES: [&str; 12] = [
    "landmarks.json",
    "crop.png",
    "labels.png",
    "mask.png",
    "inverted.png",
    "edited.png",
    "warped.png",
    "composite.png",
    "code.npy",
    "edited_code.npy",
    "compare.png",
    "stages.png",
];

/// Where the files of a run go.
pub(super) struct Outputs {
    /// Of each photo of this run, in their order.
    pub photos: Vec<Output>,
    /// What to tell the user before the work begins.
    pub remarks: Vec<String>,
    /// What went wrong already.
    pub causes: Vec<String>,
}

/// Where the files of a photo go.
pub(super) struct Output {
    pub source: PathBuf,
    /// The retouched photo.
    pub photo: PathBuf,
    /// Its stages, if they are wanted.
    pub stages: Option<StagesFolder>,
    /// Its mask, if it is wanted.
    pub mask: Option<PathBuf>,
    /// What the journal says.
    pub state: State,
    /// Where its results are noted, where a run can go on.
    pub noted: Option<Noted>,
}

impl Output {
    /// Refuses a photo that was begun, and in whose place is what this program did not put there.
    pub fn check_left(&self, overwrite: bool) -> Result<(), Failure> {
        if overwrite {
            return Ok(());
        }
        let files = self.files().into_iter();
        let causes: Vec<String> = files
            .filter_map(|file| self.state.in_the_way(&file))
            .map(|cause| format!("{cause}, or use --overwrite to replace it"))
            .collect();
        match causes.is_empty() {
            true => Ok(()),
            false => Err(Failure::Failed(causes)),
        }
    }

    /// The files that are written for it, and stages that are there already.
    fn files(&self) -> Vec<PathBuf> {
        let stages = self.stages.iter().flat_map(StagesFolder::existing);
        std::iter::once(self.photo.clone())
            .chain(stages)
            .chain(self.mask.clone())
            .collect()
    }
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
        files.flat_map(|folder| existing(folder, &STAGES)).collect()
    }
}

impl Outputs {
    /// Decides where everything goes, and makes the folder of `--out`. Refused when anything is there
    /// already and may not be replaced, when it would replace an input, and when it cannot be written.
    pub fn plan(options: &Options) -> Result<Self, Failure> {
        let out_folder = options.out.as_deref();
        let sources = Sources::find(&options.photos, options.recursive, out_folder)?;
        let folder = folder(options, &sources);
        check_usage(options, folder, sources.photos.len())?;
        let below = below(options, &sources.photos, folder.is_some());
        let mut remarks: Vec<String> = sources.remark().into_iter().collect();
        remarks.extend(
            (sources.photos.iter().zip(&below))
                .filter(|(source, below)| folder.is_some() && is_renamed(source, below))
                .map(|(source, below)| {
                    format!(
                        "{}: its name is taken; the result is called {}",
                        source.path.display(),
                        below.display()
                    )
                }),
        );
        let is_batch = sources.photos.len() > 1 || sources.has_folders || options.continues();
        let journal = match folder.filter(|_| is_batch) {
            Some(folder) => {
                let shard = options.shard.map(|shard| shard.in_name());
                let recipe = recipe::of(options)?;
                let journal = Journal::read(folder, recipe, shard.as_deref())?;
                Some((folder, Arc::new(Mutex::new(journal))))
            }
            None => None,
        };
        let state = |below: &Path, source: &Path| match &journal {
            Some((_, journal)) if options.continues() => {
                let journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
                journal.state(below, source)
            }
            _ => State::New,
        };
        let several = sources.photos.len() > 1 || sources.has_folders;
        let stages = stages_folders(options, &below, several);
        let masks = masks(options, &below, several)?;
        let outputs = sources.photos.into_iter().zip(below).zip(stages).zip(masks);
        let outputs = outputs
            .enumerate()
            .filter(|&(place, _)| is_mine(options.shard, place));
        let photos: Vec<Output> = outputs
            .map(|(_, (((source, below), stages), mask))| {
                let state = state(&below, &source.path);
                Output {
                    photo: match (folder, &options.out) {
                        (Some(folder), _) => folder.join(&below),
                        (None, Some(file)) => file.clone(),
                        (None, None) => source.path.clone(),
                    },
                    noted: journal.as_ref().map(|(folder, journal)| {
                        let place = Place {
                            source: source.path.clone(),
                            folder: (*folder).to_owned(),
                            below,
                        };
                        Noted::new(Arc::clone(journal), place, state.clone())
                    }),
                    state,
                    source: source.path,
                    stages,
                    mask,
                }
            })
            .collect();
        let planned = Self {
            photos,
            remarks,
            causes: sources.causes,
        };
        planned.check(options, folder)?;
        Ok(planned)
    }

    /// Refuses what may not be written, and makes the folders.
    fn check(&self, options: &Options, folder: Option<&Path>) -> Result<(), Failure> {
        let files: Vec<PathBuf> = match options.edit_in_place {
            true => Vec::new(),
            false => self
                .photos
                .iter()
                .map(|output| output.photo.clone())
                .collect(),
        };
        if let Some(report) = options.report.iter().find(|report| files.contains(report)) {
            return Err(Failure::Usage(format!(
                "{} cannot be both the photo and the report",
                report.display()
            )));
        }
        let sources = self.photos.iter().map(|output| output.source.as_path());
        let inputs: Vec<&Path> = sources
            .chain(options.photos.iter().map(PathBuf::as_path))
            .chain(options.boundary.as_deref())
            .collect();
        let is_new = |output: &&Output| matches!(output.state, State::New);
        let is_left = |output: &&Output| matches!(output.state, State::Begun(_));
        let mut causes = Vec::new();
        let mut check = |written: Vec<PathBuf>, overwrite: bool| {
            if let Err(failure) = check_replaced(&written, &inputs, overwrite) {
                causes.extend(failure.causes());
            }
        };
        let written = |output: &Output| -> Vec<PathBuf> {
            let mut files = output.files();
            files.retain(|file| !options.edit_in_place || *file != output.photo);
            files
        };
        if !options.merge {
            let photos = self.photos.iter();
            let new = photos.clone().filter(is_new).flat_map(written);
            check(new.collect(), options.overwrite);
            // Whether those that are there may be replaced is about each photo alone.
            let left = photos.filter(is_left).flat_map(written);
            check(left.collect(), true);
        }
        check(
            options.report.clone(),
            options.overwrite || options.continues(),
        );
        if !causes.is_empty() {
            return Err(Failure::Failed(causes));
        }
        match folder {
            Some(folder) => create_folder(folder)?,
            None => {
                for file in &files {
                    SaveOptions::for_path(file)?;
                }
            }
        }
        let masks = self.photos.iter().filter_map(|output| output.mask.as_ref());
        let written: Vec<&PathBuf> = match options.merge {
            true => Vec::new(),
            false => files.iter().chain(masks).collect(),
        };
        // Folders are made for names that the program has chosen, not for those of the user.
        let chosen = |file: &&PathBuf| {
            let is_named =
                [&options.out, &options.mask_out].map(|named| named.as_ref() == Some(*file));
            !is_named.contains(&true)
        };
        let parents = written.iter().copied().filter(chosen);
        for parent in parents.filter_map(|file| file.parent()) {
            create_folder(parent)?;
        }
        for file in written.into_iter().chain(&options.report) {
            atomic::check(file)?;
        }
        Ok(())
    }
}

/// What the argument parser cannot see.
fn check_usage(options: &Options, folder: Option<&Path>, photos: usize) -> Result<(), Failure> {
    let usage = |what: &str| Err(Failure::Usage(what.to_owned()));
    if options.code.is_some() && (photos > 1 || options.face == FaceChoice::All) {
        return usage("--code is the code of one face: give one photo, and not --face all");
    }
    if options.continues() && folder.is_none() {
        return usage("--resume, --shard and --merge go on in a folder: end --out with a slash");
    }
    let is_tiff = |out: &Path| {
        let extension = out.extension().unwrap_or_default().to_ascii_lowercase();
        extension == "tif" || extension == "tiff"
    };
    if options.layers && folder.is_none() && !options.out.as_deref().is_some_and(is_tiff) {
        return usage("--layers writes a TIFF file: let --out end with .tif");
    }
    Ok(())
}

/// The folder that the results go into, if it is one.
fn folder<'a>(options: &'a Options, sources: &Sources) -> Option<&'a Path> {
    let out = options.out.as_deref()?;
    let is_folder = sources.photos.len() > 1
        || sources.has_folders
        || out.is_dir()
        || out.extension().is_none()
        || ends_with_separator(out);
    is_folder.then_some(out)
}

/// A path forgets its last slash when it is taken apart.
fn ends_with_separator(path: &Path) -> bool {
    let last = path.as_os_str().as_encoded_bytes().last();
    last.is_some_and(|&byte| std::path::is_separator(char::from(byte)))
}

/// Each photo under its own name, below the folder that it was found in.
fn below(options: &Options, sources: &[Source], is_folder: bool) -> Vec<PathBuf> {
    let wanted = sources
        .iter()
        .map(|source| match options.layers && is_folder {
            true => source.named(Format::Tiff),
            false => source.result_name(),
        });
    kept_apart(&wanted.collect::<Vec<_>>())
}

/// Whether the result has another name than its photo because that was taken.
fn is_renamed(source: &Source, below: &Path) -> bool {
    source.result_name().file_stem() != below.file_stem()
}

/// A folder for each photo where there are several.
fn stages_folders(
    options: &Options,
    below: &[PathBuf],
    several: bool,
) -> Vec<Option<StagesFolder>> {
    let has_all_faces = options.face == FaceChoice::All;
    let bare = without_extensions(below);
    let of_photo = |bare: PathBuf| {
        let folder = options.stages.as_ref()?;
        Some(StagesFolder {
            folder: match several {
                true => folder.join(bare),
                false => folder.clone(),
            },
            has_all_faces,
        })
    };
    bare.into_iter().map(of_photo).collect()
}

/// The mask of each photo: the file of `--mask-out`, or one each in that folder.
fn masks(
    options: &Options,
    below: &[PathBuf],
    several: bool,
) -> Result<Vec<Option<PathBuf>>, Failure> {
    let Some(out) = &options.mask_out else {
        return Ok(vec![None; below.len()]);
    };
    let extension = out.extension().unwrap_or_default().to_ascii_lowercase();
    let is_folder = several || out.is_dir() || extension.is_empty() || ends_with_separator(out);
    if !is_folder && extension != "png" {
        return Err(Failure::Usage(format!(
            "{}: a mask is written as PNG; let the name end with .png",
            out.display()
        )));
    }
    let bare = without_extensions(below).into_iter();
    let file = |bare: PathBuf| match is_folder {
        true => out.join(with_added(&bare, ".png")),
        false => out.clone(),
    };
    Ok(bare.map(|bare| Some(file(bare))).collect())
}
