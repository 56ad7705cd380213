//! Pasting the change of a crop back into the full-resolution photo.
//!
//! What is carried over is not the edited crop but its *difference* to the unedited crop, drawn at
//! the photo's density and added under the mask. The photo keeps its own grain and detail, which
//! the crop may never have had; where the edit changes nothing, and wherever the mask is 0, the
//! photo's samples stay as they are, to the bit.

use image::{DynamicImage, GrayImage, Rgb32FImage};
use rayon::prelude::*;

use super::resample::sample_cubic;
use super::{Error, same_size};
use crate::geometry::{Affine, PixelRect, Point, Rect};
use crate::photo::resize::resize_float;

/// A change of a crop. All three pictures have the same size; values are in 0..=1 and 0..=255.
#[derive(Debug, Clone, Copy)]
pub struct CropChange<'a> {
    /// The crop as it was cut out of the photo.
    pub crop: &'a Rgb32FImage,
    /// The crop as it should be, before masking.
    pub edited: &'a Rgb32FImage,
    /// Where it should be so: 0 leaves the photo alone, 255 replaces it.
    pub mask: &'a GrayImage,
}

/// What a paste has touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pasted {
    /// The block of the photo outside of which nothing can have changed; `None` when the mask is
    /// empty or lies outside the photo.
    pub block: Option<PixelRect>,
    /// How many of the photo's pixels lie under the mask.
    pub pixels_under_mask: u64,
}

/// Adds the change to the photo, 8- or 16-bit or float, grey or colour; an alpha channel is left
/// alone.
///
/// A pixel lies under the mask when the mask, interpolated bilinearly at the pixel's centre, is
/// greater than 0. Where the photo is denser than the crop, the change is interpolated
/// bicubically; where it is less dense, the change is reduced with a Lanczos filter first.
///
/// # Errors
/// [`Error::Size`] when the pictures of the change differ in size, [`Error::FlatMap`] when
/// `photo_from_crop` cannot be undone, [`Error::PixelKind`] for an unknown pixel format. The photo is
/// unchanged then.
pub fn paste(
    photo: &mut DynamicImage,
    change: &CropChange<'_>,
    photo_from_crop: &Affine,
) -> Result<Pasted, Error> {
    same_size(
        "edited crop",
        change.edited.dimensions(),
        change.crop.dimensions(),
    )?;
    same_size("mask", change.mask.dimensions(), change.crop.dimensions())?;
    let crop_from_photo = photo_from_crop.inverse().ok_or(Error::FlatMap)?;
    let block = mask_bounds(change.mask).and_then(|bounds| {
        // A bilinear sample reaches up to one pixel beyond the mask's own pixels.
        let corners = bounds
            .inflated(1.0)
            .corners()
            .map(|corner| photo_from_crop.apply(corner));
        Rect::around(&corners).pixels(photo.width(), photo.height())
    });
    let Some(block) = block else {
        return Ok(Pasted {
            block: None,
            pixels_under_mask: 0,
        });
    };
    let (change, width) = (Prepared::new(change, crop_from_photo), photo.width());
    let pixels_under_mask = match photo {
        DynamicImage::ImageLuma8(p) => change.add::<u8, 1>(p, width, block),
        DynamicImage::ImageLumaA8(p) => change.add::<u8, 2>(p, width, block),
        DynamicImage::ImageRgb8(p) => change.add::<u8, 3>(p, width, block),
        DynamicImage::ImageRgba8(p) => change.add::<u8, 4>(p, width, block),
        DynamicImage::ImageLuma16(p) => change.add::<u16, 1>(p, width, block),
        DynamicImage::ImageLumaA16(p) => change.add::<u16, 2>(p, width, block),
        DynamicImage::ImageRgb16(p) => change.add::<u16, 3>(p, width, block),
        DynamicImage::ImageRgba16(p) => change.add::<u16, 4>(p, width, block),
        DynamicImage::ImageRgb32F(p) => change.add::<f32, 3>(p, width, block),
        DynamicImage::ImageRgba32F(p) => change.add::<f32, 4>(p, width, block),
        other => {
            return Err(Error::PixelKind {
                kind: format!("{:?}", other.color()),
            });
        }
    };
    Ok(Pasted {
        block: Some(block),
        pixels_under_mask,
    })
}

/// One channel's value of a photo.
trait Sample: Copy + Send + Sync {
    /// The value after adding `difference`, for which 1 is the whole range.
    fn shifted(self, difference: f32) -> Self;
}

