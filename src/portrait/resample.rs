//! Resizing and resampling.

use image::{GrayImage, Rgb32FImage};

use crate::geometry::Point;

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
