//! Importing networks.

use std::fs;
use std::path::PathBuf;

use jawline::checkpoint::npy;
use ndarray::Array4;
use tempfile::TempDir;

use super::{fails, jawline, names};

/// A data directory without a pack, where ONNX Runtime is found.
fn without_packs() -> (TempDir, impl Fn() -> assert_cmd::Command) {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_owned();
    let library = jawline::runtime::find_library().unwrap().path;
    let program = move || {
        let mut command = jawline();
        command
            .env("JAWLINE_DATA_DIR", &data_dir)
            .env("ORT_DYLIB_PATH", &library);
        command
    };
    (folder, program)
}

fn community(file: &str) -> PathBuf {
    let folder = jawline::data_dir::data_dir().unwrap();
    folder.join("packs/community").join(file)
}

#[test]
fn an_onnx_file_is_imported_by_its_content_and_runs_at_another_size() {
    let (data_dir, program) = without_packs();
    let file = data_dir.path().join("whatever.bin");
    fs::copy(community("perceptual.onnx"), &file).unwrap();
    let said = program()
        .args(["networks", "import", "--name", "own"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(
        said.contains("perceptual") && said.contains("VGG16"),
        "{said}"
    );

    let pictures = data_dir.path().join("x.npy");
    npy::write(&pictures, &Array4::<f32>::zeros((2, 3, 40, 24))).unwrap();
    let out = data_dir.path().join("out");
    program()
        .args(["stage", "features", "-q", "--perceptual", "own", "--image"])
        .arg(&pictures)
        .arg("--out")
        .arg(&out)
        .assert()
        .success();
    let features = npy::read_f32(&out.join("features.npy")).unwrap();
    assert_eq!(features.shape(), [2, 512, 5, 3]);
}

#[test]
fn a_bad_file_is_named_and_the_good_one_beside_it_is_not_imported() {
    let (data_dir, program) = without_packs();
    let bad = data_dir.path().join("Gs.pth");
    fs::write(&bad, b"\x80\x02c__builtin__\neval\n.").unwrap();
    let said = fails(
        program()
            .args(["networks", "import", "-q"])
            .arg(community("perceptual.onnx"))
            .arg(&bad),
    );
    assert!(
        said.contains("Gs.pth") && said.lines().count() == 1,
        "{said}"
    );
    assert!(names(&data_dir.path().join("packs")).is_empty());
}

#[test]
fn the_community_pack_is_never_written_to() {
    let (data_dir, program) = without_packs();
    let said = fails(
        program()
            .args(["networks", "import", "-q", "--name", "community"])
            .arg(community("perceptual.onnx")),
    );
    assert!(said.contains("community"), "{said}");
    assert!(names(data_dir.path()).is_empty());
}

#[test]
fn a_network_for_something_else_is_refused() {
    let (_data_dir, program) = without_packs();
    let said = fails(
        program()
            .args(["networks", "import", "-q", "--as", "parser"])
            .arg(community("perceptual.onnx")),
    );
    assert!(
        said.contains("perceptual network, not a face parser"),
        "{said}"
    );
    program()
        .args(["networks", "import", "--as", "nonsense", "x"])
        .assert()
        .code(2);
}
