//! Matching the colours of a generated crop to the photo.
//!
//! A generator's picture differs from the photo in tint and in the large shapes of light. The sum of
//! two smooth fields is added to the edited crop before it is composited:
//!
//! - what inversion missed: photo − inverted, measured on skin everywhere, since both should show
//!   the same;
//! - what the edit has changed beside its purpose: inverted − edited, measured on skin outside the
//!   mask, where the photo will stay.
//!
//! Outside the mask the two add up to photo − edited, so that the edited crop meets the photo at the
//! seam. What is added is then brought to the photo's hue: an edit may lighten the neck, where a shadow goes,
//! but not tan it. The ratio of the channels of the photo's skin under the mask, where light counts more than
//! shadow, is kept.
//!
//! Each field is a normalised convolution (Knutsson and Westin, CVPR 1993): a blur of weighted
//! differences divided by the blur of the weights. Hair, collar and background have no weight, and so
//! do not bleed into the neck; skin whose difference stands out from its surroundings (a strand of
//! hair, an edge that has moved) loses weight in a second pass.

#![expect(
    clippy::indexing_slicing,
    reason = "pictures and weights have one size, which is checked first; channels are counted by arrays of three"
)]

use image::{GrayImage, Rgb, Rgb32FImage};

use super::grey::luminance;
use super::resample::interpolate;
use super::smooth::gaussian;
use super::{Error, same_size};
use crate::geometry::Affine;

/// Standard deviations of the blurs, in crop sides: 25 and 50 px of 1024.
const INVERSION_SIGMA: f64 = 25.0 / 1024.0;
const EDIT_SIGMA: f64 = 50.0 / 1024.0;
/// Standard deviation over which hues are compared, in crop sides.
const HUE_SIGMA: f64 = 50.0 / 1024.0;
/// A channel is changed by no more than this for the sake of hue.
const LARGEST_HUE_CHANGE: f32 = 1.25;
/// Fields are computed on a grid of at most this many cells a side.
const GRID: u32 = 128;
/// A difference this far from the field around it counts half; in shares of the value range.
const OUTLIER: f32 = 0.06;
/// Weight of the mean difference everywhere: it decides where no skin is near.
const MEAN_WEIGHT: f32 = 1e-3;

/// What matching the colours adds to an edited crop: a smooth field, known on a coarse grid.
#[derive(Debug, Clone, PartialEq)]
pub struct ColourField {
    /// The field's values at the grid's cells; a value range of 1 is the whole range.
    pub cells: Rgb32FImage,
    /// From pixels of the crop to cells of the grid.
    pub cells_from_crop: Affine,
}

impl ColourField {
    /// The field that brings `edited` into the photo's colours. `weights` says how well each pixel
    /// speaks for the colour of skin (0 not at all, 255 fully); labels of skin and neck serve well.
    ///
    /// # Errors
    /// [`Error::Size`] when the pictures differ in size.
    pub fn measure(
        photo_crop: &Rgb32FImage,
        inverted: &Rgb32FImage,
        edited: &Rgb32FImage,
        mask: &GrayImage,
        weights: &GrayImage,
    ) -> Result<Self, Error> {
        let size = photo_crop.dimensions();
        same_size("inverted crop", inverted.dimensions(), size)?;
        same_size("edited crop", edited.dimensions(), size)?;
        same_size("mask", mask.dimensions(), size)?;
        same_size("weights", weights.dimensions(), size)?;

        let everywhere = |index: usize| f32::from(weights.as_raw()[index]) / 255.0;
        let outside_mask =
            |index: usize| everywhere(index) * f32::from(255 - mask.as_raw()[index]) / 255.0;
        let side = f64::from(size.0.max(size.1));
        let cell = size.0.max(size.1).div_ceil(GRID).max(1);
        let difference = |wanted, found, weight_of: &dyn Fn(usize) -> f32, sigma| {
            smooth_difference(wanted, found, weight_of, sigma * side, cell)
        };
        let mut cells = difference(photo_crop, inverted, &everywhere, INVERSION_SIGMA);
        let edit = difference(inverted, edited, &outside_mask, EDIT_SIGMA);
        for (value, edit) in cells.iter_mut().zip(edit.iter()) {
            *value += edit;
        }
        let under_mask = |index: usize| everywhere(index) * f32::from(mask.as_raw()[index]) / 255.0;
        keep_hue(&mut cells, photo_crop, edited, under_mask, cell);
        Ok(Self {
            cells,
            cells_from_crop: Affine::resize(f64::from(cell).recip()),
        })
    }

