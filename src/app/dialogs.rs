//! File dialogs and other answers that come from outside the window's thread.

use std::path::{Path, PathBuf};

use super::action::{Action, BatchStep};
use super::samples::Sample;
use crate::editor::background::{Background, Unexpected};
use crate::editor::compare::Layout;
use crate::editor::export::{ExportOptions, default_comparison_path, default_path};
use crate::editor::project::{self, Replace, path_beside};
use crate::editor::{FaceId, NamedBoundary, open};
use crate::engine::Waker;
use crate::photo::PhotoId;

/// How files of networks usually end.
pub const NETWORK_EXTENSIONS: [&str; 5] = ["pth", "pt", "onnx", "dat", "bz2"];

/// Is it a file of a network rather than a photo or a project? What is in it is looked at later.
pub fn is_network_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        let is = |known: &&str| extension.eq_ignore_ascii_case(known);
        NETWORK_EXTENSIONS.iter().any(is)
    })
}

/// What is asked in a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Which photos to open.
    Photos,
    /// Where a photo is now.
    Locate(PhotoId),
    /// Where to save a photo's project.
    SaveAs(PhotoId),
    /// Where to export a photo to.
    Export(PhotoId),
    /// Where to save a comparison of it.
    Comparison(PhotoId),
    /// Which boundary for a face.
    Boundary(PhotoId, FaceId),
    /// Which networks to import.
    Networks,
    /// Which photos the queue gets.
    BatchPhotos,
    /// Which folder of photos it gets.
    BatchFolder,
    /// Which folder its results go into.
    BatchInto,
}

/// What came back.
pub enum Answer {
    /// Something to do.
    Do(Action),
    /// A boundary that was read for a face.
    Boundary(PhotoId, FaceId, NamedBoundary),
    /// The user has changed their mind, or the system has no dialogs.
    Nothing(Question),
    /// It failed, in words.
    Failed(String),
}

/// Answers that are awaited.
#[derive(Default)]
pub struct Dialogs {
    awaited: Vec<Background<Answer, Unexpected>>,
}

impl Dialogs {
    /// Shows the system's own file dialog.
    pub fn ask(
        &mut self,
        question: Question,
        photo: Option<PathBuf>,
        options: ExportOptions,
        wake: Waker,
    ) {
        self.await_answer("dialog", wake, move || {
            answer(question, photo.as_deref(), &options)
                .map_or(Answer::Nothing(question), Answer::Do)
        });
    }

    /// Puts a sample on the disk, to be opened.
    pub fn unpack(&mut self, sample: &'static Sample, wake: Waker) {
        self.await_answer("sample", wake, move || match sample.unpack() {
            Ok(path) => Answer::Do(Action::Open(vec![path])),
            Err(why) => Answer::Failed(why),
        });
    }

    /// Reads a boundary.
    pub fn read_boundary(&mut self, photo: PhotoId, face: FaceId, path: PathBuf, wake: Waker) {
        self.await_answer("boundary", wake, move || match NamedBoundary::read(&path) {
            Ok(boundary) => Answer::Boundary(photo, face, boundary),
            Err(error) => Answer::Failed(error.to_string()),
        });
    }

    fn await_answer(
        &mut self,
        name: &'static str,
        wake: Waker,
        work: impl FnOnce() -> Answer + Send + 'static,
    ) {
        self.awaited
            .push(Background::start(name, wake, move |_| Ok(work())));
    }

    /// The answers since the last call.
    pub fn poll(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        self.awaited.retain(|awaited| match awaited.poll() {
            None => true,
            Some(answer) => {
                answers.push(answer.unwrap_or_else(|error| Answer::Failed(error.to_string())));
                false
            }
        });
        answers
    }
}

