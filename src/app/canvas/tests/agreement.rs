//! What is drawn is what the export writes.

use super::sample::{Depth, Sample, as_shown, exported};
use super::*;

fn agrees(scale: f64, depth: Depth) {
    let mut screen = Screen::new();
    let sample = Sample::new(scale, depth);
    let mut canvas = screen.canvas();
    let photo = Photo::from_pixels(sample.photo.clone()).with_metadata(depth.metadata());
    show_photo(&mut canvas, photo);
    sample.set(&mut canvas, 7);
    let (size, view) = one_to_one(&sample.photo);

    for (display, strength) in [
        (FaceDisplay::Exact, 0.7),
        (FaceDisplay::ExactWith { strength: 0.0 }, 0.0),
        (FaceDisplay::ExactWith { strength: 1.0 }, 1.0),
        (FaceDisplay::Exact, 0.7),
    ] {
        let drawn = screen.draw(
            &mut canvas,
            size,
            &view,
            &scene(Compare::After, &[(7, display)]),
        );
        let expected = sample.exported(strength);
        let (largest, _) = compare(&drawn, &expected);
        assert!(largest <= 2, "{largest} levels at {scale}, {display:?}");
        let (_, edited) = compare(&expected, &sample.space.shown(sample.photo.clone()));
        let pixels = size.0 as usize * size.1 as usize;
        assert!(edited > pixels / 20, "only {edited} of {pixels} are edited");
    }
}

#[test]
fn a_denser_photo_is_drawn_as_exported() {
    agrees(2.3, Depth::Eight);
}

#[test]
fn a_photo_as_dense_as_the_crop_is_drawn_as_exported() {
    agrees(1.0, Depth::Eight);
}

#[test]
fn a_denser_crop_is_drawn_as_exported() {
    agrees(0.6, Depth::Eight);
}

#[test]
fn sixteen_bits_are_drawn_as_exported() {
    agrees(2.3, Depth::Sixteen);
    agrees(0.6, Depth::Sixteen);
}

#[test]
fn wide_gamut_photos_are_drawn_as_exported() {
    agrees(2.3, Depth::DisplayP3);
    agrees(0.6, Depth::DisplayP3);
}

#[test]
fn grey_photos_are_drawn_as_exported() {
    agrees(1.7, Depth::Grey);
    agrees(1.7, Depth::GreyInColour);
}

#[test]
fn neck_fields_are_drawn_as_exported_at_every_amount() {
    for (scale, depth) in [
        (2.3, Depth::Eight),
        (1.0, Depth::Eight),
        (0.6, Depth::Eight),
        (2.3, Depth::Sixteen),
        (1.7, Depth::Grey),
        (1.7, Depth::GreyInColour),
        (2.3, Depth::DisplayP3),
    ] {
        let mut screen = Screen::new();
        let sample = Sample::new(scale, depth);
        let mut canvas = screen.canvas();
        let photo = Photo::from_pixels(sample.photo.clone()).with_metadata(depth.metadata());
        show_photo(&mut canvas, photo);
        sample.set_field(&mut canvas, 7);
        let (size, view) = one_to_one(&sample.photo);
        for amount in [100.0, 37.0, -20.0, 4.0, 0.0] {
            let display = FaceDisplay::Moved { amount };
            let shown = scene(Compare::After, &[(7, display)]);
            let drawn = screen.draw(&mut canvas, size, &view, &shown);
            let expected = sample.exported_by_field(amount);
            let (largest, _) = compare(&drawn, &expected);
            assert!(
                largest <= 2,
                "{largest} levels at {scale}, {depth:?}, {amount} %"
            );
            let before = sample.space.shown(sample.photo.clone());
            let (_, edited) = compare(&expected, &before);
            let pixels = size.0 as usize * size.1 as usize;
            if amount == 0.0 {
                assert_eq!(expected, before);
            } else if amount > 30.0 {
                assert!(edited > pixels / 50, "only {edited} of {pixels} are edited");
            }
        }
    }
}

#[test]
fn a_reduced_neck_field_is_near_what_is_exported() {
    let mut screen = Screen::new();
    let sample = Sample::new(2.3, Depth::Eight);
    let mut canvas = screen.canvas_of(&sample.photo);
    sample.set_field(&mut canvas, 7);
    let (size, mut view) = one_to_one(&sample.photo);
    view.zoom = 0.25;
    let size = (size.0 / 4, size.1 / 4);
    let moved = scene(Compare::After, &[(7, FaceDisplay::Moved { amount: 80.0 })]);
    let drawn = screen.draw(&mut canvas, size, &view, &moved);
    let hidden = scene(Compare::After, &[(7, FaceDisplay::Hidden)]);
    let before = screen.draw(&mut canvas, size, &view, &hidden);
    let exported = DynamicImage::from(sample.exported_by_field(80.0));
    let mut canvas = screen.canvas_of(&exported);
    let expected = screen.draw(&mut canvas, size, &view, &scene(Compare::After, &[]));
    let whole = mean_difference(&before, &expected);
    let error = mean_difference(&drawn, &expected);
    assert!(error < 0.25 * whole, "{error} of {whole}");
}

