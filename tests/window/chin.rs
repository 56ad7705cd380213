//! The chin meter, the button that chooses the amount, and doubts about the neck.

use egui::Key;
use egui_kittest::kittest::{NodeT, Queryable};
use jawline::app::session::Shown;
use jawline::app::ui_state::Tool;
use jawline::engine::ChinReading;
use jawline::engine::client::{Request, Slot};
use jawline::latent::Boundary;
use jawline::portrait::strokes::StrokeKind;

use crate::bench::{Bench, portrait};
use crate::fake::Script;

const METER: &str = "Double chin, before and after";

/// What assistive technology is told of the meter: words and the probability of what is shown.
fn meter(bench: &Bench) -> (String, f64) {
    let node = bench.node(METER);
    let node = node.accesskit_node();
    (node.value().unwrap(), node.numeric_value().unwrap())
}

#[test]
fn the_meter_moves_with_the_slider_and_says_what_is_preliminary() {
    let mut bench = Bench::with_portrait();
    assert!(bench.has("Double chin: clear"));
    let (words, before) = meter(&bench);
    assert_eq!(words, "clear");
    let unedited = f64::from(ChinReading::THRESHOLD) + 0.65;
    assert!((before - unedited).abs() < 1e-6, "{before}");

    bench.script.borrow_mut().holds_frames = true;
    let from = bench.slider_at(0.0);
    bench.harness.drag_at(from);
    bench.harness.run_steps(1);
    // Amounts with and without a keyframe of their own.
    for (amount, expected) in [
        (25.0, "clear, now visible (preview)"),
        (45.0, "clear, now visible (preview)"),
        (60.0, "clear, now faint (preview)"),
        (75.0, "clear, now none seen (preview)"),
    ] {
        let at = bench.slider_at(amount);
        bench.harness.hover_at(at);
        bench.harness.run_steps(2);
        assert_eq!(bench.shown(), Shown::Blend, "at {amount}");
        let (words, probability) = meter(&bench);
        assert_eq!(words, expected, "at {amount}");
        assert!(bench.has(&format!("Double chin: {expected}")));
        let interpolated = unedited - 0.01 * f64::from(bench.amount());
        assert!((probability - interpolated).abs() < 0.01, "{probability}");
    }
    let at = bench.slider_at(75.0);
    bench.harness.drop_at(at);
    bench.script.borrow_mut().holds_frames = false;
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact);
    assert_eq!(meter(&bench).0, "clear, now none seen");
    bench.click("Reset");
    assert_eq!(meter(&bench), ("clear".to_owned(), before));
}

#[test]
fn what_is_drawn_from_a_draft_is_read_as_a_draft() {
    let mut bench = Bench::with_script(Script {
        stays_unfinished: true,
        ..Script::default()
    });
    assert_eq!(meter(&bench).0, "clear", "it is known before the code is");
    bench.slide(60.0);
    bench.settle();
    assert_eq!(bench.shown(), Shown::Draft);
    assert_eq!(meter(&bench).0, "clear, now faint (draft)");
}

#[test]
fn a_chin_without_a_double_chin_has_nothing_to_remove_and_can_be_edited() {
    let mut bench = Bench::with_script(Script {
        has_no_double_chin: true,
        ..Script::default()
    });
    let nothing = "No double chin seen: nothing to remove";
    assert!(bench.has(nothing));
    bench.slide(60.0);
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact);
    assert!(bench.has(nothing));
    bench.click("Auto");
    assert_eq!(bench.amount(), 0.0);
}

#[test]
fn nothing_jumps_whatever_the_meter_says() {
    let mut bench = Bench::with(Script::default(), |folder| vec![portrait(folder)]);
    bench.until("the photo is open", |bench| bench.has("Chin in per cent"));
    bench.settle();
    let top = |bench: &Bench| bench.node("Choose the method").rect().top();
    let at_rest = top(&bench);
    for amount in [40.0, 90.0, -15.0] {
        bench.slide(amount);
        assert_eq!(top(&bench), at_rest, "at {amount}");
        bench.settle();
        assert_eq!(top(&bench), at_rest, "at {amount}");
    }
    let unread = Bench::with_script(Script {
        has_no_double_chin: true,
        stays_unfinished: true,
        ..Script::default()
    });
    assert_eq!(top(&unread), at_rest);
}

