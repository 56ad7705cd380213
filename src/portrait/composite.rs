//! Mixing the edited crop into the photo's crop under a mask.

use image::{GrayImage, Rgb32FImage, RgbImage};

use super::grey::{is_grey, luminance};
use super::{Error, same_size};

/// `crop + mask · (edited − crop)`: where the mask is 0, or where both pictures agree, the crop's
/// values stay as they are, to the bit. Where the crop is [grey](super::grey), the difference is
/// reduced to its luminance, as when it is pasted.
///
/// # Errors
/// [`Error::Size`] when the three pictures differ in size.
pub fn composite(
    crop: &Rgb32FImage,
    edited: &Rgb32FImage,
    mask: &GrayImage,
) -> Result<Rgb32FImage, Error> {
    same_size("edited crop", edited.dimensions(), crop.dimensions())?;
    same_size("mask", mask.dimensions(), crop.dimensions())?;
    let is_grey = is_grey(crop);
    let mut mixed = crop.clone();
    for ((mixed, edited), opacity) in mixed.pixels_mut().zip(edited.pixels()).zip(mask.iter()) {
        let opacity = f32::from(*opacity) / 255.0;
        let mut difference = std::array::from_fn(|i| edited[i] - mixed[i]);
        if is_grey {
            difference = [luminance(difference); 3];
        }
        for (mixed, difference) in mixed.0.iter_mut().zip(difference) {
            *mixed += opacity * difference;
        }
    }
    Ok(mixed)
}

/// The reference's composite of 8-bit pictures:
/// `edited · mask / 255 + crop · (1 − mask / 255)`, rounded to nearest, a tie to even.
///
/// # Errors
/// [`Error::Size`] when the three pictures differ in size.
pub fn composite_reference(
    crop: &RgbImage,
    edited: &RgbImage,
    mask: &GrayImage,
) -> Result<RgbImage, Error> {
    same_size("edited crop", edited.dimensions(), crop.dimensions())?;
    same_size("mask", mask.dimensions(), crop.dimensions())?;
    let mut mixed = crop.clone();
    for ((mixed, edited), opacity) in mixed.pixels_mut().zip(edited.pixels()).zip(mask.iter()) {
        let opacity = f64::from(*opacity) / 255.0;
        for (mixed, edited) in mixed.0.iter_mut().zip(edited.0) {
            let exact = f64::from(edited) * opacity + f64::from(*mixed) * (1.0 - opacity);
            *mixed = exact.round_ties_even() as u8;
        }
    }
    Ok(mixed)
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;

    #[test]
    fn the_mask_decides() {
        let crop = Rgb32FImage::from_pixel(3, 1, Rgb([0.1, 0.2, 0.3]));
        let edited = Rgb32FImage::from_pixel(3, 1, Rgb([0.9, 0.2, 0.1]));
        let mask = GrayImage::from_fn(3, 1, |x, _| Luma([[0, 255, 51][x as usize]]));
        let mixed = composite(&crop, &edited, &mask).unwrap();
        assert_eq!(mixed.get_pixel(0, 0), crop.get_pixel(0, 0));
        for (mixed, expected) in mixed.get_pixel(1, 0).0.into_iter().zip([0.9, 0.2, 0.1]) {
            assert!((mixed - expected).abs() < 1e-6);
        }
        for (mixed, expected) in mixed.get_pixel(2, 0).0.into_iter().zip([0.26, 0.2, 0.26]) {
            assert!((mixed - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_grey_crop_stays_grey() {
        let crop = Rgb32FImage::from_fn(40, 1, |x, _| Rgb([x as f32 / 80.0; 3]));
        let edited = Rgb32FImage::from_pixel(40, 1, Rgb([0.9, 0.5, 0.1]));
        let mask = GrayImage::from_pixel(40, 1, Luma([200]));
        let mixed = composite(&crop, &edited, &mask).unwrap();
        assert!(
            mixed
                .pixels()
                .all(|mixed| mixed[0] == mixed[1] && mixed[1] == mixed[2])
        );
        assert!(
            mixed
                .pixels()
                .zip(crop.pixels())
                .all(|(mixed, crop)| mixed[0] > crop[0] + 0.01)
        );
    }

    #[test]
    fn other_sizes_are_refused() {
        let crop = Rgb32FImage::new(3, 3);
        let error = composite(&crop, &crop, &GrayImage::new(2, 3)).unwrap_err();
        assert_eq!(
            error,
            Error::Size {
                what: "mask",
                got: (2, 3),
                needed: (3, 3)
            }
        );
    }
}
