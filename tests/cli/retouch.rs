//! The main job: a portrait goes in, a retouched portrait comes out.

use std::fs;
use std::path::Path;

use image::{DynamicImage, GenericImageView, RgbImage, imageops};
use serde_json::Value;

use super::{jawline, names, sample, sample_pixels};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_portrait_is_retouched_with_report_and_stages() {
    let folder = tempfile::tempdir().unwrap();
    let (out, report, stages) = (
        folder.path().join("after.png"),
        folder.path().join("report.json"),
        folder.path().join("stages"),
    );
    jawline()
        .args(["retouch", "--search-again", "--steps", "12"])
        .args(["--amount", "80", "--out"])
        .arg(&out)
        .arg("--report")
        .arg(&report)
        .arg("--stages")
        .arg(&stages)
        .arg(sample())
        .assert()
        .success();

    let (before, after) = (sample_pixels(), image::open(&out).unwrap().into_rgb8());
    assert_eq!(before.dimensions(), after.dimensions());
    let changed: Vec<u32> = before
        .enumerate_pixels()
        .filter(|(x, y, pixel)| *pixel != after.get_pixel(*x, *y))
        .map(|(_, y, _)| y)
        .collect();
    assert!(
        changed.len() > 5_000,
        "the neck changes: {} pixels",
        changed.len()
    );
    let report = json(&report);
    let face = &report["photos"][0]["faces"][0];
    let landmarks = face["landmarks"].as_array().unwrap();
    assert_eq!(landmarks.len(), 68);
    // Nothing above the mouth is touched.
    let mouth = landmarks[51][1].as_f64().unwrap() as u32;
    assert!(changed.iter().all(|&y| y > mouth), "{mouth}");

    assert!(face["alpha"].as_f64().unwrap() < 0.0);
    assert!(face["mask_pixels"].as_u64().unwrap() > 5_000);
    assert_eq!(face["inversion"]["steps"], 12);
    assert_eq!(
        face["inversion"]["loss_every_10_steps"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(report["peak_rss_bytes"].as_u64().unwrap() > 1 << 20);
    assert_eq!(report["engine"]["pack"]["name"], "community");
    for entry in report["engine"]["pack"]["entries"].as_array().unwrap() {
        assert_eq!(entry["sha256"].as_str().unwrap().len(), 64);
    }
    assert!(["cpu", "cuda"].contains(&report["engine"]["provider"].as_str().unwrap()));
    assert_eq!(
        names(&stages),
        [
            "code.npy",
            "compare.png",
            "composite.png",
            "crop.png",
            "edited.png",
            "edited_code.npy",
            "inverted.png",
            "labels.png",
            "landmarks.json",
            "mask.png",
            "stages.png",
            "warped.png"
        ]
    );
}

#[test]
fn alpha_zero_gives_the_photo_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("after.jpg");
    jawline()
        .args(["retouch", "-q", "--alpha", "0", "--out"])
        .arg(&copy)
        .arg(sample())
        .assert()
        .success();
    assert_eq!(fs::read(&copy).unwrap(), fs::read(sample()).unwrap());

    let png = folder.path().join("after.png");
    jawline()
        .args(["retouch", "-q", "--amount", "0", "--out"])
        .arg(&png)
        .arg(sample())
        .assert()
        .success();
    assert_eq!(image::open(&png).unwrap().into_rgb8(), sample_pixels());
}

#[test]
fn of_two_faces_the_one_asked_for_changes_and_depth_and_alpha_stay() {
    let portrait = imageops::resize(&sample_pixels(), 512, 512, imageops::FilterType::Triangle);
    let mut both = RgbImage::new(1100, 512);
    imageops::replace(&mut both, &portrait, 0, 0);
    let smaller = imageops::resize(&portrait, 440, 440, imageops::FilterType::Triangle);
    imageops::replace(&mut both, &smaller, 600, 30);
    let deep = DynamicImage::ImageRgba16(DynamicImage::ImageRgb8(both).into_rgba16());
    let folder = tempfile::tempdir().unwrap();
    let (photo, out) = (
        folder.path().join("photo.png"),
        folder.path().join("after.png"),
    );
    deep.save(&photo).unwrap();
    jawline()
        .args([
            "retouch", "-q", "--steps", "3", "--face", "2", "--method", "plain", "--out",
        ])
        .arg(&out)
        .arg(&photo)
        .assert()
        .success();
    let after = image::open(&out).unwrap();
    assert_eq!(after.color(), image::ColorType::Rgba16);
    let after = after.into_rgba16();
    let before = deep.into_rgba16();
    assert_eq!(
        *before.view(0, 0, 560, 512).to_image(),
        *after.view(0, 0, 560, 512).to_image()
    );
    assert_ne!(before, after, "the second face changes");
}

#[test]
fn a_face_at_the_border_of_a_grey_photo_is_retouched() {
    let portrait = DynamicImage::ImageRgb8(sample_pixels());
    // The forehead and an ear are cut off.
    let cut = DynamicImage::ImageLuma8(portrait.crop_imm(180, 250, 844, 774).into_luma8());
    let folder = tempfile::tempdir().unwrap();
    let (photo, out) = (
        folder.path().join("photo.png"),
        folder.path().join("after.png"),
    );
    cut.save(&photo).unwrap();
    jawline()
        .args(["retouch", "-q", "--steps", "2", "--out"])
        .arg(&out)
        .arg(&photo)
        .assert()
        .success();
    let after = image::open(&out).unwrap();
    assert_eq!(after.color(), image::ColorType::L8);
    assert_eq!(after.dimensions(), cut.dimensions());
    assert_ne!(after, cut);
}

#[test]
fn a_grey_photo_stays_grey_even_with_a_code_far_from_it() {
    let grey = DynamicImage::ImageRgb8(sample_pixels()).into_luma8();
    let grey = DynamicImage::ImageLuma8(grey).into_rgb8();
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("photo.png");
    grey.save(&photo).unwrap();
    for name in ["after.png", "after.jpg"] {
        let out = folder.path().join(name);
        // An inversion that has only begun draws a face in colour.
        jawline()
            .args(["retouch", "-q", "--steps", "1", "--out"])
            .arg(&out)
            .arg(&photo)
            .assert()
            .success();
        let after = image::open(&out).unwrap().into_rgb8();
        let changed = after.pixels().zip(grey.pixels()).filter(|(a, b)| a != b);
        assert!(changed.count() > 5_000, "the neck changes");
        let spread = |pixel: &image::Rgb<u8>| {
            let [red, green, blue] = pixel.0;
            red.max(green).max(blue) - red.min(green).min(blue)
        };
        // A JPEG rounds what it decodes.
        let allowed = u8::from(name.ends_with("jpg"));
        let largest = after.pixels().map(spread).max().unwrap();
        assert!(largest <= allowed, "{name}: {largest} levels of colour");
    }
}

#[test]
fn the_same_seed_gives_the_same_photo() {
    let folder = tempfile::tempdir().unwrap();
    let outs = [folder.path().join("a.png"), folder.path().join("b.png")];
    for out in &outs {
        jawline()
            .args(["retouch", "-q", "--search-again", "--steps", "3"])
            .args(["--seed", "5", "--out"])
            .arg(out)
            .arg(sample())
            .assert()
            .success();
    }
    assert_eq!(fs::read(&outs[0]).unwrap(), fs::read(&outs[1]).unwrap());
}
