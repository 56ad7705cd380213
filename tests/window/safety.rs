//! What was lost or mixed up once, through the window.

use std::fs;
use std::path::{Path, PathBuf};

use egui::Key;
use jawline::app::session::Shown;

use crate::bench::{Bench, portrait};
use crate::fake::Script;

/// A window with so many copies of the portrait, the first of them in view.
fn several(count: usize, script: Script) -> Bench {
    let mut bench = Bench::with(script, |folder| copies(folder, count));
    bench.until("the first is open", |bench| {
        bench.app().workspace().session().is_some()
    });
    bench.settle();
    bench
}

fn copies(folder: &Path, count: usize) -> Vec<PathBuf> {
    let first = portrait(folder);
    (0..count)
        .map(|number| {
            let path = folder.join(format!("copy {number}.jpg"));
            fs::copy(&first, &path).unwrap();
            path
        })
        .collect()
}

fn go_to(bench: &mut Bench, name: &str) {
    bench.click(name);
    bench.until("it is open", |bench| {
        bench.current_name() == name && bench.app().workspace().session().is_some()
    });
    bench.settle();
}

#[test]
fn closing_another_photo_while_one_opens_mixes_nothing_up() {
    let mut bench = several(4, Script::default());
    go_to(&mut bench, "copy 3.jpg");
    bench.slide(60.0);
    bench.settle();
    let amount = bench.amount();
    // One that was never opened begins to open; another leaves the list meanwhile.
    bench.node("copy 2.jpg").click();
    bench.harness.run_steps(1);
    bench.click("Close copy 0.jpg");
    bench.until("it is open", |bench| {
        bench.current_name() == "copy 2.jpg" && bench.app().workspace().session().is_some()
    });
    bench.settle();
    assert_eq!(bench.amount(), 0.0, "no edits of another photo");
    go_to(&mut bench, "copy 3.jpg");
    assert_eq!(bench.amount(), amount);
    bench.key(Key::S);
    bench.until("saved", |bench| bench.has_text("Saved "));
    let folder = bench.folder.path().to_owned();
    assert!(folder.join("copy 3.jpg.jawline").exists());
    assert!(!folder.join("copy 2.jpg.jawline").exists());
}

#[test]
fn an_export_dialog_does_not_outlive_its_photo() {
    let mut bench = several(2, Script::default());
    bench.key(Key::E);
    bench.fill_in("File to export to", "/nowhere/first.jpg");
    go_to(&mut bench, "copy 1.jpg");
    assert!(!bench.has("Export the photo"));
    bench.key(Key::E);
    let folder = bench.folder.path().to_owned();
    bench.click("Export the photo");
    bench.until("exported", |bench| bench.has_text("Exported "));
    assert!(folder.join("copy 1 retouched.jpg").exists());
}

#[test]
fn no_file_is_replaced_unasked_by_an_export() {
    let mut bench = Bench::edited();
    let other = bench.folder.path().join("other.jpg");
    fs::write(&other, "somebody else's").unwrap();
    bench.key(Key::E);
    bench.fill_in("File to export to", other.to_str().unwrap());
    bench.click("Export the photo");
    bench.until("asked", |bench| bench.has("Replace it"));
    assert_eq!(fs::read(&other).unwrap(), b"somebody else's");
    // The name is not kept for the next export.
    bench.key(Key::E);
    bench.click("Export the photo");
    bench.until("exported", |bench| bench.has_text("Exported "));
    assert!(bench.folder.path().join("portrait retouched.jpg").exists());
    assert_eq!(fs::read(&other).unwrap(), b"somebody else's");
    bench.click("Replace it");
    bench.until("replaced", |_| {
        fs::read(&other).unwrap() != b"somebody else's"
    });
}

#[test]
fn an_open_photo_is_never_exported_over() {
    let mut bench = several(2, Script::default());
    let other = bench.folder.path().join("copy 1.jpg");
    let bytes = fs::read(&other).unwrap();
    bench.key(Key::E);
    bench.fill_in("File to export to", other.to_str().unwrap());
    bench.click("Export the photo");
    bench.until("told", |bench| bench.has_text("is open here"));
    assert!(!bench.has("Replace it"));
    assert_eq!(fs::read(&other).unwrap(), bytes);
}

#[test]
fn an_edit_that_cannot_be_drawn_ends_the_wait_of_its_export() {
    let mut bench = Bench::with_portrait();
    bench.script.borrow_mut().frame_fails = true;
    bench.slide(50.0);
    bench.settle();
    bench.key(Key::E);
    bench.click("Export the photo");
    bench.until("refused", |bench| {
        bench.has_text("was not exported: an edit")
    });
    assert!(bench.has_text("face 1"));
    assert!(bench.app().workspace().write_states().is_empty());
}