/// Asks with the system's dialog; it waits for the user, in a thread of its own.
fn answer(question: Question, photo: Option<&Path>, options: &ExportOptions) -> Option<Action> {
    let mut dialog = rfd::FileDialog::new();
    if let Some(folder) = photo.and_then(Path::parent) {
        dialog = dialog.set_directory(folder);
    }
    let save_as = |dialog: rfd::FileDialog, path: Option<PathBuf>, endings: &[&str]| {
        let name = path
            .as_deref()
            .and_then(Path::file_name)
            .map(|name| name.to_string_lossy().into_owned());
        dialog
            .set_file_name(name.unwrap_or_default())
            .add_filter("Pictures", endings)
            .save_file()
    };
    const PICTURES: [&str; 4] = ["jpg", "png", "tif", "webp"];
    const ANIMATIONS: [&str; 2] = ["gif", "webp"];
    match question {
        Question::Photos => dialog
            .set_title("Open photos")
            .add_filter("Photos and projects", open::EXTENSIONS)
            .pick_files()
            .map(Action::Open),
        Question::Locate(id) => dialog
            .set_title("Where is the photo now?")
            .add_filter("Photos", open::EXTENSIONS)
            .pick_file()
            .map(|path| Action::Locate(id, path)),
        Question::SaveAs(id) => {
            let beside = photo.map(path_beside);
            let name = beside.as_deref().and_then(Path::file_name);
            dialog
                .set_title("Save the project as")
                .set_file_name(name.unwrap_or_default().to_string_lossy())
                .add_filter("Projects", &[project::EXTENSION])
                .save_file()
                .map(|path| Action::SaveAs {
                    photo: id,
                    path,
                    replace: Replace::Agreed,
                })
        }
        Question::Export(id) => save_as(
            dialog.set_title("Export the photo"),
            photo.map(|photo| default_path(photo, options)),
            &PICTURES,
        )
        .map(|path| agreed_export(id, path, false)),
        Question::Comparison(id) => save_as(
            dialog.set_title("Save a comparison"),
            photo.map(|photo| default_comparison_path(photo, options)),
            match options.comparison {
                Layout::Blink(_) => &ANIMATIONS,
                Layout::SideBySide | Layout::Split { .. } => &PICTURES,
            },
        )
        .map(|path| agreed_export(id, path, true)),
        Question::Boundary(id, face) => dialog
            .set_title("Open a boundary")
            .add_filter("Boundaries", &["npy"])
            .pick_file()
            .map(|path| Action::OpenBoundary(id, face, path)),
        Question::Networks => dialog
            .set_title("Import networks")
            .add_filter("Checkpoints and networks", &NETWORK_EXTENSIONS)
            .add_filter("All files", &["*"])
            .pick_files()
            .map(Action::ImportNetworks),
        Question::BatchPhotos => dialog
            .set_title("Add photos to the queue")
            .add_filter("Photos", open::EXTENSIONS)
            .pick_files()
            .map(|paths| Action::Batch(BatchStep::Add(paths))),
        Question::BatchFolder => dialog
            .set_title("Add a folder of photos to the queue")
            .pick_folder()
            .map(|path| Action::Batch(BatchStep::Add(vec![path]))),
        Question::BatchInto => dialog
            .set_title("The folder of the results")
            .pick_folder()
            .map(|path| Action::Batch(BatchStep::Into(path))),
    }
}

/// The system's dialog asks itself before it hands out the name of a file that is there.
fn agreed_export(photo: PhotoId, path: PathBuf, is_comparison: bool) -> Action {
    Action::Export {
        photo,
        path,
        is_comparison,
        replaces: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_told_from_photos() {
        for name in ["Gs.pth", "net.ONNX", "landmarks.dat.bz2", "landmarks.dat"] {
            assert!(is_network_file(Path::new(name)), "{name}");
        }
        let photos = open::EXTENSIONS.iter();
        let photos: Vec<String> = photos
            .map(|extension| format!("photo.{extension}"))
            .collect();
        for name in photos.iter().map(String::as_str).chain(["photo", "pth"]) {
            assert!(!is_network_file(Path::new(name)), "{name}");
        }
    }
}
