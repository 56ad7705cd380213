//! Exporting the retouched photo, or a sheet that compares it with the original.
//!
//! An export works in a thread of its own on what was rendered already: it pastes the changes of all
//! faces into a copy of the pixels, reduces it if asked, and saves it in full or not at all.

mod comparison;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{DynamicImage, RgbaImage};

use super::background::{Background, Progress, Unexpected, Worker};
use super::batch::Noted;
use super::compare;
pub use super::export_options::ExportOptions;
use crate::engine::{EditedFace, Waker};
use crate::photo::{self, ColourSpace, Format, Note, Overwrite, Photo, Strip};
use crate::portrait;
use crate::portrait::paste::PhotoEdit;

/// Why an export did not happen. Nothing half-written is left behind.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user has cancelled.
    #[error("the export was cancelled; nothing was written")]
    Cancelled,
    /// The name says another format than the options.
    #[error("{}: the name does not end as that of a {format} file; use .{}", path.display(), format.extension())]
    Extension {
        /// The file to be written.
        path: PathBuf,
        /// The format asked for.
        format: Format,
    },
    /// The name is not that of an animation.
    #[error("{}: a blinking comparison is an animation; let the name end in .gif or .webp", path.display())]
    NoAnimation {
        /// The file to be written.
        path: PathBuf,
    },
    /// The two pictures cannot be compared so.
    #[error(transparent)]
    Compare(#[from] compare::Error),
    /// The file could not be written.
    #[error(transparent)]
    Photo(photo::Error),
    /// A change does not fit the photo.
    #[error(transparent)]
    Portrait(#[from] portrait::Error),
    /// The thread failed.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

impl From<photo::Error> for Error {
    fn from(error: photo::Error) -> Self {
        match error {
            photo::Error::Cancelled { .. } => Self::Cancelled,
            other => Self::Photo(other),
        }
    }
}

impl Error {
    /// Is this only the echo of a cancellation?
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }
}

/// A change of one face that can be pasted into the photo.
pub trait FaceChange: Send + Sync + 'static {
    /// Adds the change to those of its photo.
    ///
    /// # Errors
    /// When the face is not of this photo.
    fn add_to(&self, edit: &mut PhotoEdit<'_>) -> Result<(), portrait::Error>;
}

impl FaceChange for EditedFace {
    fn add_to(&self, edit: &mut PhotoEdit<'_>) -> Result<(), portrait::Error> {
        Self::add_to(self, edit)
    }
}

/// What an export has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The file.
    pub path: PathBuf,
    /// What its owner should know, one sentence each.
    pub warnings: Vec<String>,
}

/// An export under way. Dropping it cancels it and waits until nothing half-written is left, less than
/// a second.
#[derive(Debug)]
pub struct Export(Background<Exported, Error>);

impl Export {
    /// Exports the photo with these changes. `wake` is called on the thread when there is news.
    ///
    /// Without changes the photo's file is copied byte for byte, where format and size stay the same and
    /// no metadata are to be left out.
    pub fn start<F: FaceChange>(
        photo: Arc<Photo>,
        faces: Vec<Arc<F>>,
        path: PathBuf,
        options: ExportOptions,
        wake: Waker,
    ) -> Self {
        Self::begin(path, options, wake, move |job| {
            job.export(&photo, &faces, &mut |_| Ok(()))
        })
    }

