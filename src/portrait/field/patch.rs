//! The part of a photo that a field can reach.

use image::{DynamicImage, GrayImage, Rgb32FImage};
use rayon::prelude::*;

use crate::geometry::{Affine, PixelRect, Point, Rect};
use crate::photo::ColourSpace;
use crate::portrait::Error;
use crate::portrait::masks::mask_bounds;

/// Cubic taps reach two pixels beyond a point.
const TAPS_PX: f64 = 3.0;

/// A part of a photo in sRGB, in float, values 0..=1.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// Its pixels; grey photos have three equal channels.
    pub pixels: Rgb32FImage,
    /// Where it lies in the photo.
    pub part: PixelRect,
    /// The pixels of the photo under the mask.
    pub block: PixelRect,
}

impl Patch {
    /// The pixels under a mask (of a crop that lies there in the photo) and those within `reach_px` (pixels of
    /// the crop) around them, brought from the photo's space to sRGB. `None` when the mask is empty or lies
    /// outside the photo.
    ///
    /// # Errors
    /// [`Error::PixelKind`] for an unknown pixel format.
    pub fn cut(
        photo: &DynamicImage,
        space: &ColourSpace,
        mask: &GrayImage,
        reach_px: f64,
        photo_from_crop: &Affine,
    ) -> Result<Option<Self>, Error> {
        let (width, height) = (photo.width(), photo.height());
        // A bilinear sample reaches up to one pixel beyond the mask's own pixels.
        let Some(bounds) = mask_bounds(mask).map(|bounds| bounds.inflated(1.0)) else {
            return Ok(None);
        };
        let in_photo = |bounds: &Rect| {
            Rect::around(&bounds.corners().map(|corner| photo_from_crop.apply(corner)))
        };
        let block = in_photo(&bounds).pixels(width, height);
        let part = in_photo(&bounds.inflated(reach_px))
            .inflated(TAPS_PX)
            .pixels(width, height);
        let (Some(block), Some(part)) = (block, part) else {
            return Ok(None);
        };
        let mut pixels = cut(photo, part)?;
        space.to_srgb(&mut pixels);
        Ok(Some(Self {
            pixels,
            part,
            block,
        }))
    }

    /// From pixels of the photo to those of the patch.
    pub fn patch_from_photo(&self) -> Affine {
        Affine::translation(Point::new(-f64::from(self.part.x), -f64::from(self.part.y)))
    }
}

fn cut(photo: &DynamicImage, part: PixelRect) -> Result<Rgb32FImage, Error> {
    let mut pixels = Rgb32FImage::new(part.width, part.height);
    let level8 = |value: u8| f32::from(value) / 255.0;
    let level16 = |value: u16| f32::from(value) / 65535.0;
    macro_rules! copy {
        ($picture:expr, $level:expr, $channels:literal) => {
            copy_rows::<_, $channels>(
                &mut pixels,
                $picture.as_raw(),
                $picture.width(),
                part,
                $level,
            )
        };
    }
    match photo {
        DynamicImage::ImageLuma8(p) => copy!(p, level8, 1),
        DynamicImage::ImageLumaA8(p) => copy!(p, level8, 2),
        DynamicImage::ImageRgb8(p) => copy!(p, level8, 3),
        DynamicImage::ImageRgba8(p) => copy!(p, level8, 4),
        DynamicImage::ImageLuma16(p) => copy!(p, level16, 1),
        DynamicImage::ImageLumaA16(p) => copy!(p, level16, 2),
        DynamicImage::ImageRgb16(p) => copy!(p, level16, 3),
        DynamicImage::ImageRgba16(p) => copy!(p, level16, 4),
        DynamicImage::ImageRgb32F(p) => copy!(p, level_of_float, 3),
        DynamicImage::ImageRgba32F(p) => copy!(p, level_of_float, 4),
        other => return Err(Error::unknown_pixels(other)),
    }
    Ok(pixels)
}

/// As pasting has it: far beyond white counts as less, so that arithmetic with it stays finite.
fn level_of_float(value: f32) -> f32 {
    value.clamp(-16.0, 16.0)
}

fn copy_rows<T: Copy + Send + Sync, const CHANNELS: usize>(
    pixels: &mut Rgb32FImage,
    samples: &[T],
    width: u32,
    part: PixelRect,
    level: impl Fn(T) -> f32 + Send + Sync,
) {
    let row_length = width as usize * CHANNELS;
    let source = samples.par_chunks_exact(row_length);
    let target = pixels.par_chunks_exact_mut(part.width as usize * 3);
    let rows = target.zip(source.skip(part.y as usize));
    rows.for_each(|(target, source)| {
        let source = source.chunks_exact(CHANNELS).skip(part.x as usize);
        for (target, source) in target.chunks_exact_mut(3).zip(source) {
            for (i, target) in target.iter_mut().enumerate() {
                let channel = if CHANNELS < 3 { 0 } else { i };
                *target = source.get(channel).map_or(0.0, |value| level(*value));
            }
        }
    });
}
