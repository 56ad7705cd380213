//! The warp that moves the edited picture's outline back towards the photo's.
//!
//! A generator that slims a chin also shifts the jaw a little. Where the mask lets the photo's
//! cheeks stay, the edited neck has to meet them. So the outline of face and neck is measured in
//! both pictures ([`super::contour`]), its points join a fixed frame of anchors in one Delaunay
//! triangulation, and every triangle of the edited picture is mapped affinely part of the way to
//! its place in the photo (section 3.3 of the paper; here without cutting coordinates to whole
//! pixels).

#![expect(
    clippy::indexing_slicing,
    reason = "triangles name vertices of their own mesh; landmarks are 68"
)]

mod reference;
mod stage;

use image::{GrayImage, Rgb, Rgb32FImage};
use serde::{Deserialize, Serialize};

pub use stage::{StageWarp, WarpInput};

use super::contour::{self, Outlines};
use super::masks::{chin_row, enlarge, face_mask, parsed_neck_mask};
use super::resample::sample_bilinear;
use super::{Error, same_size, square_side};
use crate::geometry::{Affine, Landmarks, Point, Rect, delaunay};

/// How strongly the edited picture is warped, and how its outline is measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WarpSettings {
    /// How far pixels move towards the photo's outline: 0 leaves them, 1 moves them all the way.
    pub strength: f64,
    /// Face points are taken this many times their shift away from the photo's, a little beyond the
    /// edited outline, so that the outline itself moves along with its surroundings.
    pub overshoot: f64,
    /// Heights at which face and neck are measured, each.
    pub rows: usize,
}

impl Default for WarpSettings {
    /// The published constants.
    fn default() -> Self {
        Self {
            strength: 0.5,
            overshoot: 1.2,
            rows: 5,
        }
    }
}

impl WarpSettings {
    /// The same with every value brought into its range; the default takes the place of what is not finite.
    #[must_use]
    pub fn within_range(&self) -> Self {
        let default = Self::default();
        let or = |value: f64, default: f64| if value.is_nan() { default } else { value };
        Self {
            strength: or(self.strength, default.strength).clamp(0.0, 1.0),
            overshoot: or(self.overshoot, default.overshoot).clamp(0.0, 2.0),
            rows: self.rows.clamp(2, 20),
        }
    }
}

/// A point of the edited picture that the user has pulled aside. Pixels of the crop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pull {
    /// Where the point is in the edited picture.
    pub at: Point,
    /// How far from the place that the warp would give it.
    pub by: Point,
}

impl Pull {
    /// Is it a pull of numbers? JSON, which keeps the edits, knows no others.
    pub fn is_finite(&self) -> bool {
        self.at.is_finite() && self.by.is_finite()
    }
}

/// How much of the outline could be measured; nothing means that the warp is the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredRows {
    /// Rows of the face.
    pub face: usize,
    /// Rows of the neck.
    pub neck: usize,
}

/// A triangle mesh over the crop, with its vertices in the photo and in the edited picture.
///
/// To warp the edited picture by hand (on a GPU, say), draw the triangles at
/// [`WarpMesh::points_drawn`] with [`WarpMesh::points_after`] as texture positions. No triangle
/// folds over for any strength from 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct WarpMesh {
    /// Vertices where the photo has them: anchors, then control points.
    pub points_before: Vec<Point>,
    /// The same vertices where the edited picture has them.
    pub points_after: Vec<Point>,
    /// Indices of vertices.
    pub triangles: Vec<[usize; 3]>,
    /// How far each vertex is pulled from the place that the warp gives it.
    pub pulled_by: Vec<Point>,
}

impl WarpMesh {
    /// The number of anchors, which come first among the vertices.
    pub const ANCHORS: usize = 27;
    /// A pull this close to a vertex takes hold of it.
    pub const GRASP_PX: f64 = 8.0;

