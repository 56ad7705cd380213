//! Pixels of a photo as a screen needs them: 8-bit RGBA blocks in sRGB, and the same at half the size.

use std::ops::Range;

use image::DynamicImage;
use rayon::prelude::*;

use crate::photo::ColourSpace;

/// A block of 8-bit RGBA pixels, row by row from the top. Colours are not multiplied by alpha.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    pub width: usize,
    pub pixels: Vec<[u8; 4]>,
}

impl Block {
    pub fn height(&self) -> usize {
        self.pixels.len() / self.width.max(1)
    }

    /// These columns and rows of a photo, which must not be empty and is in this space. Beyond its
    /// border the edge continues.
    pub fn cut(
        photo: &DynamicImage,
        space: &ColourSpace,
        columns: Range<i64>,
        rows: Range<i64>,
    ) -> Self {
        let width = (columns.end - columns.start).max(0) as usize;
        let height = (rows.end - rows.start).max(0) as usize;
        let mut pixels = vec![[0; 4]; width * height];
        let last_row = i64::from(photo.height()) - 1;
        if width > 0 {
            let numbered = pixels.par_chunks_exact_mut(width).enumerate();
            numbered.for_each(|(y, row)| {
                let y = (rows.start + y as i64).clamp(0, last_row);
                fill_row(photo, space, y as usize, columns.start, row);
            });
        }
        Self { width, pixels }
    }

    /// At half the size; the last column or row is left out where there is an odd number.
    pub fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height() / 2);
        let mut pixels = vec![[0; 4]; width * height];
        if width > 0 {
            let pairs = self.pixels.par_chunks_exact(self.width * 2);
            let rows = pixels.par_chunks_exact_mut(width).zip(pairs);
            rows.for_each(|(row, pair)| {
                let (upper, lower) = pair.split_at(self.width);
                let quads = upper.as_chunks().0.iter().zip(lower.as_chunks().0);
                for (pixel, (&[a, b], &[c, d])) in row.iter_mut().zip(quads) {
                    *pixel = mean([a, b, c, d]);
                }
            });
        }
        Self { width, pixels }
    }

    /// A whole photo at a `factor`-th of its size, rounded up to multiples of `multiple` pixels.
    pub fn reduced(photo: &DynamicImage, space: &ColourSpace, factor: u32, multiple: u32) -> Self {
        let [width, height] = [photo.width(), photo.height()]
            .map(|length| length.div_ceil(factor).next_multiple_of(multiple) as usize);
        let factor = factor as usize;
        let mut pixels = vec![[0; 4]; width * height];
        let last_row = (photo.height() as usize).saturating_sub(1);
        if width > 0 {
            let numbered = pixels.par_chunks_exact_mut(width).enumerate();
            numbered.for_each_init(
                || (vec![[0u8; 4]; width * factor], vec![[0u32; 4]; width]),
                |(source, sums), (y, row)| {
                    sums.fill([0; 4]);
                    for y in y * factor..(y + 1) * factor {
                        fill_row(photo, space, y.min(last_row), 0, source);
                        for (sum, pixels) in sums.iter_mut().zip(source.chunks_exact(factor)) {
                            for pixel in pixels {
                                let alpha = u32::from(pixel[3]);
                                for (sum, value) in sum.iter_mut().zip(pixel).take(3) {
                                    *sum += u32::from(*value) * alpha;
                                }
                                sum[3] += alpha;
                            }
                        }
                    }
                    let count = (factor * factor) as u32;
                    for (pixel, sum) in row.iter_mut().zip(sums.iter()) {
                        *pixel = weighted_mean(*sum, count);
                    }
                },
            );
        }
        Self { width, pixels }
    }
}

/// From sums of colour times alpha, and of alpha.
fn weighted_mean([red, green, blue, alpha]: [u32; 4], count: u32) -> [u8; 4] {
    let colour = |sum: u32| (sum + alpha / 2).checked_div(alpha).unwrap_or(0) as u8;
    let alpha = ((alpha + count / 2) / count) as u8;
    [colour(red), colour(green), colour(blue), alpha]
}

fn mean(pixels: [[u8; 4]; 4]) -> [u8; 4] {
    if pixels.iter().all(|pixel| pixel[3] == 255) {
        let mut sums = [0u16; 4];
        for pixel in pixels {
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += u16::from(value);
            }
        }
        return sums.map(|sum| ((sum + 2) / 4) as u8);
    }
    let mut sum = [0; 4];
    for pixel in pixels {
        let alpha = u32::from(pixel[3]);
        for (sum, value) in sum.iter_mut().zip(pixel).take(3) {
            *sum += u32::from(value) * alpha;
        }
        sum[3] += alpha;
    }
    weighted_mean(sum, 4)
}

/// A sample as 8-bit level.
trait Sample: Copy {
    fn level(self) -> u8;
}

impl Sample for u8 {
    fn level(self) -> u8 {
        self
    }
}

impl Sample for u16 {
    fn level(self) -> u8 {
        ((u32::from(self) + 128) / 257) as u8
    }
}

impl Sample for f32 {
    fn level(self) -> u8 {
        (self * 255.0 + 0.5) as u8
    }
}

