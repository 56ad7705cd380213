//! What the network sees: the crop at 256 px, and the region where an edit may act.

use image::{GrayImage, Rgb32FImage, RgbImage};
use ndarray::{Array4, s};

use super::GRID_SIZE;
use crate::portrait::labels::{LABELS_SIZE, ParsedLabels};
use crate::portrait::tensor::{float_picture_from_tensor, reduced_tensor};

/// Both lips and what is between them.
const LIP_LABELS: [u8; 3] = [11, 12, 13];
/// A row with fewer pixels of lips is an error of the label map.
const LEAST_LIP_PIXELS: usize = 4;
/// Where the lower lip usually ends in a label map, when no lips are seen.
const USUAL_LIP_ROW: u32 = 375;
/// Side of the square of the low-pass filter's two box blurs, in cells of the grid.
const BLUR_CELLS: usize = 7;

/// The network's input: `rows` of the crop's grid, `[1, 4, rows, 256]`, RGB in [-1, 1] and the region in 0..=1.
pub fn field_input(
    crop: &RgbImage,
    parsed: &ParsedLabels,
    rows: std::ops::Range<u32>,
) -> Array4<f32> {
    let size = GRID_SIZE as usize;
    let rows = rows.start as usize..rows.end.min(GRID_SIZE) as usize;
    let mut input = Array4::zeros((1, 4, rows.len(), size));
    let colours = reduced_tensor(crop, GRID_SIZE);
    input
        .slice_mut(s![.., ..3, .., ..])
        .assign(&colours.slice(s![.., .., rows.clone(), ..]));
    let region = region(parsed);
    let factor = LABELS_SIZE / GRID_SIZE;
    let mut plane = input.slice_mut(s![0, 3, .., ..]);
    for ((row, column), value) in plane.indexed_iter_mut() {
        let (left, top) = (column as u32 * factor, (rows.start + row) as u32 * factor);
        let tile = (0..factor).flat_map(|y| (0..factor).map(move |x| (left + x, top + y)));
        let sum: f32 = tile
            .filter_map(|(x, y)| region.get_pixel_checked(x, y))
            .map(|value| f32::from(value[0]) / 255.0)
            .sum();
        *value = sum / (factor * factor) as f32;
    }
    input
}

/// Skin below the lower lip, in a label map's pixels; 255 for certain.
pub(super) fn region(parsed: &ParsedLabels) -> GrayImage {
    let lip_row = lip_row(&parsed.labels);
    let mut region = parsed.skin.clone();
    for (_, y, value) in region.enumerate_pixels_mut() {
        if y <= lip_row {
            value[0] = 0;
        }
    }
    region
}

/// The lowest row of the lips in a label map.
pub(super) fn lip_row(labels: &GrayImage) -> u32 {
    let rows = labels.rows().zip(0u32..);
    let with_lips = rows.filter(|(row, _)| {
        let lips = row.clone().filter(|label| LIP_LABELS.contains(&label[0]));
        lips.count() >= LEAST_LIP_PIXELS
    });
    with_lips.last().map_or(USUAL_LIP_ROW, |(_, row)| row)
}

/// The crop on the grid without its detail: two box blurs, the edge continued.
pub fn low_pass(crop: &RgbImage) -> Rgb32FImage {
    let mut picture = float_picture_from_tensor(reduced_tensor(crop, GRID_SIZE).view());
    for _ in 0..2 {
        picture = blurred(&blurred(&picture, (1, 0)), (0, 1));
    }
    picture
}

/// The mean of the cells around each along one axis.
fn blurred(picture: &Rgb32FImage, (along_x, along_y): (i64, i64)) -> Rgb32FImage {
    let reach = (BLUR_CELLS / 2) as i64;
    let (last_x, last_y) = (
        i64::from(picture.width()) - 1,
        i64::from(picture.height()) - 1,
    );
    Rgb32FImage::from_fn(picture.width(), picture.height(), |x, y| {
        let mut sum = [0.0; 3];
        for step in -reach..=reach {
            let x = (i64::from(x) + step * along_x).clamp(0, last_x) as u32;
            let y = (i64::from(y) + step * along_y).clamp(0, last_y) as u32;
            for (sum, value) in sum.iter_mut().zip(picture.get_pixel(x, y).0) {
                *sum += value;
            }
        }
        image::Rgb(sum.map(|sum| sum / BLUR_CELLS as f32))
    })
}
