//! Where a field acts: the network's mask times what the parser knows as skin below the mouth.

use std::sync::Arc;

use image::{GrayImage, Rgb32FImage};

use super::NeckField;
use super::input::{lip_row, region};
use crate::portrait::Error;
use crate::portrait::edit_mask::{MaskSettings, fade_at_border, grown, skin_edge, times};
use crate::portrait::labels::{LABELS_SIZE, ParsedLabels};
use crate::portrait::masks::{enlarge, mask_of};
use crate::portrait::morphology::{box_blur, dilate, without_small_components};
use crate::portrait::strokes::Stroke;

/// Over so many rows of a label map the mask comes in below the lower lip.
const BELOW_LIP_ROWS: f32 = 12.0;
/// Islands of the mask with fewer pixels (of the crop) are left out.
const LEAST_PIXELS: usize = 1500;
/// What must not be drawn along: glasses, earrings, mouth and lips, necklaces, cloth, hats.
const FIXED_LABELS: [u8; 8] = [6, 9, 11, 12, 13, 15, 16, 18];
/// So near to what is fixed the flow has come to rest, in cells of the grid.
const REST_CELLS: u32 = 5;
const BACKGROUND: u8 = 0;
const NECK: u8 = 14;
/// So near to the background a neck gets no shade, and over so many cells it comes in: the network expects a
/// narrower neck, and shades what would be background.
pub(super) const SHADELESS_CELLS: u32 = 4;
pub(super) const SHADE_COMES_IN_CELLS: u32 = 6;

/// The soft mask of a field at the crop's size: 0 where the photo stays. The strokes are drawn last, in their
/// order.
///
/// # Errors
/// [`Error::UnusableSize`] for a crop that masks cannot be made for.
pub fn field_mask(
    field: &NeckField,
    parsed: &ParsedLabels,
    settings: MaskSettings,
    strokes: &[Arc<Stroke>],
) -> Result<GrayImage, Error> {
    let size = field.crop_size;
    let lip_row = lip_row(&parsed.labels);
    let mut region = region(parsed);
    for (_, y, value) in region.enumerate_pixels_mut() {
        let t = (y.saturating_sub(lip_row) as f32 / BELOW_LIP_ROWS).min(1.0);
        value[0] = (f32::from(value[0]) * t * t * (3.0 - 2.0 * t)).round() as u8;
    }
    let region = enlarge(&region, size)?;
    let certain = mask_of(&region, |value| value >= 128);
    let islands = without_small_components(&certain, LEAST_PIXELS);
    let feather_px = settings.feather_px.max(1);
    // The parser's own edge, softened where the user asks for more than usual.
    let around = match settings == MaskSettings::default() {
        true => dilate(&islands, 2 * feather_px),
        false => {
            let extra_px = settings.growth_px - MaskSettings::default().growth_px;
            box_blur(&grown(&islands, extra_px), feather_px)
        }
    };
    let mask = times(&around, &skin_edge(&region));
    let mut mask = times(&mask, &enlarge(&field.reach, size)?);
    for stroke in strokes {
        stroke.draw(&mut mask);
    }
    fade_at_border(&mut mask);
    Ok(mask)
}

/// Lets the flow come to rest where it comes near to something fixed, or would draw from it.
pub(super) fn hold_back(motion: &mut Rgb32FImage, labels: &GrayImage, crop_size: u32) {
    let (width, height) = motion.dimensions();
    let cells_of_crop = width as f32 / crop_size as f32;
    let is_fixed = |x: f32, y: f32| {
        label_at(labels, width, x, y).is_some_and(|label| FIXED_LABELS.contains(&label))
    };
    let fixed = GrayImage::from_fn(width, height, |x, y| {
        let [flow_x, flow_y, _] = motion.get_pixel(x, y).0;
        let draws = (0..=4).any(|quarter| {
            let share = quarter as f32 / 4.0 * cells_of_crop;
            is_fixed(x as f32 + share * flow_x, y as f32 + share * flow_y)
        });
        image::Luma([if draws { 255 } else { 0 }])
    });
    let rest = box_blur(&dilate(&fixed, 2 * REST_CELLS + 1), 2 * REST_CELLS + 1);
    for (motion, rest) in motion.pixels_mut().zip(rest.iter()) {
        let free = 1.0 - f32::from(*rest) / 255.0;
        motion[0] *= free;
        motion[1] *= free;
    }
}

/// Takes the shade away from the sides of a neck, where the background begins.
pub(super) fn hold_back_shade(shade: &mut Rgb32FImage, labels: &GrayImage) {
    let (width, height) = shade.dimensions();
    let of_labels = |wanted: &[u8]| {
        GrayImage::from_fn(width, height, |x, y| {
            let label = label_at(labels, width, x as f32, y as f32);
            let is_wanted = label.is_some_and(|label| wanted.contains(&label));
            image::Luma([if is_wanted { 255 } else { 0 }])
        })
    };
    let reach_cells = SHADELESS_CELLS + SHADE_COMES_IN_CELLS / 2;
    let near = dilate(&of_labels(&[BACKGROUND]), 2 * reach_cells + 1);
    // A jaw that ends beside the background has its shade.
    let sides = times(&near, &of_labels(&[BACKGROUND, NECK]));
    let sides = box_blur(&sides, SHADE_COMES_IN_CELLS + 1);
    for (shade, sides) in shade.pixels_mut().zip(sides.iter()) {
        let free = 1.0 - f32::from(*sides) / 255.0;
        shade.0 = shade.0.map(|change| change * free);
    }
}

/// The label at the middle of a cell of a grid that is so wide.
fn label_at(labels: &GrayImage, grid_size: u32, x: f32, y: f32) -> Option<u8> {
    let labels_of_cells = LABELS_SIZE as f32 / grid_size as f32;
    let at = |cell: f32| ((cell + 0.5) * labels_of_cells).clamp(0.0, LABELS_SIZE as f32 - 1.0);
    let label = labels.get_pixel_checked(at(x) as u32, at(y) as u32)?;
    Some(label[0])
}
