//! Exporting the photo in work, its comparison, or its pixels for the clipboard.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Happened, Workspace};
use crate::app::notices::{Notice, Remedy};
use crate::editor::export::{self, ClipboardPixels, Export, ExportOptions};

/// An export under way or waiting.
pub(super) enum Exporting {
    No,
    /// Until every edit is exact.
    Waiting(Target),
    Running(Export),
    Copying(ClipboardPixels),
}

/// Where an export goes, and what it is.
#[derive(Debug, Clone)]
pub(super) struct Target {
    path: PathBuf,
    options: ExportOptions,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Photo,
    Comparison,
    Clipboard,
}

/// What the status line says of an export.
pub struct ExportState {
    /// In words.
    pub stage: String,
    /// 0 to 1.
    pub fraction: f32,
}

impl Workspace {
    /// Exports the photo in work, as soon as every edit is exact.
    pub fn export(&mut self, path: PathBuf, options: ExportOptions) {
        self.exporting = Exporting::Waiting(Target {
            path,
            options,
            kind: Kind::Photo,
        });
    }

    /// Exports before and after side by side.
    pub fn export_comparison(&mut self, path: PathBuf, options: ExportOptions) {
        self.exporting = Exporting::Waiting(Target {
            path,
            options,
            kind: Kind::Comparison,
        });
    }

    /// Makes the retouched photo ready for the clipboard.
    pub fn copy(&mut self) {
        self.exporting = Exporting::Waiting(Target {
            path: PathBuf::new(),
            options: ExportOptions::default(),
            kind: Kind::Clipboard,
        });
    }

    /// Ends the export under way.
    pub fn cancel_export(&mut self) {
        match &self.exporting {
            Exporting::Running(export) => export.cancel(),
            Exporting::Waiting(_) => self.exporting = Exporting::No,
            Exporting::Copying(copying) => copying.cancel(),
            Exporting::No => (),
        }
    }

    /// What the status line says of the export.
    pub fn export_state(&self) -> Option<ExportState> {
        match &self.exporting {
            Exporting::No => None,
            Exporting::Waiting(_) => Some(ExportState {
                stage: "Export waits for the exact edit".to_owned(),
                fraction: 0.0,
            }),
            Exporting::Running(export) => {
                let progress = export.progress();
                Some(ExportState {
                    stage: format!("Exporting: {}", progress.stage),
                    fraction: progress.fraction,
                })
            }
            Exporting::Copying(copying) => Some(ExportState {
                stage: "Copying".to_owned(),
                fraction: copying.progress().fraction,
            }),
        }
    }

    pub(super) fn poll_export(&mut self, happened: &mut Vec<Happened>) {
        if let Exporting::Waiting(target) = &self.exporting
            && let Some(session) = &self.session
            && let Some(faces) = session.exact_edits()
        {
            let (photo, wake) = (Arc::clone(&session.document.photo), Arc::clone(&self.wake));
            let (path, options) = (target.path.clone(), target.options);
            self.exporting = match target.kind {
                Kind::Photo => Exporting::Running(Export::start(photo, faces, path, options, wake)),
                Kind::Comparison => {
                    Exporting::Running(Export::comparison(photo, faces, path, options, wake))
                }
                Kind::Clipboard => Exporting::Copying(export::clipboard_pixels(photo, faces, wake)),
            };
        }
        let outcome = match &self.exporting {
            Exporting::Running(export) => match export.poll() {
                None => return,
                Some(Ok(exported)) => {
                    let warnings = exported.warnings.into_iter().map(Notice::warning);
                    happened.extend(warnings.map(Happened::Notice));
                    let text = format!("Exported {}", exported.path.display());
                    Ok(Happened::Notice(Notice::done(text)))
                }
                Some(Err(error)) => Err(error),
            },
            Exporting::Copying(copying) => match copying.poll() {
                None => return,
                Some(result) => result.map(Happened::Copied),
            },
            Exporting::No | Exporting::Waiting(_) => return,
        };
        self.exporting = Exporting::No;
        happened.push(match outcome {
            Ok(told) => told,
            Err(error) if error.is_cancelled() => {
                Happened::Notice(Notice::done("Cancelled; no file was written"))
            }
            Err(error) => Happened::Notice(
                Notice::error("The photo was not exported", &error)
                    .with_remedy(Remedy::ExportAgain),
            ),
        });
    }
}
