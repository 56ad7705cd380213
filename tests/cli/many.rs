//! Many photos at once: folders, names that meet, going on, reports.

use std::fs;
use std::path::{Path, PathBuf};

use image::{DynamicImage, Rgb, RgbImage};
use serde_json::Value;

use super::{fails, jawline, names, sample, sample_pixels, stderr};

const JOURNAL: &str = ".jawline-retouch.jsonl";

/// A folder with small photos that show nobody under these names, each of its own colour.
fn shoot(photos: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (index, name) in photos.iter().enumerate() {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let colour = Rgb([40 + index as u8, 80, 120]);
        RgbImage::from_pixel(60, 40, colour).save(&path).unwrap();
    }
    folder
}

/// Copies photos without a change, which needs no networks.
fn unchanged(inputs: &[&Path], out: &Path) -> assert_cmd::Command {
    let mut command = jawline();
    command
        .args(["retouch", "--amount", "0"])
        .args(inputs)
        .arg("--out")
        .arg(out);
    command
}

/// The names in a folder but those of journals.
fn results(folder: &Path) -> Vec<String> {
    let mut names = names(folder);
    names.retain(|name| !name.starts_with(".jawline-retouch"));
    names
}

fn pixels(path: PathBuf) -> RgbImage {
    image::open(path).unwrap().into_rgb8()
}

#[test]
fn a_folder_is_retouched_with_its_sub_folders_below_out_and_a_bad_file_stops_nobody() {
    let folder = shoot(&["b.png", "a.jpg", "sub/a.jpg", "sub/deep/c.png"]);
    let at = |name: &str| folder.path().join(name);
    fs::write(at("bad.jpg"), "no picture").unwrap();
    fs::write(at("notes.txt"), "notes").unwrap();
    let out = at("out");
    let flat = unchanged(&[folder.path()], &out).output().unwrap();
    assert_eq!(flat.status.code(), Some(1));
    assert!(stderr(&flat).contains("bad.jpg"), "{}", stderr(&flat));
    assert!(stderr(&flat).contains("1 .txt"), "{}", stderr(&flat));
    assert_eq!(results(&out), ["a.jpg", "b.png"]);

    // The results lie in the folder, and are none of its photos.
    fs::remove_file(at("bad.jpg")).unwrap();
    let table = at("table.csv");
    unchanged(&[folder.path()], &out)
        .args(["-q", "--recursive", "--overwrite", "--report"])
        .arg(&table)
        .assert()
        .success();
    assert_eq!(results(&out), ["a.jpg", "b.png", "sub"]);
    assert_eq!(results(&out.join("sub")), ["a.jpg", "deep"]);
    assert_eq!(
        pixels(out.join("sub/deep/c.png")),
        pixels(at("sub/deep/c.png"))
    );
    let table = fs::read_to_string(table).unwrap();
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.contains("unchanged"), "{table}");
}

#[test]
fn photos_of_one_name_are_kept_apart_and_that_is_said() {
    let folder = shoot(&["one/a.png", "two/A.PNG", "three/a-2.png"]);
    let at = |name: &str| folder.path().join(name);
    let out = at("out");
    let inputs = [at("one"), at("two/A.PNG"), at("three")];
    let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    let output = unchanged(&inputs, &out).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains("two/A.PNG") && said.contains("A-3.PNG"),
        "{said}"
    );
    assert_eq!(results(&out), ["A-3.PNG", "a-2.png", "a.png"]);
    assert_eq!(pixels(out.join("A-3.PNG")), pixels(at("two/A.PNG")));
    assert_eq!(pixels(out.join("a.png")), pixels(at("one/a.png")));
    // The same photo twice is one photo.
    let photo = at("one/a.png");
    unchanged(&[&photo, &at("one")], &at("once"))
        .arg("-q")
        .assert()
        .success();
    assert_eq!(results(&at("once")), ["a.png"]);
}

