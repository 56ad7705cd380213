use std::io::{Cursor, Read as _, Write};

use image::{Rgb, RgbImage};
use ndarray::Array2;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::editor::history::tests::command;
use crate::editor::{Change, Command};
use crate::geometry::{Landmarks, Point, Rect};
use crate::latent::CODE_SIZE;
use crate::photo::{Photo, SaveOptions};

/// A folder with a photo in it.
fn folder_with_photo() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.png");
    save_photo(&path, 1);
    (folder, path)
}

fn save_photo(path: &Path, tone: u8) {
    let picture = RgbImage::from_pixel(20, 10, Rgb([tone, 2, 3]));
    let photo = Photo::from_pixels(picture.into());
    photo
        .save(path, &SaveOptions::for_path(path).unwrap())
        .unwrap();
}

fn noise(rows: usize, seed: u32) -> Array2<f32> {
    let mut state = seed;
    Array2::from_shape_simple_fn((rows, CODE_SIZE), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 7e6 - 1.1
    })
}

fn boundary(folder: &Path, name: &str, rows: usize) -> NamedBoundary {
    let path = folder.join(name);
    crate::checkpoint::npy::write(&path, &noise(rows, 99)).unwrap();
    NamedBoundary::read(&path).unwrap()
}

fn found(code: Array2<f32>, is_final: bool) -> FoundCode {
    FoundCode {
        code: Arc::new(code),
        is_final,
    }
}

fn path_of(file: Option<&ProjectFile>) -> Option<&Path> {
    file.map(|file| file.path.as_path())
}

/// A document with one of everything.
fn document(folder: &Path, photo: &Path) -> Document {
    let mut document = Document::new(Some(photo.to_owned()), "photo.png".to_owned());
    let landmarks = Landmarks::new(std::array::from_fn(|i| {
        Point::new(i as f64 / 3.0, 0.1 + i as f64)
    }));
    let landmarks = landmarks.unwrap();
    let face_box = Rect::new(0.1, 1.0 / 3.0, 9.0, 1e-7);
    document.found = vec![
        Face {
            id: FaceId(1),
            face_box,
            landmarks: Ok(landmarks.clone()),
            code: Some(found(noise(23, 5), true)),
        },
        Face {
            id: FaceId(2),
            face_box,
            landmarks: Err("turned away".to_owned()),
            code: None,
        },
    ];
    let id = FaceId(3);
    document.apply(
        &Command::MarkFace {
            id,
            landmarks: Box::new(landmarks),
        },
        None,
    );
    document.set_code(id, found(noise(18, 6), false));
    document.boundaries = vec![boundary(folder, "a.npy", 1), boundary(folder, "b.npy", 18)];
    document.chosen = Some(id);
    let change = Change::Amount(42.5);
    let face = FaceId(1);
    document.apply(&Command::Edit { face, change }, None);
    document
}

fn assert_same(a: &Document, b: &Document) {
    assert_eq!(a.edits(), b.edits());
    assert_eq!(
        (&a.name, a.chosen, &a.boundaries, &a.marked_codes),
        (&b.name, b.chosen, &b.boundaries, &b.marked_codes)
    );
    assert_eq!(a.found.len(), b.found.len());
    for (a, b) in a.found.iter().zip(&b.found) {
        assert_eq!(
            (a.id, a.face_box, &a.landmarks, &a.code),
            (b.id, b.face_box, &b.landmarks, &b.code)
        );
    }
}

#[test]
fn a_project_reopens_as_it_was_left() {
    let (folder, photo) = folder_with_photo();
    let document = document(folder.path(), &photo);
    let path = folder.path().join("work.jawline");
    Project::of(&document)
        .write(&path, Replace::Agreed)
        .unwrap();
    let project = Project::read(&path).unwrap();
    assert_eq!(project.name(), "photo.png");
    assert_eq!(path_of(project.file()), Some(path.as_path()));
    let found = project.find_photo(&path).unwrap();
    assert_eq!(found, photo);
    assert!(!project.photo_has_changed(&found));
    let again = project.document(Some(found));
    assert_same(&again, &document);
    assert!(!again.is_unsaved());
    assert_eq!(path_of(again.project_file.as_ref()), Some(path.as_path()));
    // And once more from what was read.
    let second = folder.path().join("second.jawline");
    Project::of(&again).write(&second, Replace::Agreed).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(&second).unwrap());
}

