//! A face that the detector did not find, from three points that the user has set.

use std::sync::Arc;

use crate::engine::job::OneStep;
use crate::geometry::{Landmarks, Point, QuarterTurn, Rect};
use crate::networks;
use crate::photo::Photo;

/// Landmarks that were fitted may lie this far (in distances from eye to eye) from what the user has
/// marked; beyond it the user is right.
const TOLERANCE: f64 = 0.35;

/// Finds the landmarks of a marked face. `eyes` are the middles of the eye on the left and the one on the
/// right of the picture, `chin` is the chin's tip; photo pixels.
pub fn mark_face(photo: Arc<Photo>, eyes: [Point; 2], chin: Point) -> OneStep<Landmarks> {
    OneStep::new("find the marked face's landmarks", move |context| {
        let model = context.sessions.landmarks()?;
        let placed = model
            .mean_face_over(eyes, chin)
            .map_err(networks::Error::from)?;
        let face_box = Rect::around(placed.points());
        let fitted = model
            .find(&photo, &face_box, turn(eyes, chin))
            .ok()
            .map(|found| found.landmarks)
            .filter(|found| agrees(found, eyes, chin));
        Ok(fitted.unwrap_or(placed))
    })
}

/// The turn that brings the marked face upright, as near as a quarter turn comes.
fn turn(eyes: [Point; 2], chin: Point) -> QuarterTurn {
    let down = chin - (eyes[0] + eyes[1]) * 0.5;
    match (down.x.abs() > down.y.abs(), down.x > 0.0, down.y > 0.0) {
        (true, true, _) => QuarterTurn::Clockwise,
        (true, false, _) => QuarterTurn::Anticlockwise,
        (false, _, false) => QuarterTurn::Half,
        (false, _, true) => QuarterTurn::None,
    }
}

fn agrees(found: &Landmarks, eyes: [Point; 2], chin: Point) -> bool {
    let eye_distance = eyes[0].distance(eyes[1]);
    let is_near = |point: Point, mark: Point| point.distance(mark) < TOLERANCE * eye_distance;
    let middle = |points: &[Point]| Point::mean(points).unwrap_or_default();
    is_near(middle(&found.eye_left()), eyes[0])
        && is_near(middle(&found.eye_right()), eyes[1])
        && is_near(found.chin(), chin)
}
