//! Turns by a multiple of 90°.

use super::{Affine, Point};

/// How a picture is turned, seen by a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarterTurn {
    /// Not at all.
    None,
    /// By 90° with the clock.
    Clockwise,
    /// Upside down.
    Half,
    /// By 90° against the clock.
    Anticlockwise,
}

impl QuarterTurn {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Clockwise, Self::Half, Self::Anticlockwise];

    /// The map from pixels of a picture turned this way to pixels of the picture as it was, of
    /// `width` by `height` pixels.
    pub fn upright_from_turned(self, (width, height): (u32, u32)) -> Affine {
        let last = |length: u32| f64::from(length) - 1.0;
        let (right, bottom) = (last(width), last(height));
        let (origin, x_axis, y_axis) = match self {
            Self::None => ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)),
            Self::Clockwise => ((0.0, bottom), (0.0, -1.0), (1.0, 0.0)),
            Self::Half => ((right, bottom), (-1.0, 0.0), (0.0, -1.0)),
            Self::Anticlockwise => ((right, 0.0), (0.0, 1.0), (-1.0, 0.0)),
        };
        let point = |(x, y)| Point::new(x, y);
        Affine::from_frame(point(origin), point(x_axis), point(y_axis))
    }
}