impl Sample for u8 {
    fn shifted(self, difference: f32) -> Self {
        (f32::from(self) + difference * 255.0).round() as Self
    }
}

impl Sample for u16 {
    fn shifted(self, difference: f32) -> Self {
        (f32::from(self) + difference * 65535.0).round() as Self
    }
}

impl Sample for f32 {
    fn shifted(self, difference: f32) -> Self {
        self + difference
    }
}

/// The change, ready to be sampled at the photo's density.
struct Prepared<'a> {
    mask: &'a GrayImage,
    mask_from_photo: Affine,
    /// Edited minus unedited crop, with the mask's opacity at that density.
    difference: Rgb32FImage,
    opacity: Option<Rgb32FImage>,
    difference_from_photo: Affine,
}

impl<'a> Prepared<'a> {
    fn new(change: &CropChange<'a>, crop_from_photo: Affine) -> Self {
        let mut difference = change.edited.clone();
        difference
            .iter_mut()
            .zip(change.crop.iter())
            .for_each(|(edited, crop)| *edited -= crop);
        let size = difference.dimensions();
        let scale = crop_from_photo.scale();
        let mut prepared = Self {
            mask: change.mask,
            mask_from_photo: crop_from_photo,
            difference,
            opacity: None,
            difference_from_photo: crop_from_photo,
        };
        if scale > 1.0 {
            let reduced = |length: u32| ((f64::from(length) / scale).round() as u32).max(1);
            let reduced = (reduced(size.0), reduced(size.1));
            let opacity = DynamicImage::ImageLuma8(change.mask.clone()).into_rgb32f();
            prepared.difference = resize_float(&prepared.difference, reduced.0, reduced.1);
            prepared.opacity = Some(resize_float(&opacity, reduced.0, reduced.1));
            prepared.difference_from_photo =
                Affine::resize_between(size, reduced) * crop_from_photo;
        }
        prepared
    }

    /// Adds the change to interleaved samples of `CHANNELS` channels and counts the pixels.
    fn add<T: Sample, const CHANNELS: usize>(
        &self,
        samples: &mut [T],
        width: u32,
        block: PixelRect,
    ) -> u64 {
        let row_length = width as usize * CHANNELS;
        let rows = &mut samples[block.y as usize * row_length..];
        let rows = rows
            .par_chunks_exact_mut(row_length)
            .zip(block.rows().into_par_iter());
        rows.map(|(row, y)| {
            let first = block.x as usize * CHANNELS;
            let pixels = row[first..].chunks_exact_mut(CHANNELS).zip(block.columns());
            let mut count = 0;
            for (pixel, x) in pixels {
                let Some(difference) = self.at(Point::new(f64::from(x), f64::from(y))) else {
                    continue;
                };
                count += 1;
                let [red, green, blue] = difference;
                if CHANNELS < 3 {
                    // Grey photos take the change of luminance (ITU-R BT.709).
                    let luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
                    pixel[0] = pixel[0].shifted(luminance);
                } else {
                    for (sample, difference) in pixel.iter_mut().zip(difference) {
                        *sample = sample.shifted(difference);
                    }
                }
            }
            count
        })
        .sum()
    }

    /// What to add at a point of the photo, or `None` outside the mask.
    fn at(&self, point: Point) -> Option<[f32; 3]> {
        let opacity = sample_mask(self.mask, self.mask_from_photo.apply(point));
        if opacity <= 0.0 {
            return None;
        }
        let point = self.difference_from_photo.apply(point);
        let opacity = match &self.opacity {
            Some(reduced) => sample_cubic(reduced, point)[0].clamp(0.0, 1.0),
            None => opacity,
        };
        Some(sample_cubic(&self.difference, point).map(|difference| opacity * difference))
    }
}

/// The mask at a point, 0..=1, interpolated bilinearly; 0 beyond its border.
fn sample_mask(mask: &GrayImage, point: Point) -> f32 {
    let (left, top) = (point.x.floor(), point.y.floor());
    let (u, v) = ((point.x - left) as f32, (point.y - top) as f32);
    let (width, height) = (i64::from(mask.width()), i64::from(mask.height()));
    let (left, top) = (left as i64, top as i64);
    if left < -1 || top < -1 || left >= width || top >= height {
        return 0.0;
    }
    let pixel = |x: i64, y: i64| match (0..width).contains(&x) && (0..height).contains(&y) {
        true => f32::from(mask.get_pixel(x as u32, y as u32)[0]) / 255.0,
        false => 0.0,
    };
    let upper = (1.0 - u) * pixel(left, top) + u * pixel(left + 1, top);
    let lower = (1.0 - u) * pixel(left, top + 1) + u * pixel(left + 1, top + 1);
    (1.0 - v) * upper + v * lower
}

