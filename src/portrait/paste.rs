//! Pasting the changes of crops back into the full-resolution photo.
//!
//! What is carried over is not the edited crop but its *difference* to the unedited crop, drawn at
//! the photo's density and added under the mask. The photo keeps its own grain and detail, which
//! the crop may never have had; where the edit changes nothing, and wherever the mask is 0, the
//! photo's samples stay as they are, to the bit.
//!
//! Where the photo is denser than the crop, an outline that the edit removes leaves its finest part
//! behind, the part that the crop was too coarse to show. So where there is a change, the photo's
//! detail beyond the crop is held within the amplitude of its grain.
//!
//! Masks of neighbouring faces may overlap. Every face's change and grain is then one to the *untouched*
//! photo, the mask is its weight, and where weights sum to more than 1 they are divided by their sum:
//! `photo + Σ opacityᵢ · changeᵢ / max(1, Σ opacityᵢ)`. No face comes first, so their order makes no
//! difference.
//!
//! The change of a face whose crop is [grey](super::grey) is reduced to its luminance.

mod placed;
mod share;
#[cfg(test)]
mod tests;

use image::{DynamicImage, GrayImage, Rgb32FImage};
use rayon::prelude::*;

use super::Error;
use super::field::{FieldEdit, PlacedField};
use crate::geometry::{Affine, PixelRect};
use crate::photo::ColourSpace;
use placed::PlacedChange;
use share::{Sample, Share, total_shift};

/// A change of a crop. All three pictures have the same size; values are in 0..=1 and 0..=255.
#[derive(Debug, Clone, Copy)]
pub struct CropChange<'a> {
    /// The crop as it was cut out of the photo.
    pub crop: &'a Rgb32FImage,
    /// The crop as it should be, before masking.
    pub edited: &'a Rgb32FImage,
    /// Where it should be so: 0 leaves the photo alone, 255 replaces it.
    pub mask: &'a GrayImage,
}

/// How much of a change is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// As much as its mask says.
    Masked,
    /// All of it wherever its mask says any.
    Full,
}

/// The changes of all faces of a photo, to be pasted into a copy of it at once.
pub struct PhotoEdit<'a> {
    photo: &'a DynamicImage,
    space: ColourSpace,
    faces: Vec<Placed>,
}

/// The edit of one face on its photo.
enum Placed {
    /// A change of its crop.
    Change(PlacedChange),
    /// The photo's own pixels, moved by a field.
    Field(PlacedField),
}

impl Placed {
    /// The pixels of the photo that it can reach.
    fn block(&self) -> PixelRect {
        match self {
            Self::Change(change) => change.block,
            Self::Field(field) => field.block(),
        }
    }

    /// Its weight at a pixel of the photo; 0 outside its mask.
    fn opacity(&self, x: u32, y: u32) -> f32 {
        match self {
            Self::Change(change) => change.opacity(x, y),
            Self::Field(field) => field.opacity(x, y),
        }
    }

    /// What it adds to a pixel whose channels have these levels, or `None` outside its mask.
    fn share(&self, x: u32, y: u32, levels: [f32; 3], has_colour: bool) -> Option<Share> {
        match self {
            Self::Change(change) => change.share(x, y, levels, has_colour),
            Self::Field(field) => {
                let (opacity, shift) = field.share(x, y, has_colour)?;
                Some(Share { opacity, shift })
            }
        }
    }
}

impl<'a> PhotoEdit<'a> {
    /// An edit that changes nothing yet. The photo may be 8- or 16-bit or float, grey or colour; an
    /// alpha channel is left alone.
    pub fn of(photo: &'a DynamicImage) -> Self {
        Self {
            photo,
            space: ColourSpace::SRGB,
            faces: Vec::new(),
        }
    }

    /// Says in which space the photo's pixels are, before changes are added; sRGB if it is not said.
    /// Crops are in sRGB always: their change is added there, and brought back into the photo's space.
    #[must_use]
    pub fn in_space(mut self, space: ColourSpace) -> Self {
        self.space = space;
        self
    }

