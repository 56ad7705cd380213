//! The ways to compare show the very same pixels, and overlays change what they should.

use image::GenericImageView;

use super::sample::{Depth, Sample, as_shown};
use super::*;
use crate::geometry::Rect;

const WINDOW: (u32, u32) = (301, 207);

fn views() -> Vec<View> {
    let centre = Point::new(161.3, 182.6);
    [0.37, 1.0, 0.5, 1.7, 2.5, 5.0]
        .map(|zoom| View { zoom, centre })
        .to_vec()
}

#[test]
fn halves_show_the_pixels_of_the_whole() {
    let mut screen = Screen::new();
    let sample = Sample::new(1.4, Depth::Eight);
    let mut canvas = screen.canvas_of(&sample.photo);
    sample.set(&mut canvas, 1);
    let faces = [(1, FaceDisplay::Exact)];
    for view in views() {
        let mut draw = |compare| screen.draw(&mut canvas, WINDOW, &view, &scene(compare, &faces));
        let (before, after) = (draw(Compare::Before), draw(Compare::After));
        assert_ne!(before, after);
        for axis in [Axis::Vertical, Axis::Horizontal] {
            let split = Compare::Split {
                axis,
                position: 0.45,
            };
            let canvas = Rect::new(0.0, 0.0, f64::from(WINDOW.0), f64::from(WINDOW.1));
            let divider = split.divider_px(&canvas) as u32;
            let drawn = draw(split);
            for (x, y, pixel) in drawn.enumerate_pixels() {
                let is_before = match axis {
                    Axis::Vertical => x < divider,
                    Axis::Horizontal => y < divider,
                };
                let whole = if is_before { &before } else { &after };
                assert_eq!(pixel, whole.get_pixel(x, y), "{axis:?} at {x}, {y}");
            }
        }

        // Side by side the same place of each half shows the same part of the photo.
        let beside = draw(Compare::SideBySide);
        let width = 149;
        let right = beside.view(WINDOW.0 - width, 0, width, WINDOW.1).to_image();
        let left = beside.view(0, 0, width, WINDOW.1).to_image();
        let edited = [(1, FaceDisplay::Hidden)];
        let unedited = screen.draw(
            &mut canvas,
            WINDOW,
            &view,
            &scene(Compare::SideBySide, &edited),
        );
        assert_eq!(left, unedited.view(0, 0, width, WINDOW.1).to_image());
        assert_eq!(
            left,
            unedited
                .view(WINDOW.0 - width, 0, width, WINDOW.1)
                .to_image()
        );
        assert_ne!(left, right);
    }
}

#[test]
fn a_hidden_edit_leaves_the_photo() {
    for depth in [Depth::Eight, Depth::Sixteen] {
        let mut screen = Screen::new();
        let sample = Sample::new(1.4, depth);
        let mut canvas = screen.canvas_of(&sample.photo);
        sample.set(&mut canvas, 1);
        let (size, view) = one_to_one(&sample.photo);
        for faces in [vec![(1, FaceDisplay::Hidden)], vec![]] {
            let drawn = screen.draw(&mut canvas, size, &view, &scene(Compare::After, &faces));
            assert!(
                compare(&drawn, &as_shown(&sample.photo)).0 <= u8::from(depth == Depth::Sixteen)
            );
        }
    }
}

#[test]
fn the_difference_is_amplified_and_black_elsewhere() {
    let mut screen = Screen::new();
    let sample = Sample::new(1.4, Depth::Eight);
    let mut canvas = screen.canvas_of(&sample.photo);
    sample.set(&mut canvas, 1);
    let (size, view) = one_to_one(&sample.photo);
    let faces = [(1, FaceDisplay::Exact)];
    let mut draw = |compare| screen.draw(&mut canvas, size, &view, &scene(compare, &faces));
    let (before, after) = (draw(Compare::Before), draw(Compare::After));
    let difference = draw(Compare::Difference);
    for (x, y, pixel) in difference.enumerate_pixels() {
        for channel in 0..3 {
            let expected = 4 * u32::from(
                after.get_pixel(x, y)[channel].abs_diff(before.get_pixel(x, y)[channel]),
            );
            let found = u32::from(pixel[channel]);
            assert!(
                found.abs_diff(expected.min(255)) <= 4,
                "{found} for {expected} at {x}, {y}"
            );
        }
    }
}