/// Fills a row with pixels from `first` on; beyond the photo's border the edge continues.
fn fill_row(photo: &DynamicImage, space: &ColourSpace, y: usize, first: i64, row: &mut [[u8; 4]]) {
    let width = photo.width() as usize;
    match photo {
        DynamicImage::ImageLuma8(p) => fill::<u8, 1>(p.as_raw(), width, y, first, row),
        DynamicImage::ImageLumaA8(p) => fill::<u8, 2>(p.as_raw(), width, y, first, row),
        DynamicImage::ImageRgb8(p) => fill::<u8, 3>(p.as_raw(), width, y, first, row),
        DynamicImage::ImageRgba8(p) => fill::<u8, 4>(p.as_raw(), width, y, first, row),
        DynamicImage::ImageLuma16(p) => fill::<u16, 1>(p.as_raw(), width, y, first, row),
        DynamicImage::ImageLumaA16(p) => fill::<u16, 2>(p.as_raw(), width, y, first, row),
        DynamicImage::ImageRgb16(p) => fill::<u16, 3>(p.as_raw(), width, y, first, row),
        DynamicImage::ImageRgba16(p) => fill::<u16, 4>(p.as_raw(), width, y, first, row),
        DynamicImage::ImageRgb32F(p) => fill::<f32, 3>(p.as_raw(), width, y, first, row),
        DynamicImage::ImageRgba32F(p) => fill::<f32, 4>(p.as_raw(), width, y, first, row),
        _ => row.fill([128, 128, 128, 255]),
    }
    if space.is_srgb() {
        return;
    }
    let outside = ((-first).max(0) as usize).min(row.len());
    let from = (first.max(0) as usize).min(width);
    let (before, rest) = row.split_at_mut(outside);
    let inside = rest.len().min(width - from);
    let (inside, after) = rest.split_at_mut(inside);
    space.show_row(photo, y, from, inside);
    if let (Some(left), Some(right)) = (inside.first(), inside.last()) {
        before.fill(*left);
        after.fill(*right);
    }
}

fn fill<T: Sample, const CHANNELS: usize>(
    samples: &[T],
    width: usize,
    y: usize,
    first: i64,
    row: &mut [[u8; 4]],
) {
    let start = y * width * CHANNELS;
    let Some(source) = samples.get(start..start + width * CHANNELS) else {
        return;
    };
    let (source, _) = source.as_chunks::<CHANNELS>();
    let rgba = |pixel: &[T; CHANNELS]| match *pixel.map(T::level).as_slice() {
        [grey] => [grey, grey, grey, 255],
        [grey, alpha] => [grey, grey, grey, alpha],
        [red, green, blue] => [red, green, blue, 255],
        [red, green, blue, alpha, ..] => [red, green, blue, alpha],
        [] => [0; 4],
    };
    let (Some(left), Some(right)) = (source.first(), source.last()) else {
        return;
    };
    let before = ((-first).max(0) as usize).min(row.len());
    let (outside, rest) = row.split_at_mut(before);
    outside.fill(rgba(left));
    let from = (first.max(0) as usize).min(source.len());
    let inside = source.get(from..).unwrap_or_default();
    for (target, pixel) in rest.iter_mut().zip(inside) {
        *target = rgba(pixel);
    }
    if let Some(beyond) = rest.get_mut(inside.len()..) {
        beyond.fill(rgba(right));
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgba};

    use super::*;

    fn photo() -> DynamicImage {
        image::RgbaImage::from_fn(5, 3, |x, y| {
            Rgba([x as u8 * 50, y as u8 * 100, 7, 255 - 60 * y as u8])
        })
        .into()
    }

    #[test]
    fn a_block_continues_the_edge() {
        let block = Block::cut(&photo(), &ColourSpace::SRGB, -2..7, -1..4);
        assert_eq!((block.width, block.height()), (9, 5));
        assert_eq!(block.pixels[0], [0, 0, 7, 255]);
        assert_eq!(block.pixels[8], [200, 0, 7, 255]);
        assert_eq!(block.pixels[4 * 9 + 4], [100, 200, 7, 135]);
        assert_eq!(
            Block::cut(&photo(), &ColourSpace::SRGB, 20..22, 1..2).pixels[0],
            [200, 100, 7, 195]
        );
    }

    #[test]
    fn depths_agree() {
        let grey = image::GrayImage::from_fn(16, 16, |x, y| Luma([(x * 16 + y) as u8]));
        let grey = DynamicImage::ImageLuma8(grey);
        let expected = Block::cut(&grey, &ColourSpace::SRGB, 0..16, 0..16);
        let others: [DynamicImage; 3] = [
            grey.to_rgb8().into(),
            grey.to_luma16().into(),
            grey.to_rgba32f().into(),
        ];
        for other in others {
            assert_eq!(
                Block::cut(&other, &ColourSpace::SRGB, 0..16, 0..16),
                expected
            );
        }
    }

    #[test]
    fn reducing_takes_the_mean_and_ignores_what_is_transparent() {
        let block = Block {
            width: 2,
            pixels: vec![
                [10, 0, 0, 255],
                [20, 0, 0, 255],
                [250, 9, 9, 0],
                [30, 0, 0, 255],
            ],
        };
        assert_eq!(block.halved().pixels, [[20, 0, 0, 191]]);
        let photo = image::RgbaImage::from_raw(2, 2, block.pixels.concat()).unwrap();
        let reduced = Block::reduced(&photo.into(), &ColourSpace::SRGB, 2, 1);
        assert_eq!(reduced, block.halved());
    }

    #[test]
    fn odd_sizes_are_padded() {
        let reduced = Block::reduced(&photo(), &ColourSpace::SRGB, 4, 3);
        assert_eq!((reduced.width, reduced.height()), (3, 3));
        assert_eq!(reduced.halved().pixels.len(), 1);
    }
}