    /// Adds the change of a face. Its pictures need not be kept.
    ///
    /// # Errors
    /// [`Error::Size`] when the pictures of the change differ in size, [`Error::FlatMap`] when
    /// `photo_from_crop` cannot be undone, [`Error::PixelKind`] for an unknown pixel format.
    pub fn add(&mut self, change: &CropChange<'_>, photo_from_crop: &Affine) -> Result<(), Error> {
        let placed = place(self.photo, &self.space, change, photo_from_crop)?;
        self.faces.extend(placed.map(Placed::Change));
        Ok(())
    }

    /// Adds the edit of a face by its field.
    ///
    /// # Errors
    /// As [`PlacedField::new`].
    pub fn add_field(&mut self, edit: &FieldEdit, photo_from_crop: &Affine) -> Result<(), Error> {
        let placed = PlacedField::new(self.photo, &self.space, edit, photo_from_crop)?;
        self.faces.extend(placed.map(Placed::Field));
        Ok(())
    }

    /// The photo with all changes in it.
    ///
    /// A pixel lies under a mask when the mask, interpolated bilinearly at the pixel's centre, is
    /// greater than 0; others stay as they are. Where the photo is denser than a crop, the change is
    /// interpolated bicubically; where it is less dense, the change is reduced with a Lanczos filter
    /// first.
    ///
    /// # Errors
    /// [`Error::PixelKind`] for an unknown pixel format.
    pub fn pasted(&self) -> Result<DynamicImage, Error> {
        self.changed(Strength::Masked)
    }

    /// The photo with every change at its full strength wherever its mask is greater than 0: laid over the
    /// photo under [`coverage`](Self::coverage), it is what is pasted.
    ///
    /// # Errors
    /// As [`PhotoEdit::pasted`].
    pub fn unmasked(&self) -> Result<DynamicImage, Error> {
        self.changed(Strength::Full)
    }

    fn changed(&self, strength: Strength) -> Result<DynamicImage, Error> {
        let mut pasted = self.photo.clone();
        let width = pasted.width();
        match &mut pasted {
            DynamicImage::ImageLuma8(p) => self.add_to::<u8, 1>(p, width, strength),
            DynamicImage::ImageLumaA8(p) => self.add_to::<u8, 2>(p, width, strength),
            DynamicImage::ImageRgb8(p) => self.add_to::<u8, 3>(p, width, strength),
            DynamicImage::ImageRgba8(p) => self.add_to::<u8, 4>(p, width, strength),
            DynamicImage::ImageLuma16(p) => self.add_to::<u16, 1>(p, width, strength),
            DynamicImage::ImageLumaA16(p) => self.add_to::<u16, 2>(p, width, strength),
            DynamicImage::ImageRgb16(p) => self.add_to::<u16, 3>(p, width, strength),
            DynamicImage::ImageRgba16(p) => self.add_to::<u16, 4>(p, width, strength),
            DynamicImage::ImageRgb32F(p) => self.add_to::<f32, 3>(p, width, strength),
            DynamicImage::ImageRgba32F(p) => self.add_to::<f32, 4>(p, width, strength),
            other => return Err(Error::unknown_pixels(other)),
        }
        Ok(pasted)
    }

    /// How much of each pixel of the photo is changed, by all faces together: 0 where it stays as it is,
    /// 255 for a full change. No pixel that may change is 0.
    pub fn coverage(&self) -> GrayImage {
        let mut coverage = GrayImage::new(self.photo.width(), self.photo.height());
        if self.faces.is_empty() {
            return coverage;
        }
        for (x, y, pixel) in coverage.enumerate_pixels_mut() {
            let faces = self.faces.iter().filter(|face| {
                face.block().rows().contains(&y) && face.block().columns().contains(&x)
            });
            let opacity: f32 = faces.map(|face| face.opacity(x, y)).sum();
            pixel.0 = [(opacity.min(1.0) * 255.0).ceil() as u8];
        }
        coverage
    }

