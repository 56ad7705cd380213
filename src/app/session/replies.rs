//! What the engine answers.

use std::sync::Arc;

use super::face_state::{FaceState, SearchEnd};
use super::{Finding, Session};
use crate::app::notices::{Notice, Remedy};
use crate::editor::{Command, Face, FaceId};
use crate::engine::client::{Backend, FaceKey, Reply, Slot, Stamp};
use crate::engine::{AlignedFace, Error, FoundCode, FoundFace, Frame, PreparedFace, Snapshot};

impl Session {
    /// Takes a reply about this photo in. What the user should know comes back.
    pub fn handle_reply(&mut self, reply: Reply, backend: &mut dyn Backend) -> Option<Notice> {
        match reply {
            Reply::Faces(_, Ok(found)) => {
                self.finding = Finding::Done;
                self.document.found = (1..).zip(found).map(face_of).collect();
                self.choose_one();
                None
            }
            Reply::Faces(_, Err(error)) => {
                self.finding = Finding::Failed(error.to_string());
                None
            }
            Reply::Marked(_, Ok(landmarks)) => {
                let id = self.document.next_face_id();
                self.document
                    .apply(&Command::MarkFace { id, landmarks }, None);
                self.finding = Finding::Done;
                self.document.chosen = Some(id);
                None
            }
            Reply::Marked(_, Err(error)) => Some(Notice::error("The face was not marked", &error)),
            Reply::Progress(Slot::Prepare(key), progress) => {
                self.state_of(key)?.code_progress = Some(progress);
                None
            }
            Reply::Aligned(key, stamp, result) => {
                let state = self.state_of(key)?;
                if !state.aligning.is_asked_as(stamp) {
                    return None;
                }
                match result {
                    Ok(aligned) => {
                        state.aligning.end(Ok(()));
                        self.handle_aligned(key, aligned)
                    }
                    Err(error) if error.is_cancelled() => {
                        state.aligning.abandon();
                        None
                    }
                    Err(error) => {
                        state.aligning.end(Err(error.to_string()));
                        let face = key.face;
                        Some(Notice::error(
                            format!("Face {face} could not be cut out"),
                            &error,
                        ))
                    }
                }
            }
            Reply::Snapshot(key, Snapshot::Aligned(aligned)) => self.handle_aligned(key, aligned),
            Reply::Snapshot(key, Snapshot::Usable(prepared)) => {
                let state = self.state_of(key)?;
                if !state.code.is_asked() {
                    return None;
                }
                self.keep_code(key, &prepared, false);
                self.state_of(key)?.prepared = Some(prepared);
                None
            }
            Reply::Prepared(key, result) => self.handle_prepared(key, result, backend),
            Reply::Frame(key, stamp, result) => self.handle_frame(key, stamp, result),
            Reply::Keyframe(key, stamp, keyframe) => {
                let state = self.state_of(key)?;
                if state.keyframing.is_asked_as(stamp) {
                    state.keyframes.push(keyframe);
                    state.dirty.keyframes = true;
                }
                None
            }
            Reply::KeyframesEnded(key, stamp, result) => {
                let state = self.state_of(key)?;
                if !state.keyframing.is_asked_as(stamp) {
                    return None;
                }
                match result {
                    Err(error) if error.is_cancelled() => {
                        state.forget_keyframes();
                        None
                    }
                    Err(error) => {
                        state.keyframing.end(Err(error.to_string()));
                        Some(Notice::error("The preview could not be drawn", &error))
                    }
                    Ok(()) => {
                        state.keyframing.end(Ok(()));
                        None
                    }
                }
            }
            Reply::Progress(Slot::Diffuse(key), progress) => {
                self.state_of(key)?.diffusion_progress = Some(progress);
                None
            }
            Reply::Diffused(key, stamp, drawing) => {
                let state = self.state_of(key)?;
                if state.diffusion.is_asked_as(stamp) {
                    state.diffused = Some(drawing);
                }
                None
            }
            Reply::DiffusionEnded(key, stamp, result) => {
                let state = self.state_of(key)?;
                if !state.diffusion.is_asked_as(stamp) {
                    return None;
                }
                match result {
                    Ok(drawing) => {
                        state.diffused = Some(drawing);
                        state.diffusion.end(Ok(()));
                        None
                    }
                    Err(error) if error.is_cancelled() => {
                        state.diffusion.end(Ok(()));
                        None
                    }
                    Err(error) => {
                        state.diffusion.end(Err(error.to_string()));
                        Some(Notice::error("The edit could not be diffused", &error))
                    }
                }
            }
            Reply::Progress(..)
            | Reply::Described(_)
            | Reply::Installed(_)
            | Reply::Imported(_) => None,
        }
    }

