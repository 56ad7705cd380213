//! The photo's own finest detail, for a generated picture.
//!
//! A generator draws skin smoother than a camera sees it: no pores, no stubble, no grain, and a fabric of its
//! own where it has to make some up. What it misses can be measured, since it has drawn the unedited crop as
//! well: photo − inverted. The low frequencies of that are [colour](super::colour); the middle ones are
//! outlines that lie elsewhere, and are let go; the high ones are texture, which belongs to the place and not
//! to the shape, and are added to the edited picture. The generator's own texture is in both of its pictures
//! and cancels out. At edges (the jaw, a fold, a strand of hair) the difference is an outline again, and is
//! faded out.

#![expect(
    clippy::indexing_slicing,
    reason = "channels are counted by arrays of three"
)]

use image::{GrayImage, Luma, Rgb, Rgb32FImage};

use super::grey::luminance;
use super::morphology::box_blur;
use super::smooth::gaussian;
use super::{Error, same_size};

/// What is finer than this standard deviation is texture; in crop sides: 4 px of 1024.
const SIGMA: f64 = 4.0 / 1024.0;
/// A change of luminance over one standard deviation that makes an edge.
const EDGE: f32 = 0.06;
/// How widely edges keep texture away, in pixels of the crop.
const EDGE_BLUR_PX: u32 = 5;

/// What is to be added to an edited crop: the detail of the photo's crop that its inversion lacks. Values are
/// differences, of a value range of 1.
///
/// # Errors
/// [`Error::Size`] when the pictures differ in size.
pub fn missed_detail(
    photo_crop: &Rgb32FImage,
    inverted: &Rgb32FImage,
) -> Result<Rgb32FImage, Error> {
    let size = photo_crop.dimensions();
    same_size("inverted crop", inverted.dimensions(), size)?;
    let sigma_px = SIGMA * f64::from(size.0);
    let coarse_photo = gaussian(photo_crop, sigma_px);
    let coarse_inverted = gaussian(inverted, sigma_px);
    let flat = flatness(&coarse_photo, &coarse_inverted, sigma_px as f32);
    let flat_around = box_blur(&flat, EDGE_BLUR_PX);

    let mut detail = photo_crop.clone();
    let others = inverted
        .pixels()
        .zip(coarse_photo.pixels())
        .zip(coarse_inverted.pixels())
        .zip(flat.iter().zip(flat_around.iter()));
    for (detail, (((inverted, coarse_photo), coarse_inverted), (flat, around))) in
        detail.pixels_mut().zip(others)
    {
        let weight = f32::from(*flat.min(around)) / 255.0;
        let missed = |channel: usize| {
            (detail.0[channel] - coarse_photo.0[channel])
                - (inverted.0[channel] - coarse_inverted.0[channel])
        };
        *detail = Rgb([0, 1, 2].map(|channel| weight * missed(channel)));
    }
    Ok(detail)
}

/// 255 where neither picture has an edge, 0 on edges.
fn flatness(a: &Rgb32FImage, b: &Rgb32FImage, sigma_px: f32) -> GrayImage {
    let (width, height) = a.dimensions();
    GrayImage::from_fn(width, height, |x, y| {
        let slope = slope(a, x, y).max(slope(b, x, y)) * sigma_px;
        Luma([(255.0 * (-(slope / EDGE).powi(2)).exp()).round() as u8])
    })
}

/// The gradient of luminance, per pixel.
fn slope(picture: &Rgb32FImage, x: u32, y: u32) -> f32 {
    let (right, bottom) = (picture.width() - 1, picture.height() - 1);
    let at = |x: u32, y: u32| luminance(picture.get_pixel(x, y).0);
    let along_x = at((x + 1).min(right), y) - at(x.saturating_sub(1), y);
    let along_y = at(x, (y + 1).min(bottom)) - at(x, y.saturating_sub(1));
    0.5 * along_x.hypot(along_y)
}

/// The picture with the detail added. Values may leave 0..=1.
pub fn with_detail(edited: &Rgb32FImage, detail: &Rgb32FImage) -> Rgb32FImage {
    let mut result = edited.clone();
    for (value, detail) in result.iter_mut().zip(detail.iter()) {
        *value += detail;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u32 = 256;

    fn grey(value: impl Fn(u32, u32) -> f32) -> Rgb32FImage {
        Rgb32FImage::from_fn(SIZE, SIZE, |x, y| Rgb([value(x, y); 3]))
    }

    fn stubble(x: u32, y: u32) -> f32 {
        if (x + y).is_multiple_of(2) {
            0.05
        } else {
            -0.05
        }
    }

    fn largest(picture: &Rgb32FImage, is_inside: impl Fn(u32) -> bool) -> f32 {
        let inside = picture.enumerate_pixels().filter(|(x, ..)| is_inside(*x));
        inside
            .map(|(.., pixel)| pixel.0[0].abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn texture_that_the_inversion_lacks_is_found() {
        let photo = grey(|x, y| 0.5 + stubble(x, y));
        let detail = missed_detail(&photo, &grey(|_, _| 0.6)).unwrap();
        let expected = grey(stubble);
        let off = with_detail(&detail, &grey(|x, y| -stubble(x, y)));
        assert!(largest(&off, |_| true) < 0.01 && largest(&expected, |_| true) > 0.04);
    }

    #[test]
    fn what_both_have_and_what_is_smooth_is_no_detail() {
        let photo = grey(|x, y| 0.5 + stubble(x, y) + 0.1 * (x as f32 / SIZE as f32));
        let inverted = grey(|x, y| 0.4 + stubble(x, y));
        let detail = missed_detail(&photo, &inverted).unwrap();
        assert!(largest(&detail, |_| true) < 0.01);
    }

    #[test]
    fn an_outline_is_no_detail() {
        let jaw = grey(|x, _| if x < SIZE / 2 { 0.2 } else { 0.7 });
        let detail = missed_detail(&jaw, &grey(|_, _| 0.45)).unwrap();
        assert!(largest(&detail, |_| true) < 0.02);
    }

    #[test]
    fn pictures_of_two_sizes_are_refused() {
        let small = Rgb32FImage::new(8, 8);
        assert!(matches!(
            missed_detail(&small, &grey(|_, _| 0.0)),
            Err(Error::Size { .. })
        ));
    }
}
