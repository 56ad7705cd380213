//! The neck field: a slimmer neck made of the photo's own pixels.
//!
//! A network looks at the crop once and says where each pixel comes from (*flow*), how its colour changes
//! (*shade*), how much of its fine detail stays (*detail*), and where (*mask*). A share `a` (0 the photo, 1 what
//! the network was taught, more and less than that, a little below 0 the opposite) scales them, so that a
//! slider needs no network:
//!
//! ```text
//! m      = mask · region                     what the parser knows as skin below the mouth
//! W(x)   = photo(x + a · m · flow(x))        B(x) = low-passed photo, at the same place
//! after  = W + m · (a · shade − (1 − detail_a) · (W − B)),   detail_a = 1 − a · (1 − detail)
//! ```
//!
//! All of it happens at the photo's own resolution. Where `m` is 0, and everywhere for `a = 0`, the photo
//! stays as it is, to the bit. The canvas repeats the arithmetic of [`PlacedField`] in WGSL.

mod fold;
mod input;
mod mask;
mod patch;
mod placed;
mod pulls;

use half::f16;
use image::{GrayImage, Rgb, Rgb32FImage, RgbImage};
use ndarray::ArrayView3;

pub use input::{field_input, low_pass};
pub use mask::field_mask;
pub use patch::Patch;
pub use placed::{FieldEdit, PlacedField};
pub use pulls::PullField;

use super::grey::luminance;
use super::labels::ParsedLabels;
use super::resample::sample_bilinear;
use super::{Error, square_side};
use crate::geometry::{Affine, Point};

/// Side of the grid on which a field is known, in cells over the crop.
pub const GRID_SIZE: u32 = 256;
/// At this amount, per cent, a field does in full what it is meant to do.
const FULL_AMOUNT: f32 = 75.0;
/// The shares that a field is scaled by: a little beyond the slider's range.
const SHARES: std::ops::RangeInclusive<f32> = -0.3..=1.4;
/// The shares of its light that skin may lose and win. A jaw casts a shadow; more than that shows as a patch, and
/// light where there was none as a glow. The network was taught with 0.22 and 0.12.
const MOST_DARKENING: f32 = 0.15;
const MOST_BRIGHTENING: f32 = 0.1;
/// Skin in shadow is redder: when its light changes by a factor q, red, green and blue change by q to these powers.
/// Measured on the pairs that the network was taught with, where light falls by 5 to 50 %.
const POWERS_OF_LIGHT: [f32; 3] = [0.86, 1.06, 1.12];

/// What a network says of a crop; see [`crate::networks::FieldOutputs`] for the shapes.
#[derive(Debug, Clone, Copy)]
pub struct FieldValues<'a> {
    /// The first row of the crop's grid that the arrays tell of.
    pub first_row: u32,
    /// Displacement in fractions of the crop's side, `[2, h, 256]`.
    pub flow: ArrayView3<'a, f32>,
    /// Change of colour, `[3, h, 256]`.
    pub shade: ArrayView3<'a, f32>,
    /// Gain of the fine detail, `[1, h, 256]`.
    pub detail: ArrayView3<'a, f32>,
    /// Where it acts, `[1, h, 256]`.
    pub mask: ArrayView3<'a, f32>,
}

/// The field of one face, as it was taught. Its numbers are rounded to half floats, so that a graphics
/// card computes with the same ones.
#[derive(Debug, Clone, PartialEq)]
pub struct NeckField {
    /// Side of the crop in pixels.
    crop_size: u32,
    /// Red and green: where a pixel comes from, relative to where it is, in pixels of the crop. Blue: gain of
    /// its detail.
    motion: Rgb32FImage,
    shade: Rgb32FImage,
    /// The crop without its detail.
    low: Rgb32FImage,
    /// Where the network would act, whatever lies there.
    reach: GrayImage,
}