    /// Measures the outlines and spans the mesh, for pictures of `size` by `size` pixels.
    /// `landmarks` are those of the photo, in pixels of the label maps. Rows that cannot be measured,
    /// or whose shift is too large to be true, are left out.
    ///
    /// # Errors
    /// [`Error::NotSquare`] or [`Error::Size`] when the label maps do not fit, [`Error::UnusableSize`]
    /// for `size`.
    pub fn measure(
        labels_before: &GrayImage,
        labels_after: &GrayImage,
        landmarks: &Landmarks,
        size: u32,
        settings: &WarpSettings,
    ) -> Result<(Self, MeasuredRows), Error> {
        let labels_size = square_side("label map of the photo", labels_before.dimensions())?;
        let what = "label map of the edited picture";
        same_size(what, labels_after.dimensions(), labels_before.dimensions())?;

        let crop_from_labels = Affine::resize(f64::from(size) / f64::from(labels_size));
        let row_of = |index: usize| crop_from_labels.apply(landmarks.points()[index]).y;
        let ears_to_chin = row_of(0).max(row_of(16)) as i64..row_of(7).min(row_of(10)) as i64;
        let below_chin = chin_row(landmarks, labels_size, size)..i64::from(size);

        let outlines = |mask_of: fn(&GrayImage) -> GrayImage, rows| -> Result<Outlines, Error> {
            let before = enlarge(&mask_of(labels_before), size)?;
            let after = enlarge(&mask_of(labels_after), size)?;
            let measured = contour::measure(&before, &after, rows, settings.rows);
            Ok(plausible(measured, LARGEST_SHIFT * f64::from(size)))
        };
        let face = outlines(face_mask, ears_to_chin)?;
        let neck = outlines(parsed_neck_mask, below_chin)?;

        let rows = MeasuredRows {
            face: face.before.len(),
            neck: neck.before.len(),
        };
        let (before, after) = control_points(&face, &neck, settings.overshoot);
        Ok((Self::span(size, &before, &after)?, rows))
    }

    /// The mesh over a picture of `size` by `size` from control points in the photo and in the
    /// edited picture. Shifts are reduced as far as needed for no triangle to fold.
    ///
    /// # Errors
    /// [`Error::Geometry`] when a coordinate is not a finite number.
    pub fn span(size: u32, before: &[Point], after: &[Point]) -> Result<Self, Error> {
        let anchors = anchors(size).map(|(x, y)| Point::new(f64::from(x), f64::from(y)));
        let points_before = [&anchors, before].concat();
        let mut points_after = [&anchors, after].concat();
        let triangles = delaunay(&points_before)?;
        let share = foldless_share(&points_before, &points_after, &triangles);
        if share < 1.0 {
            for (after, before) in points_after.iter_mut().zip(&points_before) {
                *after = before.lerp(*after, share);
            }
        }
        let pulled_by = vec![Point::default(); points_before.len()];
        Ok(Self {
            points_before,
            points_after,
            triangles,
            pulled_by,
        })
    }

    /// The mesh with these pulls. A pull near a control point takes hold of it; elsewhere it adds a
    /// vertex.
    ///
    /// # Errors
    /// [`Error::Geometry`] when a coordinate is not a finite number.
    pub fn pulled(mut self, size: u32, pulls: &[Pull]) -> Result<Self, Error> {
        let inside = Rect::around(&[
            Point::new(1.0, 1.0),
            Point::new(f64::from(size) - 2.0, f64::from(size) - 2.0),
        ]);
        for pull in pulls.iter().filter(|pull| inside.contains(pull.at)) {
            let near = (0..self.points_after.len())
                .map(|index| (index, self.points_after[index].distance(pull.at)))
                .filter(|(_, distance)| *distance < Self::GRASP_PX)
                .min_by(|a, b| a.1.total_cmp(&b.1));
            if let Some((index, _)) = near {
                // The frame stays: beyond it the photo goes on.
                if index >= Self::ANCHORS {
                    self.pulled_by[index] = pull.by;
                }
                continue;
            }
            let Some(before) = self.before_of(pull.at) else {
                continue;
            };
            self.points_before.push(before);
            self.points_after.push(pull.at);
            self.pulled_by.push(pull.by);
            self.triangles = delaunay(&self.points_before)?;
            let share = foldless_share(&self.points_before, &self.points_after, &self.triangles);
            if share < 1.0 {
                for (after, before) in self.points_after.iter_mut().zip(&self.points_before) {
                    *after = before.lerp(*after, share);
                }
            }
        }
        Ok(self)
    }

    /// Where the photo has what the edited picture has here.
    fn before_of(&self, at: Point) -> Option<Point> {
        self.carried(&self.points_after, &self.points_before, at)
    }

    /// Where in the edited picture lies what is drawn here at this strength; `None` outside.
    pub fn edited_from_drawn(&self, strength: f64, at: Point) -> Option<Point> {
        self.carried(&self.points_drawn(strength), &self.points_after, at)
    }

