//! Sixty-eight landmarks on a face, by a cascade of regression trees.
//!
//! The method is Kazemi and Sullivan, *One Millisecond Face Alignment with an Ensemble of Regression
//! Trees* (CVPR 2014); the model is a file of dlib's, read by [`crate::checkpoint::dlib`].
//! [`LandmarkModel::fit`] gives what dlib gives for the same picture and box.
//! [`LandmarkModel::find`] starts from any detector's box, fits again from the box that the first
//! landmarks suggest, and asks slightly different boxes for their opinion: where they disagree, the
//! landmarks are guesses, and it says so.

use image::RgbImage;
use rayon::prelude::*;

use super::reduced;
use crate::checkpoint::dlib::{Cascade, ShapePredictor, Tree};
use crate::geometry::{self, Affine, Landmarks, Point, QuarterTurn, Rect};
use crate::photo::Photo;

/// The smallest face worth working on, in pixels of the photo.
pub const SMALLEST_FACE_PX: f64 = 64.0;

/// Why a face has no landmarks.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model is for other landmarks.
    #[error(
        "the landmark model has {got} points, but the {} of the iBUG annotation are needed; use shape_predictor_68_face_landmarks.dat",
        Landmarks::COUNT
    )]
    PointCount {
        /// Points of the model.
        got: usize,
    },
    /// Too few pixels to see anything.
    #[error(
        "the face is only {size_px:.0} pixels wide; Jawline needs {SMALLEST_FACE_PX:.0} or more: use a larger photo"
    )]
    TooSmall {
        /// Width of the face's box.
        size_px: f64,
    },
    /// Different starts lead to different landmarks.
    #[error(
        "the landmarks of the face cannot be found with certainty (confidence {confidence:.2}): the face may be covered, turned away or no face at all"
    )]
    Uncertain {
        /// As in [`FoundLandmarks::confidence`].
        confidence: f64,
    },
    /// One half of the face is hidden.
    #[error(
        "the face is turned too far to the side (asymmetry {asymmetry:.2}); Jawline needs both halves of the jaw"
    )]
    Profile {
        /// As in [`FoundLandmarks::asymmetry`].
        asymmetry: f64,
    },
    /// The photo's face was seen only after turning it, and its landmarks cannot be found.
    #[error("the photo seems to lie on its side; turn it and try again")]
    OnItsSide,
    /// Marks that span no face.
    #[error(
        "the marks lie on one line; set them on the middle of each eye and on the tip of the chin"
    )]
    MarksOnOneLine,
    /// The box or the landmarks are not numbers.
    #[error(transparent)]
    Geometry(#[from] geometry::Error),
}

/// Landmarks and how far they can be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundLandmarks {
    /// In pixels of the photo.
    pub landmarks: Landmarks,
    /// The box in which the mean face would lie like these landmarks, in pixels of the photo.
    pub face_box: Rect,
    /// 0–1: how well fits from slightly different boxes agree. Portraits reach 0.95, boxes without
    /// a face stay below 0.55.
    pub confidence: f64,
    /// −1 to 1: how far the nose is off the middle between the sides of the jaw, 0 for a face seen
    /// from the front, positive when the face looks towards the right of the picture.
    pub asymmetry: f64,
}

/// Finds landmarks. Reading takes a moment and 70 MB: keep it.
#[derive(Debug, Clone)]
pub struct LandmarkModel {
    predictor: ShapePredictor,
}

/// Faces are looked at in a copy in which their box has about this many pixels: more shows noise
/// and pores that the model was not trained on.
const BOX_PX: f64 = 256.0;

/// How far around the box the copy reaches, in boxes.
const MARGIN: f64 = 0.75;

/// Shifts (in boxes) and enlargements of the boxes that are asked for their opinion.
const OPINIONS: [(f64, f64, f64); 4] = [
    (0.05, 0.0, 1.0),
    (-0.05, 0.0, 1.0),
    (0.0, 0.05, 1.08),
    (0.0, -0.05, 0.93),
];

/// Mean disagreement (in boxes) at which confidence is one half.
const HALF_CONFIDENCE: f64 = 0.03;

