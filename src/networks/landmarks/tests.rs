use image::Rgb;
use ndarray::Array2;

use super::*;
use crate::checkpoint::dlib::Split;

/// A mean face on the unit square, points in rows of ten.
fn mean_face() -> Vec<[f32; 2]> {
    (0..Landmarks::COUNT)
        .map(|i| [0.1 + 0.08 * (i % 10) as f32, 0.1 + 0.12 * (i / 10) as f32])
        .collect()
}

/// One cascade of one tree: moves every point right by `step` when the pixel at point 0 is
/// brighter than the one at point 9, else down.
fn model(step: f32) -> LandmarkModel {
    let leaf = |x: f32, y: f32| [x, y].repeat(Landmarks::COUNT);
    let leaves = [leaf(step, 0.0), leaf(0.0, step)].concat();
    let tree = Tree {
        splits: vec![Split {
            first: 0,
            second: 1,
            threshold: 20.0,
        }],
        leaves: Array2::from_shape_vec((2, 2 * Landmarks::COUNT), leaves).unwrap(),
    };
    LandmarkModel::new(ShapePredictor {
        initial_shape: mean_face(),
        cascades: vec![Cascade {
            anchors: vec![0, 9],
            deltas: vec![[0.0, 0.0]; 2],
            trees: vec![tree],
        }],
    })
    .unwrap()
}

fn picture(left: u8, right: u8) -> RgbImage {
    RgbImage::from_fn(
        200,
        200,
        |x, _| Rgb([if x < 100 { left } else { right }; 3]),
    )
}

#[test]
fn trees_move_the_mean_face() {
    let face_box = Rect::new(50.0, 40.0, 150.0, 140.0);
    let first = |left, right| {
        let landmarks = model(0.05).fit(&picture(left, right), &face_box).unwrap();
        landmarks.points()[0]
    };
    // Point 0 of the mean face lies at (60, 50).
    assert!(first(200, 100).distance(Point::new(65.0, 50.0)) < 1e-4);
    assert!(first(100, 200).distance(Point::new(60.0, 55.0)) < 1e-4);
    assert!(first(120, 101).distance(Point::new(60.0, 55.0)) < 1e-4);
}

#[test]
fn outside_the_picture_is_black() {
    let face_box = Rect::new(160.0, 40.0, 260.0, 140.0);
    let landmarks = model(0.05).fit(&picture(0, 90), &face_box).unwrap();
    assert!(landmarks.points()[0].distance(Point::new(175.0, 50.0)) < 1e-4);
}

#[test]
fn turn_and_growth_are_those_of_a_similarity() {
    let from = mean_face();
    let (a, b) = (1.1_f32, -0.3_f32);
    let moved = from
        .iter()
        .map(|[x, y]| [a * x - b * y + 4.0, b * x + a * y - 2.0]);
    let found = turn_and_growth(&from, &moved.collect::<Vec<_>>());
    assert!(
        (found[0] - a).abs() < 1e-4 && (found[1] - b).abs() < 1e-4,
        "{found:?}"
    );
}

#[test]
fn the_box_of_landmarks_is_the_one_they_came_from() {
    let face_box = Rect::new(30.0, -20.0, 190.0, 140.0);
    let still = model(0.0);
    let landmarks = still.fit(&picture(0, 0), &face_box).unwrap();
    let found = still.box_of(&landmarks);
    let corners = |r: &Rect| [Point::new(r.left, r.top), Point::new(r.right, r.bottom)];
    for (a, b) in corners(&found).into_iter().zip(corners(&face_box)) {
        assert!(a.distance(b) < 1e-3, "{found:?}");
    }
}

#[test]
fn fits_that_follow_their_boxes_are_not_believed() {
    // A model that sees nothing leaves the mean face in whatever box it is given.
    let photo = Photo::from_pixels(picture(0, 0).into());
    let face_box = Rect::new(50.0, 40.0, 150.0, 140.0);
    let error = model(0.0)
        .find(&photo, &face_box, QuarterTurn::None)
        .unwrap_err();
    assert!(matches!(error, Error::Uncertain { .. }), "{error}");
}

#[test]
fn a_photo_on_its_side_whose_landmarks_are_unsure_is_to_be_turned() {
    let photo = Photo::from_pixels(picture(0, 0).into());
    let face_box = Rect::new(50.0, 40.0, 150.0, 140.0);
    let error = model(0.0).find(&photo, &face_box, QuarterTurn::Clockwise);
    let message = error.unwrap_err().to_string();
    assert!(message.contains("on its side; turn it"), "{message}");
}

#[test]
fn small_and_senseless_boxes_are_refused() {
    let photo = Photo::from_pixels(picture(0, 0).into());
    for size in [0.0, 63.0, -5.0, f64::NAN] {
        let face_box = Rect::new(10.0, 10.0, 10.0 + size, 10.0 + size);
        let error = model(0.0)
            .find(&photo, &face_box, QuarterTurn::None)
            .unwrap_err();
        assert!(matches!(error, Error::TooSmall { .. }), "{error}");
    }
    let infinite = Rect::new(0.0, 0.0, f64::INFINITY, f64::INFINITY);
    assert!(
        model(0.0)
            .find(&photo, &infinite, QuarterTurn::None)
            .is_err()
    );
}

#[test]
fn models_for_other_landmarks_are_refused() {
    let mut predictor = model(0.0).predictor;
    predictor.initial_shape.truncate(5);
    let error = LandmarkModel::new(predictor).unwrap_err();
    assert!(matches!(error, Error::PointCount { got: 5 }), "{error}");
}

#[test]
fn asymmetry_has_the_sign_of_the_side_that_the_face_looks_to() {
    let mut points = [Point::default(); Landmarks::COUNT];
    (points[36], points[45]) = (Point::new(-30.0, 0.0), Point::new(30.0, 0.0));
    (points[1], points[2]) = (Point::new(-50.0, 10.0), Point::new(-50.0, 20.0));
    (points[14], points[15]) = (Point::new(50.0, 20.0), Point::new(50.0, 10.0));
    let with_nose = |x: f64| {
        let mut points = points;
        points[30] = Point::new(x, 15.0);
        asymmetry(&Landmarks::new(points).unwrap())
    };
    assert!(with_nose(0.0).abs() < 1e-9);
    assert!((with_nose(25.0) - 0.5).abs() < 1e-9);
    assert!((with_nose(-40.0) + 0.8).abs() < 1e-9);
}
