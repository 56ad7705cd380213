//! A sheet of labelled pictures side by side: comparisons, stages, contact sheets.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage, imageops};

/// Neutral grey, so that no tint beside a picture misleads the eye.
const BACKGROUND: Rgb<u8> = Rgb([32, 32, 32]);
const INK: [f32; 3] = [225.0, 225.0, 225.0];
/// Space around every picture.
const GAP_PX: u32 = 8;
const LABEL_PX: f32 = 17.0;
/// Space for a label above its picture.
const LABEL_ROW_PX: u32 = 26;

/// Pictures in rows, each under its label. Rows grow to the right, and all pictures of a row hang
/// from one line.
pub struct Sheet {
    rows: Vec<Vec<Cell>>,
    /// How many times larger labels and gaps are drawn.
    scale: u32,
}

struct Cell {
    picture: RgbImage,
    label: String,
}

impl Sheet {
    /// A sheet without pictures.
    pub fn new() -> Self {
        Self::scaled(1)
    }

    /// A sheet without pictures, whose labels and gaps are so many times larger.
    pub fn scaled(scale: u32) -> Self {
        Self {
            rows: Vec::new(),
            scale: scale.max(1),
        }
    }

    /// Adds a picture at the end of a row.
    pub fn add(&mut self, row: usize, picture: RgbImage, label: &str) {
        while self.rows.len() <= row {
            self.rows.push(Vec::new());
        }
        self.rows[row].push(Cell {
            picture,
            label: label.to_owned(),
        });
    }

    /// Draws the sheet.
    pub fn draw(&self) -> RgbImage {
        let width = self
            .rows
            .iter()
            .map(|row| self.row_width(row))
            .max()
            .unwrap_or(0)
            + self.gap_px();
        let height: u32 = self
            .rows
            .iter()
            .map(|row| self.row_height(row))
            .sum::<u32>()
            + self.gap_px();
        let mut sheet = RgbImage::from_pixel(width, height, BACKGROUND);
        let mut top = 0;
        for row in &self.rows {
            let mut left = self.gap_px();
            for cell in row {
                self.write_label(&mut sheet, &cell.label, left, top, cell.picture.width());
                imageops::replace(
                    &mut sheet,
                    &cell.picture,
                    i64::from(left),
                    i64::from(top + self.label_row_px()),
                );
                left += cell.picture.width() + self.gap_px();
            }
            top += self.row_height(row);
        }
        sheet
    }

    fn gap_px(&self) -> u32 {
        GAP_PX * self.scale
    }

    fn label_row_px(&self) -> u32 {
        let has_label = |cell: &Cell| !cell.label.is_empty();
        match self.rows.iter().flatten().any(has_label) {
            true => LABEL_ROW_PX * self.scale,
            // Pictures without a label need no more than what lies between them.
            false => self.gap_px(),
        }
    }

    fn row_width(&self, row: &[Cell]) -> u32 {
        row.iter()
            .map(|cell| cell.picture.width() + self.gap_px())
            .sum()
    }

    fn row_height(&self, row: &[Cell]) -> u32 {
        row.iter()
            .map(|cell| cell.picture.height())
            .max()
            .unwrap_or(0)
            + self.label_row_px()
    }

    /// Writes a label into the strip above a picture; what is wider than the picture is cut off.
    fn write_label(&self, sheet: &mut RgbImage, label: &str, left: u32, top: u32, width: u32) {
        write_text(sheet, label, left, top, width, self.scale);
    }
}

/// Writes a line of text into the strip at the top of `left`, `top`, whose letters are `scale` times
/// larger than usual; what is wider than `width` is cut off. Returns where the line ends.
fn write_text(
    picture: &mut RgbImage,
    text: &str,
    left: u32,
    top: u32,
    width: u32,
    scale: u32,
) -> u32 {
    let Ok(font) = FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT) else {
        return left;
    };
    let label_px = LABEL_PX * scale as f32;
    let font = font.as_scaled(PxScale::from(label_px));
    let baseline = (top + LABEL_ROW_PX * scale) as f32 - 8.0 * scale as f32;
    let end = (left + width) as f32;
    let mut caret = left as f32;
    let mut previous = None;
    for character in text.chars() {
        let glyph = font.glyph_id(character);
        if let Some(previous) = previous {
            caret += font.kern(previous, glyph);
        }
        if caret + font.h_advance(glyph) > end {
            break;
        }
        if let Some(outline) =
            font.outline_glyph(glyph.with_scale_and_position(label_px, point(caret, baseline)))
        {
            let origin = outline.px_bounds().min;
            outline.draw(|x, y, coverage| {
                let (x, y) = (origin.x + x as f32, origin.y + y as f32);
                if x >= 0.0
                    && y >= 0.0
                    && (x as u32) < picture.width()
                    && (y as u32) < picture.height()
                {
                    blend(picture.get_pixel_mut(x as u32, y as u32), coverage);
                }
            });
        }
        caret += font.h_advance(glyph);
        previous = Some(glyph);
    }
    caret.ceil() as u32
}