    /// The field that changes nothing.
    pub fn none() -> Self {
        Self {
            cells: Rgb32FImage::new(1, 1),
            cells_from_crop: Affine::IDENTITY,
        }
    }

    /// The picture with the field added. Values may leave 0..=1.
    pub fn added_to(&self, edited: &Rgb32FImage) -> Rgb32FImage {
        let (width, height) = edited.dimensions();
        let mut matched = interpolate(&self.cells, width, height, &self.cells_from_crop);
        for (value, edited) in matched.iter_mut().zip(edited.iter()) {
            *value += edited;
        }
        matched
    }
}

/// Changes the field so that the edited picture has the photo's hue where there is weight.
fn keep_hue(
    field: &mut Rgb32FImage,
    photo: &Rgb32FImage,
    edited: &Rgb32FImage,
    weight_of: impl Fn(usize) -> f32,
    cell: u32,
) {
    let (mut photo_sums, mut weights) =
        weighted_cells(photo.dimensions(), cell, &weight_of, |index| {
            pixel_at(photo, index)
        });
    let (mut edited_sums, _) = weighted_cells(photo.dimensions(), cell, &weight_of, |index| {
        pixel_at(edited, index)
    });
    for (sum, (field, weight)) in edited_sums.iter_mut().zip(field.iter().zip(weights.iter())) {
        *sum += field * weight;
    }
    let sigma_cells = HUE_SIGMA * f64::from(photo.width()) / f64::from(cell);
    let around = normalised_convolution(&edited_sums, &weights, sigma_cells);
    let sums = photo_sums.pixels_mut().zip(edited_sums.pixels_mut());
    for ((weight, around), (photo, edited)) in weights.pixels_mut().zip(around.pixels()).zip(sums) {
        let trust = trust(&Rgb(hue(edited)), 1.0, &Rgb(hue(around)));
        for pixel in [weight, photo, edited] {
            pixel.0.iter_mut().for_each(|value| *value *= trust);
        }
    }
    let photo_around = normalised_convolution(&photo_sums, &weights, sigma_cells);
    let edited_around = normalised_convolution(&edited_sums, &weights, sigma_cells);
    let around = photo_around.pixels().zip(edited_around.pixels());
    let cells = edited_sums.pixels().zip(weights.pixels());
    for (field, ((photo, edited), (sum, weight))) in field.pixels_mut().zip(around.zip(cells)) {
        for channel in 0..3 {
            let ratio =
                photo.0[channel] * luminance(edited.0) / (edited.0[channel] * luminance(photo.0));
            if !ratio.is_finite() {
                continue;
            }
            let change = ratio.clamp(LARGEST_HUE_CHANGE.recip(), LARGEST_HUE_CHANGE) - 1.0;
            // Where there is no weight, what is around stands for the cell.
            let here =
                (sum.0[channel] + MEAN_WEIGHT * edited.0[channel]) / (weight[0] + MEAN_WEIGHT);
            field.0[channel] += change * here;
        }
    }
}

/// The channels beside their luminance; grey for black.
fn hue(pixel: &Rgb<f32>) -> [f32; 3] {
    let luminance = luminance(pixel.0);
    match luminance > 1e-6 {
        true => pixel.0.map(|value| value / luminance),
        false => [1.0; 3],
    }
}

fn pixel_at(picture: &Rgb32FImage, index: usize) -> [f32; 3] {
    let samples = picture.as_raw();
    [0, 1, 2].map(|channel| {
        samples
            .get(3 * index + channel)
            .copied()
            .unwrap_or_default()
    })
}

