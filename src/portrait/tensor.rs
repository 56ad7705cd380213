//! Between pictures and the tensors of networks: `[1, 3, H, W]`, RGB in [-1, 1].

#![expect(
    clippy::indexing_slicing,
    reason = "tensors have the picture's size and three channels"
)]

use image::{GrayImage, Rgb, Rgb32FImage, RgbImage};
use ndarray::{Array4, ArrayView4};

use crate::photo::resize::resize_levels;

/// A picture of a network's tensor: values from [-1, 1] to 0–255, what lies outside is cut off.
pub fn picture_from_tensor(tensor: ArrayView4<'_, f32>) -> RgbImage {
    let (_, _, height, width) = tensor.dim();
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        Rgb([0, 1, 2].map(|channel| {
            let value = tensor[[0, channel, y as usize, x as usize]];
            ((value * 0.5 + 0.5) * 255.0).round().clamp(0.0, 255.0) as u8
        }))
    })
}

/// As [`picture_from_tensor`], in floating point: 0..=1.
pub fn float_picture_from_tensor(tensor: ArrayView4<'_, f32>) -> Rgb32FImage {
    let (_, _, height, width) = tensor.dim();
    Rgb32FImage::from_fn(width as u32, height as u32, |x, y| {
        Rgb([0, 1, 2].map(|channel| {
            let value = tensor[[0, channel, y as usize, x as usize]];
            (value * 0.5 + 0.5).clamp(0.0, 1.0)
        }))
    })
}

/// The tensor of an 8-bit picture.
pub fn tensor_from_picture(picture: &RgbImage) -> Array4<f32> {
    let (width, height) = picture.dimensions();
    Array4::from_shape_fn(
        (1, 3, height as usize, width as usize),
        |(_, channel, y, x)| {
            f32::from(picture.get_pixel(x as u32, y as u32).0[channel]) / 127.5 - 1.0
        },
    )
}

/// The tensor of a picture with values in 0..=1.
pub fn tensor_from_float_picture(picture: &Rgb32FImage) -> Array4<f32> {
    let (width, height) = picture.dimensions();
    Array4::from_shape_fn(
        (1, 3, height as usize, width as usize),
        |(_, channel, y, x)| picture.get_pixel(x as u32, y as u32).0[channel] * 2.0 - 1.0,
    )
}

/// The tensor of a mask, `[1, 1, H, W]`, 0 to 1.
pub fn mask_tensor(mask: &GrayImage) -> Array4<f32> {
    let (width, height) = mask.dimensions();
    Array4::from_shape_fn((1, 1, height as usize, width as usize), |(_, _, y, x)| {
        f32::from(mask.get_pixel(x as u32, y as u32)[0]) / 255.0
    })
}

/// The tensor of a square picture, reduced to `size` px by the mean of each tile when the sides
/// divide, by a Lanczos filter otherwise.
pub fn reduced_tensor(picture: &RgbImage, size: u32) -> Array4<f32> {
    let factor = picture.width() / size.max(1);
    if factor == 0 || picture.dimensions() != (size * factor, size * factor) {
        return tensor_from_picture(&resize_levels(picture, size, size));
    }
    let area = (factor * factor) as f32;
    Array4::from_shape_fn(
        (1, 3, size as usize, size as usize),
        |(_, channel, y, x)| {
            let (left, top) = (x as u32 * factor, y as u32 * factor);
            let sum: f32 = (0..factor)
                .flat_map(|row| (0..factor).map(move |column| (column, row)))
                .map(|(column, row)| {
                    f32::from(picture.get_pixel(left + column, top + row).0[channel])
                })
                .sum();
            sum / area / 127.5 - 1.0
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_survives_the_way_through_a_tensor() {
        let picture = RgbImage::from_fn(16, 8, |x, y| Rgb([(x * 16) as u8, (y * 30) as u8, 255]));
        assert_eq!(
            picture_from_tensor(tensor_from_picture(&picture).view()),
            picture
        );
    }

    #[test]
    fn values_outside_the_range_are_cut_off() {
        let tensor =
            Array4::from_shape_fn((1, 3, 1, 2), |(_, _, _, x)| if x == 0 { -9.0 } else { 9.0 });
        assert_eq!(
            picture_from_tensor(tensor.view()).as_raw(),
            &[0, 0, 0, 255, 255, 255]
        );
    }

    #[test]
    fn a_reduction_by_a_whole_factor_is_the_mean_of_tiles() {
        let picture = RgbImage::from_fn(4, 4, |x, _| {
            if x % 2 == 0 {
                Rgb([0; 3])
            } else {
                Rgb([255; 3])
            }
        });
        assert!(
            reduced_tensor(&picture, 2)
                .iter()
                .all(|value| value.abs() < 1e-6)
        );
    }
}
