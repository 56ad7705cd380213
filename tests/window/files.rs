//! Export, saving, closing, crashes.

use std::fs;

use egui::Key;
use jawline::app::session::Shown;

use crate::bench::Bench;

#[test]
fn an_export_is_the_retouched_photo_and_nothing_else_is_touched() {
    let mut bench = Bench::edited();
    bench.key(Key::E);
    bench.click("Choose the format");
    bench.click("PNG");
    bench.click("Export the photo");
    bench.until("exported", |bench| bench.has_text("Exported "));
    let folder = bench.folder.path();
    let exported = image::open(folder.join("portrait retouched.png"))
        .unwrap()
        .into_rgb8();
    let original = image::open(folder.join("portrait.jpg"))
        .unwrap()
        .into_rgb8();
    assert_eq!(exported.dimensions(), original.dimensions());
    let (mut above, mut below) = (0, 0);
    for ((_, y, a), b) in exported.enumerate_pixels().zip(original.pixels()) {
        if a != b {
            if y < exported.height() / 2 {
                above += 1
            } else {
                below += 1
            }
        }
    }
    assert_eq!(above, 0, "eyes and hair are the photo's");
    assert!(below > 10_000, "the neck has changed: {below}");
}

#[test]
fn an_export_that_cannot_be_written_is_told_with_a_way_out() {
    let mut bench = Bench::edited();
    bench.key(Key::E);
    bench.fill_in("File to export to", "/nowhere/at/all.jpg");
    bench.click("Export the photo");
    bench.until("told", |bench| bench.has_text("/nowhere/at"));
    assert!(bench.has("Export elsewhere…"));
    assert_eq!(bench.shown(), Shown::Exact, "the work is still there");
    bench.click("Export elsewhere…");
    assert!(bench.has("Export the photo"));
}

#[test]
fn the_original_is_never_exported_over() {
    let mut bench = Bench::edited();
    let original = bench.folder.path().join("portrait.jpg");
    let bytes = fs::read(&original).unwrap();
    bench.key(Key::E);
    bench.fill_in("File to export to", original.to_str().unwrap());
    bench.click("Export the photo");
    bench.until("told", |bench| bench.has("Export elsewhere…"));
    assert_eq!(fs::read(&original).unwrap(), bytes);
}

#[test]
fn a_saved_project_opens_as_it_was() {
    let mut bench = Bench::edited();
    assert!(bench.app().workspace().photos()[0].is_unsaved());
    bench.key(Key::S);
    bench.until("saved", |bench| bench.has_text("Saved "));
    assert!(!bench.app().workspace().photos()[0].is_unsaved());
    let amount = bench.amount();
    let folder = bench.folder.path().to_owned();
    let again = Bench::with(crate::fake::Script::default(), |_| {
        vec![folder.join("portrait.jpg.jawline")]
    });
    let mut again = again;
    again.until("open", |bench| bench.app().workspace().session().is_some());
    again.settle();
    assert_eq!(again.amount(), amount);
    assert_eq!(again.shown(), Shown::Exact);
}

#[test]
fn closing_with_unsaved_work_asks() {
    let mut bench = Bench::edited();
    bench.click("Menu");
    bench.click("Quit");
    assert!(bench.has("Close without saving"));
    bench.click("Stay");
    assert!(!bench.has("Close without saving"));
    bench.click("Menu");
    bench.click("Quit");
    bench.click("Save and close");
    bench.until("saved", |bench| {
        bench.folder.path().join("portrait.jpg.jawline").exists()
    });
}

#[test]
fn windows_open_by_key_and_close_by_escape() {
    let mut bench = Bench::with_portrait();
    bench.key(Key::F1);
    assert!(bench.has("fit the photo in the window"));
    bench.key(Key::Escape);
    assert!(!bench.has("fit the photo in the window"));
    for (entry, shows) in [
        ("Settings…", "Size of everything"),
        ("Log…", "Nothing has happened yet."),
        ("About Jawline…", "The networks are for non-commercial use"),
    ] {
        bench.click("Menu");
        bench.click(entry);
        assert!(bench.has(shows), "{entry}");
        bench.key(Key::Escape);
        assert!(!bench.has(shows), "{entry} closes");
    }
    bench.key(Key::Tab);
    assert!(!bench.has("Chin"), "the panels are hidden");
    bench.key(Key::Tab);
    assert!(bench.has("Chin"));
}
