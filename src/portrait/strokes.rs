//! Brush strokes: what the user adds to a mask by hand, and takes away from it.

use image::GrayImage;
use serde::{Deserialize, Serialize};

use crate::geometry::{Point, Rect};

/// What a stroke does to the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrokeKind {
    /// More of the edit is shown.
    Add,
    /// More of the photo is shown.
    Erase,
}

/// One stroke of a round brush.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stroke {
    /// What it does.
    pub kind: StrokeKind,
    /// The brush's radius in pixels of the crop.
    pub radius_px: f32,
    /// The part of the radius that has full effect, 0 to 1; beyond it the effect fades out.
    pub hardness: f32,
    /// The brush's path in pixels of the crop; one point is a dab.
    pub path: Vec<Point>,
}

impl Stroke {
    /// Is it a stroke of numbers? JSON, which keeps the edits, knows no others.
    pub fn is_finite(&self) -> bool {
        self.radius_px.is_finite()
            && self.hardness.is_finite()
            && self.path.iter().all(|point| point.is_finite())
    }

    /// How strongly the stroke acts at a distance from its path, 0 to 1.
    pub fn effect(&self, distance_px: f64) -> f32 {
        let radius = f64::from(self.radius_px.max(0.5));
        let core = radius * f64::from(self.hardness.clamp(0.0, 0.98));
        let t = ((radius - distance_px) / (radius - core)).clamp(0.0, 1.0) as f32;
        t * t * (3.0 - 2.0 * t)
    }

    /// Draws the stroke into a mask of the crop: the stronger of both stays when it adds, what is
    /// left of the mask when it erases.
    pub fn draw(&self, mask: &mut GrayImage) {
        // Piece by piece, so that a long path costs its own length and not its length times its area.
        let mut effect = GrayImage::new(mask.width(), mask.height());
        let dab = self.path.first().map(|first| [*first, *first]);
        let pieces = self.path.array_windows().copied();
        for [from, to] in dab.into_iter().chain(pieces) {
            let reach = Rect::around(&[from, to]).inflated(f64::from(self.radius_px) + 1.0);
            let Some(block) = reach.pixels(mask.width(), mask.height()) else {
                continue;
            };
            for (x, y) in block
                .rows()
                .flat_map(|y| block.columns().map(move |x| (x, y)))
            {
                let point = Point::new(f64::from(x), f64::from(y));
                let here = self.effect(distance_to_segment(point, from, to));
                let value = &mut effect.get_pixel_mut(x, y)[0];
                *value = (*value).max((here * 255.0).round() as u8);
            }
        }
        for (value, effect) in mask.iter_mut().zip(effect.iter()) {
            *value = match self.kind {
                StrokeKind::Add => (*value).max(*effect),
                StrokeKind::Erase => (*value).min(255 - effect),
            };
        }
    }
}

fn distance_to_segment(point: Point, from: Point, to: Point) -> f64 {
    let along = to - from;
    let square = along.dot(along);
    let t = if square > 0.0 {
        ((point - from).dot(along) / square).clamp(0.0, 1.0)
    } else {
        0.0
    };
    from.lerp(to, t).distance(point)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stroke(kind: StrokeKind, hardness: f32, path: &[(f64, f64)]) -> Stroke {
        Stroke {
            kind,
            radius_px: 8.0,
            hardness,
            path: path.iter().map(|(x, y)| Point::new(*x, *y)).collect(),
        }
    }

    #[test]
    fn a_hard_stroke_is_full_along_its_path_and_nothing_beyond_its_radius() {
        let mut mask = GrayImage::new(64, 64);
        stroke(
            StrokeKind::Add,
            1.0,
            &[(10.0, 10.0), (50.0, 10.0), (50.0, 40.0)],
        )
        .draw(&mut mask);
        for (x, y, expected) in [
            (10, 10, 255),
            (30, 14, 255),
            (50, 39, 255),
            (30, 19, 0),
            (10, 30, 0),
        ] {
            assert_eq!(mask.get_pixel(x, y)[0], expected, "at {x}, {y}");
        }
    }

    #[test]
    fn a_soft_edge_falls_steadily() {
        let soft = stroke(StrokeKind::Add, 0.25, &[(0.0, 0.0)]);
        let effects: Vec<f32> = (0..=9).map(|d| soft.effect(f64::from(d))).collect();
        assert!(effects.is_sorted_by(|a, b| a >= b), "{effects:?}");
        assert_eq!((effects[0], effects[2], effects[8]), (1.0, 1.0, 0.0));
    }

    proptest! {
        #[test]
        fn adding_never_darkens_and_erasing_never_brightens(
            path in prop::collection::vec((-20.0..84.0f64, -20.0..84.0f64), 0..6),
            hardness in 0.0..=1.0f32,
            level in 0..=255u8,
        ) {
            let before = GrayImage::from_pixel(64, 64, image::Luma([level]));
            for kind in [StrokeKind::Add, StrokeKind::Erase] {
                let mut after = before.clone();
                stroke(kind, hardness, &path).draw(&mut after);
                for (after, before) in after.iter().zip(before.iter()) {
                    let (low, high) = match kind {
                        StrokeKind::Add => (before, after),
                        StrokeKind::Erase => (after, before),
                    };
                    prop_assert!(low <= high);
                }
            }
        }
    }
}
