//! Ctrl-C in the middle of the work.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{names, sample};

#[test]
fn ctrl_c_during_the_inversion_ends_it_within_a_second_and_leaves_nothing() {
    let out = tempfile::tempdir().unwrap();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("jawline"))
        .args(["retouch", "--steps", "100000", "--out"])
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
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    let status = child.wait().unwrap();
    let waited = interrupted.elapsed();
    assert_eq!(status.code(), Some(1));
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
