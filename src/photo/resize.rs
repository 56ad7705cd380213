//! Resizing with a Lanczos filter of three lobes, widened for reductions (as Pillow's `LANCZOS`),
//! from any pixel format to float RGB.
//!
//! `fast_image_resize` does this too, in every pixel format for every instruction set, and takes
//! minutes to compile; the one filter that is needed here is a page.
//!
//! Rows are combined first: that reads each sample of a large photo once, in order, and leaves
//! little for the pass along the rows. Nothing is rounded in between.

#![expect(
    clippy::indexing_slicing,
    reason = "the taps of a filter lie within the block, which the caller has from the picture"
)]

use image::{DynamicImage, Rgb32FImage, RgbImage};
use rayon::prelude::*;

use crate::geometry::PixelRect;

/// A block of `picture`, which must lie inside it, resized to `width` by `height`; values in
/// 0..=1, except for the filter's overshoot at edges. Grey becomes RGB; alpha is left out.
///
/// `None` when the picture's pixel format is not known; those of a [`Photo`](super::Photo) all are.
pub fn resize(
    picture: &DynamicImage,
    block: PixelRect,
    width: u32,
    height: u32,
) -> Option<Rgb32FImage> {
    let filter = Filter::new(block, width, height);
    let row = picture.width() as usize;
    Some(match picture {
        DynamicImage::ImageLuma8(p) => filter.apply::<u8, 1>(p.as_raw(), row, 255.0),
        DynamicImage::ImageLumaA8(p) => filter.apply::<u8, 2>(p.as_raw(), row, 255.0),
        DynamicImage::ImageRgb8(p) => filter.apply::<u8, 3>(p.as_raw(), row, 255.0),
        DynamicImage::ImageRgba8(p) => filter.apply::<u8, 4>(p.as_raw(), row, 255.0),
        DynamicImage::ImageLuma16(p) => filter.apply::<u16, 1>(p.as_raw(), row, 65535.0),
        DynamicImage::ImageLumaA16(p) => filter.apply::<u16, 2>(p.as_raw(), row, 65535.0),
        DynamicImage::ImageRgb16(p) => filter.apply::<u16, 3>(p.as_raw(), row, 65535.0),
        DynamicImage::ImageRgba16(p) => filter.apply::<u16, 4>(p.as_raw(), row, 65535.0),
        DynamicImage::ImageRgb32F(p) => filter.apply::<f32, 3>(p.as_raw(), row, 1.0),
        DynamicImage::ImageRgba32F(p) => filter.apply::<f32, 4>(p.as_raw(), row, 1.0),
        _ => return None,
    })
}

/// A whole 8-bit picture resized to `width` by `height`, rounded to whole levels.
pub fn resize_levels(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let filter = Filter::new(whole(picture.dimensions()), width, height);
    let resized = filter.apply::<u8, 3>(picture.as_raw(), picture.width() as usize, 255.0);
    DynamicImage::ImageRgb32F(resized).into_rgb8()
}

/// A whole float picture resized to `width` by `height`.
pub fn resize_float(picture: &Rgb32FImage, width: u32, height: u32) -> Rgb32FImage {
    let filter = Filter::new(whole(picture.dimensions()), width, height);
    filter.apply::<f32, 3>(picture.as_raw(), picture.width() as usize, 1.0)
}

fn whole((width, height): (u32, u32)) -> PixelRect {
    PixelRect {
        x: 0,
        y: 0,
        width,
        height,
    }
}

/// The samples that make one output sample: the first of them, and a weight for each.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

struct Filter {
    block: PixelRect,
    columns: Vec<Taps>,
    rows: Vec<Taps>,
}

impl Filter {
    fn new(block: PixelRect, width: u32, height: u32) -> Self {
        Self {
            block,
            columns: taps(block.width, width),
            rows: taps(block.height, height),
        }
    }

    /// Filters interleaved samples of `CHANNELS` channels, `row` pixels a row.
    fn apply<T, const CHANNELS: usize>(
        &self,
        samples: &[T],
        row: usize,
        full_scale: f32,
    ) -> Rgb32FImage
    where
        T: Copy + Into<f32> + Sync,
    {
        let mut resized = Rgb32FImage::new(self.columns.len() as u32, self.rows.len() as u32);
        let store = |sum: [f32; 4]| {
            let [first, second, third, _] = sum.map(|value| value / full_scale);
            match CHANNELS {
                0..3 => [first; 3],
                _ => [first, second, third],
            }
        };
        self.write::<T, f32, CHANNELS, 3>(samples, row, &mut resized, add, store);
        resized
    }

