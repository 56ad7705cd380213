use std::fs;
use std::path::PathBuf;

use jawline::checkpoint::npy;
use ndarray::{Array2, ArrayD};
use tempfile::TempDir;

use super::{jawline, json, succeeds};
use crate::architectures::unpacked;
use crate::harness::{array, largest_difference};
use crate::reference;

const PACKED: [&str; 3] = [
    "bisenet/bisenet_ternary_legacy.pth.gz",
    "classifier/classification_model_legacy.pth.gz",
    "vgg16/vgg16_ternary_legacy.pth.gz",
];

/// A data directory into which everything was imported, by files whose names say nothing.
fn imported() -> TempDir {
    let data_dir = tempfile::tempdir().unwrap();
    let unpacked: Vec<(TempDir, PathBuf)> = PACKED.map(unpacked).into();
    let files = unpacked.iter().map(|(_, path)| path);
    let report = json(
        jawline(data_dir.path())
            .args(["networks", "import", "--json", "--quiet"])
            .args(files)
            .arg(reference("stylegan2/Gs_tiny_zip.pth")),
    );
    let of_all = |field: &str| -> Vec<String> {
        let imported = report["imported"].as_array().unwrap().iter();
        imported.map(|file| file[field].to_string()).collect()
    };
    assert_eq!(
        of_all("role"),
        [
            "\"parser\"",
            "\"scorer\"",
            "\"perceptual\"",
            "\"generator\""
        ]
    );
    assert_eq!(of_all("resolution"), ["512", "256", "null", "64"]);
    assert_eq!(of_all("layers")[3], "10");
    data_dir
}

fn found(out: &TempDir, name: &str) -> ArrayD<f32> {
    npy::read_f32(&out.path().join(name)).unwrap()
}

#[test]
fn imported_networks_run_in_the_stages() {
    let data_dir = imported();
    let out = tempfile::tempdir().unwrap();
    let stage = |arguments: &[&str], files: &[(&str, &str)]| {
        let mut command = jawline(data_dir.path());
        command.arg("stage").args(arguments).arg("-q");
        for (option, file) in files {
            command.arg(option).arg(reference(file));
        }
        // Some run twice, in two ways.
        succeeds(command.arg("--overwrite").arg("--out").arg(out.path()));
    };

    stage(
        &["parse", "--parser", "imported", "--bgr"],
        &[("--image", "bisenet/input_512_rgb.png")],
    );
    let logits = found(&out, "logits.npy");
    assert_eq!(logits.shape(), [1, 19, 512, 512]);
    let positions: Array2<i32> =
        ndarray_npy::read_npy(reference("bisenet/positions_row_col.npy")).unwrap();
    let expected = array("bisenet/logits_bgr_input_at_positions.npy");
    for (at, expected) in positions.outer_iter().zip(expected.outer_iter()) {
        for (class, expected) in expected.iter().enumerate() {
            let logit = logits[[0, class, at[0] as usize, at[1] as usize]];
            assert!((logit - expected).abs() < 1e-3);
        }
    }

    for (mode, stored_as) in [("stored", "eval"), ("per-image", "train_mode")] {
        stage(
            &["score", "--scorer", "imported", "--batchnorm", mode],
            &[
                ("--image", "images/portraits/00212.png"),
                ("--labels", "classifier/labels_512_00212.png"),
            ],
        );
        let text = fs::read(out.path().join("score.json")).unwrap();
        let score: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let expected = array(&format!("classifier/logits_{stored_as}_00212_rgb.npy"));
        for (index, expected) in expected.iter().enumerate() {
            let found = score["logits"][index].as_f64().unwrap() as f32;
            assert!((found - expected).abs() < 3e-3 + 1e-4 * expected.abs());
        }
    }

    stage(
        &["score", "--scorer", "imported", "--parser", "imported"],
        &[("--image", "images/portraits/00212.png")],
    );
    let text = fs::read(out.path().join("score.json")).unwrap();
    let score: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert!(score["probability"].as_f64().is_some(), "{score}");

    stage(
        &["features", "--perceptual", "imported"],
        &[("--image", "vgg16/x64.npy")],
    );
    let expected = array("vgg16/features_x64.npy");
    let largest = expected
        .iter()
        .fold(0f32, |largest, x| largest.max(x.abs()));
    let difference = largest_difference(&found(&out, "features.npy"), &expected);
    assert!(difference < 1e-4 * largest, "{difference} of {largest}");

    succeeds(jawline(data_dir.path()).args(["networks", "verify"]));
    let listed = succeeds(jawline(data_dir.path()).args(["networks", "list"]));
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains("BiSeNet") && listed.contains("Gs_tiny_zip.pth"),
        "{listed}"
    );
    succeeds(jawline(data_dir.path()).args(["networks", "remove", "imported"]));
    assert!(!data_dir.path().join("packs/imported").exists());
}

#[test]
fn a_truncated_checkpoint_is_refused_in_one_line_and_leaves_nothing() {
    let data_dir = tempfile::tempdir().unwrap();
    let (_folder, path) = unpacked(PACKED[0]);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let output = jawline(data_dir.path())
        .args(["networks", "import", "--quiet"])
        .arg(reference("stylegan2/Gs_tiny_legacy.pth"))
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("network.pth"), "{said}");
    let left = fs::read_dir(data_dir.path().join("packs")).unwrap();
    assert_eq!(left.count(), 0);
}
