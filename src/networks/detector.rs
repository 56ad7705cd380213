//! Finds faces, with SeetaFace's detector.
//!
//! The method is Wu, Kan, He, Shan and Chen, *Funnel-Structured Cascade for Multi-View Face
//! Detection with Alignment-Awareness* (Neurocomputing 2017), as ported to Rust by the package
//! `rustface`; its model (BSD 2-clause licence) is built into the program.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{GrayImage, Luma, imageops};
use rustface::ImageData;

use super::reduced;
use crate::geometry::{Affine, Point, QuarterTurn, Rect};
use crate::photo::Photo;

/// The model, from the package's own files (see `build.rs`).
const MODEL: &[u8] = include_bytes!(env!("DETECTOR_MODEL"));

/// Why faces cannot be looked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model's bytes make no sense.
    #[error("the face detector's model is damaged; install Jawline again")]
    Model,
    /// The detector broke down.
    #[error("the face detector failed on this photo")]
    Failed,
}

/// A face that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// A square from the brows to the chin, in pixels of the photo; may reach beyond its border.
    pub face_box: Rect,
    /// How sure the detector is: 3 is a guess, faces seen from the front have 10 and more.
    pub score: f64,
    /// The turn of the photo that brings the face upright.
    pub turn: QuarterTurn,
}

/// How long to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Look for large faces first, and for smaller ones only when there are none.
    Quick,
    /// Look for faces of every size.
    Thorough,
}

/// Finds faces. Making one is cheap.
pub struct FaceDetector {
    model: rustface::Model,
}

/// Longest sides of the copies that are looked at. In each of them the smallest face that can be
/// found has 40 pixels, so the last one shows faces of a 64th of the photo's longest side.
const COPY_SIDES_PX: [f64; 3] = [640.0, 1280.0, 2560.0];

/// Grey border around a copy, as part of its shorter side. Faces at the border of the photo are
/// found with it; and it keeps the windows of the cascade, which moves them, inside the picture.
const BORDER: f64 = 0.25;

/// Faces have scores of 8 and more, mistakes mostly below 2.
const LEAST_SCORE: f64 = 2.5;
/// No other turn of the photo needs to be tried when a face is as sure as this.
const SURE_SCORE: f64 = 8.0;
/// A face of a photo that would have to be turned must be surer than a guess.
const LEAST_TURNED_SCORE: f64 = 5.0;

/// Boxes that share this part of their union are the same face.
const SAME_FACE: f64 = 0.3;

