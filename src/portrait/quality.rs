//! How good an edit is, in figures: what `jawline evaluate` measures. Pixels and geometry only.
//!
//! Each figure answers one question about an aligned crop and the composite that an edit makes of it;
//! `docs/quality.md` says how to read them. Pictures have values in 0..=1 and are taken for sRGB. Lengths
//! in pixels are those of a crop of 1024 px and shrink or grow with the crop.

mod difference;
mod landmarks;
mod occluders;
mod seam;
mod texture;

use image::{GrayImage, Rgb32FImage};

pub use difference::{PixelDifference, outside_edited_region, outside_mask};
pub use landmarks::shift_above_mouth_px;
pub use occluders::share_kept;
pub use seam::{Seam, seam};
pub use texture::texture_ratio;

use super::{Error, same_size, square_side};

/// The side of the crop that lengths in pixels are given for.
const REFERENCE_SIZE: f64 = 1024.0;

/// A crop, what an edit made of it, and under which mask.
#[derive(Debug, Clone, Copy)]
pub struct EditedCrop<'a> {
    crop: &'a Rgb32FImage,
    composite: &'a Rgb32FImage,
    mask: &'a GrayImage,
}

impl<'a> EditedCrop<'a> {
    /// The three pictures, all square and of one size. The mask says how strongly the edit was mixed in:
    /// 0 not at all, 255 alone.
    ///
    /// # Errors
    /// [`Error::NotSquare`] and [`Error::Size`] when they do not fit each other.
    pub fn new(
        crop: &'a Rgb32FImage,
        composite: &'a Rgb32FImage,
        mask: &'a GrayImage,
    ) -> Result<Self, Error> {
        square_side("crop", crop.dimensions())?;
        same_size("composite", composite.dimensions(), crop.dimensions())?;
        same_size("mask", mask.dimensions(), crop.dimensions())?;
        Ok(Self {
            crop,
            composite,
            mask,
        })
    }

    /// Pixels of this crop for one of a 1024-px crop.
    fn scale(&self) -> f64 {
        f64::from(self.crop.width()) / REFERENCE_SIZE
    }
}

/// Is the edit at least half there?
fn is_inside(opacity: u8) -> bool {
    opacity >= 128
}
