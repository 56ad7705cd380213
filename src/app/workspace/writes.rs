//! What writes: saves, exports, copies, in a queue of their own. Each owns its inputs, so that whatever
//! photo is in view, nothing cancels it but the user.

mod queue;

use std::mem;
use std::path::PathBuf;
use std::sync::Arc;

use super::disk::{Task, WriteId, WriteProgress};
use super::photos::Loading;
use super::{Event, Workspace};
use crate::app::notices::{Notice, Remedy};
use crate::app::session::Readiness;
use crate::editor::export::{self, ExportOptions, Exported};
use crate::editor::project::{self, Project, ProjectFile, Replace, path_beside};
use crate::engine::client::Backend;
use crate::fs;
use crate::photo::{self, PhotoId};

pub(super) use queue::Writes;
use queue::{Inputs, Kind, Stage, Write};

/// What the status line says of a write.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteState {
    /// Which.
    pub id: WriteId,
    /// In words.
    pub text: String,
    /// 0 to 1.
    pub fraction: f32,
    /// Can it be stopped?
    pub can_cancel: bool,
}

impl Workspace {
    /// Saves a photo's project: where it was, else beside the photo. Nothing is replaced that the
    /// document did not come from.
    pub fn save(&mut self, id: PhotoId) {
        let Some(document) = self.photo(id).and_then(|photo| photo.document()) else {
            return;
        };
        let known = document.project_file.as_ref().map(|file| file.path.clone());
        let beside = || document.source.as_deref().map(path_beside);
        if let Some(path) = known.or_else(beside) {
            self.save_as(id, path, Replace::Own);
        }
    }

    /// Saves a photo's project in this file from now on.
    pub fn save_as(&mut self, id: PhotoId, path: PathBuf, replace: Replace) {
        let Some(photo) = self.photo(id).filter(|photo| photo.document().is_some()) else {
            return;
        };
        let name = photo.name.clone();
        let is_queued = |write: &Write| {
            write.photo == id
                && matches!(write.stage, Stage::Queued(_))
                && matches!(&write.kind, Kind::Save { path: queued, replace: allowed }
                    if *queued == path && *allowed == replace)
        };
        if !self.writes.queue.iter().any(is_queued) {
            let stage = Stage::Queued(Inputs::Document);
            self.writes
                .add(id, name, Kind::Save { path, replace }, stage);
        }
    }

    /// Exports a photo, or before and after side by side, as soon as every edit is exact.
    pub fn export(
        &mut self,
        id: PhotoId,
        path: PathBuf,
        options: ExportOptions,
        is_comparison: bool,
    ) {
        let kind = Kind::Export {
            path,
            options,
            is_comparison,
        };
        self.write_pixels(id, kind);
    }

    /// Makes a retouched photo ready for the clipboard.
    pub fn copy(&mut self, id: PhotoId) {
        let is_copy = |write: &Write| write.photo == id && matches!(write.kind, Kind::Copy);
        if !self.writes.queue.iter().any(is_copy) {
            self.write_pixels(id, Kind::Copy);
        }
    }

    fn write_pixels(&mut self, id: PhotoId, kind: Kind) {
        if let Some(photo) = self.photo(id) {
            let name = photo.name.clone();
            self.writes.add(id, name, kind, Stage::Waiting);
        }
    }

    /// Stops a write.
    pub fn cancel_write(&mut self, id: WriteId, backend: &mut dyn Backend) -> Option<Notice> {
        let write = self.writes.queue.iter().find(|write| write.id == id)?;
        match write.stage {
            Stage::Running => {
                self.disk.cancel(id);
                None
            }
            Stage::Waiting | Stage::Queued(_) => {
                self.quits_when_done = false;
                let write = self.writes.take(id)?;
                if write.kind.is_save() {
                    self.closes_when_saved.remove(&write.photo);
                }
                self.let_go(write.photo, backend);
                Some(Notice::done("Cancelled; no file was written"))
            }
        }
    }

