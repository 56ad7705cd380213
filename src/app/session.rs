//! A document in the window, and its dealings with the engine.
//!
//! The session compares what the document asks for with what it has, and sends for the difference:
//! undo, a preset, or a drag need no code of their own here. It knows no widget, so that its logic is
//! tested without a window.

mod live;
mod replies;
mod requests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

pub use live::{Diffusion, Fresh, Live, Preparation, Shown};

use crate::editor::{Command, Document, Face, FaceId, FaceParams, Gesture};
use crate::engine::desk::{Backend, FaceKey, Request, Slot, Stamp};
use crate::engine::{Progress, RenderedFace};
use crate::geometry::Point;
use crate::latent::Boundary;
use live::Wanted;

/// Whether the faces of the photo are known.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// They are being looked for.
    Running,
    /// They are known.
    Done,
    /// There are none, or looking failed; in words.
    Failed(String),
}

/// A document that is open in the window.
pub struct Session {
    /// The document.
    pub document: Document,
    /// Whether the faces are known.
    pub finding: Finding,
    /// Whether more keyframes are drawn when there is nothing else to do.
    pub refines_keyframes: bool,
    double_chin: Arc<Boundary>,
    number: u64,
    live: BTreeMap<FaceId, Live>,
    last_stamp: Stamp,
}

impl Session {
    /// Begins to work on a document: its faces are looked for, unless a project has told them, and the
    /// chosen one is prepared. `number` tells documents apart that were open at different times.
    pub fn begin(
        document: Document,
        number: u64,
        double_chin: Arc<Boundary>,
        backend: &mut dyn Backend,
    ) -> Self {
        let mut session = Self {
            document,
            finding: Finding::Done,
            refines_keyframes: true,
            double_chin,
            number,
            live: BTreeMap::new(),
            last_stamp: 0,
        };
        if session.document.faces().is_empty() {
            session.find_faces(backend);
        } else {
            session.prepare_edited(backend);
        }
        session
    }

    /// Ends all work.
    pub fn end(&mut self, backend: &mut dyn Backend) {
        backend.cancel(Slot::FindFaces);
        backend.cancel(Slot::MarkFace);
        for id in self.live.keys().copied().collect::<Vec<_>>() {
            let key = self.key(id);
            backend.cancel(Slot::Prepare(key));
            backend.cancel(Slot::Draw(key));
            backend.cancel(Slot::Diffuse(key));
            backend.cancel(Slot::Keyframes(key));
        }
    }

    /// Looks for the faces (again).
    pub fn find_faces(&mut self, backend: &mut dyn Backend) {
        self.finding = Finding::Running;
        backend.send(Request::FindFaces {
            photo: Arc::clone(&self.document.photo),
            name: self.document.name.clone(),
        });
    }

    /// The name of a face towards engine and canvas.
    pub fn key(&self, id: FaceId) -> FaceKey {
        self.number << 32 | id.0
    }

    fn id_of(&self, key: FaceKey) -> Option<FaceId> {
        (key >> 32 == self.number).then_some(FaceId(key & 0xffff_ffff))
    }

    /// What the engine has made of a face.
    pub fn live(&self, id: FaceId) -> Option<&Live> {
        self.live.get(&id)
    }

    /// The face that is being edited.
    pub fn chosen(&self) -> Option<Face> {
        self.document.face(self.document.chosen?)
    }

    /// What the engine has made of the chosen face.
    pub fn chosen_live(&self) -> Option<&Live> {
        self.live(self.document.chosen?)
    }

    /// All faces that the canvas may have to be told about.
    pub fn take_fresh(&mut self) -> Vec<(FaceKey, Fresh, &Live)> {
        let number = self.number;
        let all = self.live.iter_mut().filter_map(|(id, live)| {
            let fresh = std::mem::take(&mut live.fresh);
            (fresh != Fresh::default()).then_some((number << 32 | id.0, fresh, &*live))
        });
        all.collect()
    }

    /// What is shown of a face.
    pub fn shown(&self, id: FaceId) -> Shown {
        let params = self.document.params(id);
        let Some(live) = self.live.get(&id) else {
            return Shown::Original;
        };
        if params.changes_nothing() {
            return Shown::Original;
        }
        let wanted = self.wanted(id);
        if wanted.as_ref().is_some_and(|wanted| live.is_exact(wanted)) {
            return Shown::Exact;
        }
        if live.diffusing().is_some() && live.frame_of == wanted && wanted.is_some() {
            return Shown::Stale;
        }
        let blends = wanted.is_some_and(|wanted| self.has_keyframes(live, &wanted));
        if blends {
            Shown::Blend
        } else if live.frame.is_some() {
            Shown::Stale
        } else {
            Shown::Original
        }
    }

    fn has_keyframes(&self, live: &Live, wanted: &Wanted) -> bool {
        // With two of them (and the photo at 0) there is something to blend.
        live.keyframes.len() >= 2 && live.keyframes_of == Some(wanted.at_any_amount())
    }

    /// What the document asks for; `None` while the face has no code.
    fn wanted(&self, id: FaceId) -> Option<Wanted> {
        let prepared = self.live.get(&id)?.prepared.as_ref()?;
        Some(Wanted {
            params: self.document.edit_params(id, &self.double_chin),
            prepared: Arc::clone(prepared),
        })
    }

    /// Chooses a face and prepares it if need be.
    pub fn choose(&mut self, id: FaceId, backend: &mut dyn Backend) {
        self.document.chosen = Some(id);
        let untouched = self
            .live
            .get(&id)
            .is_none_or(|live| live.preparation == Preparation::NotAsked);
        if untouched {
            self.prepare(id, backend);
        }
    }