#[test]
fn what_is_recovered_is_unsaved_and_knows_where_it_was_saved() {
    let (folder, photo) = folder_with_photo();
    let mut document = document(folder.path(), &photo);
    let kept = folder.path().join("kept.jawline");
    Project::of(&document).write_for_recovery(&kept).unwrap();
    let again = Project::read_recovered(&kept).unwrap();
    assert_eq!(again.file(), None, "the kept file is no place to save");
    assert!(again.document(Some(photo.clone())).is_unsaved());

    let mine = folder.path().join("mine.jawline");
    let written = Project::of(&document).write(&mine, Replace::Own).unwrap();
    document.project_file = Some(written.clone());
    Project::of(&document).write_for_recovery(&kept).unwrap();
    let again = Project::read_recovered(&kept).unwrap();
    let same_file = ProjectFile {
        is_of_this_session: false,
        ..written
    };
    assert_eq!(again.file(), Some(&same_file));
    let again = again.document(Some(photo));
    assert_same(&again, &document);
    // It may save where it was saved.
    Project::of(&again).write(&mine, Replace::Own).unwrap();
}

#[test]
fn the_photo_is_found_where_it_was_or_beside_the_project() {
    let (folder, photo) = folder_with_photo();
    let document = document(folder.path(), &photo);
    fs::create_dir(folder.path().join("projects")).unwrap();
    let path = folder.path().join("projects/work.jawline");
    Project::of(&document)
        .write(&path, Replace::Agreed)
        .unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("projects/work.jawline");
    fs::create_dir(elsewhere.path().join("projects")).unwrap();
    fs::copy(&path, &moved).unwrap();
    let project = Project::read(&moved).unwrap();
    assert_eq!(project.find_photo(&moved).unwrap(), photo);

    fs::rename(&photo, elsewhere.path().join("photo.png")).unwrap();
    let found = project.find_photo(&moved).unwrap();
    assert!(found.ends_with("projects/../photo.png"), "{found:?}");
    assert!(!project.photo_has_changed(&found));

    // Another photo has taken the old place: the one of the right size is it.
    fs::write(&photo, b"another").unwrap();
    assert_eq!(project.find_photo(&moved).unwrap(), found);
    assert!(project.photo_has_changed(&photo));

    fs::remove_file(&photo).unwrap();
    fs::remove_file(&found).unwrap();
    let message = project.find_photo(&moved).unwrap_err().to_string();
    assert!(
        message.contains("work.jawline") && message.contains("photo.png"),
        "{message}"
    );
}

#[test]
fn a_photo_of_the_same_size_with_other_pixels_has_changed() {
    let (folder, photo) = folder_with_photo();
    let document = document(folder.path(), &photo);
    let path = folder.path().join("work.jawline");
    Project::of(&document)
        .write(&path, Replace::Agreed)
        .unwrap();
    let mut bytes = fs::read(&photo).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&photo, bytes).unwrap();
    assert!(Project::read(&path).unwrap().photo_has_changed(&photo));
}

#[test]
fn a_photo_that_is_gone_does_not_keep_the_work_from_being_saved() {
    let (folder, photo) = folder_with_photo();
    let document = document(folder.path(), &photo);
    fs::remove_file(&photo).unwrap();
    let path = folder.path().join("work.jawline");
    Project::of(&document)
        .write(&path, Replace::Agreed)
        .unwrap();
    let project = Project::read(&path).unwrap();
    assert!(matches!(
        project.find_photo(&path),
        Err(Error::PhotoMissing { .. })
    ));

    let unfiled = Document::new(None, "x".to_owned());
    let path = folder.path().join("unfiled.jawline");
    Project::of(&unfiled).write(&path, Replace::Agreed).unwrap();
    let message = Project::read(&path).unwrap().find_photo(&path);
    let message = message.unwrap_err().to_string();
    assert!(message.contains("names no file"), "{message}");
}

