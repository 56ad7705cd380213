//! What is written where, what is replaced, and what is told about it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use image::ImageEncoder;
use serde_json::{Value, json};

use super::{fails, jawline, names, sample, stderr};

/// A folder with copies of the sample under these names.
fn folder_with(photos: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = photos.iter().map(|name| folder.path().join(name)).collect();
    for path in &paths {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(sample(), path).unwrap();
    }
    (folder, paths)
}

/// Copies photos without a change, which needs no networks.
fn unchanged(photos: &[PathBuf]) -> assert_cmd::Command {
    let mut command = jawline();
    command.args(["retouch", "--amount", "0"]).args(photos);
    command
}

/// The one object on stdout.
#[track_caller]
fn answer(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text:?} {}", stderr(output));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_is_there_is_replaced_only_when_asked_and_each_is_named_before_any_work() {
    let (folder, photos) = folder_with(&["a.jpg", "b.jpg", "c.jpg"]);
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    for name in ["a.jpg", "c.jpg"] {
        fs::write(out.join(name), b"mine").unwrap();
    }
    let mut read_only = fs::metadata(out.join("c.jpg")).unwrap().permissions();
    read_only.set_readonly(true);
    fs::set_permissions(out.join("c.jpg"), read_only).unwrap();
    let report = folder.path().join("report.json");
    fs::write(&report, b"mine too").unwrap();

    let said = fails(
        unchanged(&photos)
            .arg("--out")
            .arg(&out)
            .arg("--report")
            .arg(&report),
    );
    for name in ["out/a.jpg", "out/c.jpg", "report.json"] {
        assert!(
            said.contains(name) && said.contains("--overwrite"),
            "{said}"
        );
    }
    assert!(!said.contains("out/b.jpg"), "{said}");
    assert_eq!(names(&out), ["a.jpg", "c.jpg"], "nothing was done");
    assert_eq!(fs::read(out.join("a.jpg")).unwrap(), b"mine");

    unchanged(&photos)
        .args(["-q", "--overwrite", "--out"])
        .arg(&out)
        .arg("--report")
        .arg(&report)
        .assert()
        .success();
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        assert_eq!(
            fs::read(out.join(name)).unwrap(),
            fs::read(sample()).unwrap()
        );
    }
    assert!(serde_json::from_slice::<Value>(&fs::read(&report).unwrap()).is_ok());
}

#[test]
fn no_input_is_ever_written_over() {
    let (folder, photos) = folder_with(&["a.jpg", "b.jpg"]);
    let at = |name: &str| folder.path().join(name);
    let before = fs::read(&photos[0]).unwrap();
    #[cfg(unix)]
    {
        fs::create_dir(at("linked")).unwrap();
        fs::hard_link(&photos[1], at("linked/a.jpg")).unwrap();
        std::os::unix::fs::symlink(&photos[0], at("link.json")).unwrap();
    }
    let refused = |photos: &[PathBuf], arguments: &[&Path]| {
        let said = fails(
            unchanged(photos)
                .args(["-q", "--overwrite"])
                .args(arguments),
        );
        assert!(said.contains("reads"), "{said}");
        for photo in photos {
            assert_eq!(fs::read(photo).unwrap(), before);
        }
    };
    let option = Path::new;
    refused(&photos[..1], &[option("--out"), &photos[0]]);
    refused(
        &photos[..1],
        &[
            option("--out"),
            &at("x.jpg"),
            option("--report"),
            &photos[0],
        ],
    );
    #[cfg(unix)]
    {
        // Another name of the other photo, and a link to the first.
        refused(&photos, &[option("--out"), &at("linked")]);
        let report = at("link.json");
        refused(
            &photos[..1],
            &[option("--out"), &at("x.jpg"), option("--report"), &report],
        );
    }
    // The stages' files have names that a photo may have too.
    let crop = at("crop.png");
    fs::write(&crop, &before).unwrap();
    let here = folder.path();
    refused(
        std::slice::from_ref(&crop),
        &[option("--out"), &at("x.png"), option("--stages"), here],
    );
    assert!(!at("x.jpg").exists() && !at("x.png").exists());
}

#[test]
fn a_report_that_cannot_be_written_is_noticed_before_any_work() {
    let (folder, photos) = folder_with(&["a.jpg"]);
    let out = folder.path().join("out.jpg");
    let report = folder.path().join("no/such/report.json");
    let said = fails(
        unchanged(&photos)
            .arg("--out")
            .arg(&out)
            .arg("--report")
            .arg(&report),
    );
    assert!(
        said.contains("no/such/report.json") && said.contains("folder"),
        "{said}"
    );
    assert_eq!(names(folder.path()), ["a.jpg"]);
}

