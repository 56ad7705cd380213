//! A change placed on a photo: its difference at the photo's density, and what to hold back of the
//! photo's own detail.

#![expect(
    clippy::indexing_slicing,
    reason = "the block lies in the photo; channels are counted by arrays of three"
)]

use image::{DynamicImage, GrayImage, Rgb32FImage, imageops};

use super::CropChange;
use super::share::{Sample, Share};
use crate::geometry::{Affine, PixelRect, Point, Rect};
use crate::photo::ColourSpace;
use crate::photo::resize::resize_float;
use crate::portrait::grey::{is_grey, luminance};
use crate::portrait::masks::mask_bounds;
use crate::portrait::resample::{CubicTaps, sample_mask};
use crate::portrait::{Error, same_size};

/// A change of this size, in shares of the value range, counts as a full change of what is shown.
const FULL_CHANGE: f32 = 0.05;
/// Detail beyond this many standard deviations of the grain is an outline.
const GRAIN_DEVIATIONS: f32 = 3.0;

/// The change of one face, ready to be sampled at the pixels of its photo. It keeps only what lies
/// under the mask.
pub(super) struct PlacedChange {
    /// The pixels of the photo that it can reach.
    pub block: PixelRect,
    mask: GrayImage,
    mask_from_photo: Affine,
    /// Edited minus unedited crop, no denser than the photo.
    difference: Cut,
    difference_from_photo: Affine,
    density: Density,
    is_grey: bool,
    /// The standard deviation of the photo's detail beyond the crop.
    grain: f32,
}

/// Which of both shows more detail.
enum Density {
    /// The photo; the crop then tells what detail it cannot show.
    PhotoDenser { crop: Cut },
    /// The crop; the mask then is reduced like the difference.
    CropDenser { opacity: Cut },
}

/// The change at one point of the photo.
struct ChangeHere {
    opacity: f32,
    difference: [f32; 3],
    /// The crop's colour, where the photo is denser.
    crop: Option<[f32; 3]>,
}

impl PlacedChange {
    /// Places the change on a photo of this size. Its grain is not measured yet. `None` when the mask
    /// is empty or lies outside the photo.
    pub fn new(
        (width, height): (u32, u32),
        change: &CropChange<'_>,
        photo_from_crop: &Affine,
    ) -> Result<Option<Self>, Error> {
        let size = change.crop.dimensions();
        same_size("edited crop", change.edited.dimensions(), size)?;
        same_size("mask", change.mask.dimensions(), size)?;
        let crop_from_photo = photo_from_crop.inverse().ok_or(Error::FlatMap)?;
        // A bilinear sample reaches up to one pixel beyond the mask's own pixels.
        let Some(bounds) = mask_bounds(change.mask).map(|bounds| bounds.inflated(1.0)) else {
            return Ok(None);
        };
        let corners = bounds.corners().map(|corner| photo_from_crop.apply(corner));
        let Some(block) = Rect::around(&corners).pixels(width, height) else {
            return Ok(None);
        };

        let mut difference = change.edited.clone();
        difference
            .iter_mut()
            .zip(change.crop.iter())
            .for_each(|(edited, crop)| *edited -= crop);
        let scale = crop_from_photo.scale();
        let (difference, difference_from_photo, density) = if scale <= 1.0 {
            let density = Density::PhotoDenser {
                crop: Cut::around(change.crop, &bounds),
            };
            (Cut::around(&difference, &bounds), crop_from_photo, density)
        } else {
            let reduced = |length: u32| ((f64::from(length) / scale).round() as u32).max(1);
            let reduced = (reduced(size.0), reduced(size.1));
            let reduced_from_crop = Affine::resize_between(size, reduced);
            let bounds = Rect::around(
                &bounds
                    .corners()
                    .map(|corner| reduced_from_crop.apply(corner)),
            );
            let cut = |picture| Cut::around(&resize_float(picture, reduced.0, reduced.1), &bounds);
            let opacity = DynamicImage::ImageLuma8(change.mask.clone()).into_rgb32f();
            let density = Density::CropDenser {
                opacity: cut(&opacity),
            };
            (
                cut(&difference),
                reduced_from_crop * crop_from_photo,
                density,
            )
        };
        Ok(Some(Self {
            block,
            mask: change.mask.clone(),
            mask_from_photo: crop_from_photo,
            difference,
            difference_from_photo,
            density,
            is_grey: is_grey(change.crop),
            grain: 0.0,
        }))
    }

    /// The standard deviation of the photo's detail beyond the crop, under the mask; 0 where the crop
    /// is the denser one. See [`measure_grain`](Self::measure_grain).
    pub fn grain(&self) -> f32 {
        self.grain
    }