/// The rectangle around the centres of all mask pixels that are not 0.
fn mask_bounds(mask: &GrayImage) -> Option<Rect> {
    let width = mask.width().max(1) as usize;
    let mut bounds = Rect::around(&[]);
    for (row, y) in mask.as_raw().chunks_exact(width).zip(0u32..) {
        if let (Some(first), Some(last)) = (
            row.iter().position(|value| *value > 0),
            row.iter().rposition(|value| *value > 0),
        ) {
            bounds.left = bounds.left.min(first as f64);
            bounds.right = bounds.right.max(last as f64);
            bounds.top = bounds.top.min(f64::from(y));
            bounds.bottom = f64::from(y);
        }
    }
    (bounds.left <= bounds.right).then_some(bounds)
}

#[cfg(test)]
mod tests {
    use image::{ColorType, Luma, Rgb};
    use proptest::prelude::*;

    use super::*;

    const KINDS: [ColorType; 10] = [
        ColorType::L8,
        ColorType::La8,
        ColorType::Rgb8,
        ColorType::Rgba8,
        ColorType::L16,
        ColorType::La16,
        ColorType::Rgb16,
        ColorType::Rgba16,
        ColorType::Rgb32F,
        ColorType::Rgba32F,
    ];

    /// Any picture of the given kind.
    fn noise(kind: ColorType, width: u32, height: u32) -> DynamicImage {
        let rgba = image::ImageBuffer::from_fn(width, height, |x, y| {
            let value = |salt: u32| {
                let mixed = (x * 7919 + y * 104_729 + salt * 1_299_709).wrapping_mul(2_654_435_761);
                (mixed >> 16) as u16
            };
            image::Rgba([value(1), value(2), value(3), value(4)])
        });
        let rgba = DynamicImage::ImageRgba16(rgba);
        match kind {
            ColorType::L8 => rgba.into_luma8().into(),
            ColorType::La8 => rgba.into_luma_alpha8().into(),
            ColorType::Rgb8 => rgba.into_rgb8().into(),
            ColorType::Rgba8 => rgba.into_rgba8().into(),
            ColorType::L16 => rgba.into_luma16().into(),
            ColorType::La16 => rgba.into_luma_alpha16().into(),
            ColorType::Rgb16 => rgba.into_rgb16().into(),
            ColorType::Rgb32F => rgba.into_rgb32f().into(),
            ColorType::Rgba32F => rgba.into_rgba32f().into(),
            _ => rgba,
        }
    }

    fn pixel_bytes(picture: &DynamicImage, x: u32, y: u32) -> &[u8] {
        let size = usize::from(picture.color().bytes_per_pixel());
        let start = (y as usize * picture.width() as usize + x as usize) * size;
        &picture.as_bytes()[start..start + size]
    }

    /// A round soft mask in the middle of a crop.
    fn round_mask(size: u32) -> GrayImage {
        GrayImage::from_fn(size, size, |x, y| {
            let centre = f64::from(size) / 2.0;
            let distance = (f64::from(x) - centre).hypot(f64::from(y) - centre);
            Luma([(255.0 * (1.5 - 5.0 * distance / f64::from(size)).clamp(0.0, 1.0)) as u8])
        })
    }

    fn turned(scale: f64, angle: f64, origin: Point) -> Affine {
        let x_axis = Point::new(angle.cos(), angle.sin()) * scale;
        Affine::from_frame(origin, x_axis, x_axis.perpendicular())
    }

