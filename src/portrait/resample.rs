//! Drawing a picture under an affine map, always with a filter as wide as the reduction asks for.

#![expect(
    clippy::indexing_slicing,
    reason = "taps are made for the picture's own size; channels are counted by arrays of three"
)]

use image::{GrayImage, Rgb32FImage};
use rayon::prelude::*;

use crate::geometry::{Affine, PixelRect, Point};
use crate::photo::resize::resize_float;

/// Draws `source` under an affine map: the pixel at `target` shows what lies at
/// `source_from_target(target)`, a `width` by `height` picture. Where the map reduces, the source is
/// reduced first; beyond its border the edge continues. Values are not clamped.
pub fn draw(
    source: &Rgb32FImage,
    width: u32,
    height: u32,
    source_from_target: &Affine,
) -> Rgb32FImage {
    let scale = source_from_target.scale();
    if scale <= 1.0 {
        return interpolate(source, width, height, source_from_target);
    }
    let reduced = |length: u32| ((f64::from(length) / scale).round() as u32).max(1);
    let size = (reduced(source.width()), reduced(source.height()));
    let reduced_from_source = Affine::resize_between(source.dimensions(), size);
    let reduced = resize_float(source, size.0, size.1);
    interpolate(
        &reduced,
        width,
        height,
        &(reduced_from_source * *source_from_target),
    )
}

/// [`draw`] without reducing: right where the map enlarges, keeps size or only turns.
pub fn interpolate(
    source: &Rgb32FImage,
    width: u32,
    height: u32,
    source_from_target: &Affine,
) -> Rgb32FImage {
    let mut target = Rgb32FImage::new(width, height);
    if source.is_empty() || target.is_empty() {
        return target;
    }
    target
        .par_chunks_exact_mut(width as usize * 3)
        .enumerate()
        .for_each(|(y, row)| {
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                let point = source_from_target.apply(Point::new(x as f64, y as f64));
                pixel.copy_from_slice(&sample_cubic(source, point));
            }
        });
    target
}

/// Resizes a mask by bilinear interpolation, without antialiasing, in OpenCV's fixed-point
/// arithmetic (11-bit weights), so that grey edges agree to the last bit.
pub fn resize_mask(mask: &GrayImage, width: u32, height: u32) -> GrayImage {
    if mask.is_empty() {
        return GrayImage::new(width, height);
    }
    let columns = interpolation(mask.width(), width);
    let rows = interpolation(mask.height(), height);
    let source_row = |y: usize| -> Vec<i32> {
        let start = y * mask.width() as usize;
        let row = &mask.as_raw()[start..start + mask.width() as usize];
        columns
            .iter()
            .map(|tap| tap.mix(i32::from(row[tap.at]), i32::from(row[tap.next])))
            .collect()
    };

    let mut pixels = Vec::with_capacity(width as usize * height as usize);
    let mut cached: Option<(usize, Vec<i32>, Vec<i32>)> = None;
    for tap in &rows {
        if cached.as_ref().is_none_or(|(at, ..)| *at != tap.at) {
            cached = Some((tap.at, source_row(tap.at), source_row(tap.next)));
        }
        let Some((_, upper, lower)) = &cached else {
            continue;
        };
        // The product of two 11-bit weights is shifted down in two steps, as SIMD code does it.
        pixels.extend(upper.iter().zip(lower).map(|(upper, lower)| {
            let upper = (tap.weights[0] * (upper >> 4)) >> 16;
            let lower = (tap.weights[1] * (lower >> 4)) >> 16;
            ((upper + lower + 2) >> 2) as u8
        }));
    }
    GrayImage::from_raw(width, height, pixels).unwrap_or_default()
}

/// The picture's colour at `point`, interpolated bilinearly; beyond the border the edge continues.
/// The picture must not be empty.
pub fn sample_bilinear(picture: &Rgb32FImage, point: Point) -> [f32; 3] {
    let (last_x, last_y) = (picture.width() - 1, picture.height() - 1);
    let (x, y) = (
        point.x.clamp(0.0, f64::from(last_x)),
        point.y.clamp(0.0, f64::from(last_y)),
    );
    let (left, top) = (x as u32, y as u32);
    let (right, bottom) = ((left + 1).min(last_x), (top + 1).min(last_y));
    let (u, v) = ((x - f64::from(left)) as f32, (y - f64::from(top)) as f32);
    let pixel = |x, y| picture.get_pixel(x, y).0;
    let [a, b, c, d] = [
        pixel(left, top),
        pixel(right, top),
        pixel(left, bottom),
        pixel(right, bottom),
    ];
    std::array::from_fn(|i| {
        let (upper, lower) = (a[i] + u * (b[i] - a[i]), c[i] + u * (d[i] - c[i]));
        upper + v * (lower - upper)
    })
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

/// The picture's colour at `point`, interpolated by Catmull-Rom splines over 4 x 4 pixels; beyond
/// the border the edge continues. The picture must not be empty.
pub fn sample_cubic(picture: &Rgb32FImage, point: Point) -> [f32; 3] {
    CubicTaps::at(point, picture.dimensions()).sample(picture)
}

/// The 4 x 4 pixels around a point and their weights: to sample several pictures of one size there.
pub struct CubicTaps {
    columns: ([usize; 4], [f32; 4]),
    rows: ([usize; 4], [f32; 4]),
    width: usize,
}

impl CubicTaps {
    /// For pictures of `width` by `height`, which must not be 0.
    pub fn at(point: Point, (width, height): (u32, u32)) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self {
            columns: cubic_taps(point.x, width),
            rows: cubic_taps(point.y, height),
            width,
        }
    }

    /// The same taps for this part cut out of such pictures. Taps beyond the part are moved to its edge.
    pub fn within(mut self, part: PixelRect) -> Self {
        let moved = |position: usize, start: u32, length: u32| {
            let last = (length as usize).saturating_sub(1);
            position.saturating_sub(start as usize).min(last)
        };
        for column in &mut self.columns.0 {
            *column = moved(*column, part.x, part.width);
        }
        for row in &mut self.rows.0 {
            *row = moved(*row, part.y, part.height);
        }
        self.width = part.width as usize;
        self
    }

    /// The colour of a picture of that size.
    pub fn sample(&self, picture: &Rgb32FImage) -> [f32; 3] {
        let (columns, column_weights) = &self.columns;
        let mut sums = [0.0; 12];
        for (y, weight) in self.rows.0.into_iter().zip(self.rows.1) {
            let row = &picture.as_raw()[y * self.width * 3..(y + 1) * self.width * 3];
            // Inside the picture the four pixels are neighbours; at its border some repeat.
            let pixels = match row[columns[0] * 3..].first_chunk::<12>() {
                Some(pixels) if columns[3] == columns[0] + 3 => *pixels,
                _ => std::array::from_fn(|i| row[columns[i / 3] * 3 + i % 3]),
            };
            sums.iter_mut()
                .zip(pixels)
                .for_each(|(sum, value)| *sum += weight * value);
        }
        std::array::from_fn(|channel| {
            (0..4)
                .map(|i| column_weights[i] * sums[i * 3 + channel])
                .sum()
        })
    }
}

