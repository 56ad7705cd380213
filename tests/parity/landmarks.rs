//! Landmarks of a drawn face, against those that dlib 20.0.1 finds in the same picture and box.

use std::path::Path;

use image::{Rgb, RgbImage};
use jawline::checkpoint::dlib::ShapePredictor;
use jawline::geometry::Rect;
use jawline::networks::{LandmarkModel, Pack, Role};

/// What dlib answers, rounded to pixels as dlib does.
const DLIB: [(i64, i64); 68] = [
    (82, 169),
    (83, 201),
    (88, 233),
    (95, 265),
    (108, 294),
    (127, 320),
    (149, 344),
    (172, 362),
    (200, 368),
    (228, 363),
    (254, 345),
    (278, 322),
    (297, 295),
    (310, 264),
    (317, 233),
    (322, 199),
    (324, 167),
    (109, 153),
    (128, 151),
    (146, 153),
    (163, 156),
    (179, 164),
    (222, 164),
    (239, 157),
    (256, 153),
    (274, 152),
    (292, 155),
    (200, 178),
    (200, 198),
    (200, 218),
    (200, 238),
    (180, 249),
    (190, 253),
    (200, 256),
    (211, 253),
    (220, 250),
    (129, 174),
    (142, 168),
    (158, 168),
    (171, 177),
    (156, 181),
    (141, 180),
    (230, 178),
    (243, 168),
    (258, 168),
    (272, 174),
    (260, 181),
    (245, 181),
    (152, 290),
    (168, 277),
    (187, 272),
    (201, 276),
    (215, 272),
    (233, 278),
    (249, 290),
    (234, 311),
    (215, 321),
    (200, 322),
    (185, 320),
    (167, 310),
    (158, 291),
    (186, 283),
    (200, 284),
    (214, 283),
    (243, 291),
    (215, 306),
    (200, 308),
    (186, 305),
];

/// Ellipses for head, eyes and mouth, a bar for the nose, and some noise.
fn drawn_face() -> RgbImage {
    RgbImage::from_fn(400, 400, |column, row| {
        let (x, y) = (i64::from(column), i64::from(row));
        let square = |n: i64| n * n;
        let mut grey = 60;
        if 9 * square(x - 200) + 5 * square(y - 210) < 150_000 {
            grey = 170;
        }
        if [150, 250]
            .iter()
            .any(|eye| square(x - eye) + 4 * square(y - 170) < 900)
        {
            grey = 70;
        }
        if square(x - 200) + 9 * square(y - 290) < 2500 {
            grey = 95;
        }
        if (x - 200).abs() < 12 && (181..245).contains(&y) {
            grey = 190;
        }
        let grey = (grey + (7 * x + 13 * y) % 11) as u8;
        Rgb([grey, grey - 10, grey - 25])
    })
}

#[test]
fn landmarks_equal_those_of_dlib_to_the_pixel() {
    let bytes = Pack::open("community")
        .unwrap()
        .read(Role::Landmarks)
        .unwrap();
    let predictor = ShapePredictor::parse(Path::new("landmarks"), &bytes).unwrap();
    let model = LandmarkModel::new(predictor).unwrap();
    let face_box = Rect::new(95.0, 120.0, 304.0, 329.0);
    let landmarks = model.fit(&drawn_face(), &face_box).unwrap();
    let rounded = landmarks.points().map(|p| {
        let round = |c: f64| (c + 0.5).floor() as i64;
        (round(p.x), round(p.y))
    });
    assert_eq!(rounded, DLIB);
}
