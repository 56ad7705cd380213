//! Padding for faces at the photo's border: mirrored, blurred, faded to the median colour.

use image::Rgb32FImage;

use super::border;
use crate::geometry::{Point, Quad};

/// Pixels to add on each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Margins {
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
}

impl Margins {
    /// What a picture needs for the quad and its border to lie inside, or `None` when it needs next
    /// to nothing. If it is padded at all, then by 0.3 of the quad on every side.
    pub fn around(quad: &Quad, quad_size: f64, (width, height): (u32, u32)) -> Option<Self> {
        let (bounds, border) = (quad.bounds(), border(quad_size));
        let needed = [
            -bounds.left.floor() + border,
            -bounds.top.floor() + border,
            bounds.right.ceil() - f64::from(width) + border,
            bounds.bottom.ceil() - f64::from(height) + border,
        ];
        if needed.into_iter().fold(0.0, f64::max) <= border - 4.0 {
            return None;
        }
        let least = (quad_size * 0.3).round_ties_even().max(1.0);
        let [left, top, right, bottom] = needed.map(|margin| margin.max(least) as u32);
        Some(Self {
            left,
            top,
            right,
            bottom,
        })
    }

    /// Where the unpadded picture's first pixel lies in the padded one.
    pub fn offset(self) -> Point {
        Point::new(f64::from(self.left), f64::from(self.top))
    }
}

/// `picture` with margins: mirrored without repeating the edge pixel, then blended into its
/// blurred copy from a little inside the old border on, then into the median colour.
pub(super) fn pad(
    picture: &Rgb32FImage,
    margins: Margins,
    blur: impl Fn(&Rgb32FImage) -> Rgb32FImage,
) -> Rgb32FImage {
    let mut padded = mirror(picture, margins);
    let (width, height) = padded.dimensions();
    // 0 at the old border, 1 at the new one, negative inside.
    let depth = |x: u32, y: u32| -> f32 {
        let inwards = |at: u32, length: u32, before: u32, after: u32| {
            (at as f32 / before as f32).min((length - 1 - at) as f32 / after as f32)
        };
        let along_x = inwards(x, width, margins.left, margins.right);
        let along_y = inwards(y, height, margins.top, margins.bottom);
        (1.0 - along_x).max(1.0 - along_y)
    };

    let blurred = blur(&padded);
    for ((x, y, pixel), blurred) in padded.enumerate_pixels_mut().zip(blurred.pixels()) {
        let share = (depth(x, y) * 3.0 + 1.0).clamp(0.0, 1.0);
        for (value, blurred) in pixel.0.iter_mut().zip(blurred.0) {
            *value += (blurred - *value) * share;
        }
    }
    let median = median_colour(&padded);
    for (x, y, pixel) in padded.enumerate_pixels_mut() {
        let share = depth(x, y).clamp(0.0, 1.0);
        for (value, median) in pixel.0.iter_mut().zip(median) {
            *value += (median - *value) * share;
        }
    }
    padded
}

fn mirror(picture: &Rgb32FImage, margins: Margins) -> Rgb32FImage {
    let fold = |at: u32, before: u32, length: u32| {
        let last = i64::from(length) - 1;
        match last {
            ..=0 => 0,
            _ => {
                let folded = (i64::from(at) - i64::from(before)).rem_euclid(2 * last);
                folded.min(2 * last - folded) as u32
            }
        }
    };
    let (width, height) = picture.dimensions();
    Rgb32FImage::from_fn(
        width + margins.left + margins.right,
        height + margins.top + margins.bottom,
        |x, y| *picture.get_pixel(fold(x, margins.left, width), fold(y, margins.top, height)),
    )
}

/// The median of each channel.
fn median_colour(picture: &Rgb32FImage) -> [f32; 3] {
    std::array::from_fn(|channel| {
        let mut values: Vec<f32> = picture.pixels().map(|pixel| pixel[channel]).collect();
        let middle = values.len() / 2;
        let even = values.len().is_multiple_of(2);
        let (below, upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
        let lower = below
            .iter()
            .copied()
            .max_by(f32::total_cmp)
            .filter(|_| even);
        lower.map_or(*upper, |lower| (lower + *upper) / 2.0)
    })
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    const MARGINS: Margins = Margins {
        left: 3,
        top: 1,
        right: 2,
        bottom: 9,
    };

    fn numbers(width: u32, height: u32) -> Rgb32FImage {
        Rgb32FImage::from_fn(width, height, |x, y| Rgb([x as f32, y as f32, 1.0]))
    }

    #[test]
    fn mirroring_repeats_no_edge_and_goes_on_for_ever() {
        let mirrored = mirror(&numbers(3, 2), MARGINS);
        let row: Vec<f32> = (0..8).map(|x| mirrored.get_pixel(x, 0)[0]).collect();
        assert_eq!(row, [1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0]);
        let column: Vec<f32> = (0..12).map(|y| mirrored.get_pixel(0, y)[1]).collect();
        assert_eq!(
            column,
            [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]
        );
    }

    #[test]
    fn the_outermost_pixels_have_the_median_colour() {
        let padded = pad(&numbers(30, 30), MARGINS, Rgb32FImage::clone);
        let corner = padded.get_pixel(0, 0).0;
        assert_eq!(corner, padded.get_pixel(34, 39).0);
        assert_eq!(
            padded.get_pixel(3 + 15, 1 + 15).0,
            [15.0, 15.0, 1.0],
            "the middle stays"
        );
    }

    #[test]
    fn median_of_even_and_odd_counts() {
        assert_eq!(median_colour(&numbers(4, 1)), [1.5, 0.0, 1.0]);
        assert_eq!(median_colour(&numbers(5, 1)), [2.0, 0.0, 1.0]);
    }
}