impl FaceDetector {
    /// A detector with the model that is built in.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn new() -> Result<Self, Error> {
        let model = catch_unwind(|| rustface::read_model(MODEL));
        match model {
            Ok(Ok(model)) => Ok(Self { model }),
            _ => Err(Error::Model),
        }
    }

    /// The faces in `photo`, the largest first; none is no error. A photo in which no upright face is
    /// sure may lie on its side or stand on its head: it is looked at so turned, too, and the turn is
    /// taken whose faces are far surer.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn detect(&self, photo: &Photo, search: Search) -> Result<Vec<Face>, Error> {
        let surest = |faces: &[Face]| faces.iter().map(|face| face.score).fold(0.0, f64::max);
        let mut best = self.detect_turned(photo, search, QuarterTurn::None)?;
        let mut to_beat = (2.0 * surest(&best)).max(LEAST_TURNED_SCORE);
        if surest(&best) >= SURE_SCORE {
            return Ok(best);
        }
        for turn in QuarterTurn::ALL.into_iter().skip(1) {
            let faces = self.detect_turned(photo, search, turn)?;
            let score = surest(&faces);
            if score > to_beat {
                (best, to_beat) = (faces, score);
            }
        }
        Ok(best)
    }

    fn detect_turned(
        &self,
        photo: &Photo,
        search: Search,
        turn: QuarterTurn,
    ) -> Result<Vec<Face>, Error> {
        let pixels = photo.pixels();
        let (width, height) = (f64::from(pixels.width()), f64::from(pixels.height()));
        let whole = Rect::new(0.0, 0.0, width - 1.0, height - 1.0);
        let mut faces: Vec<Face> = Vec::new();
        for side in COPY_SIDES_PX {
            let factor = side / width.max(height);
            let Some(copy) = reduced::part(photo, &whole, factor) else {
                break;
            };
            let copy = copy.turned(turn);
            let grey = imageops::grayscale(&copy.pixels);
            let found = self.detect_in(&grey, &copy.photo_from_copy)?;
            faces.extend(found.into_iter().map(|(face_box, score)| Face {
                face_box,
                score,
                turn,
            }));
            // A copy of the full size shows all there is to see.
            if factor >= 1.0 || (search == Search::Quick && !faces.is_empty()) {
                break;
            }
        }
        Ok(distinct(faces))
    }

    /// Boxes in pixels of the photo, and scores.
    fn detect_in(
        &self,
        grey: &GrayImage,
        photo_from_copy: &Affine,
    ) -> Result<Vec<(Rect, f64)>, Error> {
        let (width, height) = grey.dimensions();
        let border = (f64::from(width.min(height)) * BORDER).ceil() as u32;
        let mut framed =
            GrayImage::from_pixel(width + 2 * border, height + 2 * border, Luma([127]));
        imageops::replace(&mut framed, grey, border.into(), border.into());

        let mut detector = rustface::create_detector_with_model(self.model.clone());
        detector.set_score_thresh(LEAST_SCORE);
        let (width, height) = framed.dimensions();
        let picture = ImageData::new(&framed, width, height);
        let found = catch_unwind(AssertUnwindSafe(|| detector.detect(&picture)));
        let found = found.map_err(|_| Error::Failed)?;

        let offset = Point::new(1.0, 1.0) * f64::from(border);
        let to_photo = |x: f64, y: f64| photo_from_copy.apply(Point::new(x, y) - offset);
        Ok(found
            .iter()
            .map(|info| {
                let (x, y) = (f64::from(info.bbox().x()), f64::from(info.bbox().y()));
                let size = f64::from(info.bbox().width());
                // Pixel centres lie half a pixel inside the window's edges.
                let face_box = Rect::around(&[
                    to_photo(x - 0.5, y - 0.5),
                    to_photo(x + size - 0.5, y + size - 0.5),
                ]);
                (face_box, info.score())
            })
            .collect())
    }
}

/// Keeps the surest of the boxes that show the same face, and sorts by size.
fn distinct(mut faces: Vec<Face>) -> Vec<Face> {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Face> = Vec::new();
    for face in faces {
        if kept.iter().all(|other| shared(face, *other) < SAME_FACE) {
            kept.push(face);
        }
    }
    kept.sort_by(|a, b| b.face_box.area().total_cmp(&a.face_box.area()));
    kept
}

