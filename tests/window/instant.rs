//! The instant method, with which photos begin.

use jawline::app::session::Shown;
use jawline::editor::FaceId;
use jawline::engine::Method;
use jawline::engine::client::Slot;

use crate::bench::Bench;
use crate::fake::Script;

fn instant() -> Script {
    Script {
        method: Method::Instant,
        ..Script::default()
    }
}

#[test]
fn the_slider_is_awake_without_a_code_and_every_amount_is_exact() {
    let mut bench = Bench::with_script(instant());
    bench.wait_for_pixels();
    let before = bench.picture();
    for amount in [80.0, 35.0] {
        bench.slide(amount);
        assert_eq!(bench.session().shown(FaceId(1)), Shown::Exact);
        bench.settle();
        assert_ne!(bench.picture(), before, "{amount}");
    }
    let asked = bench.script.borrow().asked.clone();
    let is_search = |slot: &Slot| matches!(slot, Slot::Prepare(_) | Slot::Keyframes(_));
    assert!(!asked.iter().any(is_search), "{asked:?}");
    let frames = asked.iter().filter(|slot| matches!(slot, Slot::Draw(_)));
    assert_eq!(frames.count(), 1, "one frame serves all amounts");
}

#[test]
fn the_least_amount_is_known_at_once() {
    let bench = Bench::with_script(instant());
    let least = bench.session().least_amount(FaceId(1)).unwrap();
    assert_eq!(least, 75.0);
}

#[test]
fn another_method_looks_for_a_code_and_goes_on_from_the_crop() {
    let mut bench = Bench::with_script(instant());
    bench.slide(60.0);
    bench.click("Choose the method");
    bench.click("Plain");
    bench.settle();
    assert_eq!(bench.session().shown(FaceId(1)), Shown::Exact);
    let asked = bench.script.borrow().asked.clone();
    assert!(asked.iter().any(|slot| matches!(slot, Slot::Prepare(_))));
    bench.click("Choose the method");
    bench.click("Instant");
    bench.settle();
    assert_eq!(bench.session().shown(FaceId(1)), Shown::Exact);
}
