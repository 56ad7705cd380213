//! The warp as the reference computes it: whole pixels, half way.

use image::{GrayImage, RgbImage};

use super::stage::{StageWarp, WarpInput};
use super::{WarpMesh, WarpSettings, anchors, control_points};
use crate::geometry::{Affine, Point, delaunay};
use crate::portrait::Error;
use crate::portrait::composite::composite_reference;
use crate::portrait::contour::measure_reference;
use crate::portrait::masks::{
    chin_row, enlarge, face_mask, parsed_neck_mask, soft_neck_mask, warp_band,
};
use crate::portrait::raster::{Pixel, triangle_spans};

impl StageWarp {
    /// Runs the stage exactly as the reference does.
    ///
    /// # Errors
    /// When pictures and label maps do not fit together, and where that system fails: when the masks
    /// of the two crops share no rows, or a row to be measured is empty.
    pub fn compute_reference(input: &WarpInput<'_>) -> Result<Self, Error> {
        let size = input.checked_size()?;
        let labels_size = input.labels_before.width();
        let settings = WarpSettings::default();

        let band = enlarge(&warp_band(input.landmarks, labels_size), size)?;
        let chin_row = chin_row(input.landmarks, labels_size, size);
        let face = |labels: &GrayImage| -> Result<GrayImage, Error> {
            let mut face = enlarge(&face_mask(labels), size)?;
            let outside_band = face
                .iter_mut()
                .zip(band.iter())
                .filter(|(_, band)| **band < 255);
            outside_band.for_each(|(face, _)| *face = 0);
            Ok(face)
        };
        let neck = |labels: &GrayImage| -> Result<GrayImage, Error> {
            let mut neck = enlarge(&parsed_neck_mask(labels), size)?;
            let rows_above = neck
                .enumerate_rows_mut()
                .filter(|(y, _)| i64::from(*y) < chin_row);
            rows_above
                .flat_map(|(_, row)| row)
                .for_each(|(_, _, value)| value.0 = [0]);
            Ok(neck)
        };
        let (before, after) = (input.labels_before, input.labels_after);
        let face = measure_reference(&face(before)?, &face(after)?, settings.rows, "face")?;
        let neck = measure_reference(&neck(before)?, &neck(after)?, settings.rows, "neck")?;

        let (points_before, points_after) = control_points(&face, &neck, settings.overshoot);
        let points_after: Vec<Point> = points_after.into_iter().map(Point::trunc).collect();
        let seed_points = anchors(size).map(|(x, y)| Point::new(f64::from(x), f64::from(y)));
        let triangles = delaunay(&[&seed_points, points_before.as_slice()].concat())?;

        let mesh = WarpMesh {
            points_before: [&seed_points, points_before.as_slice()].concat(),
            points_after: [&seed_points, points_after.as_slice()].concat(),
            triangles,
            pulled_by: vec![Point::default(); WarpMesh::ANCHORS + points_before.len()],
        };
        let warped = warp(input.after, &mesh);
        let mask = soft_neck_mask(input.labels_before, input.landmarks, size)?;
        let composite = composite_reference(input.before, &warped, &mask)?;
        Ok(Self {
            mesh,
            measured: None,
            warped,
            mask,
            composite,
        })
    }
}

/// Draws every triangle of `edited` half way to its place in the photo; where triangles share an
/// edge the later one stays.
fn warp(edited: &RgbImage, mesh: &WarpMesh) -> RgbImage {
    let mut warped = edited.clone();
    let (width, height) = edited.dimensions();
    for triangle in &mesh.triangles {
        let from = triangle.map(|vertex| mesh.points_after[vertex]);
        let to = triangle.map(|vertex| {
            (mesh.points_before[vertex] * 0.5 + mesh.points_after[vertex] * 0.5).trunc()
        });
        let Some(edited_from_warped) = Affine::between_triangles(to, from) else {
            continue;
        };
        let corners: [Pixel; 3] = from.map(|corner| (corner.x as i64, corner.y as i64));
        let source = SourceBox::around(corners);
        for (y, columns) in triangle_spans(
            to.map(|corner| (corner.x as i64, corner.y as i64)),
            width,
            height,
        ) {
            for x in columns {
                let point = edited_from_warped.apply(Point::new(f64::from(x), f64::from(y)));
                warped.put_pixel(x, y, image::Rgb(source.sample(edited, point)));
            }
        }
    }
    warped
}

/// The upright box of pixels around a triangle, beyond which its pixels are mirrored.
struct SourceBox {
    left: i64,
    top: i64,
    right: i64,
    bottom: i64,
}

impl SourceBox {
    fn around([a, b, c]: [Pixel; 3]) -> Self {
        Self {
            left: a.0.min(b.0).min(c.0),
            top: a.1.min(b.1).min(c.1),
            right: a.0.max(b.0).max(c.0),
            bottom: a.1.max(b.1).max(c.1),
        }
    }

    /// Bilinear interpolation at a position rounded to 1/32 pixel; the colour is rounded as well.
    fn sample(&self, picture: &RgbImage, point: Point) -> [u8; 3] {
        let steps = |coordinate: f64| (coordinate * 32.0).round() as i64;
        let (x, y) = (steps(point.x), steps(point.y));
        let (right, lower) = (
            x.rem_euclid(32) as f32 / 32.0,
            y.rem_euclid(32) as f32 / 32.0,
        );
        let (x, y) = (x.div_euclid(32), y.div_euclid(32));
        let pixel = |x: i64, y: i64| {
            let (x, y) = (
                mirrored(x, self.left, self.right),
                mirrored(y, self.top, self.bottom),
            );
            picture.get_pixel(x as u32, y as u32).0.map(f32::from)
        };
        let [a, b, c, d] = [
            pixel(x, y),
            pixel(x + 1, y),
            pixel(x, y + 1),
            pixel(x + 1, y + 1),
        ];
        std::array::from_fn(|i| {
            let upper_row = a[i] * (1.0 - right) + b[i] * right;
            let lower_row = c[i] * (1.0 - right) + d[i] * right;
            (upper_row * (1.0 - lower) + lower_row * lower + 0.5) as u8
        })
    }
}

/// `at` mirrored into `first..=last` without repeating the ends.
fn mirrored(at: i64, first: i64, last: i64) -> i64 {
    let length = last - first;
    if length == 0 {
        return first;
    }
    let folded = (at - first).rem_euclid(2 * length);
    first + folded.min(2 * length - folded)
}
