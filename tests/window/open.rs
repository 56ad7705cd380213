//! Opening, faces, several photos, bad input.

use std::fs;

use egui::Key;
use jawline::app::session::{Finding, Shown};
use jawline::app::ui_state::Tool;
use jawline::editor::FaceId;
use jawline::engine::client::Slot;

use crate::bench::{Bench, portrait};
use crate::fake::{Script, landmarks};

#[test]
fn the_welcome_offers_samples_and_opens_one() {
    let mut bench = Bench::empty();
    bench.until("the samples are there", |bench| {
        bench.has("Sample: Older woman")
    });
    assert!(bench.has("Open photos…"));
}

#[test]
fn another_face_is_chosen_by_list_and_by_click() {
    let mut bench = Bench::with_script(Script {
        finds_two: true,
        ..Script::default()
    });
    assert_eq!(bench.face(), FaceId(1));
    bench.click("Face 2");
    bench.settle();
    assert_eq!(bench.face(), FaceId(2));
    bench.slide(50.0);
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact);
    assert_eq!(bench.session().document.params(FaceId(1)).amount, 0.0);

    let view = bench.app().ui_state().view.unwrap();
    let chin = landmarks().chin();
    let from_centre = (chin - view.centre) * f64::from(view.zoom);
    let at = bench.picture_rect().center()
        + egui::vec2(from_centre.x as f32, from_centre.y as f32 - 20.0);
    bench.harness.drag_at(at);
    bench.harness.drop_at(at);
    bench.harness.run_steps(2);
    assert_eq!(bench.face(), FaceId(1));
}

#[test]
fn a_face_that_was_not_found_is_marked_by_three_clicks() {
    let mut bench = Bench::with_script(Script {
        finds_nothing: true,
        ..Script::default()
    });
    assert!(matches!(bench.session().finding, Finding::Failed(_)));
    bench.click("Mark the face");
    assert!(matches!(bench.app().tool(), Tool::Mark(_)));
    let middle = bench.picture_rect().center();
    for by in [
        egui::vec2(-70.0, -20.0),
        egui::vec2(70.0, -20.0),
        egui::vec2(0.0, 190.0),
    ] {
        bench.harness.drag_at(middle + by);
        bench.harness.drop_at(middle + by);
        bench.harness.run_steps(3);
    }
    bench.settle();
    assert_eq!(*bench.app().tool(), Tool::Hand);
    assert_eq!(bench.session().document.faces().len(), 1);
    bench.slide(50.0);
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact);
    bench.key(Key::Z);
    bench.key(Key::Z);
    assert!(bench.session().document.faces().is_empty(), "undone");
    bench.shift_key(Key::Z);
    assert_eq!(bench.session().document.faces().len(), 1);
}

#[test]
fn files_that_are_no_photos_are_told_and_the_open_photo_stays() {
    let mut bench = Bench::with_portrait();
    bench.slide(60.0);
    bench.settle();
    let folder = bench.folder.path().to_owned();
    let text = folder.join("notes.jpg");
    fs::write(&text, "this is no picture").unwrap();
    let empty = folder.join("empty.png");
    fs::write(&empty, "").unwrap();
    let missing = folder.join("gone.jpg");
    for (path, says) in [
        (folder.clone(), "is a folder"),
        (empty, "empty"),
        (missing, "gone.jpg"),
        (text, "notes.jpg"),
    ] {
        bench
            .harness
            .input_mut()
            .dropped_files
            .push(std::sync::Arc::new(Dropped(path)));
        bench.until(says, |bench| bench.has_text(says));
        bench.until("the photo is back", |bench| {
            bench.app().workspace().session().is_some()
        });
    }
    bench.settle();
    assert!(
        (bench.amount() - 60.0).abs() < 1.0,
        "the edit is still there"
    );
    assert_eq!(bench.app().workspace().photos().len(), 1);
}

#[test]
fn dropped_networks_are_imported_and_come_into_use() {
    let mut bench = Bench::edited();
    let drop = |bench: &mut Bench, name: &str| {
        let file = Dropped(std::path::PathBuf::from(name));
        let dropped = &mut bench.harness.input_mut().dropped_files;
        dropped.push(std::sync::Arc::new(file));
    };
    drop(&mut bench, "bad.pth");
    bench.until("the failure is told", |bench| {
        bench.has_text("Nothing was imported")
    });
    drop(&mut bench, "Gs.pth");
    bench.until("the pack is in use", |bench| {
        bench.has_text("Networks «imported» are in use")
    });
    let asked = bench.script.borrow().asked.clone();
    let imports = asked.iter().filter(|slot| matches!(slot, Slot::Import));
    assert_eq!(imports.count(), 2);
    bench.settle();
    assert!(
        (bench.amount() - 80.0).abs() < 1.0,
        "the edit is still there"
    );
    assert_eq!(
        bench.app().workspace().photos().len(),
        1,
        "no photo was opened"
    );
}

#[derive(Debug)]
struct Dropped(std::path::PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        fs::read(&self.0).map_err(|error| error.to_string())
    }
}

#[test]
fn thirty_files_at_once_make_a_list_and_only_one_is_loaded() {
    let mut bench = Bench::with(Script::default(), |folder| {
        let first = portrait(folder);
        (0..30)
            .map(|number| {
                let path = folder.join(format!("copy {number}.jpg"));
                fs::copy(&first, &path).unwrap();
                path
            })
            .collect()
    });
    bench.until("the first is open", |bench| {
        bench.app().workspace().session().is_some()
    });
    bench.settle();
    assert_eq!(bench.app().workspace().photos().len(), 30);
    bench.slide(70.0);
    bench.click("copy 3.jpg");
    bench.until("the other is open", |bench| {
        bench.current_name() == "copy 3.jpg" && bench.app().workspace().session().is_some()
    });
    bench.settle();
    assert_eq!(bench.amount(), 0.0);
    assert!(bench.app().workspace().photos()[0].is_unsaved());
    bench.click("copy 0.jpg");
    bench.until("the first is open again", |bench| {
        bench.current_name() == "copy 0.jpg" && bench.app().workspace().session().is_some()
    });
    bench.settle();
    assert!((bench.amount() - 70.0).abs() < 1.0);
    bench.key(Key::Z);
    assert_eq!(bench.amount(), 0.0, "its history is still there");
}

#[test]
fn a_photo_whose_file_is_gone_can_still_be_edited() {
    let mut bench = Bench::with_portrait();
    fs::remove_file(bench.folder.path().join("portrait.jpg")).unwrap();
    bench.slide(60.0);
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact);
}