    /// A face was cut out. Doubts about its labels are reported as soon as they are known, and once.
    fn handle_aligned(&mut self, key: FaceKey, aligned: Arc<AlignedFace>) -> Option<Notice> {
        let doubts = aligned.parsed.doubts.iter().map(ToString::to_string);
        let doubts = doubts.collect::<Vec<_>>().join("; ");
        let state = self.state_of(key)?;
        let is_known = (state.aligned.as_ref()).is_some_and(|known| Arc::ptr_eq(known, &aligned));
        if !is_known {
            state.aligned = Some(aligned);
            state.dirty.crop = true;
        }
        let is_news = !doubts.is_empty() && self.doubted.insert(FaceId(key.face));
        is_news.then(|| {
            let of = format!("Face {} of {}", key.face, self.document.name);
            Notice::warning(format!("{of}: {doubts}"))
                .with_remedy(Remedy::PaintMask(self.id, FaceId(key.face)))
        })
    }

    fn state_of(&mut self, key: FaceKey) -> Option<&mut FaceState> {
        self.faces.get_mut(&FaceId(key.face))
    }

    /// Keeps a code with the photo: a project or an autosave that is written now holds it.
    fn keep_code(&mut self, key: FaceKey, prepared: &PreparedFace, is_final: bool) {
        let code = Arc::new(prepared.code.clone());
        self.document
            .set_code(FaceId(key.face), FoundCode { code, is_final });
    }

    fn handle_prepared(
        &mut self,
        key: FaceKey,
        result: Result<Arc<PreparedFace>, Error>,
        backend: &mut dyn Backend,
    ) -> Option<Notice> {
        let state = self.state_of(key)?;
        match result {
            Ok(prepared) => {
                state.code.end(Ok(SearchEnd::Complete))?;
                state.prepared = Some(Arc::clone(&prepared));
                self.keep_code(key, &prepared, true);
                None
            }
            Err(error) if error.is_cancelled() => {
                self.cancel_preparation(FaceId(key.face), backend);
                None
            }
            Err(error) => {
                state.code.end(Err(error.to_string()))?;
                Some(Notice::error(
                    format!("Face {} could not be prepared", key.face),
                    &error,
                ))
            }
        }
    }

    fn handle_frame(
        &mut self,
        key: FaceKey,
        stamp: Stamp,
        result: Result<Frame, Error>,
    ) -> Option<Notice> {
        let state = self.state_of(key)?;
        if !state.drawing.is_asked_as(stamp) {
            return None;
        }
        match result {
            Ok(frame) => {
                state.frame_of = state.drawing.key().cloned();
                let asked_at = state.drawing.end(Ok(()));
                state.frame = Some(frame);
                state.frame_took = asked_at.map(|at| at.elapsed());
                state.dirty.frame = true;
                None
            }
            Err(error) if error.is_cancelled() => {
                state.drawing.abandon();
                None
            }
            Err(error) => {
                state.drawing.end(Err(error.to_string()));
                Some(Notice::error("The edit could not be rendered", &error))
            }
        }
    }
}

fn face_of((number, found): (u64, FoundFace)) -> Face {
    Face {
        id: FaceId(number),
        face_box: found.face_box,
        landmarks: match found.landmarks {
            Ok(found) => Ok(found.landmarks),
            Err(error) => Err(error.to_string()),
        },
        code: None,
    }
}
