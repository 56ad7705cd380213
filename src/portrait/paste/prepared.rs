//! A change made ready to be added to a photo: its difference at the photo's density.

use image::{DynamicImage, GrayImage, Rgb32FImage};
use rayon::prelude::*;

use super::CropChange;
use crate::geometry::{Affine, PixelRect, Point};
use crate::photo::resize::resize_float;
use crate::portrait::resample::CubicTaps;

/// A change of this size, in shares of the value range, counts as a full change of what is shown.
const FULL_CHANGE: f32 = 0.05;
/// Detail beyond this many standard deviations of the grain is an outline.
const GRAIN_DEVIATIONS: f32 = 3.0;

/// One channel's value of a photo.
pub(super) trait Sample: Copy + Send + Sync {
    /// The value in 0..=1.
    fn level(self) -> f32;
    /// The value after adding `difference`, for which 1 is the whole range.
    fn shifted(self, difference: f32) -> Self;
}

impl Sample for u8 {
    fn level(self) -> f32 {
        f32::from(self) / 255.0
    }

    fn shifted(self, difference: f32) -> Self {
        // The cast cuts and saturates, so that half a level more rounds.
        (f32::from(self) + difference * 255.0 + 0.5) as Self
    }
}

impl Sample for u16 {
    fn level(self) -> f32 {
        f32::from(self) / 65535.0
    }

    fn shifted(self, difference: f32) -> Self {
        (f32::from(self) + difference * 65535.0 + 0.5) as Self
    }
}

impl Sample for f32 {
    fn level(self) -> f32 {
        self
    }

    fn shifted(self, difference: f32) -> Self {
        self + difference
    }
}

/// The change, ready to be sampled at the photo's density.
pub(super) struct Prepared<'a> {
    mask: &'a GrayImage,
    mask_from_photo: Affine,
    /// Edited minus unedited crop, no denser than the photo.
    difference: Rgb32FImage,
    difference_from_photo: Affine,
    density: Density<'a>,
}

/// Which of both shows more detail.
enum Density<'a> {
    /// The photo; the crop then tells what detail it cannot show.
    PhotoDenser { crop: &'a Rgb32FImage },
    /// The crop; the mask then is reduced like the difference.
    CropDenser { opacity: Rgb32FImage },
}

/// The change at one point of the photo.
struct ChangeHere {
    opacity: f32,
    difference: [f32; 3],
    /// The crop's colour, where the photo is denser.
    crop: Option<[f32; 3]>,
}

impl<'a> Prepared<'a> {
    pub fn new(change: &CropChange<'a>, crop_from_photo: Affine) -> Self {
        let mut difference = change.edited.clone();
        difference
            .iter_mut()
            .zip(change.crop.iter())
            .for_each(|(edited, crop)| *edited -= crop);
        let prepared = Self {
            mask: change.mask,
            mask_from_photo: crop_from_photo,
            difference,
            difference_from_photo: crop_from_photo,
            density: Density::PhotoDenser { crop: change.crop },
        };
        let scale = crop_from_photo.scale();
        if scale <= 1.0 {
            return prepared;
        }
        let size = change.crop.dimensions();
        let reduced = |length: u32| ((f64::from(length) / scale).round() as u32).max(1);
        let reduced = (reduced(size.0), reduced(size.1));
        let opacity = DynamicImage::ImageLuma8(change.mask.clone()).into_rgb32f();
        Self {
            difference: resize_float(&prepared.difference, reduced.0, reduced.1),
            difference_from_photo: Affine::resize_between(size, reduced) * crop_from_photo,
            density: Density::CropDenser {
                opacity: resize_float(&opacity, reduced.0, reduced.1),
            },
            ..prepared
        }
    }

    /// Adds the change to interleaved samples of `CHANNELS` channels and counts the pixels.
    pub fn add<T: Sample, const CHANNELS: usize>(
        &self,
        samples: &mut [T],
        width: u32,
        block: PixelRect,
    ) -> u64 {
        let grain = self.grain_in::<T, CHANNELS>(samples, width, block);
        let row_length = width as usize * CHANNELS;
        let first = block.x as usize * CHANNELS;
        let rows = &mut samples[block.y as usize * row_length..];
        let rows = rows
            .par_chunks_exact_mut(row_length)
            .zip(block.rows().into_par_iter());
        rows.map(|(row, y)| {
            let mut count = 0;
            for (pixel, x) in row[first..].chunks_exact_mut(CHANNELS).zip(block.columns()) {
                let Some(change) = self.at(x, y) else {
                    continue;
                };
                count += 1;
                let colours = if CHANNELS < 3 { 1 } else { 3 };
                let levels =
                    std::array::from_fn(|i| pixel[if colours == 1 { 0 } else { i }].level());
                let mut shift = change.shift(levels, GRAIN_DEVIATIONS * grain);
                if colours == 1 {
                    shift[0] = luminance(shift);
                }
                for (sample, shift) in pixel[..colours].iter_mut().zip(shift) {
                    *sample = sample.shifted(shift);
                }
            }
            count
        })
        .sum()
    }

