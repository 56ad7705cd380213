//! The queue of many photos.

use std::fs;

use egui::Key;
use jawline::app::workspace::ItemState;

use crate::bench::{Bench, portrait};

fn states(bench: &Bench) -> Vec<ItemState> {
    let items = bench.app().workspace().batch().items().iter();
    items.map(|item| item.state.clone()).collect()
}

fn is_done(state: &ItemState) -> bool {
    matches!(state, ItemState::Done(_))
}

/// Are there so many photos, all of them done?
fn are_done(bench: &Bench, count: usize) -> bool {
    let states = states(bench);
    states.len() == count && states.iter().all(is_done)
}

/// A window with an edited photo, and a folder with two copies of it and a file that is none.
fn bench_with_shoot() -> Bench {
    let bench = Bench::edited();
    let folder = bench.folder.path();
    let photo = portrait(folder);
    fs::create_dir_all(folder.join("shoot/sub")).unwrap();
    for name in ["shoot/a.jpg", "shoot/c.jpg", "shoot/sub/d.jpg"] {
        fs::copy(&photo, folder.join(name)).unwrap();
    }
    fs::write(folder.join("shoot/b.jpg"), "no picture").unwrap();
    bench
}

fn fill(bench: &mut Bench, add: &str, into: &str) {
    let (add, into) = (
        bench.folder.path().join(add),
        bench.folder.path().join(into),
    );
    bench.fill_in("Path of a photo or a folder to add", add.to_str().unwrap());
    bench.click("Add");
    bench.settle();
    bench.fill_in("Folder of the results", into.to_str().unwrap());
    bench.settle();
}

/// The queue with one photo, whose frame does not come.
fn bench_in_work() -> Bench {
    let mut bench = bench_with_shoot();
    bench.script.borrow_mut().holds_frames = true;
    bench.key(Key::Q);
    fill(&mut bench, "shoot/a.jpg", "out");
    bench.click("Start the queue");
    bench.until("in work", |bench| states(bench) == [ItemState::Running]);
    bench
}

#[test]
fn a_folder_is_retouched_and_a_bad_file_stops_nobody() {
    let mut bench = bench_with_shoot();
    bench.key(Key::Q);
    fill(&mut bench, "shoot", "out");
    bench.click("Sub-folders too");
    bench.click("Start the queue");
    bench.until_within(60, "the queue has ended", |bench| {
        bench.has_text("The queue has ended: 3 retouched, 1 failed")
    });
    let folder = bench.folder.path().to_owned();
    let states = states(&bench);
    assert!(
        is_done(&states[0]) && is_done(&states[2]) && is_done(&states[3]),
        "{states:?}"
    );
    let ItemState::Failed(why) = &states[1] else {
        panic!("{states:?}");
    };
    assert!(why.contains("b.jpg"), "{why}");
    assert!(bench.has_text("b.jpg: failed:") && bench.has_text("3 of 4 retouched, 1 failed"));
    let original = image::open(folder.join("shoot/a.jpg")).unwrap().into_rgb8();
    for name in ["a.jpg", "c.jpg", "sub/d.jpg"] {
        let result = image::open(folder.join("out").join(name))
            .unwrap()
            .into_rgb8();
        assert_eq!(result.dimensions(), original.dimensions());
        let changed = result.pixels().zip(original.pixels());
        assert!(changed.filter(|(a, b)| a != b).count() > 10_000, "{name}");
    }
    assert!(!folder.join("out/b.jpg").exists());
    // The photo in view is what it was, and so is the folder.
    assert_eq!(bench.app().workspace().photos().len(), 1);
    assert_eq!(fs::read_dir(folder.join("shoot")).unwrap().count(), 4);
}

#[test]
fn nothing_is_replaced_unasked_and_what_failed_can_be_tried_again() {
    let mut bench = bench_with_shoot();
    let out = bench.folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("a.jpg"), "mine").unwrap();
    bench.key(Key::Q);
    fill(&mut bench, "shoot/a.jpg", "out");
    bench.click("Choose whose settings the photos get");
    bench.click("Natural");
    bench.settle();
    bench.click("Start the queue");
    bench.until("refused", |bench| bench.has_text("exists already"));
    bench.settle();
    assert_eq!(fs::read(out.join("a.jpg")).unwrap(), b"mine");
    fs::remove_file(out.join("a.jpg")).unwrap();
    bench.click("Try those that failed again");
    bench.until_within(30, "done", |bench| are_done(bench, 1));
    assert!(image::open(out.join("a.jpg")).is_ok());
}

