//! Alignment step by step as the FFHQ tool does it, whole pixels and 8-bit pictures in between.

#![expect(
    clippy::indexing_slicing,
    reason = "channels are counted by arrays of three"
)]

use image::{DynamicImage, Rgb, RgbImage, imageops};
use rayon::prelude::*;

use super::padding::{Margins, pad};
use super::{Alignment, blur_sigma, border, check_size};
use crate::geometry::{Affine, Landmarks, PixelRect, Point, Quad};
use crate::photo::resize::resize_levels;
use crate::portrait::Error;
use crate::portrait::smooth::gaussian;

/// A face as the FFHQ tool cuts it out.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceCrop {
    /// The crop.
    pub picture: RgbImage,
    /// Where it lies in the photo.
    pub alignment: Alignment,
    /// The map from the crop's pixels to the photo's.
    pub photo_from_crop: Affine,
    /// The photo after shrinking, cropping and padding, from which the crop was drawn.
    pub prepared: RgbImage,
    /// The quad in the prepared picture.
    pub quad_in_prepared: Quad,
}

/// Cuts out a face exactly as the reference: shrinks the photo by a whole factor, crops, pads,
/// draws the square bilinearly at `transform_size` and reduces it to `size` with a Lanczos filter.
///
/// # Errors
/// As [`super::align`].
pub fn align_reference(
    photo: &RgbImage,
    landmarks: &Landmarks,
    size: u32,
    transform_size: u32,
) -> Result<ReferenceCrop, Error> {
    check_size("size of the crop", size)?;
    check_size("size of the transform", transform_size)?;
    let alignment = Alignment::from_landmarks(landmarks, photo.dimensions())?;
    let photo_from_crop = alignment.photo_from_crop(size);
    let Alignment {
        mut quad,
        mut quad_size,
    } = alignment;
    let mut prepared = photo.clone();

    let shrink = (quad_size / f64::from(size) * 0.5).floor();
    if shrink > 1.0 {
        let shrunk = |length: u32| ((f64::from(length) / shrink).round_ties_even() as u32).max(1);
        prepared = resize_levels(&prepared, shrunk(photo.width()), shrunk(photo.height()));
        // The tool scales about (0, 0) rather than about the picture's corner.
        quad = quad.mapped(&Affine::scaling(shrink.recip()));
        quad_size /= shrink;
    }

    let (width, height) = prepared.dimensions();
    let block = block_around(&quad, border(quad_size), width, height).ok_or(Error::FaceSize {
        quad_size: alignment.quad_size,
        photo: photo.dimensions(),
    })?;
    prepared =
        imageops::crop_imm(&prepared, block.x, block.y, block.width, block.height).to_image();
    let to_block = Point::new(-f64::from(block.x), -f64::from(block.y));
    quad = quad.mapped(&Affine::translation(to_block));

    if let Some(margins) = Margins::around(&quad, quad_size, prepared.dimensions()) {
        let float = DynamicImage::ImageRgb8(prepared).into_rgb32f();
        let padded = pad(&float, margins, |picture| {
            gaussian(picture, blur_sigma(quad_size))
        });
        prepared = DynamicImage::ImageRgb32F(padded).into_rgb8();
        quad = quad.mapped(&Affine::translation(margins.offset()));
    }

    let mut picture = transform(&prepared, &quad.from_square(transform_size), transform_size);
    if size < transform_size {
        picture = resize_levels(&picture, size, size);
    }
    Ok(ReferenceCrop {
        picture,
        alignment,
        photo_from_crop,
        prepared,
        quad_in_prepared: quad,
    })
}

/// The quad and a border around it, in whole pixels, as far as the picture reaches.
fn block_around(quad: &Quad, border: f64, width: u32, height: u32) -> Option<PixelRect> {
    let bounds = quad.bounds();
    let start = |edge: f64| (edge.floor() - border).max(0.0) as u32;
    let end = |edge: f64, length: u32| ((edge.ceil() + border).max(0.0) as u32).min(length);
    let (x, y) = (start(bounds.left), start(bounds.top));
    let (x_end, y_end) = (end(bounds.right, width), end(bounds.bottom, height));
    (x < x_end && y < y_end).then(|| PixelRect {
        x,
        y,
        width: x_end - x,
        height: y_end - y,
    })
}

/// Pillow's bilinear transform of 8-bit pictures: colours are cut to whole levels, beyond the
/// picture it is black.
fn transform(source: &RgbImage, source_from_target: &Affine, size: u32) -> RgbImage {
    let (width, height) = (f64::from(source.width()), f64::from(source.height()));
    let mut target = RgbImage::new(size, size);
    target
        .par_chunks_exact_mut(size as usize * 3)
        .enumerate()
        .for_each(|(y, row)| {
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                let point = source_from_target.apply(Point::new(x as f64, y as f64));
                let inside = (-0.5..width - 0.5).contains(&point.x)
                    && (-0.5..height - 0.5).contains(&point.y);
                if inside {
                    pixel.copy_from_slice(&bilinear(source, point).0);
                }
            }
        });
    target
}

fn bilinear(source: &RgbImage, point: Point) -> Rgb<u8> {
    let (left, top) = (point.x.floor(), point.y.floor());
    let (u, v) = (point.x - left, point.y - top);
    let (last_x, last_y) = (
        f64::from(source.width() - 1),
        f64::from(source.height() - 1),
    );
    let pixel = |x: f64, y: f64| {
        let (x, y) = (x.clamp(0.0, last_x) as u32, y.clamp(0.0, last_y) as u32);
        source.get_pixel(x, y).0.map(f64::from)
    };
    let [a, b] = [pixel(left, top), pixel(left + 1.0, top)];
    let [c, d] = [pixel(left, top + 1.0), pixel(left + 1.0, top + 1.0)];
    Rgb(std::array::from_fn(|i| {
        let (upper, lower) = (a[i] + u * (b[i] - a[i]), c[i] + u * (d[i] - c[i]));
        (upper + v * (lower - upper)) as u8
    }))
}