    /// The standard deviation of the photo's detail beyond the crop, under the mask. The median
    /// tells it, so that outlines do not count; a few thousand pixels are enough.
    pub fn grain_in<T: Sample, const CHANNELS: usize>(
        &self,
        samples: &[T],
        width: u32,
        block: PixelRect,
    ) -> f32 {
        const PIXELS_A_SIDE: u32 = 64;
        let row_length = width as usize * CHANNELS;
        let rows = &samples[block.y as usize * row_length..];
        let (step_x, step_y) = (
            block.width.div_ceil(PIXELS_A_SIDE),
            block.height.div_ceil(PIXELS_A_SIDE),
        );
        let mut details = Vec::new();
        for y in (0..block.height).step_by(step_y as usize) {
            for x in (0..block.width).step_by(step_x as usize) {
                let change = self.at(block.x + x, block.y + y);
                let Some(crop) = change.and_then(|change| change.crop) else {
                    continue;
                };
                let start = y as usize * row_length + (block.x + x) as usize * CHANNELS;
                let green = if CHANNELS < 3 { 0 } else { 1 };
                let crop = if CHANNELS < 3 {
                    luminance(crop)
                } else {
                    crop[1]
                };
                details.push((rows[start + green].level() - crop).abs());
            }
        }
        if details.is_empty() {
            return 0.0;
        }
        let middle = details.len() / 2;
        let (_, median, _) = details.select_nth_unstable_by(middle, f32::total_cmp);
        // The median of the absolute value of a normal variable is 0.6745 standard deviations.
        *median / 0.6745
    }

    /// The change at a pixel of the photo, or `None` outside the mask.
    fn at(&self, x: u32, y: u32) -> Option<ChangeHere> {
        let point = Point::new(f64::from(x), f64::from(y));
        let opacity = sample_mask(self.mask, self.mask_from_photo.apply(point));
        if opacity <= 0.0 {
            return None;
        }
        let point = self.difference_from_photo.apply(point);
        let taps = CubicTaps::at(point, self.difference.dimensions());
        let difference = taps.sample(&self.difference);
        Some(match &self.density {
            Density::PhotoDenser { crop } => ChangeHere {
                opacity,
                difference,
                crop: Some(taps.sample(crop)),
            },
            Density::CropDenser { opacity } => {
                let opacity = taps.sample(opacity)[0].clamp(0.0, 1.0);
                ChangeHere {
                    opacity,
                    difference,
                    crop: None,
                }
            }
        })
    }
}

impl ChangeHere {
    /// What to add to a pixel of the photo whose channels have these levels.
    fn shift(&self, levels: [f32; 3], largest_detail: f32) -> [f32; 3] {
        let largest = self
            .difference
            .into_iter()
            .map(f32::abs)
            .fold(0.0, f32::max);
        let changed = (largest / FULL_CHANGE).min(1.0);
        std::array::from_fn(|i| {
            let outline = self.crop.map_or(0.0, |crop| {
                let detail = levels[i] - crop[i];
                detail - detail.clamp(-largest_detail, largest_detail)
            });
            self.opacity * (self.difference[i] - changed * outline)
        })
    }
}

/// Luminance of a change of colour (ITU-R BT.709).
fn luminance([red, green, blue]: [f32; 3]) -> f32 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// The mask at a point, 0..=1, interpolated bilinearly; 0 beyond its border.
pub(super) fn sample_mask(mask: &GrayImage, point: Point) -> f32 {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    // Counted from one pixel outside the mask, so that nothing is negative.
    let (x, y) = (point.x + 1.0, point.y + 1.0);
    if !(x >= 0.0 && y >= 0.0 && x < width as f64 + 1.0 && y < height as f64 + 1.0) {
        return 0.0;
    }
    let (left, top) = (x as usize, y as usize);
    let (u, v) = ((x - left as f64) as f32, (y - top as f64) as f32);
    let pixel = |x: usize, y: usize| match (1..=width).contains(&x) && (1..=height).contains(&y) {
        true => f32::from(mask.as_raw()[(y - 1) * width + x - 1]),
        false => 0.0,
    };
    let above = (1.0 - u) * pixel(left, top) + u * pixel(left + 1, top);
    let below = (1.0 - u) * pixel(left, top + 1) + u * pixel(left + 1, top + 1);
    ((1.0 - v) * above + v * below) / 255.0
}