/// Weighted sums of the pixels of each cell, and the weights (three times the same).
fn weighted_cells(
    (width, height): (u32, u32),
    cell: u32,
    weight_of: impl Fn(usize) -> f32,
    value_of: impl Fn(usize) -> [f32; 3],
) -> (Rgb32FImage, Rgb32FImage) {
    let mut sums = Rgb32FImage::new(width.div_ceil(cell), height.div_ceil(cell));
    let mut weights = sums.clone();
    for index in 0..(width * height) as usize {
        let (x, y) = (index as u32 % width / cell, index as u32 / width / cell);
        let weight = weight_of(index) / (cell * cell) as f32;
        let value = value_of(index);
        let sum = sums.get_pixel_mut(x, y);
        for (sum, value) in sum.0.iter_mut().zip(value) {
            *sum += weight * value;
        }
        let total = weights.get_pixel_mut(x, y);
        total.0.iter_mut().for_each(|total| *total += weight);
    }
    (sums, weights)
}

/// The smooth part of `wanted − found`, on a grid whose cells have `cell` pixels a side.
fn smooth_difference(
    wanted: &Rgb32FImage,
    found: &Rgb32FImage,
    weight_of: impl Fn(usize) -> f32,
    sigma_px: f64,
    cell: u32,
) -> Rgb32FImage {
    let (mut differences, mut weights) =
        weighted_cells(wanted.dimensions(), cell, weight_of, |index| {
            let (wanted, found) = (pixel_at(wanted, index), pixel_at(found, index));
            [0, 1, 2].map(|channel| wanted[channel] - found[channel])
        });
    let sigma_cells = sigma_px / f64::from(cell);
    let field = normalised_convolution(&differences, &weights, sigma_cells);
    let cells = differences
        .pixels_mut()
        .zip(weights.pixels_mut())
        .zip(field.pixels());
    for ((difference, weight), field) in cells {
        let trust = trust(difference, weight[0], field);
        difference
            .0
            .iter_mut()
            .chain(&mut weight.0)
            .for_each(|value| *value *= trust);
    }
    normalised_convolution(&differences, &weights, sigma_cells)
}

/// How far the mean difference of a cell is to be believed, beside the field around it.
fn trust(difference: &Rgb<f32>, weight: f32, field: &Rgb<f32>) -> f32 {
    if weight <= 0.0 {
        return 0.0;
    }
    let square: f32 = difference
        .0
        .iter()
        .zip(field.0)
        .map(|(difference, field)| (difference / weight - field).powi(2))
        .sum();
    (1.0 + square / (3.0 * OUTLIER * OUTLIER)).recip()
}

