//! `jawline evaluate`: the figures of drawn portraits hold their bounds, and what cannot be evaluated is told.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use image::GenericImageView;
use serde_json::Value;

use super::{fails, jawline, names, sample, stderr};

fn evaluate() -> assert_cmd::Command {
    let mut command = jawline();
    command.arg("evaluate");
    command
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What no change of networks, masks or methods may make worse. The figures themselves are in
/// `docs/quality.md`.
#[test]
fn edits_of_drawn_portraits_stay_within_their_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let output = evaluate()
        .args([
            "--count",
            "3",
            "--seed",
            "5",
            "--method",
            "warp,plain",
            "--json",
            "--out",
        ])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(names(folder.path()), ["evaluate.html", "evaluate.json"]);
    let report = json(&folder.path().join("evaluate.json"));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["report"], report);
    // What was chosen where nothing was said.
    assert_eq!(report["settings"]["amount"], 75.0);
    assert_eq!(report["settings"]["boundary"], "fine");
    assert!(
        stderr(&output).contains("the usual amount, 75 %"),
        "{}",
        stderr(&output)
    );

    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let number = |key: &str| {
            let value = row[key].as_f64();
            value.unwrap_or_else(|| panic!("{key}: {row}"))
        };
        assert_eq!(number("changed_outside"), 0.0, "{row}");
        assert_eq!(number("changed_outside_largest"), 0.0, "{row}");
        assert!(number("occluders_kept") >= 0.99, "{row}");
        assert!((0.6..1.7).contains(&number("texture")), "{row}");
        assert!(number("seam_delta_e") < 2.5, "{row}");
        assert!(number("landmark_shift_px") < 1.5, "{row}");
        assert!(number("drawing_changed_outside") < 15.0, "{row}");
        assert!(
            number("score_after") < number("score_before") + 0.05,
            "{row}"
        );
        assert!(
            number("seconds") > 0.0 && number("mask_pixels") > 5_000.0,
            "{row}"
        );
        // The code is known: what the mask lets through was drawn, not found.
        assert!(row["stages"].to_string().contains("draw edited"), "{row}");
        assert!(!row["stages"].to_string().contains("invert\""), "{row}");
    }
    let summary = &report["summary"];
    assert_eq!(summary.as_array().unwrap().len(), 2);
    assert_eq!(summary[0]["method"], "warp");
    assert_eq!(summary[0]["faces"], 3);

    let page = fs::read_to_string(folder.path().join("evaluate.html")).unwrap();
    assert_eq!(
        page.matches("<img ").count(),
        9,
        "before, and two methods, of three"
    );
    assert!(!page.contains("http"), "the page needs nothing else");
    assert!(page.contains("prefers-color-scheme: dark"));
    for title in ["score before", "texture", "seam ΔE", "occluders kept"] {
        assert!(page.contains(title), "{title}");
    }
}