#[test]
fn a_folder_may_have_a_dot_in_its_name() {
    let (folder, photos) = folder_with(&["a.jpg"]);
    let new = folder.path().join("shoot.2024/");
    unchanged(&photos)
        .args(["-q", "--out"])
        .arg(&new)
        .assert()
        .success();
    assert_eq!(names(&new), ["a.jpg"]);
    let there = folder.path().join("shoot.jpg");
    fs::create_dir(&there).unwrap();
    unchanged(&photos)
        .args(["-q", "--out"])
        .arg(&there)
        .assert()
        .success();
    assert_eq!(names(&there), ["a.jpg"]);
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_answered_in_text_and_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let odd = |bytes: &[u8]| PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
    let (folder, mut photos) = folder_with(&["plain.jpg"]);
    photos.push(folder.path().join(odd(b"caf\xE9.jpg")));
    fs::copy(sample(), &photos[1]).unwrap();
    let (out, report) = (folder.path().join("out"), folder.path().join("report.json"));
    let output = unchanged(&photos)
        .args(["-q", "--json", "--out"])
        .arg(&out)
        .arg("--report")
        .arg(&report)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let written = out.join(odd(b"caf\xE9.jpg"));
    assert!(written.is_file());
    let bytes = json!(written.as_os_str().as_bytes());
    let answer = answer(&output);
    assert_eq!(answer["written"][1], written.to_string_lossy().as_ref());
    assert_eq!(answer["path_bytes"]["written"], json!([null, bytes]));
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(report["photos"][1]["path_bytes"]["out"], bytes);
    assert_eq!(report["photos"][0].get("path_bytes"), None);

    // The others that print paths.
    let boundary = folder.path().join(odd(b"b\xFF.npy"));
    ndarray_npy::write_npy(&boundary, &ndarray::Array2::<f32>::ones((1, 512))).unwrap();
    for command in ["info", "compare"] {
        let output = jawline()
            .args(["boundary", command, "--json"])
            .args([&boundary, &boundary])
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{command} {}",
            stderr(&output)
        );
        assert!(
            self::answer(&output).to_string().contains("path_bytes"),
            "{command}"
        );
    }
    let output = jawline()
        .args(["boundary", "convert", "--json"])
        .arg(&boundary)
        .arg("--out")
        .arg(folder.path().join(odd(b"out\xFF")))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        self::answer(&output)["path_bytes"]["written"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn failures_and_wrong_use_are_answered_too() {
    let (folder, photos) = folder_with(&["a.jpg"]);
    let missing = folder.path().join("missing.jpg");
    let out = folder.path().join("out");
    let both = [missing, photos[0].clone()];
    let output = unchanged(&both)
        .args(["-q", "--json", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = answer(&output);
    assert!(
        told["failed"][0].as_str().unwrap().contains("missing.jpg"),
        "{told}"
    );
    assert_eq!(told["written"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["interrupted"], false);

    for (arguments, status) in [
        (&["retouch", "--json", "a.jpg"][..], 2),
        (&["retouch", "--json", "/no/a.jpg", "--out", "/no/b.jpg"], 1),
        (&["boundary", "info", "--json", "/no/a.npy"], 1),
        (&["train", "coarse", "--json", "--data", "/no/data"], 1),
        (&["batch", "--json", "--data", "/no/data"], 1),
    ] {
        let output = jawline().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
        let told = answer(&output);
        assert_eq!(told["failed"].as_array().unwrap().len(), 1, "{told}");
        assert_eq!(told["interrupted"], false);
    }
}

#[test]
fn folders_of_arrays_are_not_replaced_unasked_either() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["a.npy", "s.npy"] {
        ndarray_npy::write_npy(at(name), &ndarray::Array3::<f32>::ones((1, 18, 512))).unwrap();
    }
    let mix = |out: &Path| {
        let mut command = jawline();
        command
            .args([
                "stage", "mix", "-q", "--layers", "5..", "--ratio", "0.5", "--codes",
            ])
            .arg(at("a.npy"))
            .arg("--style-codes")
            .arg(at("s.npy"))
            .arg("--out")
            .arg(out);
        command
    };
    mix(&at("out")).assert().success();
    let said = fails(&mut mix(&at("out")));
    assert!(
        said.contains("codes.npy") && said.contains("--overwrite"),
        "{said}"
    );
    mix(&at("out")).arg("--overwrite").assert().success();

    // Its own input.
    fs::copy(at("a.npy"), at("out/codes.npy")).unwrap();
    let said = fails(
        jawline()
            .args([
                "stage",
                "mix",
                "--overwrite",
                "--layers",
                "5..",
                "--ratio",
                "0.5",
                "--codes",
            ])
            .arg(at("out/codes.npy"))
            .arg("--style-codes")
            .arg(at("s.npy"))
            .arg("--out")
            .arg(at("out")),
    );
    assert!(said.contains("reads"), "{said}");

    // Files of somebody else are no dataset.
    let said = fails(
        jawline()
            .args(["train", "sample", "--count", "1", "--data"])
            .arg(at("out")),
    );
    assert!(said.contains("choose a new folder"), "{said}");
    assert_eq!(names(&at("out")), ["codes.npy"]);
}

/// A PNG with an EXIF block that has a maker and a comment of so many bytes.
fn png_with_exif(path: &Path, comment: usize) {
    let mut exif = b"II*\0\x08\0\0\0\x02\0".to_vec();
    exif.extend(b"\x0F\x01\x02\0\x04\0\0\0Jaw\0");
    exif.extend(b"\x98\x82\x02\0");
    exif.extend((comment as u32).to_le_bytes());
    exif.extend(38_u32.to_le_bytes());
    exif.extend([0; 4]);
    exif.extend(vec![b'c'; comment]);
    let pixels = image::RgbImage::from_pixel(40, 30, image::Rgb([90, 120, 150]));
    let mut encoder = image::codecs::png::PngEncoder::new(fs::File::create(path).unwrap());
    encoder.set_exif_metadata(exif).unwrap();
    encoder
        .write_image(&pixels, 40, 30, image::ExtendedColorType::Rgb8)
        .unwrap();
}

#[test]
fn what_is_lost_on_the_way_is_told_also_when_nothing_else_changes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    png_with_exif(&at("a.png"), 20);
    png_with_exif(&at("long.png"), 70_000);
    for (photo, out, warning) in [
        (
            "a.png",
            "a.bmp",
            "EXIF data (camera, date, place) cannot be kept in BMP files",
        ),
        ("long.png", "long.jpg", "too long for a JPEG file"),
    ] {
        let report = at(&format!("{out}.json"));
        let output = unchanged(&[at(photo)])
            .arg("--out")
            .arg(at(out))
            .arg("--report")
            .arg(&report)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        let said = stderr(&output);
        assert!(said.contains(out) && said.contains(warning), "{said}");
        let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
        let warnings = report["photos"][0]["warnings"].to_string();
        assert!(warnings.contains(warning), "{warnings}");
        let pixels = image::open(at(out)).unwrap().into_rgb8();
        assert_eq!(pixels.dimensions(), (40, 30));
    }
}

#[test]
fn metadata_can_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    png_with_exif(&at("a.png"), 20);
    let has = |path: &Path, word: &[u8]| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(word.len()).any(|other| other == word)
    };
    for (strip, has_maker, has_copyright) in [
        ("none", true, true),
        ("gps", true, true),
        ("private", false, true),
        ("all", false, false),
    ] {
        let out = at(&format!("{strip}.png"));
        unchanged(&[at("a.png")])
            .args(["-q", "--strip", strip, "--out"])
            .arg(&out)
            .assert()
            .success();
        assert_eq!(has(&out, b"Jaw\0"), has_maker, "{strip}");
        assert_eq!(has(&out, b"cccccccc"), has_copyright, "{strip}");
    }
    let arguments = ["--strip", "everything", "--out", "b.png"];
    unchanged(&[at("a.png")]).args(arguments).assert().code(2);
}

#[test]
fn the_stages_of_photos_of_one_stem_have_folders_of_their_own() {
    let (folder, photos) = folder_with(&["a.jpg", "a.png"]);
    image::open(sample()).unwrap().save(&photos[1]).unwrap();
    let (out, stages) = (folder.path().join("out"), folder.path().join("stages"));
    let retouch = || {
        let mut command = jawline();
        command
            .args(["retouch", "-q", "--steps", "1", "--out"])
            .arg(&out)
            .arg("--stages")
            .arg(&stages)
            .args(&photos);
        command
    };
    retouch().assert().success();
    assert_eq!(names(&stages), ["a.jpg", "a.png"]);
    for name in ["a.jpg", "a.png"] {
        assert_eq!(names(&stages.join(name)).len(), 12);
    }
    fs::remove_dir_all(&out).unwrap();
    let said = fails(&mut retouch());
    assert_eq!(said.matches("exists already").count(), 24, "{said}");
    assert!(!out.exists(), "before any work");
}
