//! How much changed where nothing should.

use image::{GrayImage, Rgb32FImage};
use serde::Serialize;

use super::super::labels::SKIN_LABELS;
use super::super::morphology::dilate;
use super::super::{Error, same_size, square_side};
use super::EditedCrop;
use crate::geometry::Landmarks;

/// By how much the edited region grows before what lies outside it is compared, in pixels of a 512-px
/// label map: labels are not surer of an outline than that.
const REGION_GROWTH_PX: u32 = 8;

/// A difference of two pictures over some of their pixels, in levels of 255.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct PixelDifference {
    /// The mean of |Δ| over pixels and channels.
    pub mean_levels: f64,
    /// The largest |Δ| of a channel.
    pub largest_levels: f64,
    /// How many pixels were compared.
    pub pixels: usize,
}

impl PixelDifference {
    /// Over the pixels that `counts` names.
    fn between(
        before: &Rgb32FImage,
        after: &Rgb32FImage,
        counts: impl Fn(u32, u32) -> bool,
    ) -> Self {
        let mut change = Self::default();
        let mut sum = 0.0;
        for ((x, y, before), after) in before.enumerate_pixels().zip(after.pixels()) {
            if !counts(x, y) {
                continue;
            }
            change.pixels += 1;
            for (before, after) in before.0.iter().zip(after.0) {
                let levels = f64::from((after - before).abs()) * 255.0;
                sum += levels;
                change.largest_levels = change.largest_levels.max(levels);
            }
        }
        change.mean_levels = sum / (3 * change.pixels).max(1) as f64;
        change
    }
}

/// What changed in the composite where the mask is 0. Anything but 0 is a fault of the program.
pub fn outside_mask(edit: &EditedCrop<'_>) -> PixelDifference {
    PixelDifference::between(edit.crop, edit.composite, |x, y| {
        edit.mask.get_pixel(x, y)[0] == 0
    })
}

/// What changed outside neck and lower jaw between the generator's pictures of a code and of the moved
/// code, before anything is put back into the photo: how far the edit itself reaches. This is how
/// boundaries are compared, since a mask hides what they do elsewhere.
///
/// Neck and lower jaw are what either label map (512 px) calls skin or neck below the lower lip, grown by
/// 8 px of the map. Landmarks are in pixels of the map.
///
/// # Errors
/// [`Error::NotSquare`] and [`Error::Size`] when pictures or label maps differ in size.
pub fn outside_edited_region(
    before: &Rgb32FImage,
    after: &Rgb32FImage,
    labels: [&GrayImage; 2],
    landmarks: &Landmarks,
) -> Result<PixelDifference, Error> {
    let size = square_side("drawn picture", before.dimensions())?;
    same_size("edited picture", after.dimensions(), before.dimensions())?;
    let region = edited_region(labels, landmarks)?;
    let labels_size = u64::from(region.width());
    let in_labels = |at: u32| (u64::from(at) * labels_size / u64::from(size)) as u32;
    Ok(PixelDifference::between(before, after, |x, y| {
        region.get_pixel(in_labels(x), in_labels(y))[0] == 0
    }))
}

