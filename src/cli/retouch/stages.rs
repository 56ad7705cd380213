//! The stages of `--stages`: every picture and array on the way, and all of them in one strip.

use std::path::Path;

use image::{DynamicImage, GrayImage, Rgb, Rgb32FImage, RgbImage};
use ndarray::ArrayViewD;
use serde_json::{Value, json};

use super::super::Failure;
use super::super::output::{create_folder, json_bytes, png_bytes};
use super::notes::Notes;
use crate::checkpoint::npy;
use crate::editor::sheet::{Sheet, comparison};
use crate::engine::{AlignedFace, EditedFace, MovedFace, RenderedFace};
use crate::geometry::{Affine, Landmarks};
use crate::photo::resize::resize_levels;
use crate::portrait::labels::LABELS_SIZE;

/// Side of a picture in the strip.
const STRIP_SIZE: u32 = 320;

/// The folder of a face, each of whose files is noted.
struct Folder<'a, 'n> {
    folder: &'a Path,
    notes: &'a Notes<'n>,
}

impl Folder<'_, '_> {
    fn png(&mut self, name: &str, picture: impl Into<DynamicImage>) -> Result<(), Failure> {
        let path = self.folder.join(name);
        self.notes.write(&path, &png_bytes(&path, picture)?)
    }

    fn npy(&mut self, name: &str, array: &ArrayViewD<'_, f32>) -> Result<(), Failure> {
        (self.notes).write(&self.folder.join(name), &npy::to_bytes(array))
    }

    fn json(&mut self, name: &str, value: &Value) -> Result<(), Failure> {
        (self.notes).write(&self.folder.join(name), &json_bytes(value)?)
    }
}

/// Writes the stages of one face; of one that was left alone, those before the edit.
pub(super) fn write(
    folder: &Path,
    aligned: &AlignedFace,
    rendered: Option<&EditedFace>,
    notes: &Notes<'_>,
) -> Result<(), Failure> {
    create_folder(folder)?;
    let folder = &mut Folder { folder, notes };
    let crop = &aligned.crop;
    let points: Vec<[f64; 2]> = aligned
        .landmarks
        .points()
        .iter()
        .map(|p| [p.x, p.y])
        .collect();
    folder.json(
        "landmarks.json",
        &json!({ "photo": points, "photo_from_crop": aligned.aligned.photo_from_crop }),
    )?;
    folder.png("crop.png", crop.clone())?;
    folder.png("labels.png", aligned.parsed.labels.clone())?;
    let mut strip = vec![
        (
            with_landmarks(crop, &aligned.landmarks_in_labels),
            "landmarks",
        ),
        (crop.clone(), "crop"),
        (painted_labels(&aligned.parsed.labels), "labels"),
    ];
    match rendered {
        Some(EditedFace::Redrawn(rendered)) => strip.extend(write_edit(folder, rendered)?),
        Some(EditedFace::Moved(moved)) => strip.extend(write_moved(folder, moved)?),
        None => (),
    }
    let mut sheet = Sheet::new();
    for (picture, label) in strip {
        sheet.add(0, resize_levels(&picture, STRIP_SIZE, STRIP_SIZE), label);
    }
    folder.png("stages.png", sheet.draw())
}

/// Writes what belongs to an edit, and yields its pictures for the strip.
fn write_edit(
    folder: &mut Folder<'_, '_>,
    rendered: &RenderedFace,
) -> Result<[(RgbImage, &'static str); 5], Failure> {
    let prepared = &rendered.face;
    let drawn = eight_bit(&prepared.drawn);
    let edited = eight_bit(&rendered.drawing.edited);
    let warped = eight_bit(&rendered.result);
    let composite = eight_bit(&rendered.composite()?);
    folder.png("mask.png", rendered.mask.clone())?;
    folder.png("inverted.png", drawn.clone())?;
    folder.png("edited.png", edited.clone())?;
    folder.png("warped.png", warped.clone())?;
    folder.png("composite.png", composite.clone())?;
    folder.npy(
        "code.npy",
        &prepared
            .code
            .view()
            .insert_axis(ndarray::Axis(0))
            .into_dyn(),
    )?;
    folder.npy(
        "edited_code.npy",
        &rendered
            .drawing
            .code
            .view()
            .insert_axis(ndarray::Axis(0))
            .into_dyn(),
    )?;
    let crop = prepared.face.crop.clone();
    folder.png("compare.png", comparison(crop, composite.clone()))?;
    let mask = DynamicImage::ImageLuma8(rendered.mask.clone()).into_rgb8();
    Ok([
        (mask, "mask"),
        (drawn, "inverted"),
        (edited, "edited"),
        (warped, "warped"),
        (composite, "composite"),
    ])
}

/// The same of an edit by the neck field, which has no code.
fn write_moved(
    folder: &mut Folder<'_, '_>,
    moved: &MovedFace,
) -> Result<[(RgbImage, &'static str); 2], Failure> {
    let composite = eight_bit(&moved.composite()?);
    folder.png("mask.png", GrayImage::clone(&moved.edit.mask))?;
    folder.png("composite.png", composite.clone())?;
    let crop = moved.face.crop.clone();
    folder.png("compare.png", comparison(crop, composite.clone()))?;
    let mask = DynamicImage::ImageLuma8(GrayImage::clone(&moved.edit.mask)).into_rgb8();
    Ok([(mask, "mask"), (composite, "composite")])
}

fn eight_bit(picture: &Rgb32FImage) -> RgbImage {
    DynamicImage::ImageRgb32F(picture.clone()).into_rgb8()
}

/// The crop with a dot on every landmark.
fn with_landmarks(crop: &RgbImage, landmarks_in_labels: &Landmarks) -> RgbImage {
    const DOT: Rgb<u8> = Rgb([0, 230, 80]);
    let radius = (crop.width() / 200).max(1) as i64;
    let crop_from_labels = Affine::resize(f64::from(crop.width()) / f64::from(LABELS_SIZE));
    let mut picture = crop.clone();
    for &point in landmarks_in_labels.points() {
        let centre = crop_from_labels.apply(point);
        for (dx, dy) in (-radius..=radius).flat_map(|dy| (-radius..=radius).map(move |dx| (dx, dy)))
        {
            let (x, y) = (centre.x.round() as i64 + dx, centre.y.round() as i64 + dy);
            let inside = (0..i64::from(picture.width())).contains(&x)
                && (0..i64::from(picture.height())).contains(&y);
            if inside && dx * dx + dy * dy <= radius * radius {
                picture.put_pixel(x as u32, y as u32, DOT);
            }
        }
    }
    picture
}

/// The label map in colours.
fn painted_labels(labels: &GrayImage) -> RgbImage {
    RgbImage::from_fn(labels.width(), labels.height(), |x, y| {
        Rgb(colour_of(labels.get_pixel(x, y)[0]))
    })
}

fn colour_of(label: u8) -> [u8; 3] {
    match label {
        0 => [40, 40, 40],
        1 => [224, 172, 140],
        2 | 3 => [120, 80, 40],
        4..=6 => [90, 150, 220],
        7 | 8 => [220, 140, 160],
        10 => [240, 190, 120],
        11..=13 => [200, 70, 80],
        14 => [110, 200, 120],
        15 => [230, 220, 80],
        16 => [90, 90, 180],
        17 => [110, 70, 150],
        _ => [200, 200, 200],
    }
}
