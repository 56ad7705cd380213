//! A code that was found is kept, and found again.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::missing::linked_data_dir;
use super::{jawline, sample};

/// Retouches the sample and yields the bytes that were written, and whether a code was searched for.
fn retouch(data_dir: &Path, more: &[&str]) -> (Vec<u8>, bool) {
    let folder = tempfile::tempdir().unwrap();
    let (out, report) = (folder.path().join("a.png"), folder.path().join("a.json"));
    jawline()
        .env("JAWLINE_DATA_DIR", data_dir)
        .args(["retouch", "-q", "--amount", "80", "--steps", "2"])
        .args(more)
        .arg("--out")
        .arg(&out)
        .arg("--report")
        .arg(&report)
        .arg(sample())
        .assert()
        .success();
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let inversion = &report["photos"][0]["faces"][0]["inversion"];
    (fs::read(out).unwrap(), !inversion.is_null())
}

fn codes(data_dir: &Path, more: &[&str]) -> Value {
    let output = jawline()
        .env("JAWLINE_DATA_DIR", data_dir)
        .args(["codes", "--json"])
        .args(more)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_code_is_searched_for_once() {
    let data_dir = linked_data_dir();
    let kept = data_dir.path().join("codes");
    let _ = fs::remove_dir_all(&kept);

    let (first, searched) = retouch(data_dir.path(), &[]);
    assert!(searched);
    assert_eq!(codes(data_dir.path(), &[])["codes"], 1);
    assert_eq!(retouch(data_dir.path(), &[]), (first.clone(), false));
    // Other choices, another search; and none is used that the user does not want.
    assert!(retouch(data_dir.path(), &["--seed", "1"]).1);
    assert!(retouch(data_dir.path(), &["--search-again"]).1);

    // What was damaged is looked for again, and mended.
    for file in fs::read_dir(&kept).unwrap() {
        fs::write(file.unwrap().path(), "damaged").unwrap();
    }
    assert_eq!(retouch(data_dir.path(), &[]), (first.clone(), true));
    assert_eq!(retouch(data_dir.path(), &[]), (first, false));

    let removed = codes(data_dir.path(), &["--clear"]);
    assert_eq!(
        (&removed["codes"], &removed["removed"]),
        (&2.into(), &true.into())
    );
    assert_eq!(codes(data_dir.path(), &[])["codes"], 0);
}
