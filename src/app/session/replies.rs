//! What the engine answers.

use std::sync::Arc;

use super::{Diffusion, Finding, Live, Preparation, Session};
use crate::app::notices::Notice;
use crate::editor::{Command, Face, FaceId};
use crate::engine::desk::{Backend, FaceKey, Reply, Slot, Stamp};
use crate::engine::{Error, FoundFace, Frame, PreparedFace, Snapshot};

impl Session {
    /// Takes a reply in. What the user should know comes back.
    pub fn hear(&mut self, reply: Reply, backend: &mut dyn Backend) -> Option<Notice> {
        match reply {
            Reply::Faces(Ok(found)) => {
                self.finding = Finding::Done;
                self.document.found = (1..).zip(found).map(face_of).collect();
                self.prepare_edited(backend);
                None
            }
            Reply::Faces(Err(error)) => {
                self.finding = Finding::Failed(error.to_string());
                None
            }
            Reply::Marked(Ok(landmarks)) => {
                let id = self.document.next_face_id();
                self.document
                    .apply(&Command::MarkFace { id, landmarks }, None);
                self.finding = Finding::Done;
                self.choose(id, backend);
                None
            }
            Reply::Marked(Err(error)) => Some(Notice::error("The face was not marked", &error)),
            Reply::Progress(Slot::Prepare(key), progress) => {
                if let Some(live) = self.live_of(key)
                    && let Preparation::Running(running) = &mut live.preparation
                {
                    *running = Some(progress);
                }
                None
            }
            Reply::Snapshot(key, snapshot) => {
                if let Some(live) = self.live_of(key) {
                    match snapshot {
                        Snapshot::Aligned(aligned) => {
                            live.aligned = Some(aligned);
                            live.fresh.crop = true;
                        }
                        Snapshot::Usable(prepared) => {
                            live.prepared = Some(prepared);
                            live.failed = None;
                        }
                    }
                }
                None
            }
            Reply::Prepared(key, result) => self.hear_prepared(key, result),
            Reply::Frame(key, stamp, result) => self.hear_frame(key, stamp, result),
            Reply::Keyframe(key, stamp, keyframe) => {
                if let Some(live) = self.live_of(key)
                    && live.keyframes_under_way == Some(stamp)
                {
                    live.keyframes.push(keyframe);
                    live.fresh.keyframes = true;
                }
                None
            }
            Reply::Progress(Slot::Diffuse(key), progress) => {
                let live = self.live_of(key)?;
                if let Some(running) = live.diffusion.as_mut().and_then(|it| it.running.as_mut()) {
                    *running = progress;
                }
                None
            }
            Reply::Diffused(key, stamp, drawing) => {
                self.diffusion_of(key, stamp)?.drawing = Some(drawing);
                None
            }
            Reply::DiffusionEnded(key, stamp, result) => {
                let diffusion = self.diffusion_of(key, stamp)?;
                diffusion.running = None;
                match result {
                    Ok(drawing) => {
                        diffusion.drawing = Some(drawing);
                        None
                    }
                    Err(error) if error.is_cancelled() => None,
                    Err(error) => Some(Notice::error("The edit could not be diffused", &error)),
                }
            }
            Reply::KeyframesEnded(key, stamp, result) => {
                let live = self.live_of(key)?;
                if live.keyframes_under_way == Some(stamp) {
                    live.keyframes_under_way = None;
                }
                let error = result.err().filter(|error| !error.is_cancelled())?;
                Some(Notice::error("The preview could not be drawn", &error))
            }
            Reply::Progress(..)
            | Reply::Described(_)
            | Reply::Installed(_)
            | Reply::Imported(_) => None,
        }
    }

    fn live_of(&mut self, key: FaceKey) -> Option<&mut Live> {
        let id = self.id_of(key)?;
        self.live.get_mut(&id)
    }

    fn diffusion_of(&mut self, key: FaceKey, stamp: Stamp) -> Option<&mut Diffusion> {
        let diffusion = self.live_of(key)?.diffusion.as_mut()?;
        (diffusion.stamp == stamp).then_some(diffusion)
    }

    fn hear_prepared(
        &mut self,
        key: FaceKey,
        result: Result<Arc<PreparedFace>, Error>,
    ) -> Option<Notice> {
        let id = self.id_of(key)?;
        let live = self.live.get_mut(&id)?;
        match result {
            Ok(prepared) => {
                let doubts = prepared.parsed.doubts.clone();
                let code = Arc::new(prepared.code.clone());
                live.prepared = Some(prepared);
                live.preparation = Preparation::Ready;
                live.failed = None;
                self.document.set_code(id, code);
                let doubts: Vec<String> = doubts.iter().map(ToString::to_string).collect();
                (!doubts.is_empty())
                    .then(|| Notice::warning(format!("Face {}: {}", id.0, doubts.join("; "))))
            }
            Err(error) if error.is_cancelled() => {
                live.preparation = Preparation::Cancelled;
                None
            }
            Err(error) => {
                live.preparation = Preparation::Failed(error.to_string());
                Some(Notice::error(
                    format!("Face {} could not be prepared", id.0),
                    &error,
                ))
            }
        }
    }

    fn hear_frame(
        &mut self,
        key: FaceKey,
        stamp: Stamp,
        result: Result<Frame, Error>,
    ) -> Option<Notice> {
        let live = self.live_of(key)?;
        let asked = live.asked.take_if(|asked| asked.stamp == stamp)?;
        match result {
            Ok(frame) => {
                live.frame = Some(frame);
                live.frame_took = Some(asked.at.elapsed());
                live.frame_of = Some(asked.wanted);
                live.fresh.frame = true;
                None
            }
            Err(error) if error.is_cancelled() => None,
            Err(error) => {
                // Not asked for again until something is different.
                live.failed = Some(asked.wanted);
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