    /// Carries a point along with its triangle.
    fn carried(&self, from: &[Point], to: &[Point], at: Point) -> Option<Point> {
        self.triangles.iter().find_map(|triangle| {
            let [a, b, c] = triangle.map(|vertex| from[vertex]);
            let doubled_area = (b - a).cross(c - a);
            let [u, v, w] = [(b, c), (c, a), (a, b)]
                .map(|(from, to)| (to - from).cross(at - from) / doubled_area);
            let [a, b, c] = triangle.map(|vertex| to[vertex]);
            (u >= 0.0 && v >= 0.0 && w >= 0.0).then(|| a * u + b * v + c * w)
        })
    }

    /// Where the vertices are drawn: `strength` of the way from the edited picture to the photo, and
    /// then where the user has pulled them, as far as no triangle folds.
    pub fn points_drawn(&self, strength: f64) -> Vec<Point> {
        let strength = strength.clamp(0.0, 1.0);
        let pairs = self.points_after.iter().zip(&self.points_before);
        let unpulled: Vec<Point> = pairs
            .map(|(after, before)| after.lerp(*before, strength))
            .collect();
        if self.pulled_by.iter().all(|by| *by == Point::default()) {
            return unpulled;
        }
        let pairs = unpulled.iter().zip(&self.pulled_by);
        let pulled: Vec<Point> = pairs.clone().map(|(point, by)| *point + *by).collect();
        let share = foldless_share(&unpulled, &pulled, &self.triangles);
        pairs.map(|(point, by)| *point + *by * share).collect()
    }

    /// The triangles that are drawn elsewhere than they are in the edited picture: where
    /// ([`WarpMesh::points_drawn`]), and the map back.
    pub fn moved_triangles(
        &self,
        strength: f64,
    ) -> impl Iterator<Item = ([Point; 3], Affine)> + '_ {
        let drawn = self.points_drawn(strength);
        self.triangles.iter().filter_map(move |triangle| {
            let to = triangle.map(|vertex| drawn[vertex]);
            let from = triangle.map(|vertex| self.points_after[vertex]);
            let moved = (to != from).then(|| Affine::between_triangles(to, from))?;
            Some((to, moved?))
        })
    }

    /// As [`WarpMesh::warp`], for a mask of the edited picture.
    pub fn warp_mask(&self, mask: &GrayImage, strength: f64) -> GrayImage {
        let picture = image::DynamicImage::ImageLuma8(mask.clone()).into_rgb32f();
        image::DynamicImage::ImageRgb32F(self.warp(&picture, strength)).into_luma8()
    }

    /// The edited picture with every triangle moved to [`WarpMesh::points_drawn`], sampled
    /// bilinearly. Triangles that do not move are copied to the bit.
    pub fn warp(&self, edited: &Rgb32FImage, strength: f64) -> Rgb32FImage {
        let mut warped = edited.clone();
        for (to, edited_from_warped) in self.moved_triangles(strength) {
            for_each_pixel(to, edited.dimensions(), |x, y| {
                let source = edited_from_warped.apply(Point::new(f64::from(x), f64::from(y)));
                warped.put_pixel(x, y, Rgb(sample_bilinear(edited, source)));
            });
        }
        warped
    }
}

/// Larger shifts, in crop sides, are errors of a label map (hair, collar), not of the jaw.
const LARGEST_SHIFT: f64 = 0.1;

/// The fixed frame of vertices, which the warp never moves: corners and middles of the sides, a
/// ring an eighth inside, and one point between the eyes.
fn anchors(size: u32) -> [(u32, u32); WarpMesh::ANCHORS] {
    let (middle, last) = (size / 2, size.saturating_sub(1));
    let eighths = |count: u32| (u64::from(size) * u64::from(count) / 8) as u32;
    let [e1, e2, e3, e4, e5, e6, e7] = [1, 2, 3, 4, 5, 6, 7].map(eighths);
    [
        (0, 0),
        (middle, 0),
        (last, 0),
        (last, middle),
        (last, last),
        (middle, last),
        (0, last),
        (0, middle),
        (middle, e2),
        (e1, e1),
        (e1, e7),
        (e2, e1),
        (e2, e7),
        (e6, e1),
        (e6, e7),
        (e7, e1),
        (e7, e7),
        (e1, e2),
        (e7, e2),
        (e1, e3),
        (e7, e3),
        (e1, e4),
        (e7, e4),
        (e1, e5),
        (e7, e5),
        (e1, e6),
        (e7, e6),
    ]
}