/// Below this confidence there is no use in going on.
const LEAST_CONFIDENCE: f64 = 0.55;

/// Beyond this asymmetry one side of the jaw is hidden.
const LARGEST_ASYMMETRY: f64 = 0.75;

impl LandmarkModel {
    /// Takes a model with the 68 points of the iBUG annotation.
    ///
    /// # Errors
    /// [`Error::PointCount`].
    pub fn new(predictor: ShapePredictor) -> Result<Self, Error> {
        match predictor.initial_shape.len() {
            Landmarks::COUNT => Ok(Self { predictor }),
            got => Err(Error::PointCount { got }),
        }
    }

    /// The landmarks of the mean face laid over three points of a picture: the middles of the eye on
    /// the left and the eye on the right, and the tip of the chin.
    ///
    /// # Errors
    /// [`Error::MarksOnOneLine`]; [`Error::Geometry`] when a point is not finite.
    pub fn mean_face_over(&self, eyes: [Point; 2], chin: Point) -> Result<Landmarks, Error> {
        let mean = &self.predictor.initial_shape;
        let mean = Landmarks::new(std::array::from_fn(|index| {
            let [x, y] = mean.get(index).copied().unwrap_or_default();
            Point::new(f64::from(x), f64::from(y))
        }))?;
        let middle = |points: &[Point]| Point::mean(points).unwrap_or_default();
        let anchors = [
            middle(&mean.eye_left()),
            middle(&mean.eye_right()),
            mean.chin(),
        ];
        let picture_from_mean = Affine::between_triangles(anchors, [eyes[0], eyes[1], chin])
            .filter(|map| map.determinant().abs() > 1.0)
            .ok_or(Error::MarksOnOneLine)?;
        Ok(mean.mapped(&picture_from_mean)?)
    }

    /// The landmarks in `picture` of the face in `face_box`, as dlib computes them (dlib rounds them
    /// to whole pixels). The box's edges are the centres of its outermost pixels, as dlib's are.
    /// Pixels outside the picture count as black.
    ///
    /// # Errors
    /// [`Error::Geometry`] when the box is not finite.
    pub fn fit(&self, picture: &RgbImage, face_box: &Rect) -> Result<Landmarks, Error> {
        let mean = &self.predictor.initial_shape;
        let photo_from_box = unit_box_to(face_box);
        let mut shape = mean.clone();
        for cascade in &self.predictor.cascades {
            let brightness = sample(cascade, mean, &shape, picture, &photo_from_box);
            for tree in &cascade.trees {
                let (shifts, _) = answer(tree, &brightness).as_chunks::<2>();
                for ([x, y], [dx, dy]) in shape.iter_mut().zip(shifts) {
                    *x += dx;
                    *y += dy;
                }
            }
        }
        let points: Vec<Point> = shape
            .iter()
            .map(|&point| photo_from_box.apply(to_point(point)))
            .collect();
        Ok(Landmarks::try_from(points)?)
    }

    /// The landmarks of the face that a detector found in `face_box`, in pixels of `photo`; the face is
    /// upright once the photo is turned by `turn`.
    ///
    /// The box need not follow dlib's habits: from the second fit on it is the one in which the
    /// mean face would lie like the landmarks found so far.
    ///
    /// # Errors
    /// [`Error::TooSmall`] below [`SMALLEST_FACE_PX`]; [`Error::Uncertain`] and [`Error::Profile`]
    /// when the landmarks are of no use, [`Error::OnItsSide`] instead when the photo would have to be
    /// turned; [`Error::Geometry`] when the box is not finite.
    pub fn find(
        &self,
        photo: &Photo,
        face_box: &Rect,
        turn: QuarterTurn,
    ) -> Result<FoundLandmarks, Error> {
        let found = self.find_turned(photo, face_box, turn);
        found.map_err(|error| match error {
            Error::Uncertain { .. } | Error::Profile { .. } if turn != QuarterTurn::None => {
                Error::OnItsSide
            }
            other => other,
        })
    }

