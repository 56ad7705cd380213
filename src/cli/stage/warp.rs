//! `jawline stage warp`.

use std::path::PathBuf;

use clap::Args;
use image::RgbImage;
use ndarray::Array2;
use serde_json::json;

use super::{FolderOptions, into_folder, point_array, read_labels, read_landmarks};
use crate::cli::pictures;
use crate::cli::{Failure, OutputOptions};
use crate::portrait::warp::{StageWarp, WarpInput, WarpSettings};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The photo's crop, square
    #[arg(long, value_name = "A.png")]
    before: PathBuf,
    /// The edited crop, of the same size
    #[arg(long, value_name = "B.png")]
    after: PathBuf,
    /// Label map of the photo's crop
    #[arg(long, value_name = "LA.png")]
    labels_before: PathBuf,
    /// Label map of the edited crop
    #[arg(long, value_name = "LB.png")]
    labels_after: PathBuf,
    /// Landmarks of the photo's crop in pixels of the label maps, [68,2]
    #[arg(long, value_name = "L.npy")]
    landmarks: PathBuf,
    /// Exactly as the reference computes it, whole pixels and all
    #[arg(long)]
    reference: bool,
    /// How far the edited crop is moved towards the photo's outline, 0 to 1
    #[arg(long, default_value_t = WarpSettings::default().strength, conflicts_with = "reference")]
    strength: f64,
    #[command(flatten)]
    out: FolderOptions,
    #[command(flatten)]
    console: OutputOptions,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = options.out.folder(
        &[
            "points_before.npy",
            "points_after.npy",
            "seed_points.npy",
            "simplices.npy",
            "warped.png",
            "mask.png",
            "composite.png",
        ],
        &[
            &options.before,
            &options.after,
            &options.labels_before,
            &options.labels_after,
            &options.landmarks,
        ],
    )?;
    let read = |path| -> Result<RgbImage, Failure> {
        Ok(pictures::load(path, options.console)?.pixels().to_rgb8())
    };
    let (before, after) = (read(&options.before)?, read(&options.after)?);
    let (labels_before, labels_after) = (
        read_labels(&options.labels_before, options.console)?,
        read_labels(&options.labels_after, options.console)?,
    );
    let landmarks = read_landmarks(&options.landmarks)?;
    let input = WarpInput {
        before: &before,
        after: &after,
        labels_before: &labels_before,
        labels_after: &labels_after,
        landmarks: &landmarks,
    };
    let stage = if options.reference {
        StageWarp::compute_reference(&input)?
    } else {
        let settings = WarpSettings {
            strength: options.strength,
            ..WarpSettings::default()
        };
        StageWarp::compute(&input, &settings)?
    };
    into_folder(out, options.console, |folder| {
        folder.npy("points_before.npy", &point_array(stage.points_before()))?;
        folder.npy("points_after.npy", &point_array(stage.points_after()))?;
        folder.npy("seed_points.npy", &point_array(stage.seed_points()))?;
        let triangles = &stage.mesh.triangles;
        let simplices = Array2::from_shape_fn((triangles.len(), 3), |(triangle, corner)| {
            triangles[triangle][corner] as i32
        });
        folder.npy("simplices.npy", &simplices)?;
        folder.png("warped.png", stage.warped.clone())?;
        folder.png("mask.png", stage.mask.clone())?;
        folder.png("composite.png", stage.composite.clone())?;
        Ok(json!({ "triangles": triangles.len(), "measured_rows": stage.measured }))
    })
}
