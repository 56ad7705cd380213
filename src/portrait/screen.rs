//! What a graphics card needs to draw an edit: the pictures of the paste in half floats, so that they
//! are made where there is time for it and only copied where frames are drawn.
//!
//! The arithmetic that a shader has to repeat is that of [`super::paste`]: the warped edit plus the
//! [`ColourField`](super::colour::ColourField) minus the crop is the *difference*, which is added to
//! the photo under the mask, in colour or as a change of luminance.

use std::sync::Arc;

use half::f16;
use image::{GrayImage, Rgb32FImage};

use super::colour::ColourField;
use super::grey::is_grey;
use super::warp::WarpMesh;
use crate::geometry::Affine;
use crate::networks::ChinReading;

/// A picture of four half floats a pixel, row by row from the top.
#[derive(Debug, Clone, PartialEq)]
pub struct HalfPicture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width · height` pixels.
    pub texels: Vec<[f16; 4]>,
}

impl HalfPicture {
    /// An RGB picture, with 1 as fourth value.
    pub fn opaque(picture: &Rgb32FImage) -> Self {
        let texels = picture.pixels().map(|pixel| {
            let [red, green, blue] = pixel.0.map(f16::from_f32);
            [red, green, blue, f16::ONE]
        });
        Self {
            width: picture.width(),
            height: picture.height(),
            texels: texels.collect(),
        }
    }
}

/// What stays the same for all edits of a face.
#[derive(Debug, Clone)]
pub struct ScreenCrop {
    /// The crop as it was cut out of the photo, values 0..=1.
    pub crop: HalfPicture,
    /// From pixels of the crop to pixels of the photo.
    pub photo_from_crop: Affine,
    /// Face parsing of the crop, one label a pixel, 512 px.
    pub labels: Arc<GrayImage>,
    /// Whether the crop is [grey](super::grey), so that edits may only change its luminance.
    pub is_grey: bool,
}

impl ScreenCrop {
    /// Prepares a crop, with values in 0..=1, and its labels.
    pub fn new(crop: &Rgb32FImage, photo_from_crop: Affine, labels: Arc<GrayImage>) -> Self {
        Self {
            crop: HalfPicture::opaque(crop),
            photo_from_crop,
            labels,
            is_grey: is_grey(crop),
        }
    }
}

/// One exact edit of a face. All pictures have the crop's size.
#[derive(Debug, Clone)]
pub struct ScreenFrame {
    /// What the generator draws for the edited code, not yet warped, values 0..=1.
    pub edited: HalfPicture,
    /// The warp; `None` where the method has none.
    pub mesh: Option<WarpMesh>,
    /// How far the warp goes, 0 to 1.
    pub strength: f64,
    /// What is added to the warped picture.
    pub colour: ColourField,
    /// Where and how strongly the edit is pasted, 0..=255.
    pub mask: GrayImage,
    /// The standard deviation of the photo's own detail ([`super::paste::grain`]).
    pub grain: f32,
}

/// A coarse edit of a face at one amount: two of them blended stand for every amount between.
#[derive(Debug, Clone)]
pub struct Keyframe {
    /// The slider's value, per cent.
    pub amount: f32,
    /// Warped edit plus colour field minus crop (red, green, blue), and the mask (0..=1), reduced to
    /// [`Keyframe::SIZE`].
    pub change: HalfPicture,
    /// What the chin meter says of the edit; `None` where it was not asked.
    pub chin: Option<ChinReading>,
}

impl Keyframe {
    /// Side of a keyframe in pixels.
    pub const SIZE: u32 = 512;

    /// Reduces a change of a crop: `edited` is what is pasted, after warp and colour.
    pub fn new(amount: f32, crop: &Rgb32FImage, edited: &Rgb32FImage, mask: &GrayImage) -> Self {
        let factor = (crop.width() / Self::SIZE).max(1);
        let (width, height) = (crop.width() / factor, crop.height() / factor);
        let share = 1.0 / (factor * factor) as f32;
        let mut texels = Vec::with_capacity(width as usize * height as usize);
        for y in 0..height {
            for x in 0..width {
                let mut sum = [0.0_f32; 4];
                for (dx, dy) in (0..factor).flat_map(|dy| (0..factor).map(move |dx| (dx, dy))) {
                    let (x, y) = (x * factor + dx, y * factor + dy);
                    let (edited, crop) = (edited.get_pixel(x, y), crop.get_pixel(x, y));
                    for channel in 0..3 {
                        sum[channel] += edited[channel] - crop[channel];
                    }
                    sum[3] += f32::from(mask.get_pixel(x, y)[0]) / 255.0;
                }
                texels.push(sum.map(|sum| f16::from_f32(sum * share)));
            }
        }
        Self {
            amount,
            change: HalfPicture {
                width,
                height,
                texels,
            },
            chin: None,
        }
    }

    /// With what the chin meter says of the edit.
    #[must_use]
    pub fn read_as(mut self, chin: Option<ChinReading>) -> Self {
        self.chin = chin;
        self
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;

    #[test]
    fn a_keyframe_holds_the_mean_change_and_the_mean_mask() {
        let crop = Rgb32FImage::from_pixel(1024, 1024, Rgb([0.25, 0.5, 0.75]));
        let edited = Rgb32FImage::from_fn(1024, 1024, |x, _| {
            Rgb([0.25 + 0.5 * (x % 2) as f32, 0.5, 0.5])
        });
        let mask = GrayImage::from_fn(1024, 1024, |_, y| Luma([255 * (y % 2) as u8]));
        let keyframe = Keyframe::new(50.0, &crop, &edited, &mask);
        assert_eq!((keyframe.change.width, keyframe.change.height), (512, 512));
        let expected = [0.25, 0.0, -0.25, 0.5].map(f16::from_f32);
        assert!(
            keyframe
                .change
                .texels
                .iter()
                .all(|texel| *texel == expected)
        );
    }

    #[test]
    fn a_small_crop_is_not_enlarged() {
        let crop = Rgb32FImage::new(64, 64);
        let keyframe = Keyframe::new(1.0, &crop, &crop, &GrayImage::new(64, 64));
        assert_eq!(keyframe.change.width, 64);
    }
}
