use serde::{Deserialize, Serialize};

use super::Point;

/// An upright rectangle in pixel coordinates, by its edges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    /// Smallest x.
    pub left: f64,
    /// Smallest y.
    pub top: f64,
    /// Largest x.
    pub right: f64,
    /// Largest y.
    pub bottom: f64,
}

impl Rect {
    /// The rectangle with these edges.
    pub const fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self {
            left,
            top,
            right,
            bottom,
        }
    }

    /// The smallest rectangle around `points`; empty (left > right) when there are none.
    pub fn around(points: &[Point]) -> Self {
        let empty = Self::new(
            f64::INFINITY,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
        );
        points.iter().fold(empty, |rect, point| Self {
            left: rect.left.min(point.x),
            top: rect.top.min(point.y),
            right: rect.right.max(point.x),
            bottom: rect.bottom.max(point.y),
        })
    }

    /// Width; 0 when empty.
    pub fn width(&self) -> f64 {
        (self.right - self.left).max(0.0)
    }

    /// Height; 0 when empty.
    pub fn height(&self) -> f64 {
        (self.bottom - self.top).max(0.0)
    }

    /// Area; 0 when empty.
    pub fn area(&self) -> f64 {
        self.width() * self.height()
    }

    /// The middle.
    pub fn centre(&self) -> Point {
        Point::new(
            (self.left + self.right) / 2.0,
            (self.top + self.bottom) / 2.0,
        )
    }

    /// Top left, bottom left, bottom right, top right.
    pub fn corners(&self) -> [Point; 4] {
        [
            Point::new(self.left, self.top),
            Point::new(self.left, self.bottom),
            Point::new(self.right, self.bottom),
            Point::new(self.right, self.top),
        ]
    }

    /// Whether `point` lies inside or on an edge.
    pub fn contains(&self, point: Point) -> bool {
        (self.left..=self.right).contains(&point.x) && (self.top..=self.bottom).contains(&point.y)
    }

    /// The rectangle with every edge moved outwards by `margin` (inwards when negative).
    pub fn inflated(&self, margin: f64) -> Self {
        Self::new(
            self.left - margin,
            self.top - margin,
            self.right + margin,
            self.bottom + margin,
        )
    }

    /// The part that both rectangles cover; empty (zero area) when they do not meet.
    pub fn intersection(&self, other: &Self) -> Self {
        Self::new(
            self.left.max(other.left),
            self.top.max(other.top),
            self.right.min(other.right),
            self.bottom.min(other.bottom),
        )
    }

    /// The smallest rectangle around both.
    pub fn union(&self, other: &Self) -> Self {
        Self::new(
            self.left.min(other.left),
            self.top.min(other.top),
            self.right.max(other.right),
            self.bottom.max(other.bottom),
        )
    }

    /// The pixels of a `width` by `height` picture whose centres lie inside, or `None` when there
    /// are none.
    pub fn pixels(&self, width: u32, height: u32) -> Option<PixelRect> {
        let first = |edge: f64| edge.ceil().max(0.0) as u32;
        let end = |edge: f64, length: u32| ((edge.floor() + 1.0).max(0.0) as u32).min(length);
        let (x, y) = (first(self.left), first(self.top));
        let (x_end, y_end) = (end(self.right, width), end(self.bottom, height));
        (x < x_end && y < y_end).then(|| PixelRect {
            x,
            y,
            width: x_end - x,
            height: y_end - y,
        })
    }
}

/// A block of whole pixels: columns `x..x + width`, rows `y..y + height`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PixelRect {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Number of columns.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
}

impl PixelRect {
    /// Its columns.
    pub fn columns(&self) -> std::ops::Range<u32> {
        self.x..self.x + self.width
    }

    /// Its rows.
    pub fn rows(&self) -> std::ops::Range<u32> {
        self.y..self.y + self.height
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_those_with_centres_inside() {
        let rect = Rect::new(0.5, -3.0, 2.0, 0.2);
        let block = PixelRect {
            x: 1,
            y: 0,
            width: 2,
            height: 1,
        };
        assert_eq!(rect.pixels(10, 10), Some(block));
        assert_eq!(Rect::new(-9.0, -9.0, -1.0, 5.0).pixels(10, 10), None);
        assert_eq!(
            Rect::new(0.0, 0.0, 1e300, 1e300)
                .pixels(10, 7)
                .unwrap()
                .width,
            10
        );
        assert_eq!(Rect::around(&[]).pixels(10, 10), None);
    }

    #[test]
    fn rectangles_apart_share_nothing() {
        let a = Rect::new(0.0, 0.0, 2.0, 2.0);
        assert_eq!(
            a.union(&Rect::new(3.0, -1.0, 4.0, 1.0)),
            Rect::new(0.0, -1.0, 4.0, 2.0)
        );
        assert_eq!(a.intersection(&Rect::new(3.0, 0.0, 4.0, 1.0)).area(), 0.0);
        assert_eq!(a.intersection(&Rect::new(1.0, 1.0, 4.0, 4.0)).area(), 1.0);
    }
}