/// The part of the union of two boxes that both cover.
fn shared(a: Face, b: Face) -> f64 {
    let both = a.face_box.intersection(&b.face_box).area();
    both / (a.face_box.area() + b.face_box.area() - both).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, Rgb, RgbImage};

    use super::*;

    fn face(left: f64, top: f64, size: f64, score: f64) -> Face {
        Face {
            face_box: Rect::new(left, top, left + size, top + size),
            score,
            turn: QuarterTurn::None,
        }
    }

    #[test]
    fn one_face_found_twice_is_one_face() {
        let small = face(500.0, 0.0, 40.0, 30.0);
        let faces = distinct(vec![
            face(0.0, 0.0, 100.0, 5.0),
            small,
            face(8.0, 4.0, 104.0, 9.0),
        ]);
        assert_eq!(faces, [face(8.0, 4.0, 104.0, 9.0), small]);
    }

    /// Brightness of a drawn face of `size` pixels at a place inside it: ellipses for head, eyes and
    /// mouth, a bar for the nose.
    fn drawn_face(x: f64, y: f64, size: f64) -> Option<u8> {
        let (x, y) = (400.0 * x / size - 200.0, 400.0 * y / size);
        if 9.0 * x * x + 5.0 * (y - 210.0).powi(2) >= 150_000.0 {
            return None;
        }
        let eye = (x.abs() - 50.0).powi(2) + 4.0 * (y - 170.0).powi(2) < 900.0;
        let mouth = x * x + 9.0 * (y - 290.0).powi(2) < 2500.0;
        let nose = x.abs() < 12.0 && y > 180.0 && y < 245.0;
        Some(match (nose, mouth, eye) {
            (true, ..) => 190,
            (_, true, _) => 95,
            (.., true) => 70,
            _ => 170,
        })
    }

    #[test]
    fn faces_are_found_where_they_are_the_largest_first() {
        let places = [(40.0, 240.0, 200.0), (300.0, 60.0, 300.0)];
        let photo = image::ImageBuffer::from_fn(640, 480, |column, row| {
            let (x, y) = (f64::from(column), f64::from(row));
            let mut drawn = places
                .iter()
                .map(|(l, t, size)| drawn_face(x - l, y - t, *size));
            let grey = u16::from(drawn.find_map(|grey| grey).unwrap_or(60));
            // The cascade looks at the order of neighbouring pixels, so flat areas need noise.
            let noise = (7 * column + 13 * row) % 11;
            Luma([(grey + noise as u16) * 257])
        });
        let detector = FaceDetector::new().unwrap();
        let faces = detector
            .detect(&Photo::from_pixels(photo.into()), Search::Thorough)
            .unwrap();
        let centres: Vec<Point> = faces.iter().map(|face| face.face_box.centre()).collect();
        assert_eq!(centres.len(), 2, "{faces:?}");
        for (centre, (left, top, size)) in centres.into_iter().zip(places.into_iter().rev()) {
            let expected = Point::new(left + 0.5 * size, top + 0.57 * size);
            assert!(centre.distance(expected) < 0.1 * size, "{faces:?}");
        }
    }

    #[test]
    fn a_photo_that_lies_on_its_side_has_its_face_where_it_is() {
        let portrait = image::load_from_memory(include_bytes!(
            "../../assets/portraits/man_with_glasses.jpg"
        ))
        .unwrap()
        .thumbnail(320, 320);
        let detector = FaceDetector::new().unwrap();
        let find = |pixels: DynamicImage| {
            let faces = detector.detect(&Photo::from_pixels(pixels), Search::Quick);
            faces.unwrap().first().copied().unwrap()
        };
        let upright = find(portrait.clone());
        assert_eq!(upright.turn, QuarterTurn::None);
        for (lying, turn) in [
            (portrait.rotate270(), QuarterTurn::Clockwise),
            (portrait.rotate180(), QuarterTurn::Half),
            (portrait.rotate90(), QuarterTurn::Anticlockwise),
        ] {
            let found = find(lying.clone());
            assert_eq!(found.turn, turn);
            // The photo lies as the upright one would after the opposite turn.
            let lying_from_upright = turn.upright_from_turned((lying.width(), lying.height()));
            let expected = lying_from_upright.apply(upright.face_box.centre());
            let distance = found.face_box.centre().distance(expected);
            assert!(
                distance < 0.05 * upright.face_box.width(),
                "{distance} {turn:?}"
            );
        }
    }

    #[test]
    fn a_picture_without_faces_has_none() {
        let detector = FaceDetector::new().unwrap();
        let stripes = RgbImage::from_fn(200, 150, |x, y| Rgb([(x * 3 % 256) as u8, y as u8, 99]));
        let stripes = Photo::from_pixels(stripes.into());
        for search in [Search::Quick, Search::Thorough] {
            assert_eq!(detector.detect(&stripes, search).unwrap(), []);
        }
    }

    #[test]
    fn the_smallest_pictures_are_searched_too() {
        let detector = FaceDetector::new().unwrap();
        for (width, height) in [(1, 1), (1, 300), (39, 41), (2000, 3)] {
            let photo = Photo::from_pixels(DynamicImage::new_luma16(width, height));
            assert_eq!(detector.detect(&photo, Search::Quick).unwrap(), []);
        }
    }
}
