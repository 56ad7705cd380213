//! No seam shows between tiles.

use super::sample::{Depth, Sample};
use super::*;

#[test]
fn tiles_meet_without_a_seam() {
    let mut screen = Screen::new();
    let sample = Sample::new(1.4, Depth::Eight);
    let mut whole = screen.canvas_of(&sample.photo);
    let mut tiled = Canvas::with_tile_limit(&screen.render_state, 64);
    show(&mut tiled, &sample.photo);
    for canvas in [&mut whole, &mut tiled] {
        sample.set(canvas, 1);
        canvas.set_keyframes(key(1), &[Arc::new(sample.keyframe(100.0))]);
    }
    assert_eq!(whole.photo.as_ref().map(|photo| photo.tiles.len()), Some(1));
    assert!(
        tiled
            .photo
            .as_ref()
            .is_some_and(|photo| photo.tiles.len() > 50)
    );
    for zoom in [0.06, 0.126, 0.37, 1.0, 2.5, 7.3] {
        let view = View {
            zoom,
            centre: Point::new(201.7, 210.2),
        };
        for display in [
            FaceDisplay::Hidden,
            FaceDisplay::Exact,
            FaceDisplay::Preview { amount: 70.0 },
        ] {
            let scene = scene(Compare::After, &[(1, display)]);
            let [expected, drawn] = [&mut whole, &mut tiled]
                .map(|canvas| screen.draw(canvas, (330, 290), &view, &scene));
            let (largest, _) = compare(&drawn, &expected);
            assert!(largest <= 1, "{largest} levels at {zoom}, {display:?}");
        }
    }
}

#[test]
fn overlapping_faces_meet_without_a_seam() {
    let mut screen = Screen::new();
    let sample = Sample::new(1.4, Depth::Eight);
    let other = sample.beside(Point::new(70.0, 40.0));
    let mut whole = screen.canvas_of(&sample.photo);
    let mut tiled = Canvas::with_tile_limit(&screen.render_state, 64);
    show(&mut tiled, &sample.photo);
    for canvas in [&mut whole, &mut tiled] {
        for (number, face) in [(1, &sample), (2, &other)] {
            face.set(canvas, number);
            canvas.set_keyframes(key(number), &[Arc::new(face.keyframe(100.0))]);
        }
    }
    let preview = FaceDisplay::Preview { amount: 70.0 };
    for zoom in [0.126, 0.25, 0.37, 0.5, 1.0, 2.5, 7.3] {
        // Edges of tiles between pixels of the screen, and on their centres.
        for centre in [Point::new(201.7, 210.2), Point::new(200.0, 208.5)] {
            let view = View { zoom, centre };
            for displays in [
                [FaceDisplay::Exact; 2],
                [preview; 2],
                [FaceDisplay::Exact, preview],
            ] {
                let faces = [(1, displays[0]), (2, displays[1])];
                for compare_by in [Compare::After, Compare::SideBySide] {
                    let scene = scene(compare_by, &faces);
                    let [expected, drawn] = [&mut whole, &mut tiled]
                        .map(|canvas| screen.draw(canvas, (330, 290), &view, &scene));
                    let (largest, _) = compare(&drawn, &expected);
                    assert!(largest <= 1, "{largest} levels at {view:?}, {displays:?}");
                }
            }
        }
    }
}

#[test]
fn tiles_that_arrive_replace_what_the_reduced_copy_shows() {
    let mut screen = Screen::new();
    let sample = Sample::new(1.4, Depth::Eight);
    let other = sample.beside(Point::new(70.0, 40.0));
    let mut canvas = screen.canvas_of(&sample.photo);
    sample.set(&mut canvas, 1);
    other.set(&mut canvas, 2);
    let (size, view) = one_to_one(&sample.photo);
    let scene = scene(
        Compare::After,
        &[(1, FaceDisplay::Exact), (2, FaceDisplay::Exact)],
    );
    let expected = screen.draw(&mut canvas, size, &view, &scene);
    // One tile of many is missing, so that the reduced copy is drawn below the others.
    let mut tiled = Canvas::with_tile_limit(&screen.render_state, 64);
    show(&mut tiled, &sample.photo);
    without_first_tile(&mut tiled);
    sample.set(&mut tiled, 1);
    other.set(&mut tiled, 2);
    let drawn = screen.draw(&mut tiled, size, &view, &scene);
    let (_, different) = compare(&drawn, &expected);
    assert!(different <= 48 * 48, "{different} pixels differ");
}

/// Forgets a tile of the photo, as if it had not arrived yet.
fn without_first_tile(canvas: &mut Canvas) {
    let photo = canvas.photo.as_mut().unwrap();
    let start = Instant::now();
    // The thread that has uploaded it ends.
    loop {
        if let Some(photo) = Arc::get_mut(photo) {
            photo.tiles[0].piece.take();
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "the upload hangs"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn reduced_views_are_the_mean_of_what_lies_below() {
    let mut screen = Screen::new();
    let sample = Sample::new(1.4, Depth::Eight);
    let mut canvas = screen.canvas_of(&sample.photo);
    sample.set(&mut canvas, 1);
    let (size, view) = one_to_one(&sample.photo);
    let scene = scene(Compare::After, &[(1, FaceDisplay::Exact)]);
    let full = screen.draw(&mut canvas, size, &view, &scene);
    let half = (size.0 / 2, size.1 / 2);
    let centre = Point::new(f64::from(half.0) - 0.5, f64::from(half.1) - 0.5);
    let view = View { zoom: 0.5, centre };
    let drawn = screen.draw(&mut canvas, half, &view, &scene);
    let mut total = 0;
    for (x, y, pixel) in drawn.enumerate_pixels() {
        for channel in 0..3 {
            let sum: u32 = [(0, 0), (1, 0), (0, 1), (1, 1)]
                .map(|(dx, dy)| u32::from(full.get_pixel(2 * x + dx, 2 * y + dy)[channel]))
                .into_iter()
                .sum();
            total += u32::from(pixel[channel]).abs_diff((sum + 2) / 4);
        }
    }
    let mean = f64::from(total) / f64::from(half.0 * half.1 * 3);
    assert!(mean < 0.8, "{mean} levels");
}
