//! A field placed on a photo, ready to be sampled at its pixels.

#![expect(
    clippy::indexing_slicing,
    reason = "channels are counted by arrays of three"
)]

use std::sync::Arc;

use image::{DynamicImage, GrayImage};

use super::{NeckField, Patch, PullField};
use crate::geometry::{Affine, PixelRect, Point};
use crate::photo::ColourSpace;
use crate::portrait::grey::luminance;
use crate::portrait::resample::{sample_bilinear, sample_cubic, sample_mask};
use crate::portrait::{Error, same_size};

/// From this share of the amount on, pulls act in full.
const FULL_PULL: f32 = 0.1;

/// The edit of one face by its field, at its photo's own density.
pub struct PlacedField {
    edit: FieldEdit,
    patch: Patch,
    crop_from_photo: Affine,
    patch_from_crop: Affine,
}

/// An edit of a crop by its field.
#[derive(Debug, Clone)]
pub struct FieldEdit {
    /// The field.
    pub field: Arc<NeckField>,
    /// Where it acts, at the crop's size: 0 leaves the photo alone.
    pub mask: Arc<GrayImage>,
    /// What the user has pulled aside.
    pub pulls: Option<Arc<PullField>>,
    /// How much of it, per cent.
    pub amount: f32,
    /// Whether the crop is [grey](crate::portrait::grey), so that only its luminance may change.
    pub is_grey: bool,
}

impl FieldEdit {
    /// How strongly the edit acts at a point of the crop, 0..=1, and where the pixel there comes from,
    /// relative to it, in pixels of the crop.
    pub fn displacement(&self, point_in_crop: Point) -> (f32, Point) {
        let opacity = sample_mask(&self.mask, point_in_crop);
        let flow = self.field.at(point_in_crop).flow;
        (opacity, self.moved_by(point_in_crop, flow, opacity))
    }

    fn moved_by(&self, point_in_crop: Point, flow: Point, opacity: f32) -> Point {
        let share = super::share_of_amount(self.amount);
        let cell = self.field.grid_from_crop().apply(point_in_crop);
        let pulls = self.pulls.as_ref();
        let pulled = pulls.map_or(Point::default(), |pulls| pulls.at(cell));
        let presence = f64::from((share.abs() / FULL_PULL).min(1.0));
        (flow * f64::from(share) + pulled * presence) * f64::from(opacity)
    }

    /// The farthest place that a pixel can come from, in pixels of the crop.
    pub fn reach_px(&self) -> f64 {
        let longest = |picture: &image::Rgb32FImage| {
            let lengths = picture.pixels().map(|pixel| pixel[0].hypot(pixel[1]));
            f64::from(lengths.fold(0.0, f32::max))
        };
        let pulls = self.pulls.as_ref();
        let pulled = pulls.map_or(0.0, |pulls| longest(pulls.displacement()));
        f64::from(*super::SHARES.end()) * longest(self.field.motion()) + pulled
    }
}

impl PlacedField {
    /// Places the edit on a photo whose pixels are in this space. `None` when the mask is empty or lies
    /// outside the photo, or where nothing is to change.
    ///
    /// # Errors
    /// [`Error::Size`] when mask and field do not fit, [`Error::FlatMap`] when `photo_from_crop` cannot be
    /// undone, [`Error::PixelKind`] for an unknown pixel format.
    pub fn new(
        photo: &DynamicImage,
        space: &ColourSpace,
        edit: &FieldEdit,
        photo_from_crop: &Affine,
    ) -> Result<Option<Self>, Error> {
        let size = edit.field.crop_size();
        same_size("mask", edit.mask.dimensions(), (size, size))?;
        let crop_from_photo = photo_from_crop.inverse().ok_or(Error::FlatMap)?;
        if super::share_of_amount(edit.amount) == 0.0 {
            return Ok(None);
        }
        let Some(patch) = Patch::cut(photo, space, &edit.mask, edit.reach_px(), photo_from_crop)?
        else {
            return Ok(None);
        };
        Ok(Some(Self {
            edit: edit.clone(),
            patch_from_crop: patch.patch_from_photo() * *photo_from_crop,
            patch,
            crop_from_photo,
        }))
    }

    /// The pixels of the photo that it can reach.
    pub fn block(&self) -> PixelRect {
        self.patch.block
    }

    /// The weight of the edit at a pixel of the photo; 0 outside the mask.
    pub fn opacity(&self, x: u32, y: u32) -> f32 {
        let point_in_photo = Point::new(f64::from(x), f64::from(y));
        sample_mask(&self.edit.mask, self.crop_from_photo.apply(point_in_photo))
    }

    /// Opacity and change (in sRGB) of a pixel of the photo, weighted by the opacity, or `None` outside the mask.
    /// `has_colour` says whether the photo can show any.
    pub fn share(&self, x: u32, y: u32, has_colour: bool) -> Option<(f32, [f32; 3])> {
        let point_in_crop = self
            .crop_from_photo
            .apply(Point::new(f64::from(x), f64::from(y)));
        let opacity = sample_mask(&self.edit.mask, point_in_crop);
        if opacity <= 0.0 {
            return None;
        }
        let before = (x.checked_sub(self.patch.part.x))
            .zip(y.checked_sub(self.patch.part.y))
            .and_then(|(x, y)| self.patch.pixels.get_pixel_checked(x, y))?;
        let field = &self.edit.field;
        let here = field.at(point_in_crop);
        let share = super::share_of_amount(self.edit.amount);
        let source_in_crop = point_in_crop + self.edit.moved_by(point_in_crop, here.flow, opacity);
        let source_in_patch = self.patch_from_crop.apply(source_in_crop);
        let warped = sample_cubic(&self.patch.pixels, source_in_patch);
        let low = sample_bilinear(&field.low, field.grid_from_crop().apply(source_in_crop));
        let lost = (share * (1.0 - here.detail)).min(1.0);
        let mut shift: [f32; 3] = std::array::from_fn(|i| {
            let redrawn = share * here.shade[i] - lost * (warped[i] - low[i]);
            warped[i] - before[i] + opacity * redrawn
        });
        if self.edit.is_grey || !has_colour {
            shift = [luminance(shift); 3];
        }
        Some((opacity, shift))
    }
}
