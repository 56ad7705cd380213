//! A document in the window, and its dealings with the engine.
//!
//! The session compares what the document asks for with what it has ([`plan`]), and asks for the
//! difference ([`Session::reconcile`]): undo, a preset, or a drag need no code of their own here. It
//! lives as long as its photo is on the list; pixels and what the engine made of them come and go. It
//! knows no widget, so that its logic is tested without a window.

mod chin;
mod face_state;
mod plan;
mod reconcile;
mod replies;
mod slot;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use chin::{ChinReadings, NoLeastAmount};
pub use face_state::{Dirty, FaceState, Preparation, Shown};
pub use slot::Slot;

use crate::editor::{Command, Document, Face, FaceId, FaceParams, Gesture};
use crate::engine::client::{self, Backend, FaceKey, Request, Stamp};
use crate::engine::{EditedFace, Method, Progress};
use crate::geometry::Point;
use crate::latent::OwnBoundaries;
use crate::photo::{Photo, PhotoId};
use face_state::{RenderKey, Start};

/// Whether the faces of the photo are known.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Nobody has looked yet.
    NotAsked,
    /// They are being looked for.
    Running,
    /// They are known.
    Done,
    /// There are none, or looking failed; in words.
    Failed(String),
}

/// Whether all edits of a photo can be written now.
pub enum Readiness {
    /// They can: the exact edits of all edited faces.
    Ready(Vec<Arc<EditedFace>>),
    /// One of them is not exact yet, or its code may still get better.
    Waiting,
    /// Some can't be had, with the reasons in words.
    Failed(Vec<(FaceId, String)>),
}

/// A document that is open in the window.
pub struct Session {
    /// The document.
    pub document: Document,
    /// Whether the faces are known.
    pub finding: Finding,
    /// Whether more keyframes are drawn when there is nothing else to do.
    pub refines_keyframes: bool,
    id: PhotoId,
    photo: Option<Arc<Photo>>,
    boundaries: OwnBoundaries,
    faces: BTreeMap<FaceId, FaceState>,
    /// The faces whose doubts were reported.
    doubted: BTreeSet<FaceId>,
    last_stamp: Stamp,
}

impl Session {
    /// A document without its pixels.
    pub fn new(id: PhotoId, document: Document, boundaries: OwnBoundaries) -> Self {
        Self {
            finding: Finding::NotAsked,
            document,
            refines_keyframes: true,
            id,
            photo: None,
            boundaries,
            faces: BTreeMap::new(),
            doubted: BTreeSet::new(),
            last_stamp: 0,
        }
    }

    /// The photo's pixels are there. Faces are looked for, unless a project has told them.
    pub fn load(&mut self, photo: Arc<Photo>) {
        self.photo = Some(photo);
        self.finding = match self.document.faces().is_empty() {
            true => Finding::NotAsked,
            false => Finding::Done,
        };
        self.choose_one();
    }

    /// Lets go of the pixels and of what was made of them, and ends all work on them. The document
    /// stays, with every code that was found.
    pub fn unload(&mut self, backend: &mut dyn Backend) {
        backend.cancel(client::Slot::FindFaces(self.id));
        backend.cancel(client::Slot::MarkFace(self.id));
        for id in self.faces.keys() {
            let key = self.key(*id);
            backend.cancel(client::Slot::Align(key));
            backend.cancel(client::Slot::Prepare(key));
            backend.cancel(client::Slot::Draw(key));
            backend.cancel(client::Slot::Diffuse(key));
            backend.cancel(client::Slot::Keyframes(key));
        }
        self.faces.clear();
        self.photo = None;
        self.finding = Finding::NotAsked;
    }

    /// The pixels, while they are loaded.
    pub fn photo(&self) -> Option<&Arc<Photo>> {
        self.photo.as_ref()
    }

    /// Looks for the faces (again).
    pub fn find_faces(&mut self, backend: &mut dyn Backend) {
        let Some(photo) = &self.photo else {
            return;
        };
        self.finding = Finding::Running;
        backend.send(Request::FindFaces {
            id: self.id,
            photo: Arc::clone(photo),
            name: self.document.name.clone(),
        });
    }

    /// The name of a face towards engine and canvas.
    pub fn key(&self, id: FaceId) -> FaceKey {
        FaceKey {
            photo: self.id,
            face: id.0,
        }
    }

    /// What the engine has made of a face.
    pub fn face_state(&self, id: FaceId) -> Option<&FaceState> {
        self.faces.get(&id)
    }

    /// The face that is being edited.
    pub fn chosen(&self) -> Option<Face> {
        self.document.face(self.document.chosen?)
    }

    /// What the engine has made of the chosen face.
    pub fn chosen_state(&self) -> Option<&FaceState> {
        self.face_state(self.document.chosen?)
    }

    /// All faces that the canvas may have to be told about.
    pub fn take_dirty(&mut self) -> Vec<(FaceKey, Dirty, &FaceState)> {
        let photo = self.id;
        let all = self.faces.iter_mut().filter_map(|(id, state)| {
            let dirty = std::mem::take(&mut state.dirty);
            let key = FaceKey { photo, face: id.0 };
            (dirty != Dirty::default()).then_some((key, dirty, &*state))
        });
        all.collect()
    }

