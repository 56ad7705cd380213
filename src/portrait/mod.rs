//! From a photo to an aligned crop and back: alignment, masks, warp, colour, compositing,
//! paste-back. Pixels and geometry only; this room knows no network.
//!
//! The path of a face: [`align`] cuts an upright square crop out of the photo; [`masks`] says which
//! part of it may change, from a label map; after a generator has drawn the edited crop,
//! [`colour`] matches its colours to the photo, [`warp`] moves its outline towards the photo's,
//! [`composite`] mixes both under the mask, and [`paste`] carries the change into the photo.
//!
//! Crops and masks are square and share one size, usually 1024 px; label maps have 512 px.
//! All coordinates follow the convention of [`crate::geometry`].
//!
//! ```
//! use image::DynamicImage;
//! use jawline::portrait::paste::PhotoEdit;
//!
//! // What no mask covers stays the photo, to the bit; here, all of it.
//! let photo = DynamicImage::new_rgb16(6, 4);
//! assert_eq!(PhotoEdit::of(&photo).pasted()?, photo);
//! # Ok::<(), jawline::portrait::Error>(())
//! ```

#![warn(clippy::indexing_slicing)]

pub mod align;
pub mod colour;
pub mod composite;
pub mod contour;
pub mod detail;
pub mod edit_mask;
pub mod field;
pub mod grey;
pub mod labels;
pub mod masks;
pub mod morphology;
pub mod paste;
pub mod pillow;
pub mod quality;
pub mod raster;
pub mod resample;
pub mod scoring;
pub mod screen;
mod settings;
pub mod smooth;
pub mod strokes;
pub mod tensor;
pub mod warp;

#[cfg(test)]
mod full_resolution_tests;

pub use settings::{EditSettings, Method};

use crate::geometry;

/// What can go wrong between a photo and its retouched copy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Two pictures that belong together have different sizes.
    #[error("the {what} has {} x {} pixels, but {} x {} are needed", .got.0, .got.1, .needed.0, .needed.1)]
    Size {
        /// Which picture is wrong.
        what: &'static str,
        /// Its width and height.
        got: (u32, u32),
        /// The width and height that fit.
        needed: (u32, u32),
    },
    /// A label map or crop is not square, or has no pixels.
    #[error("the {what} has {} x {} pixels, but it must be square and not empty", .got.0, .got.1)]
    NotSquare {
        /// Which picture is wrong.
        what: &'static str,
        /// Its width and height.
        got: (u32, u32),
    },
    /// A size to compute at is zero or beyond what memory should be spent on.
    #[error("{what}: {size} pixels is not a usable size; choose 1 to {largest}")]
    UnusableSize {
        /// What the size is for.
        what: &'static str,
        /// The size asked for.
        size: u32,
        /// The largest that is accepted.
        largest: u32,
    },
    /// Eyes and mouth do not span a square to cut out.
    #[error(
        "the landmarks give a face of {quad_size:.1} pixels in a photo of {} x {}: too small, too \
         large or outside the photo to cut out; check the landmarks or choose another face",
        .photo.0, .photo.1
    )]
    FaceSize {
        /// Side of the square around the face, in photo pixels.
        quad_size: f64,
        /// Width and height of the photo.
        photo: (u32, u32),
    },
    /// The map between crop and photo cannot be undone.
    #[error("the map from crop to photo flattens the picture, so nothing can be pasted back")]
    FlatMap,
    /// A scan row has no mask pixel; only the reference's way of measuring stops there.
    #[error("the {mask} mask has no pixel in row {row}, so its outline cannot be measured")]
    EmptyRow {
        /// Which mask.
        mask: &'static str,
        /// The row, counted from 0 at the top.
        row: u32,
    },
    /// The outline's rows do not exist; only the reference's way of measuring stops there.
    #[error("the {mask} masks of the two pictures share no row, so no outline can be measured")]
    NoSharedRows {
        /// Which masks.
        mask: &'static str,
    },
    /// The picture stores its pixels in a way that this program does not know.
    #[error("pictures of the kind {kind} are not supported; convert the photo to 8- or 16-bit RGB")]
    PixelKind {
        /// The name of the pixel format.
        kind: String,
    },
    /// Points that are not numbers.
    #[error(transparent)]
    Geometry(#[from] geometry::Error),
}

impl Error {
    /// [`Error::PixelKind`] about this picture.
    fn unknown_pixels(picture: &image::DynamicImage) -> Self {
        Self::PixelKind {
            kind: format!("{:?}", picture.color()),
        }
    }
}

/// The side of a square picture.
fn square_side(what: &'static str, (width, height): (u32, u32)) -> Result<u32, Error> {
    if width != height || width == 0 {
        return Err(Error::NotSquare {
            what,
            got: (width, height),
        });
    }
    Ok(width)
}

/// Checks that `what` has the size that the pictures beside it have.
fn same_size(what: &'static str, got: (u32, u32), needed: (u32, u32)) -> Result<(), Error> {
    if got == needed {
        Ok(())
    } else {
        Err(Error::Size { what, got, needed })
    }
}
