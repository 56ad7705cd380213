//! What is not installed, or not as it was installed, is said with the command that mends it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{fails, jawline, sample};

fn data_dir() -> PathBuf {
    jawline::data_dir::data_dir().unwrap()
}

/// A data directory of its own whose files are links to the installed ones.
pub(super) fn linked_data_dir() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    link_all(&data_dir(), folder.path());
    folder
}

fn link_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            link_all(&path, &target);
        } else {
            std::os::unix::fs::symlink(&path, &target).unwrap();
        }
    }
}

#[track_caller]
fn synthesize_fails(data_dir: &Path) -> String {
    let out = tempfile::tempdir().unwrap();
    fails(
        jawline()
            .env("JAWLINE_DATA_DIR", data_dir)
            .args(["synthesize", "-q", "--out"])
            .arg(out.path()),
    )
}

#[test]
fn missing_networks_name_the_command_that_installs_them() {
    let empty = tempfile::tempdir().unwrap();
    let said = synthesize_fails(empty.path());
    assert!(said.contains("jawline networks install"), "{said}");
}

#[test]
fn a_network_with_one_flipped_byte_is_refused() {
    let folder = linked_data_dir();
    let network = folder.path().join("packs/community/mapping.onnx");
    let mut bytes = fs::read(&network).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&network).unwrap();
    fs::write(&network, bytes).unwrap();
    let said = synthesize_fails(folder.path());
    assert!(
        said.contains("mapping.onnx") && said.contains("jawline networks install"),
        "{said}"
    );
    let said = fails(
        jawline()
            .env("JAWLINE_DATA_DIR", folder.path())
            .args(["networks", "verify"]),
    );
    assert!(said.contains("mapping.onnx"), "{said}");
}

#[test]
fn a_network_that_is_gone_is_named() {
    let folder = linked_data_dir();
    fs::remove_file(folder.path().join("packs/community/synthesis.onnx")).unwrap();
    assert!(synthesize_fails(folder.path()).contains("synthesis.onnx"));
}

#[test]
fn a_missing_or_broken_runtime_is_an_error_and_no_hang() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("libonnxruntime.so");
    fs::write(&garbage, b"no library").unwrap();
    for library in [Path::new("/nonexistent/libonnxruntime.so"), &garbage] {
        let said = fails(
            jawline()
                .timeout(std::time::Duration::from_secs(20))
                .env("ORT_DYLIB_PATH", library)
                .args(["synthesize", "-q", "--out"])
                .arg(folder.path().join("out")),
        );
        assert!(
            said.contains("ORT_DYLIB_PATH") && said.contains("networks install"),
            "{said}"
        );
    }
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_and_not_a_run_on_the_cpu() {
    if Path::new("/dev/nvidia0").exists() {
        return;
    }
    for provider in ["cuda", "webgpu"] {
        let out = tempfile::tempdir().unwrap();
        let said = fails(
            jawline()
                .args(["retouch", "-q", "--provider", provider, "--out"])
                .arg(out.path().join("after.png"))
                .arg(sample()),
        );
        assert!(
            said.contains(provider) && said.contains("--provider cpu"),
            "{said}"
        );
        assert_eq!(super::names(out.path()), [""; 0]);
    }
}

#[test]
fn what_is_installed_is_listed_with_licences() {
    let output = jawline().args(["networks", "list"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    for word in [
        "community",
        "random-face",
        "Apache-2.0",
        "non-commercial",
        "ONNX Runtime",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    jawline().args(["networks", "verify"]).assert().success();
}
