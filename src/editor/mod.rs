//! The document and what can be done to it.
//!
//! A [`Document`] is a photo, its faces, and the user's [`Edits`]. A [`Command`] is the only way to
//! change the edits; [`History`] makes one undo step of one interaction. What networks find out about
//! a face (its crop, its latent code) is not undone: it is kept beside the edits.
//!
//! What outlives the window is in files: the user's work in a [`project`] and, until that is saved, in
//! the [`autosave`]; pictures through [`export`]; [`settings`] and [`presets`] beside the networks.
//! What takes longer than a frame runs in a [`background`] thread.
//!
//! ```
//! use jawline::editor::{Change, Command, Document};
//!
//! let mut document = Document::new(None, "portrait.jpg".to_owned());
//! let face = document.next_face_id();
//! let change = Change::Amount(60.0);
//! document.apply(&Command::Edit { face, change }, None);
//! assert_eq!(document.params(face).amount, 60.0);
//! assert!(document.undo());
//! assert_ne!(document.params(face).amount, 60.0);
//! ```

pub mod autosave;
pub mod background;
pub mod batch;
mod command;
pub mod compare;
mod document;
mod edits;
pub mod export;
mod export_options;
mod history;
pub mod json_file;
pub mod open;
mod path_text;
pub mod presets;
pub mod project;
pub mod settings;
pub mod sheet;

pub use command::{Change, Command};
pub use document::{Document, Face, FaceId, NamedBoundary};
pub use edits::{AMOUNT_RANGE, BoundaryChoice, Edits, FaceParams, MarkedFace};
pub use history::{Gesture, History, HistoryStep, StepId};
