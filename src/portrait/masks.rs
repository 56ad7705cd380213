//! Masks from a label map and landmarks: which part of the crop is neck, which is face, and how
//! softly an edit of the neck fades out.
//!
//! Label maps are square (512 px from the face parser) and hold CelebAMask-HQ labels; landmarks
//! are in the label map's pixels. Masks hold 0 (outside) to 255 (inside). Constants in pixels are
//! those of the reference, which parses at 512 px and composites at 1024 px.

use image::{GrayImage, Luma};
use serde::{Deserialize, Serialize};

use super::morphology::{box_blur, dilate, without_small_components};
use super::raster::fill_polygon;
use super::resample::resize_mask;
use super::{Error, square_side};
use crate::geometry::{Landmarks, Rect};

/// Skin of the face, without brows, eyes, nose, lips and ears.
pub const LABEL_SKIN: u8 = 1;
/// Neck.
pub const LABEL_NECK: u8 = 14;
/// What [`face_mask`] counts as face: skin, brows, eyes, glasses, nose, mouth, lips.
pub const LABELS_FACE: [u8; 10] = [1, 2, 3, 4, 5, 6, 10, 11, 12, 13];

/// Components of fewer pixels are taken for errors of the label map.
const LEAST_NECK_PIXELS: usize = 267;
/// The largest side that a mask is computed for.
const LARGEST_SIZE: u32 = 8192;

/// How a hard mask fades out beyond its edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoftEdge {
    /// Side of the square by which the mask grows before it is blurred, in pixels.
    pub dilation_px: u32,
    /// Side of the square of the box blur, in pixels.
    pub blur_px: u32,
}

impl SoftEdge {
    /// The edge for the warp method and for training.
    pub const WARP: Self = Self {
        dilation_px: 15,
        blur_px: 25,
    };
    /// The edge for the diffuse method.
    pub const DIFFUSE: Self = Self {
        dilation_px: 30,
        blur_px: 35,
    };
}

/// The polygon of the jaw line (landmarks 0–16, cut to whole pixels), outline included.
pub fn chin_mask(landmarks: &Landmarks, size: u32) -> GrayImage {
    let corners = landmarks
        .jaw()
        .map(|point| (point.x as i64, point.y as i64));
    fill_polygon(&corners, size, size)
}

/// The height at which the cheeks begin: the upper of landmarks 1 and 15. Skin above it is face,
/// skin below it and outside the jaw line is neck.
pub fn cheek_row(landmarks: &Landmarks) -> f64 {
    landmarks.points()[1].y.min(landmarks.points()[15].y)
}

/// Neck at the label map's size: label 14 and skin below the cheek line, without the jaw polygon,
/// dilated by `dilation_px` (0: not) and again without the jaw polygon.
///
/// # Errors
/// [`Error::NotSquare`] when the label map is not square.
pub fn neck_mask(
    labels: &GrayImage,
    landmarks: &Landmarks,
    dilation_px: u32,
) -> Result<GrayImage, Error> {
    let chin = chin_mask(landmarks, square_side("label map", labels.dimensions())?);
    let neck = outside(&neck_and_lower_skin(labels, landmarks), &chin);
    Ok(outside(&dilate(&neck, dilation_px), &chin))
}

/// Neck at the label map's size as the warp method wants it: like [`neck_mask`], but dilated before
/// the jaw polygon is taken out, so that it reaches up to the jaw line, and without islands of fewer
/// than 267 pixels (unless nothing else is left).
///
/// # Errors
/// [`Error::NotSquare`] when the label map is not square.
pub fn neck_mask_to_jaw(
    labels: &GrayImage,
    landmarks: &Landmarks,
    dilation_px: u32,
) -> Result<GrayImage, Error> {
    let chin = chin_mask(landmarks, square_side("label map", labels.dimensions())?);
    let neck = outside(
        &dilate(&neck_and_lower_skin(labels, landmarks), dilation_px),
        &chin,
    );
    Ok(outside(
        &without_small_components(&neck, LEAST_NECK_PIXELS),
        &chin,
    ))
}

/// The soft mask under which the warp method composites, `size` by `size`: [`neck_mask_to_jaw`]
/// dilated by 5, enlarged, with [`SoftEdge::WARP`].
///
/// # Errors
/// [`Error::NotSquare`] when the label map is not square, [`Error::UnusableSize`] for `size`.
pub fn soft_neck_mask(
    labels: &GrayImage,
    landmarks: &Landmarks,
    size: u32,
) -> Result<GrayImage, Error> {
    let hard = enlarge(&neck_mask_to_jaw(labels, landmarks, 5)?, size)?;
    Ok(soften(&hard, SoftEdge::WARP))
}

