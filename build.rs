//! Finds the face detector's model, which the `rustface` package carries beside its source, so that
//! it can be built into the program (`networks::detector`).

use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "rustface";
const MODEL: &str = "model/seeta_fd_frontal_v1.0.bin";

/// Names the model file where there is no package source to find it in.
const OVERRIDE: &str = "JAWLINE_DETECTOR_MODEL";

fn main() {
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rerun-if-env-changed={OVERRIDE}");
    match model() {
        Ok(path) => println!("cargo::rustc-env=DETECTOR_MODEL={}", path.display()),
        Err(problem) => println!(
            "cargo::error=the face detector's model cannot be found: {problem}. Set {OVERRIDE} to \
             the file {MODEL} of the package {PACKAGE}"
        ),
    }
}

fn model() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os(OVERRIDE) {
        return existing(PathBuf::from(path));
    }
    // Without a network everything needed to build is there, with one the rest can be fetched.
    let manifest = package_manifest(&["--offline"]).or_else(|_| package_manifest(&[]))?;
    existing(manifest.with_file_name(MODEL))
}

/// Where cargo keeps the manifest of the package.
fn package_manifest(options: &[&str]) -> Result<PathBuf, String> {
    let variable = |name| std::env::var(name).map_err(|_| format!("cargo has not set {name}"));
    let output = Command::new(variable("CARGO")?)
        .args(["metadata", "--locked", "--format-version=1"])
        .arg(format!("--filter-platform={}", variable("TARGET")?))
        .args(options)
        .current_dir(variable("CARGO_MANIFEST_DIR")?)
        .output()
        .map_err(|e| format!("cargo does not run: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).replace('\n', " "));
    }
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest = packages
        .filter(|package| package["name"] == PACKAGE)
        .find_map(|package| package["manifest_path"].as_str());
    let manifest = manifest.ok_or_else(|| format!("{PACKAGE} is not among the dependencies"))?;
    Ok(Path::new(manifest).to_owned())
}

fn existing(path: PathBuf) -> Result<PathBuf, String> {
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} does not exist", path.display()))
    }
}
