//! Importing checkpoints of the original's form with the program, and using them.

mod full_generator;
mod stages;

use std::path::Path;
use std::process::{Command, Output};

use jawline::runtime::find_library;

/// The program with a data directory of its own: ONNX Runtime, and no pack but what is imported.
fn jawline(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jawline"));
    command
        .env("JAWLINE_DATA_DIR", data_dir)
        .env("ORT_DYLIB_PATH", find_library().unwrap().path)
        .env_remove("JAWLINE_LOG");
    command
}

#[track_caller]
fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    output
}

#[track_caller]
fn json(command: &mut Command) -> serde_json::Value {
    serde_json::from_slice(&succeeds(command).stdout).unwrap()
}