/// Blurred weighted differences over blurred weights; the mean where there are none near.
fn normalised_convolution(
    differences: &Rgb32FImage,
    weights: &Rgb32FImage,
    sigma: f64,
) -> Rgb32FImage {
    let sum = |picture: &Rgb32FImage, channel: usize| -> f64 {
        picture
            .pixels()
            .map(|pixel| f64::from(pixel[channel]))
            .sum()
    };
    let total = sum(weights, 0);
    if total <= 0.0 {
        return Rgb32FImage::new(differences.width(), differences.height());
    }
    let mean: [f32; 3] = std::array::from_fn(|channel| (sum(differences, channel) / total) as f32);
    let mut field = gaussian(differences, sigma);
    let weights = gaussian(weights, sigma);
    for (field, weight) in field.pixels_mut().zip(weights.pixels()) {
        for (value, mean) in field.0.iter_mut().zip(mean) {
            *value = (*value + MEAN_WEIGHT * mean) / (weight[0] + MEAN_WEIGHT);
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    const SIZE: u32 = 256;

    fn match_colour(
        photo: &Rgb32FImage,
        inverted: &Rgb32FImage,
        edited: &Rgb32FImage,
        mask: &GrayImage,
        weights: &GrayImage,
    ) -> Result<Rgb32FImage, Error> {
        let field = ColourField::measure(photo, inverted, edited, mask, weights)?;
        Ok(field.added_to(edited))
    }

    fn photo() -> Rgb32FImage {
        Rgb32FImage::from_fn(SIZE, SIZE, |x, y| {
            let texture = ((x * 31 + y * 17) % 11) as f32 / 200.0;
            Rgb([0.6 + texture, 0.45 + texture, 0.4 + texture])
        })
    }

    fn changed(picture: &Rgb32FImage, by: impl Fn(u32, u32) -> [f32; 3]) -> Rgb32FImage {
        Rgb32FImage::from_fn(SIZE, SIZE, |x, y| {
            let (pixel, by) = (picture.get_pixel(x, y), by(x, y));
            Rgb([pixel[0] + by[0], pixel[1] + by[1], pixel[2] + by[2]])
        })
    }

    fn lower_half() -> GrayImage {
        GrayImage::from_fn(SIZE, SIZE, |_, y| {
            Luma([if y >= SIZE / 2 { 255 } else { 0 }])
        })
    }

    fn largest_error(
        found: &Rgb32FImage,
        expected: &Rgb32FImage,
        is_inside: impl Fn(u32, u32) -> bool,
    ) -> f32 {
        found
            .enumerate_pixels()
            .filter(|(x, y, _)| is_inside(*x, *y))
            .flat_map(|(x, y, found)| {
                let expected = expected.get_pixel(x, y);
                (0..3).map(move |i| (found[i] - expected[i]).abs())
            })
            .fold(0.0, f32::max)
    }

    fn all() -> GrayImage {
        GrayImage::from_pixel(SIZE, SIZE, Luma([255]))
    }

    #[test]
    fn nothing_to_match_changes_nothing() {
        let photo = photo();
        let matched = match_colour(&photo, &photo, &photo, &lower_half(), &all()).unwrap();
        assert_eq!(matched, photo);
    }

    #[test]
    fn a_tint_and_a_gradient_of_light_are_removed() {
        let photo = photo();
        let inverted = changed(&photo, |x, _| [0.05, -0.03, x as f32 / 4000.0]);
        let edited = changed(&inverted, |_, _| [0.02, 0.02, -0.04]);
        let matched = match_colour(&photo, &inverted, &edited, &lower_half(), &all()).unwrap();
        assert!(largest_error(&matched, &photo, |_, _| true) < 0.01);
    }

    #[test]
    fn an_edit_may_lighten_the_skin_but_not_tan_it() {
        let photo = photo();
        let edited = changed(&photo, |x, y| {
            let pixel = photo.get_pixel(x, y);
            // Only under the mask, where no difference to the inverted picture tells it.
            match y >= SIZE / 2 {
                true => [0.25 * pixel[0], 0.15 * pixel[1], 0.05 * pixel[2]],
                false => [0.0; 3],
            }
        });
        let matched = match_colour(&photo, &photo, &edited, &lower_half(), &all()).unwrap();
        let (was, is) = (photo.get_pixel(128, 220), matched.get_pixel(128, 220));
        for channel in 0..3 {
            let (was, is) = (
                was[channel] / luminance(was.0),
                is[channel] / luminance(is.0),
            );
            assert!((was - is).abs() < 0.02, "{channel}: {was} {is}");
        }
        assert!(
            luminance(is.0) > 1.1 * luminance(was.0),
            "the lightening stays"
        );
    }

    #[test]
    fn what_has_no_weight_does_not_bleed() {
        let photo = photo();
        let collar = |x: u32| x < SIZE / 4;
        let inverted = changed(&photo, |x, _| {
            if collar(x) {
                [0.5, -0.4, 0.3]
            } else {
                [0.02; 3]
            }
        });
        let weights =
            GrayImage::from_fn(SIZE, SIZE, |x, _| Luma([if collar(x) { 0 } else { 255 }]));
        let matched = match_colour(&photo, &inverted, &inverted, &lower_half(), &weights).unwrap();
        assert!(largest_error(&matched, &photo, |x, _| !collar(x)) < 0.005);
    }

    #[test]
    fn skin_that_stands_out_counts_little() {
        let photo = photo();
        let strand = |x: u32| (120..126).contains(&x);
        let inverted = changed(&photo, |x, _| if strand(x) { [-0.5; 3] } else { [0.03; 3] });
        let matched = match_colour(&photo, &inverted, &inverted, &lower_half(), &all()).unwrap();
        assert!(largest_error(&matched, &photo, |x, _| !(118..128).contains(&x)) < 0.02);
    }

    #[test]
    fn without_any_skin_the_picture_stays() {
        let photo = photo();
        let inverted = changed(&photo, |_, _| [0.3; 3]);
        let none = GrayImage::new(SIZE, SIZE);
        let matched = match_colour(&photo, &inverted, &inverted, &lower_half(), &none).unwrap();
        assert_eq!(matched, inverted);
    }
}
