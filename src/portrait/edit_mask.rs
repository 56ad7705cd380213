//! The mask under which an edit is pasted, in Jawline's own way.
//!
//! The published mask reaches a good way over collar, hair and background, and takes whatever the
//! edited picture shows there; that works as long as the generator draws the photo's collar. Ours is
//! the neck up to the jaw, times what the parser says is skin, in *both* pictures: cloth, hair and jewellery
//! stay the photo's own. It fades out widely towards the face, where skin meets skin, and closely, with the
//! parser's own sub-pixel edge, at what is not skin. Where the edited neck is narrower than the photo's, the
//! photo's flank stays, behind a wide edge.

use std::sync::Arc;

use image::GrayImage;
use serde::{Deserialize, Serialize};

use super::labels::ParsedLabels;
use super::masks::{enlarge, mask_of, neck_mask_to_jaw};
use super::morphology::{box_blur, dilate, without_small_components};
use super::strokes::Stroke;
use super::{Error, same_size};
use crate::geometry::Landmarks;

/// Over how many pixels the mask fades out towards the border of the crop.
const FADE_PX: u32 = 64;
/// Islands of the mask with fewer pixels (of the crop) are left out.
const LEAST_PIXELS: usize = 1500;
/// When less than this part of the photo's neck is skin in the edited picture as well, its parsing is
/// not trusted, and the photo's alone serves.
const LEAST_SHARED: f64 = 0.35;
/// So far from the neck, what is no skin does not make the mask fade out.
const BESIDE_PX: u32 = 96;
/// What a neck may border on, other than the face: background, ears, jewellery, cloth, hair, hat.
const BESIDE_LABELS: [u8; 8] = [0, 7, 8, 9, 15, 16, 17, 18];
/// Outlines of the two pictures that are no farther apart than this are the same.
const SLIVER_PX: u32 = 9;
/// Probabilities of skin between which the mask goes from nothing to everything.
const SKIN_EDGE: [f32; 2] = [0.4, 0.8];

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

impl MaskSettings {
    /// The same with every value brought into its range.
    #[must_use]
    pub fn within_range(self) -> Self {
        Self {
            growth_px: self.growth_px.clamp(-60, 120),
            feather_px: self.feather_px.clamp(1, 120),
        }
    }
}

/// The soft mask for an edit: the photo's neck up to the jaw line, as far as it is skin in the photo
/// and in the edited picture. `skin_after` is the edited picture's probability of skin, at the crop's
/// size and as it will be pasted: 255 for certain. Landmarks are in pixels of the label map. The strokes are drawn last, in their order.
///
/// # Errors
/// [`Error::NotSquare`] or [`Error::Size`] when label map and mask do not fit.
pub fn edit_mask(
    before: &ParsedLabels,
    landmarks: &Landmarks,
    skin_after: &GrayImage,
    settings: MaskSettings,
    strokes: &[Arc<Stroke>],
) -> Result<GrayImage, Error> {
    let size = skin_after.width();
    let feather_px = settings.feather_px.max(1);
    let neck = enlarge(&neck_mask_to_jaw(&before.labels, landmarks, 0)?, size)?;
    let skin_before = enlarge(&before.skin, size)?;
    same_size(
        "mask of the edited skin",
        skin_after.dimensions(),
        skin_before.dimensions(),
    )?;

    // Beside the neck the mask is to end where the skin ends, and not before.
    let no_face = mask_of(&before.labels, |label| BESIDE_LABELS.contains(&label));
    let beside = both(&enlarge(&no_face, size)?, &dilate(&neck, BESIDE_PX));
    let region = grown(&either(&neck, &beside), settings.growth_px);
    let mut mask = box_blur(&region, feather_px);
    let mut edge = skin_edge(&skin_before);
    if count(&both(&neck, skin_after)) >= LEAST_SHARED * count(&both(&neck, &skin_before)) {
        edge = combined(&edge, &skin_edge(skin_after), u8::min);
        let lost = both(&skin_before, &inverted(&hard(skin_after)));
        let lost = dilate(&grown(&lost, -(SLIVER_PX as i32)), SLIVER_PX + feather_px);
        mask = times(&mask, &box_blur(&inverted(&lost), feather_px));
    }
    let mask = times(&mask, &edge);
    let islands = without_small_components(&hard(&mask), LEAST_PIXELS);
    let mut mask = times(&mask, &dilate(&islands, 2 * feather_px));
    for stroke in strokes {
        stroke.draw(&mut mask);
    }
    fade_at_border(&mut mask);
    Ok(mask)
}