#[test]
fn photos_take_their_codes_from_a_folder_and_failures_are_rows() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("photos")).unwrap();
    fs::create_dir_all(at("codes/b<i>")).unwrap();
    fs::copy(sample(), at("photos/b<i>.jpg")).unwrap();
    fs::write(at("photos/a.png"), b"these are not pixels").unwrap();
    fs::write(at("photos/notes.txt"), b"no photo").unwrap();
    let code: ndarray::Array2<f32> = ndarray_npy::read_npy(sample().with_extension("npy")).unwrap();
    let code = ndarray::Array3::from_shape_fn((1, 23, 512), |(_, _, at)| code[[0, at]]);
    ndarray_npy::write_npy(at("codes/b<i>/code.npy"), &code).unwrap();
    let evaluate = |arguments: &[&str]| {
        let mut command = evaluate();
        command
            .args(["--amount", "50", "--boundary", "coarse"])
            .args(arguments)
            .arg("--photos")
            .arg(at("photos"))
            .arg("--codes")
            .arg(at("codes"))
            .arg("--out")
            .arg(at("out"));
        command
    };

    let output = evaluate(&[]).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("jawline: ") && said.contains("a.png"),
        "{said}"
    );
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.contains("b<i>") && table.contains("seam ΔE"),
        "{table}"
    );
    let report = json(&at("out/evaluate.json"));
    assert_eq!(report["rows"].as_array().unwrap().len(), 1);
    assert_eq!(report["rows"][0]["name"], "b<i>");
    assert_eq!(report["failed"][0]["name"], "a");
    assert_eq!(report["settings"]["boundary"], "coarse");
    assert_eq!(report["settings"]["alpha"], -2.5);
    let page = fs::read_to_string(at("out/evaluate.html")).unwrap();
    assert!(page.contains("b&lt;i&gt;") && !page.contains("b<i>"));

    // What an earlier run has written stays.
    let said = fails(&mut evaluate(&[]));
    for name in NAMES {
        assert!(
            said.contains(name) && said.contains("--overwrite"),
            "{said}"
        );
    }
    // A code that fits no layer is told with its photo, and the page is replaced when that is wanted.
    ndarray_npy::write_npy(
        at("codes/b<i>/code.npy"),
        &ndarray::Array2::<f32>::ones((4, 512)),
    )
    .unwrap();
    let said = fails(&mut evaluate(&["--overwrite"]));
    assert!(said.contains("b<i>"), "{said}");
    assert_eq!(
        json(&at("out/evaluate.json"))["failed"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

const NAMES: [&str; 2] = ["evaluate.json", "evaluate.html"];

#[test]
fn portraits_without_a_double_chin_are_passed_over_when_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    evaluate()
        .args([
            "--count",
            "4",
            "--seed",
            "5",
            "--only-double-chins",
            "-q",
            "--out",
        ])
        .arg(folder.path())
        .assert()
        .success();
    let report = json(&folder.path().join("evaluate.json"));
    let rows = report["rows"].as_array().unwrap();
    let passed_over = report["passed_over"].as_array().unwrap();
    assert_eq!(rows.len() + passed_over.len(), 4, "{report}");
    assert!(!rows.is_empty() && !passed_over.is_empty(), "{report}");
    let threshold = report["settings"]["threshold"].as_f64().unwrap();
    for row in rows {
        assert!(row["score_before"].as_f64().unwrap() > threshold, "{row}");
        assert!(row["removed"].is_boolean(), "{row}");
    }
}

#[test]
fn folders_without_photos_or_codes_are_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("empty")).unwrap();
    fs::create_dir(at("photos")).unwrap();
    fs::copy(sample(), at("photos/a.jpg")).unwrap();
    let refused = |photos: &str, more: &[&str]| {
        let mut command = evaluate();
        command.arg("--photos").arg(at(photos)).args(more);
        fails(command.arg("--out").arg(at("out")))
    };
    let said = refused("empty", &[]);
    assert!(
        said.contains("empty") && said.contains("no picture"),
        "{said}"
    );
    let said = refused("missing", &[]);
    assert!(
        said.contains("missing") && said.contains("cannot be read"),
        "{said}"
    );
    let empty = at("empty").display().to_string();
    let said = refused("photos", &["--codes", &empty]);
    assert!(said.contains("code.npy"), "{said}");
    let said = refused("photos", &["--boundary", "/no/such/b.npy"]);
    assert!(said.contains("b.npy"), "{said}");
    assert!(!at("out").exists());
}

#[test]
fn wrong_use_has_status_2() {
    for arguments in [
        &["--out", "x"][..],
        &["--out", "x", "--count", "0"],
        &["--out", "x", "--count", "2", "--photos", "photos"],
        &["--out", "x", "--count", "2", "--codes", "codes"],
        &[
            "--out", "x", "--count", "2", "--amount", "10", "--alpha", "-1",
        ],
        &["--out", "x", "--count", "2", "--method", "warp,magic"],
        &["--out", "x", "--count", "2", "--psi", "1.5"],
        &["--count", "2"],
    ] {
        evaluate().args(arguments).assert().code(2);
    }
}

#[test]
fn what_was_measured_before_ctrl_c_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("jawline"))
        .args(["evaluate", "--count", "200", "--json", "--out"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // The second portrait comes with an estimate for the rest.
    assert!(lines.any(|line| line.unwrap().contains("(2 of 200, ")));
    let id = child.id().to_string();
    Command::new("kill").args(["-INT", &id]).status().unwrap();
    let mut answer = String::new();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_to_string(&mut answer).unwrap();
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["interrupted"], true);
    let report = json(&folder.path().join("evaluate.json"));
    assert_eq!(report["interrupted"], true);
    assert!(!report["rows"].as_array().unwrap().is_empty());
    let page = fs::read_to_string(folder.path().join("evaluate.html")).unwrap();
    assert!(page.contains("Interrupted"));
}

#[test]
fn the_page_shows_the_lower_two_thirds_of_the_crop() {
    let folder = tempfile::tempdir().unwrap();
    evaluate()
        .args(["--count", "1", "--seed", "7", "-q", "--out"])
        .arg(folder.path())
        .assert()
        .success();
    let page = fs::read_to_string(folder.path().join("evaluate.html")).unwrap();
    let start = "data:image/jpeg;base64,";
    let data = &page[page.find(start).unwrap() + start.len()..];
    let data = &data[..data.find('"').unwrap()];
    let picture = image::load_from_memory(&decoded(data)).unwrap();
    assert_eq!(picture.dimensions(), (1024, 683));
}

/// Bytes in base64.
fn decoded(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{other}"),
    };
    let letters: Vec<u8> = text.trim_end_matches('=').bytes().map(value).collect();
    let bits = |four: &[u8]| {
        let all = four
            .iter()
            .fold(0_u32, |all, &six| all << 6 | u32::from(six));
        let all = all << (6 * (4 - four.len()));
        all.to_be_bytes()[1..four.len()].to_vec()
    };
    letters.chunks(4).flat_map(bits).collect()
}