    /// What the status line says of everything that is being written, the oldest first.
    pub fn write_states(&self) -> Vec<WriteState> {
        let state = |write: &Write| {
            let Write { name, .. } = write;
            let progress: Option<WriteProgress> = self.disk.progress(write.id);
            let text = match (&write.stage, &write.kind, &progress) {
                (Stage::Waiting, kind, _) => {
                    format!("{name}: the {} waits for the exact edit", kind.noun())
                }
                (Stage::Queued(_), kind, _) => format!("{name}: the {} waits", kind.noun()),
                (Stage::Running, Kind::Save { .. }, _) => format!("Saving {name}"),
                (Stage::Running, Kind::Copy, _) => format!("Copying {name}"),
                (_, _, Some(progress)) => format!("Exporting {name}: {}", progress.stage),
                (_, _, None) => format!("Exporting {name}"),
            };
            let is_running = matches!(write.stage, Stage::Running);
            WriteState {
                id: write.id,
                text,
                fraction: progress.map_or(0.0, |progress| progress.fraction),
                can_cancel: !(is_running && write.kind.is_save()),
            }
        };
        self.writes.queue.iter().map(state).collect()
    }

    /// Takes the inputs of writes that waited for them, and begins what can begin: one save and one
    /// export at a time.
    pub(super) fn advance_writes(&mut self, backend: &mut dyn Backend, events: &mut Vec<Event>) {
        for mut write in mem::take(&mut self.writes.queue) {
            if matches!(write.stage, Stage::Waiting) {
                match self.inputs_of(&write) {
                    Ok(None) => (),
                    Ok(Some(inputs)) => write.stage = Stage::Queued(inputs),
                    Err(why) => {
                        self.quits_when_done = false;
                        events.push(Event::Notice(refusal(&write, &why)));
                        continue;
                    }
                }
            }
            let is_save = write.kind.is_save();
            let is_lane_free = !self.writes.queue.iter().any(|earlier| {
                earlier.kind.is_save() == is_save && !matches!(earlier.stage, Stage::Waiting)
            });
            if is_lane_free && matches!(write.stage, Stage::Queued(_)) {
                match self.begin_write(write) {
                    Some(begun) => self.writes.queue.push(begun),
                    None => continue,
                }
            } else {
                self.writes.queue.push(write);
            }
        }
        let ids: Vec<PhotoId> = self.photos.iter().map(|photo| photo.id).collect();
        for id in ids {
            self.let_go(id, backend);
        }
    }

    /// The pixels that a write waits for; an error names the faces that can't be had.
    fn inputs_of(&mut self, write: &Write) -> Result<Option<Inputs>, String> {
        let Some(photo) = self.photo(write.photo) else {
            return Err(format!("{} is not open any more", write.name));
        };
        match &photo.loading {
            Loading::Failed(why) => return Err(why.clone()),
            Loading::Unloaded => {
                self.load(write.photo);
                return Ok(None);
            }
            Loading::Running => return Ok(None),
            Loading::Loaded => (),
        }
        let Some(session) = &photo.session else {
            return Ok(None);
        };
        match session.readiness() {
            Readiness::Waiting => Ok(None),
            Readiness::Ready(faces) => Ok(session.photo().map(|photo| Inputs::Pixels {
                photo: Arc::clone(photo),
                faces,
            })),
            Readiness::Failed(faces) => {
                let faces = faces.into_iter();
                let faces: Vec<String> = faces
                    .map(|(id, why)| format!("face {}: {why}", id.0))
                    .collect();
                Err(format!(
                    "an edit can't be drawn ({}). Try again, or set its chin to 0 to leave it out",
                    faces.join("; ")
                ))
            }
        }
    }

