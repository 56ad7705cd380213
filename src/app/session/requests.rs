//! What is sent for: the difference between what the document asks for and what is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::live::{Asked, Diffusion};
use super::{Preparation, Session};
use crate::editor::FaceId;
use crate::engine::Method;
use crate::engine::desk::{Backend, Request, Slot};

/// During a drag that keyframes can follow, the exact frame is asked for when the pointer has rested
/// for so long.
const REST: Duration = Duration::from_millis(90);
/// Keyframes are drawn anew when nothing has changed for so long.
const KEYFRAME_REST: Duration = Duration::from_millis(400);
/// Amounts of the first keyframes, the most useful first; 0 needs none.
const COARSE_AMOUNTS: [f32; 8] = [100.0, 55.0, 25.0, 10.0, 80.0, 40.0, 70.0, -20.0];
/// Amounts that are added when there is nothing else to do.
const FINE_AMOUNTS: [f32; 8] = [18.0, 32.0, 48.0, 62.0, 75.0, 90.0, 5.0, -10.0];

impl Session {
    /// Sends for what the document asks for and is not there. Call it once a frame; it says when to
    /// call it again if nothing happens before. `is_dragging` is true while a control is held.
    pub fn send_for_missing(
        &mut self,
        now: Instant,
        is_dragging: bool,
        backend: &mut dyn Backend,
    ) -> Option<Duration> {
        self.prepare_marked(backend);
        let ids: Vec<FaceId> = self.live.keys().copied().collect();
        let waits = ids
            .into_iter()
            .filter_map(|id| self.send_for_face(id, now, is_dragging, backend));
        waits.min()
    }

    /// Faces that a redo or a project has brought back.
    fn prepare_marked(&mut self, backend: &mut dyn Backend) {
        let forgotten: Vec<FaceId> = self
            .document
            .edits()
            .marked
            .iter()
            .map(|marked| marked.id)
            .filter(|id| !self.live.contains_key(id))
            .collect();
        for id in forgotten {
            self.prepare(id, backend);
        }
    }

    fn send_for_face(
        &mut self,
        id: FaceId,
        now: Instant,
        is_dragging: bool,
        backend: &mut dyn Backend,
    ) -> Option<Duration> {
        let wanted = self.wanted(id)?;
        let key = self.key(id);
        let photo = Arc::clone(&self.document.photo);
        let changes_nothing = self.document.params(id).changes_nothing();
        let last_stamp = &mut self.last_stamp;
        let mut next_stamp = || {
            *last_stamp += 1;
            *last_stamp
        };
        let live = self.live.get_mut(&id)?;
        if live.last_wanted.as_ref() != Some(&wanted) {
            live.last_wanted = Some(wanted.clone());
            live.changed_at = now;
        }
        let rested = now.duration_since(live.changed_at);
        let any_amount = wanted.at_any_amount();
        if live.keyframes_of.is_some() && live.keyframes_of.as_ref() != Some(&any_amount) {
            backend.cancel(Slot::Keyframes(key));
            live.forget_keyframes();
        }

        if live
            .diffusion
            .as_ref()
            .is_some_and(|it| !it.serves(&wanted))
        {
            backend.cancel(Slot::Diffuse(key));
            live.diffusion = None;
        }

        let is_exact = live.has_frame_of(&wanted);
        let is_hopeless = live.failed.as_ref() == Some(&wanted);
        let is_asked = live
            .asked
            .as_ref()
            .is_some_and(|asked| asked.wanted == wanted);
        if !changes_nothing && !is_exact && !is_hopeless && !is_asked {
            let can_blend = live.keyframes.len() >= 2;
            if can_blend && is_dragging && rested < REST {
                return Some(REST - rested);
            }
            // Where only exact frames can follow a drag, each is left to end.
            if !can_blend && is_dragging && live.asked.is_some() {
                return None;
            }
            let stamp = next_stamp();
            live.asked = Some(Asked {
                stamp,
                wanted: wanted.clone(),
                at: now,
            });
            let reuse = live.drawing(&wanted);
            backend.send(Request::Draw {
                face: key,
                stamp,
                photo,
                prepared: wanted.prepared,
                params: wanted.params,
                reuse,
            });
            return None;
        }

        let is_final = matches!(
            live.preparation,
            Preparation::Ready | Preparation::Cancelled
        );
        let needs_diffusion =
            wanted.params.method == Method::Diffuse && !changes_nothing && live.diffusion.is_none();
        if is_final && needs_diffusion && !is_hopeless && !is_dragging {
            if rested < KEYFRAME_REST {
                return Some(KEYFRAME_REST - rested);
            }
            let stamp = next_stamp();
            live.diffusion = Some(Diffusion::begun(stamp, wanted.clone()));
            backend.send(Request::Diffuse {
                face: key,
                stamp,
                prepared: wanted.prepared,
                params: wanted.params,
            });
            return None;
        }
        let is_diffusing = live.diffusing().is_some();
        if !is_final
            || is_diffusing
            || live.keyframes_under_way.is_some()
            || live.asked.is_some()
            || is_hopeless
        {
            return None;
        }
        let amounts = match live.keyframes_asked {
            0 => COARSE_AMOUNTS,
            1 if self.refines_keyframes => FINE_AMOUNTS,
            _ => return None,
        };
        // The first ones come at once, so that the first drag finds them.
        let is_first = live.keyframes_of.is_none() && live.frame.is_none();
        if rested < KEYFRAME_REST && !is_first {
            return Some(KEYFRAME_REST - rested);
        }
        let stamp = next_stamp();
        live.keyframes_of = Some(any_amount);
        live.keyframes_asked += 1;
        live.keyframes_under_way = Some(stamp);
        backend.send(Request::Keyframes {
            face: key,
            stamp,
            prepared: wanted.prepared,
            params: wanted.params,
            amounts: amounts.to_vec(),
        });
        None
    }
}