    /// Looks for the code of a face.
    pub fn prepare(&mut self, id: FaceId, backend: &mut dyn Backend) {
        let Some(face) = self.document.face(id) else {
            return;
        };
        let live = self
            .live
            .entry(id)
            .or_insert_with(|| Live::new(Instant::now()));
        match face.landmarks {
            Ok(landmarks) => {
                live.preparation = Preparation::Running(None);
                let face_key = self.number << 32 | id.0;
                backend.send(Request::Prepare {
                    face: face_key,
                    photo: Arc::clone(&self.document.photo),
                    landmarks: Box::new(landmarks),
                    code: face.code,
                });
            }
            Err(why) => live.preparation = Preparation::Failed(why),
        }
    }

    /// Ends the search for a code; the best one so far stays.
    pub fn cancel_preparation(&mut self, id: FaceId, backend: &mut dyn Backend) {
        backend.cancel(Slot::Prepare(self.key(id)));
        if let Some(live) = self.live.get_mut(&id)
            && matches!(live.preparation, Preparation::Running(_))
        {
            live.preparation = Preparation::Cancelled;
            // What the user goes on with is what a project has to hold.
            let code = live
                .prepared
                .as_ref()
                .map(|face| Arc::new(face.code.clone()));
            if let Some(code) = code {
                self.document.set_code(id, code);
            }
        }
    }

    /// Ends a diffusion; the best so far stays.
    pub fn cancel_diffusion(&mut self, id: FaceId, backend: &mut dyn Backend) {
        backend.cancel(Slot::Diffuse(self.key(id)));
        if let Some(diffusion) = self.live.get_mut(&id).and_then(|it| it.diffusion.as_mut()) {
            diffusion.running = None;
        }
    }

    /// The faces whose edits are being diffused, with the progress.
    pub fn diffusing(&self) -> impl Iterator<Item = (FaceId, &Progress)> {
        let all = self.live.iter();
        all.filter_map(|(id, live)| Some((*id, live.diffusing()?)))
    }

    /// Begins the search for a code anew, also where one is known.
    pub fn prepare_anew(&mut self, id: FaceId, backend: &mut dyn Backend) {
        self.document.forget_code(id);
        self.prepare(id, backend);
    }

    /// The faces whose codes are being looked for, with the progress.
    pub fn preparing(&self) -> impl Iterator<Item = (FaceId, Option<&Progress>)> {
        self.live
            .iter()
            .filter_map(|(id, live)| match &live.preparation {
                Preparation::Running(progress) => Some((*id, progress.as_ref())),
                _ => None,
            })
    }

    /// Marks a face by hand; photo pixels.
    pub fn mark_face(&mut self, eyes: [Point; 2], chin: Point, backend: &mut dyn Backend) {
        backend.send(Request::MarkFace {
            photo: Arc::clone(&self.document.photo),
            eyes,
            chin,
        });
    }

    /// Does a command.
    pub fn apply(&mut self, command: &Command, gesture: Option<Gesture>) -> bool {
        self.document.apply(command, gesture)
    }

    /// After a restart of the engine: what was under way is asked for again.
    pub fn start_over(&mut self, backend: &mut dyn Backend) {
        if self.finding != Finding::Done {
            self.find_faces(backend);
        }
        for (id, is_running) in self.running() {
            if let Some(live) = self.live.get_mut(&id) {
                live.asked = None;
                live.keyframes_under_way = None;
                live.diffusion.take_if(|it| it.running.is_some());
                live.failed = None;
            }
            if is_running {
                self.prepare(id, backend);
            }
        }
    }

    fn running(&self) -> Vec<(FaceId, bool)> {
        let is_running = |live: &Live| matches!(live.preparation, Preparation::Running(_));
        self.live
            .iter()
            .map(|(id, live)| (*id, is_running(live)))
            .collect()
    }

    /// Every face that has edits or is chosen is prepared.
    fn prepare_edited(&mut self, backend: &mut dyn Backend) {
        if self.document.chosen.is_none() {
            let faces = self.document.faces();
            let usable = faces.iter().find(|face| face.landmarks.is_ok());
            self.document.chosen = usable.or(faces.first()).map(|face| face.id);
        }
        for face in self.document.faces() {
            let is_chosen = self.document.chosen == Some(face.id);
            let is_edited = !self.document.params(face.id).changes_nothing();
            let is_untouched = self
                .live
                .get(&face.id)
                .is_none_or(|live| live.preparation == Preparation::NotAsked);
            if is_untouched && (is_chosen || is_edited) {
                self.prepare(face.id, backend);
            }
        }
    }

    /// The exact edits of all edited faces; `None` while one of them is not exact yet, or its code may
    /// still get better.
    pub fn exact_edits(&self) -> Option<Vec<Arc<RenderedFace>>> {
        let mut exact = Vec::new();
        for face in self.document.faces() {
            if self.document.params(face.id).changes_nothing() {
                continue;
            }
            let live = self.live.get(&face.id);
            match live.map(|live| &live.preparation) {
                Some(Preparation::Failed(_)) => continue,
                Some(Preparation::Ready | Preparation::Cancelled) => (),
                _ => return None,
            }
            if self.shown(face.id) != Shown::Exact {
                return None;
            }
            exact.push(Arc::clone(&live?.frame.as_ref()?.rendered));
        }
        Some(exact)
    }

    /// The settings of a face that can be carried over to another.
    pub fn portable_params(&self, id: FaceId) -> FaceParams {
        self.document.params(id).portable()
    }
}
