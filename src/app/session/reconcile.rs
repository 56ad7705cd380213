//! Asks the engine for the difference between what the document asks for and what is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::face_state::{RenderKey, SearchEnd, Start};
use super::plan::{Task, Wish, plan};
use super::slot::Slot;
use super::{Finding, Session};
use crate::editor::{Face, FaceId};
use crate::engine::client::{self, Backend, Request, Stamp};
use crate::engine::{FoundCode, Method, Progress};
use crate::photo::Photo;

impl Session {
    /// Asks for what the document asks for and is not there. Call it once a frame; it says when to call
    /// it again if nothing happens before. `is_dragging` is true while a control is held.
    pub fn reconcile(
        &mut self,
        now: Instant,
        is_dragging: bool,
        backend: &mut dyn Backend,
    ) -> Option<Duration> {
        let photo = Arc::clone(self.photo.as_ref()?);
        if self.finding == Finding::NotAsked {
            self.find_faces(backend);
        }
        let faces = self.document.faces();
        let waits = faces
            .into_iter()
            .filter_map(|face| self.reconcile_face(face, &photo, now, is_dragging, backend));
        waits.min()
    }

    fn reconcile_face(
        &mut self,
        face: Face,
        photo: &Arc<Photo>,
        now: Instant,
        is_dragging: bool,
        backend: &mut dyn Backend,
    ) -> Option<Duration> {
        let id = face.id;
        let params = self.document.params(id);
        let changes_nothing = params.changes_nothing();
        let is_instant = params.settings.method == Method::Instant;
        let is_wanted = self.document.chosen == Some(id) || !changes_nothing;
        let key = self.render_key(id);
        let landmarks = face.landmarks.as_ref().ok().filter(|_| is_wanted);
        if landmarks.is_none() && !self.faces.contains_key(&id) {
            return None;
        }
        let state = self.faces.entry(id).or_default();
        state.want(key.as_ref(), now);
        let wish = Wish {
            landmarks,
            key: key.as_ref(),
            is_instant,
            changes_nothing,
            is_dragging,
            refines_keyframes: self.refines_keyframes,
        };
        let mut wait = None;
        for task in plan(state, &wish, now) {
            match (task, &key) {
                (Task::Wait(left), _) => wait = Some(left),
                (Task::Align, _) => self.align(&face, photo, now, backend),
                (Task::Prepare, _) => self.prepare(&face, photo, now, backend),
                (task, Some(key)) => self.carry_out(task, id, key, photo, now, backend),
                (_, None) => (),
            }
        }
        wait
    }

    fn align(&mut self, face: &Face, photo: &Arc<Photo>, now: Instant, backend: &mut dyn Backend) {
        let Ok(landmarks) = &face.landmarks else {
            return;
        };
        let stamp = self.next_stamp();
        let state = self.faces.entry(face.id).or_default();
        state.aligning = Slot::Asked {
            key: Box::new(landmarks.clone()),
            stamp,
            at: now,
        };
        backend.send(Request::Align {
            face: self.key(face.id),
            stamp,
            photo: Arc::clone(photo),
            landmarks: Box::new(landmarks.clone()),
        });
    }

    fn prepare(
        &mut self,
        face: &Face,
        photo: &Arc<Photo>,
        now: Instant,
        backend: &mut dyn Backend,
    ) {
        let Ok(landmarks) = &face.landmarks else {
            return;
        };
        let stamp = self.next_stamp();
        let state = self.faces.entry(face.id).or_default();
        state.code_progress = None;
        state.code = Slot::Asked {
            key: Box::new(landmarks.clone()),
            stamp,
            at: now,
        };
        let aligned = state.aligned.clone();
        backend.send(Request::Prepare {
            face: self.key(face.id),
            photo: Arc::clone(photo),
            landmarks: Box::new(landmarks.clone()),
            aligned: aligned.filter(|aligned| aligned.landmarks == *landmarks),
            code: face.code.clone(),
        });
    }

