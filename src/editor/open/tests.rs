use std::path::Path;

use image::{Rgb, RgbImage};

use super::*;
use crate::editor::project::Replace;
use crate::editor::{Change, Command, Document, FaceId};
use crate::photo::SaveOptions;

/// What the tests look at.
#[derive(Debug)]
struct Opened {
    document: Document,
    beside: Option<PathBuf>,
    warnings: Vec<String>,
}

fn opened(source: Source) -> Result<Opened, Error> {
    let loaded = load(source)?;
    let photo = loaded.photo?;
    let path = Some(photo.path);
    Ok(Opened {
        document: match loaded.project {
            Some(project) => project.document(path),
            None => Document::new(path, "p.png".to_owned()),
        },
        beside: loaded.beside,
        warnings: photo.warnings,
    })
}

fn file(path: &Path) -> Result<Opened, Error> {
    opened(Source::File(path.to_owned()))
}

fn save_photo(path: &Path, tone: u8) {
    let photo = Photo::from_pixels(RgbImage::from_pixel(20, 10, Rgb([tone, 2, 3])).into());
    let options = SaveOptions::for_path(path).unwrap();
    photo.save(path, &options).unwrap();
}

#[test]
fn a_photo_becomes_an_untouched_document() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("IMG 1.JPG");
    save_photo(&path, 1);
    let opened = file(&path).unwrap();
    assert_eq!(opened.beside, None);
    assert!(!opened.document.is_unsaved());
    assert!(opened.warnings.is_empty());
}

#[test]
fn a_project_brings_its_photo_and_tells_when_that_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("p.png");
    save_photo(&photo, 1);
    let mut document = file(&photo).unwrap().document;
    let change = Change::Amount(30.0);
    let face = FaceId(1);
    document.apply(&Command::Edit { face, change }, None);
    let path = folder.path().join("p.jawline");
    Project::of(&document).write(&path, Replace::Own).unwrap();

    let sound = file(&path).unwrap();
    assert!(sound.warnings.is_empty(), "{:?}", sound.warnings);
    assert_eq!(sound.document.params(face).amount, 30.0);
    assert_eq!(sound.document.name, "p.png");

    save_photo(&photo, 200);
    let changed = file(&path).unwrap();
    assert!(
        changed.warnings[0].contains("p.png"),
        "{:?}",
        changed.warnings
    );

    let moved = folder.path().join("elsewhere.png");
    std::fs::rename(&photo, &moved).unwrap();
    let error = file(&path).unwrap_err();
    assert!(
        matches!(error, Error::Project(project::Error::PhotoMissing { .. })),
        "{error}"
    );
    // Its work is there without it, and goes on with the photo where it is now.
    let project = load(Source::File(path.clone())).unwrap().project.unwrap();
    let mut document = project.clone().document(None);
    assert_eq!(document.params(face).amount, 30.0);
    let path_now = Some(moved.clone());
    let of = project;
    let shown = load(Source::Photo { path: path_now, of })
        .unwrap()
        .photo
        .unwrap();
    assert!(
        shown.warnings[0].contains("elsewhere.png"),
        "it was changed"
    );
    document.set_source(moved);

    // Saved again, the project knows the photo that is there now.
    Project::of(&document).write(&path, Replace::Own).unwrap();
    let again = file(&path).unwrap();
    assert!(again.warnings.is_empty(), "{:?}", again.warnings);
}

#[test]
fn a_photo_names_the_project_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("p.png");
    save_photo(&photo, 1);
    let document = file(&photo).unwrap().document;
    let beside = project::path_beside(&photo);
    Project::of(&document).write(&beside, Replace::Own).unwrap();
    assert_eq!(file(&photo).unwrap().beside, Some(beside.clone()));
    // Another photo's project under this name is no offer.
    let other = folder.path().join("other.png");
    save_photo(&other, 9);
    let named_after_it = project::path_beside(&other);
    std::fs::copy(&beside, &named_after_it).unwrap();
    assert_eq!(file(&other).unwrap().beside, None);
    // A photo that was renamed together with its project is known by its content.
    let renamed = folder.path().join("renamed.png");
    std::fs::copy(&photo, &renamed).unwrap();
    let beside_renamed = project::path_beside(&renamed);
    std::fs::copy(&beside, &beside_renamed).unwrap();
    assert_eq!(file(&renamed).unwrap().beside, Some(beside_renamed));
    assert_eq!(file(&beside).unwrap().beside, None);
}

#[test]
fn what_cannot_be_opened_is_told_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("empty.jpg"), b"").unwrap();
    std::fs::write(at("notes.txt"), b"milk, eggs, bread, and something else").unwrap();
    std::fs::write(at("fake.jpg"), b"milk, eggs, bread, and something else").unwrap();
    std::fs::write(at("fake.jawline"), b"milk, eggs, bread, and something else").unwrap();
    save_photo(&at("cut.png"), 1);
    let bytes = std::fs::read(at("cut.png")).unwrap();
    std::fs::write(at("cut.png"), &bytes[..bytes.len() - 20]).unwrap();
    for (name, words) in [
        ("", "is a folder"),
        ("empty.jpg", "is empty"),
        ("notes.txt", "is not a picture"),
        ("fake.jpg", "is not a picture"),
        ("fake.jawline", "is not a Jawline project"),
        ("cut.png", "cut off"),
        ("missing.jpg", "no such file"),
    ] {
        let message = file(&at(name)).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
        let name = if name.is_empty() {
            folder.path()
        } else {
            Path::new(name)
        };
        assert!(message.contains(&*name.to_string_lossy()), "{message}");
    }
    #[cfg(unix)]
    {
        let message = file(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(message.contains("not an ordinary file"), "{message}");
    }
}
