//! Ctrl-C in the middle of the work.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{names, sample};

fn interrupt(child: &Child) {
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
}

#[test]
fn ctrl_c_during_the_inversion_ends_it_within_a_second_and_leaves_nothing() {
    let out = tempfile::tempdir().unwrap();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("jawline"))
        .args(["retouch", "--search-again", "--steps", "100000", "--out"])
        .arg(out.path().join("after.png"))
        .arg(sample())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().starts_with("invert")),
        "it reaches the inversion"
    );
    // Into the middle of a step.
    std::thread::sleep(Duration::from_secs(3));
    let interrupted = Instant::now();
    interrupt(&child);
    let status = child.wait().unwrap();
    let waited = interrupted.elapsed();
    assert_eq!(status.code(), Some(130));
    assert!(
        waited < Duration::from_secs(3),
        "it took {waited:?} on a busy machine"
    );
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(
        said.iter().any(|line| line.contains("interrupted")),
        "{said:?}"
    );
    assert_eq!(names(out.path()), [""; 0]);
}

#[test]
fn what_was_done_before_ctrl_c_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let photos = ["a.jpg", "b.jpg"].map(|name| folder.path().join(name));
    for photo in &photos {
        fs::copy(sample(), photo).unwrap();
    }
    let (out, report) = (folder.path().join("out"), folder.path().join("report.json"));
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("jawline"))
        .args([
            "retouch",
            "--search-again",
            "--steps",
            "12",
            "--json",
            "--out",
        ])
        .arg(&out)
        .arg("--report")
        .arg(&report)
        .args(&photos)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut inversions = lines.filter(|line| line.as_ref().unwrap().starts_with("invert"));
    // That of the second photo.
    assert!(inversions.nth(1).is_some());
    interrupt(&child);
    let mut answer = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut answer)
        .unwrap();
    drop(inversions);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["interrupted"], true);
    let written = out.join("a.jpg");
    assert_eq!(answer["written"], serde_json::json!([written]));
    assert_eq!(names(&out), [".jawline-retouch.jsonl", "a.jpg"]);
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(report["interrupted"], true);
    assert_eq!(report["photos"].as_array().unwrap().len(), 1);
}

#[test]
fn whoever_asked_for_json_gets_it_from_every_command() {
    let out = tempfile::tempdir().unwrap();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("jawline"))
        .args(["stage", "invert", "--json", "--steps", "100000", "--image"])
        .arg(sample())
        .arg("--out")
        .arg(out.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("invert")));
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["interrupted"], true);
    assert_eq!(answer["written"], serde_json::json!([]));
}
