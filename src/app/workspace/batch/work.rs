//! The photo of the queue that is in work.

use std::path::PathBuf;
use std::sync::Arc;

use super::Tools;
use crate::app::session::{Finding, NoLeastAmount, Readiness, Session};
use crate::app::workspace::disk::{Task, WriteId};
use crate::editor::batch::{Edit, Noted};
use crate::editor::export::ExportOptions;
use crate::editor::{Change, Command, FaceId};
use crate::latent::Boundary;
use crate::photo::{Format, Overwrite, PhotoId};

/// The photo in work.
pub struct Work {
    pub item: usize,
    pub photo: PhotoId,
    pub noted: Noted,
    /// From when its pixels are there until it is written.
    pub session: Option<Session>,
    /// Edited faces whose amount is not found yet; `None` until faces are chosen.
    pub undecided: Option<Vec<FaceId>>,
    pub write: Option<WriteId>,
    pub warnings: Vec<String>,
}

impl Work {
    /// Does what can be done now; an error ends the photo.
    pub fn go_on(
        &mut self,
        edit: &Edit,
        overwrite: Overwrite,
        out: PathBuf,
        tools: &mut Tools<'_>,
    ) -> Result<(), String> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        match &session.finding {
            Finding::Failed(why) => return Err(why.clone()),
            Finding::NotAsked | Finding::Running => return Ok(()),
            Finding::Done => {}
        }
        let undecided = match &mut self.undecided {
            Some(undecided) => undecided,
            none => none.insert(put_on(edit, session)?),
        };
        if let Readiness::Failed(faces) = session.readiness() {
            let faces = faces.into_iter();
            let faces: Vec<String> = faces
                .map(|(id, why)| format!("face {}: {why}", id.0))
                .collect();
            return Err(faces.join("; "));
        }
        while let Some(face) = undecided.last().copied() {
            let Some(amount) = least_amount(session, face)? else {
                return Ok(());
            };
            let change = Change::Amount(amount);
            session.apply(&Command::Edit { face, change }, None);
            undecided.pop();
        }
        let (Readiness::Ready(faces), Some(photo)) = (session.readiness(), session.photo()) else {
            return Ok(());
        };
        let id = tools.writes.new_id();
        let Some(format) = Format::from_path(&out) else {
            return Err(format!("{}: the name tells no format", out.display()));
        };
        tools.disk.send(Task::Export {
            id,
            photo: Arc::clone(photo),
            faces,
            path: out,
            options: ExportOptions {
                format,
                overwrite,
                ..edit.export
            },
            is_comparison: false,
            noted: Some((self.noted.clone(), self.warnings.clone())),
        });
        self.write = Some(id);
        session.unload(tools.backend);
        self.session = None;
        Ok(())
    }
}

/// Puts the settings on the faces; yields those whose amount is to be found.
fn put_on(edit: &Edit, session: &mut Session) -> Result<Vec<FaceId>, String> {
    let faces = session.document.faces();
    let usable = faces.iter().filter(|face| face.landmarks.is_ok());
    let most = if edit.all_faces { usize::MAX } else { 1 };
    let chosen: Vec<FaceId> = usable.map(|face| face.id).take(most).collect();
    let Some(first) = chosen.first().copied() else {
        let why = faces.first().and_then(|face| face.landmarks.clone().err());
        return Err(why.unwrap_or_else(|| "no face can be retouched".to_owned()));
    };
    let params = match edit.finds_amount {
        // Something has to be drawn for the meter.
        true => edit.params.at_amount(Boundary::DEFAULT_AMOUNT),
        false => edit.params.clone(),
    };
    for face in &chosen {
        let change = Change::Apply {
            name: "Queue".to_owned(),
            params: Box::new(params.clone()),
        };
        session.apply(
            &Command::Edit {
                face: *face,
                change,
            },
            None,
        );
    }
    session.choose(first);
    Ok(match edit.finds_amount {
        true => chosen,
        false => Vec::new(),
    })
}

/// The least amount after which a face has no double chin; 0 where it has none before, or where its neck
/// cannot be seen; `None` as long as that is not known.
fn least_amount(session: &Session, face: FaceId) -> Result<Option<f32>, String> {
    let readings = session.chin_readings(face);
    let has_none = (readings.before).is_some_and(|before| !before.has_double_chin());
    if has_none || !readings.shows_neck {
        return Ok(Some(0.0));
    }
    match session.least_amount(face) {
        Ok(amount) => Ok(Some(amount)),
        Err(why @ NoLeastAmount::Failed) => Err(why.to_string()),
        Err(_) => Ok(None),
    }
}