impl NeckField {
    /// The field that a network has found in a crop. What would draw clothes, jewellery or a hat along is
    /// held back.
    ///
    /// # Errors
    /// [`Error::NotSquare`] when the crop is not square.
    pub fn new(
        values: &FieldValues<'_>,
        crop: &RgbImage,
        parsed: &ParsedLabels,
    ) -> Result<Self, Error> {
        let crop_size = square_side("crop", crop.dimensions())?;
        let at = |plane: &ArrayView3<'_, f32>, channel: usize, x: u32, y: u32, beyond: f32| {
            let row = y.checked_sub(values.first_row).map(|row| row as usize);
            row.and_then(|row| plane.get((channel, row, x as usize)).copied())
                .filter(|value| value.is_finite())
                .unwrap_or(beyond)
        };
        let scale = crop_size as f32;
        let mut motion = Rgb32FImage::from_fn(GRID_SIZE, GRID_SIZE, |x, y| {
            Rgb([
                scale * at(&values.flow, 0, x, y, 0.0),
                scale * at(&values.flow, 1, x, y, 0.0),
                at(&values.detail, 0, x, y, 1.0).clamp(0.0, 1.0),
            ])
        });
        let reach = GrayImage::from_fn(GRID_SIZE, GRID_SIZE, |x, y| {
            let mask = at(&values.mask, 0, x, y, 0.0).clamp(0.0, 1.0);
            image::Luma([(255.0 * mask).round() as u8])
        });
        mask::hold_back(&mut motion, &parsed.labels, crop_size);
        fold::without_folds(&mut motion, crop_size);
        let shade = Rgb32FImage::from_fn(GRID_SIZE, GRID_SIZE, |x, y| {
            Rgb(std::array::from_fn(|i| at(&values.shade, i, x, y, 0.0)))
        });
        let low = low_pass(crop);
        let mut shade = as_light(&low, shade);
        mask::hold_back_shade(&mut shade, &parsed.labels);
        Ok(Self {
            crop_size,
            motion: rounded(motion),
            shade: rounded(shade),
            low: rounded(low),
            reach,
        })
    }

    /// Side of the crop in pixels.
    pub fn crop_size(&self) -> u32 {
        self.crop_size
    }

    /// Displacement (red and green, pixels of the crop) and gain of the detail (blue), on the grid.
    pub fn motion(&self) -> &Rgb32FImage {
        &self.motion
    }

    /// Change of colour, on the grid.
    pub fn shade(&self) -> &Rgb32FImage {
        &self.shade
    }

    /// The crop without its detail, on the grid.
    pub fn low(&self) -> &Rgb32FImage {
        &self.low
    }

    /// From pixels of the crop to cells of the grid.
    pub fn grid_from_crop(&self) -> Affine {
        Affine::resize(f64::from(GRID_SIZE) / f64::from(self.crop_size))
    }

    /// The field at a point of the crop.
    fn at(&self, point_in_crop: Point) -> FieldHere {
        let cell = self.grid_from_crop().apply(point_in_crop);
        let [x, y, detail] = sample_bilinear(&self.motion, cell);
        FieldHere {
            flow: Point::new(f64::from(x), f64::from(y)),
            detail,
            shade: sample_bilinear(&self.shade, cell),
        }
    }
}

/// A field at one point.
struct FieldHere {
    /// Pixels of the crop.
    flow: Point,
    detail: f32,
    shade: [f32; 3],
}

/// What a field is scaled by at an amount, per cent; what is not finite changes nothing.
pub fn share_of_amount(amount: f32) -> f32 {
    let share = amount / FULL_AMOUNT;
    match share.is_finite() {
        true => share.clamp(*SHARES.start(), *SHARES.end()),
        false => 0.0,
    }
}

/// A shade that changes the light of what it is added to, as [`limited`] says, and its colour as the colour of
/// skin changes with the light ([`POWERS_OF_LIGHT`]): not as the network says, which paints hair and clothes too.
fn as_light(low: &Rgb32FImage, mut shade: Rgb32FImage) -> Rgb32FImage {
    /// Darker skin than this has no colour to speak of.
    const DARKEST: f32 = 0.02;
    for (shade, low) in shade.pixels_mut().zip(low.pixels()) {
        let change = luminance(shade.0);
        let light = luminance(low.0);
        shade.0 = match light > DARKEST {
            true => {
                let factor = 1.0 + limited(change / light);
                let mut shade = low.0;
                for (value, power) in shade.iter_mut().zip(POWERS_OF_LIGHT) {
                    *value *= factor.powf(power) - 1.0;
                }
                shade
            }
            false => [change; 3],
        };
    }
    shade
}

/// The share of its light that skin changes by: what the network says where that is little, and ever closer to
/// [`MOST_DARKENING`] or [`MOST_BRIGHTENING`].
fn limited(change: f32) -> f32 {
    let most = match change < 0.0 {
        true => MOST_DARKENING,
        false => MOST_BRIGHTENING,
    };
    most * (change / most).tanh()
}

fn rounded(mut picture: Rgb32FImage) -> Rgb32FImage {
    picture
        .iter_mut()
        .for_each(|value| *value = f16::from_f32(*value).to_f32());
    picture
}

#[cfg(test)]
mod tests;
