//! Where in the crop a face, its neck and its surroundings are to be expected, by the landmarks.

use super::super::raster::fill_polygon;
use super::{CUT_SIZE, LABELS_SIZE};
use crate::geometry::{Landmarks, Point};

/// The face's own axes, in pixels of the label map.
pub(super) struct Frame {
    /// Middle between the jaw's corners (landmarks 3 and 13), at the height of the mouth.
    pub jaw: Point,
    /// Unit vector from the nose's bridge to the chin.
    pub down: Point,
    /// Unit vector to the right of the picture, across `down`.
    pub right: Point,
    /// Half the distance of the jaw's corners, across.
    pub half_width: f64,
    /// Distance from the nose's bridge to the chin.
    pub height: f64,
    /// How far below `jaw` the chin's tip is.
    pub chin_depth: f64,
}

impl Frame {
    pub fn of(landmarks: &Landmarks) -> Option<Self> {
        let points = landmarks.points();
        let spine = landmarks.chin() - points[27];
        let height = spine.length();
        let down = spine / height;
        let right = Point::new(down.y, -down.x);
        let jaw = (points[3] + points[13]) / 2.0;
        let half_width = (points[13] - points[3]).dot(right) / 2.0;
        let large_enough = height >= 16.0 && half_width >= 16.0;
        large_enough.then(|| Self {
            jaw,
            down,
            right,
            half_width,
            height,
            chin_depth: (landmarks.chin() - jaw).dot(down),
        })
    }

    /// Across (1 = the jaw's corners) and down from the jaw's corners (1 = from there to the chin).
    fn coordinates(&self, point: Point) -> (f64, f64) {
        let away = point - self.jaw;
        (
            away.dot(self.right) / self.half_width,
            away.dot(self.down) / self.chin_depth.max(1.0),
        )
    }
}

/// What the landmarks alone say about each pixel, at the size of the cut.
pub(super) struct Zones {
    /// The face, from the jaw line up over the forehead.
    pub face: Vec<bool>,
    /// Cheeks: nearly always bare skin.
    pub cheeks: Vec<bool>,
    /// Right under the chin: skin, unless it is covered.
    pub under_chin: Vec<bool>,
    /// Too far from face and neck to be either.
    pub beside: Vec<bool>,
    /// Above the forehead: mostly hair.
    pub above: Vec<bool>,
    /// Above and beside the head: mostly background.
    pub corner: Vec<bool>,
    /// Below the chin and beside the neck: mostly clothes.
    pub shoulder: Vec<bool>,
    /// How much a pixel's place speaks against its being neck; `None` where there cannot be any.
    pub reluctance: Vec<Option<f32>>,
    /// Below the jaw's corners, where clothes may be.
    pub low: Vec<bool>,
}

/// Label map pixels in a pixel of the cut.
pub(super) const CUT_SCALE: f64 = LABELS_SIZE as f64 / CUT_SIZE as f64;

impl Zones {
    pub fn of(landmarks: &Landmarks, frame: &Frame) -> Self {
        let points = landmarks.points();
        let pick = |indices: &[usize]| indices.iter().map(|&i| points[i]).collect::<Vec<_>>();
        let jaw = landmarks.jaw();
        let shifted = |points: &[Point], by: f64| {
            let offset = frame.down * (by * frame.height);
            points.iter().map(|&p| p + offset).collect::<Vec<_>>()
        };
        let forehead: Vec<Point> = shifted(&landmarks.brows(), -FOREHEAD)
            .into_iter()
            .rev()
            .collect();
        let face = [jaw.as_slice(), &forehead].concat();
        let mut chin_band = shifted(&jaw[7..=9], 0.16);
        chin_band.reverse();

        let face = zone(&[face]);
        let left_cheek = pick(&[1, 31, 48, 4, 3, 2]);
        let right_cheek = pick(&[15, 35, 54, 12, 13, 14]);
        let cheeks = zone(&[left_cheek, right_cheek]);
        let mut under_chin = zone(&[[shifted(&jaw[7..=9], 0.02), chin_band].concat()]);
        for (under, face) in under_chin.iter_mut().zip(&face) {
            *under &= !face;
        }
        let place = |i: usize| {
            let (x, y) = ((i % CUT_SIZE) as f64, (i / CUT_SIZE) as f64);
            frame.coordinates(
                (Point::new(x, y) + Point::new(0.5, 0.5)) * CUT_SCALE - Point::new(0.5, 0.5),
            )
        };
        let each = |is: &dyn Fn(f64, f64) -> bool| -> Vec<bool> {
            let all = 0..CUT_SIZE * CUT_SIZE;
            all.map(place)
                .map(|(across, depth)| is(across, depth))
                .collect()
        };
        Self {
            beside: each(&|across, depth| across.abs() > NECK_WIDTH + EAR + widening(depth)),
            above: each(&|across, depth| across.abs() < 0.8 && depth < -2.0),
            corner: each(&|across, depth| across.abs() > 1.5 && depth < -1.5),
            shoulder: each(&|across, depth| across.abs() > NECK_WIDTH && depth > 1.0),
            low: each(&|_, depth| depth > 0.2),
            reluctance: (0..CUT_SIZE * CUT_SIZE)
                .map(|i| {
                    let (across, depth) = place(i);
                    reluctance(across, depth)
                })
                .collect(),
            face,
            cheeks,
            under_chin,
        }
    }
}

/// Height of the forehead above the brows, as part of the distance from nose bridge to chin.
pub(super) const FOREHEAD: f64 = 0.4;
/// Where a neck's sides are at the latest (1 = the jaw's corners).
const NECK_WIDTH: f64 = 1.15;
/// Ears and the space for a mistake, beside that.
const EAR: f64 = 0.2;

/// Necks widen to shoulders below the chin.
fn widening(depth: f64) -> f64 {
    0.45 * (depth - 1.0).max(0.0)
}

/// See [`Zones::reluctance`].
fn reluctance(across: f64, depth: f64) -> Option<f32> {
    let excess = across.abs() - 0.8 - widening(depth);
    if depth < 0.0 || excess > NECK_WIDTH - 0.8 {
        return None;
    }
    Some((excess.max(0.0) / (NECK_WIDTH - 0.8)) as f32)
}

/// The pixels inside any of the polygons, at the size of the cut.
fn zone(polygons: &[Vec<Point>]) -> Vec<bool> {
    let mut inside = vec![false; CUT_SIZE * CUT_SIZE];
    for polygon in polygons {
        let to_cut = |p: &Point| {
            let p = (*p + Point::new(0.5, 0.5)) / CUT_SCALE;
            (p.x.floor() as i64, p.y.floor() as i64)
        };
        let corners: Vec<_> = polygon.iter().map(to_cut).collect();
        let mask = fill_polygon(&corners, CUT_SIZE as u32, CUT_SIZE as u32);
        for (inside, filled) in inside.iter_mut().zip(mask.as_raw()) {
            *inside |= *filled > 0;
        }
    }
    inside
}
