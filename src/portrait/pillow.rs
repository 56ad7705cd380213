//! Reducing and enlarging 8-bit pictures exactly as the imaging library Pillow does with its bilinear
//! filter: antialiased, in fixed-point arithmetic, rows first, rounded to 8 bits between the two
//! passes. What the published classifier was trained on was made so.

use image::{GrayImage, RgbImage};

/// Weights are multiples of 1/2²².
const PRECISION_BITS: u32 = 22;

/// Resizes a picture.
pub fn resize_bilinear(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let pixels = resized::<3>(picture.as_raw(), picture.dimensions(), (width, height));
    RgbImage::from_raw(width, height, pixels).unwrap_or_default()
}

/// Resizes a mask or a picture in grey.
pub fn resize_bilinear_grey(picture: &GrayImage, width: u32, height: u32) -> GrayImage {
    let pixels = resized::<1>(picture.as_raw(), picture.dimensions(), (width, height));
    GrayImage::from_raw(width, height, pixels).unwrap_or_default()
}

/// The neighbouring samples that one sample is made of, and their weights.
struct Taps {
    first: usize,
    weights: Vec<i64>,
}

fn resized<const CHANNELS: usize>(
    pixels: &[u8],
    (width, height): (u32, u32),
    (to_width, to_height): (u32, u32),
) -> Vec<u8> {
    if width == 0 || height == 0 {
        return vec![0; to_width as usize * to_height as usize * CHANNELS];
    }
    let columns = taps(width, to_width);
    let row_length = width as usize * CHANNELS;
    let mut narrowed = Vec::with_capacity(to_width as usize * height as usize * CHANNELS);
    for row in pixels.chunks_exact(row_length) {
        for column in &columns {
            for channel in 0..CHANNELS {
                let samples = row
                    .get(column.first * CHANNELS + channel..)
                    .unwrap_or_default();
                narrowed.push(column.mixed(samples.iter().step_by(CHANNELS)));
            }
        }
    }
    let row_length = to_width as usize * CHANNELS;
    let mut result = Vec::with_capacity(row_length * to_height as usize);
    for row in taps(height, to_height) {
        for at in 0..row_length {
            let samples = narrowed
                .get(row.first * row_length + at..)
                .unwrap_or_default();
            result.push(row.mixed(samples.iter().step_by(row_length)));
        }
    }
    result
}

impl Taps {
    fn mixed<'a>(&self, samples: impl Iterator<Item = &'a u8>) -> u8 {
        let products = self.weights.iter().zip(samples);
        let sum: i64 = products
            .map(|(weight, &sample)| weight * i64::from(sample))
            .sum();
        let half = 1 << (PRECISION_BITS - 1);
        ((sum + half) >> PRECISION_BITS).clamp(0, 255) as u8
    }
}

/// A triangle as wide as the reduction asks for, around each sample of the result.
fn taps(source: u32, target: u32) -> Vec<Taps> {
    let scale = f64::from(source) / f64::from(target);
    let reach = scale.max(1.0);
    (0..target)
        .map(|position| {
            let centre = (f64::from(position) + 0.5) * scale;
            let first = (centre - reach + 0.5).max(0.0) as usize;
            let end = (centre + reach + 0.5).min(f64::from(source)) as usize;
            let weights: Vec<f64> = (first..end)
                .map(|at| (1.0 - ((at as f64 - centre + 0.5) / reach).abs()).max(0.0))
                .collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |weight: f64| (weight / sum * f64::from(1 << PRECISION_BITS) + 0.5) as i64;
            Taps {
                first,
                weights: weights.into_iter().map(fixed).collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use image::Luma;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halving_weighs_four_neighbours() {
        // Triangle of reach 2 around the middle of each pair: 1/8, 3/8, 3/8, 1/8.
        let row = GrayImage::from_raw(6, 1, vec![0, 0, 80, 160, 0, 0]).unwrap();
        let halved = resize_bilinear_grey(&row, 3, 1);
        // At the border the weights left over are 3/7, 3/7, 1/7.
        assert_eq!(halved.into_raw(), [11, 90, 23]);
    }

    #[test]
    fn the_same_size_changes_nothing_and_nothing_stays_nothing() {
        let picture = RgbImage::from_fn(7, 5, |x, y| image::Rgb([x as u8 * 30, y as u8 * 50, 9]));
        assert_eq!(resize_bilinear(&picture, 7, 5), picture);
        assert_eq!(resize_bilinear(&picture, 0, 5).len(), 0);
        assert_eq!(resize_bilinear(&RgbImage::new(0, 0), 2, 2).len(), 12);
    }

    proptest! {
        #[test]
        fn a_constant_stays(
            level: u8,
            (width, height) in (1u32..40, 1u32..40),
            (to_width, to_height) in (1u32..60, 1u32..60),
        ) {
            let flat = GrayImage::from_pixel(width, height, Luma([level]));
            let resized = resize_bilinear_grey(&flat, to_width, to_height);
            prop_assert!(resized.pixels().all(|pixel| pixel[0] == level));
        }
    }
}