    fn carry_out(
        &mut self,
        task: Task,
        id: FaceId,
        key: &RenderKey,
        photo: &Arc<Photo>,
        now: Instant,
        backend: &mut dyn Backend,
    ) {
        let face = self.key(id);
        let stamp = self.next_stamp();
        let Some(state) = self.faces.get_mut(&id) else {
            return;
        };
        let RenderKey { params, start } = key.clone();
        match (task, start) {
            (Task::Draw, Start::Aligned(aligned)) => {
                state.drawing = asked(key.clone(), stamp, now);
                backend.send(Request::Move {
                    face,
                    stamp,
                    photo: Arc::clone(photo),
                    aligned,
                    params,
                });
            }
            (Task::Draw, Start::Prepared(prepared)) => {
                state.drawing = asked(key.clone(), stamp, now);
                backend.send(Request::Draw {
                    face,
                    stamp,
                    photo: Arc::clone(photo),
                    reuse: state.drawing_to_reuse(key),
                    prepared,
                    params,
                });
            }
            (Task::Diffuse, Start::Prepared(prepared)) => {
                state.forget_diffusion();
                state.diffusion = asked(key.clone(), stamp, now);
                state.diffusion_progress = Some(Progress {
                    stage: "diffuse",
                    fraction: 0.0,
                    detail: String::new(),
                    left: None,
                });
                backend.send(Request::Diffuse {
                    face,
                    stamp,
                    prepared,
                    params,
                });
            }
            (Task::Keyframes(amounts), Start::Prepared(prepared)) => {
                state.keyframing = asked(key.at_any_amount(), stamp, now);
                state.keyframe_rounds += 1;
                backend.send(Request::Keyframes {
                    face,
                    stamp,
                    prepared,
                    params,
                    amounts: amounts.to_vec(),
                });
            }
            (Task::ForgetKeyframes, _) => {
                backend.cancel(client::Slot::Keyframes(face));
                state.forget_keyframes();
            }
            (Task::ForgetDiffusion, _) => {
                backend.cancel(client::Slot::Diffuse(face));
                state.forget_diffusion();
            }
            (Task::Diffuse | Task::Keyframes(_), Start::Aligned(_))
            | (Task::Align | Task::Prepare | Task::Wait(_), _) => (),
        }
    }

    fn next_stamp(&mut self) -> Stamp {
        self.last_stamp += 1;
        self.last_stamp
    }

    /// Ends the search for a code; the best one so far is the one to go on with.
    pub fn cancel_preparation(&mut self, id: FaceId, backend: &mut dyn Backend) {
        backend.cancel(client::Slot::Prepare(self.key(id)));
        let Some(state) = self.faces.get_mut(&id) else {
            return;
        };
        if !state.code.is_asked() {
            return;
        }
        let prepared = state.prepared.as_ref();
        let code = prepared.map(|prepared| Arc::new(prepared.code.clone()));
        state.code.end(match &code {
            Some(_) => Ok(SearchEnd::Stopped),
            None => Err("stopped before there was anything to edit with".to_owned()),
        });
        if let Some(code) = code {
            let is_final = true;
            self.document.set_code(id, FoundCode { code, is_final });
        }
    }

    /// Goes on with the search for a code that was stopped or has failed; one that was found is looked
    /// for from the beginning.
    pub fn search_again(&mut self, id: FaceId, backend: &mut dyn Backend) {
        let is_instant = self.document.params(id).settings.method == Method::Instant;
        if let Some(state) = self.faces.get_mut(&id)
            && is_instant
        {
            state.aligning = Slot::Empty;
            return;
        }
        backend.cancel(client::Slot::Prepare(self.key(id)));
        let Some(state) = self.faces.get_mut(&id) else {
            return;
        };
        let was_stopped = matches!(
            state.code,
            Slot::Ready {
                value: SearchEnd::Stopped,
                ..
            }
        );
        state.code = Slot::Empty;
        match self.document.face(id).and_then(|face| face.code) {
            Some(FoundCode { code, .. }) if was_stopped => {
                let is_final = false;
                self.document.set_code(id, FoundCode { code, is_final });
            }
            _ => self.document.forget_code(id),
        }
    }

    /// Ends a diffusion; the best so far stays.
    pub fn cancel_diffusion(&mut self, id: FaceId, backend: &mut dyn Backend) {
        backend.cancel(client::Slot::Diffuse(self.key(id)));
        if let Some(state) = self.faces.get_mut(&id) {
            state.diffusion.end(Ok(()));
        }
    }
}

fn asked<V>(key: RenderKey, stamp: Stamp, at: Instant) -> Slot<RenderKey, V> {
    Slot::Asked { key, stamp, at }
}