#[test]
fn a_stopped_queue_goes_on_where_it_was() {
    let mut bench = bench_in_work();
    let begun = std::time::Instant::now();
    bench.click("Stop the queue");
    bench.until("stopped", |bench| states(bench) == [ItemState::Waiting]);
    assert!(begun.elapsed() < std::time::Duration::from_secs(1));
    assert!(!bench.app().workspace().batch().is_running());
    assert!(!bench.folder.path().join("out/a.jpg").exists());
    bench.script.borrow_mut().holds_frames = false;
    bench.settle();
    bench.click("Start the queue");
    bench.until_within(30, "done", |bench| are_done(bench, 1));
    assert!(bench.folder.path().join("out/a.jpg").exists());
}

#[test]
fn the_amount_is_found_for_each_face_and_a_chin_without_is_left_alone() {
    let mut bench = bench_with_shoot();
    bench.key(Key::Q);
    fill(&mut bench, "shoot/a.jpg", "out");
    bench.click("Find the amount for each face");
    bench.click("Start the queue");
    bench.until_within(60, "done", |bench| are_done(bench, 1));
    bench.settle();
    let at = |bench: &Bench, name: &str| fs::read(bench.folder.path().join(name)).unwrap();
    assert_ne!(at(&bench, "out/a.jpg"), at(&bench, "shoot/a.jpg"));

    bench.script.borrow_mut().has_no_double_chin = true;
    fill(&mut bench, "shoot/c.jpg", "out");
    bench.click("Start the queue");
    bench.until_within(60, "done", |bench| are_done(bench, 2));
    assert_eq!(
        at(&bench, "out/c.jpg"),
        at(&bench, "shoot/c.jpg"),
        "copied as it is"
    );
}

#[test]
fn closing_asks_while_the_queue_runs() {
    let mut bench = bench_in_work();
    bench.click("Menu");
    bench.click("Quit");
    bench.until("asked", |bench| bench.has_text("queue"));
    assert!(bench.has("Stay"));
}

#[test]
fn a_queue_that_a_crash_has_ended_is_offered_and_gone_on_with() {
    let mut bench = bench_with_shoot();
    bench.key(Key::Q);
    fill(&mut bench, "shoot", "out");
    bench.click("Replace files that are there");
    bench.click("Start the queue");
    bench.until("one is done", |bench| states(bench).iter().any(is_done));
    bench.script.borrow_mut().holds_frames = true;
    let first = bench.folder.path().join("out/a.jpg");
    let written = fs::metadata(&first).unwrap().modified().unwrap();

    let mut bench = bench.started_again();
    bench.until("offered", |bench| bench.has_text("A queue of 3 photos"));
    bench.click("Go on");
    bench.until_within(60, "the queue has ended", |bench| {
        bench.has_text("The queue has ended: 2 retouched, 1 failed")
    });
    let states = states(&bench);
    assert!(is_done(&states[0]) && is_done(&states[2]), "{states:?}");
    assert!(bench.folder.path().join("out/c.jpg").exists());
    let now = fs::metadata(&first).unwrap().modified().unwrap();
    assert_eq!(now, written, "what was done is not done again");
    bench.settle();

    let mut bench = bench.started_again();
    bench.settle();
    assert!(!bench.has_text("A queue of"));
}

#[test]
fn a_queue_that_is_not_wanted_is_not_offered_again() {
    let bench = bench_in_work();
    let mut bench = bench.started_again();
    bench.until("offered", |bench| bench.has_text("A queue of one photo"));
    bench.click("Forget it");
    bench.settle();
    assert!(!bench.has_text("A queue of"));
    let mut bench = bench.started_again();
    bench.settle();
    assert!(!bench.has_text("A queue of"));
}
