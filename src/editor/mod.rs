//! The document and what can be done to it.
//!
//! A [`Document`] is a photo, its faces, and the user's [`Edits`]. A [`Command`] is the only way to
//! change the edits; [`History`] makes one undo step of one interaction. What networks find out about
//! a face (its crop, its latent code) is not undone: it is kept beside the edits.

mod command;
mod document;
mod edits;
mod history;
pub mod sheet;

pub use command::{Change, Command};
pub use document::{Document, Face, FaceId, NamedBoundary};
pub use edits::{AMOUNT_RANGE, BoundaryChoice, Edits, FaceParams, MarkedFace};
pub use history::{Gesture, History, HistoryStep};
