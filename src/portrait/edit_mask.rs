//! The mask under which an edit is pasted, in Jawline's own way.
//!
//! The published mask reaches a good way over collar, hair and background, and takes whatever the
//! edited picture shows there; that works as long as the generator draws the photo's collar. Ours is
//! confined to pixels that are skin in *both* pictures: cloth and hair stay the photo's own, and where
//! the edited neck is narrower than the photo's, the photo's flank stays too.

use std::sync::Arc;

use image::GrayImage;
use serde::{Deserialize, Serialize};

use super::masks::{enlarge, mask_of, neck_mask_to_jaw, soft_neck_mask};
use super::morphology::{box_blur, dilate, without_small_components};
use super::strokes::Stroke;
use super::{Error, same_size};
use crate::geometry::Landmarks;

/// Over how many pixels the mask fades out towards the border of the crop.
const FADE_PX: u32 = 64;
/// Labels of skin: face, nose, neck.
const SKIN_LABELS: [u8; 3] = [1, 10, 14];
/// Islands of the mask with fewer pixels (of the crop) are left out.
const LEAST_PIXELS: usize = 1500;
/// When less than this part of the photo's neck is skin in the edited picture as well, its parsing is
/// not trusted, and the published mask serves.
const LEAST_SHARED: f64 = 0.35;

/// The shape of the mask. Pixels are those of the crop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskSettings {
    /// How far the mask reaches beyond the jaw line into the face; negative stays below it.
    pub growth_px: i32,
    /// How wide the mask's soft edge is.
    pub feather_px: u32,
}

impl Default for MaskSettings {
    /// As in the published mask, for a 1024-px crop.
    fn default() -> Self {
        Self {
            growth_px: 15,
            feather_px: 25,
        }
    }
}

/// Where pixels of a label map are skin, enlarged to a crop of `size` by `size`: 255 on skin.
///
/// # Errors
/// [`Error::UnusableSize`] for `size`.
pub fn skin_mask(labels: &GrayImage, size: u32) -> Result<GrayImage, Error> {
    let skin = mask_of(labels, |label| SKIN_LABELS.contains(&label));
    enlarge(&skin, size)
}

/// The soft mask for an edit: the photo's neck up to the jaw line, as far as it is skin in the photo
/// and in the edited picture. `skin_after` is the [`skin_mask`] of the edited picture as it will be
/// pasted. Landmarks are in pixels of the label map. The strokes are drawn last, in their order.
///
/// # Errors
/// [`Error::NotSquare`] or [`Error::Size`] when label map and mask do not fit.
pub fn edit_mask(
    labels_before: &GrayImage,
    landmarks: &Landmarks,
    skin_after: &GrayImage,
    settings: MaskSettings,
    strokes: &[Arc<Stroke>],
) -> Result<GrayImage, Error> {
    let size = skin_after.width();
    let neck = enlarge(&neck_mask_to_jaw(labels_before, landmarks, 0)?, size)?;
    let skin_before = skin_mask(labels_before, size)?;
    same_size(
        "mask of the edited skin",
        skin_after.dimensions(),
        skin_before.dimensions(),
    )?;
    let both = both(&skin_before, skin_after);
    let mut mask = if count(&self::both(&neck, &both)) < LEAST_SHARED * count(&neck) {
        soft_neck_mask(labels_before, landmarks, size)?
    } else {
        // Half an edge inside the skin, so that the mask has faded out where the skin ends.
        let feather_px = settings.feather_px.max(1);
        let inside = inverted(&dilate(&inverted(&both), feather_px));
        let region = self::both(&grown(&neck, settings.growth_px), &inside);
        box_blur(&without_small_components(&region, LEAST_PIXELS), feather_px)
    };
    for stroke in strokes {
        stroke.draw(&mut mask);
    }
    fade_at_border(&mut mask);
    Ok(mask)
}

/// Lets the mask end before the crop does: the neck goes on below it, in the photo.
fn fade_at_border(mask: &mut GrayImage) {
    let (width, height) = mask.dimensions();
    for (x, y, value) in mask.enumerate_pixels_mut() {
        let distance_px = x.min(y).min(width - 1 - x).min(height - 1 - y);
        if distance_px < FADE_PX {
            let t = distance_px as f32 / FADE_PX as f32;
            let smooth_step = t * t * (3.0 - 2.0 * t);
            value[0] = (f32::from(value[0]) * smooth_step).round() as u8;
        }
    }
}

