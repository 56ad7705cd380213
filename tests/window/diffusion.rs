//! The diffuse method: shown while it runs, kept when it is stopped.

use jawline::app::session::{Readiness, Shown};
use jawline::engine::Method;
use jawline::engine::client::Slot;

use crate::bench::{Bench, differing};

fn choose_diffuse(bench: &mut Bench) {
    bench.click("Choose the method");
    bench.click("Diffuse");
    let face = bench.face();
    assert_eq!(
        bench.session().document.params(face).settings.method,
        Method::Diffuse
    );
}

fn asked(bench: &Bench) -> usize {
    let script = bench.script.borrow();
    let is_diffusion = |slot: &&Slot| matches!(slot, Slot::Diffuse(_));
    script.asked.iter().filter(is_diffusion).count()
}

#[test]
fn an_edit_is_diffused_once_and_then_exact() {
    let mut bench = Bench::edited();
    let before = bench.picture();
    choose_diffuse(&mut bench);
    bench.until("it is exact", |bench| bench.shown() == Shown::Exact);
    bench.settle();
    assert_eq!(asked(&bench), 1);
    assert!(differing(&before, &bench.picture()) > 500, "it is shown");

    bench.click("Mask");
    bench.slider("Feather").set_value_accesskit(60.0);
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact);
    assert_eq!(asked(&bench), 1, "the mask needs no other code");

    bench.slide(40.0);
    bench.until("the other amount is diffused", |bench| asked(bench) == 2);
    bench.until("it is exact", |bench| bench.shown() == Shown::Exact);
}

#[test]
fn while_it_runs_the_best_so_far_is_a_preview_and_cancel_keeps_it() {
    let mut bench = Bench::edited();
    bench.script.borrow_mut().stays_diffusing = true;
    let before = bench.picture();
    choose_diffuse(&mut bench);
    bench.until("it runs", |bench| bench.has_text("Diffusing face 1"));
    bench.until("the first drawing is shown", |bench| {
        bench.session().chosen_state().is_some_and(|state| {
            state.frame.as_ref().is_some_and(|frame| {
                frame
                    .rendered
                    .redrawn()
                    .is_some_and(|rendered| rendered.drawing.is_diffused())
            })
        })
    });
    assert_eq!(bench.shown(), Shown::Draft);
    let waits = matches!(bench.session().readiness(), Readiness::Waiting);
    assert!(waits, "an export waits");

    bench.click("Cancel");
    bench.settle();
    assert!(!bench.has_text("Diffusing face 1"));
    assert_eq!(bench.shown(), Shown::Exact);
    assert!(matches!(bench.session().readiness(), Readiness::Ready(_)));
    assert!(differing(&before, &bench.picture()) > 500, "it is kept");
    assert_eq!(asked(&bench), 1);
}