#[test]
fn two_faces_are_both_drawn() {
    let mut screen = Screen::new();
    let sample = Sample::new(1.0, Depth::Eight);
    let mut canvas = screen.canvas_of(&sample.photo);
    sample.set(&mut canvas, 1);
    // The same face once more, moved so far that only the blocks meet, not the masks.
    let mut other = Sample::new(1.0, Depth::Eight);
    let moved = Affine::translation(Point::new(170.0, -130.0));
    other.photo_from_crop = moved * other.photo_from_crop;
    other.set(&mut canvas, 2);
    let (size, view) = one_to_one(&sample.photo);
    let mut draw =
        |faces: &[_]| screen.draw(&mut canvas, size, &view, &scene(Compare::After, faces));
    let (none, first) = (draw(&[]), draw(&[(1, FaceDisplay::Exact)]));
    let second = draw(&[(2, FaceDisplay::Exact)]);
    let both = draw(&[(1, FaceDisplay::Exact), (2, FaceDisplay::Exact)]);
    for (x, y, pixel) in both.enumerate_pixels() {
        let [none, first, second] = [&none, &first, &second].map(|picture| picture.get_pixel(x, y));
        let expected = if second == none { first } else { second };
        // Where blocks meet, changes are summed in half floats.
        let differences = pixel.0.into_iter().zip(expected.0);
        let largest = differences.map(|(a, b)| a.abs_diff(b)).max();
        assert!(
            largest <= Some(1),
            "{pixel:?} instead of {expected:?} at {x}, {y}"
        );
    }
}

#[test]
fn overlays_change_only_what_they_should() {
    let mut screen = Screen::new();
    let sample = Sample::new(1.4, Depth::Eight);
    let mut canvas = screen.canvas_of(&sample.photo);
    sample.set(&mut canvas, 1);
    let (size, view) = one_to_one(&sample.photo);
    let crop_from_photo = sample.photo_from_crop.inverse().unwrap();
    let mask = |x: u32, y: u32| {
        let point = crop_from_photo.apply(Point::new(f64::from(x), f64::from(y)));
        let (x, y) = (point.x.round(), point.y.round());
        let inside = (0.0..f64::from(sample::SIZE)).contains(&x)
            && (0.0..f64::from(sample::SIZE)).contains(&y);
        inside.then(|| sample.mask.get_pixel(x as u32, y as u32)[0])
    };
    let faces = [(1, FaceDisplay::Exact)];
    let plain = screen.draw(&mut canvas, size, &view, &scene(Compare::After, &faces));
    let off = FaceOverlays {
        face: Some(key(1)),
        ..FaceOverlays::default()
    };
    let mut draw = |compare, overlays| {
        let mut scene = scene(compare, &faces);
        scene.overlays = overlays;
        screen.draw(&mut canvas, size, &view, &scene)
    };
    assert_eq!(draw(Compare::After, off), plain);

    type May = fn(Option<u8>) -> bool;
    let cases: [(FaceOverlays, May); 4] = [
        (
            FaceOverlays {
                mask_tint: 1.0,
                ..off
            },
            |mask| mask.is_some_and(|mask| mask > 0),
        ),
        (
            FaceOverlays {
                mask_contour: 1.0,
                ..off
            },
            |mask| mask.is_some_and(|mask| (90..165).contains(&mask)),
        ),
        (FaceOverlays { labels: 0.5, ..off }, |mask| mask.is_some()),
        (FaceOverlays { heat: 0.8, ..off }, |mask| {
            mask.is_some_and(|mask| mask > 0)
        }),
    ];
    for (overlays, may_change) in cases {
        let drawn = draw(Compare::After, overlays);
        let mut count = 0;
        for (x, y, pixel) in drawn.enumerate_pixels() {
            if pixel != plain.get_pixel(x, y) {
                count += 1;
                let near = [(0, 0), (1, 0), (0, 1)].map(|(dx, dy)| mask(x + dx, y + dy));
                let before = mask(x.saturating_sub(1), y.saturating_sub(1));
                let any = near.into_iter().chain([before]).any(may_change);
                assert!(any, "{overlays:?} at {x}, {y}: {near:?}");
            }
            assert_eq!(pixel[3], 255);
        }
        assert!(count > 300, "{overlays:?}: {count}");
        // The photo as it was stays as it was.
        assert_eq!(draw(Compare::Before, overlays), draw(Compare::Before, off));
    }
}