#[test]
fn auto_takes_the_least_amount_that_is_enough_and_is_undone_in_one_step() {
    let mut bench = Bench::with_script(Script {
        holds_keyframes: true,
        ..Script::default()
    });
    assert!(bench.node("Auto").accesskit_node().is_disabled());
    bench.node("Auto").hover();
    bench.harness.run_steps(40);
    assert!(bench.has_text("Waits until previews"));
    bench.script.borrow_mut().holds_keyframes = false;
    bench.settle();
    let steps = bench.session().document.history().steps().len();
    bench.click("Auto");
    assert_eq!(bench.amount(), 70.0, "the first keyframe above 65");
    assert_eq!(bench.session().document.history().steps().len(), steps + 1);
    bench.settle();
    assert_eq!(meter(&bench).0, "clear, now none seen");
    // The keyframes are of every amount: none is missing at another one.
    bench.click("Auto");
    assert_eq!(bench.amount(), 70.0);
    bench.key(Key::Z);
    assert_eq!(bench.amount(), 0.0);
}

#[test]
fn auto_waits_for_the_final_code_and_says_so() {
    let mut bench = Bench::with_script(Script {
        stays_unfinished: true,
        ..Script::default()
    });
    assert!(bench.node("Auto").accesskit_node().is_disabled());
    bench.node("Auto").hover();
    bench.harness.run_steps(40);
    assert!(bench.has_text("Waits until the preparation"));
}

#[test]
fn where_no_amount_is_enough_auto_takes_the_usual_one() {
    let mut bench = Bench::with_script(Script {
        keeps_double_chin: true,
        ..Script::default()
    });
    bench.click("Auto");
    assert_eq!(bench.amount(), Boundary::DEFAULT_AMOUNT);
}

#[test]
fn a_covered_neck_is_told_at_once_and_the_brush_is_offered() {
    let mut bench = Bench::with_script(Script {
        covers_neck: true,
        stays_unfinished: true,
        ..Script::default()
    });
    assert!(bench.has_text("the neck is covered"));
    assert_eq!(*bench.app().tool(), Tool::Hand);
    bench.click("Take the brush");
    assert_eq!(*bench.app().tool(), Tool::Brush(StrokeKind::Add));
    assert!(!bench.has_text("the neck is covered"), "it was read");
}

#[test]
fn a_sound_neck_raises_no_banner() {
    let bench = Bench::with_portrait();
    assert!(!bench.has("Take the brush"));
}

#[test]
fn a_doubt_is_told_once_an_opening_and_its_brush_is_for_its_photo() {
    let script = Script {
        covers_neck: true,
        ..Script::default()
    };
    let mut bench = Bench::with(script, |folder| {
        let first = portrait(folder);
        let second = folder.join("second.jpg");
        std::fs::copy(&first, &second).unwrap();
        vec![first, second]
    });
    bench.until("a doubt is told", |bench| bench.has("Take the brush"));
    bench.settle();
    let told = bench.current_name().to_owned();
    assert!(bench.has_text(&format!("Face 1 of {told}")));
    let other = ["portrait.jpg", "second.jpg"]
        .into_iter()
        .find(|name| *name != told)
        .unwrap();
    let photos = bench.app().workspace().photos();
    let other = photos.iter().find(|photo| photo.name == other).unwrap();
    let label = other.name.clone();
    bench.click(&label);
    bench.until("the other's doubt is told too", |bench| {
        bench.has_text(&format!("Face 1 of {label}"))
    });
    bench.settle();
    let of_first = bench.harness.query_all_by_label("Take the brush").next();
    of_first.unwrap().click();
    bench.until("the first is in view, with the brush in hand", |bench| {
        bench.current_name() == told && *bench.app().tool() == Tool::Brush(StrokeKind::Add)
    });
    bench.settle();
    assert!(!bench.has_text(&format!("Face 1 of {told}")), "told once");
}

#[test]
fn another_boundary_is_drawn() {
    let mut bench = Bench::edited();
    bench.click("Layers & boundary");
    bench.script.borrow_mut().holds_frames = true;
    bench.script.borrow_mut().asked.clear();
    bench.click("Choose the boundary");
    bench.click("Double chin, coarse");
    let up_to_px = |bench: &Bench| {
        let script = bench.script.borrow();
        script.waiting.iter().find_map(|request| match request {
            Request::Draw { params, .. } => Some((params.up_to_px, (*params.boundary).clone())),
            _ => None,
        })
    };
    let coarse = Boundary::coarse().unwrap();
    let expected = (coarse.resolution_px(), coarse);
    assert_eq!(up_to_px(&bench), Some(expected.clone()));
    bench.script.borrow_mut().holds_frames = false;
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact);
    std::thread::sleep(std::time::Duration::from_millis(450));
    bench.settle();
    let keyframes = |slot: &Slot| matches!(slot, Slot::Keyframes(_));
    assert!(bench.script.borrow().asked.iter().any(keyframes));

    bench.script.borrow_mut().holds_frames = true;
    bench.click("Choose the layers");
    bench.click("64 px");
    let drawn = up_to_px(&bench);
    assert_eq!(drawn, Some((64, expected.1)));
}