/// The mask grown by so many pixels, or shrunk where negative.
fn grown(mask: &GrayImage, by_px: i32) -> GrayImage {
    match by_px {
        0 => mask.clone(),
        1.. => dilate(mask, by_px.unsigned_abs()),
        _ => inverted(&dilate(&inverted(mask), by_px.unsigned_abs())),
    }
}

/// 255 where both masks are at least half.
fn both(a: &GrayImage, b: &GrayImage) -> GrayImage {
    let mut result = a.clone();
    for (value, other) in result.iter_mut().zip(b.iter()) {
        *value = if *value >= 128 && *other >= 128 {
            255
        } else {
            0
        };
    }
    result
}

fn inverted(mask: &GrayImage) -> GrayImage {
    mask_of(mask, |value| value == 0)
}

fn count(mask: &GrayImage) -> f64 {
    mask.iter().filter(|&&value| value >= 128).count() as f64
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;
    use crate::geometry::{Landmarks, Point};

    const SIZE: u32 = 512;

    /// A round face whose jaw line ends at row 350, a neck of the columns 180–330 below it, cloth from
    /// row 440 on.
    fn portrait() -> (GrayImage, Landmarks) {
        let points = std::array::from_fn(|index| match index {
            0..17 => {
                let angle = std::f64::consts::PI * (1.0 - index as f64 / 16.0);
                Point::new(256.0 + 120.0 * angle.cos(), 230.0 + 120.0 * angle.sin())
            }
            _ => Point::new(256.0, 200.0 + index as f64),
        });
        let labels = GrayImage::from_fn(SIZE, SIZE, |x, y| {
            let (dx, dy) = (f64::from(x) - 256.0, f64::from(y) - 230.0);
            Luma([if dx.hypot(dy) < 120.0 {
                1
            } else if (180..330).contains(&x) && (230..440).contains(&y) {
                14
            } else if y >= 440 {
                16
            } else {
                0
            }])
        });
        (labels, Landmarks::new(points).unwrap())
    }

    #[test]
    fn cloth_and_background_are_never_under_the_mask() {
        let (labels, landmarks) = portrait();
        let skin = skin_mask(&labels, 1024).unwrap();
        let mask = edit_mask(&labels, &landmarks, &skin, MaskSettings::default(), &[]).unwrap();
        assert_eq!(
            mask.get_pixel(512, 780)[0],
            255,
            "the middle of the neck is"
        );
        for (x, y, value) in mask.enumerate_pixels() {
            let label = labels.get_pixel(x / 2, y / 2)[0];
            // One level may be left of the blur at the very edge.
            assert!(
                value[0] <= 12 || [1, 14].contains(&label),
                "{x} {y} {label} {}",
                value[0]
            );
        }
    }

    #[test]
    fn where_the_edited_neck_is_narrower_the_photo_stays() {
        let (labels, landmarks) = portrait();
        let mut narrower = labels.clone();
        for (x, _, label) in narrower.enumerate_pixels_mut() {
            if label[0] == 14 && !(210..300).contains(&x) {
                *label = Luma([0]);
            }
        }
        let skin = skin_mask(&narrower, 1024).unwrap();
        let mask = edit_mask(&labels, &landmarks, &skin, MaskSettings::default(), &[]).unwrap();
        assert!(mask.get_pixel(400, 800)[0] < 12);
        assert_eq!(mask.get_pixel(512, 800)[0], 255);
    }

    #[test]
    fn an_edited_picture_without_skin_is_not_trusted() {
        let (labels, landmarks) = portrait();
        let nothing = GrayImage::new(1024, 1024);
        let mask = edit_mask(&labels, &landmarks, &nothing, MaskSettings::default(), &[]).unwrap();
        assert_eq!(mask, soft_neck_mask(&labels, &landmarks, 1024).unwrap());
    }

    #[test]
    fn a_neck_that_leaves_the_crop_fades_out_before() {
        let (mut labels, landmarks) = portrait();
        for (_, y, label) in labels.enumerate_pixels_mut() {
            if y >= 300 {
                *label = Luma([14]);
            }
        }
        let mask = edit_mask(
            &labels,
            &landmarks,
            &skin_mask(&labels, 1024).unwrap(),
            MaskSettings::default(),
            &[],
        )
        .unwrap();
        let column: Vec<u8> = (900..1024).map(|y| mask.get_pixel(512, y)[0]).collect();
        assert_eq!((column[0], column[123]), (255, 0));
        assert!(
            column
                .windows(2)
                .all(|pair| pair[0] >= pair[1] && pair[0] - pair[1] < 8),
            "{column:?}"
        );
    }
}