    fn begin(
        path: PathBuf,
        options: ExportOptions,
        wake: Waker,
        work: impl FnOnce(&Job<'_>) -> Result<Exported, Error> + Send + 'static,
    ) -> Self {
        Self(Background::start("export", wake, move |worker| {
            work(&Job {
                path: &path,
                options: options.within_range(),
                worker,
            })
        }))
    }

    /// As [`start`](Self::start) for a photo of the queue: what is written is noted in its journal, and what
    /// a stopped run has left is replaced. `earlier` is what the photo's owner should know already.
    pub fn noted<F: FaceChange>(
        photo: Arc<Photo>,
        faces: Vec<Arc<F>>,
        path: PathBuf,
        options: ExportOptions,
        (noted, earlier): (Noted, Vec<String>),
        wake: Waker,
    ) -> Self {
        Self(Background::start("export", wake, move |worker| {
            let mut options = options.within_range();
            if options.overwrite == Overwrite::Never && noted.has_left(&path) {
                options.overwrite = Overwrite::ExceptSource;
            }
            let job = Job {
                path: &path,
                options,
                worker,
            };
            let mut exported = job.export(&photo, &faces, &mut |file| noted.note(file))?;
            let warnings = [earlier, exported.warnings.clone()].concat();
            if let Err(error) = noted.finish(warnings.clone().into()) {
                exported.warnings.push(error.to_string());
            }
            Ok(exported)
        }))
    }

    /// Exports the photo before and after, as [`ExportOptions::comparison`] says. The longest side asked for
    /// is that of each of both. A picture keeps the photo's colours, profile and metadata; an animation is
    /// in sRGB and has none.
    pub fn comparison<F: FaceChange>(
        photo: Arc<Photo>,
        faces: Vec<Arc<F>>,
        path: PathBuf,
        options: ExportOptions,
        wake: Waker,
    ) -> Self {
        Self::begin(path, options, wake, move |job| {
            comparison::write(job, &photo, &faces)
        })
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.0.progress()
    }

    /// The result, once, when it is there. Never waits.
    pub fn poll(&self) -> Option<Result<Exported, Error>> {
        self.0.poll()
    }

    /// Waits for the result; `None` when [`poll`](Self::poll) has handed it out.
    pub fn wait(&mut self) -> Option<Result<Exported, Error>> {
        self.0.wait()
    }

    /// Stops the export within a second.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        self.0.cancel();
        self.0.join();
    }
}

/// Pixels of the retouched photo for the clipboard, under way.
pub type ClipboardPixels = Background<RgbaImage, Error>;

/// Makes the pixels of the retouched photo, 8 bits a channel with opacity, in sRGB.
/// `wake` is called on the thread when there is news.
pub fn clipboard_pixels<F: FaceChange>(
    photo: Arc<Photo>,
    faces: Vec<Arc<F>>,
    wake: Waker,
) -> ClipboardPixels {
    Background::start("copy", wake, move |worker| {
        let pixels = retouched(&photo, &faces, worker)?;
        check_cancel(worker)?;
        Ok(ColourSpace::of(&photo).shown(pixels))
    })
}

/// A name for the retouched photo: beside the original, never the original itself, and numbered when
/// there is such a file already.
pub fn default_path(photo: &Path, options: &ExportOptions) -> PathBuf {
    named(photo, "retouched", options.format.extension())
}

/// As [`default_path`], for a comparison.
pub fn default_comparison_path(photo: &Path, options: &ExportOptions) -> PathBuf {
    named(photo, "before and after", options.comparison_extension())
}

fn named(photo: &Path, suffix: &str, extension: &str) -> PathBuf {
    let stem = photo.file_stem().unwrap_or("portrait".as_ref());
    // A photo that was retouched already gets a number, not a second suffix.
    let is_suffixed = stem.to_string_lossy().ends_with(&format!(" {suffix}"));
    let candidate = |number: usize| {
        let mut name = stem.to_owned();
        if !is_suffixed {
            name.push(format!(" {suffix}"));
        }
        if number > 1 {
            name.push(format!(" {number}"));
        }
        name.push(format!(".{extension}"));
        photo.with_file_name(name)
    };
    let is_free = |path: &PathBuf| path != photo && path.symlink_metadata().is_err();
    let mut candidates = (1..10_000).map(candidate);
    candidates
        .find(is_free)
        .unwrap_or_else(|| candidate(10_000))
}

