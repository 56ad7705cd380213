//! Ways to compare, zoom, overlays.

use egui::{Key, Pos2};
use jawline::app::view::{Axis, Compare};

use crate::bench::{Bench, differing};

#[test]
fn every_mode_by_key_and_by_button() {
    let mut bench = Bench::edited();
    let is_split = |mode: Compare| matches!(mode, Compare::Split { .. });
    for (key, label) in [
        (Key::Num2, "Split"),
        (Key::Num3, "Side by side"),
        (Key::Num4, "Difference"),
        (Key::Num1, "After"),
    ] {
        bench.key(key);
        let by_key = bench.app().ui_state().compare;
        bench.key(if key == Key::Num1 {
            Key::Num3
        } else {
            Key::Num1
        });
        assert_ne!(bench.app().ui_state().compare, by_key);
        bench.click(label);
        assert_eq!(bench.app().ui_state().compare, by_key, "{label}");
        assert_eq!(is_split(by_key), label == "Split");
    }
}

#[test]
fn the_halves_of_a_split_are_the_photo_and_the_result() {
    let mut bench = Bench::edited();
    let after = bench.picture();
    bench.harness.key_down(Key::B);
    let before = bench.picture();
    bench.harness.key_up(Key::B);
    assert!(differing(&before, &after) > 2000);
    bench.key(Key::Num2);
    let split = bench.picture();
    let (width, height) = split.dimensions();
    let half = |picture: &image::RgbaImage, left: u32| {
        // Away from the labels at the top and the divider with its handle.
        image::imageops::crop_imm(picture, left, 60, width / 2 - 60, height - 60).to_image()
    };
    assert_eq!(differing(&half(&split, 20), &half(&before, 20)), 0);
    let right = width / 2 + 30;
    assert_eq!(differing(&half(&split, right), &half(&after, right)), 0);
}

#[test]
fn the_divider_is_dragged_and_turned() {
    let mut bench = Bench::edited();
    bench.key(Key::Num2);
    let rect = bench.picture_rect();
    let to = Pos2::new(rect.left() + rect.width() * 0.25, rect.center().y);
    bench.drag(rect.center(), to);
    let Compare::Split { axis, position } = bench.app().ui_state().compare else {
        panic!("no split");
    };
    assert_eq!(axis, Axis::Vertical);
    assert!((position - 0.25).abs() < 0.01, "{position}");
    bench.click("Turn the split");
    bench.key(Key::Num1);
    bench.key(Key::Num2);
    let turned = bench.app().ui_state().compare;
    assert!(matches!(
        turned,
        Compare::Split {
            axis: Axis::Horizontal,
            ..
        }
    ));
}

#[test]
fn zoom_keeps_the_point_under_the_pointer_and_the_keys_zoom() {
    let mut bench = Bench::edited();
    let fit = bench.app().ui_state().view.unwrap();
    let at = bench.picture_rect().center() + egui::vec2(100.0, -50.0);
    bench.wheel(at, 150.0);
    let zoomed = bench.app().ui_state().view.unwrap();
    assert!(zoomed.zoom > fit.zoom * 1.3);
    let from_middle = at - bench.picture_rect().center();
    let under = |view: jawline::app::view::View| {
        let by = jawline::geometry::Point::new(f64::from(from_middle.x), f64::from(from_middle.y));
        view.centre + by / f64::from(view.zoom)
    };
    assert!(under(fit).distance(under(zoomed)) < 2.0);
    bench.key(Key::Num0);
    assert_eq!(bench.app().ui_state().view.unwrap().zoom, 1.0);
    bench.shift_key(Key::Num0);
    assert_eq!(bench.app().ui_state().view.unwrap().zoom, 2.0);
    bench.key(Key::Plus);
    assert!(bench.app().ui_state().view.unwrap().zoom > 2.0);
    bench.key(Key::Minus);
    bench.key(Key::Minus);
    assert!(bench.app().ui_state().view.unwrap().zoom < 2.0);
    let before = bench.app().ui_state().view.unwrap().centre;
    let middle = bench.picture_rect().center();
    bench.drag(middle, middle + egui::vec2(60.0, 30.0));
    let moved = bench.app().ui_state().view.unwrap().centre - before;
    assert!(
        moved.x < 0.0 && moved.y < 0.0,
        "the picture follows the pointer"
    );
    bench.key(Key::F);
    assert_eq!(bench.app().ui_state().view.unwrap(), fit);
}

#[test]
fn nothing_jumps_when_modes_change() {
    let mut bench = Bench::edited();
    bench.key(Key::Num0);
    let view = bench.app().ui_state().view;
    for key in [Key::Num2, Key::Num4, Key::Num1] {
        bench.key(key);
        assert_eq!(bench.app().ui_state().view, view);
    }
}

#[test]
fn overlays_come_and_go() {
    let mut bench = Bench::edited();
    let plain = bench.picture();
    bench.click("Overlays");
    for label in [
        "Landmarks",
        "Labels",
        "Mask",
        "Mask contour",
        "Warp",
        "Changed pixels",
    ] {
        bench.click_box(label);
        let with = bench.picture();
        assert!(differing(&plain, &with) > 150, "{label} shows");
        bench.click_box(label);
        assert_eq!(differing(&plain, &bench.picture()), 0, "{label} is gone");
    }
    for (key, shows) in [(Key::M, "mask"), (Key::W, "warp"), (Key::L, "landmarks")] {
        bench.key(key);
        assert!(differing(&plain, &bench.picture()) > 150, "{shows} by key");
        bench.key(key);
    }
}
