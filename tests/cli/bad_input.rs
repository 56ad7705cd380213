//! Photos, boundaries and outputs that cannot be used: one clear line, exit status 1, nothing written.

use std::fs;
use std::io::Write;
use std::path::Path;

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, imageops};

use super::{fails, jawline, names, sample, sample_pixels};

/// Retouches a photo that cannot be retouched; checks that nothing was written; yields the message.
#[track_caller]
fn refused(photo: &Path) -> String {
    let out = tempfile::tempdir().unwrap();
    let said = fails(
        jawline()
            .args(["retouch", "-q", "--steps", "2", "--out"])
            .arg(out.path().join("after.png"))
            .arg(photo),
    );
    assert_eq!(names(out.path()), [""; 0], "nothing is written");
    let file = photo.file_name().unwrap().to_string_lossy().into_owned();
    assert!(said.contains(&file), "the photo is named: {said}");
    said
}

#[track_caller]
fn refused_bytes(name: &str, bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    refused(&path)
}

#[track_caller]
fn refused_picture(picture: impl Into<DynamicImage>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.png");
    picture.into().save(&path).unwrap();
    refused(&path)
}

#[test]
fn what_is_no_picture_is_refused() {
    refused_bytes("photo.jpg", b"these are not pixels");
    refused_bytes("photo.png", b"");
}

#[test]
fn a_missing_photo_is_said_to_be_missing() {
    refused(Path::new("/nonexistent/photo.jpg"));
}

#[test]
fn a_truncated_photo_is_refused() {
    let whole = fs::read(sample()).unwrap();
    refused_bytes("photo.jpg", &whole[..whole.len() / 2]);
}

#[test]
fn absurd_sizes_are_refused_at_once() {
    for side in [0_u32, 100_000] {
        let begun = std::time::Instant::now();
        refused_bytes("photo.png", &png_header(side, side));
        assert!(begun.elapsed().as_secs() < 10);
    }
}

/// A PNG that declares a size and has no pixels.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.write_all(&width.to_be_bytes()).unwrap();
    header.write_all(&height.to_be_bytes()).unwrap();
    header.write_all(&[8, 2, 0, 0, 0]).unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(&header);
    let mut bytes = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d".to_vec();
    bytes.extend(&header);
    bytes.extend(crc.sum().to_be_bytes());
    bytes
}

#[test]
fn a_photo_without_a_face_says_so() {
    let said = refused_picture(RgbImage::from_fn(640, 480, |x, y| {
        Rgb([(x / 4) as u8, (y / 3) as u8, 90])
    }));
    assert!(said.contains("no face"), "{said}");
}

#[test]
fn a_tiny_face_is_refused_or_not_found() {
    let small = imageops::resize(&sample_pixels(), 80, 80, imageops::FilterType::Triangle);
    let mut photo = RgbImage::from_pixel(600, 400, Rgb([120, 120, 120]));
    imageops::replace(&mut photo, &small, 250, 150);
    let said = refused_picture(photo);
    assert!(
        said.contains("64 px") || said.contains("64 or more"),
        "{said}"
    );
}

#[test]
fn a_blank_grey_photo_of_16_bits_has_no_face_either() {
    let grey = image::ImageBuffer::<Luma<u16>, _>::from_pixel(300, 300, Luma([30_000]));
    refused_picture(DynamicImage::ImageLuma16(grey));
    refused_picture(DynamicImage::ImageLuma8(GrayImage::from_pixel(
        300,
        300,
        Luma([90]),
    )));
}

#[test]
fn boundaries_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("boundary.npy");
    for (array, word) in [
        (ndarray::Array2::<f32>::ones((1, 256)), "shape"),
        (ndarray::Array2::<f32>::from_elem((1, 512), f32::NAN), "NaN"),
        (ndarray::Array2::<f32>::zeros((1, 512)), "zeros"),
    ] {
        ndarray_npy::write_npy(&path, &array).unwrap();
        let said = fails(
            jawline()
                .args(["retouch", "-q", "--boundary"])
                .arg(&path)
                .arg("--out")
                .arg(folder.path().join("after.png"))
                .arg(sample()),
        );
        assert!(
            said.contains("boundary.npy") && said.contains(word),
            "{said}"
        );
    }
    assert_eq!(names(folder.path()), ["boundary.npy"]);
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    for out in ["/nonexistent/folder/after.png", "/proc/after.png"] {
        fails(
            jawline()
                .args(["retouch", "-q", "--amount", "0", "--out", out])
                .arg(sample()),
        );
    }
}

#[test]
fn the_photo_itself_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("photo.jpg");
    fs::copy(sample(), &photo).unwrap();
    for amount in ["0", "50"] {
        fails(
            jawline()
                .args(["retouch", "-q", "--steps", "1", "--amount", amount, "--out"])
                .arg(&photo)
                .arg(&photo),
        );
    }
    assert_eq!(fs::read(&photo).unwrap(), fs::read(sample()).unwrap());
}

#[test]
fn one_bad_photo_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.jpg");
    fs::write(&bad, b"nothing").unwrap();
    let out = folder.path().join("out");
    let said = fails(
        jawline()
            .args(["retouch", "-q", "--amount", "0", "--out"])
            .arg(&out)
            .arg(&bad)
            .arg(sample()),
    );
    assert!(said.contains("bad.jpg"), "{said}");
    // The journal stays for `--resume`.
    let mut written = names(&out);
    written.retain(|name| !name.starts_with(".jawline"));
    assert_eq!(written, [sample().file_name().unwrap().to_string_lossy()]);
}

#[test]
fn wrong_use_has_status_2() {
    for arguments in [
        &["retouch"][..],
        &["retouch", "a.jpg", "--out", "b.jpg", "--amount", "101"],
        &[
            "retouch", "a.jpg", "--out", "b.jpg", "--amount", "5", "--alpha", "-1",
        ],
        &["retouch", "a.jpg", "--out", "b.jpg", "--alpha", "NaN"],
        &["retouch", "a.jpg", "--out", "b.jpg", "--provider", "tpu"],
        &["no-such-command"],
    ] {
        jawline().args(arguments).assert().code(2);
    }
}
