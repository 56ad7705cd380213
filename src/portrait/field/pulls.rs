//! Points that the user has pulled aside, as displacements that are added to a field's.

use image::{Rgb, Rgb32FImage};

use super::GRID_SIZE;
use crate::geometry::{Affine, Point};
use crate::portrait::resample::sample_bilinear;
use crate::portrait::warp::Pull;

/// The least radius of a pull, in fractions of the crop's side.
const LEAST_RADIUS: f64 = 0.09;
/// A pull reaches at least so many times as far as it moves, so that nothing folds.
const RADIUS_PER_SHIFT: f64 = 2.2;

/// Displacements on the grid of a field: red and green, pixels of the crop.
#[derive(Debug, Clone, PartialEq)]
pub struct PullField {
    displacement: Rgb32FImage,
}

impl PullField {
    /// The pulls (pixels of a crop of this side) together; `None` where there are none.
    pub fn of(pulls: &[Pull], crop_size: u32) -> Option<Self> {
        if pulls.is_empty() {
            return None;
        }
        let crop_from_grid = Affine::resize(f64::from(crop_size) / f64::from(GRID_SIZE));
        let displacement = Rgb32FImage::from_fn(GRID_SIZE, GRID_SIZE, |x, y| {
            let here = crop_from_grid.apply(Point::new(f64::from(x), f64::from(y)));
            let sum = pulls.iter().fold(Point::default(), |sum, pull| {
                sum + displacement_at(pull, here, crop_size)
            });
            Rgb([sum.x as f32, sum.y as f32, 0.0])
        });
        Some(Self {
            displacement: super::rounded(displacement),
        })
    }

    /// The displacements on the grid.
    pub fn displacement(&self) -> &Rgb32FImage {
        &self.displacement
    }

    pub(super) fn at(&self, cell: Point) -> Point {
        let [x, y, _] = sample_bilinear(&self.displacement, cell);
        Point::new(f64::from(x), f64::from(y))
    }
}

/// Where the pixel at a point comes from, relative to it, when what was at the pull's beginning now lies at
/// its end.
fn displacement_at(pull: &Pull, here: Point, crop_size: u32) -> Point {
    let radius = (f64::from(crop_size) * LEAST_RADIUS)
        .max(RADIUS_PER_SHIFT * pull.by.distance(Point::default()));
    let distance = here.distance(pull.at + pull.by) / radius;
    if distance.is_nan() || distance >= 1.0 {
        return Point::default();
    }
    let weight = (1.0 - distance * distance).powi(2);
    pull.by * -weight
}