    /// Filters samples of `CHANNELS` channels, `row` pixels a row, and writes the pixels that `store`
    /// makes of their weighted sums, row by row: nothing else of the picture's size is held. `add` adds
    /// a row with a weight to the sums.
    fn write<T, S, const CHANNELS: usize, const STORED: usize>(
        &self,
        samples: &[T],
        row: usize,
        stored: &mut [S],
        add: impl Fn(&mut [f32], &[T], f32) + Sync,
        store: impl Fn([f32; 4]) -> [S; STORED] + Sync,
    ) where
        T: Sync,
        S: Copy + Send,
    {
        if stored.is_empty() || self.block.width == 0 || self.block.height == 0 {
            return;
        }
        let row_length = self.block.width as usize * CHANNELS;
        let source_row = |y: usize| {
            let start = ((self.block.y as usize + y) * row + self.block.x as usize) * CHANNELS;
            &samples[start..start + row_length]
        };
        let outputs = stored.par_chunks_exact_mut(self.columns.len() * STORED);
        outputs.zip(&self.rows).for_each_init(
            || vec![0.0f32; row_length],
            |combined, (output, taps)| {
                combined.fill(0.0);
                for (y, weight) in (taps.first..).zip(&taps.weights) {
                    add(combined, source_row(y), *weight);
                }
                for (pixel, taps) in output.chunks_exact_mut(STORED).zip(&self.columns) {
                    let sum = weighted::<CHANNELS>(&combined[taps.first * CHANNELS..], taps);
                    pixel.copy_from_slice(&store(sum));
                }
            },
        );
    }
}

fn add<T: Copy + Into<f32>>(sums: &mut [f32], samples: &[T], weight: f32) {
    for (sum, sample) in sums.iter_mut().zip(samples) {
        *sum += weight * (*sample).into();
    }
}

/// As [`add`], with colours weighted by their opacity, so that what cannot be seen does not bleed into
/// what can. Opacity is the last channel.
fn add_behind_alpha<T: Level, const CHANNELS: usize>(sums: &mut [f32], samples: &[T], weight: f32) {
    for (sum, pixel) in sums
        .chunks_exact_mut(CHANNELS)
        .zip(samples.chunks_exact(CHANNELS))
    {
        let opacity = pixel[CHANNELS - 1].into();
        let colour_weight = weight * opacity / T::FULL;
        for (sum, sample) in sum.iter_mut().zip(&pixel[..CHANNELS - 1]) {
            *sum += colour_weight * (*sample).into();
        }
        sum[CHANNELS - 1] += weight * opacity;
    }
}

/// A whole number that stands for 0 to 1.
pub(super) trait Level: Copy + Into<f32> + Send + Sync {
    /// The number that stands for 1.
    const FULL: f32;

    /// The nearest level to a value in its own scale.
    fn nearest(value: f32) -> Self;
}

impl Level for u8 {
    const FULL: f32 = 255.0;

    fn nearest(value: f32) -> Self {
        value.round() as u8
    }
}

impl Level for u16 {
    const FULL: f32 = 65_535.0;

    fn nearest(value: f32) -> Self {
        value.round() as u16
    }
}

impl Level for f32 {
    const FULL: f32 = 1.0;

    fn nearest(value: f32) -> Self {
        value
    }
}

