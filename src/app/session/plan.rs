//! What is to be asked of the engine: the difference between what the document asks for and what is
//! there. A pure function, so that undo, presets, a better code or a new method need no code of their
//! own.

use std::time::{Duration, Instant};

use super::face_state::{FaceState, RenderKey};
use super::slot::Slot;
use crate::engine::Method;
use crate::geometry::Landmarks;

/// During a drag that keyframes can follow, the exact frame is asked for when the pointer has rested
/// for so long.
pub(super) const REST: Duration = Duration::from_millis(90);
/// Keyframes are drawn again when nothing has changed for so long.
pub(super) const LONG_REST: Duration = Duration::from_millis(400);
/// Amounts of the first keyframes, the most useful first; 0 needs none.
const COARSE_AMOUNTS: [f32; 8] = [100.0, 55.0, 25.0, 10.0, 80.0, 40.0, 70.0, -20.0];
/// Amounts that are added when there is nothing else to do.
const FINE_AMOUNTS: [f32; 8] = [18.0, 32.0, 48.0, 62.0, 75.0, 90.0, 5.0, -10.0];

/// What the document and the user want of a face.
pub(super) struct Wish<'a> {
    /// The landmarks of a face that is to be prepared.
    pub landmarks: Option<&'a Landmarks>,
    /// The edit; `None` while the face has no code.
    pub key: Option<&'a RenderKey>,
    /// The edit needs no code.
    pub is_instant: bool,
    /// The edit leaves the photo as it is.
    pub changes_nothing: bool,
    /// A control is held.
    pub is_dragging: bool,
    /// More keyframes are drawn when there is nothing else to do.
    pub refines_keyframes: bool,
}

/// Something to do for a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Task {
    /// Cut it out.
    Align,
    /// Look for its code.
    Prepare,
    /// Draw the edit.
    Draw,
    /// Diffuse the edit.
    Diffuse,
    /// Draw keyframes at these amounts.
    Keyframes(&'static [f32]),
    /// Let go of what belongs to another edit.
    ForgetKeyframes,
    /// The same.
    ForgetDiffusion,
    /// Plan again after so long, if nothing happens before.
    Wait(Duration),
}

/// What is to be done for a face.
pub(super) fn plan(state: &FaceState, wish: &Wish<'_>, now: Instant) -> Vec<Task> {
    let mut tasks = Vec::new();
    if let Some(landmarks) = wish.landmarks {
        let is_other = |known: &Landmarks| *known != *landmarks;
        let aligned = state.aligned.as_ref().filter(|_| state.has_field());
        if !wish.is_instant && state.code.key().is_none_or(|known| is_other(known)) {
            tasks.push(Task::Prepare);
        } else if wish.is_instant
            && aligned.is_none_or(|aligned| is_other(&aligned.landmarks))
            && state.aligning.key().is_none_or(|known| is_other(known))
        {
            tasks.push(Task::Align);
        }
    }
    let Some(key) = wish.key else {
        return tasks;
    };
    let keyframes_are_others =
        (state.keyframing.key()).is_some_and(|of| *of != key.at_any_amount());
    if keyframes_are_others {
        tasks.push(Task::ForgetKeyframes);
    }
    let diffusion_is_another =
        (state.diffusion.key()).is_some_and(|of| !key.is_served_by_diffusion_of(of));
    if diffusion_is_another {
        tasks.push(Task::ForgetDiffusion);
    }
    let rested = (state.wanted.as_ref()).map_or(Duration::MAX, |(_, at)| now.duration_since(*at));
    let can_blend = state.can_blend(key);

    // What is on screen comes first.
    let is_drawn = if diffusion_is_another {
        state.frame_of.as_ref() == Some(key)
    } else {
        state.has_frame_of(key)
    };
    let is_pending = is_drawn
        || matches!(&state.drawing, Slot::Asked { key: of, .. } | Slot::Failed { key: of, .. } if of == key);
    if wish.is_instant {
        // One frame serves all amounts: it is there before the slider is touched.
        if !is_pending {
            tasks.push(Task::Draw);
        }
        return tasks;
    }
    if !wish.changes_nothing && !is_pending {
        if can_blend && wish.is_dragging && rested < REST {
            tasks.push(Task::Wait(REST - rested));
        } else if can_blend || !wish.is_dragging || !state.drawing.is_asked() {
            // Where only exact frames can follow a drag, each is left to end.
            tasks.push(Task::Draw);
        }
        return tasks;
    }

    let is_hopeless = state.drawing.failed_for(key).is_some();
    if !state.is_code_final() || is_hopeless {
        return tasks;
    }
    let is_undiffused = diffusion_is_another || matches!(state.diffusion, Slot::Empty);
    if key.params.settings.method == Method::Diffuse
        && !wish.changes_nothing
        && is_undiffused
        && !wish.is_dragging
    {
        tasks.push(match LONG_REST.checked_sub(rested) {
            Some(left) if !left.is_zero() => Task::Wait(left),
            _ => Task::Diffuse,
        });
        return tasks;
    }

    let is_busy = state.drawing.is_asked()
        || (state.diffusion.is_asked() && !diffusion_is_another)
        || (state.keyframing.is_asked() && !keyframes_are_others)
        || matches!(state.keyframing, Slot::Failed { .. }) && !keyframes_are_others;
    let rounds = if keyframes_are_others {
        0
    } else {
        state.keyframe_rounds
    };
    let amounts: &[f32] = match rounds {
        0 => &COARSE_AMOUNTS,
        1 if wish.refines_keyframes => &FINE_AMOUNTS,
        _ => return tasks,
    };
    if is_busy {
        return tasks;
    }
    // The first ones come at once, so that the first drag finds them.
    let is_first = state.keyframing.key().is_none() && state.frame.is_none();
    tasks.push(match LONG_REST.checked_sub(rested) {
        Some(left) if !left.is_zero() && !is_first => Task::Wait(left),
        _ => Task::Keyframes(amounts),
    });
    tasks
}

#[cfg(test)]
mod tests;
