use image::Rgb;

use super::*;

/// Sixty-eight points on a face seen from the front, 260 px wide, chin at (256, 430).
fn landmarks() -> Landmarks {
    let arc =
        |i: usize, n: usize, from: f64, to: f64| from + (to - from) * i as f64 / (n - 1) as f64;
    let oval = |i: usize, n: usize, cx: f64, cy: f64, rx: f64, ry: f64| {
        let angle = std::f64::consts::TAU * i as f64 / n as f64 + std::f64::consts::PI;
        Point::new(cx + rx * angle.cos(), cy + ry * angle.sin())
    };
    let mut points = Vec::new();
    for i in 0..17 {
        let angle = arc(i, 17, std::f64::consts::PI, 0.0);
        points.push(Point::new(
            256.0 + 130.0 * angle.cos(),
            260.0 + 170.0 * angle.sin(),
        ));
    }
    points.extend((0..5).map(|i| Point::new(arc(i, 5, 160.0, 235.0), 215.0)));
    points.extend((0..5).map(|i| Point::new(arc(i, 5, 277.0, 352.0), 215.0)));
    points.extend((0..4).map(|i| Point::new(256.0, arc(i, 4, 240.0, 300.0))));
    points.extend((0..5).map(|i| Point::new(arc(i, 5, 232.0, 280.0), 315.0)));
    points.extend((0..6).map(|i| oval(i, 6, 200.0, 245.0, 22.0, 9.0)));
    points.extend((0..6).map(|i| oval(i, 6, 312.0, 245.0, 22.0, 9.0)));
    points.extend((0..12).map(|i| oval(i, 12, 256.0, 360.0, 50.0, 18.0)));
    points.extend((0..8).map(|i| oval(i, 8, 256.0, 360.0, 40.0, 6.0)));
    Landmarks::try_from(points).unwrap()
}

const FACE: [u8; 3] = [205, 160, 140];
const SHADED_NECK: [u8; 3] = [150, 112, 98];
const DARK_HAIR: [u8; 3] = [50, 38, 34];
const GREEN_CLOTH: [u8; 3] = [60, 120, 70];
const WALL: [u8; 3] = [150, 165, 190];

/// Where the neck of [`portrait`] is drawn.
fn is_neck(x: f64, y: f64) -> bool {
    (x - 256.0).abs() < 85.0 && y > 330.0 && y < 490.0 && !is_face(x, y)
}

fn is_face(x: f64, y: f64) -> bool {
    let ry = if y > 260.0 { 170.0 } else { 150.0 };
    ((x - 256.0) / 130.0).powi(2) + ((y - 260.0) / ry).powi(2) < 1.0
}

/// A flat drawing with a little noise, `size` pixels a side.
fn portrait(size: u32, neck: [u8; 3]) -> RgbImage {
    RgbImage::from_fn(size, size, |column, row| {
        let scale = 512.0 / f64::from(size);
        let (x, y) = (f64::from(column) * scale, f64::from(row) * scale);
        let hair = ((x - 256.0) / 175.0).powi(2) + ((y - 230.0) / 210.0).powi(2) < 1.0;
        let colour = if is_face(x, y) {
            FACE
        } else if is_neck(x, y) {
            neck
        } else if y > 440.0 {
            GREEN_CLOTH
        } else if hair {
            DARK_HAIR
        } else {
            WALL
        };
        let noise = (column * 37 + row * 101) % 13;
        Rgb(colour.map(|c| c.saturating_add(noise as u8)))
    })
}

#[test]
fn a_plain_neck_is_found_exactly_and_without_doubt() {
    for size in [512, 1024] {
        let parsed = parse_without_network(&portrait(size, SHADED_NECK), &landmarks()).unwrap();
        let (mut both, mut either) = (0, 0);
        for (x, y, label) in parsed.labels.enumerate_pixels() {
            let (found, drawn) = (label[0] == NECK, is_neck(x.into(), y.into()));
            both += u32::from(found && drawn);
            either += u32::from(found || drawn);
        }
        assert!(both * 100 > either * 95, "{both} of {either}");
        assert!(parsed.neck_confidence > 0.9, "{}", parsed.neck_confidence);
        assert_eq!(parsed.doubts, []);
    }
}

#[test]
fn a_scarf_up_to_the_chin_is_no_neck_and_is_told() {
    let parsed = parse_without_network(&portrait(512, [40, 60, 160]), &landmarks()).unwrap();
    assert!(
        parsed.doubts.contains(&Doubt::CoveredChin),
        "{:?}",
        parsed.doubts
    );
    assert!(parsed.neck_confidence < 0.3, "{}", parsed.neck_confidence);
}

#[test]
fn parts_have_their_labels() {
    let labels = parse_without_network(&portrait(512, SHADED_NECK), &landmarks())
        .unwrap()
        .labels;
    for ((x, y), label) in [
        ((200, 330), SKIN),
        ((256, 300), 10),
        ((200, 245), 4),
        ((312, 245), 5),
        ((200, 214), 2),
        ((310, 214), 3),
        ((256, 360), 11),
        ((256, 348), 12),
        ((256, 373), 13),
        ((256, 460), NECK),
        ((256, 30), HAIR),
        ((60, 490), CLOTH),
        ((20, 20), BACKGROUND),
    ] {
        assert_eq!(labels.get_pixel(x, y)[0], label, "at {x}, {y}");
    }
}

#[test]
fn one_colour_everywhere_is_doubtful_not_fatal() {
    let grey = RgbImage::from_pixel(64, 64, Rgb([120; 3]));
    let parsed = parse_without_network(&grey, &landmarks()).unwrap();
    assert!(!parsed.doubts.is_empty());
    assert!(parsed.neck_confidence < 0.7, "{}", parsed.neck_confidence);
}

#[test]
fn impossible_input_is_refused() {
    let oblong = RgbImage::new(64, 32);
    let refused = parse_without_network(&oblong, &landmarks());
    assert!(matches!(refused, Err(Error::NotSquare { .. })));
    let point = Landmarks::new([Point::new(5.0, 5.0); Landmarks::COUNT]).unwrap();
    let refused = parse_without_network(&RgbImage::new(64, 64), &point);
    assert!(matches!(refused, Err(Error::FaceSize { .. })));
}
