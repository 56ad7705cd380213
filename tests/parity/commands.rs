//! The commands from outside, on the reference's files.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ndarray::{Array2, ArrayD, Axis, Slice};
use tempfile::TempDir;

use crate::architectures::unpacked;
use crate::harness::{array, largest_difference, relative_error};
use crate::reference;

/// Runs a command that writes into a folder, and yields the folder.
fn run(arguments: &[&str], files: &[(&str, PathBuf)]) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::cargo_bin("jawline").unwrap();
    command.env_remove("JAWLINE_LOG").args(arguments).arg("-q");
    for (option, path) in files {
        command.arg(option).arg(path);
    }
    command.arg("--out").arg(folder.path()).assert().success();
    Written(folder)
}

struct Written(TempDir);

impl Written {
    fn array(&self, name: &str) -> ArrayD<f32> {
        jawline::checkpoint::npy::read_f32(&self.0.path().join(name)).unwrap()
    }

    fn picture(&self, name: &str) -> image::RgbImage {
        image::open(self.0.path().join(name)).unwrap().into_rgb8()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn generator() -> (&'static str, PathBuf) {
    ("--generator", reference("stylegan2/Gs_tiny_zip.pth"))
}

fn noise() -> (&'static str, PathBuf) {
    ("--noise", reference("stylegan2"))
}

/// The first of the reference's codes, as a file of its own.
fn first_code(folder: &Path) -> PathBuf {
    let path = folder.join("code.npy");
    let code = array("stylegan2/wp.npy");
    let code = code.slice_axis(Axis(0), Slice::from(..1)).to_owned();
    ndarray_npy::write_npy(&path, &code).unwrap();
    path
}

#[track_caller]
fn assert_near(found: &ArrayD<f32>, expected: &str, tolerance: f32) {
    let difference = largest_difference(found, &array(expected));
    assert!(difference < tolerance, "{expected}: {difference}");
}

#[track_caller]
fn assert_levels(found: &image::RgbImage, expected: &str, levels: u8) {
    let expected = image::open(reference(expected)).unwrap().into_rgb8();
    assert_eq!(found.dimensions(), expected.dimensions());
    let largest = found.iter().zip(expected.iter());
    let largest = largest.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(largest <= levels, "{largest} levels");
}

#[test]
fn mapping_with_truncation() {
    let z = ("--z", reference("stylegan2/z.npy"));
    for (options, expected) in [
        (vec![], "wp_psi1"),
        (vec!["--psi", "0.7"], "wp_psi0.7"),
        (vec!["--psi", "0.6", "--cutoff", "4"], "wp_psi0.6_cutoff4"),
    ] {
        let arguments = [vec!["stage", "mapping"], options].concat();
        let written = run(&arguments, &[generator(), z.clone()]);
        assert_near(&written.array("w.npy"), "stylegan2/w.npy", 2e-5);
        let expected = format!("stylegan2/{expected}.npy");
        assert_near(&written.array("codes.npy"), &expected, 2e-5);
    }
}

#[test]
fn synthesis_with_every_resolution() {
    let codes = ("--codes", reference("stylegan2/wp.npy"));
    let arguments = ["synthesize", "--raw"];
    let written = run(&arguments, &[generator(), codes.clone(), noise()]);
    assert_near(&written.array("image.npy"), "stylegan2/image.npy", 1e-4);
    for side in [4, 8, 16, 32, 64] {
        let found = written.array(&format!("rgb_{side:04}.npy"));
        assert_near(&found, &format!("stylegan2/rgb_{side:03}.npy"), 1e-4);
    }

    let arguments = ["synthesize", "--raw", "--zero-noise"];
    let written = run(&arguments, &[generator(), codes]);
    let found = written.array("image.npy");
    assert_near(&found, "stylegan2/image_zero_noise.npy", 1e-4);
}

#[test]
fn mixing_and_drawing_an_edit() {
    let folder = tempfile::tempdir().unwrap();
    let styles = ("--style-codes", first_code(folder.path()));
    let edited = reference("stylegan2/edit_wp_before_mixing.npy");
    for ratio in ["1.0", "0.8"] {
        let written = run(
            &["stage", "mix", "--layers", "5..", "--ratio", ratio],
            &[("--codes", edited.clone()), styles.clone()],
        );
        let expected = format!("stylegan2/edit_wp_mix{ratio}.npy");
        assert_near(&written.array("codes.npy"), &expected, 2e-5);
        let codes = ("--codes", written.path("codes.npy"));
        let drawn = run(&["synthesize"], &[generator(), codes, noise()]);
        let expected = format!("stylegan2/edit_image_mix{ratio}.png");
        assert_levels(&drawn.picture("image_000.png"), &expected, 1);
    }
}

#[test]
fn gradient() {
    let folder = tempfile::tempdir().unwrap();
    let written = run(
        &["stage", "gradient"],
        &[
            generator(),
            noise(),
            ("--codes", first_code(folder.path())),
            ("--target", reference("stylegan2/target.npy")),
            ("--mask", reference("stylegan2/mask.npy")),
        ],
    );
    let figures = std::fs::read_to_string(written.path("gradient.json")).unwrap();
    let figures: serde_json::Value = serde_json::from_str(&figures).unwrap();
    let loss = figures["loss"].as_f64().unwrap();
    assert!((loss - 0.475_074_14).abs() < 5e-6, "{loss}");
    let mut pairs = vec![("grad_codes".to_owned(), "grad_wp".to_owned())];
    pairs.extend(
        (0..9)
            .map(|index| format!("grad_noise_{index:02}"))
            .map(|n| (n.clone(), n)),
    );
    for (found, expected) in pairs {
        let found = written.array(&format!("{found}.npy"));
        let error = relative_error(&found, &array(&format!("stylegan2/{expected}.npy")));
        assert!(error < 1e-4, "{expected}: {error}");
    }
}

/// Root of the mean square, and largest, of a difference.
fn distance(found: &ArrayD<f32>, expected: &str) -> (f32, f32) {
    let expected = array(expected);
    assert_eq!(found.shape(), expected.shape());
    let difference = found - &expected;
    let rms = difference.mapv(|x| x * x).mean().unwrap().sqrt();
    (rms, largest_difference(found, &expected))
}

#[test]
fn diffusion() {
    let (_folder, perceptual) = unpacked("vgg16/vgg16_ternary_legacy.pth.gz");
    for (run_name, options) in [
        (
            "wp",
            ["--steps", "20", "--feature-weight", "1e-4"].as_slice(),
        ),
        (
            "w",
            &[
                "--steps",
                "5",
                "--feature-weight",
                "5e-5",
                "--space",
                "w",
                "--psi",
                "0.5",
            ],
        ),
    ] {
        let file = |part: &str| reference(&format!("diffuse/{run_name}_{part}"));
        let written = run(
            &[&["stage", "diffuse"], options].concat(),
            &[
                generator(),
                noise(),
                ("--perceptual", perceptual.clone()),
                ("--init", file("init_code.npy")),
                ("--target", file("target.png")),
                ("--mask", reference("diffuse/mask.png")),
            ],
        );
        let (rms, largest) = distance(
            &written.array("code.npy"),
            &format!("diffuse/{run_name}_final_code.npy"),
        );
        assert!(rms < 5e-4 && largest < 5e-3, "{rms} {largest}");
        let losses = written.array("losses.npy");
        let expected = array(&format!("diffuse/{run_name}_loss_per_step.npy"));
        assert_eq!(losses.shape(), expected.shape());
        for (found, expected) in losses.iter().zip(&expected) {
            assert!(
                (found / expected - 1.0).abs() < 1e-3,
                "{found}, not {expected}"
            );
        }
        let expected = format!("diffuse/{run_name}_final_image.png");
        assert_levels(&written.picture("image.png"), &expected, 2);
        let image = written.array("image.npy");
        let (rms, _) = distance(&image, &format!("diffuse/{run_name}_final_image.npy"));
        assert!(rms < 5e-3, "{rms}");
    }
}

#[test]
fn projection() {
    let (_folder, backbone) = unpacked("vgg16/vgg16_ternary_legacy.pth.gz");
    let written = run(
        &[
            "stage",
            "project",
            "--steps",
            "20",
            "--noise-weight",
            "1e4",
            "--pixel-weight",
            "5e-2",
            "--exploration",
            "0",
            "--lpips-size",
            "256",
        ],
        &[
            generator(),
            noise(),
            ("--lpips-backbone", backbone),
            (
                "--lpips-linear",
                reference("projector/lpips_linear_legacy.pth"),
            ),
            ("--target", reference("stylegan2/target.npy")),
            ("--stats-z", reference("projector/dlatent_stats_z.npy")),
        ],
    );
    let terms: Array2<f64> = ndarray_npy::read_npy(written.path("terms.npy")).unwrap();
    let expected: Array2<f64> =
        ndarray_npy::read_npy(reference("projector/cli_terms_per_step.npy")).unwrap();
    assert_eq!(terms.dim(), expected.dim());
    for ((step, term), found) in terms.indexed_iter() {
        let tolerance = if step < 3 { 1e-4 } else { 1e-2 };
        let expected = expected[[step, term]];
        let error = (found - expected).abs();
        assert!(
            error <= tolerance * expected.abs(),
            "step {step}: {found}, not {expected}"
        );
    }
    let code = written.array("code.npy");
    let (rms, largest) = distance(&code, "projector/cli_final_dlatent.npy");
    assert!(rms < 1e-2 && largest < 6e-2, "{rms} {largest}");
    for index in 0..9 {
        let map = written.array(&format!("noise_{index:02}.npy"));
        let (rms, _) = distance(&map, &format!("projector/cli_final_noise_{index:02}.npy"));
        assert!(rms < 1e-4, "map {index}: {rms}");
    }
    let (rms, _) = distance(&written.array("image.npy"), "projector/cli_final_image.npy");
    assert!(rms < 1e-2, "{rms}");
}