/// Every pixel that is not 0 becomes 255, and beyond them the mask fades out over the given edge.
pub fn soften(mask: &GrayImage, edge: SoftEdge) -> GrayImage {
    let hard = binarised(mask);
    let mut soft = box_blur(&dilate(&hard, edge.dilation_px), edge.blur_px);
    for (soft, hard) in soft.iter_mut().zip(hard.iter()) {
        *soft = (*soft).max(*hard);
    }
    soft
}

/// The face at the label map's size: [`LABELS_FACE`].
pub fn face_mask(labels: &GrayImage) -> GrayImage {
    mask_of(labels, |label| LABELS_FACE.contains(&label))
}

/// The neck as the parser sees it, label 14 alone.
pub fn parsed_neck_mask(labels: &GrayImage) -> GrayImage {
    mask_of(labels, |label| label == LABEL_NECK)
}

/// The part of the picture that the chin classifier looks at: all rows, full width, from a little
/// above the parsed neck (its centre − 0.65 of its height) down to the bottom. Empty without neck.
pub fn simple_neck_mask(labels: &GrayImage) -> GrayImage {
    let mut rows_with_neck = labels
        .rows()
        .zip(0i64..)
        .filter(|(row, _)| row.clone().any(|label| label[0] == LABEL_NECK))
        .map(|(_, y)| y);
    let Some(first) = rows_with_neck.next() else {
        return GrayImage::new(labels.width(), labels.height());
    };
    let last = rows_with_neck.last().unwrap_or(first);
    let height = ((last - first) as f64 * 1.3) as i64;
    let top = (first + last) / 2 - height / 2;
    rows_mask(labels.dimensions(), top..i64::MAX)
}

/// The rows in which the jaw's outline is measured, at the label map's size: from the lower of the
/// ears (landmarks 0, 16) to above the chin (the upper of landmarks 7, 10), full width.
pub fn warp_band(landmarks: &Landmarks, size: u32) -> GrayImage {
    let points = landmarks.points();
    let top = points[0].y.max(points[16].y) as i64;
    let bottom = points[7].y.min(points[10].y) as i64;
    rows_mask((size, size), top..bottom)
}

/// The row of the chin's tip (landmark 8, in a label map of `labels_size`) in a crop of `size`.
pub fn chin_row(landmarks: &Landmarks, labels_size: u32, size: u32) -> i64 {
    (landmarks.chin().y.trunc() / f64::from(labels_size) * f64::from(size)) as i64
}

/// `mask` enlarged to `size` by `size` with bilinear interpolation, as the crop needs it.
///
/// # Errors
/// [`Error::UnusableSize`] when `size` is 0 or larger than 8192.
pub fn enlarge(mask: &GrayImage, size: u32) -> Result<GrayImage, Error> {
    if size == 0 || size > LARGEST_SIZE {
        return Err(Error::UnusableSize {
            what: "size of the masks",
            size,
            largest: LARGEST_SIZE,
        });
    }
    Ok(resize_mask(mask, size, size))
}

/// Every mask of the reference for one portrait: what `jawline stage masks` writes.
#[derive(Debug, Clone, PartialEq)]
pub struct StageMasks {
    /// [`neck_mask`] dilated by 7, enlarged to the crop: grey at the edges.
    pub neck_mask_dilate7: GrayImage,
    /// [`neck_mask`] not dilated, enlarged to the crop.
    pub neck_mask_dilate0: GrayImage,
    /// [`soft_neck_mask`].
    pub neck_blur_mask_dilate5: GrayImage,
    /// [`face_mask`] enlarged to the crop.
    pub face_mask: GrayImage,
    /// [`parsed_neck_mask`] enlarged to the crop.
    pub face_neck_mask: GrayImage,
    /// [`simple_neck_mask`] at the label map's size.
    pub simple_neck_mask: GrayImage,
    /// [`warp_band`] enlarged to the crop.
    pub warp_band: GrayImage,
    /// [`chin_mask`] at the label map's size.
    pub chin_mask: GrayImage,
    /// `neck_mask_dilate7` with [`SoftEdge::DIFFUSE`].
    pub diffuse_mask: GrayImage,
    /// `neck_mask_dilate7` with [`SoftEdge::WARP`].
    pub training_mask: GrayImage,
    /// The two heights that go with them.
    pub rows: StageRows,
}