    proptest! {
        #[test]
        fn nothing_changes_outside_the_mask(
            kind in prop::sample::select(&KINDS),
            scale in 0.2..3.0f64,
            angle in -3.2..3.2f64,
            (x, y) in (-20.0..90.0f64, -20.0..90.0f64),
        ) {
            let photo = noise(kind, 90, 70);
            let crop = Rgb32FImage::from_pixel(32, 32, Rgb([0.2; 3]));
            let edited = Rgb32FImage::from_pixel(32, 32, Rgb([0.6, 0.9, 0.1]));
            let mask = round_mask(32);
            let photo_from_crop = turned(scale, angle, Point::new(x, y));
            let crop_from_photo = photo_from_crop.inverse().unwrap();

            let mut pasted = photo.clone();
            let change = CropChange { crop: &crop, edited: &edited, mask: &mask };
            let report = paste(&mut pasted, &change, &photo_from_crop).unwrap();

            let mut under_mask = 0;
            for (x, y) in (0..70).flat_map(|y| (0..90).map(move |x| (x, y))) {
                let in_crop = crop_from_photo.apply(Point::new(f64::from(x), f64::from(y)));
                if sample_mask(&mask, in_crop) > 0.0 {
                    under_mask += 1;
                } else {
                    prop_assert_eq!(pixel_bytes(&photo, x, y), pixel_bytes(&pasted, x, y));
                }
            }
            prop_assert_eq!(report.pixels_under_mask, under_mask);
        }

        #[test]
        fn an_edit_that_changes_nothing_leaves_the_photo_as_it_is(
            kind in prop::sample::select(&KINDS),
            scale in 0.2..3.0f64,
            angle in -3.2..3.2f64,
        ) {
            let photo = noise(kind, 60, 60);
            let crop = noise(ColorType::Rgb32F, 32, 32).into_rgb32f();
            let mut pasted = photo.clone();
            let mask = round_mask(32);
            let change = CropChange { crop: &crop, edited: &crop, mask: &mask };
            paste(&mut pasted, &change, &turned(scale, angle, Point::new(20.0, 20.0))).unwrap();
            prop_assert_eq!(photo, pasted);
        }
    }

    #[test]
    fn the_change_arrives_at_its_place() {
        let crop = Rgb32FImage::from_pixel(32, 32, Rgb([0.25; 3]));
        let edited = Rgb32FImage::from_pixel(32, 32, Rgb([0.75; 3]));
        let mask = round_mask(32);
        let change = CropChange {
            crop: &crop,
            edited: &edited,
            mask: &mask,
        };
        for (kind, scale) in KINDS
            .into_iter()
            .flat_map(|kind| [(kind, 0.5), (kind, 3.0)])
        {
            let grey = Rgb32FImage::from_pixel(100, 100, Rgb([0.25; 3]));
            let mut photo = match kind {
                ColorType::L8 => DynamicImage::ImageRgb32F(grey).into_luma8().into(),
                ColorType::Rgba16 => DynamicImage::ImageRgb32F(grey).into_rgba16().into(),
                _ => DynamicImage::ImageRgb32F(grey),
            };
            let origin = Point::new(5.0, 9.0);
            paste(&mut photo, &change, &turned(scale, 0.0, origin)).unwrap();
            let centre = origin + Point::new(16.0, 16.0) * scale;
            let pixel = photo.to_rgb32f()[(centre.x as u32, centre.y as u32)];
            assert!(
                (pixel[0] - 0.75).abs() < 0.01,
                "{kind:?} at {scale}: {pixel:?}"
            );
        }
    }

    #[test]
    fn flat_maps_and_wrong_sizes_are_refused() {
        let crop = Rgb32FImage::new(8, 8);
        let (mask, small) = (GrayImage::new(8, 8), GrayImage::new(7, 8));
        let mut photo = DynamicImage::new_rgb8(9, 9);
        let change = CropChange {
            crop: &crop,
            edited: &crop,
            mask: &mask,
        };
        let flat = Affine::scaling(0.0);
        assert_eq!(paste(&mut photo, &change, &flat), Err(Error::FlatMap));
        let change = CropChange {
            mask: &small,
            ..change
        };
        assert!(matches!(
            paste(&mut photo, &change, &Affine::IDENTITY),
            Err(Error::Size { .. })
        ));
    }

    #[test]
    fn an_empty_mask_touches_nothing() {
        let crop = Rgb32FImage::new(8, 8);
        let mask = GrayImage::new(8, 8);
        let mut photo = noise(ColorType::Rgb8, 9, 9);
        let change = CropChange {
            crop: &crop,
            edited: &crop,
            mask: &mask,
        };
        let pasted = paste(&mut photo, &change, &Affine::IDENTITY).unwrap();
        assert_eq!(
            pasted,
            Pasted {
                block: None,
                pixels_under_mask: 0
            }
        );
    }
}
