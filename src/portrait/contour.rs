//! Where a mask begins and ends in a row: the outline of face and neck, measured in two pictures
//! at the same heights.

use std::ops::Range;

use image::GrayImage;

use super::Error;
use super::morphology::{box_blur, largest_component};
use crate::geometry::Point;

/// The leftmost and rightmost point of a mask in one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowSpan {
    /// The row.
    pub y: f64,
    /// Where the mask begins.
    pub left: f64,
    /// Where the mask ends.
    pub right: f64,
}

impl RowSpan {
    /// The left end.
    pub fn left_point(&self) -> Point {
        Point::new(self.left, self.y)
    }

    /// The right end.
    pub fn right_point(&self) -> Point {
        Point::new(self.right, self.y)
    }
}

/// The same rows measured in the photo's mask (before) and in the edited picture's (after), from
/// top to bottom.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outlines {
    /// In the photo.
    pub before: Vec<RowSpan>,
    /// In the edited picture.
    pub after: Vec<RowSpan>,
}

/// Measures both outlines with sub-pixel accuracy, at `count` evenly spaced heights among the
/// `rows` in which both masks have pixels. Rows where either has none are left out, so that there
/// may be fewer than `count`, or none at all.
///
/// The largest component of each mask counts alone; its edge is where the slightly blurred mask
/// passes half, which evens out the steps of an enlarged label map.
pub fn measure(before: &GrayImage, after: &GrayImage, rows: Range<i64>, count: usize) -> Outlines {
    let [before, after] =
        [before, after].map(|mask| box_blur(&largest_component(mask), EDGE_BLUR_PX));
    let height = i64::from(before.height().min(after.height()));
    let span = |mask: &GrayImage, y: i64| half_crossings(mask_row(mask, y as u32), y as f64);
    let measured: Vec<(RowSpan, RowSpan)> = (rows.start.max(0)..rows.end.min(height))
        .filter_map(|y| Some((span(&before, y)?, span(&after, y)?)))
        .collect();

    // Half a spacing from either end, where corners of the masks would disturb.
    let picked = (0..count.min(measured.len()))
        .filter_map(|i| {
            measured.get((2 * i + 1) * measured.len() / (2 * count.min(measured.len())))
        })
        .copied();
    let (before, after) = picked.unzip();
    Outlines { before, after }
}

/// Measures both outlines as the reference does, in whole pixels: `count` rows from the
/// first row that both masks share, equally spaced and cut to whole rows; every pixel that is not 0
/// counts. `name` is for messages.
///
/// # Errors
/// [`Error::NoSharedRows`] and [`Error::EmptyRow`] where that system fails.
pub fn measure_reference(
    before: &GrayImage,
    after: &GrayImage,
    count: usize,
    name: &'static str,
) -> Result<Outlines, Error> {
    let masks = [before, after];
    let [rows_before, rows_after] = masks.map(|mask| {
        let mut occupied = (0..mask.height()).filter(|y| whole_span(mask, *y).is_some());
        let first = occupied.next();
        (first, occupied.next_back().or(first))
    });
    let (Some(first), Some(last)) = (
        rows_before.0.max(rows_after.0),
        rows_before.1.min(rows_after.1),
    ) else {
        return Err(Error::NoSharedRows { mask: name });
    };

    let spacing = (f64::from(last) - f64::from(first)) / count as f64;
    let mut outlines = Outlines::default();
    for i in 0..count {
        let row = (f64::from(first) + i as f64 * spacing) as u32;
        let empty = Error::EmptyRow { mask: name, row };
        let [Some(before), Some(after)] = masks.map(|mask| whole_span(mask, row)) else {
            return Err(empty);
        };
        outlines.before.push(before);
        outlines.after.push(after);
    }
    Ok(outlines)
}

/// Side of the square that evens out a mask's edge before it is measured.
const EDGE_BLUR_PX: u32 = 9;

fn mask_row(mask: &GrayImage, y: u32) -> &[u8] {
    let mut rows = mask.as_raw().chunks_exact(mask.width().max(1) as usize);
    rows.nth(y as usize).unwrap_or_default()
}

fn whole_span(mask: &GrayImage, y: u32) -> Option<RowSpan> {
    let row = mask_row(mask, y);
    let left = row.iter().position(|value| *value > 0)?;
    let right = row.iter().rposition(|value| *value > 0)?;
    Some(RowSpan {
        y: f64::from(y),
        left: left as f64,
        right: right as f64,
    })
}

/// The outermost positions at which the row passes half of full scale.
fn half_crossings(row: &[u8], y: f64) -> Option<RowSpan> {
    const HALF: f64 = 127.5;
    let value = |x: usize| row.get(x).copied().map_or(0.0, f64::from);
    let first = row.iter().position(|value| f64::from(*value) > HALF)?;
    let last = row.iter().rposition(|value| f64::from(*value) > HALF)?;
    let left = match first {
        0 => 0.0,
        _ => first as f64 - (value(first) - HALF) / (value(first) - value(first - 1)),
    };
    let right = match last + 1 {
        end if end == row.len() => last as f64,
        end => last as f64 + (value(last) - HALF) / (value(last) - value(end)),
    };
    Some(RowSpan { y, left, right })
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    /// Columns left..right of the given rows.
    fn block(columns: Range<u32>, rows: Range<u32>) -> GrayImage {
        GrayImage::from_fn(64, 64, |x, y| {
            Luma([if columns.contains(&x) && rows.contains(&y) {
                255
            } else {
                0
            }])
        })
    }

    #[test]
    fn edges_of_a_block_lie_between_pixels() {
        let outlines = measure(&block(20..40, 0..64), &block(22..44, 0..64), 10..50, 4);
        assert_eq!(outlines.before.len(), 4);
        for (before, after) in outlines.before.iter().zip(&outlines.after) {
            assert!((before.left - 19.5).abs() < 0.05 && (before.right - 39.5).abs() < 0.05);
            assert!((after.left - 21.5).abs() < 0.05 && (after.right - 43.5).abs() < 0.05);
        }
    }

    #[test]
    fn masks_without_shared_rows_measure_nothing() {
        let (upper, lower) = (block(10..20, 0..20), block(10..20, 40..60));
        assert_eq!(measure(&upper, &lower, 0..64, 5), Outlines::default());
        let error = measure_reference(&upper, &GrayImage::new(64, 64), 5, "neck").unwrap_err();
        assert_eq!(error, Error::NoSharedRows { mask: "neck" });
        assert!(matches!(
            measure_reference(&upper, &lower, 5, "neck"),
            Err(Error::EmptyRow { .. })
        ));
    }

    #[test]
    fn reference_rows_are_cut_to_whole_rows_and_leave_the_last_out() {
        let outlines =
            measure_reference(&block(5..9, 3..50), &block(5..9, 7..40), 5, "face").unwrap();
        let rows: Vec<f64> = outlines.before.iter().map(|span| span.y).collect();
        assert_eq!(rows, [7.0, 13.0, 19.0, 26.0, 32.0]);
        assert_eq!(
            (outlines.after[0].left, outlines.after[0].right),
            (5.0, 8.0)
        );
    }
}
