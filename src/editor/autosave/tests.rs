use std::process::{Command as Process, Stdio};

use super::*;
use crate::editor::{Change, Command, Document, FaceId};

fn document() -> Document {
    Document::new(None, "wedding.jpg".to_owned())
}

fn set_amount(document: &mut Document, amount: f32) {
    let change = Change::Amount(amount);
    let face = FaceId(1);
    document.apply(&Command::Edit { face, change }, None);
}

fn project(amount: f32) -> Project {
    let mut document = document();
    set_amount(&mut document, amount);
    Project::of(&document)
}

fn read(recoverable: &Recoverable) -> Result<Project, project::Error> {
    Project::read_recovered(&recoverable.path)
}

fn amount(recoverable: &Recoverable) -> f32 {
    read(recoverable).unwrap().edits().of(FaceId(1)).amount
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != FOLDER_LOCK).collect()
}

/// The only autosave in a folder, once it is there.
fn written(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths.find(|path| path.extension().is_some_and(|it| it == EXTENSION))
}

/// Waits until something holds, a few seconds at most.
fn wait_until(what: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !what() {
        assert!(
            begun.elapsed() < Duration::from_secs(8),
            "it never happened"
        );
        thread::sleep(Duration::from_millis(10));
    }
    begun.elapsed()
}

#[test]
fn a_change_is_kept_soon_and_the_newest_wins() {
    let folder = tempfile::tempdir().unwrap();
    let writer = AutosaveWriter::start(folder.path());
    let begun = Instant::now();
    for step in 0..200 {
        let handed_over = Instant::now();
        writer.keep(project(step as f32 / 2.0));
        assert!(handed_over.elapsed() < Duration::from_millis(100));
    }
    wait_until(|| written(folder.path()).is_some());
    assert!(begun.elapsed() < Duration::from_secs(5));
    let read = || Project::read_recovered(&written(folder.path()).unwrap()).unwrap();
    wait_until(|| read().edits().of(FaceId(1)).amount == 99.5);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(writer.take_error().is_none());
}

#[test]
fn writes_are_a_while_apart() {
    let folder = tempfile::tempdir().unwrap();
    let writer = AutosaveWriter::start(folder.path());
    let modified = || {
        fs::metadata(written(folder.path())?)
            .and_then(|m| m.modified())
            .ok()
    };
    let mut seen = Vec::new();
    let begun = Instant::now();
    let mut step = 0.0;
    while begun.elapsed() < Duration::from_millis(3500) {
        step += 0.01;
        writer.keep(project(step));
        if modified().is_some() && modified().as_ref() != seen.last() {
            seen.extend(modified());
        }
        thread::sleep(Duration::from_millis(20));
    }
    assert!((1..=3).contains(&seen.len()), "{seen:?}");
}

#[test]
fn dropping_writes_what_is_left_and_forgetting_removes_it() {
    let folder = tempfile::tempdir().unwrap();
    let writer = AutosaveWriter::start(folder.path());
    writer.keep(project(7.0));
    drop(writer);
    let found = recoverable(folder.path());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name, "wedding.jpg");
    assert_eq!(amount(&found[0]), 7.0);
    assert!(found[0].saved_at.elapsed().unwrap() < Duration::from_secs(60));
    for recoverable in found {
        recoverable.discard().unwrap();
    }
    assert!(
        files(folder.path()).is_empty(),
        "{:?}",
        files(folder.path())
    );

    let writer = AutosaveWriter::start(folder.path());
    writer.keep(project(7.0));
    wait_until(|| written(folder.path()).is_some());
    writer.keep(project(8.0));
    writer.forget();
    wait_until(|| written(folder.path()).is_none());
    drop(writer);
    assert!(
        files(folder.path()).is_empty(),
        "{:?}",
        files(folder.path())
    );
    assert!(recoverable(folder.path()).is_empty());
}