    /// What is shown of a face.
    pub fn shown(&self, id: FaceId) -> Shown {
        let params = self.document.params(id);
        let (Some(state), false) = (self.faces.get(&id), params.changes_nothing()) else {
            return Shown::Original;
        };
        let key = self.render_key(id);
        match &key {
            Some(key) if state.is_exact(key) => Shown::Exact,
            Some(key) if state.has_frame_of(key) => Shown::Draft,
            // The diffusion has found something better, which is being drawn.
            Some(key) if state.frame_of.as_ref() == Some(key) => Shown::Draft,
            Some(key) if state.can_blend(key) => Shown::Blend,
            _ if state.frame.is_some() => Shown::Stale,
            _ => Shown::Original,
        }
    }

    /// The edit that the document asks for; `None` while the face has no code, or no crop where that is enough.
    fn render_key(&self, id: FaceId) -> Option<RenderKey> {
        let state = self.faces.get(&id)?;
        let params = self.document.edit_params(id, &self.boundaries);
        if params.settings.method == Method::Instant {
            let aligned = state.aligned.as_ref().filter(|_| state.has_field())?;
            let start = Start::Aligned(Arc::clone(aligned));
            return Some(RenderKey { params, start }.at_any_amount());
        }
        let start = Start::Prepared(Arc::clone(state.prepared.as_ref()?));
        Some(RenderKey { params, start })
    }

    /// Can the face be edited as the document asks for?
    pub fn is_editable(&self, id: FaceId) -> bool {
        self.render_key(id).is_some()
    }

    /// How far the face's preparation is, as its method needs it.
    pub fn preparation(&self, id: FaceId) -> Option<Preparation> {
        let state = self.faces.get(&id)?;
        Some(match self.document.params(id).settings.method {
            Method::Instant => state.alignment(),
            Method::Warp | Method::Plain | Method::Diffuse => state.preparation(),
        })
    }

    /// Chooses a face.
    pub fn choose(&mut self, id: FaceId) {
        self.document.chosen = Some(id);
    }

    /// Where no face is chosen, the first that can be edited is.
    fn choose_one(&mut self) {
        if self.document.chosen.is_none() {
            let faces = self.document.faces();
            let usable = faces.iter().find(|face| face.landmarks.is_ok());
            self.document.chosen = usable.or(faces.first()).map(|face| face.id);
        }
    }

    /// The faces whose edits are being diffused, with the progress.
    pub fn diffusing(&self) -> impl Iterator<Item = (FaceId, &Progress)> {
        let all = self.faces.iter();
        all.filter_map(|(id, state)| Some((*id, state.diffusing()?)))
    }

    /// The faces whose codes are being looked for, with the progress.
    pub fn preparing(&self) -> impl Iterator<Item = (FaceId, Option<&Progress>)> {
        let running = self.faces.iter().filter(|(_, state)| state.code.is_asked());
        running.map(|(id, state)| (*id, state.code_progress.as_ref()))
    }

    /// Marks a face by hand; photo pixels.
    pub fn mark_face(&mut self, eyes: [Point; 2], chin: Point, backend: &mut dyn Backend) {
        if let Some(photo) = &self.photo {
            backend.send(Request::MarkFace {
                id: self.id,
                photo: Arc::clone(photo),
                eyes,
                chin,
            });
        }
    }

    /// Does a command.
    pub fn apply(&mut self, command: &Command, gesture: Option<Gesture>) -> bool {
        self.document.apply(command, gesture)
    }

    /// After a restart of the engine: what was under way is requested again.
    pub fn start_over(&mut self) {
        if self.finding != Finding::Done {
            self.finding = Finding::NotAsked;
        }
        for state in self.faces.values_mut() {
            state.abandon_work();
        }
    }

    /// Whether the edits of all edited faces can be written now.
    pub fn readiness(&self) -> Readiness {
        let (mut exact, mut failed, mut waits) = (Vec::new(), Vec::new(), false);
        for face in self.document.faces() {
            if self.document.params(face.id).changes_nothing() {
                continue;
            }
            if let Err(why) = &face.landmarks {
                failed.push((face.id, why.clone()));
                continue;
            }
            match self.face_readiness(face.id) {
                Ok(Some(rendered)) => exact.push(rendered),
                Ok(None) => waits = true,
                Err(why) => failed.push((face.id, why)),
            }
        }
        match (failed.is_empty(), waits || self.photo.is_none()) {
            (false, _) => Readiness::Failed(failed),
            (true, true) => Readiness::Waiting,
            (true, false) => Readiness::Ready(exact),
        }
    }

    fn face_readiness(&self, id: FaceId) -> Result<Option<Arc<EditedFace>>, String> {
        let Some(state) = self.faces.get(&id) else {
            return Ok(None);
        };
        if let Some(Preparation::Failed(why)) = self.preparation(id) {
            return Err(why);
        }
        let Some(key) = self.render_key(id) else {
            return Ok(None);
        };
        if let Some(why) = state.drawing.failed_for(&key) {
            return Err(why.to_owned());
        }
        if let Slot::Failed { key: of, why } = &state.diffusion
            && key.params.settings.method == Method::Diffuse
            && key.is_served_by_diffusion_of(of)
        {
            return Err(why.clone());
        }
        let frame = state.frame.as_ref().filter(|_| state.is_exact(&key));
        let amount = self.document.params(id).amount;
        Ok(frame.map(|frame| EditedFace::at_amount(&frame.rendered, amount)))
    }

    /// The settings of a face that can be carried over to another.
    pub fn portable_params(&self, id: FaceId) -> FaceParams {
        self.document.params(id).portable()
    }
}

#[cfg(test)]
pub(crate) mod tests;
