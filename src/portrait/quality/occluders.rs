//! Whether what covers the neck was left alone.

use image::GrayImage;

use super::super::morphology::dilate;
use super::super::{Error, square_side};
use super::EditedCrop;
use crate::portrait::masks::{LABEL_NECK, mask_of};

/// What an edit must not touch: glasses, ears, earrings, mouth, lips, necklace, cloth, hair, hat.
const OCCLUDERS: [u8; 11] = [6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 18];
/// Occluders count when they are this near to the neck, in pixels of a 512-px label map.
const NEAR_PX: u32 = 24;
/// A pixel is unchanged when no channel differs by more than one of 255 levels.
const UNCHANGED: f32 = 1.0 / 255.0 + 1e-6;

/// The share, 0 to 1, of occluders within 24 px (of a 512-px label map) of the neck whose pixels are the
/// same in the composite. `None` where nothing covers the neck, or there is none.
///
/// The labels are those that the mask was made of, so that this sees what mask and edit do to a known
/// occluder, and not one that the parser takes for skin.
///
/// # Errors
/// [`Error::NotSquare`] when the label map is not square.
pub fn share_kept(edit: &EditedCrop<'_>, labels: &GrayImage) -> Result<Option<f64>, Error> {
    let labels_size = u64::from(square_side("label map", labels.dimensions())?);
    let size = u64::from(edit.crop.width());
    let neck = mask_of(labels, |label| label == LABEL_NECK);
    let near = dilate(&neck, 2 * NEAR_PX + 1);
    let in_labels = |at: u32| (u64::from(at) * labels_size / size) as u32;
    let (mut kept, mut all) = (0_usize, 0_usize);
    for ((x, y, before), after) in edit.crop.enumerate_pixels().zip(edit.composite.pixels()) {
        let (column, row) = (in_labels(x), in_labels(y));
        let is_occluder = OCCLUDERS.contains(&labels.get_pixel(column, row)[0]);
        if !is_occluder || near.get_pixel(column, row)[0] == 0 {
            continue;
        }
        let mut channels = before.0.iter().zip(after.0);
        let is_kept = channels.all(|(before, after)| (after - before).abs() <= UNCHANGED);
        kept += usize::from(is_kept);
        all += 1;
    }
    Ok((all > 0).then(|| kept as f64 / all as f64))
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb, Rgb32FImage};

    use super::*;

    /// Neck in the middle of 512 px, cloth from row 300 on, hair in the left quarter.
    fn labels() -> GrayImage {
        GrayImage::from_fn(512, 512, |x, y| {
            Luma([match (x, y) {
                (_, 300..) => 16,
                (0..128, _) => 17,
                (200..300, 200..) => 14,
                _ => 0,
            }])
        })
    }

    fn share(labels: &GrayImage, change: impl Fn(u32, u32) -> f32) -> Option<f64> {
        let crop = Rgb32FImage::from_pixel(512, 512, Rgb([0.5; 3]));
        let composite = Rgb32FImage::from_fn(512, 512, |x, y| Rgb([0.5, 0.5 + change(x, y), 0.5]));
        let mask = GrayImage::new(512, 512);
        let edit = EditedCrop::new(&crop, &composite, &mask).unwrap();
        share_kept(&edit, labels).unwrap()
    }

    #[test]
    fn the_share_is_of_occluders_beside_the_neck() {
        let labels = labels();
        assert_eq!(share(&labels, |_, _| 0.0), Some(1.0));
        assert_eq!(share(&labels, |_, _| 0.9 / 255.0), Some(1.0));
        // Half the collar's rows that are near: 300–311 of 300–323.
        let collar = share(
            &labels,
            |_, y| if (300..312).contains(&y) { 0.1 } else { 0.0 },
        );
        assert_eq!(collar, Some(0.5));
        // Skin, background, and hair far from the neck may change.
        let elsewhere = |_, y| if y < 300 { 0.1 } else { 0.0 };
        assert_eq!(share(&labels, elsewhere), Some(1.0));
    }

    #[test]
    fn a_bare_neck_has_no_share() {
        let bare = GrayImage::from_pixel(512, 512, Luma([14]));
        assert_eq!(share(&bare, |_, _| 0.5), None);
        assert_eq!(
            share(&GrayImage::from_pixel(512, 512, Luma([16])), |_, _| 0.5),
            None
        );
    }
}