/// Heights measured along with [`StageMasks`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StageRows {
    /// [`chin_row`], in pixels of the crop.
    pub chin_row: i64,
    /// [`cheek_row`], in pixels of the label map.
    pub cheek_row: f64,
}

impl StageMasks {
    /// Computes all of them for a crop of `size` by `size` pixels. Landmarks are in pixels of the
    /// label map.
    ///
    /// # Errors
    /// [`Error::NotSquare`] when the label map is not square, [`Error::UnusableSize`] for `size`.
    pub fn compute(labels: &GrayImage, landmarks: &Landmarks, size: u32) -> Result<Self, Error> {
        let labels_size = square_side("label map", labels.dimensions())?;
        let neck_mask_dilate7 = enlarge(&neck_mask(labels, landmarks, 7)?, size)?;
        Ok(Self {
            neck_mask_dilate0: enlarge(&neck_mask(labels, landmarks, 0)?, size)?,
            neck_blur_mask_dilate5: soft_neck_mask(labels, landmarks, size)?,
            face_mask: enlarge(&face_mask(labels), size)?,
            face_neck_mask: enlarge(&parsed_neck_mask(labels), size)?,
            simple_neck_mask: simple_neck_mask(labels),
            warp_band: enlarge(&warp_band(landmarks, labels_size), size)?,
            chin_mask: chin_mask(landmarks, labels_size),
            diffuse_mask: soften(&neck_mask_dilate7, SoftEdge::DIFFUSE),
            training_mask: soften(&neck_mask_dilate7, SoftEdge::WARP),
            rows: StageRows {
                chin_row: chin_row(landmarks, labels_size, size),
                cheek_row: cheek_row(landmarks),
            },
            neck_mask_dilate7,
        })
    }

