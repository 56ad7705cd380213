//! Points, landmarks, affine maps, quads, rectangles.
//!
//! One convention holds in every room: coordinates are in pixels, x to the right and y down, and
//! **integer coordinates lie at pixel centres**. The top left pixel of a picture is centred on
//! (0, 0) and a picture of width `w` covers x from −0.5 to `w` − 0.5. Landmark detectors speak in
//! these coordinates already.
//!
//! A map is named after where it leads: `photo_from_crop` takes a point in the crop to the photo.
//!
//! ```
//! use jawline::geometry::{Affine, Point};
//!
//! // A crop made of a square of the photo, from pixel (100, 200) on, at half the size.
//! let photo_from_crop = Affine::translation(Point::new(100.0, 200.0)) * Affine::resize(2.0);
//! // The crop's first pixel lies between four pixels of the photo.
//! let point_in_photo = photo_from_crop.apply(Point::new(0.0, 0.0));
//! assert_eq!(point_in_photo, Point::new(100.5, 200.5));
//! ```

mod affine;
mod landmarks;
mod point;
mod quad;
mod quarter_turn;
mod rect;
mod triangulation;

pub use affine::Affine;
pub use landmarks::Landmarks;
pub use point::Point;
pub use quad::Quad;
pub use quarter_turn::QuarterTurn;
pub use rect::{PixelRect, Rect};
pub use triangulation::delaunay;

/// What can be wrong with geometric input.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The number of points is not that of the 68-point annotation.
    #[error(
        "landmarks: expected {} points, got {got}; use the 68-point iBUG annotation",
        Landmarks::COUNT
    )]
    LandmarkCount {
        /// How many points there were.
        got: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("point {index}: its coordinates ({x}, {y}) are not finite numbers")]
    NotFinite {
        /// Which point, counted from 0.
        index: usize,
        /// Its x.
        x: f64,
        /// Its y.
        y: f64,
    },
}
