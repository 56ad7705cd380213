//! The folder workflow of the reference.

use std::fs;
use std::path::Path;

use jawline::checkpoint::npy;
use tempfile::TempDir;

use super::{fails, jawline, names, sample, sample_pixels};

/// A folder with one crop and its code.
fn workshop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["origin", "code"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::copy(sample(), folder.path().join("origin/one.jpg")).unwrap();
    let code = sample().with_extension("npy");
    fs::copy(code, folder.path().join("code/one_wp.npy")).unwrap();
    folder
}

fn batch(folder: &Path) -> assert_cmd::Command {
    let mut command = jawline();
    command
        .args(["batch", "--alpha", "-4", "--data"])
        .arg(folder);
    command
}

#[test]
fn crops_are_edited_once_and_a_bad_one_stops_nobody() {
    let folder = workshop();
    fs::write(folder.path().join("origin/bad.png"), "no picture").unwrap();
    let said = fails(&mut batch(folder.path()));
    assert!(said.contains("bad.png"), "{said}");
    let results = folder.path().join("warp_res");
    assert_eq!(names(&results), ["one.png"]);
    let result = image::open(results.join("one.png")).unwrap().into_rgb8();
    let original = sample_pixels();
    assert_eq!(result.dimensions(), original.dimensions());
    let changed = result.pixels().zip(original.pixels());
    let changed = changed.filter(|(after, before)| after != before).count();
    assert!(changed > 10_000, "{changed} pixels");
    assert_eq!(result.get_pixel(500, 300), original.get_pixel(500, 300));

    fs::remove_file(folder.path().join("origin/bad.png")).unwrap();
    let before = fs::metadata(results.join("one.png")).unwrap().modified();
    batch(folder.path()).assert().success();
    let after = fs::metadata(results.join("one.png")).unwrap().modified();
    assert_eq!(before.unwrap(), after.unwrap(), "what is done stays");
}

#[test]
fn diffused_codes_are_kept() {
    let folder = workshop();
    batch(folder.path())
        .args(["--method", "diffuse", "--steps", "2"])
        .assert()
        .success();
    assert_eq!(names(&folder.path().join("diffuse_res")), ["one.png"]);
    let code = npy::read_f32(&folder.path().join("diffuse_code/one_wp.npy")).unwrap();
    assert_eq!(code.shape(), [1, 23, 512]);
}

#[test]
fn a_folder_without_pictures_says_what_it_should_hold() {
    let folder = tempfile::tempdir().unwrap();
    let said = fails(&mut batch(folder.path()));
    assert!(said.contains("origin"), "{said}");
}
