use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

use serde::{Deserialize, Serialize};

/// A point or a displacement in a picture, in pixels: x to the right, y down, integers at pixel
/// centres. Serialised as `[x, y]`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "[f64; 2]", into = "[f64; 2]")]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

impl Point {
    /// The point (x, y).
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// Euclidean length of the displacement.
    pub fn length(self) -> f64 {
        self.x.hypot(self.y)
    }

    /// Euclidean distance to `other`.
    pub fn distance(self, other: Self) -> f64 {
        (self - other).length()
    }

    /// Scalar product.
    pub fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }

    /// The z component of the cross product: positive when `other` lies clockwise of `self` as
    /// seen on the screen (y down).
    pub fn cross(self, other: Self) -> f64 {
        self.x * other.y - self.y * other.x
    }

    /// The displacement turned by a quarter, from the x axis towards the y axis.
    pub fn perpendicular(self) -> Self {
        Self::new(-self.y, self.x)
    }

    /// The point at fraction `t` of the way to `other`; `t` may lie outside 0..=1.
    pub fn lerp(self, other: Self, t: f64) -> Self {
        self + (other - self) * t
    }

    /// Both coordinates cut towards zero.
    pub fn trunc(self) -> Self {
        Self::new(self.x.trunc(), self.y.trunc())
    }

    /// Whether neither coordinate is NaN or infinite.
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }

    /// The centroid of `points`, or `None` when there are none.
    pub fn mean(points: &[Self]) -> Option<Self> {
        (!points.is_empty()).then(|| points.iter().copied().sum::<Self>() / points.len() as f64)
    }
}

impl From<[f64; 2]> for Point {
    fn from([x, y]: [f64; 2]) -> Self {
        Self { x, y }
    }
}

impl From<Point> for [f64; 2] {
    fn from(point: Point) -> Self {
        [point.x, point.y]
    }
}

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Neg for Point {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(-self.x, -self.y)
    }
}

impl Mul<f64> for Point {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }
}

impl Div<f64> for Point {
    type Output = Self;
    fn div(self, divisor: f64) -> Self {
        Self::new(self.x / divisor, self.y / divisor)
    }
}

impl AddAssign for Point {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Point {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Point {
    fn sum<I: Iterator<Item = Self>>(points: I) -> Self {
        points.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perpendicular_turns_x_into_y() {
        assert_eq!(Point::new(1.0, 0.0).perpendicular(), Point::new(0.0, 1.0));
        assert_eq!(Point::new(0.0, 1.0).perpendicular(), Point::new(-1.0, 0.0));
    }

    #[test]
    fn mean_of_no_points_is_none() {
        assert_eq!(Point::mean(&[]), None);
        let corners = [Point::new(0.0, 0.0), Point::new(4.0, 2.0)];
        assert_eq!(Point::mean(&corners), Some(Point::new(2.0, 1.0)));
    }

    #[test]
    fn json_is_a_pair() {
        let json = serde_json::to_string(&Point::new(1.5, -2.0)).unwrap();
        assert_eq!(json, "[1.5,-2.0]");
        assert_eq!(
            serde_json::from_str::<Point>(&json).unwrap(),
            Point::new(1.5, -2.0)
        );
    }
}