    fn begin_write(&mut self, write: Write) -> Option<Write> {
        let Write { id, photo, .. } = write;
        let Stage::Queued(inputs) = write.stage else {
            return Some(write);
        };
        let task = match (&write.kind, inputs) {
            (Kind::Save { path, replace }, _) => {
                let photo = self.photo_mut(photo)?;
                let project = Project::of(photo.document()?);
                photo.being_saved = Some(Arc::clone(project.edits()));
                Task::Save {
                    id,
                    project: Box::new(project),
                    path: path.clone(),
                    replace: *replace,
                }
            }
            (Kind::Copy, Inputs::Pixels { photo, faces }) => Task::Copy { id, photo, faces },
            (
                Kind::Export {
                    path,
                    options,
                    is_comparison,
                },
                Inputs::Pixels { photo, faces },
            ) => Task::Export {
                id,
                photo,
                faces,
                path: path.clone(),
                options: *options,
                is_comparison: *is_comparison,
                noted: None,
            },
            (_, Inputs::Document) => return None,
        };
        self.disk.send(task);
        Some(Write {
            stage: Stage::Running,
            ..write
        })
    }

    pub(super) fn handle_saved(
        &mut self,
        id: WriteId,
        result: Result<ProjectFile, project::Error>,
        backend: &mut dyn Backend,
        events: &mut Vec<Event>,
    ) {
        let Some(write) = self.writes.take(id) else {
            return;
        };
        let is_saved = result.is_ok();
        let photo = self.photo_mut(write.photo);
        let edits = photo.and_then(|photo| photo.being_saved.take());
        match result {
            Ok(file) => {
                let text = format!("Saved {}", file.path.display());
                events.push(Event::Notice(Notice::done(text)));
                self.lose_project(write.photo, &file.path);
                if let (Some(document), Some(edits)) = (self.document_mut(write.photo), edits) {
                    document.project_file = Some(file);
                    document.set_saved(edits);
                }
            }
            Err(error) => {
                let save_as = Remedy::SaveAs(write.photo);
                let mut notice = Notice::error(format!("{} was not saved", write.name), &error);
                if let project::Error::Exists { path } = error {
                    notice = notice.with_remedy(Remedy::ReplaceProject(write.photo, path));
                }
                events.push(Event::Notice(notice.with_remedy(save_as)));
            }
        }
        self.after_save(write.photo, is_saved, backend, events);
    }

    pub(super) fn handle_exported(
        &mut self,
        id: WriteId,
        result: Result<Exported, export::Error>,
        events: &mut Vec<Event>,
    ) {
        let Some(write) = self.writes.take(id) else {
            return;
        };
        match result {
            Ok(exported) => {
                let warnings = exported.warnings.into_iter().map(Notice::warning);
                events.extend(warnings.map(Event::Notice));
                let text = format!("Exported {}", exported.path.display());
                events.push(Event::Notice(Notice::done(text)));
            }
            Err(error) => self.tell_unwritten(&write, error, events),
        }
    }

    pub(super) fn handle_copied(
        &mut self,
        id: WriteId,
        result: Result<image::RgbaImage, export::Error>,
        events: &mut Vec<Event>,
    ) {
        let Some(write) = self.writes.take(id) else {
            return;
        };
        match result {
            Ok(pixels) => events.push(Event::Copied(pixels)),
            Err(error) => self.tell_unwritten(&write, error, events),
        }
    }

    fn tell_unwritten(&mut self, write: &Write, error: export::Error, events: &mut Vec<Event>) {
        self.quits_when_done = false;
        if error.is_cancelled() {
            let text = "Cancelled; no file was written";
            events.push(Event::Notice(Notice::done(text)));
            return;
        }
        let mut notice = Notice::error(format!("{} was not exported", write.name), &error);
        if let (
            export::Error::Photo(photo::Error::File(fs::Error::Exists { .. })),
            Kind::Export {
                path,
                is_comparison,
                ..
            },
        ) = (&error, &write.kind)
        {
            notice = notice.with_remedy(Remedy::ReplaceExport {
                photo: write.photo,
                path: path.clone(),
                is_comparison: *is_comparison,
            });
        }
        if !matches!(write.kind, Kind::Copy) {
            notice = notice.with_remedy(Remedy::ExportAgain(write.photo));
        }
        events.push(Event::Notice(notice));
    }
}

fn refusal(write: &Write, why: &str) -> Notice {
    let what = match &write.kind {
        Kind::Copy => "copied",
        _ => "exported",
    };
    Notice::problem(format!("{} was not {what}: {why}", write.name))
}
