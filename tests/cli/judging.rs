//! The program judges by its own networks: what is neck, and whether there is anything to remove.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::jawline;

fn portrait(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/portraits");
    folder.join(name)
}

fn figures(command: &mut assert_cmd::Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["figures"].take()
}

#[test]
fn stages_parse_and_score_need_no_networks_of_the_users() {
    let folder = tempfile::tempdir().unwrap();
    let stage = |stage: &str| {
        let mut command = jawline();
        command.args(["stage", stage, "--json", "-q", "--image"]);
        command.arg(portrait("man_with_glasses.jpg"));
        command.arg("--out").arg(folder.path().join(stage));
        command
    };
    let parsed = figures(&mut stage("parse"));
    let share =
        |label: usize| parsed["pixels_of_label"][label].as_f64().unwrap() / f64::from(512 * 512);
    assert!((0.02..0.3).contains(&share(14)), "neck: {}", share(14));
    assert!((0.1..0.5).contains(&share(1)), "skin: {}", share(1));
    assert!(share(6) > 0.001, "he wears glasses: {}", share(6));

    let scored = figures(&mut stage("score"));
    assert_eq!(scored["double_chin"], true);
    assert!(scored["probability"].as_f64().unwrap() > 0.5);

    let refused = stage("score")
        .arg("--labels")
        .arg("labels.png")
        .output()
        .unwrap();
    assert_eq!(
        refused.status.code(),
        Some(2),
        "our meter takes no label map"
    );
}

#[test]
fn a_chin_that_has_nothing_to_remove_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let drawn = folder.path().join("drawn");
    jawline()
        .args(["synthesize", "--boundary", "coarse", "--alpha", "-4", "-q"])
        .arg("--codes")
        .arg(portrait("young_woman.npy"))
        .arg("--out")
        .arg(&drawn)
        .assert()
        .success();
    let photo = drawn.join("image_001.png");
    let (out, report) = (
        folder.path().join("after.png"),
        folder.path().join("report.json"),
    );
    let mut command = jawline();
    command.arg("retouch").arg(&photo).arg("--out").arg(&out);
    let output = command.arg("--report").arg(&report).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("no double chin"),
        "{said}"
    );
    assert_eq!(fs::read(&out).unwrap(), fs::read(&photo).unwrap());
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let face = &report["photos"][0]["faces"][0];
    assert_eq!(face["alpha"], 0.0);
    assert!(face["chin"]["before"]["probability"].as_f64().unwrap() < 0.2);
    assert!(face["chin"]["after"].is_null() && face["inversion"].is_null());
}

#[test]
fn a_clear_double_chin_is_reduced_without_an_amount() {
    let folder = tempfile::tempdir().unwrap();
    let (out, report) = (
        folder.path().join("after.jpg"),
        folder.path().join("report.json"),
    );
    jawline()
        .arg("retouch")
        .arg(portrait("man_with_glasses.jpg"))
        .arg("--code")
        .arg(portrait("man_with_glasses.npy"))
        .arg("--out")
        .arg(&out)
        .arg("--report")
        .arg(&report)
        .assert()
        .success();
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let face = &report["photos"][0]["faces"][0];
    let probability = |when: &str| face["chin"][when]["probability"].as_f64().unwrap();
    assert!(face["alpha"].as_f64().unwrap() < 0.0);
    assert!(probability("after") < probability("before"), "{face}");
}

#[test]
fn a_code_is_one_face_s() {
    let folder = tempfile::tempdir().unwrap();
    let output = jawline()
        .arg("retouch")
        .args([
            portrait("man_with_glasses.jpg"),
            portrait("young_woman.jpg"),
        ])
        .arg("--code")
        .arg(portrait("man_with_glasses.npy"))
        .arg("--out")
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--code"));
}
