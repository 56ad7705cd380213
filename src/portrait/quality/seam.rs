//! Whether the edge of the mask shows: the difference of colour across it.

use image::{GrayImage, Rgb32FImage};
use palette::color_difference::Ciede2000;
use palette::{IntoColor, Lab, Srgb};
use serde::Serialize;

use super::super::morphology::box_blur;
use super::{EditedCrop, is_inside};
use crate::geometry::Point;

/// Colours are compared at this distance on either side of the mask's half-opacity contour.
const REACH_PX: f64 = 4.0;
/// Side of the square whose mean is a colour there: single pixels are grain.
const PATCH_PX: f64 = 3.0;
/// Side of the square that evens out a mask before the direction across its edge is taken.
const EVEN_PX: f64 = 9.0;

/// The mean difference of colour across the mask's edge, ΔE of CIEDE2000.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Seam {
    /// In the crop: chins, folds and collars make differences of their own.
    pub before: f64,
    /// In the composite.
    pub after: f64,
}

impl Seam {
    /// What the edit adds. Up to 1 can hardly be seen; below 0 the edge got smoother.
    pub fn rise(self) -> f64 {
        self.after - self.before
    }
}

/// The seam along the contour at which the mask is half there: the mean ΔE2000 between the colours 4 px (of
/// a 1024-px crop) inside and 4 px outside, each the mean of 3×3 px. `None` for a mask that nowhere reaches
/// a half, or everywhere.
pub fn seam(edit: &EditedCrop<'_>) -> Option<Seam> {
    let at_scale = |length_px: f64| length_px * edit.scale();
    let reach_px = at_scale(REACH_PX).max(1.0);
    let patch_px = odd(at_scale(PATCH_PX));
    let even = box_blur(edit.mask, odd(at_scale(EVEN_PX)) as u32);
    let (mut count, mut before, mut after) = (0.0, 0.0, 0.0);
    for point in contour(edit.mask) {
        let Some(inwards) = inwards(&even, point) else {
            continue;
        };
        let centre = Point::new(f64::from(point.0), f64::from(point.1));
        let sides = [centre + inwards * reach_px, centre - inwards * reach_px];
        let across = |picture| {
            let [inside, outside] = sides.map(|side| patch(picture, side, patch_px));
            Some(f64::from(inside?.difference(outside?)))
        };
        if let (Some(crop), Some(composite)) = (across(edit.crop), across(edit.composite)) {
            count += 1.0;
            before += crop;
            after += composite;
        }
    }
    (count > 0.0).then(|| Seam {
        before: before / count,
        after: after / count,
    })
}

/// The pixels inside the mask that have a neighbour outside.
fn contour(mask: &GrayImage) -> impl Iterator<Item = (u32, u32)> {
    let (width, height) = mask.dimensions();
    mask.enumerate_pixels().filter_map(move |(x, y, opacity)| {
        let neighbours = [
            (x.wrapping_sub(1), y),
            (x + 1, y),
            (x, y.wrapping_sub(1)),
            (x, y + 1),
        ];
        let is_outside =
            |(x, y): (u32, u32)| x < width && y < height && !is_inside(mask.get_pixel(x, y)[0]);
        let is_edge = is_inside(opacity[0]) && neighbours.into_iter().any(is_outside);
        is_edge.then_some((x, y))
    })
}

/// The unit vector across the mask's edge, towards where the mask is; `None` on a ridge.
fn inwards(even: &GrayImage, (x, y): (u32, u32)) -> Option<Point> {
    let (last_x, last_y) = (even.width() - 1, even.height() - 1);
    let value = |x: u32, y: u32| f64::from(even.get_pixel(x.min(last_x), y.min(last_y))[0]);
    let slope = Point::new(
        value(x + 1, y) - value(x.saturating_sub(1), y),
        value(x, y + 1) - value(x, y.saturating_sub(1)),
    );
    let steepness = slope.dot(slope).sqrt();
    (steepness > 0.0).then(|| slope * (1.0 / steepness))
}

/// The mean colour of a square around a point; `None` where it is not all in the picture.
fn patch(picture: &Rgb32FImage, centre: Point, side_px: i64) -> Option<Lab> {
    let (x, y) = (centre.x.round() as i64, centre.y.round() as i64);
    let reach = side_px / 2;
    let mut sum = [0.0; 3];
    for (dx, dy) in (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy))) {
        let (x, y) = (u32::try_from(x + dx).ok()?, u32::try_from(y + dy).ok()?);
        let pixel = picture.get_pixel_checked(x, y)?;
        for (sum, value) in sum.iter_mut().zip(pixel.0) {
            *sum += value;
        }
    }
    let [red, green, blue] = sum.map(|sum| sum / (side_px * side_px) as f32);
    Some(Srgb::new(red, green, blue).into_color())
}