    /// The pictures under the names of the files that hold them, without extension.
    pub fn pictures(&self) -> [(&'static str, &GrayImage); 10] {
        [
            ("neck_mask_dilate7", &self.neck_mask_dilate7),
            ("neck_mask_dilate0", &self.neck_mask_dilate0),
            ("neck_blur_mask_dilate5", &self.neck_blur_mask_dilate5),
            ("face_mask", &self.face_mask),
            ("face_neck_mask", &self.face_neck_mask),
            ("simple_neck_mask_512", &self.simple_neck_mask),
            ("warp_band", &self.warp_band),
            ("chin_mask_512", &self.chin_mask),
            ("diffuse_mask_30_35", &self.diffuse_mask),
            ("training_mask_15_25", &self.training_mask),
        ]
    }
}

fn neck_and_lower_skin(labels: &GrayImage, landmarks: &Landmarks) -> GrayImage {
    let cheek_row = cheek_row(landmarks) as i64;
    let mut mask = parsed_neck_mask(labels);
    for ((_, y, label), value) in labels.enumerate_pixels().zip(mask.iter_mut()) {
        if label[0] == LABEL_SKIN && i64::from(y) >= cheek_row {
            *value = 255;
        }
    }
    mask
}

/// 255 where `is_inside` says so of the label, 0 elsewhere.
pub(super) fn mask_of(labels: &GrayImage, is_inside: impl Fn(u8) -> bool) -> GrayImage {
    let mut mask = labels.clone();
    mask.iter_mut()
        .for_each(|label| *label = if is_inside(*label) { 255 } else { 0 });
    mask
}

/// Full-width rows.
fn rows_mask((width, height): (u32, u32), rows: std::ops::Range<i64>) -> GrayImage {
    GrayImage::from_fn(width, height, |_, y| {
        Luma([if rows.contains(&i64::from(y)) { 255 } else { 0 }])
    })
}

/// The rectangle around the centres of all mask pixels that are not 0.
pub(super) fn mask_bounds(mask: &GrayImage) -> Option<Rect> {
    let width = mask.width().max(1) as usize;
    let mut bounds = Rect::around(&[]);
    for (row, y) in mask.as_raw().chunks_exact(width).zip(0u32..) {
        if let (Some(first), Some(last)) = (
            row.iter().position(|value| *value > 0),
            row.iter().rposition(|value| *value > 0),
        ) {
            bounds.left = bounds.left.min(first as f64);
            bounds.right = bounds.right.max(last as f64);
            bounds.top = bounds.top.min(f64::from(y));
            bounds.bottom = f64::from(y);
        }
    }
    (bounds.left <= bounds.right).then_some(bounds)
}

/// Every pixel that is not 0 becomes 255.
pub fn binarised(mask: &GrayImage) -> GrayImage {
    mask_of(mask, |value| value > 0)
}

/// The part of `mask` where `hole` is 0.
fn outside(mask: &GrayImage, hole: &GrayImage) -> GrayImage {
    let mut mask = mask.clone();
    for (value, _) in mask
        .iter_mut()
        .zip(hole.iter())
        .filter(|(_, hole)| **hole > 0)
    {
        *value = 0;
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Affine, Point};

    const SIZE: u32 = 128;

    /// A jaw line from ear to ear: a half circle of radius 40 around (64, 50).
    fn landmarks() -> Landmarks {
        let points = std::array::from_fn(|index| {
            let angle = std::f64::consts::PI * (1.0 - index.min(16) as f64 / 16.0);
            Point::new(64.0 + 40.0 * angle.cos(), 50.0 + 40.0 * angle.sin())
        });
        Landmarks::new(points).unwrap()
    }

    /// Skin above row 100 in the middle columns, neck below, a small island of neck in the corner.
    fn labels() -> GrayImage {
        GrayImage::from_fn(SIZE, SIZE, |x, y| {
            let is_body = (20..108).contains(&x);
            Luma([match (is_body, y) {
                (true, ..100) => LABEL_SKIN,
                (true, _) => LABEL_NECK,
                (false, ..5) if x < 5 => LABEL_NECK,
                _ => 0,
            }])
        })
    }

    #[test]
    fn neck_is_below_the_cheeks_and_outside_the_jaw() {
        let mask = neck_mask(&labels(), &landmarks(), 0).unwrap();
        let is_neck = |x, y| mask.get_pixel(x, y)[0] == 255;
        assert!(is_neck(64, 110), "parsed as neck");
        assert!(is_neck(25, 85), "skin below the cheek line, beside the jaw");
        assert!(!is_neck(64, 80), "inside the jaw");
        assert!(!is_neck(64, 30), "above the cheek line");
        assert!(is_neck(2, 2), "the island stays here");
        let to_jaw = neck_mask_to_jaw(&labels(), &landmarks(), 5).unwrap();
        assert_eq!(to_jaw.get_pixel(2, 2)[0], 0, "and is dropped there");
        assert_eq!(to_jaw.get_pixel(64, 80)[0], 0, "inside the jaw");
    }

    #[test]
    fn soft_masks_hold_the_hard_mask_and_fade_to_nothing() {
        let hard = neck_mask(&labels(), &landmarks(), 0).unwrap();
        for edge in [SoftEdge::WARP, SoftEdge::DIFFUSE] {
            let soft = soften(&hard, edge);
            assert!(
                soft.iter()
                    .zip(hard.iter())
                    .all(|(soft, hard)| soft >= hard)
            );
            assert!(soft.iter().any(|value| (1..255).contains(value)));
            assert_eq!(soft.get_pixel(64, 40)[0], 0, "the face stays clear");
        }
    }

    #[test]
    fn the_classifier_looks_from_above_the_neck_down() {
        let mut labels = GrayImage::new(SIZE, SIZE);
        assert_eq!(
            simple_neck_mask(&labels),
            labels,
            "no neck, nothing to look at"
        );
        for y in 60..=80 {
            labels.put_pixel(10, y, Luma([LABEL_NECK]));
        }
        let mask = simple_neck_mask(&labels);
        // Height 20, stretched to 26; the centre is row 70.
        assert_eq!(
            (mask.get_pixel(0, 56)[0], mask.get_pixel(0, 57)[0]),
            (0, 255)
        );
        assert_eq!(mask.get_pixel(SIZE - 1, SIZE - 1)[0], 255);
    }

    #[test]
    fn unusable_input_is_refused() {
        let oblong = GrayImage::new(10, 20);
        let error = StageMasks::compute(&oblong, &landmarks(), 64).unwrap_err();
        assert_eq!(
            error,
            Error::NotSquare {
                what: "label map",
                got: (10, 20)
            }
        );
        for size in [0, 1_000_000] {
            let error = StageMasks::compute(&labels(), &landmarks(), size).unwrap_err();
            assert!(matches!(error, Error::UnusableSize { .. }));
        }
    }

    #[test]
    fn landmarks_far_away_are_no_harm() {
        let far = Affine::scaling(1e300);
        let landmarks = landmarks().mapped(&far).unwrap();
        StageMasks::compute(&labels(), &landmarks, 64).unwrap();
    }
}