#[test]
fn a_draft_is_called_one() {
    let mut bench = Bench::with_script(Script {
        stays_unfinished: true,
        ..Script::default()
    });
    bench.slide(80.0);
    bench.settle();
    assert_eq!(bench.shown(), Shown::Draft);
    assert!(bench.has_text("draft ·"));
    assert!(!bench.has_text("exact"));
    bench.click("Cancel");
    bench.settle();
    assert_eq!(bench.shown(), Shown::Exact);
    assert!(bench.has_text("exact ·"));
}

#[test]
fn a_code_that_was_found_stays_with_its_photo() {
    let mut bench = several(
        2,
        Script {
            stays_unfinished: true,
            ..Script::default()
        },
    );
    let code = |bench: &Bench, name: &str| {
        let photos = bench.app().workspace().photos().iter();
        let photo = photos.clone().find(|photo| photo.name == name).unwrap();
        photo.document().unwrap().found[0].code.clone()
    };
    go_to(&mut bench, "copy 1.jpg");
    let draft = code(&bench, "copy 0.jpg").expect("the code found so far");
    assert!(!draft.is_final);
    // And it is what a project holds that is saved in the middle.
    bench.key(Key::S);
    bench.until("saved", |bench| bench.has_text("Saved "));
    let path = bench.folder.path().join("copy 1.jpg.jawline");
    let project = jawline::editor::project::Project::read(&path).unwrap();
    assert!(project.document(None).found[0].code.is_some());
}

#[test]
fn closing_asks_each_time_and_loses_nothing_meanwhile() {
    let mut bench = several(2, Script::default());
    bench.slide(40.0);
    bench.settle();
    for _ in 0..2 {
        bench.click("Close copy 0.jpg");
        assert!(bench.has("Close without saving"));
        bench.click("Stay");
        assert!(!bench.has("Close without saving"));
        assert_eq!(bench.app().workspace().photos().len(), 2);
    }
    bench.click("Close copy 0.jpg");
    bench.click("Save and close");
    bench.until("closed", |bench| {
        bench.app().workspace().photos().len() == 1
    });
    assert!(bench.folder.path().join("copy 0.jpg.jawline").exists());
}

#[test]
fn a_photo_whose_file_is_gone_is_located() {
    let mut bench = several(2, Script::default());
    bench.slide(40.0);
    bench.settle();
    let amount = bench.amount();
    go_to(&mut bench, "copy 1.jpg");
    let folder = bench.folder.path().to_owned();
    let elsewhere = folder.join("elsewhere.jpg");
    fs::rename(folder.join("copy 0.jpg"), &elsewhere).unwrap();
    bench.click("copy 0.jpg");
    bench.until("it says so", |bench| bench.has_text("can't be shown"));
    assert!(bench.has("Locate…") && bench.has("Try again"));
    assert!(bench.app().workspace().photos()[0].is_unsaved());
    fs::rename(&elsewhere, folder.join("copy 0.jpg")).unwrap();
    bench.click("Try again");
    bench.until("it is back", |bench| {
        bench.app().workspace().session().is_some()
    });
    bench.settle();
    assert_eq!(bench.amount(), amount);
}

#[test]
fn a_project_beside_the_photo_is_offered_and_save_as_is_the_way_out() {
    let mut bench = Bench::edited();
    bench.key(Key::S);
    bench.until("saved", |bench| bench.has_text("Saved "));
    let photo = bench.folder.path().join("portrait.jpg");
    let project = bench.folder.path().join("portrait.jpg.jawline");
    let before = fs::read(&project).unwrap();

    let path = photo.clone();
    let mut again = Bench::with(Script::default(), |_| vec![path]);
    again.until("open", |bench| bench.app().workspace().session().is_some());
    again.settle();
    assert!(again.has("Go on with the project"));
    again.slide(25.0);
    again.key(Key::S);
    again.until("refused", |bench| bench.has("Replace the project"));
    assert_eq!(fs::read(&project).unwrap(), before);
    again.click("Save as…");
    let other = bench.folder.path().join("another day.jawline");
    again.fill_in("File to save the project in", other.to_str().unwrap());
    again.click("Save the project there");
    again.until("saved", |bench| bench.has_text("Saved "));
    assert!(other.exists());
    assert_eq!(fs::read(&project).unwrap(), before);
    // From now on that is its project.
    again.slide(35.0);
    again.settle();
    let saved = fs::read(&other).unwrap();
    again.key(Key::S);
    again.until("saved again", |_| fs::read(&other).unwrap() != saved);
}

#[test]
fn the_project_beside_the_photo_is_opened_on_request() {
    let mut bench = Bench::edited();
    let amount = bench.amount();
    bench.key(Key::S);
    bench.until("saved", |bench| bench.has_text("Saved "));
    let photo = bench.folder.path().join("portrait.jpg");
    let mut again = Bench::with(Script::default(), |_| vec![photo]);
    again.until("open", |bench| bench.app().workspace().session().is_some());
    again.settle();
    assert_eq!(again.amount(), 0.0);
    again.click("Go on with the project");
    again.until("open", |bench| bench.app().workspace().session().is_some());
    again.settle();
    assert_eq!(again.amount(), amount);
}