#[test]
fn the_backup_is_the_last_sessions_file() {
    let (folder, photo) = folder_with_photo();
    let mut document = document(folder.path(), &photo);
    let path = folder.path().join("work.jawline");
    let backup = folder.path().join("work.jawline~");
    let mut saved = Vec::new();
    for amount in [1.0, 2.0, 3.0] {
        let change = Change::Amount(amount);
        let face = FaceId(1);
        document.apply(&Command::Edit { face, change }, None);
        document.project_file = Some(Project::of(&document).write(&path, Replace::Own).unwrap());
        saved.push(fs::read(&path).unwrap());
        assert!(!backup.exists(), "there was nothing before this session");
    }
    // Another day: however often it is saved, the backup is what that day began with.
    let project = Project::read(&path).unwrap();
    let mut document = project.document(Some(photo));
    for amount in [4.0, 5.0, 6.0] {
        let change = Change::Amount(amount);
        let face = FaceId(1);
        document.apply(&Command::Edit { face, change }, None);
        document.project_file = Some(Project::of(&document).write(&path, Replace::Own).unwrap());
        assert_eq!(fs::read(&backup).unwrap(), saved[2]);
    }
    assert!(is_project(&backup));
    let from_backup = Project::read(&backup).unwrap();
    assert_eq!(from_backup.edits().of(FaceId(1)).amount, 3.0);
    assert_eq!(from_backup.file(), None);
}

#[test]
fn a_project_that_the_document_did_not_come_from_is_replaced_only_with_leave() {
    let (folder, photo) = folder_with_photo();
    let path = folder.path().join("work.jawline");
    Project::of(&document(folder.path(), &photo))
        .write(&path, Replace::Own)
        .unwrap();
    let old_day = fs::read(&path).unwrap();

    let fresh = Document::new(Some(photo.clone()), "photo.png".to_owned());
    let error = Project::of(&fresh).write(&path, Replace::Own).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), old_day);

    // One that was opened, and has been changed by somebody else since.
    let opened = Project::read(&path).unwrap().document(Some(photo.clone()));
    let other = Project::read(&path).unwrap().document(Some(photo.clone()));
    Project::of(&other).write(&path, Replace::Agreed).unwrap();
    let mut changed = fs::read(&path).unwrap();
    changed.push(0);
    fs::write(&path, &changed).unwrap();
    let error = Project::of(&opened).write(&path, Replace::Own).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), changed);

    Project::of(&fresh).write(&path, Replace::Agreed).unwrap();
    assert!(Project::read(&path).unwrap().edits().faces.is_empty());
    assert_eq!(fs::read(backup_path(&path)).unwrap(), changed);
}

