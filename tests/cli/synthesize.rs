//! `jawline synthesize` and the stages alone.

use std::fs;

use super::{jawline, names};

#[test]
fn portraits_come_with_codes_and_a_sheet() {
    let folder = tempfile::tempdir().unwrap();
    jawline()
        .args([
            "synthesize",
            "--seed",
            "3",
            "--count",
            "2",
            "--psi",
            "0.5",
            "--alpha=-2,2",
            "--size",
            "64",
            "-q",
            "--out",
        ])
        .arg(folder.path())
        .assert()
        .success();
    assert_eq!(
        names(folder.path()),
        [
            "codes.npy",
            "image_000.png",
            "image_001.png",
            "image_002.png",
            "image_003.png",
            "image_004.png",
            "image_005.png",
            "sheet.png",
            "w.npy",
            "z.npy"
        ]
    );
    let codes: ndarray::Array3<f32> =
        ndarray_npy::read_npy(folder.path().join("codes.npy")).unwrap();
    assert_eq!(codes.len_of(ndarray::Axis(0)), 6);
    assert_eq!(
        image::open(folder.path().join("image_000.png"))
            .unwrap()
            .width(),
        64
    );

    // The same codes draw the same pictures.
    let again = tempfile::tempdir().unwrap();
    jawline()
        .args(["synthesize", "--size", "64", "-q", "--codes"])
        .arg(folder.path().join("codes.npy"))
        .arg("--out")
        .arg(again.path())
        .assert()
        .success();
    for name in ["image_000.png", "image_005.png"] {
        assert_eq!(
            fs::read(folder.path().join(name)).unwrap(),
            fs::read(again.path().join(name)).unwrap()
        );
    }
}

#[test]
fn the_help_names_every_command() {
    let output = jawline().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for command in ["retouch", "synthesize", "stage", "networks", "bench"] {
        assert!(help.contains(command), "{command}: {help}");
    }
}

#[test]
fn an_inversion_can_start_at_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let code: ndarray::Array2<f32> =
        ndarray_npy::read_npy(super::sample().with_extension("npy")).unwrap();
    let repeated = ndarray::Array2::from_shape_fn((23, 512), |(_, component)| code[[0, component]]);
    ndarray_npy::write_npy(path("init.npy"), &repeated).unwrap();
    let first_loss = |init: &std::ffi::OsStr, out: &str| {
        jawline()
            .args(["stage", "invert", "-q", "--steps", "1", "--image"])
            .arg(super::sample())
            .arg("--init")
            .arg(init)
            .arg("--out")
            .arg(path(out))
            .assert()
            .success();
        let losses: ndarray::Array2<f32> =
            ndarray_npy::read_npy(path(out).join("losses.npy")).unwrap();
        losses[[0, 2]]
    };
    let from_mean = first_loss("mean".as_ref(), "a");
    let from_code = first_loss(path("init.npy").as_os_str(), "b");
    // The portrait was drawn of this very code; what is left is JPEG and exploration noise.
    assert!(from_code < 0.35 * from_mean, "{from_code} {from_mean}");
}