/// Control points in the photo and in the edited picture: face left and neck left from bottom to
/// top, neck right and face right from top to bottom. The neck stays where the edit has put it.
fn control_points(face: &Outlines, neck: &Outlines, overshoot: f64) -> (Vec<Point>, Vec<Point>) {
    let face_pairs = || face.before.iter().zip(&face.after);
    let pushed = |before: Point, after: Point| before.lerp(after, overshoot);
    let face_left = face_pairs()
        .rev()
        .map(|(b, a)| (b.left_point(), pushed(b.left_point(), a.left_point())));
    let face_right =
        face_pairs().map(|(b, a)| (b.right_point(), pushed(b.right_point(), a.right_point())));
    let neck_left = neck
        .after
        .iter()
        .rev()
        .map(|span| (span.left_point(), span.left_point()));
    let neck_right = neck
        .after
        .iter()
        .map(|span| (span.right_point(), span.right_point()));
    face_left
        .chain(neck_left)
        .chain(neck_right)
        .chain(face_right)
        .unzip()
}

/// The rows in which neither end shifts by more than `largest`.
fn plausible(outlines: Outlines, largest: f64) -> Outlines {
    let (before, after) = outlines
        .before
        .into_iter()
        .zip(outlines.after)
        .filter(|(before, after)| {
            (after.left - before.left)
                .abs()
                .max((after.right - before.right).abs())
                <= largest
        })
        .unzip();
    Outlines { before, after }
}

/// The largest share (0..=1) of the way from `before` to `after` that every vertex can go without a
/// triangle losing its orientation on the way.
fn foldless_share(before: &[Point], after: &[Point], triangles: &[[usize; 3]]) -> f64 {
    /// Kept from the point of folding, where triangles have no area left.
    const DISTANCE: f64 = 0.9;
    let first_fold = triangles.iter().filter_map(|&[a, b, c]| {
        let (edge_b, edge_c) = (before[b] - before[a], before[c] - before[a]);
        let (shift_b, shift_c) = (after[b] - after[a] - edge_b, after[c] - after[a] - edge_c);
        // Twice the area at share t is constant + linear·t + square·t².
        smallest_positive_root(
            shift_b.cross(shift_c),
            edge_b.cross(shift_c) + shift_b.cross(edge_c),
            edge_b.cross(edge_c),
        )
    });
    (first_fold.fold(f64::INFINITY, f64::min) * DISTANCE).min(1.0)
}

fn smallest_positive_root(square: f64, linear: f64, constant: f64) -> Option<f64> {
    let root = (linear * linear - 4.0 * square * constant).sqrt();
    // The form that keeps its accuracy when `square` is small or 0.
    let q = -0.5 * (linear + root.copysign(linear));
    [q / square, constant / q]
        .into_iter()
        .filter(|t| t.is_finite() && *t > 0.0)
        .reduce(f64::min)
}

/// Calls `draw` for every pixel of a `width` by `height` picture whose centre lies in the triangle
/// or on its edge.
fn for_each_pixel(
    corners: [Point; 3],
    (width, height): (u32, u32),
    mut draw: impl FnMut(u32, u32),
) {
    /// Pixels this close to an edge belong to both triangles, so that rounding leaves no gap.
    const EDGE: f64 = 1e-6;
    let [a, b, c] = corners;
    let corners = if (b - a).cross(c - a) < 0.0 {
        [a, c, b]
    } else {
        corners
    };
    let [a, b, c] = corners;
    let Some(bounds) = Rect::around(&corners).inflated(EDGE).pixels(width, height) else {
        return;
    };
    for y in bounds.rows() {
        let (mut left, mut right) = (f64::from(bounds.x), f64::from(bounds.columns().end) - 1.0);
        for (from, to) in [(a, b), (b, c), (c, a)] {
            // Inside is where (to − from) × (point − from) ≥ 0.
            let edge = to - from;
            let at_zero = edge.x * (f64::from(y) - from.y) + edge.y * from.x;
            if edge.y > 0.0 {
                right = right.min(at_zero / edge.y + EDGE);
            } else if edge.y < 0.0 {
                left = left.max(at_zero / edge.y - EDGE);
            }
        }
        if left.ceil() <= right.floor() {
            (left.ceil() as u32..=right.floor() as u32).for_each(|x| draw(x, y));
        }
    }
}

#[cfg(test)]
mod tests;
