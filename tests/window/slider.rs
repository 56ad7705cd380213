//! The slider, the history, and what is shown when.

use egui::Key;
use jawline::app::session::Shown;
use jawline::engine::client::Slot;

use crate::bench::{Bench, differing};
use crate::fake::Script;

#[test]
fn a_drag_is_followed_by_previews_and_ends_exact_in_one_step_of_the_history() {
    let mut bench = Bench::with_portrait();
    assert_eq!(bench.shown(), Shown::Original);
    bench.script.borrow_mut().holds_frames = true;
    let steps = bench.session().document.history().steps().len();

    let from = bench.slider_at(0.0);
    bench.harness.drag_at(from);
    bench.harness.run_steps(1);
    for amount in [20.0, 45.0, 70.0] {
        let at = bench.slider_at(amount);
        bench.harness.hover_at(at);
        bench.harness.run_steps(2);
        assert_eq!(bench.shown(), Shown::Blend, "at {amount}");
        assert!((bench.amount() - amount).abs() < 1.0);
    }
    assert!(bench.has_text("preview"));
    let at = bench.slider_at(70.0);
    bench.harness.drop_at(at);
    bench.harness.run_steps(2);
    assert_eq!(bench.shown(), Shown::Blend, "the exact frame is held back");
    bench.script.borrow_mut().holds_frames = false;
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact);
    assert!(bench.has_text("exact"));
    assert_eq!(bench.session().document.history().steps().len(), steps + 1);
}

#[test]
fn preview_and_exact_show_much_the_same_and_zero_shows_the_photo() {
    let mut bench = Bench::with_portrait();
    bench.wait_for_pixels();
    let photo = bench.picture();
    bench.script.borrow_mut().holds_frames = true;
    bench.slide(70.0);
    let preview = bench.picture();
    bench.script.borrow_mut().holds_frames = false;
    bench.settle();
    let exact = bench.picture();
    let changed = differing(&photo, &exact);
    assert!(changed > 2000, "the edit shows: {changed}");
    let mean = |a: &image::RgbaImage, b: &image::RgbaImage| {
        let sum: u64 = a
            .iter()
            .zip(b.iter())
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        sum as f64 / a.len() as f64
    };
    assert!(mean(&preview, &exact) < 0.15 * mean(&photo, &exact));
    bench.click("Reset");
    bench.settle();
    assert_eq!(bench.shown(), Shown::Original);
    assert_eq!(differing(&photo, &bench.picture()), 0);
}

#[test]
fn keys_wheel_typing_and_double_click_move_the_slider() {
    let mut bench = Bench::with_portrait();
    bench.key(Key::ArrowRight);
    bench.key(Key::ArrowRight);
    assert_eq!(bench.amount(), 2.0);
    bench.shift_key(Key::ArrowRight);
    assert_eq!(bench.amount(), 12.0);
    bench.key(Key::ArrowLeft);
    assert_eq!(bench.amount(), 11.0);
    bench.shift_key(Key::ArrowLeft);
    assert_eq!(bench.amount(), 1.0);
    let steps = bench.session().document.history().steps().len();
    assert_eq!(steps, 2, "keys that follow each other are one step");

    let at = bench.slider_at(50.0);
    bench.wheel(at, 120.0);
    assert!(bench.amount() > 2.0, "{}", bench.amount());

    bench.node("Chin").set_value_accesskit(33.0);
    bench.node("Chin").focus();
    bench.harness.run_steps(2);
    let at = bench.slider_at(80.0);
    for _ in 0..2 {
        bench.harness.drag_at(at);
        bench.harness.run_steps(1);
        bench.harness.drop_at(at);
        bench.harness.run_steps(1);
    }
    assert_eq!(bench.amount(), 0.0, "a double click is zero");
}

#[test]
fn undo_and_redo_by_button_key_and_list() {
    let mut bench = Bench::with_portrait();
    bench.slide(40.0);
    bench.slide(80.0);
    bench.key(Key::Z);
    assert!((bench.amount() - 40.0).abs() < 1.0);
    bench.click("Undo");
    assert_eq!(bench.amount(), 0.0);
    bench.shift_key(Key::Z);
    assert!((bench.amount() - 40.0).abs() < 1.0);
    bench.click("Redo");
    assert!((bench.amount() - 80.0).abs() < 1.0);
    bench.click("History: Opened");
    assert_eq!(bench.amount(), 0.0);
    bench.key(Key::Y);
    assert!((bench.amount() - 40.0).abs() < 1.0);
}

#[test]
fn the_slider_works_while_the_code_still_gets_better() {
    let mut bench = Bench::with_script(Script {
        stays_unfinished: true,
        ..Script::default()
    });
    assert!(bench.has_text("1:15 left"));
    bench.slide(60.0);
    bench.settle();
    assert_eq!(bench.shown(), Shown::Draft);
    let asked_keyframes = bench
        .script
        .borrow()
        .asked
        .iter()
        .any(|slot| matches!(slot, Slot::Keyframes(_)));
    assert!(!asked_keyframes, "keyframes wait for the final code");
    bench.click("Cancel");
    assert!(
        bench
            .script
            .borrow()
            .cancelled
            .iter()
            .any(|slot| matches!(slot, Slot::Prepare(_)))
    );
    assert!(bench.has("Go on"));
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact, "what was found can be used");
}

#[test]
fn a_frame_that_fails_is_told_and_not_asked_for_again() {
    let mut bench = Bench::with_portrait();
    bench.script.borrow_mut().frame_fails = true;
    bench.slide(50.0);
    bench.settle();
    assert!(bench.has_text("the test wants it so"));
    let asked = bench.script.borrow().asked.len();
    bench.harness.run_steps(10);
    assert_eq!(bench.script.borrow().asked.len(), asked);
    bench.slide(60.0);
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact);
}

#[test]
fn presets_are_applied_saved_and_deleted() {
    let mut bench = Bench::with_portrait();
    bench.click("Presets");
    bench.click("Preset: Strong");
    assert_eq!(bench.amount(), 100.0);
    bench.slide(33.0);
    let own = bench.amount();
    bench.node("Name of the preset").focus();
    bench.harness.run_steps(1);
    bench.node("Name of the preset").type_text("Mine");
    bench.harness.run_steps(2);
    bench.click("Save preset");
    bench.click("Preset: Subtle");
    assert_eq!(bench.amount(), 40.0);
    bench.click("Preset: Mine");
    assert_eq!(bench.amount(), own);
    bench.click("Delete preset Mine");
    assert!(!bench.has("Preset: Mine"));
}
