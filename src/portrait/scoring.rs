//! What the chin classifier looks at: the lower part of the picture, from a little above the neck down,
//! everything else black.

use image::imageops;
use image::{GrayImage, RgbImage};

use super::masks::simple_neck_mask;
use super::pillow::{resize_bilinear, resize_bilinear_grey};

/// Side of the classifier's picture, in pixels.
pub const SCORER_SIZE: u32 = 256;

/// The classifier's picture before it is masked: the middle square, at 256 px.
pub fn scorer_crop(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let side = width.min(height);
    let (left, top) = ((width - side) / 2, (height - side) / 2);
    let square = imageops::crop_imm(picture, left, top, side, side).to_image();
    resize_bilinear(&square, SCORER_SIZE, SCORER_SIZE)
}

/// The part of it that the classifier looks at, 255 there: [`simple_neck_mask`] of the label map, at
/// 256 px, grown by what the antialiasing touches. Empty where the map has no neck.
pub fn scorer_mask(labels: &GrayImage) -> GrayImage {
    let mut mask = resize_bilinear_grey(&simple_neck_mask(labels), SCORER_SIZE, SCORER_SIZE);
    for pixel in mask.iter_mut().filter(|pixel| **pixel > 0) {
        *pixel = 255;
    }
    mask
}

/// The picture that the classifier gets, 256 px, from a picture and its label map. Without a neck it
/// is black.
pub fn scorer_picture(picture: &RgbImage, labels: &GrayImage) -> RgbImage {
    let mut crop = scorer_crop(picture);
    for (pixel, mask) in crop.pixels_mut().zip(scorer_mask(labels).pixels()) {
        if mask[0] == 0 {
            pixel.0 = [0; 3];
        }
    }
    crop
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;

    #[test]
    fn what_lies_above_the_neck_is_black() {
        let picture = RgbImage::from_pixel(600, 400, Rgb([200, 100, 50]));
        let labels = GrayImage::from_fn(512, 512, |x, y| {
            let is_neck = (200..300).contains(&x) && (400..440).contains(&y);
            Luma([if is_neck { 14 } else { 1 }])
        });
        let scored = scorer_picture(&picture, &labels);
        assert_eq!(scored.dimensions(), (256, 256));
        // From 419 − 39 · 1.3 / 2 = 394 of 512, and one row more by the antialiasing.
        assert_eq!(scored.get_pixel(0, 190).0, [0; 3]);
        assert_eq!(scored.get_pixel(0, 200).0, [200, 100, 50]);
        assert_eq!(scored.get_pixel(255, 255).0, [200, 100, 50]);
    }

    #[test]
    fn without_a_neck_everything_is_black() {
        let picture = RgbImage::from_pixel(300, 300, Rgb([200, 100, 50]));
        let scored = scorer_picture(&picture, &GrayImage::new(512, 512));
        assert!(scored.iter().all(|level| *level == 0));
    }
}
