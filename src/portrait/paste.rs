//! Pasting the change of a crop back into the full-resolution photo.
//!
//! What is carried over is not the edited crop but its *difference* to the unedited crop, drawn at
//! the photo's density and added under the mask. The photo keeps its own grain and detail, which
//! the crop may never have had; where the edit changes nothing, and wherever the mask is 0, the
//! photo's samples stay as they are, to the bit.
//!
//! Where the photo is denser than the crop, an outline that the edit removes leaves its finest part
//! behind, the part that the crop was too coarse to show. So where there is a change, the photo's
//! detail beyond the crop is held within the amplitude of its grain.

mod prepared;

use image::{DynamicImage, GrayImage, Rgb32FImage};

use super::{Error, same_size};
use crate::geometry::{Affine, PixelRect, Rect};
use prepared::Prepared;

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
    let Some((change, block)) = place(photo, change, photo_from_crop)? else {
        return Ok(Pasted {
            block: None,
            pixels_under_mask: 0,
        });
    };
    let width = photo.width();
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
        other => return Err(Error::unknown_pixels(other)),
    };
    Ok(Pasted {
        block: Some(block),
        pixels_under_mask,
    })
}

/// The standard deviation of the photo's detail beyond the crop, under the mask, as [`paste`] measures
/// it to hold back outlines that the crop was too coarse to show; 0 where the crop is the denser one.
///
/// # Errors
/// As [`paste`].
pub fn grain(
    photo: &DynamicImage,
    change: &CropChange<'_>,
    photo_from_crop: &Affine,
) -> Result<f32, Error> {
    let Some((change, block)) = place(photo, change, photo_from_crop)? else {
        return Ok(0.0);
    };
    let width = photo.width();
    Ok(match photo {
        DynamicImage::ImageLuma8(p) => change.grain_in::<u8, 1>(p, width, block),
        DynamicImage::ImageLumaA8(p) => change.grain_in::<u8, 2>(p, width, block),
        DynamicImage::ImageRgb8(p) => change.grain_in::<u8, 3>(p, width, block),
        DynamicImage::ImageRgba8(p) => change.grain_in::<u8, 4>(p, width, block),
        DynamicImage::ImageLuma16(p) => change.grain_in::<u16, 1>(p, width, block),
        DynamicImage::ImageLumaA16(p) => change.grain_in::<u16, 2>(p, width, block),
        DynamicImage::ImageRgb16(p) => change.grain_in::<u16, 3>(p, width, block),
        DynamicImage::ImageRgba16(p) => change.grain_in::<u16, 4>(p, width, block),
        DynamicImage::ImageRgb32F(p) => change.grain_in::<f32, 3>(p, width, block),
        DynamicImage::ImageRgba32F(p) => change.grain_in::<f32, 4>(p, width, block),
        other => return Err(Error::unknown_pixels(other)),
    })
}

/// The change ready to be sampled, and the block of the photo that it can reach; `None` when the mask
/// is empty or lies outside the photo.
fn place<'a>(
    photo: &DynamicImage,
    change: &CropChange<'a>,
    photo_from_crop: &Affine,
) -> Result<Option<(Prepared<'a>, PixelRect)>, Error> {
    let size = change.crop.dimensions();
    same_size("edited crop", change.edited.dimensions(), size)?;
    same_size("mask", change.mask.dimensions(), size)?;
    let crop_from_photo = photo_from_crop.inverse().ok_or(Error::FlatMap)?;
    let block = mask_bounds(change.mask).and_then(|bounds| {
        // A bilinear sample reaches up to one pixel beyond the mask's own pixels.
        let corners = bounds
            .inflated(1.0)
            .corners()
            .map(|corner| photo_from_crop.apply(corner));
        Rect::around(&corners).pixels(photo.width(), photo.height())
    });
    Ok(block.map(|block| (Prepared::new(change, crop_from_photo), block)))
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

    use super::prepared::sample_mask;
    use super::*;
    use crate::geometry::Point;

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
