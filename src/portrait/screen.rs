//! What a graphics card needs to draw an edit: the pictures of the paste in half floats, so that they
//! are made where there is time for it and only copied where frames are drawn.
//!
//! The arithmetic that a shader has to repeat is that of [`super::paste`]: the warped edit plus the
//! [`ColourField`] minus the crop is the *difference*, which is added to
//! the photo under the mask, in colour or as a change of luminance.

use std::sync::Arc;

use half::f16;
use image::{DynamicImage, GrayImage, Rgb, Rgb32FImage};

use super::Error;
use super::colour::ColourField;
use super::field::{FieldEdit, Patch};
use super::grey::is_grey;
use super::warp::WarpMesh;
use crate::geometry::Affine;
use crate::networks::ChinReading;
use crate::photo::ColourSpace;
use crate::photo::resize::resize_float;

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
        Self::with_fourth(picture, |_, _| 1.0)
    }

    /// A picture of three values a pixel, and a fourth.
    pub fn with_fourth(picture: &Rgb32FImage, fourth: impl Fn(u32, u32) -> f32) -> Self {
        let texels = picture.enumerate_pixels().map(|(x, y, pixel)| {
            let [red, green, blue] = pixel.0.map(f16::from_f32);
            [red, green, blue, f16::from_f32(fourth(x, y))]
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

/// One exact edit of a face.
#[derive(Debug, Clone)]
pub enum ScreenFrame {
    /// Drawn by a generator.
    Redrawn(ScreenEdit),
    /// Made of the photo's own pixels.
    Moved(ScreenField),
}

/// An edit that a generator has drawn. All pictures have the crop's size.
#[derive(Debug, Clone)]
pub struct ScreenEdit {
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

/// An edit by a [`NeckField`](super::field::NeckField), at any amount: what [`super::field::PlacedField`] samples.
#[derive(Debug, Clone)]
pub struct ScreenField {
    /// The part of the photo that it can reach; `None` where it changes nothing.
    pub patch: Option<ScreenPatch>,
    /// On the field's grid: displacement in pixels of the crop (2), gain of the detail, displacement by pulls
    /// to the right.
    pub motion: HalfPicture,
    /// On the field's grid: change of colour (3), displacement by pulls downwards.
    pub shade: HalfPicture,
    /// On the field's grid: the crop without its detail.
    pub low: HalfPicture,
    /// Where it acts, at the crop's size.
    pub mask: GrayImage,
    /// From pixels of the crop to cells of the grid.
    pub grid_from_crop: Affine,
}

/// A part of a photo.
#[derive(Debug, Clone)]
pub struct ScreenPatch {
    /// Its pixels, reduced where there are more than a graphics card should hold.
    pub pixels: HalfPicture,
    /// From pixels of the photo to those of the patch.
    pub patch_from_photo: Affine,
}

impl ScreenPatch {
    /// Patches with more pixels are reduced: 128 MB on the graphics card.
    const MOST_PIXELS: u64 = 16 << 20;
    /// And so are those with longer sides.
    const LONGEST_SIDE: u32 = 8000;

    fn new(patch: &Patch) -> Self {
        let (width, height) = patch.pixels.dimensions();
        let mut factor = 1;
        while u64::from(width / factor) * u64::from(height / factor) > Self::MOST_PIXELS
            || (width / factor).max(height / factor) > Self::LONGEST_SIDE
        {
            factor += 1;
        }
        let size = ((width / factor).max(1), (height / factor).max(1));
        let reduced_from_patch = Affine::resize_between((width, height), size);
        let pixels = match factor {
            1 => HalfPicture::opaque(&patch.pixels),
            _ => HalfPicture::opaque(&resize_float(&patch.pixels, size.0, size.1)),
        };
        Self {
            pixels,
            patch_from_photo: reduced_from_patch * patch.patch_from_photo(),
        }
    }
}

impl ScreenField {
    /// The edit of a face of this photo, whose pixels are in this space.
    ///
    /// # Errors
    /// [`Error::PixelKind`] for an unknown pixel format.
    pub fn new(
        photo: &DynamicImage,
        space: &ColourSpace,
        edit: &FieldEdit,
        photo_from_crop: &Affine,
    ) -> Result<Self, Error> {
        let patch = Patch::cut(photo, space, &edit.mask, edit.reach_px(), photo_from_crop)?;
        let pulled = |x: u32, y: u32| {
            let pulls = edit.pulls.as_ref();
            pulls.map_or([0.0; 2], |pulls| {
                let Rgb([right, down, _]) = *pulls.displacement().get_pixel(x, y);
                [right, down]
            })
        };
        Ok(Self {
            patch: patch.as_ref().map(ScreenPatch::new),
            motion: HalfPicture::with_fourth(edit.field.motion(), |x, y| pulled(x, y)[0]),
            shade: HalfPicture::with_fourth(edit.field.shade(), |x, y| pulled(x, y)[1]),
            low: HalfPicture::opaque(edit.field.low()),
            mask: GrayImage::clone(&edit.mask),
            grid_from_crop: edit.field.grid_from_crop(),
        })
    }
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
                    for (sum, (edited, crop)) in sum.iter_mut().zip(edited.0.iter().zip(crop.0)) {
                        *sum += edited - crop;
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