/// Four neighbouring positions and their weights, which sum to 1.
fn cubic_taps(at: f64, length: usize) -> ([usize; 4], [f32; 4]) {
    let last = length - 1;
    // One pixel beyond the border everything is the edge's colour.
    let at = at.clamp(-1.0, last as f64 + 1.0);
    let first = (at + 1.0) as usize;
    let t = (at + 1.0 - first as f64) as f32;
    let positions = std::array::from_fn(|i| (first + i).saturating_sub(2).min(last));
    let (t2, t3) = (t * t, t * t * t);
    let weights = [
        0.5 * (2.0 * t2 - t - t3),
        0.5 * (2.0 - 5.0 * t2 + 3.0 * t3),
        0.5 * (t + 4.0 * t2 - 3.0 * t3),
        0.5 * (t3 - t2),
    ];
    (positions, weights)
}

/// Two neighbouring source positions and their weights in units of 1/2048.
struct Tap {
    at: usize,
    next: usize,
    weights: [i32; 2],
}

impl Tap {
    fn mix(&self, at: i32, next: i32) -> i32 {
        self.weights[0] * at + self.weights[1] * next
    }
}

fn interpolation(source: u32, target: u32) -> Vec<Tap> {
    let last = source.saturating_sub(1) as usize;
    let scale = f64::from(source) / f64::from(target);
    (0..target)
        .map(|position| {
            let exact = ((f64::from(position) + 0.5) * scale - 0.5).clamp(0.0, last as f64) as f32;
            let fraction = exact - exact.floor();
            let at = exact as usize;
            let weight = (fraction * 2048.0).round_ties_even() as i32;
            Tap {
                at,
                next: (at + 1).min(last),
                weights: [2048 - weight, weight],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    fn linear(width: u32, height: u32) -> Rgb32FImage {
        Rgb32FImage::from_fn(width, height, |x, y| {
            Rgb([x as f32, y as f32, 0.5 * x as f32 - y as f32])
        })
    }

    #[test]
    fn the_identity_changes_nothing() {
        let picture = linear(9, 7);
        assert_eq!(draw(&picture, 9, 7, &Affine::IDENTITY), picture);
    }

    #[test]
    fn reducing_averages_what_lies_under_a_pixel() {
        let stripes = Rgb32FImage::from_fn(64, 64, |x, _| Rgb([(x % 2) as f32; 3]));
        let reduced = draw(&stripes, 16, 16, &Affine::resize(4.0));
        for (x, _, pixel) in reduced.enumerate_pixels() {
            if (2..14).contains(&x) {
                assert!((pixel[0] - 0.5).abs() < 0.02, "{} at {x}", pixel[0]);
            }
        }
    }

    #[test]
    fn masks_keep_their_size_and_their_grey_edges() {
        let mask = GrayImage::from_raw(2, 1, vec![0, 255]).unwrap();
        assert_eq!(resize_mask(&mask, 4, 1).into_raw(), [0, 64, 191, 255]);
        assert_eq!(resize_mask(&mask, 2, 1), mask);
        assert_eq!(
            resize_mask(&GrayImage::new(0, 0), 3, 2),
            GrayImage::new(3, 2)
        );
    }

    proptest! {
        #[test]
        fn both_samplers_are_exact_on_linear_pictures(x in 1.0..7.0f64, y in 1.0..5.0f64) {
            let picture = linear(9, 7);
            let exact = [x, y, 0.5 * x - y];
            for sample in [sample_bilinear, sample_cubic] {
                let found = sample(&picture, Point::new(x, y));
                for (found, exact) in found.into_iter().zip(exact) {
                    prop_assert!((f64::from(found) - exact).abs() < 1e-4);
                }
            }
        }

        #[test]
        fn anything_may_be_sampled(x in any::<f64>(), y in any::<f64>()) {
            let picture = linear(3, 2);
            sample_bilinear(&picture, Point::new(x, y));
            sample_cubic(&picture, Point::new(x, y));
        }
    }
}