#[test]
fn what_is_being_looked_at_is_not_offered_twice() {
    let folder = tempfile::tempdir().unwrap();
    let writer = AutosaveWriter::start(folder.path());
    writer.keep(project(7.0));
    drop(writer);
    let first = recoverable(folder.path());
    assert_eq!(first.len(), 1);
    assert!(recoverable(folder.path()).is_empty());
    drop(first);
    assert_eq!(recoverable(folder.path()).len(), 1);
}

#[test]
fn damaged_recoverable_are_offered_by_file_name_and_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("session-x.jawline"), b"PK nothing").unwrap();
    let found = recoverable(folder.path());
    assert_eq!(found[0].name, "session-x.jawline");
    let message = read(&found[0]).unwrap_err().to_string();
    assert!(message.contains("damaged"), "{message}");
}

#[test]
fn a_failing_disk_is_told_once_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let writer = AutosaveWriter::start(folder.path());
    writer.keep(project(1.0));
    wait_until(|| written(folder.path()).is_some());
    let path = written(folder.path()).unwrap();
    // A folder in the file's place cannot be replaced, whoever runs the test.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    writer.keep(project(2.0));
    let error = Mutex::new(None);
    wait_until(|| {
        let mut error = error.lock().unwrap();
        *error = writer.take_error();
        error.is_some()
    });
    let message = error.lock().unwrap().as_ref().unwrap().to_string();
    assert!(message.contains("save often"), "{message}");
    fs::remove_dir(&path).unwrap();
    let took = wait_until(|| path.is_file());
    assert!(took < RETRY + Duration::from_secs(2), "{took:?}");
    assert!(writer.take_error().is_none());
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let writer = AutosaveWriter::start(&file.path().join("autosave"));
    writer.keep(project(1.0));
    let error = Mutex::new(None);
    wait_until(|| {
        let mut error = error.lock().unwrap();
        *error = error.take().or_else(|| writer.take_error());
        error.is_some()
    });
    let message = error.lock().unwrap().as_ref().unwrap().to_string();
    assert!(message.contains("autosave"), "{message}");
    assert!(recoverable(&file.path().join("autosave")).is_empty());
}

const CHILD_FOLDER: &str = "JAWLINE_TEST_AUTOSAVE_CHILD";

/// The program that is killed below: a change every 100 ms, each told once it is handed over.
#[test]
#[ignore = "run by a_killed_program_loses_seconds_at_most"]
fn child() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else {
        return;
    };
    let writer = AutosaveWriter::start(Path::new(&folder));
    for step in 1..600 {
        writer.keep(project(step as f32 / 10.0));
        fs::write(Path::new(&folder).join("progress"), step.to_string()).unwrap();
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_killed_program_loses_seconds_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Process::new(std::env::current_exe().unwrap())
        .args(["editor::autosave::tests::child", "--exact", "--ignored"])
        .env(CHILD_FOLDER, folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let step = || {
        let text = fs::read_to_string(folder.path().join("progress")).ok()?;
        text.parse::<u32>().ok()
    };
    wait_until(|| step().is_some_and(|step| step >= 40));
    // A second program does not take it for a dead one, nor does its own file disturb.
    assert!(recoverable(folder.path()).is_empty());

    child.kill().unwrap();
    child.wait().unwrap();
    let last = step().unwrap() as f32 / 10.0;
    let found = recoverable(folder.path());
    assert_eq!(found.len(), 1);
    let kept = amount(&found[0]);
    // Ten steps a second make one per cent.
    assert!(last - kept <= 5.0, "{kept} of {last}");

    // Who goes on with it goes on in the same file: there is never none.
    let path = found[0].path.clone();
    let mut found = found;
    let writer = AutosaveWriter::adopting(found.remove(0));
    assert!(path.exists());
    assert!(recoverable(folder.path()).is_empty());
    writer.keep(project(3.25));
    drop(writer);
    let found = recoverable(folder.path());
    assert_eq!(
        (found[0].path.as_path(), amount(&found[0])),
        (path.as_path(), 3.25)
    );
}
