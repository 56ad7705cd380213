//! Whether skin is still skin: how much fine detail is left under the mask.

use super::super::grey::luminance;
use super::super::smooth::gaussian;
use super::{EditedCrop, is_inside};
use image::{GrayImage, Rgb32FImage};

/// What a Gaussian of this standard deviation takes away is detail: pores, stubble, grain.
const SIGMA_PX: f64 = 3.0;

/// How much detail the composite has inside the mask (opacity of a half and more) over how much the crop
/// has there. 1 is as before, less is smoother, more is grainier; 0.9 to 1.1 goes unseen.
///
/// Detail is the standard deviation of the luminance's high pass: the picture less its Gaussian of σ = 3 px
/// (of a 1024-px crop). Sharp edges count too, so that a fold that is gone lowers it, rightly.
///
/// `None` where the mask is empty, or the crop has no detail.
pub fn texture_ratio(edit: &EditedCrop<'_>) -> Option<f64> {
    let sigma_px = SIGMA_PX * edit.scale();
    let before = detail(edit.crop, edit.mask, sigma_px)?;
    let after = detail(edit.composite, edit.mask, sigma_px)?;
    // Below a hundredth of a level there are only rounding errors.
    (before * 255.0 > 0.01).then(|| after / before)
}

/// The standard deviation of the high pass inside the mask.
fn detail(picture: &Rgb32FImage, mask: &GrayImage, sigma_px: f64) -> Option<f64> {
    let smooth = gaussian(picture, sigma_px);
    let pixels = picture.pixels().zip(smooth.pixels()).zip(mask.iter());
    let inside = pixels.filter(|(_, opacity)| is_inside(**opacity));
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for ((sharp, smooth), _) in inside {
        let difference = std::array::from_fn(|channel| sharp[channel] - smooth[channel]);
        let value = f64::from(luminance(difference));
        count += 1.0;
        sum += value;
        squares += value * value;
    }
    let mean = sum / count;
    (count > 0.0).then(|| (squares / count - mean * mean).max(0.0).sqrt())
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;

    /// Light that grows to the right, with stripes one pixel wide of this height on it.
    fn striped(height: f32) -> Rgb32FImage {
        Rgb32FImage::from_fn(256, 256, |x, _| {
            let stripe = if x % 2 == 0 { height } else { -height };
            Rgb([0.3 + 0.001 * x as f32 + stripe; 3])
        })
    }

    fn ratio(crop: &Rgb32FImage, composite: &Rgb32FImage, mask: &GrayImage) -> Option<f64> {
        texture_ratio(&EditedCrop::new(crop, composite, mask).unwrap())
    }

    /// Opaque in the middle, half transparent around it, nothing at the border.
    fn mask() -> GrayImage {
        GrayImage::from_fn(256, 256, |x, y| {
            let distance = x.abs_diff(128).max(y.abs_diff(128));
            Luma([if distance < 60 { 255 } else { 100 }])
        })
    }

    #[test]
    fn half_the_contrast_is_half_the_texture() {
        let ratio = |height| ratio(&striped(0.1), &striped(height), &mask()).unwrap();
        assert!((ratio(0.1) - 1.0).abs() < 1e-6);
        assert!((ratio(0.05) - 0.5).abs() < 0.01, "{}", ratio(0.05));
        assert!((ratio(0.12) - 1.2).abs() < 0.01, "{}", ratio(0.12));
    }

    #[test]
    fn light_and_what_lies_outside_the_mask_do_not_count() {
        let crop = striped(0.1);
        let mask = mask();
        let mut composite = crop.clone();
        for (x, y, pixel) in composite.enumerate_pixels_mut() {
            // Lighter by a slow ramp inside, and flat where the mask is thin.
            let is_far = x.abs_diff(128).max(y.abs_diff(128)) >= 80;
            *pixel = match is_far {
                true => Rgb([0.5; 3]),
                false => Rgb(pixel.0.map(|value| value + 0.0005 * y as f32)),
            };
        }
        let ratio = ratio(&crop, &composite, &mask).unwrap();
        assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
    }

    #[test]
    fn where_there_is_nothing_to_compare_there_is_no_ratio() {
        let (flat, stripes) = (striped(0.0), striped(0.1));
        assert_eq!(ratio(&stripes, &stripes, &GrayImage::new(256, 256)), None);
        let plain = Rgb32FImage::from_pixel(256, 256, Rgb([0.5; 3]));
        assert_eq!(ratio(&plain, &flat, &mask()), None);
    }
}
