//! The warp stage as a whole, from pictures and label maps to the composite.

use image::{DynamicImage, GrayImage, RgbImage};

use super::{MeasuredRows, WarpMesh, WarpSettings};
use crate::geometry::{Landmarks, Point};
use crate::portrait::composite::composite;
use crate::portrait::masks::soft_neck_mask;
use crate::portrait::{Error, same_size, square_side};

/// What the warp stage works on.
#[derive(Debug, Clone, Copy)]
pub struct WarpInput<'a> {
    /// The photo's crop, square.
    pub before: &'a RgbImage,
    /// The edited crop, of the same size.
    pub after: &'a RgbImage,
    /// Labels of `before`, square.
    pub labels_before: &'a GrayImage,
    /// Labels of `after`, of the same size.
    pub labels_after: &'a GrayImage,
    /// Landmarks of `before` in pixels of the label maps.
    pub landmarks: &'a Landmarks,
}

impl WarpInput<'_> {
    /// The side of the crops, when everything fits together.
    pub(super) fn checked_size(&self) -> Result<u32, Error> {
        let size = square_side("photo's crop", self.before.dimensions())?;
        same_size(
            "edited crop",
            self.after.dimensions(),
            self.before.dimensions(),
        )?;
        square_side("label map of the photo", self.labels_before.dimensions())?;
        let what = "label map of the edited picture";
        same_size(
            what,
            self.labels_after.dimensions(),
            self.labels_before.dimensions(),
        )?;
        Ok(size)
    }
}

/// What the warp stage finds: what `jawline stage warp` writes.
#[derive(Debug, Clone, PartialEq)]
pub struct StageWarp {
    /// Vertices and triangles; the first [`WarpMesh::ANCHORS`] vertices are the fixed ones.
    pub mesh: WarpMesh,
    /// How many rows could be measured; `None` for the reference, which measures all or fails.
    pub measured: Option<MeasuredRows>,
    /// The edited crop after the warp.
    pub warped: RgbImage,
    /// The soft neck mask of the photo's crop.
    pub mask: GrayImage,
    /// The warped crop in the photo's crop, under the mask.
    pub composite: RgbImage,
}

impl StageWarp {
    /// Runs the stage in Jawline's way.
    ///
    /// # Errors
    /// When pictures and label maps do not fit together.
    pub fn compute(input: &WarpInput<'_>, settings: &WarpSettings) -> Result<Self, Error> {
        let size = input.checked_size()?;
        let WarpInput {
            labels_before,
            labels_after,
            landmarks,
            ..
        } = *input;
        let (mesh, measured) =
            WarpMesh::measure(labels_before, labels_after, landmarks, size, settings)?;
        let float = |picture: &RgbImage| DynamicImage::ImageRgb8(picture.clone()).into_rgb32f();
        let warped = mesh.warp(&float(input.after), settings.strength);
        let mask = soft_neck_mask(labels_before, landmarks, size)?;
        let composite = composite(&float(input.before), &warped, &mask)?;
        Ok(Self {
            mesh,
            measured: Some(measured),
            warped: DynamicImage::ImageRgb32F(warped).into_rgb8(),
            mask,
            composite: DynamicImage::ImageRgb32F(composite).into_rgb8(),
        })
    }

    /// The anchors, which the warp never moves.
    pub fn seed_points(&self) -> &[Point] {
        self.mesh
            .points_before
            .get(..WarpMesh::ANCHORS)
            .unwrap_or_default()
    }

    /// The control points in the photo's crop.
    pub fn points_before(&self) -> &[Point] {
        self.mesh
            .points_before
            .get(WarpMesh::ANCHORS..)
            .unwrap_or_default()
    }

    /// The control points in the edited crop.
    pub fn points_after(&self) -> &[Point] {
        self.mesh
            .points_after
            .get(WarpMesh::ANCHORS..)
            .unwrap_or_default()
    }
}
