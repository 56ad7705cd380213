//! A face that the detector did not find, from three points that the user has set.

use std::sync::Arc;

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Step};
use crate::geometry::{Landmarks, Point, QuarterTurn, Rect};
use crate::networks;
use crate::photo::Photo;

/// Finds the landmarks of a marked face.
pub struct MarkFace {
    photo: Arc<Photo>,
    eyes: [Point; 2],
    chin: Point,
}

/// Landmarks that were fitted may lie this far (in distances from eye to eye) from what the user has
/// marked; beyond it the user is right.
const TOLERANCE: f64 = 0.35;

impl MarkFace {
    /// `eyes` are the middles of the eye on the left and the one on the right of the picture, `chin`
    /// is the chin's tip; photo pixels.
    pub fn new(photo: Arc<Photo>, eyes: [Point; 2], chin: Point) -> Self {
        Self { photo, eyes, chin }
    }
}

impl Job for MarkFace {
    type Output = Landmarks;

    fn name(&self) -> String {
        "find the marked face's landmarks".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Landmarks>, Error> {
        let model = context.sessions.landmarks()?;
        let placed = model
            .mean_face_over(self.eyes, self.chin)
            .map_err(networks::Error::from)?;
        let face_box = Rect::around(placed.points());
        let fitted = model
            .find(&self.photo, &face_box, self.turn())
            .ok()
            .map(|found| found.landmarks)
            .filter(|found| self.agrees(found));
        Ok(Step::Done(fitted.unwrap_or(placed)))
    }
}

impl MarkFace {
    /// The turn that brings the marked face upright, as near as a quarter turn comes.
    fn turn(&self) -> QuarterTurn {
        let down = self.chin - (self.eyes[0] + self.eyes[1]) * 0.5;
        match (down.x.abs() > down.y.abs(), down.x > 0.0, down.y > 0.0) {
            (true, true, _) => QuarterTurn::Clockwise,
            (true, false, _) => QuarterTurn::Anticlockwise,
            (false, _, false) => QuarterTurn::Half,
            (false, _, true) => QuarterTurn::None,
        }
    }

    fn agrees(&self, found: &Landmarks) -> bool {
        let eye_distance = self.eyes[0].distance(self.eyes[1]);
        let is_near = |point: Point, mark: Point| point.distance(mark) < TOLERANCE * eye_distance;
        let middle = |points: &[Point]| Point::mean(points).unwrap_or_default();
        is_near(middle(&found.eye_left()), self.eyes[0])
            && is_near(middle(&found.eye_right()), self.eyes[1])
            && is_near(found.chin(), self.chin)
    }
}
