//! What the user can do in the window. Panels, keys and the picture emit actions; one place
//! ([`super::dispatch`]) carries them out.

use std::path::PathBuf;

use crate::editor::{Change, FaceId};
use crate::engine;
use crate::geometry::Point;

use super::look::{Brush, Overlays, Tool};
use super::notices::Remedy;
use super::view::{Compare, View};

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Ask for photos to open.
    AskOpen,
    /// Open these.
    Open(Vec<PathBuf>),
    /// Open a sample portrait, by its place in the list.
    OpenSample(usize),
    /// Go to another photo of the list.
    Switch(usize),
    /// Take a photo off the list.
    Close(usize),
    /// Save the project.
    Save,
    /// Ask where to export to.
    AskExport,
    /// Export the photo.
    Export(PathBuf),
    /// Export before and after as one picture.
    ExportComparison(PathBuf),
    /// Ask where to save the comparison.
    AskExportComparison,
    /// Copy the retouched photo.
    Copy,
    /// End the export under way.
    CancelExport,

    /// Undo.
    Undo,
    /// Redo.
    Redo,
    /// Go to a step of the history.
    Jump(usize),
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
    /// The same, as part of a turn of the wheel or a row of key presses.
    ChangeOn(Change),
    /// Move the chin slider by so many per cent.
    Nudge(f32),
    /// A drag begins or ends.
    Gesture {
        /// It begins.
        begins: bool,
    },
    /// Ask for a boundary file.
    AskBoundary,
    /// Move along the boundary in this file.
    OpenBoundary(PathBuf),
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
    Dismiss(usize),
    /// Do what helps.
    Remedy(Remedy),
    /// Open an autosave that a crash has left, by its place in the list.
    Recover(usize),
    /// Throw it away.
    DiscardRecovered(usize),
    /// Close the window.
    Quit,
    /// Close without saving.
    QuitUnsaved,
    /// Save everything, then close.
    SaveAndQuit,
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
    /// Open by a typed path
    OpenPath,
}