    fn find_turned(
        &self,
        photo: &Photo,
        face_box: &Rect,
        turn: QuarterTurn,
    ) -> Result<FoundLandmarks, Error> {
        let size_px = face_box.width().min(face_box.height());
        if size_px < SMALLEST_FACE_PX {
            return Err(Error::TooSmall { size_px });
        }
        let region = face_box.inflated(MARGIN * size_px);
        let Some(copy) = reduced::part(photo, &region, BOX_PX / size_px) else {
            return Err(Error::TooSmall { size_px: 0.0 });
        };
        let copy = copy.turned(turn);
        let copy_from_photo = copy.photo_from_copy.inverse();
        let copy_from_photo = copy_from_photo.unwrap_or(Affine::IDENTITY);
        let mut face_box = mapped(face_box, &copy_from_photo);

        for _ in 0..2 {
            face_box = self.box_of(&self.fit(&copy.pixels, &face_box)?);
        }
        let fits = (0..=OPINIONS.len()).into_par_iter().map(|i| {
            // The last one is the box itself.
            let &(dx, dy, factor) = OPINIONS.get(i).unwrap_or(&(0.0, 0.0, 1.0));
            self.fit(&copy.pixels, &moved(&face_box, dx, dy, factor))
        });
        let fits = fits.collect::<Result<Vec<_>, _>>()?;
        let (landmarks, disagreement_px) = consensus(&fits)?;

        let face_box = self.box_of(&landmarks);
        let disagreement = disagreement_px / face_box.width().max(1.0);
        let confidence = 1.0 / (1.0 + (disagreement / HALF_CONFIDENCE).powi(2));
        let asymmetry = asymmetry(&landmarks);
        if confidence < LEAST_CONFIDENCE {
            return Err(Error::Uncertain { confidence });
        }
        if asymmetry.abs() > LARGEST_ASYMMETRY {
            return Err(Error::Profile { asymmetry });
        }
        Ok(FoundLandmarks {
            landmarks: landmarks.mapped(&copy.photo_from_copy)?,
            face_box: mapped(&face_box, &copy.photo_from_copy),
            confidence,
            asymmetry,
        })
    }

    /// The square box in which the mean face lies most like `landmarks` (least squares over shift
    /// and size).
    fn box_of(&self, landmarks: &Landmarks) -> Rect {
        let mean: Vec<Point> = self
            .predictor
            .initial_shape
            .iter()
            .copied()
            .map(to_point)
            .collect();
        let points = landmarks.points();
        let (Some(from), Some(to)) = (Point::mean(&mean), Point::mean(points)) else {
            return Rect::around(points);
        };
        let spread = |(m, p): (&Point, &Point)| {
            let (m, p) = (*m - from, *p - to);
            (m.dot(p), m.dot(m))
        };
        let sums = mean.iter().zip(points).map(spread);
        let (across, within) = sums.fold((0.0, 0.0), |(a, w), (da, dw)| (a + da, w + dw));
        let size = (across / within).max(1.0);
        let (left, top) = (to.x - size * from.x, to.y - size * from.y);
        Rect::new(left, top, left + size, top + size)
    }
}

/// Takes the unit square to the box.
fn unit_box_to(face_box: &Rect) -> Affine {
    Affine::from_frame(
        Point::new(face_box.left, face_box.top),
        Point::new(face_box.right - face_box.left, 0.0),
        Point::new(0.0, face_box.bottom - face_box.top),
    )
}

fn to_point([x, y]: [f32; 2]) -> Point {
    Point::new(x.into(), y.into())
}

/// The box after a map that does not turn it.
fn mapped(face_box: &Rect, map: &Affine) -> Rect {
    Rect::around(&[
        map.apply(Point::new(face_box.left, face_box.top)),
        map.apply(Point::new(face_box.right, face_box.bottom)),
    ])
}

/// The box shifted by parts of its size and enlarged about its middle.
fn moved(face_box: &Rect, dx: f64, dy: f64, factor: f64) -> Rect {
    let size = face_box.width();
    let middle = face_box.centre() + Point::new(dx, dy) * size;
    Rect::around(&[middle]).inflated(size * factor / 2.0)
}

