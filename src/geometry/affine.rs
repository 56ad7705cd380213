use serde::{Deserialize, Serialize};

use super::Point;

/// An affine map of the plane: `x' = a·x + b·y + c`, `y' = d·x + e·y + f`.
///
/// Stored and serialised as the rows `[[a, b, c], [d, e, f]]` of its 2×3 matrix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Affine {
    /// The matrix, row by row.
    pub rows: [[f64; 3]; 2],
}

impl Affine {
    /// Leaves every point where it is.
    pub const IDENTITY: Self = Self {
        rows: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    };

    /// Moves every point by `offset`.
    pub const fn translation(offset: Point) -> Self {
        Self {
            rows: [[1.0, 0.0, offset.x], [0.0, 1.0, offset.y]],
        }
    }

    /// Multiplies both coordinates by `factor`; (0, 0) stays. To enlarge or reduce *pictures*, whose
    /// corner lies at (−0.5, −0.5), use [`Affine::resize`].
    pub const fn scaling(factor: f64) -> Self {
        Self {
            rows: [[factor, 0.0, 0.0], [0.0, factor, 0.0]],
        }
    }

    /// Where pixels go when a picture is resized by `factor`: its corner at (−0.5, −0.5) stays.
    pub const fn resize(factor: f64) -> Self {
        let shift = 0.5 * factor - 0.5;
        Self {
            rows: [[factor, 0.0, shift], [0.0, factor, shift]],
        }
    }

    /// Where pixels go when a picture of one width and height is resized to another.
    pub fn resize_between(from: (u32, u32), to: (u32, u32)) -> Self {
        let (x, y) = (
            f64::from(to.0) / f64::from(from.0),
            f64::from(to.1) / f64::from(from.1),
        );
        Self {
            rows: [[x, 0.0, 0.5 * x - 0.5], [0.0, y, 0.5 * y - 0.5]],
        }
    }

    /// The map of a coordinate frame: (0, 0) goes to `origin`, (1, 0) to `origin + x_axis` and
    /// (0, 1) to `origin + y_axis`.
    pub const fn from_frame(origin: Point, x_axis: Point, y_axis: Point) -> Self {
        Self {
            rows: [
                [x_axis.x, y_axis.x, origin.x],
                [x_axis.y, y_axis.y, origin.y],
            ],
        }
    }

    /// The only affine map that takes the corners of one triangle to those of another, or `None`
    /// when `from` has no area.
    pub fn between_triangles(from: [Point; 3], to: [Point; 3]) -> Option<Self> {
        let frame = |[a, b, c]: [Point; 3]| Self::from_frame(a, b - a, c - a);
        Some(frame(to) * frame(from).inverse()?)
    }

    /// The image of `point`.
    pub fn apply(&self, point: Point) -> Point {
        let [[a, b, c], [d, e, f]] = self.rows;
        Point::new(a * point.x + b * point.y + c, d * point.x + e * point.y + f)
    }

    /// The image of a displacement: the map without its translation.
    pub fn apply_to_vector(&self, vector: Point) -> Point {
        let [[a, b, _], [d, e, _]] = self.rows;
        Point::new(a * vector.x + b * vector.y, d * vector.x + e * vector.y)
    }

    /// Signed factor by which areas grow.
    pub fn determinant(&self) -> f64 {
        let [[a, b, _], [d, e, _]] = self.rows;
        a * e - b * d
    }

    /// Factor by which lengths grow on average: √|determinant|. Exact for rotations with scaling.
    pub fn scale(&self) -> f64 {
        self.determinant().abs().sqrt()
    }

    /// The map that undoes this one, or `None` when it flattens the plane or is not finite.
    pub fn inverse(&self) -> Option<Self> {
        let [[a, b, c], [d, e, f]] = self.rows;
        let reciprocal = self.determinant().recip();
        if !reciprocal.is_finite() || reciprocal == 0.0 || !(c + f).is_finite() {
            return None;
        }
        let [[ia, ib], [id, ie]] = [
            [e * reciprocal, -b * reciprocal],
            [-d * reciprocal, a * reciprocal],
        ];
        Some(Self {
            rows: [[ia, ib, -(ia * c + ib * f)], [id, ie, -(id * c + ie * f)]],
        })
    }
}

/// `a * b` applies `b` first: `photo_from_crop * crop_from_mask` is `photo_from_mask`.
impl std::ops::Mul for Affine {
    type Output = Self;
    fn mul(self, first: Self) -> Self {
        let origin = self.apply(first.apply(Point::default()));
        let [[a, b, _], [d, e, _]] = first.rows;
        let x_axis = self.apply_to_vector(Point::new(a, d));
        let y_axis = self.apply_to_vector(Point::new(b, e));
        Self::from_frame(origin, x_axis, y_axis)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: Point, b: Point) -> bool {
        a.distance(b) <= 1e-6 * (1.0 + a.length() + b.length())
    }

    #[test]
    fn resize_keeps_the_corner_and_moves_the_centre() {
        let double = Affine::resize(2.0);
        assert_eq!(double.apply(Point::new(-0.5, -0.5)), Point::new(-0.5, -0.5));
        assert_eq!(double.apply(Point::new(0.0, 0.0)), Point::new(0.5, 0.5));
    }

    #[test]
    fn flat_maps_have_no_inverse() {
        let flat = Affine {
            rows: [[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]],
        };
        assert_eq!(flat.inverse(), None);
        assert_eq!(
            Affine::translation(Point::new(f64::NAN, 0.0)).inverse(),
            None
        );
    }

    proptest! {
        #[test]
        fn inverse_undoes(
            m in prop::array::uniform2(prop::array::uniform3(-100.0..100.0f64)),
            x in -1e3..1e3f64,
            y in -1e3..1e3f64,
        ) {
            let map = Affine { rows: m };
            prop_assume!(map.determinant().abs() > 1.0);
            let point = Point::new(x, y);
            let inverse = map.inverse().unwrap();
            prop_assert!(close(inverse.apply(map.apply(point)), point));
            prop_assert!(close((inverse * map).apply(point), point));
        }

        #[test]
        fn triangles_map_corner_to_corner(c in prop::array::uniform12(-500.0..500.0f64)) {
            let at = |i: usize| Point::new(c[2 * i], c[2 * i + 1]);
            let (from, to) = ([at(0), at(1), at(2)], [at(3), at(4), at(5)]);
            prop_assume!((from[1] - from[0]).cross(from[2] - from[0]).abs() > 1.0);
            let map = Affine::between_triangles(from, to).unwrap();
            for (a, b) in from.into_iter().zip(to) {
                prop_assert!(map.apply(a).distance(b) < 1e-3);
            }
        }
    }
}
