//! Small, exact pictures of the main states: they tell when a layout moves that nobody meant to move.
//! `UPDATE_SNAPSHOTS=1 cargo test --test window` draws them again; look at them before you keep them.

use std::path::{Path, PathBuf};

use egui::Key;
use egui_kittest::SnapshotOptions;
use image::{Rgb, RgbImage};

use crate::bench::Bench;
use crate::fake::Script;

/// Exact but for the last bit of anti-aliased edges.
fn options() -> SnapshotOptions {
    SnapshotOptions::new()
        .threshold(1.0)
        .max_failed_pixels(25_usize)
        .output_path("tests/window/snapshots")
}

/// A flat picture that compresses well: a grey wall and a round face.
fn drawn_portrait(folder: &Path) -> Vec<PathBuf> {
    let picture = RgbImage::from_fn(1024, 1024, |x, y| {
        let (dx, dy) = (f64::from(x) - 512.0, f64::from(y) - 560.0);
        let is_neck = dx.abs() < 190.0 && dy > 0.0;
        match dx.hypot(dy * 0.8) < 300.0 || is_neck {
            true => Rgb([196, 152, 128]),
            false => Rgb([90, 94, 98]),
        }
    });
    let path = folder.join("drawn.png");
    picture.save(&path).unwrap();
    vec![path]
}

fn bench(script: Script) -> Bench {
    let mut bench = Bench::small(script, drawn_portrait);
    bench.until("open", |bench| bench.app().workspace().session().is_some());
    bench.settle();
    bench.wait_for_pixels();
    bench
}

/// What is different each time (milliseconds, memory) is covered, and so is what is only bulk.
fn snapshot(bench: &mut Bench, name: &str, covered: &[egui::Rect]) {
    bench.harness.remove_cursor();
    bench.harness.run_steps(3);
    let status = bench.status_rect();
    bench.harness.mask(status);
    covered.iter().for_each(|rect| bench.harness.mask(*rect));
    bench.harness.snapshot_options(name, &options());
}

#[test]
fn nothing_open() {
    let mut bench = Bench::small(Script::default(), |_| Vec::new());
    bench.until("the samples are there", |bench| {
        bench.has("Sample: Older woman")
    });
    // The samples are photos: large to keep, and not what is looked at here.
    let covered: Vec<egui::Rect> = ["Man with glasses", "Older woman", "Young woman"]
        .iter()
        .map(|sample| bench.node(&format!("Sample: {sample}")).rect())
        .collect();
    snapshot(&mut bench, "nothing_open", &covered);
}

#[test]
fn preparing() {
    let mut bench = bench(Script {
        stays_unfinished: true,
        ..Script::default()
    });
    snapshot(&mut bench, "preparing", &[]);
}

#[test]
fn split_and_difference() {
    let mut bench = bench(Script::default());
    bench.slide(80.0);
    bench.settle();
    bench.key(Key::Num2);
    snapshot(&mut bench, "split", &[]);
    bench.key(Key::Num4);
    snapshot(&mut bench, "difference", &[]);
}

#[test]
fn no_face() {
    let mut bench = bench(Script {
        finds_nothing: true,
        ..Script::default()
    });
    snapshot(&mut bench, "no_face", &[]);
}
