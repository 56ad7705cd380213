//! Whether the face above the mouth still looks the same to a landmark model.

use crate::geometry::Landmarks;

/// Brows, nose and eyes: the points of the annotation that lie above the mouth and are not of the jaw.
const ABOVE_MOUTH: std::ops::Range<usize> = 17..48;

/// The mean distance of brows, nose and eyes between two sets of landmarks, in the landmarks' pixels.
///
/// It stands in for an identity distance, for which Jawline has no network: it sees that features move, not
/// that they look different. A landmark model fits all points together, so that a changed jaw moves the
/// others a little even where no pixel of them has changed.
pub fn shift_above_mouth_px(before: &Landmarks, after: &Landmarks) -> f64 {
    let pairs = before.points().iter().zip(after.points());
    let above = pairs.skip(ABOVE_MOUTH.start).take(ABOVE_MOUTH.len());
    let sum: f64 = above.map(|(before, after)| before.distance(*after)).sum();
    sum / ABOVE_MOUTH.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    fn landmarks(of: impl Fn(usize) -> Point) -> Landmarks {
        Landmarks::new(std::array::from_fn(of)).unwrap()
    }

    #[test]
    fn jaw_and_mouth_may_move() {
        let before = landmarks(|index| Point::new(index as f64, 7.0));
        let slim = landmarks(|index| match index {
            0..17 | 48.. => Point::new(0.0, 0.0),
            _ => Point::new(index as f64, 7.0),
        });
        assert_eq!(shift_above_mouth_px(&before, &slim), 0.0);
        let moved = landmarks(|index| Point::new(index as f64 + 3.0, 11.0));
        assert!((shift_above_mouth_px(&before, &moved) - 5.0).abs() < 1e-12);
    }
}