fn check_cancel(worker: &Worker) -> Result<(), Error> {
    match worker.is_cancelled() {
        true => Err(Error::Cancelled),
        false => Ok(()),
    }
}

/// The photo's pixels with all changes in them. Takes half of the progress.
fn retouched<F: FaceChange>(
    photo: &Photo,
    faces: &[Arc<F>],
    worker: &Worker,
) -> Result<DynamicImage, Error> {
    let mut edit = PhotoEdit::of(photo.pixels()).in_space(ColourSpace::of(photo));
    for (index, face) in faces.iter().enumerate() {
        check_cancel(worker)?;
        worker.report(
            "Putting the retouched faces back",
            0.4 * index as f32 / faces.len() as f32,
        );
        face.add_to(&mut edit)?;
    }
    check_cancel(worker)?;
    Ok(edit.pasted()?)
}

struct Job<'a> {
    path: &'a Path,
    options: ExportOptions,
    worker: &'a Worker,
}

impl Job<'_> {
    /// Finds out what can be known beforehand.
    fn check(&self, photo: &Photo) -> Result<(), Error> {
        if Format::from_path(self.path) != Some(self.options.format) {
            return Err(Error::Extension {
                path: self.path.into(),
                format: self.options.format,
            });
        }
        Ok(photo.check_target(self.path, self.options.overwrite)?)
    }

    fn export<F: FaceChange>(
        &self,
        photo: &Photo,
        faces: &[Arc<F>],
        note: Note<'_>,
    ) -> Result<Exported, Error> {
        self.check(photo)?;
        if faces.is_empty() && self.stays_the_same(photo) {
            return self.copy(photo, note);
        }
        let pixels = retouched(photo, faces, self.worker)?;
        self.save(photo.with_pixels(pixels)?, note)
    }

    /// Would the file be re-encoded for nothing? Metadata can only be left out of a new file.
    fn stays_the_same(&self, photo: &Photo) -> bool {
        let (width, height) = (photo.pixels().width(), photo.pixels().height());
        let is_small_enough =
            (self.options.longest_side_px).is_none_or(|side| width.max(height) <= side);
        let keeps_all = self.options.strip == Strip::None;
        is_small_enough
            && keeps_all
            && photo.source().is_some()
            && photo.format() == Some(self.options.format)
    }

    fn copy(&self, photo: &Photo, note: Note<'_>) -> Result<Exported, Error> {
        let on_progress = |fraction| self.goes_on("Copying the file", fraction);
        photo.copy_source(self.path, self.options.overwrite, &on_progress, note)?;
        Ok(self.exported(Vec::new()))
    }

    fn save(&self, photo: Photo, note: Note<'_>) -> Result<Exported, Error> {
        let mut warnings = Vec::new();
        let mut photo = photo;
        if let Some(side) = self.options.longest_side_px {
            self.worker.report("Reducing the picture", 0.45);
            photo = photo.reduced_to(side).unwrap_or(photo);
            check_cancel(self.worker)?;
        }
        if let Some((fitted, given_up)) = photo.fitted_to(self.options.format) {
            warnings.extend(given_up.iter().map(ToString::to_string));
            photo = fitted;
        }
        self.worker.report("Writing the file", 0.5);
        let on_progress = |fraction| self.goes_on("Writing the file", 0.5 + 0.5 * fraction);
        let options = self.options.save_options();
        let dropped = Arc::new(photo).save_cancellable(self.path, &options, &on_progress, note)?;
        warnings.extend(dropped.iter().map(ToString::to_string));
        Ok(self.exported(warnings))
    }

    /// Passes progress on, and the answer whether to go on back.
    fn goes_on(&self, stage: &'static str, fraction: f32) -> bool {
        self.worker.report(stage, fraction);
        !self.worker.is_cancelled()
    }

    fn exported(&self, warnings: Vec<String>) -> Exported {
        Exported {
            path: self.path.into(),
            warnings,
        }
    }
}

#[cfg(test)]
mod tests;