/// Writes a label on a dark field into an upper corner of a picture.
pub(super) fn label_in_picture(picture: &mut RgbImage, label: &str, at_right: bool) {
    let scale = scale_for(picture.dimensions());
    let (width, height) = picture.dimensions();
    let gap_px = GAP_PX * scale;
    let mut field = RgbImage::from_pixel(width, LABEL_ROW_PX * scale, BACKGROUND);
    let room = width.saturating_sub(2 * gap_px);
    let end = write_text(&mut field, label, gap_px, 0, room, scale);
    let field_width = (end + gap_px).min(width);
    let field = imageops::crop_imm(&field, 0, 0, field_width, field.height().min(height));
    let left = if at_right { width - field_width } else { 0 };
    imageops::replace(picture, &field.to_image(), left.into(), 0);
}

/// How many times larger than usual labels are that suit a picture of this size.
pub(super) fn scale_for((width, height): (u32, u32)) -> u32 {
    const ONE_SCALE_PX: u32 = 1024;
    ((width.max(height) + ONE_SCALE_PX / 2) / ONE_SCALE_PX).max(1)
}

impl Default for Sheet {
    fn default() -> Self {
        Self::new()
    }
}

/// One picture beside the other, labelled "before" and "after" in letters that suit their size.
pub fn comparison(before: RgbImage, after: RgbImage) -> RgbImage {
    let mut sheet = Sheet::scaled(scale_for(before.dimensions()));
    sheet.add(0, before, "before");
    sheet.add(0, after, "after");
    sheet.draw()
}

fn blend(pixel: &mut Rgb<u8>, coverage: f32) {
    for (channel, ink) in pixel.0.iter_mut().zip(INK) {
        let paper = f32::from(*channel);
        *channel = (paper + (ink - paper) * coverage.clamp(0.0, 1.0)).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Rgb<u8> = Rgb([200, 0, 0]);

    #[test]
    fn pictures_stand_side_by_side_below_their_labels() {
        let picture = RgbImage::from_pixel(60, 40, RED);
        let sheet = comparison(picture.clone(), picture);
        assert_eq!(
            sheet.dimensions(),
            (2 * 60 + 3 * GAP_PX, 40 + LABEL_ROW_PX + GAP_PX)
        );
        let red = sheet.pixels().filter(|&&pixel| pixel == RED).count();
        assert_eq!(red, 2 * 60 * 40);
        let bright = sheet
            .enumerate_pixels()
            .filter(|(_, y, pixel)| *y < LABEL_ROW_PX && pixel.0[1] > 150)
            .count();
        assert!(
            bright > 20,
            "the labels are written: {bright} bright pixels"
        );
    }

    #[test]
    fn a_label_wider_than_its_picture_stays_above_it() {
        let mut sheet = Sheet::new();
        sheet.add(
            0,
            RgbImage::from_pixel(20, 20, RED),
            "a label that is far too long",
        );
        sheet.add(0, RgbImage::from_pixel(60, 20, RED), "");
        let drawn = sheet.draw();
        let right_half_is_blank = drawn
            .enumerate_pixels()
            .filter(|(x, y, _)| *x > 20 + GAP_PX && *y < LABEL_ROW_PX)
            .all(|(_, _, pixel)| *pixel == BACKGROUND);
        assert!(right_half_is_blank);
    }

    #[test]
    fn labels_of_large_pictures_are_large() {
        let picture = RgbImage::from_pixel(3000, 40, RED);
        let sheet = comparison(picture.clone(), picture);
        let expected = (2 * 3000 + 9 * GAP_PX, 40 + 3 * (LABEL_ROW_PX + GAP_PX));
        assert_eq!(sheet.dimensions(), expected);
        let bright = sheet.pixels().filter(|pixel| pixel.0[1] > 150).count();
        assert!(bright > 180, "{bright} bright pixels");
    }

    #[test]
    fn an_empty_sheet_is_no_panic() {
        assert_eq!(Sheet::new().draw().dimensions(), (GAP_PX, GAP_PX));
    }
}
