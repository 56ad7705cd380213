//! Rows of a photo as a screen shows them: sRGB in 8 bits.

use image::{DynamicImage, RgbaImage};
use rayon::prelude::*;

use super::ColourSpace;

impl ColourSpace {
    /// Pixels of this space in sRGB with 8 bits a channel and opacity; colours beyond sRGB are cut off.
    pub fn shown(&self, pixels: DynamicImage) -> RgbaImage {
        if self.is_srgb() {
            return pixels.into_rgba8();
        }
        let mut shown = RgbaImage::new(pixels.width(), pixels.height());
        let row_bytes = (4 * pixels.width() as usize).max(1);
        let rows = shown.par_chunks_exact_mut(row_bytes).enumerate();
        rows.for_each(|(y, row)| self.show_row(&pixels, y, 0, row.as_chunks_mut::<4>().0));
        shown
    }

    /// Fills `row` with pixels of the row `y` from the column `first` on, as [`shown`](Self::shown). What
    /// lies beyond the picture stays as it is, and so does a picture of a kind that no photo has.
    pub fn show_row(&self, pixels: &DynamicImage, y: usize, first: usize, row: &mut [[u8; 4]]) {
        let width = pixels.width() as usize;
        match pixels {
            DynamicImage::ImageLuma8(p) => self.show::<u8, 1>(p, width, y, first, row),
            DynamicImage::ImageLumaA8(p) => self.show::<u8, 2>(p, width, y, first, row),
            DynamicImage::ImageRgb8(p) => self.show::<u8, 3>(p, width, y, first, row),
            DynamicImage::ImageRgba8(p) => self.show::<u8, 4>(p, width, y, first, row),
            DynamicImage::ImageLuma16(p) => self.show::<u16, 1>(p, width, y, first, row),
            DynamicImage::ImageLumaA16(p) => self.show::<u16, 2>(p, width, y, first, row),
            DynamicImage::ImageRgb16(p) => self.show::<u16, 3>(p, width, y, first, row),
            DynamicImage::ImageRgba16(p) => self.show::<u16, 4>(p, width, y, first, row),
            DynamicImage::ImageRgb32F(p) => self.show::<f32, 3>(p, width, y, first, row),
            DynamicImage::ImageRgba32F(p) => self.show::<f32, 4>(p, width, y, first, row),
            _ => {}
        }
    }

    /// As [`show_row`](Self::show_row), from interleaved samples of `CHANNELS` channels.
    fn show<T: Sample, const CHANNELS: usize>(
        &self,
        samples: &[T],
        width: usize,
        y: usize,
        first: usize,
        row: &mut [[u8; 4]],
    ) {
        let (pixels, _) = samples.as_chunks::<CHANNELS>();
        let Some(pixels) = pixels.get(y * width + first.min(width)..(y + 1) * width) else {
            return;
        };
        let colour = |pixel: &[T; CHANNELS]| match pixel.as_slice() {
            [red, green, blue, ..] => [red, green, blue].map(|sample| sample.share()),
            [grey, ..] => [grey.share(); 3],
            [] => [0.0; 3],
        };
        let mut colours: Vec<[f32; 3]> = pixels.iter().take(row.len()).map(colour).collect();
        self.to_srgb(colours.as_flattened_mut());
        for ((shown, colour), pixel) in row.iter_mut().zip(colours).zip(pixels) {
            let alpha = match pixel.as_slice() {
                [_, alpha] | [_, _, _, alpha] => alpha.share(),
                _ => 1.0,
            };
            let [red, green, blue] = colour;
            // The cast saturates.
            *shown = [red, green, blue, alpha].map(|value| (value * 255.0 + 0.5) as u8);
        }
    }
}

/// A sample as a share of its range.
trait Sample: Copy + Sync {
    fn share(self) -> f32;
}

impl Sample for u8 {
    fn share(self) -> f32 {
        f32::from(self) / 255.0
    }
}

impl Sample for u16 {
    fn share(self) -> f32 {
        f32::from(self) / 65_535.0
    }
}

impl Sample for f32 {
    fn share(self) -> f32 {
        self
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Rgba};

    use super::super::tests::{display_p3, with_profile};
    use super::*;

    #[test]
    fn every_kind_is_shown_in_srgb_with_its_own_opacity() {
        let space = ColourSpace::described_by(&with_profile(&display_p3()));
        let pixel = [200u16, 90, 70, 130].map(|level| level * 257);
        let deep = DynamicImage::ImageRgba16(ImageBuffer::from_pixel(5, 3, Rgba(pixel)));
        for pixels in [
            deep.to_rgba8().into(),
            deep.to_rgba32f().into(),
            deep.clone(),
        ] {
            assert!(
                space
                    .shown(pixels)
                    .pixels()
                    .all(|pixel| pixel.0 == [216, 81, 62, 130])
            );
        }
        let opaque = space.shown(deep.to_rgb8().into());
        assert_eq!(opaque.get_pixel(4, 2).0, [216, 81, 62, 255]);
        // The curve is that of sRGB, so that greys stay.
        let grey = DynamicImage::from(deep.to_luma_alpha8());
        let level = deep.to_luma8().get_pixel(0, 0)[0];
        assert_eq!(
            space.shown(grey).get_pixel(0, 0).0,
            [level, level, level, 130]
        );
        let beyond = DynamicImage::from(image::RgbImage::from_pixel(2, 2, image::Rgb([255, 0, 0])));
        assert_eq!(space.shown(beyond).get_pixel(1, 1).0, [255, 0, 0, 255]);
    }

    #[test]
    fn a_row_is_shown_from_where_it_is_asked_for() {
        let space = ColourSpace::described_by(&with_profile(&display_p3()));
        let pixels = DynamicImage::from(image::GrayImage::from_fn(5, 2, |x, y| {
            image::Luma([(100 * y + 10 * x) as u8])
        }));
        let mut row = [[7; 4]; 4];
        space.show_row(&pixels, 1, 3, &mut row);
        assert_eq!(
            row,
            [[130, 130, 130, 255], [140, 140, 140, 255], [7; 4], [7; 4]]
        );
        space.show_row(&pixels, 2, 0, &mut row);
        space.show_row(&pixels, 0, 9, &mut row);
        assert_eq!(row[2..], [[7; 4], [7; 4]]);
        assert!(space.shown(DynamicImage::new_rgb8(0, 0)).is_empty());
    }
}
