//! What the chin meter says of a face, before and after its edit, and the amount that it asks for.
//!
//! Every picture that the engine makes comes with its reading, and between two keyframes readings are
//! interpolated: no frame runs a network.

use super::face_state::{FaceState, RenderKey, Shown};
use super::{Session, Slot};
use crate::editor::FaceId;
use crate::engine::{ChinReading, Method, least_amount};

/// What the chin meter says of a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChinReadings {
    /// Of the photo; `None` until the face was cut out of it.
    pub before: Option<ChinReading>,
    /// Of the edit in view; `None` where nothing is edited, or where nothing of it was read.
    pub after: Option<ChinReading>,
    /// What `after` is a reading of.
    pub shown: Shown,
    /// Whether the face parser sees a neck that is bare; so as long as it was not asked.
    pub shows_neck: bool,
}

/// Why there is no least amount yet, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLeastAmount {
    /// There is no face, or nothing to edit it with.
    #[error("Waits until the face can be edited")]
    NotPrepared,
    /// The code still gets better.
    #[error("Waits until the preparation of the face is over")]
    Preparing,
    /// Keyframes are not all there.
    #[error("Waits until previews over the slider's range are drawn")]
    Drawing,
    /// Keyframes could not be drawn.
    #[error("Previews could not be drawn, so that there is nothing to choose from")]
    Failed,
}

impl Session {
    /// What the chin meter says of a face as it is shown.
    pub fn chin_readings(&self, id: FaceId) -> ChinReadings {
        let shown = self.shown(id);
        let Some(state) = self.face_state(id) else {
            return ChinReadings {
                before: None,
                after: None,
                shown,
                shows_neck: true,
            };
        };
        let after = match shown {
            Shown::Original => None,
            Shown::Blend => {
                let amount = self.document.params(id).amount;
                ChinReading::interpolated(state.readings(), amount)
            }
            Shown::Stale | Shown::Draft | Shown::Exact => {
                let amount = self.document.params(id).amount;
                let frame = state.frame.as_ref();
                frame.and_then(|frame| frame.rendered.chin_at(amount))
            }
        };
        ChinReadings {
            before: state.chin_before(),
            after,
            shown,
            shows_neck: state.shows_neck(),
        }
    }

    /// The [least amount](least_amount) among the keyframes of a face's edit and 0, per cent.
    ///
    /// # Errors
    /// [`NoLeastAmount`] as long as there is nothing to choose from.
    pub fn least_amount(&self, id: FaceId) -> Result<f32, NoLeastAmount> {
        let key = self.render_key(id).ok_or(NoLeastAmount::NotPrepared)?;
        let state = self.face_state(id).ok_or(NoLeastAmount::NotPrepared)?;
        if key.params.settings.method == Method::Instant {
            let frame = state.frame.as_ref().filter(|_| state.is_exact(&key));
            return match (frame, state.drawing.failed_for(&key)) {
                (Some(frame), _) => Ok(least_amount(frame.rendered.readings())),
                (None, Some(_)) => Err(NoLeastAmount::Failed),
                (None, None) => Err(NoLeastAmount::Drawing),
            };
        }
        if !state.is_code_final() {
            return Err(NoLeastAmount::Preparing);
        }
        if state.has_coarse_keyframes(&key) {
            return Ok(least_amount(state.readings()));
        }
        match state.keyframing.failed_for(&key.at_any_amount()) {
            Some(_) => Err(NoLeastAmount::Failed),
            None => Err(NoLeastAmount::Drawing),
        }
    }
}

impl FaceState {
    fn chin_before(&self) -> Option<ChinReading> {
        self.aligned.as_ref()?.chin
    }

    fn shows_neck(&self) -> bool {
        let aligned = self.aligned.as_ref();
        aligned.is_none_or(|face| face.parsed.shows_neck())
    }

    /// Readings by amount, per cent: the photo's, at 0, and the keyframes'.
    fn readings(&self) -> impl Iterator<Item = (f32, ChinReading)> {
        let before = self.chin_before().map(|chin| (0.0, chin));
        let keyframes = self.keyframes.iter();
        let after = keyframes.filter_map(|keyframe| Some((keyframe.amount, keyframe.chin?)));
        before.into_iter().chain(after)
    }

    /// Is the first round of keyframes for this edit over?
    fn has_coarse_keyframes(&self, key: &RenderKey) -> bool {
        let is_over = self.keyframe_rounds > 1 || matches!(self.keyframing, Slot::Ready { .. });
        is_over && self.keyframing.key() == Some(&key.at_any_amount())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(amount: f32) -> Option<f32> {
        let readings = [(100.0, 0.0), (0.0, 0.75), (50.0, 0.25), (-20.0, 1.0)];
        let readings = readings.map(|(amount, probability)| {
            let severity = 0.5;
            let reading = ChinReading {
                probability,
                severity,
            };
            (amount, reading)
        });
        let reading = ChinReading::interpolated(readings, amount)?;
        assert_eq!(reading.severity, 0.5);
        Some(reading.probability)
    }

    #[test]
    fn readings_lie_between_those_of_the_nearest_amounts() {
        assert_eq!(at(0.0), Some(0.75));
        assert_eq!(at(25.0), Some(0.5));
        assert_eq!(at(75.0), Some(0.125));
        assert_eq!(at(-10.0), Some(0.875));
    }

    #[test]
    fn beyond_the_last_amount_the_reading_stays() {
        assert_eq!(at(400.0), Some(0.0));
        assert_eq!(at(-50.0), Some(1.0));
        assert_eq!(ChinReading::interpolated([], 5.0), None);
    }
}