#[test]
fn grey_photos_stay_grey_on_the_screen() {
    for scale in [1.7, 0.6] {
        let mut screen = Screen::new();
        let sample = Sample::new(scale, Depth::GreyInColour);
        let other = sample.beside(Point::new(70.0, 40.0));
        let mut canvas = screen.canvas_of(&sample.photo);
        for (number, face) in [(1, &sample), (2, &other)] {
            face.set(&mut canvas, number);
            canvas.set_keyframes(key(number), &[Arc::new(face.keyframe(100.0))]);
        }
        let (size, view) = one_to_one(&sample.photo);
        let largest_spread = |picture: &RgbaImage| {
            let spreads = picture.pixels().map(|pixel| {
                let [red, green, blue, _] = pixel.0;
                red.max(green).max(blue) - red.min(green).min(blue)
            });
            spreads.max().unwrap()
        };
        let own = largest_spread(&as_shown(&sample.photo));
        let preview = FaceDisplay::Preview { amount: 80.0 };
        for faces in [
            vec![(1, FaceDisplay::Exact)],
            vec![(1, preview)],
            vec![(1, FaceDisplay::Exact), (2, preview)],
        ] {
            let drawn = screen.draw(&mut canvas, size, &view, &scene(Compare::After, &faces));
            let spread = largest_spread(&drawn);
            // Each channel is rounded by itself.
            assert!(spread <= own + 1, "{spread} levels at {scale}, {faces:?}");
        }
    }
}

#[test]
fn overlapping_faces_are_drawn_as_exported() {
    for (scale, depth) in [
        (2.3, Depth::Eight),
        (1.0, Depth::Eight),
        (0.6, Depth::Eight),
        (2.3, Depth::Sixteen),
        (1.7, Depth::Grey),
        (1.7, Depth::GreyInColour),
    ] {
        let mut screen = Screen::new();
        let first = Sample::new(scale, depth);
        let faces = [
            &first.beside(Point::new(70.0, 40.0)),
            &first.beside(Point::new(-25.0, 60.0)),
            &first,
        ];
        let mut canvas = screen.canvas_of(&first.photo);
        for (key, face) in (1..).zip(faces) {
            face.set(&mut canvas, key);
        }
        let (size, view) = one_to_one(&first.photo);
        let before = as_shown(&first.photo);
        for shown in [&[0_usize, 2][..], &[2, 0], &[0, 1, 2]] {
            let displays: Vec<_> = shown
                .iter()
                .map(|i| (*i as u64 + 1, FaceDisplay::Exact))
                .collect();
            let drawn = screen.draw(&mut canvas, size, &view, &scene(Compare::After, &displays));
            let edits: Vec<_> = shown.iter().map(|i| (faces[*i], 0.7)).collect();
            let (largest, _) = compare(&drawn, &exported(&edits));
            assert!(
                largest <= 2,
                "{largest} levels at {scale}, {depth:?}, {shown:?}"
            );

            let alone: Vec<_> = edits.iter().map(|edit| exported(&[*edit])).collect();
            let edited_by =
                |picture: &RgbaImage, x, y| picture.get_pixel(x, y) != before.get_pixel(x, y);
            let overlap = before.enumerate_pixels().filter(|(x, y, _)| {
                alone
                    .iter()
                    .filter(|alone| edited_by(alone, *x, *y))
                    .count()
                    > 1
            });
            let pixels = before.len() / 4;
            let overlap = overlap.count();
            assert!(
                overlap > pixels / 20,
                "{overlap} of {pixels} in the overlap"
            );
        }
    }
}

#[test]
fn warps_differ_with_their_strength() {
    let sample = Sample::new(1.0, Depth::Eight);
    let (_, moved) = compare(&sample.exported(0.0), &sample.exported(1.0));
    assert!(moved > 100, "{moved}");
}

#[test]
fn keyframes_blend_into_the_exact_frame() {
    for scale in [2.3, 0.6] {
        let mut screen = Screen::new();
        let sample = Sample::new(scale, Depth::Eight);
        let mut canvas = screen.canvas_of(&sample.photo);
        sample.set(&mut canvas, 1);
        let keyframes = [
            Arc::new(sample.keyframe(100.0)),
            Arc::new(sample.half_keyframe(50.0)),
        ];
        canvas.set_keyframes(key(1), &keyframes[..1]);
        canvas.set_keyframes(key(1), &keyframes);
        let (size, view) = one_to_one(&sample.photo);
        let mut draw = |display| {
            screen.draw(
                &mut canvas,
                size,
                &view,
                &scene(Compare::After, &[(1, display)]),
            )
        };
        let exact = draw(FaceDisplay::Exact);
        let before = draw(FaceDisplay::Hidden);
        let mut preview = |amount| draw(FaceDisplay::Preview { amount });

        assert_eq!(before, as_shown(&sample.photo));
        assert_eq!(preview(0.0), before);
        let whole = mean_difference(&exact, &before);
        let error = mean_difference(&preview(100.0), &exact);
        assert!(error < 0.12 * whole, "{error} of {whole} at {scale}");
        for (amount, share) in [(25.0, 0.25), (50.0, 0.5), (75.0, 0.75)] {
            let drawn = preview(amount);
            let found = mean_difference(&drawn, &before) / whole;
            assert!((found - share).abs() < 0.06, "{found} at {amount}");
        }
    }
}

fn mean_difference(a: &RgbaImage, b: &RgbaImage) -> f64 {
    let sum: f64 = a
        .iter()
        .zip(b.iter())
        .map(|(a, b)| f64::from(a.abs_diff(*b)))
        .sum();
    sum / a.len() as f64
}
