//! Figures of a session with a 24-megapixel photo and the real engine. It measures and judges little:
//! `cargo test --test window -- --ignored --nocapture speed`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use jawline::app::StartBackend;
use jawline::app::session::{Preparation, Shown};
use jawline::engine::Method;
use jawline::engine::client::EngineClient;
use jawline::memory::{peak_rss_bytes, rss_bytes};

use crate::bench::{Bench, SIZE, portrait};
use crate::fake::Script;

/// A photo of 24 megapixels with the sample portrait in it.
fn large_portrait(folder: &Path) -> PathBuf {
    let sample = image::open(portrait(folder)).unwrap().into_rgb8();
    let sample = imageops::resize(&sample, 2600, 2600, FilterType::CatmullRom);
    let mut photo = RgbImage::from_fn(6000, 4000, |x, y| {
        Rgb([(x / 40 % 90) as u8 + 60, (y / 40 % 90) as u8 + 60, 96])
    });
    imageops::replace(&mut photo, &sample, 1700, 700);
    let path = folder.join("large.jpg");
    let file = std::fs::File::create(&path).unwrap();
    photo
        .write_with_encoder(JpegEncoder::new_with_quality(file, 93))
        .unwrap();
    path
}

fn gigabytes(bytes: Option<u64>) -> f64 {
    bytes.unwrap_or(0) as f64 / 1e9
}

/// The window with a photo of 24 megapixels that begins with a method, and since when.
fn open_large_portrait(method: Method) -> (Bench, Instant) {
    let folder = tempfile::tempdir().unwrap();
    let path = large_portrait(folder.path());
    let backend: StartBackend =
        Box::new(|settings, wake| Ok(Box::new(EngineClient::start(settings, wake)?)));
    let script = Script {
        method,
        ..Script::default()
    };
    let script = Rc::new(RefCell::new(script));
    let begun = Instant::now();
    let bench = Bench::start(script, folder, vec![path], backend, SIZE, 1.0);
    (bench, begun)
}

#[test]
#[ignore = "measures; some seconds"]
fn speed_of_the_instant_method() {
    let (mut bench, begun) = open_large_portrait(Method::Instant);
    bench.until_within(30, "the slider is awake", |bench| {
        let session = bench.app().workspace().session();
        let state = session.and_then(|session| session.chosen_state());
        state.is_some_and(|state| state.frame.is_some())
    });
    println!("slider awake          {:?}", begun.elapsed());
    bench.wait_for_pixels();
    bench.settle();
    let (mut frames, mut pixels) = (Vec::new(), Vec::new());
    bench.harness.drag_at(bench.slider_at(0.0));
    bench.harness.run_steps(1);
    for amount in (2..=100).step_by(2) {
        let moved = Instant::now();
        bench.harness.hover_at(bench.slider_at(amount as f32));
        bench.harness.run_steps(1);
        frames.push(moved.elapsed());
        bench.harness.render().unwrap();
        pixels.push(moved.elapsed());
        // The first pixels of a drag are not taken for one.
        assert!(amount < 20 || bench.shown() == Shown::Exact, "{amount}");
    }
    for (what, times) in [("frame", &mut frames), ("pixels", &mut pixels)] {
        times.sort();
        let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
        println!("pointer to {what:<10} median {median:?}, longest {longest:?}");
    }
    println!("memory                {:.2} GB", gigabytes(rss_bytes()));
}

#[test]
#[ignore = "measures; a minute or two"]
fn speed() {
    let (mut bench, begun) = open_large_portrait(Method::Warp);
    bench.until("open", |bench| bench.app().workspace().session().is_some());
    println!("start and decode      {:?}", begun.elapsed());
    bench.until("coarse", |bench| bench.app().is_photo_begun());
    println!("photo on the canvas   {:?}", begun.elapsed());
    bench.wait_for_pixels();
    println!("in full               {:?}", begun.elapsed());
    let pace = |bench: &mut Bench, what: &str| {
        let pace = bench.app().frame_stats();
        println!(
            "{what:<21} {} frames, median {:?}, longest {:?}; {:.2} GB now, {:.2} GB at most",
            pace.frames(),
            pace.median(),
            pace.longest(),
            gigabytes(rss_bytes()),
            gigabytes(peak_rss_bytes())
        );
        bench.reset_frame_stats();
    };
    pace(&mut bench, "opening");
    bench.until_within(120, "the first usable code", |bench| {
        let state = bench.session().chosen_state();
        state.is_some_and(|state| state.prepared.is_some())
    });
    println!("first usable code     {:?}", begun.elapsed());
    pace(&mut bench, "inversion");
    bench.slide(70.0);
    bench.until_within(60, "exact", |bench| bench.shown() == Shown::Exact);
    pace(&mut bench, "drag while inverting");
    let cancelled = Instant::now();
    bench.click("Cancel");
    bench.until_within(90, "keyframes", |bench| {
        let state = bench.session().chosen_state();
        state.is_some_and(|state| {
            state.preparation() == Preparation::Cancelled && state.keyframes.len() >= 8
        })
    });
    println!(
        "keyframes             {:?} after the cancel",
        cancelled.elapsed()
    );
    pace(&mut bench, "keyframes");
    for amount in [95.0, 10.0, 60.0] {
        bench.slide(amount);
    }
    pace(&mut bench, "drag with keyframes");
    let asked = Instant::now();
    bench.until_within(60, "exact", |bench| bench.shown() == Shown::Exact);
    println!("exact after the drag  {:?}", asked.elapsed());
    bench.key(egui::Key::E);
    bench.click("Export the photo");
    bench.until_within(60, "exported", |bench| bench.has_text("Exported "));
    pace(&mut bench, "export");
    std::thread::sleep(Duration::from_secs(6));
    bench.harness.run_steps(2);
    println!("at rest               {:.2} GB", gigabytes(rss_bytes()));
}
