//! The program from outside: the main job end to end, and everything that can go wrong with it.
//!
//! These tests run the real networks; `scripts/test` installs them first.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod batch;
mod boundary;
mod codes;
mod compare;
mod evaluate;
mod integrations;
mod interrupt;
mod judging;
mod many;
mod missing;
mod networks;
mod outputs;
mod retouch;
mod shards;
mod supply;
mod synthesize;
mod train;

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use image::RgbImage;

/// The program, with a clean environment where it matters.
fn jawline() -> Command {
    let mut command = Command::cargo_bin("jawline").unwrap();
    command.env_remove("JAWLINE_LOG");
    command
}

/// A sample portrait: 1024 px, a clear double chin.
fn sample() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/portraits");
    let mut portraits: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .collect();
    portraits.sort();
    portraits.swap_remove(0)
}

fn sample_pixels() -> RgbImage {
    image::open(sample()).unwrap().into_rgb8()
}

/// Runs a command that must fail with status 1, and yields what it says on stderr.
#[track_caller]
fn fails(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("jawline: ") || said.contains("\njawline: "),
        "{said}"
    );
    assert!(!said.contains("panicked"), "{said}");
    said
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
