//! Comparisons for clients.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use serde_json::Value;

use super::{fails, jawline, names, stderr};

const COLOURS: [Rgb<u8>; 2] = [Rgb([200, 30, 30]), Rgb([30, 30, 200])];

/// A folder with two pictures of one size.
fn pair() -> (tempfile::TempDir, [PathBuf; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["before.png", "after.png"].map(|name| folder.path().join(name));
    for (path, colour) in paths.iter().zip(COLOURS) {
        RgbImage::from_pixel(120, 80, colour).save(path).unwrap();
    }
    (folder, paths)
}

fn compare(pictures: &[PathBuf], out: &Path, options: &[&str]) -> assert_cmd::Command {
    let mut command = jawline();
    command.arg("compare").args(pictures).args(options);
    command.arg("--out").arg(out);
    command
}

#[test]
fn each_way_to_compare_writes_its_picture() {
    let (folder, pictures) = pair();
    let out = folder.path().join("side.png");
    let run = compare(&pictures, &out, &["--json"]).output().unwrap();
    assert!(run.status.success(), "{}", stderr(&run));
    let answer: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(answer["written"][0], out.to_str().unwrap());
    assert_eq!(image::open(&out).unwrap().width(), 2 * 120 + 3 * 8);

    let out = folder.path().join("split.jpg");
    let options = ["--mode", "split", "--position", "30", "--no-labels"];
    compare(&pictures, &out, &options).assert().success();
    let split = image::open(&out).unwrap().into_rgb8();
    assert_eq!(split.dimensions(), (120, 80));
    for (x, colour) in [(10, COLOURS[0]), (100, COLOURS[1])] {
        for (found, wanted) in split.get_pixel(x, 40).0.into_iter().zip(colour.0) {
            assert!(found.abs_diff(wanted) < 6, "{found} {wanted}");
        }
    }

    for (name, head) in [("blink.gif", &b"GIF89a"[..]), ("blink.webp", b"RIFF")] {
        let out = folder.path().join(name);
        compare(&pictures, &out, &["--mode", "blink"])
            .assert()
            .success();
        assert!(std::fs::read(&out).unwrap().starts_with(head));
    }

    let out = folder.path().join("sheet.png");
    let three = [&pictures[..], &pictures[..1]].concat();
    let options = [
        "--mode",
        "contact-sheet",
        "--columns",
        "2",
        "--longest-side",
        "60",
    ];
    compare(&three, &out, &options).assert().success();
    assert_eq!(image::open(&out).unwrap().width(), 2 * 60 + 3 * 8);
}

#[test]
fn what_cannot_be_compared_is_said_and_nothing_is_written() {
    let (folder, pictures) = pair();
    let out = folder.path().join("out.png");
    let run = compare(&pictures[..1], &out, &[]).output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(
        stderr(&run).contains("--mode contact-sheet"),
        "{}",
        stderr(&run)
    );

    let run = compare(&pictures, &out, &["--mode", "blink"])
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(stderr(&run).contains(".gif or .webp"), "{}", stderr(&run));

    let other = folder.path().join("other.png");
    RgbImage::new(9, 9).save(&other).unwrap();
    let said = fails(&mut compare(
        &[pictures[0].clone(), other.clone()],
        &out,
        &["--mode", "split"],
    ));
    assert!(said.contains("120 × 80 and 9 × 9"), "{said}");

    // Neither what is compared nor, unasked, what is there.
    let said = fails(&mut compare(&pictures, &pictures[1], &["--overwrite"]));
    assert!(said.contains("the command reads"), "{said}");
    let said = fails(&mut compare(&pictures, &other, &[]));
    assert!(said.contains("--overwrite"), "{said}");
    assert_eq!(
        names(folder.path()),
        ["after.png", "before.png", "other.png"]
    );
    compare(&pictures, &other, &["--overwrite"])
        .assert()
        .success();
}