    /// Adds the changes to the photo's own samples, `CHANNELS` interleaved channels of them.
    fn add_to<T: Sample, const CHANNELS: usize>(
        &self,
        samples: &mut [T],
        width: u32,
        strength: Strength,
    ) {
        if self.faces.is_empty() {
            return;
        }
        let rows = samples.par_chunks_exact_mut(width as usize * CHANNELS);
        rows.zip(0..u32::MAX).for_each(|(row, y)| {
            let faces = self
                .faces
                .iter()
                .filter(|face| face.block().rows().contains(&y));
            let faces: Vec<_> = faces.collect();
            let mut shares = Vec::with_capacity(faces.len());
            let columns = faces.iter().map(|face| face.block().columns());
            let Some(columns) = columns.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
            else {
                return;
            };
            let colours = if CHANNELS < 3 { 1 } else { 3 };
            let (pixels, _) = row.as_chunks_mut::<CHANNELS>();
            let pixels = pixels.iter_mut().skip(columns.start as usize);
            let pixels: Vec<_> = pixels.take(columns.len()).collect();
            let level = |pixel: &[T; CHANNELS]| {
                let sample = |i: usize| pixel.get(if colours == 1 { 0 } else { i });
                std::array::from_fn(|i| sample(i).map_or(0.0, |sample| sample.level()))
            };
            let mut levels: Vec<[f32; 3]> = pixels.iter().map(|pixel| level(pixel)).collect();
            self.space.to_srgb(levels.as_flattened_mut());
            let (mut changed, mut before, mut shifts) = (Vec::new(), Vec::new(), Vec::new());
            for ((pixel, levels), x) in pixels.into_iter().zip(levels).zip(columns) {
                let here = faces
                    .iter()
                    .filter(|face| face.block().columns().contains(&x));
                shares.clear();
                shares.extend(here.filter_map(|face| face.share(x, y, levels, colours > 1)));
                let Some(mut shift) = total_shift(&mut shares) else {
                    continue;
                };
                if strength == Strength::Full {
                    let opacity: f32 = shares.iter().map(|share| share.opacity).sum();
                    shift = shift.map(|shift| shift / opacity.clamp(f32::MIN_POSITIVE, 1.0));
                }
                changed.push(pixel);
                before.push(levels);
                shifts.push(shift);
            }
            self.space.shifts_from_srgb(&before, &mut shifts);
            for (pixel, shift) in changed.into_iter().zip(shifts) {
                for (sample, shift) in pixel[..colours].iter_mut().zip(shift) {
                    *sample = sample.shifted(shift);
                }
            }
        });
    }
}

/// The standard deviation of the photo's detail beyond the crop, under the mask, as [`PhotoEdit`]
/// measures it to hold back outlines that the crop was too coarse to show; 0 where the crop is the
/// denser one. The photo's pixels are in `space`, the crop's in sRGB.
///
/// # Errors
/// As [`PhotoEdit::add`].
pub fn grain(
    photo: &DynamicImage,
    space: &ColourSpace,
    change: &CropChange<'_>,
    photo_from_crop: &Affine,
) -> Result<f32, Error> {
    let placed = place(photo, space, change, photo_from_crop)?;
    Ok(placed.map_or(0.0, |placed| placed.grain()))
}

/// The change on its photo; `None` when the mask is empty or lies outside the photo.
fn place(
    photo: &DynamicImage,
    space: &ColourSpace,
    change: &CropChange<'_>,
    photo_from_crop: &Affine,
) -> Result<Option<PlacedChange>, Error> {
    let width = photo.width();
    let placed = PlacedChange::new((width, photo.height()), change, photo_from_crop)?;
    let Some(mut placed) = placed else {
        return Ok(None);
    };
    match photo {
        DynamicImage::ImageLuma8(p) => placed.measure_grain::<u8, 1>(p, width, space),
        DynamicImage::ImageLumaA8(p) => placed.measure_grain::<u8, 2>(p, width, space),
        DynamicImage::ImageRgb8(p) => placed.measure_grain::<u8, 3>(p, width, space),
        DynamicImage::ImageRgba8(p) => placed.measure_grain::<u8, 4>(p, width, space),
        DynamicImage::ImageLuma16(p) => placed.measure_grain::<u16, 1>(p, width, space),
        DynamicImage::ImageLumaA16(p) => placed.measure_grain::<u16, 2>(p, width, space),
        DynamicImage::ImageRgb16(p) => placed.measure_grain::<u16, 3>(p, width, space),
        DynamicImage::ImageRgba16(p) => placed.measure_grain::<u16, 4>(p, width, space),
        DynamicImage::ImageRgb32F(p) => placed.measure_grain::<f32, 3>(p, width, space),
        DynamicImage::ImageRgba32F(p) => placed.measure_grain::<f32, 4>(p, width, space),
        other => return Err(Error::unknown_pixels(other)),
    }
    Ok(Some(placed))
}
