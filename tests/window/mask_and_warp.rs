//! The brush, warp points, settings of mask and warp.

use egui::Key;
use jawline::app::session::Shown;
use jawline::app::ui_state::Tool;
use jawline::engine::Method;
use jawline::portrait::strokes::StrokeKind;

use crate::bench::{Bench, differing};

#[test]
fn a_brush_stroke_changes_the_mask_and_is_one_step() {
    let mut bench = Bench::edited();
    let before = bench.picture();
    let steps = bench.session().document.history().steps().len();
    bench.key(Key::P);
    assert_eq!(*bench.app().tool(), Tool::Brush(StrokeKind::Add));
    let middle = bench.picture_rect().center();
    bench.drag(
        middle + egui::vec2(-80.0, 60.0),
        middle + egui::vec2(80.0, 60.0),
    );
    bench.settle();
    let face = bench.face();
    let strokes = bench.session().document.params(face).settings.strokes;
    assert_eq!(strokes.len(), 1);
    assert!(strokes[0].path.len() > 2);
    assert_eq!(bench.session().document.history().steps().len(), steps + 1);
    bench.key(Key::Escape);
    assert_eq!(*bench.app().tool(), Tool::Hand);
    bench.settle();
    assert!(
        differing(&before, &bench.picture()) > 500,
        "more of the edit shows"
    );

    bench.shift_key(Key::P);
    assert_eq!(*bench.app().tool(), Tool::Brush(StrokeKind::Erase));
    bench.drag(
        middle + egui::vec2(-90.0, 60.0),
        middle + egui::vec2(90.0, 60.0),
    );
    bench.key(Key::Escape);
    bench.key(Key::Z);
    bench.key(Key::Z);
    bench.settle();
    assert_eq!(differing(&before, &bench.picture()), 0, "undone");
}

#[test]
fn brackets_resize_the_brush() {
    let mut bench = Bench::edited();
    let radius = bench.app().ui_state().brush.radius_px;
    bench.key(Key::CloseBracket);
    assert!(bench.app().ui_state().brush.radius_px > radius);
    bench.key(Key::OpenBracket);
    bench.key(Key::OpenBracket);
    assert!(bench.app().ui_state().brush.radius_px < radius);
}

#[test]
fn a_warp_point_is_pulled() {
    let mut bench = Bench::edited();
    bench.click("Warp");
    bench.click("Pull points");
    let middle = bench.picture_rect().center();
    bench.drag(
        middle + egui::vec2(0.0, 150.0),
        middle + egui::vec2(30.0, 170.0),
    );
    bench.settle();
    let face = bench.face();
    let pulls = bench.session().document.params(face).settings.pulls;
    assert_eq!(pulls.len(), 1);
    assert!(pulls[0].by.x > 1.0 && pulls[0].by.y > 1.0, "{pulls:?}");
    assert_eq!(bench.shown(), Shown::Exact);
    bench.click("Let go");
    assert!(
        bench
            .session()
            .document
            .params(face)
            .settings
            .pulls
            .is_empty()
    );
}

#[test]
fn method_strength_and_colours_reach_the_document() {
    let mut bench = Bench::edited();
    let face = bench.face();
    bench.click("Choose the method");
    bench.click("Plain");
    assert_eq!(
        bench.session().document.params(face).settings.method,
        Method::Plain
    );
    bench.key(Key::Z);
    bench.click("Warp");
    bench.slider("Strength").set_value_accesskit(90.0);
    bench.harness.run_steps(2);
    let strength = bench.session().document.params(face).settings.warp.strength;
    assert!((strength - 0.9).abs() < 1e-6, "{strength}");
    bench.click("Match colours at the seam");
    assert!(!bench.session().document.params(face).settings.match_colour);
    let feather_px = |bench: &Bench| {
        let params = bench.session().document.params(face);
        params.settings.mask.feather_px
    };
    bench.click("Mask");
    bench.slider("Feather").set_value_accesskit(60.0);
    bench.harness.run_steps(2);
    assert_eq!(feather_px(&bench), 60);
    bench.click("Reset mask");
    assert_eq!(feather_px(&bench), 25);
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact);
}