/// The brightness (0–255) of the pixels that a cascade looks at: each is tied to a landmark of the
/// current shape, at an offset that turns and grows with the shape.
fn sample(
    cascade: &Cascade,
    mean: &[[f32; 2]],
    shape: &[[f32; 2]],
    picture: &RgbImage,
    photo_from_box: &Affine,
) -> Vec<f32> {
    let [a, b] = turn_and_growth(mean, shape);
    let pixels = cascade.anchors.iter().zip(&cascade.deltas);
    pixels
        .map(|(&anchor, &[dx, dy])| {
            let [x, y] = shape[anchor];
            let point = [x + (a * dx - b * dy), y + (b * dx + a * dy)];
            brightness(picture, photo_from_box.apply(to_point(point)))
        })
        .collect()
}

/// The matrix [[a, −b], [b, a]] that takes `from` closest to `to`, both about their middles
/// (Umeyama 1991; in the plane it is a complex regression).
fn turn_and_growth(from: &[[f32; 2]], to: &[[f32; 2]]) -> [f32; 2] {
    let middle = |shape: &[[f32; 2]]| {
        let sum = shape
            .iter()
            .copied()
            .map(to_point)
            .fold(Point::default(), |a, b| a + b);
        sum * (1.0 / shape.len() as f64)
    };
    let (from_middle, to_middle) = (middle(from), middle(to));
    let (mut along, mut across, mut within) = (0.0, 0.0, 0.0);
    for (&p, &q) in from.iter().zip(to) {
        let (p, q) = (to_point(p) - from_middle, to_point(q) - to_middle);
        along += p.dot(q);
        across += p.cross(q);
        within += p.dot(p);
    }
    [(along / within) as f32, (across / within) as f32]
}

/// Mean of the channels, rounded down, of the pixel nearest to `point`; 0 outside the picture.
fn brightness(picture: &RgbImage, point: Point) -> f32 {
    let (x, y) = ((point.x + 0.5).floor(), (point.y + 0.5).floor());
    if x < 0.0 || y < 0.0 {
        return 0.0;
    }
    // Larger numbers saturate and lie outside.
    picture
        .get_pixel_checked(x as u32, y as u32)
        .map_or(0.0, |pixel| {
            (pixel.0.iter().copied().map(u32::from).sum::<u32>() / 3) as f32
        })
}

/// The shifts in the leaf that the tree's questions lead to.
fn answer<'a>(tree: &'a Tree, brightness: &[f32]) -> &'a [f32] {
    let mut node = 0;
    while let Some(split) = tree.splits.get(node) {
        let yes = brightness[split.first] - brightness[split.second] > split.threshold;
        node = 2 * node + if yes { 1 } else { 2 };
    }
    let width = tree.leaves.ncols();
    let leaf = node - tree.splits.len();
    let leaves = tree.leaves.as_slice().unwrap_or_default();
    leaves
        .get(leaf * width..(leaf + 1) * width)
        .unwrap_or_default()
}

/// The mean of several fits, and the mean distance of their points from it.
fn consensus(fits: &[Landmarks]) -> Result<(Landmarks, f64), geometry::Error> {
    let share = 1.0 / fits.len() as f64;
    let mut mean = [Point::default(); Landmarks::COUNT];
    for fit in fits {
        for (mean, &point) in mean.iter_mut().zip(fit.points()) {
            *mean += point * share;
        }
    }
    let distances = fits.iter().flat_map(|fit| {
        let pairs = fit.points().iter().zip(&mean);
        pairs.map(|(a, b)| a.distance(*b))
    });
    let disagreement = distances.sum::<f64>() * share / Landmarks::COUNT as f64;
    Ok((Landmarks::new(mean)?, disagreement))
}

/// How far the nose is from the middle between the sides of the jaw, along the line of the eyes.
fn asymmetry(landmarks: &Landmarks) -> f64 {
    let points = landmarks.points();
    let axis = points[45] - points[36];
    let nose = points[30].dot(axis);
    // The upper jaw line, beside the nose.
    let to_left = nose - (points[1] + points[2]).dot(axis) / 2.0;
    let to_right = (points[15] + points[14]).dot(axis) / 2.0 - nose;
    let width = to_left + to_right;
    if width > 0.0 {
        ((to_left - to_right) / width).clamp(-1.0, 1.0)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests;
