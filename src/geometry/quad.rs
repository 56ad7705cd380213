use serde::{Deserialize, Serialize};

use super::{Affine, Point, Rect};

/// Four corners in the order top left, bottom left, bottom right, top right (that of FFHQ and of
/// Pillow's `QUAD` transform). Serialised as four `[x, y]`.
///
/// The corners are those of the covered *area*: a picture of size `s` by `s` is itself the quad
/// from (−0.5, −0.5) to (s − 0.5, s − 0.5).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quad {
    /// Top left, bottom left, bottom right, top right.
    pub corners: [Point; 4],
}

impl Quad {
    /// The parallelogram around `centre` whose half axes are `half_x` (to the middle of the right
    /// side) and `half_y` (to the middle of the lower side).
    pub fn around(centre: Point, half_x: Point, half_y: Point) -> Self {
        Self {
            corners: [
                centre - half_x - half_y,
                centre - half_x + half_y,
                centre + half_x + half_y,
                centre + half_x - half_y,
            ],
        }
    }

    /// The map from the pixel coordinates of a square picture of `size` by `size` pixels onto this
    /// quad, which must be a parallelogram: its top left, bottom left and top right corners fix it.
    pub fn from_square(&self, size: u32) -> Affine {
        let [top_left, bottom_left, _, top_right] = self.corners;
        let per_pixel = f64::from(size).recip();
        let area = Affine::from_frame(
            top_left,
            (top_right - top_left) * per_pixel,
            (bottom_left - top_left) * per_pixel,
        );
        area * Affine::translation(Point::new(0.5, 0.5))
    }

    /// The corners after `map`.
    pub fn mapped(&self, map: &Affine) -> Self {
        Self {
            corners: self.corners.map(|corner| map.apply(corner)),
        }
    }

    /// The smallest upright rectangle around it.
    pub fn bounds(&self) -> Rect {
        Rect::around(&self.corners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn square_picture_maps_to_itself() {
        let half = Point::new(4.0, 0.0);
        let quad = Quad::around(Point::new(3.5, 3.5), half, half.perpendicular());
        assert_eq!(quad.corners[0], Point::new(-0.5, -0.5));
        assert_eq!(quad.corners[1], Point::new(-0.5, 7.5));
        assert_eq!(quad.from_square(8), Affine::IDENTITY);
    }

    #[test]
    fn corners_of_the_square_meet_corners_of_the_quad() {
        let half = Point::new(30.0, -7.0);
        let quad = Quad::around(Point::new(100.0, 80.0), half, half.perpendicular());
        let map = quad.from_square(64);
        let square = [(-0.5, -0.5), (-0.5, 63.5), (63.5, 63.5), (63.5, -0.5)];
        for ((x, y), corner) in square.into_iter().zip(quad.corners) {
            assert!(map.apply(Point::new(x, y)).distance(corner) < 1e-9);
        }
    }
}