#[test]
fn a_project_never_takes_the_place_of_another_photos() {
    let (folder, photo) = folder_with_photo();
    let path = folder.path().join("work.jawline");
    Project::of(&document(folder.path(), &photo))
        .write(&path, Replace::Own)
        .unwrap();
    let before = fs::read(&path).unwrap();
    let other = folder.path().join("other.png");
    save_photo(&other, 77);
    let intruder = Document::new(Some(other), "other.png".to_owned());
    for replace in [Replace::Own, Replace::Agreed] {
        let error = Project::of(&intruder).write(&path, replace).unwrap_err();
        assert!(error.to_string().contains("photo.png"), "{error}");
        assert!(matches!(error, Error::OfAnotherPhoto { .. }), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    // The same photo under another name is no other photo.
    let copy = folder.path().join("copy.png");
    fs::copy(&photo, &copy).unwrap();
    let same = Document::new(Some(copy), "copy.png".to_owned());
    Project::of(&same).write(&path, Replace::Agreed).unwrap();
}

#[test]
fn the_history_is_kept_and_strokes_only_once() {
    let (folder, photo) = folder_with_photo();
    let mut document = document(folder.path(), &photo);
    let stroke = Arc::new(crate::portrait::strokes::Stroke {
        kind: crate::portrait::strokes::StrokeKind::Add,
        radius_px: 12.0,
        hardness: 0.5,
        path: (0..500)
            .map(|i| Point::new(f64::from(i), 1.0 / 3.0))
            .collect(),
    });
    let face = FaceId(1);
    let mut edit = |change| document.apply(&Command::Edit { face, change }, None);
    edit(Change::Paint(stroke));
    for amount in 0..50 {
        edit(Change::Amount(amount as f32));
    }
    for _ in 0..7 {
        document.undo();
    }
    let path = folder.path().join("work.jawline");
    let bytes = Project::of(&document).to_bytes(&path, None).unwrap();
    assert!(bytes.len() < 300_000, "{} bytes", bytes.len());
    let again = stored::read(&path, Cursor::new(bytes)).unwrap();
    let mut again = again.document(Some(photo));
    assert_eq!(again.edits(), document.edits());
    let titles = |document: &Document| -> Vec<String> {
        let steps = document.history().steps().iter();
        steps.map(|step| step.title.clone()).collect()
    };
    assert_eq!(titles(&again), titles(&document));
    assert!(again.redo() && document.redo());
    assert_eq!(again.edits(), document.edits());
    while again.undo() {}
    while document.undo() {}
    assert_eq!(again.edits(), document.edits());
}

#[test]
fn only_projects_are_written_over() {
    let (folder, photo) = folder_with_photo();
    let project = Project::of(&document(folder.path(), &photo));
    let before = fs::read(&photo).unwrap();
    assert!(matches!(
        project.write(&photo, Replace::Agreed),
        Err(Error::Extension { .. })
    ));
    assert_eq!(fs::read(&photo).unwrap(), before);
    let in_a_file = photo.join("x.jawline");
    let message = project
        .write(&in_a_file, Replace::Agreed)
        .unwrap_err()
        .to_string();
    assert!(message.contains("x.jawline"), "{message}");
}

/// A project with another `project.json`, by text replacement in the sound one.
fn with_json(bytes: &[u8], replacements: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        let name = file.name().unwrap().into_owned();
        if name == "project.json" {
            let mut text = String::from_utf8(content).unwrap();
            for (from, to) in replacements {
                assert!(text.contains(from), "{from} in {text}");
                text = text.replace(from, to);
            }
            content = text.into_bytes();
        }
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(&content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn sound_bytes() -> (TempDir, PathBuf, Vec<u8>) {
    let (folder, photo) = folder_with_photo();
    let path = folder.path().join("work.jawline");
    let document = document(folder.path(), &photo);
    Project::of(&document)
        .write(&path, Replace::Agreed)
        .unwrap();
    let bytes = fs::read(&path).unwrap();
    (folder, path, bytes)
}

#[test]
fn a_newer_project_is_neither_read_nor_replaced() {
    let (folder, path, bytes) = sound_bytes();
    let newer = with_json(
        &bytes,
        &[("\"version\": 2", "\"version\": 3, \"marvels\": []")],
    );
    fs::write(&path, &newer).unwrap();
    let message = Project::read(&path).unwrap_err().to_string();
    assert!(
        message.contains("work.jawline") && message.contains("newer") && message.contains("update"),
        "{message}"
    );
    let other = document(folder.path(), &folder.path().join("photo.png"));
    let result = Project::of(&other).write(&path, Replace::Agreed);
    assert!(matches!(result, Err(Error::WouldReplaceNewer { .. })));
    assert_eq!(fs::read(&path).unwrap(), newer);
    assert!(!folder.path().join("work.jawline~").exists());
}

#[test]
fn damage_is_told_with_file_and_field() {
    let (_folder, path, bytes) = sound_bytes();
    for (from, to, words) in [
        ("\"chosen\": 3", "\"chosen\": \"x\"", "'chosen'"),
        ("\"amount\": 42.5", "\"amount\": []", "'edits'"),
        ("\"id\": 2", "\"id\": -2", "'faces'"),
        ("\"id\": 2", "\"id\": 1", "number 1"),
        ("\"version\": 2", "\"version\": 0", "version"),
        ("codes/1.npy", "codes/9.npy", "codes/9.npy"),
        (
            "\"code\": \"codes/1.npy\"",
            "\"code\": \"boundaries/../x\"",
            "x",
        ),
        (
            "\"code\": \"codes/1.npy\"",
            "\"code\": \"project.json\"",
            "project.json",
        ),
        ("\"sha256\": \"", "\"sha256\": 7, \"was\": \"", "'photo'"),
        ("\"name\": \"photo.png\",", "", "name"),
        ("{\n  \"version\"", "[{\n  \"version\"", "project.json"),
    ] {
        fs::write(&path, with_json(&bytes, &[(from, to)])).unwrap();
        let message = Project::read(&path).unwrap_err().to_string();
        assert!(
            message.contains("work.jawline") && message.contains(words),
            "{words}: {message}"
        );
    }
}

#[test]
fn wrong_arrays_are_refused_by_name() {
    let (folder, photo) = folder_with_photo();
    let path = folder.path().join("work.jawline");
    for (code, words) in [
        (Array2::zeros((18, 500)), "[18, 500]"),
        (Array2::zeros((0, CODE_SIZE)), "[0, 512]"),
        (Array2::zeros((65, CODE_SIZE)), "[65, 512]"),
        (Array2::from_elem((2, CODE_SIZE), f32::NAN), "NaN"),
    ] {
        let mut document = document(folder.path(), &photo);
        document.found[0].code = Some(found(code, true));
        let error = Project::of(&document)
            .write(&path, Replace::Agreed)
            .unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, Error::Unreadable { .. }), "{message}");
        assert!(
            message.contains(words) && message.contains("codes/1.npy"),
            "{message}"
        );
        assert!(!path.exists(), "what cannot be read back is not written");
    }
}

#[test]
fn other_files_are_no_projects() {
    let (folder, photo) = folder_with_photo();
    let refuse = |path: &Path| Project::read(path).unwrap_err();
    assert!(matches!(refuse(&photo), Error::NotAProject { .. }));
    assert!(matches!(refuse(folder.path()), Error::NotAProject { .. }));
    let missing = folder.path().join("no.jawline");
    assert!(refuse(&missing).to_string().contains("no.jawline"));
    let zip = folder.path().join("other.jawline");
    let bytes = archive::pack(&[("x.txt".to_owned(), b"x".to_vec())]).unwrap();
    fs::write(&zip, bytes).unwrap();
    assert!(matches!(refuse(&zip), Error::NotAProject { .. }));
    fs::write(&zip, b"").unwrap();
    assert!(matches!(refuse(&zip), Error::NotAProject { .. }));
}

#[test]
fn a_bomb_is_defused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.jawline");
    let zeros = vec![b' '; 80 << 20];
    let bytes = archive::pack(&[("project.json".to_owned(), zeros)]).unwrap();
    assert!(bytes.len() < 1 << 20);
    fs::write(&path, bytes).unwrap();
    let error = Project::read(&path).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

#[test]
fn no_truncation_panics_and_none_is_taken_for_whole() {
    let (_folder, path, bytes) = sound_bytes();
    for length in (0..bytes.len()).step_by(97) {
        let read = stored::read(&path, Cursor::new(&bytes[..length]));
        assert!(read.is_err(), "{length} of {} bytes", bytes.len());
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_lead_back_to_the_photo() {
    use std::os::unix::ffi::OsStrExt;
    let (folder, photo) = folder_with_photo();
    let odd = folder
        .path()
        .join(std::ffi::OsStr::from_bytes(b"caf\xe9.png"));
    fs::rename(&photo, &odd).unwrap();
    let path = folder.path().join("work.jawline");
    Project::of(&document(folder.path(), &odd))
        .write(&path, Replace::Own)
        .unwrap();
    let project = Project::read(&path).unwrap();
    assert_eq!(project.find_photo(&path).unwrap(), odd);
}

#[test]
fn the_way_to_the_photo_is_written_with_forward_slashes() {
    let way = |folder: &str, file: &str| {
        let way = stored::relative(Path::new(folder), Path::new(file));
        way.map(|way| way.to_string_lossy().into_owned())
    };
    if cfg!(unix) {
        assert_eq!(way("/a/b", "/a/c/d.jpg").unwrap(), "../c/d.jpg");
        assert_eq!(way("/a/b", "/a/b/d.jpg").unwrap(), "d.jpg");
        assert_eq!(way("/a", "/x/d.jpg").unwrap(), "../x/d.jpg");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_edits_survive_the_file(commands in prop::collection::vec(command(), 0..25)) {
        let mut document = Document::new(None, "test".to_owned());
        for command in &commands {
            document.apply(command, None);
        }
        let project = Project::of(&document);
        let path = Path::new("x.jawline");
        let bytes = project.to_bytes(path, None).unwrap();
        let read = stored::read(path, Cursor::new(bytes)).unwrap();
        let again = read.document(None);
        assert_same(&again, &document);
    }

    #[test]
    fn no_damaged_byte_panics(at in any::<prop::sample::Index>(), byte: u8) {
        use std::sync::LazyLock;
        static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| sound_bytes().2);
        let mut bytes = SOUND.clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = stored::read(Path::new("x.jawline"), Cursor::new(bytes));
    }
}
