//! What the user can do in the window. Panels, keys and the picture emit actions; one place
//! ([`super::dispatch`]) carries them out.

use std::path::PathBuf;

use crate::editor::project::Replace;
use crate::editor::{Change, FaceId, StepId};
use crate::engine;
use crate::geometry::Point;
use crate::photo::PhotoId;

use super::notices::{NoticeId, Remedy};
use super::samples::Sample;
use super::ui_state::{Brush, Overlays, Tool};
use super::view::{Compare, View};
use super::workspace::BatchOptions;
use super::workspace::disk::WriteId;

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Ask for photos to open.
    AskOpen,
    /// Open these.
    Open(Vec<PathBuf>),
    /// Open a sample portrait.
    OpenSample(&'static Sample),
    /// Go to another photo of the list.
    Switch(PhotoId),
    /// Take a photo off the list; asks when work would be lost with it.
    Close(PhotoId),
    /// Save its project, then take it off the list.
    SaveAndClose(PhotoId),
    /// Take it off the list, whatever is lost with it.
    DiscardAndClose(PhotoId),
    /// Try again to load a photo.
    TryAgain(PhotoId),
    /// Ask where a photo is now.
    AskLocate(PhotoId),
    /// A photo is in this file now.
    Locate(PhotoId, PathBuf),
    /// Save the project of the photo in view.
    Save,
    /// Ask where to save a photo's project.
    AskSaveAs(PhotoId),
    /// Save a photo's project there from now on.
    SaveAs {
        /// The photo.
        photo: PhotoId,
        /// The project's file.
        path: PathBuf,
        /// What may be replaced.
        replace: Replace,
    },
    /// Ask where to export a photo, or before and after as one picture.
    AskExport {
        /// The photo.
        photo: PhotoId,
        /// Before and after side by side instead of the result.
        is_comparison: bool,
    },
    /// Export a photo.
    Export {
        /// The photo.
        photo: PhotoId,
        /// Where to.
        path: PathBuf,
        /// Before and after side by side instead of the result.
        is_comparison: bool,
        /// The user knows that there is such a file, and wants it replaced.
        replaces: bool,
    },
    /// Something about the queue.
    Batch(BatchStep),
    /// Copy the retouched photo.
    Copy,
    /// End something that is being written.
    CancelWrite(WriteId),

    /// Undo.
    Undo,
    /// Redo.
    Redo,
    /// Go to a step of the history.
    Jump(StepId),
    /// Choose a face.
    ChooseFace(FaceId),
    /// Prepare a face (again).
    Prepare(FaceId),
    /// End the preparation of a face.
    CancelPreparation(FaceId),
    /// Ends a diffusion; the best so far is kept.
    CancelDiffusion(FaceId),
    /// Look for faces again.
    FindFaces,
    /// The face that was marked by two eyes and a chin, photo pixels.
    MarkFace([Point; 3]),
    /// Change the chosen face's edit.
    Change(Change),
    /// Move the chin slider by so many per cent.
    Nudge(f32),
    /// A drag begins or ends.
    Gesture {
        /// It begins.
        begins: bool,
    },
    /// Ask for a boundary file for the chosen face.
    AskBoundary,
    /// Move a face along the boundary in this file.
    OpenBoundary(PhotoId, FaceId, PathBuf),
    /// Keep the chosen face's settings under a name.
    SavePreset(String),
    /// Forget a preset.
    DeletePreset(String),
    /// Give all other faces of the photo the chosen one's settings.
    ApplyToAllFaces,

    /// Compare in another way.
    Compare(Compare),
    /// Hold «before» down, or let it go.
    HoldBefore(bool),
    /// See the photo from here.
    View(View),
    /// See all of it.
    Fit,
    /// See it at this zoom, about the middle.
    Zoom(f32),
    /// One round zoom closer or farther.
    ZoomStep {
        /// Closer.
        closer: bool,
    },
    /// Take up a tool.
    Tool(Tool),
    /// Another brush.
    Brush(Brush),
    /// Other overlays.
    Overlays(Overlays),
    /// Hide or show the panels.
    TogglePanels,
    /// Open or close a window.
    ToggleWindow(WindowName),
    /// Leave a tool, close a window.
    Escape,

    /// Install the networks and the runtime.
    Install,
    /// End the installation.
    CancelInstall,
    /// Ask for networks to import.
    AskNetworks,
    /// Import the networks in these files.
    ImportNetworks(Vec<PathBuf>),
    /// End the import.
    CancelImport,
    /// Restart the engine with these settings.
    Engine(engine::Settings),
    /// The method that new photos begin with.
    FirstMethod(engine::Method),
    /// Refine previews when idle, or not.
    RefineKeyframes(bool),
    /// Another size of everything on screen.
    UiScale(f32),
    /// Another grey around the picture, 0 to 255.
    Background(u8),
    /// Another amplification of differences.
    DifferenceGain(f32),
    /// Other options of the export.
    ExportOptions(crate::editor::export::ExportOptions),
    /// Forget the recent files.
    ClearRecent,
    /// Take a banner away.
    Dismiss(NoticeId),
    /// Do what helps.
    Remedy(Remedy),
    /// Open an autosave that a crash has left.
    Recover(PathBuf),
    /// Throw it away.
    DiscardRecoverable(PathBuf),
    /// Close the window; asks when work would be lost with it.
    Quit,
    /// Close without saving.
    QuitUnsaved,
    /// Save everything, then close.
    SaveAndQuit,
    /// Close nothing after all.
    Stay,
}

/// What the user does with the queue.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchStep {
    /// Ask for photos to add.
    AskPhotos,
    /// Ask for a folder of photos to add.
    AskFolder,
    /// Ask for the folder of the results.
    AskInto,
    /// Add photos and folders.
    Add(Vec<PathBuf>),
    /// Add this one of them not after all.
    Remove(usize),
    /// Results go into this folder.
    Into(PathBuf),
    /// Other options.
    Options(Box<BatchOptions>),
    /// Start, or go on.
    Start,
    /// Stop; what waits stays.
    Cancel,
    /// Try those that failed again.
    Retry,
    /// Take everything off the list.
    Clear,
    /// Go on with a queue that was not finished when the program ended.
    GoOn(u64),
    /// Forget it.
    Decline(u64),
}

/// The windows that can be opened over the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowName {
    /// Settings
    Settings,
    /// About
    About,
    /// Log
    Log,
    /// Keys
    Keys,
    /// Export
    Export,
    /// The queue
    Batch,
    /// Open by a typed path
    OpenPath,
    /// Save the project under another name
    SaveAs,
}