/// Interleaved samples of a whole picture of `CHANNELS` channels, the last of them opacity if it
/// `has_alpha`, resized in their own kind. Beside the result only a few rows are held.
pub(super) fn resize_samples<T: Level, const CHANNELS: usize>(
    samples: &[T],
    (width, height): (u32, u32),
    (to_width, to_height): (u32, u32),
    has_alpha: bool,
) -> Vec<T> {
    let filter = Filter::new(whole((width, height)), to_width, to_height);
    let row = width as usize;
    let mut resized = vec![T::nearest(0.0); to_width as usize * to_height as usize * CHANNELS];
    let levels = |sum: [f32; 4]| {
        std::array::from_fn(|channel| T::nearest(sum.get(channel).copied().unwrap_or(0.0)))
    };
    if has_alpha {
        let store = |mut sum: [f32; 4]| {
            let opacity = sum[CHANNELS - 1];
            if opacity > 0.0 {
                for value in &mut sum[..CHANNELS - 1] {
                    *value *= T::FULL / opacity;
                }
            }
            levels(sum)
        };
        let add = add_behind_alpha::<T, CHANNELS>;
        filter.write::<T, T, CHANNELS, CHANNELS>(samples, row, &mut resized, add, store);
    } else {
        filter.write::<T, T, CHANNELS, CHANNELS>(samples, row, &mut resized, add, levels);
    }
    resized
}

/// The weighted sum of pixels; channels that do not exist are 0.
fn weighted<const CHANNELS: usize>(samples: &[f32], taps: &Taps) -> [f32; 4] {
    let mut sum = [0.0; 4];
    for (pixel, weight) in samples.chunks_exact(CHANNELS).zip(&taps.weights) {
        for (sum, sample) in sum.iter_mut().zip(pixel) {
            *sum += weight * sample;
        }
    }
    sum
}

fn taps(source: u32, target: u32) -> Vec<Taps> {
    let scale = f64::from(source) / f64::from(target);
    let stretch = scale.max(1.0);
    let reach = LOBES * stretch;
    (0..target)
        .map(|position| {
            let centre = (f64::from(position) + 0.5) * scale - 0.5;
            let first = (centre - reach).ceil().max(0.0) as usize;
            let end = ((centre + reach).floor() + 1.0).min(f64::from(source)) as usize;
            let weights: Vec<f64> = (first..end)
                .map(|at| lanczos((at as f64 - centre) / stretch))
                .collect();
            let sum: f64 = weights.iter().sum();
            Taps {
                first,
                weights: weights.into_iter().map(|w| (w / sum) as f32).collect(),
            }
        })
        .collect()
}

const LOBES: f64 = 3.0;

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| {
        let angle = std::f64::consts::PI * x;
        if angle == 0.0 {
            1.0
        } else {
            angle.sin() / angle
        }
    };
    if x.abs() < LOBES {
        sinc(x) * sinc(x / LOBES)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgba};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formats_agree() {
        let level = |x: u32, y: u32| (x * 7 + y * 13) as u8;
        let grey = DynamicImage::ImageLuma8(image::GrayImage::from_fn(19, 13, |x, y| {
            Luma([level(x, y)])
        }));
        let alpha = DynamicImage::ImageRgba16(image::ImageBuffer::from_fn(19, 13, |x, y| {
            let level = u16::from(level(x, y)) * 257;
            Rgba([level, level, level, (x * 999) as u16])
        }));
        let block = PixelRect {
            x: 2,
            y: 1,
            width: 15,
            height: 11,
        };
        let reduced = resize(&grey, block, 6, 5).unwrap();
        for other in [&alpha, &DynamicImage::ImageRgb32F(alpha.to_rgb32f())] {
            for (a, b) in reduced
                .iter()
                .zip(resize(other, block, 6, 5).unwrap().iter())
            {
                assert!((a - b).abs() < 1e-5);
            }
        }
    }

    proptest! {
        #[test]
        fn constants_stay_and_the_same_size_changes_nothing(
            (width, height) in (1u32..40, 1u32..40),
            (to_width, to_height) in (1u32..60, 1u32..60),
        ) {
            let flat = Rgb32FImage::from_pixel(width, height, image::Rgb([0.25, 0.5, 1.0]));
            for pixel in resize_float(&flat, to_width, to_height).pixels() {
                for (found, expected) in pixel.0.into_iter().zip([0.25, 0.5, 1.0]) {
                    prop_assert!((found - expected).abs() < 1e-5);
                }
            }
            let ramp = Rgb32FImage::from_fn(width, height, |x, y| image::Rgb([x as f32, y as f32, 0.0]));
            for (found, expected) in resize_float(&ramp, width, height).iter().zip(ramp.iter()) {
                prop_assert!((found - expected).abs() < 1e-4);
            }
        }
    }
}