#[test]
fn resume_does_what_is_left_and_nothing_else() {
    let folder = shoot(&["in/a.png", "in/b.png", "in/c.png"]);
    let at = |name: &str| folder.path().join(name);
    let (input, out, report) = (at("in"), at("out"), at("report.json"));
    let resume = || {
        let mut command = unchanged(&[&input], &out);
        command
            .args(["--resume", "--json", "--report"])
            .arg(&report);
        command
    };
    unchanged(&[&input], &out).arg("-q").assert().success();
    // As after a kill: one result is not there, of another only the beginning of its work is noted.
    fs::remove_file(out.join("b.png")).unwrap();
    let journal = fs::read_to_string(out.join(JOURNAL)).unwrap();
    let kept: Vec<&str> = (journal.lines())
        .filter(|line| !(line.contains("c.png") && line.contains("\"result\"")))
        .collect();
    fs::write(out.join(JOURNAL), kept.join("\n") + "\n{\"out\":\"c.p").unwrap();
    let time = |name: &str| fs::metadata(out.join(name)).unwrap().modified().unwrap();
    let before = time("a.png");

    let output = resume().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let list = |key: &str| answer[key].as_array().unwrap().len();
    assert_eq!((list("written"), list("passed_over")), (2, 1), "{answer}");
    assert_eq!(time("a.png"), before);
    assert_eq!(results(&out), ["a.png", "b.png", "c.png"]);
    let told: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(told["photos"].as_array().unwrap().len(), 3);

    // All is done now; a new photo is one more.
    let answer: Value = serde_json::from_slice(&resume().output().unwrap().stdout).unwrap();
    assert_eq!(answer["written"].as_array().unwrap().len(), 0);
    RgbImage::new(20, 20).save(at("in/d.png")).unwrap();
    let answer: Value = serde_json::from_slice(&resume().output().unwrap().stdout).unwrap();
    assert_eq!(answer["written"].as_array().unwrap().len(), 1);

    // Other options give other results, and another photo of the name is another photo.
    let said = fails(resume().args(["--strip", "all"]));
    assert_eq!(said.matches("exists already").count(), 4, "{said}");
    RgbImage::new(21, 20).save(at("in/a.png")).unwrap();
    let said = fails(&mut resume());
    assert!(said.contains("a.png") && !said.contains("b.png"), "{said}");
    let output = resume().arg("--overwrite").output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["written"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(pixels(out.join("a.png")).width(), 21);
}

#[test]
fn resume_replaces_what_the_stopped_run_left_and_nothing_of_anybody_else() {
    let folder = shoot(&["in/a.png", "in/b.png", "in/c.png", "in/d.png"]);
    let at = |name: &str| folder.path().join(name);
    let (input, out) = (at("in"), at("out"));
    let masked = || {
        let mut command = unchanged(&[&input], &out);
        command.arg("--mask-out").arg(at("masks/"));
        command
    };
    masked().arg("-q").assert().success();
    // As after a kill, for all: a and c were begun; b has its file already, d its mask alone.
    let journal = fs::read_to_string(out.join(JOURNAL)).unwrap();
    let kept: Vec<&str> = (journal.lines())
        .filter(|line| !line.contains("\"result\""))
        .collect();
    fs::write(out.join(JOURNAL), kept.join("\n") + "\n").unwrap();
    fs::remove_file(out.join("d.png")).unwrap();
    fs::write(out.join("a.png"), "the user's own").unwrap();
    fs::write(at("masks/c.png"), "the user's own").unwrap();

    let output = masked().arg("--resume").output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for (file, is_refused) in [
        ("out/a.png", true),
        ("masks/a.png", false),
        ("out/b.png", false),
        ("out/c.png", false),
        ("masks/c.png", true),
    ] {
        let refused = said.lines().any(|line| {
            line.contains(&format!("{file}: is there")) && line.contains("--overwrite")
        });
        assert_eq!(refused, is_refused, "{file}: {said}");
    }
    for theirs in [out.join("a.png"), at("masks/c.png")] {
        assert_eq!(fs::read(theirs).unwrap(), b"the user's own");
    }
    let journal = fs::read_to_string(out.join(JOURNAL)).unwrap();
    let done = journal.lines().filter(|line| line.contains("\"result\""));
    assert_eq!(done.count(), 2, "b and d");
    assert_eq!(pixels(out.join("d.png")), pixels(at("in/d.png")));

    let output = (masked().args(["--resume", "--overwrite"]).output()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(pixels(out.join("a.png")), pixels(at("in/a.png")));
}

#[test]
fn going_on_needs_a_folder() {
    let folder = shoot(&["a.png"]);
    let photo = folder.path().join("a.png");
    let output = unchanged(&[&photo], &folder.path().join("b.png"))
        .arg("--resume")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("in a folder"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn shards_and_their_merge_do_what_one_run_does() {
    let folder = shoot(&[]);
    let input = folder.path().join("in");
    fs::create_dir(&input).unwrap();
    let portrait = DynamicImage::ImageRgb8(sample_pixels());
    for (name, side) in [("a.png", 400), ("b.png", 420), ("c.png", 440)] {
        let small = portrait.resize_exact(side, side, image::imageops::FilterType::Triangle);
        small.save(input.join(name)).unwrap();
    }
    let retouch = |out: &str| {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("jawline"));
        command
            .args([
                "retouch",
                "-q",
                "--steps",
                "1",
                "--amount",
                "75",
                "--threads",
                "1",
            ])
            .args(["--method", "plain", "--out"])
            .arg(folder.path().join(out))
            .arg(&input);
        command
    };
    assert!(retouch("one/").status().unwrap().success());
    let merged = || {
        let mut command = retouch("shards/");
        command.arg("--merge");
        for report in ["r.csv", "r.html"] {
            command.arg("--report").arg(folder.path().join(report));
        }
        command.output().unwrap()
    };
    let children: Vec<_> = ["1/3", "2/3"]
        .map(|shard| retouch("shards/").args(["--shard", shard]).spawn().unwrap())
        .into();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let early = merged();
    assert_eq!(early.status.code(), Some(1));
    assert!(
        stderr(&early).contains("c.png: it is not done yet"),
        "{}",
        stderr(&early)
    );
    assert!(
        retouch("shards/")
            .args(["--shard", "3/3"])
            .status()
            .unwrap()
            .success()
    );
    let output = merged();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for name in ["a.png", "b.png", "c.png"] {
        let of = |run: &str| fs::read(folder.path().join(run).join(name)).unwrap();
        assert!(of("one") == of("shards"), "{name}");
        assert_ne!(of("one"), fs::read(input.join(name)).unwrap(), "{name}");
    }
    let table = fs::read_to_string(folder.path().join("r.csv")).unwrap();
    assert_eq!(
        table
            .lines()
            .filter(|line| line.contains(",retouched,1,"))
            .count(),
        3,
        "{table}"
    );
    let page = fs::read_to_string(folder.path().join("r.html")).unwrap();
    assert_eq!(page.matches("<img ").count(), 6);
}

#[test]
fn memory_does_not_grow_with_the_number_of_photos() {
    let peak = |count: usize| {
        let photos: Vec<String> = (0..count)
            .map(|index| format!("in/{index:03}.png"))
            .collect();
        let folder = shoot(&photos.iter().map(String::as_str).collect::<Vec<_>>());
        let report = folder.path().join("report.json");
        unchanged(&[&folder.path().join("in")], &folder.path().join("out"))
            .args(["-q", "--report"])
            .arg(&report)
            .arg("--report")
            .arg(folder.path().join("report.html"))
            .assert()
            .success();
        let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
        report["peak_rss_bytes"].as_u64().unwrap()
    };
    let (few, many) = (peak(20), peak(200));
    assert!(many < few + (6 << 20), "{few} bytes for 20, {many} for 200");
}

#[test]
fn a_preset_is_put_on_every_photo() {
    let folder = shoot(&["a.png"]);
    let at = |name: &str| folder.path().join(name);
    fs::write(
        at("none.json"),
        r#"{"name": "None", "params": {"amount": 0}}"#,
    )
    .unwrap();
    let preset = |name: &Path| {
        let mut command = jawline();
        command
            .args(["retouch", "-q"])
            .arg(at("a.png"))
            .arg("--out")
            .arg(at("b.png"))
            .arg("--preset")
            .arg(name);
        command
    };
    let said = fails(&mut preset(Path::new("unheard of")));
    assert!(said.contains("Natural"), "{said}");
    preset(&at("none.json")).assert().success();
    assert_eq!(
        fs::read(at("b.png")).unwrap(),
        fs::read(at("a.png")).unwrap()
    );
    preset(Path::new("Natural"))
        .args(["--method", "plain"])
        .assert()
        .code(2);
}

#[test]
fn only_edit_in_place_replaces_a_photo_and_the_mask_tells_where() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let before = sample_pixels();
    before.save(at("a.png")).unwrap();
    let in_place = |arguments: &[&str]| {
        let mut command = jawline();
        command
            .args(["retouch", "-q", "--edit-in-place"])
            .args(arguments)
            .arg(at("a.png"));
        command
    };
    in_place(&["--out", "b.png"]).assert().code(2);
    let bytes = fs::read(at("a.png")).unwrap();
    in_place(&["--amount", "0"]).assert().success();
    assert_eq!(fs::read(at("a.png")).unwrap(), bytes);
    let mask = at("mask.png");
    let edit = ["--amount", "75", "--steps", "1", "--method", "plain"];
    in_place(&[&edit[..], &["--mask-out", mask.to_str().unwrap()]].concat())
        .assert()
        .success();
    assert_eq!(names(folder.path()), ["a.png", "mask.png"]);
    let after = pixels(at("a.png"));
    assert_ne!(after, before);
    let mask = image::open(mask).unwrap();
    assert_eq!(mask.color(), image::ColorType::L8);
    let mask = mask.into_luma8();
    assert_eq!(mask.dimensions(), before.dimensions());
    let outside = before
        .enumerate_pixels()
        .filter(|(x, y, _)| mask.get_pixel(*x, *y)[0] == 0);
    for (x, y, pixel) in outside {
        assert_eq!(pixel, after.get_pixel(x, y), "{x} {y}");
    }
    assert!(mask.pixels().filter(|pixel| pixel[0] == 255).count() > 3_000);
    // A photo that cannot be read stays as it is.
    fs::write(at("a.png"), "no picture").unwrap();
    fails(&mut in_place(&["--amount", "75"]));
    assert_eq!(fs::read(at("a.png")).unwrap(), b"no picture");
    assert!(sample().is_file());
}

#[test]
fn a_photo_in_floating_point_stays_one_and_changes_under_the_mask_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut before = DynamicImage::from(sample_pixels()).into_rgb32f();
    // Brighter than white, and darker than black.
    before.put_pixel(0, 0, Rgb([7.5, -0.25, f32::MAX]));
    before.save(at("a.tif")).unwrap();
    let retouch = |out: &str| {
        let mut command = jawline();
        command
            .args([
                "retouch",
                "-q",
                "--method",
                "instant",
                "--amount",
                "75",
                "--overwrite",
            ])
            .args([
                at("a.tif"),
                "--out".into(),
                at(out),
                "--mask-out".into(),
                at("mask.png"),
            ]);
        command
    };
    retouch("b.tif").assert().success();
    let after = image::open(at("b.tif")).unwrap();
    assert_eq!(after.color(), image::ColorType::Rgb32F);
    let (after, mask) = (after.into_rgb32f(), image::open(at("mask.png")).unwrap());
    let mask = mask.into_luma8();
    let mut changed = 0;
    for (x, y, pixel) in before.enumerate_pixels() {
        let result = after.get_pixel(x, y);
        assert!(result.0.iter().all(|level| level.is_finite()));
        changed += usize::from(result != pixel);
        assert!(
            mask.get_pixel(x, y)[0] > 0 || pixel.0.map(f32::to_bits) == result.0.map(f32::to_bits)
        );
    }
    assert!(changed > 3_000, "{changed}");
    let said = fails(&mut retouch("b.png"));
    assert!(
        said.contains("floating point") && said.contains("choose .tif"),
        "{said}"
    );
}

#[test]
fn a_profile_that_cannot_be_read_is_said_by_the_photo_s_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let photo = jawline::photo::Photo::from_pixels(RgbImage::new(30, 20).into());
    let mut metadata = photo.metadata().clone();
    metadata.icc_profile = Some(b"no profile".to_vec());
    let options = jawline::photo::SaveOptions::for_path(&at("a.png")).unwrap();
    (photo.with_metadata(metadata).save(&at("a.png"), &options)).unwrap();
    let output = unchanged(&[&at("a.png")], &at("b.png")).output().unwrap();
    assert!(output.status.success());
    let said = stderr(&output);
    let line = said
        .lines()
        .find(|line| line.contains("colour profile cannot be read"));
    assert!(line.is_some_and(|line| line.contains("a.png")), "{said}");
}

#[test]
fn layers_hold_the_photo_and_the_neck_above_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let retouch = |out: &str| {
        let mut command = jawline();
        command
            .args(["retouch", "-q", "--steps", "1", "--amount", "75"])
            .args(["--method", "plain", "--layers", "--out"])
            .arg(at(out))
            .arg(sample());
        command
    };
    retouch("a.png").assert().code(2);
    retouch("a.tif").assert().success();
    let after = image::open(at("a.tif")).unwrap();
    assert_eq!(after.color(), image::ColorType::Rgb16);
    let before = DynamicImage::ImageRgb8(sample_pixels()).into_rgb16();
    assert_ne!(after.into_rgb16(), before);
    let bytes = fs::read(at("a.tif")).unwrap();
    let has = |word: &[u8]| bytes.windows(word.len()).any(|other| other == word);
    assert!(has(b"Adobe Photoshop Document Data Block\0MIB861rL"));
    assert!(has(b"\x0ERetouched neck"));
}