    /// Measures the grain of the photo, whose samples of `CHANNELS` channels are interleaved. The
    /// median tells it, so that outlines do not count; a few thousand pixels are enough.
    pub fn measure_grain<T: Sample, const CHANNELS: usize>(
        &mut self,
        samples: &[T],
        width: u32,
        space: &ColourSpace,
    ) {
        const PIXELS_A_SIDE: u32 = 64;
        let block = self.block;
        let row_length = width as usize * CHANNELS;
        let rows = &samples[block.y as usize * row_length..];
        let (step_x, step_y) = (
            block.width.div_ceil(PIXELS_A_SIDE),
            block.height.div_ceil(PIXELS_A_SIDE),
        );
        // Of the photo in its own space, and of the crop.
        let (mut levels, mut crops) = (Vec::new(), Vec::new());
        for y in (0..block.height).step_by(step_y as usize) {
            for x in (0..block.width).step_by(step_x as usize) {
                let change = self.at(block.x + x, block.y + y);
                let Some(crop) = change.and_then(|change| change.crop) else {
                    continue;
                };
                let start = y as usize * row_length + (block.x + x) as usize * CHANNELS;
                let level = |i: usize| rows[start + if CHANNELS < 3 { 0 } else { i }].level();
                levels.push([0, 1, 2].map(level));
                crops.push(if CHANNELS < 3 {
                    luminance(crop)
                } else {
                    crop[1]
                });
            }
        }
        space.to_srgb(levels.as_flattened_mut());
        let pairs = levels.iter().zip(crops);
        let mut details: Vec<f32> = pairs
            .map(|([_, green, _], crop)| (green - crop).abs())
            .collect();
        if details.is_empty() {
            self.grain = 0.0;
            return;
        }
        let middle = details.len() / 2;
        let (_, median, _) = details.select_nth_unstable_by(middle, f32::total_cmp);
        // The median of the absolute value of a normal variable is 0.6745 standard deviations.
        self.grain = *median / 0.6745;
    }

    /// What this face adds to a pixel of the photo whose channels have these levels, or `None` outside
    /// its mask. `has_colour` says whether the photo can show any.
    pub fn share(&self, x: u32, y: u32, levels: [f32; 3], has_colour: bool) -> Option<Share> {
        let change = self.at(x, y)?;
        let mut shift = change.shift(levels, GRAIN_DEVIATIONS * self.grain);
        if self.is_grey || !has_colour {
            shift = [luminance(shift); 3];
        }
        Some(Share {
            opacity: change.opacity,
            shift,
        })
    }

    /// The weight of this face at a pixel of the photo; 0 outside its mask.
    pub fn opacity(&self, x: u32, y: u32) -> f32 {
        self.at(x, y).map_or(0.0, |change| change.opacity)
    }

    /// The change at a pixel of the photo, or `None` outside the mask.
    fn at(&self, x: u32, y: u32) -> Option<ChangeHere> {
        let point = Point::new(f64::from(x), f64::from(y));
        let opacity = sample_mask(&self.mask, self.mask_from_photo.apply(point));
        if opacity <= 0.0 {
            return None;
        }
        let point = self.difference_from_photo.apply(point);
        let taps = self.difference.taps_at(point);
        let difference = taps.sample(&self.difference.picture);
        Some(match &self.density {
            Density::PhotoDenser { crop } => ChangeHere {
                opacity,
                difference,
                crop: Some(taps.sample(&crop.picture)),
            },
            Density::CropDenser { opacity } => {
                let opacity = taps.sample(&opacity.picture)[0].clamp(0.0, 1.0);
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

/// The part of a picture under a mask, sampled to the bit as the whole picture would be.
struct Cut {
    picture: Rgb32FImage,
    /// Where it lies in the whole picture.
    part: PixelRect,
    /// Width and height of the whole picture.
    whole: (u32, u32),
}

impl Cut {
    /// The part that can be sampled at points within `bounds`.
    fn around(picture: &Rgb32FImage, bounds: &Rect) -> Self {
        /// Cubic taps reach two pixels beyond a point.
        const REACH: f64 = 3.0;
        let (width, height) = picture.dimensions();
        let part = bounds.inflated(REACH).pixels(width, height);
        let part = part.unwrap_or(PixelRect {
            x: 0,
            y: 0,
            width,
            height,
        });
        let cut = imageops::crop_imm(picture, part.x, part.y, part.width, part.height);
        Self {
            picture: cut.to_image(),
            part,
            whole: (width, height),
        }
    }

    /// Taps for this and all other cuts of the same part.
    fn taps_at(&self, point: Point) -> CubicTaps {
        CubicTaps::at(point, self.whole).within(self.part)
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::portrait::resample::sample_cubic;

    #[test]
    fn a_cut_is_sampled_as_the_whole_picture() {
        let picture = Rgb32FImage::from_fn(40, 30, |x, y| {
            Rgb([0.1, 0.7, 1.3].map(|phase| (phase * x as f32 + y as f32).sin()))
        });
        for bounds in [
            Rect::new(9.0, 8.0, 20.5, 21.0),
            Rect::new(-1.0, -1.0, 5.0, 5.0),
            Rect::new(33.0, 11.0, 40.0, 30.0),
        ] {
            let cut = Cut::around(&picture, &bounds);
            assert!(cut.picture.width() < picture.width());
            for index in 0..1000 {
                let share = |of: i32| f64::from(index % of) / f64::from(of - 1);
                let point = Point::new(
                    bounds.left + share(37) * bounds.width(),
                    bounds.top + share(29) * bounds.height(),
                );
                let found = cut.taps_at(point).sample(&cut.picture);
                assert_eq!(found, sample_cubic(&picture, point), "{point:?}");
            }
        }
    }
}