/// The odd whole number that is nearest, at least 1.
fn odd(length_px: f64) -> i64 {
    2 * ((length_px - 1.0) / 2.0).round().max(0.0) as i64 + 1
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;

    const SIZE: u32 = 256;

    /// The left half, with an edge that is 20 px wide around column 128.
    fn left_half() -> GrayImage {
        GrayImage::from_fn(SIZE, SIZE, |x, _| {
            let opacity = (138.0 - x as f32) / 20.0;
            Luma([(opacity.clamp(0.0, 1.0) * 255.0).round() as u8])
        })
    }

    fn two_tones(left: [f32; 3], right: [f32; 3]) -> Rgb32FImage {
        Rgb32FImage::from_fn(SIZE, SIZE, |x, _| Rgb(if x < 128 { left } else { right }))
    }

    fn measured(crop: &Rgb32FImage, composite: &Rgb32FImage, mask: &GrayImage) -> Option<Seam> {
        seam(&EditedCrop::new(crop, composite, mask).unwrap())
    }

    #[test]
    fn a_tint_on_one_side_is_the_difference_of_its_colours() {
        let skin = [0.8, 0.6, 0.5];
        let tinted = [0.8, 0.64, 0.5];
        let plain = two_tones(skin, skin);
        let seam = measured(&plain, &two_tones(tinted, skin), &left_half()).unwrap();
        let [a, b]: [Lab; 2] = [skin, tinted].map(|[r, g, b]| Srgb::new(r, g, b).into_color());
        assert!(seam.before.abs() < 1e-3, "{seam:?}");
        assert!(
            (seam.after - f64::from(a.difference(b))).abs() < 1e-3,
            "{seam:?}"
        );
        assert!(seam.rise() > 2.0, "{seam:?}");
    }

    #[test]
    fn an_edge_of_the_photo_is_no_seam_of_the_edit() {
        let collar = two_tones([0.8, 0.6, 0.5], [0.1, 0.1, 0.3]);
        let seam = measured(&collar, &collar, &left_half()).unwrap();
        assert!(seam.before > 20.0 && seam.rise() == 0.0, "{seam:?}");
    }

    #[test]
    fn all_sides_of_a_mask_count() {
        let plain = two_tones([0.5; 3], [0.5; 3]);
        let mask = GrayImage::from_fn(SIZE, SIZE, |x, y| {
            let is_in = (60..180).contains(&x) && (60..180).contains(&y);
            Luma([if is_in { 255 } else { 0 }])
        });
        let composite = Rgb32FImage::from_fn(SIZE, SIZE, |x, y| {
            Rgb([if mask.get_pixel(x, y)[0] > 0 && y < 120 {
                0.6
            } else {
                0.5
            }; 3])
        });
        let all = measured(&plain, &plain, &mask).unwrap();
        let half = measured(&plain, &composite, &mask).unwrap();
        let side = |grey: f32| -> Lab { Srgb::new(grey, grey, grey).into_color() };
        let step = f64::from(side(0.6).difference(side(0.5)));
        assert!((half.rise() / step - 0.5).abs() < 0.05, "{all:?} {half:?}");
    }

    #[test]
    fn without_an_edge_there_is_no_seam() {
        let plain = two_tones([0.5; 3], [0.5; 3]);
        for opacity in [0, 127, 128, 255] {
            let mask = GrayImage::from_pixel(SIZE, SIZE, Luma([opacity]));
            assert_eq!(measured(&plain, &plain, &mask), None, "{opacity}");
        }
    }

    /// G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula: implementation notes,
    /// supplementary test data, and mathematical observations", 2005, table 1: the pairs on which
    /// implementations differ.
    #[test]
    fn the_colour_difference_is_that_of_the_published_pairs() {
        let pairs = [
            ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
            ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0),
            ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
            ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0009], 7.1792),
            ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0011], 7.2195),
            ([50.0, -0.001, 2.49], [50.0, 0.0011, -2.49], 4.7461),
            ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
            ([50.0, 2.5, 0.0], [58.0, 24.0, 15.0], 19.4535),
            (
                [60.2574, -34.0099, 36.2677],
                [60.4626, -34.1751, 39.4387],
                1.2644,
            ),
            (
                [22.7233, 20.0904, -46.694],
                [23.0331, 14.973, -42.5619],
                2.0373,
            ),
            (
                [90.8027, -2.0831, 1.441],
                [91.1528, -1.6435, 0.0447],
                1.4441,
            ),
            (
                [6.7747, -0.2908, -2.4247],
                [5.8714, -0.0985, -2.2286],
                0.6377,
            ),
            ([2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082),
        ];
        for (first, second, expected) in pairs {
            let [a, b] = [first, second]
                .map(|[l, a, b]: [f64; 3]| Lab::<palette::white_point::D65, f64>::new(l, a, b));
            let got = a.difference(b);
            assert!((got - expected).abs() < 1e-4, "{first:?} {second:?}: {got}");
        }
    }
}
