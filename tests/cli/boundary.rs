//! Boundaries: looking at them, making one of others, training one.

use std::path::{Path, PathBuf};

use ndarray::{Array, Array2, Array3, ArrayD, Dimension, array};
use serde_json::Value;

use crate::{fails, jawline};

fn ours() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("boundaries/double_chin_w.npy")
}

fn write<D: Dimension>(folder: &Path, name: &str, array: &Array<f32, D>) -> PathBuf {
    let path = folder.join(name);
    ndarray_npy::write_npy(&path, array).unwrap();
    path
}

fn read(path: PathBuf) -> ArrayD<f32> {
    ndarray_npy::read_npy(path).unwrap()
}

/// Runs a command that must succeed, and yields the JSON that it prints.
#[track_caller]
fn json(arguments: &[&str]) -> Value {
    let mut command = jawline();
    let output = command.args(arguments).arg("--json").output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_boundary_goes_to_another_generator_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there");
    let out = there.to_str().unwrap();
    let ours = ours();
    let ours = ours.to_str().unwrap();
    json(&[
        "boundary",
        "convert",
        ours,
        "--layers",
        "23",
        "--per-layer",
        "--out",
        out,
    ]);
    assert_eq!(read(there.join("boundary.npy")).shape(), [1, 23, 512]);
    assert_eq!(read(there.join("boundary_22.npy")).shape(), [1, 512]);

    let back = folder.path().join("back");
    let back_name = back.to_str().unwrap();
    json(&[
        "boundary", "convert", out, "--layers", "18", "--out", back_name,
    ]);
    assert_eq!(read(back.join("boundary.npy")).shape(), [1, 18, 512]);

    let info = json(&["boundary", "info", out, ours]);
    assert_eq!(info["boundaries"][0]["layers"], 23);
    assert_eq!(info["boundaries"][1]["layers"], Value::Null);
    let compared = json(&["boundary", "compare", ours, out, back_name]);
    let pairs = compared["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 3);
    for pair in pairs {
        assert!(pair["cosine"].as_f64().unwrap() > 0.999_999, "{pair}");
    }
}

#[test]
fn conditions_are_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let primal = write(folder.path(), "p.npy", &array![[0.6_f32, 0.8, 0.0]]);
    let one = write(folder.path(), "a.npy", &array![[0.0_f32, 1.0, 0.0]]);
    let out = folder.path().join("out");
    json(&[
        "boundary",
        "project",
        "--primal",
        primal.to_str().unwrap(),
        "--condition",
        one.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    let left = read(out.join("boundary.npy"));
    assert!(
        (left - array![[1.0_f32, 0.0, 0.0]].into_dyn())
            .iter()
            .all(|x| x.abs() < 1e-6)
    );
}

#[test]
fn a_code_is_moved_in_steps() {
    let folder = tempfile::tempdir().unwrap();
    let code = write(folder.path(), "c.npy", &Array3::<f32>::ones((1, 18, 512)));
    let out = folder.path().join("out");
    json(&[
        "boundary",
        "interpolate",
        "--code",
        code.to_str().unwrap(),
        "--boundary",
        ours().to_str().unwrap(),
        "--from",
        "-2",
        "--to",
        "2",
        "--steps",
        "5",
        "--out",
        out.to_str().unwrap(),
    ]);
    let codes = read(out.join("codes.npy"));
    assert_eq!(codes.shape(), [5, 18, 512]);
    assert!(
        codes
            .index_axis(ndarray::Axis(0), 2)
            .iter()
            .all(|&x| x == 1.0)
    );
}

#[test]
fn a_boundary_is_trained_on_given_rows_or_chosen_ones() {
    let folder = tempfile::tempdir().unwrap();
    // The score is the first component; the second is noise.
    let codes = Array2::from_shape_fn((40, 3), |(row, column)| match column {
        0 => row as f32 / 4.0 - 5.0,
        1 => ((row * 7) % 5) as f32 - 2.0,
        _ => 1.0,
    });
    let scores = Array2::from_shape_fn((40, 1), |(row, _)| row as f32);
    let codes = write(folder.path(), "x.npy", &codes);
    let scores = write(folder.path(), "s.npy", &scores);
    let index = folder.path().join("i.npy");
    ndarray_npy::write_npy(&index, &array![39_i32, 38, 37, 0, 1, 2]).unwrap();
    let (codes, scores) = (codes.to_str().unwrap(), scores.to_str().unwrap());
    let basic = ["train", "svm", "--codes", codes, "--scores", scores];
    for extra in [
        vec!["--ratio", "0.25", "--split", "0.8", "--seed", "3"],
        vec!["--train-index", index.to_str().unwrap()],
    ] {
        let out = folder.path().join(extra[0]);
        let mut arguments = basic.to_vec();
        arguments.extend(&extra);
        arguments.extend(["--out", out.to_str().unwrap()]);
        json(&arguments);
        let boundary = read(out.join("boundary.npy"));
        assert_eq!(boundary.shape(), [1, 3]);
        assert!(boundary[[0, 0]] > 0.9, "{boundary}");
        let figures: Value =
            serde_json::from_slice(&std::fs::read(out.join("svm.json")).unwrap()).unwrap();
        assert_eq!(figures["train"], 1.0);
        assert!(figures["intercept"].is_f64());
        let is_validated = extra[0] == "--ratio";
        assert_eq!(figures["validation"].is_f64(), is_validated);
    }
}

#[test]
fn wrong_use_is_told_from_wrong_files() {
    let said = fails(jawline().args(["boundary", "info", "/no/such/boundary.npy"]));
    assert!(said.contains("/no/such/boundary.npy"), "{said}");
    let said = fails(jawline().args(["train", "coarse", "--data", "/no/such/folder"]));
    assert!(said.contains("jawline train sample"), "{said}");
    let wrong = jawline()
        .args(["boundary", "compare", "one.npy"])
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}
