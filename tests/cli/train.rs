//! Training steps that are begun, stopped and begun again.

use std::fs;
use std::path::Path;

use jawline::checkpoint::npy;
use serde_json::Value;

use super::{fails, jawline, names};

fn train(step: &str, folder: &Path) -> assert_cmd::Command {
    let mut command = jawline();
    command
        .args(["train", step, "--json", "-q", "--data"])
        .arg(folder);
    command
}

fn figures(command: &mut assert_cmd::Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn samples_that_are_there_are_not_drawn_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let sample = |count: &str| {
        let mut command = train("sample", &data);
        command.args(["--seed", "3", "--count", count]);
        command
    };
    assert_eq!(figures(&mut sample("2"))["made"], 2);
    // As after a kill between two portraits.
    let lost = data.join("images/000001.png");
    let drawn = fs::read(&lost).unwrap();
    fs::remove_file(&lost).unwrap();
    let figures_after = figures(&mut sample("2"));
    assert_eq!(figures_after["made"], 1);
    assert_eq!(fs::read(&lost).unwrap(), drawn, "it is the same portrait");

    let said = fails(train("sample", &data).args(["--seed", "4", "--count", "2"]));
    assert!(said.contains("seed"), "{said}");

    figures(&mut train("score", &data));
    let scores = npy::read_f32(&data.join("double_chin_scores.npy")).unwrap();
    assert_eq!(scores.shape(), [2, 1]);
    let manifest: Value =
        serde_json::from_slice(&fs::read(data.join("manifest.json")).unwrap()).unwrap();
    assert!(
        manifest["score"]["scorer"]
            .as_str()
            .unwrap()
            .contains("chin meter")
    );
    assert_eq!(
        names(&data.join("codes")).len(),
        4,
        "a code in W and one in W+ each"
    );
}

#[test]
fn a_step_says_which_one_comes_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let said = fails(&mut train("coarse", &folder.path().join("nothing")));
    assert!(said.contains("sample"), "{said}");
}
