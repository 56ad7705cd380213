//! Resizing with a Lanczos filter of three lobes, widened for reductions (as Pillow's `LANCZOS`),
//! from any pixel format to float RGB.
//!
//! `fast_image_resize` does this too, in every pixel format for every instruction set, and takes
//! minutes to compile; the one filter that is needed here is a page.
//!
//! Rows are combined first: that reads each sample of a large photo once, in order, and leaves
//! little for the pass along the rows. Nothing is rounded in between.

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
        if resized.is_empty() || self.block.width == 0 || self.block.height == 0 {
            return resized;
        }
        let row_length = self.block.width as usize * CHANNELS;
        let source_row = |y: usize| {
            let start = ((self.block.y as usize + y) * row + self.block.x as usize) * CHANNELS;
            &samples[start..start + row_length]
        };
        let outputs = resized.par_chunks_exact_mut(self.columns.len() * 3);
        outputs.zip(&self.rows).for_each_init(
            || vec![0.0f32; row_length],
            |combined, (output, taps)| {
                combined.fill(0.0);
                for (y, weight) in (taps.first..).zip(&taps.weights) {
                    for (sum, sample) in combined.iter_mut().zip(source_row(y)) {
                        *sum += weight * (*sample).into();
                    }
                }
                for (pixel, taps) in output.chunks_exact_mut(3).zip(&self.columns) {
                    let sum = weighted::<CHANNELS>(&combined[taps.first * CHANNELS..], taps);
                    let colour = if CHANNELS < 3 {
                        [sum[0]; 3]
                    } else {
                        [sum[0], sum[1], sum[2]]
                    };
                    pixel.copy_from_slice(&colour.map(|value| value / full_scale));
                }
            },
        );
        resized
    }
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
