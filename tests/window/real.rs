//! One session with the real engine, and how long frames take in it. It needs the installed networks.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use egui::Key;
use jawline::app::StartBackend;
use jawline::app::session::{Preparation, Shown};
use jawline::engine::client::EngineClient;

use crate::bench::{Bench, SIZE, portrait};
use crate::fake::Script;

#[test]
fn a_whole_session_with_the_real_engine_never_holds_a_frame_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = portrait(folder.path());
    let backend: StartBackend =
        Box::new(|settings, wake| Ok(Box::new(EngineClient::start(settings, wake)?)));
    let script = Rc::new(RefCell::new(Script::default()));
    let mut bench = Bench::start(script, folder, vec![path], backend, SIZE, 1.0);
    bench.until_within(120, "the first usable code", |bench| {
        bench
            .app()
            .workspace()
            .session()
            .and_then(|session| session.chosen_state())
            .is_some_and(|state| state.prepared.is_some())
    });
    // The inversion is under way: the slider works all the same.
    bench.wait_for_pixels();
    bench.reset_frame_stats();
    bench.slide(70.0);
    bench.until_within(60, "a frame of the draft", |bench| {
        bench.shown() == Shown::Draft
    });
    for key in [Key::Num2, Key::Num3, Key::Num4, Key::Num1] {
        bench.key(key);
    }
    bench.click("Cancel");
    bench.until_within(60, "keyframes after the preparation was stopped", |bench| {
        bench.session().chosen_state().is_some_and(|state| {
            state.preparation() == Preparation::Cancelled && state.keyframes.len() >= 8
        })
    });
    bench.slide(30.0);
    bench.until_within(60, "the exact frame again", |bench| {
        bench.shown() == Shown::Exact
    });
    bench.key(Key::E);
    bench.click("Export the photo");
    bench.until_within(60, "exported", |bench| bench.has_text("Exported "));

    let exported = bench.folder.path().join("portrait retouched.jpg");
    let exported = image::open(exported).unwrap().into_rgb8();
    let original = image::open(bench.folder.path().join("portrait.jpg"))
        .unwrap()
        .into_rgb8();
    let difference = |from: u32, to: u32| {
        let rows = from..to;
        let sum: u64 = exported
            .enumerate_pixels()
            .zip(original.pixels())
            .filter(|((_, y, _), _)| rows.contains(y))
            .map(|((_, _, a), b)| u64::from(a[1].abs_diff(b[1])))
            .sum();
        sum as f64 / f64::from((to - from) * original.width())
    };
    let (eyes, chin) = (difference(300, 600), difference(800, 1000));
    assert!(chin > 3.0 * eyes, "eyes {eyes:.2}, chin {chin:.2}");

    let pace = bench.app().frame_stats();
    println!(
        "{} frames, median {:?}, longest {:?}",
        pace.frames(),
        pace.median(),
        pace.longest()
    );
    // What a frame costs on its own; a machine that is busy with other things stretches single ones.
    assert!(
        pace.median() < Duration::from_millis(25),
        "{:?}",
        pace.median()
    );
}
