//! Parts of the work as processes of their own, put together: the same as one run, bit for bit.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{fails, jawline};

/// Runs three parts at once.
#[track_caller]
fn three_parts(arguments: &[&str], folder: [&str; 2]) {
    let parts = ["1/3", "2/3", "3/3"].map(|shard| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("jawline"));
        command
            .args(arguments)
            .args(folder)
            .args(["-q", "--shard", shard]);
        command.spawn().unwrap()
    });
    for mut part in parts {
        assert!(part.wait().unwrap().success());
    }
}

fn run(arguments: &[&str], folder: [&str; 2]) -> assert_cmd::Command {
    let mut command = jawline();
    command.args(arguments).args(folder).arg("-q");
    command
}

fn merged<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--merge"]].concat()
}

/// All files below a folder with their content.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.push((name, fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn training_steps_in_parts_make_the_same_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (one, parts) = (path("one"), path("parts"));
    let sample = [
        "train",
        "sample",
        "--count",
        "4",
        "--seed",
        "3",
        "--threads",
        "1",
    ];
    let score = ["train", "score", "--threads", "1"];
    let pairs = [
        "train",
        "pairs",
        "--threads",
        "1",
        "--ratio",
        "1",
        "--boundary",
        concat!(env!("CARGO_MANIFEST_DIR"), "/boundaries/double_chin_w.npy"),
    ];
    let diffuse = [
        "train",
        "diffuse",
        "--threads",
        "1",
        "--steps",
        "1",
        "--count",
        "3",
    ];

    run(&sample, ["--data", &one]).assert().success();
    three_parts(&sample, ["--data", &parts]);
    run(&merged(&sample), ["--data", &parts]).assert().success();
    let said = fails(&mut run(&merged(&score), ["--data", &parts]));
    assert!(
        said.contains("no score yet") && said.contains("--shard"),
        "{said}"
    );
    for step in [&score[..], &pairs] {
        run(step, ["--data", &one]).assert().success();
        three_parts(step, ["--data", &parts]);
        run(&merged(step), ["--data", &parts]).assert().success();
    }
    run(&diffuse, ["--data", &one]).assert().success();
    three_parts(&diffuse, ["--data", &parts]);

    let (one, parts) = (contents(one.as_ref()), contents(parts.as_ref()));
    let names =
        |files: &[(String, Vec<u8>)]| files.iter().map(|file| file.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&parts));
    for ((name, one), (_, parts)) in one.iter().zip(&parts) {
        assert!(one == parts, "{name}");
    }
}

#[test]
fn an_evaluation_in_parts_says_what_one_run_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (one, parts) = (path("one"), path("parts"));
    let evaluate = [
        "evaluate",
        "--count",
        "3",
        "--seed",
        "5",
        "--method",
        "plain",
        "--threads",
        "1",
    ];
    run(&evaluate, ["--out", &one]).assert().success();
    let said = fails(&mut run(&merged(&evaluate), ["--out", &parts]));
    assert!(
        said.contains("3 of 3 portraits are not measured yet"),
        "{said}"
    );
    three_parts(&evaluate, ["--out", &parts]);
    let other = [&evaluate[..], &["--amount", "50", "--merge"]].concat();
    let said = fails(&mut run(&other, ["--out", &parts]));
    assert!(said.contains("other options"), "{said}");
    run(&merged(&evaluate), ["--out", &parts])
        .assert()
        .success();

    let without_times = |folder: &str| {
        let bytes = fs::read(Path::new(folder).join("evaluate.json")).unwrap();
        let mut report: Value = serde_json::from_slice(&bytes).unwrap();
        report["seconds"].take();
        report["summary"].take();
        for row in report["rows"].as_array_mut().unwrap() {
            row["seconds"].take();
            row["stages"].take();
        }
        report
    };
    assert_eq!(without_times(&one), without_times(&parts));
    let pictures = |folder: &str| {
        let page = fs::read_to_string(Path::new(folder).join("evaluate.html")).unwrap();
        let pictures = page.lines().filter(|line| line.contains("<img "));
        pictures.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(pictures(&one).len(), 6);
    assert_eq!(pictures(&one), pictures(&parts));
}