/// From the probability of skin to the mask's sub-pixel edge.
pub(super) fn skin_edge(skin: &GrayImage) -> GrayImage {
    let [from, to] = SKIN_EDGE;
    let table: [u8; 256] = std::array::from_fn(|value| {
        let t = ((value as f32 / 255.0 - from) / (to - from)).clamp(0.0, 1.0);
        (255.0 * t * t * (3.0 - 2.0 * t)).round() as u8
    });
    let mut edge = skin.clone();
    for value in edge.iter_mut() {
        *value = table.get(usize::from(*value)).copied().unwrap_or_default();
    }
    edge
}

/// Lets the mask end before the crop does: the neck goes on below it, in the photo.
pub(super) fn fade_at_border(mask: &mut GrayImage) {
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
pub(super) fn grown(mask: &GrayImage, by_px: i32) -> GrayImage {
    match by_px {
        0 => mask.clone(),
        1.. => dilate(mask, by_px.unsigned_abs()),
        _ => inverted(&dilate(&inverted(mask), by_px.unsigned_abs())),
    }
}

/// 255 where the mask is at least half.
fn hard(mask: &GrayImage) -> GrayImage {
    mask_of(mask, |value| value >= 128)
}

/// 255 where both masks are at least half.
fn both(a: &GrayImage, b: &GrayImage) -> GrayImage {
    combined(a, b, |a, b| if a >= 128 && b >= 128 { 255 } else { 0 })
}

/// 255 where one of the masks is at least half.
fn either(a: &GrayImage, b: &GrayImage) -> GrayImage {
    combined(a, b, |a, b| if a >= 128 || b >= 128 { 255 } else { 0 })
}

/// The product of two masks.
pub(super) fn times(a: &GrayImage, b: &GrayImage) -> GrayImage {
    combined(a, b, |a, b| {
        ((u32::from(a) * u32::from(b) + 127) / 255) as u8
    })
}

fn combined(a: &GrayImage, b: &GrayImage, of: impl Fn(u8, u8) -> u8) -> GrayImage {
    let mut result = a.clone();
    for (value, other) in result.iter_mut().zip(b.iter()) {
        *value = of(*value, *other);
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
        let before = ParsedLabels::certain(labels.clone(), &landmarks);
        let skin = enlarge(&before.skin, 1024).unwrap();
        let mask = edit_mask(&before, &landmarks, &skin, MaskSettings::default(), &[]).unwrap();
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
        let before = ParsedLabels::certain(labels, &landmarks);
        let after = ParsedLabels::certain(narrower, &landmarks);
        let skin = enlarge(&after.skin, 1024).unwrap();
        let mask = edit_mask(&before, &landmarks, &skin, MaskSettings::default(), &[]).unwrap();
        assert!(mask.get_pixel(400, 800)[0] < 12);
        assert_eq!(mask.get_pixel(512, 800)[0], 255);
    }

    #[test]
    fn an_edited_picture_without_skin_is_not_trusted() {
        let (labels, landmarks) = portrait();
        let before = ParsedLabels::certain(labels, &landmarks);
        let skin = enlarge(&before.skin, 1024).unwrap();
        let mask = |skin: &GrayImage| {
            edit_mask(&before, &landmarks, skin, MaskSettings::default(), &[]).unwrap()
        };
        assert_eq!(mask(&GrayImage::new(1024, 1024)), mask(&skin));
    }

    #[test]
    fn the_mask_reaches_the_collar_and_leaves_a_thin_chain_alone() {
        let (mut labels, landmarks) = portrait();
        for (_, y, label) in labels.enumerate_pixels_mut() {
            if label[0] == 14 && (400..404).contains(&y) {
                label[0] = 15;
            }
        }
        let before = ParsedLabels::certain(labels, &landmarks);
        let skin = enlarge(&before.skin, 1024).unwrap();
        let mask = edit_mask(&before, &landmarks, &skin, MaskSettings::default(), &[]).unwrap();
        let at = |y| mask.get_pixel(512, y)[0];
        assert!(at(874) > 200, "six pixels above the collar: {}", at(874));
        assert_eq!(at(884), 0, "the collar");
        assert_eq!(at(804), 0, "the chain");
        assert!(at(796) > 200 && at(812) > 200, "beside the chain");
    }

    #[test]
    fn a_neck_that_leaves_the_crop_fades_out_before() {
        let (mut labels, landmarks) = portrait();
        for (_, y, label) in labels.enumerate_pixels_mut() {
            if y >= 300 {
                *label = Luma([14]);
            }
        }
        let before = ParsedLabels::certain(labels, &landmarks);
        let mask = edit_mask(
            &before,
            &landmarks,
            &enlarge(&before.skin, 1024).unwrap(),
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