/// 255 for neck and lower jaw, in a picture of the label maps' size.
fn edited_region(labels: [&GrayImage; 2], landmarks: &Landmarks) -> Result<GrayImage, Error> {
    let [before, after] = labels;
    square_side("label map", before.dimensions())?;
    same_size(
        "label map of the edit",
        after.dimensions(),
        before.dimensions(),
    )?;
    let lower_lip = landmarks.mouth().map(|point| point.y);
    let lower_lip = lower_lip.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let is_edited = |map: &GrayImage, x, y| SKIN_LABELS.contains(&map.get_pixel(x, y)[0]);
    let region = GrayImage::from_fn(before.width(), before.height(), |x, y| {
        let is_below = f64::from(y) > lower_lip;
        let is_region = is_below && (is_edited(before, x, y) || is_edited(after, x, y));
        image::Luma([if is_region { 255 } else { 0 }])
    });
    Ok(dilate(&region, 2 * REGION_GROWTH_PX + 1))
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;
    use crate::geometry::Point;

    #[test]
    fn only_what_lies_outside_the_mask_counts() {
        let crop = Rgb32FImage::from_pixel(8, 8, Rgb([0.5; 3]));
        let mut composite = crop.clone();
        let mut mask = GrayImage::new(8, 8);
        for y in 0..8 {
            mask.put_pixel(0, y, Luma([1]));
            composite.put_pixel(0, y, Rgb([1.0; 3]));
        }
        let outside = |composite: &Rgb32FImage| {
            outside_mask(&EditedCrop::new(&crop, composite, &mask).unwrap())
        };
        let expected = PixelDifference {
            pixels: 56,
            ..PixelDifference::default()
        };
        assert_eq!(outside(&composite), expected);
        // Ten levels in one channel of one of 56 pixels.
        composite.put_pixel(5, 5, Rgb([0.5, 0.5 - 10.0 / 255.0, 0.5]));
        let change = outside(&composite);
        assert!((change.largest_levels - 10.0).abs() < 1e-4, "{change:?}");
        assert!(
            (change.mean_levels - 10.0 / 168.0).abs() < 1e-6,
            "{change:?}"
        );
    }

    /// A mouth at row 300, skin everywhere above row 400 and neck below it in the columns 200–300.
    fn labelled() -> (GrayImage, Landmarks) {
        let labels = GrayImage::from_fn(512, 512, |x, y| match (x, y) {
            (_, 0..400) => Luma([1]),
            (200..300, _) => Luma([14]),
            _ => Luma([0]),
        });
        let landmarks = std::array::from_fn(|_| Point::new(250.0, 300.0));
        (labels, Landmarks::new(landmarks).unwrap())
    }

    #[test]
    fn neck_and_lower_jaw_are_left_out_of_the_drawings() {
        let (labels, landmarks) = labelled();
        let before = Rgb32FImage::new(1024, 1024);
        let change = |x, y| {
            let mut after = before.clone();
            after.put_pixel(x, y, Rgb([1.0; 3]));
            let change =
                outside_edited_region(&before, &after, [&labels, &labels], &landmarks).unwrap();
            change.largest_levels
        };
        assert_eq!(change(500, 700), 0.0, "the jaw");
        assert_eq!(change(500, 1000), 0.0, "the neck");
        assert_eq!(change(610, 1000), 0.0, "right beside it");
        assert_eq!(change(640, 1000), 255.0, "background");
        assert_eq!(change(500, 500), 255.0, "above the mouth");
    }

    #[test]
    fn what_the_edit_uncovers_belongs_to_the_region() {
        let (wide, landmarks) = labelled();
        let mut narrow = wide.clone();
        for (x, y, label) in narrow.enumerate_pixels_mut() {
            if y >= 400 && x < 240 {
                label[0] = 0;
            }
        }
        let before = Rgb32FImage::new(512, 512);
        let mut after = before.clone();
        after.put_pixel(210, 450, Rgb([1.0; 3]));
        let change = |labels| outside_edited_region(&before, &after, labels, &landmarks).unwrap();
        assert_eq!(change([&wide, &narrow]).largest_levels, 0.0);
        assert_eq!(change([&narrow, &narrow]).largest_levels, 255.0);
    }

    #[test]
    fn other_sizes_are_refused() {
        let (labels, landmarks) = labelled();
        let (small, large) = (Rgb32FImage::new(8, 8), Rgb32FImage::new(9, 9));
        assert!(outside_edited_region(&small, &large, [&labels, &labels], &landmarks).is_err());
        let map = GrayImage::new(256, 256);
        assert!(outside_edited_region(&small, &small, [&labels, &map], &landmarks).is_err());
        assert!(EditedCrop::new(&small, &large, &GrayImage::new(8, 8)).is_err());
        assert!(EditedCrop::new(&small, &small, &GrayImage::new(9, 9)).is_err());
    }
}
