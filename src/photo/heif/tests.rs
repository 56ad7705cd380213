//! Files made by libheif's own encoder (`heif-enc`, Debian's `libheif-examples`); where it is missing that is said, and
//! these tests end there.

use std::path::{Path, PathBuf};
use std::process::Command;

use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;
use crate::photo::exif::tests::block;
use crate::photo::{ColourSpace, Error, Limits, Photo, SaveOptions};

/// Lossless, by the encoder's own help.
const LOSSLESS: [&str; 4] = ["-L", "-p", "chroma=444", "--matrix_coefficients=0"];

struct Room(tempfile::TempDir);

impl Room {
    /// `None`, said aloud, where there is no encoder or no library.
    fn new() -> Option<Self> {
        let has_encoder = Command::new("heif-enc").arg("--help").output().is_ok();
        if !has_encoder || !is_there() {
            eprintln!("skipped: heif-enc (libheif-examples) or libheif is not installed");
            return None;
        }
        Some(Self(tempfile::tempdir().unwrap()))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Encodes pictures into one file of this name.
    fn encoded(&self, name: &str, pictures: &[&Photo], options: &[&str]) -> PathBuf {
        let sources: Vec<PathBuf> = (0..pictures.len())
            .map(|index| self.at(&format!("source-{index}.png")))
            .collect();
        for (picture, source) in pictures.iter().zip(&sources) {
            let as_png = SaveOptions::for_path(source).unwrap();
            picture.save(source, &as_png).unwrap();
        }
        self.made(name, &sources, options)
    }

    fn made(&self, name: &str, sources: &[PathBuf], options: &[&str]) -> PathBuf {
        let path = self.at(name);
        let made = Command::new("heif-enc")
            .args(options)
            .arg("-o")
            .arg(&path)
            .args(sources)
            .output()
            .unwrap();
        assert!(made.status.success() && path.exists(), "{made:?}");
        path
    }
}

/// Writes over the beginning of the box that tells the colours of an AVIF file, from its kind on. The encoder knows no
/// option for what these tests need.
fn with_colour_box(path: &Path, beginning: &[u8]) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.windows(8).position(|word| word == b"colrnclx");
    let target = &mut bytes[at.unwrap()..][..beginning.len()];
    target.copy_from_slice(beginning);
    std::fs::write(path, bytes).unwrap();
}

fn load(path: &Path) -> Photo {
    Photo::load(path, &Limits::default()).unwrap()
}

fn photo(pixels: impl Into<DynamicImage>) -> Photo {
    Photo::from_pixels(pixels.into())
}

fn colours() -> RgbImage {
    RgbImage::from_fn(64, 48, |x, y| Rgb([x as u8 * 4, y as u8 * 5, 128]))
}

/// The encoder's RGB without loss is that but for a level of rounding.
#[track_caller]
fn assert_same(photo: &Photo, expected: &DynamicImage) {
    assert_eq!(photo.pixels().color(), expected.color());
    let pairs = photo.pixels().as_bytes().iter().zip(expected.as_bytes());
    let worst = pairs.map(|(ours, theirs)| ours.abs_diff(*theirs)).max();
    assert!(worst.unwrap() <= 1, "{worst:?} of 255");
}

fn warnings(photo: &Photo) -> String {
    let warnings = photo.warnings().iter().map(ToString::to_string);
    warnings.collect::<Vec<_>>().join("\n")
}

#[test]
fn pixels_come_as_they_are_in_the_file() {
    let Some(room) = Room::new() else { return };
    let rgb = photo(colours());
    for name in ["a.heic", "a.avif"] {
        let loaded = load(&room.encoded(name, &[&rgb], &LOSSLESS));
        assert_same(&loaded, rgb.pixels());
        assert_eq!(loaded.format(), None);
        let said = warnings(&loaded);
        assert!(said.contains("does not write"), "{said}");
        assert!(said.contains("as JPEG"), "{said}");
        assert!(said.contains(&name[2..].to_uppercase()), "{said}");
    }
}

#[test]
fn grey_stays_grey_and_alpha_stays() {
    let Some(room) = Room::new() else { return };
    let grey = GrayImage::from_fn(64, 48, |x, y| Luma([(x * 3 + y) as u8]));
    let loaded = load(&room.encoded("grey.heic", &[&photo(grey.clone())], &["-L"]));
    assert_same(&loaded, &grey.into());

    let alpha = RgbaImage::from_fn(64, 48, |x, y| {
        Rgba([x as u8 * 4, y as u8 * 5, 128, 255 - x as u8])
    });
    let path = room.encoded("alpha.heic", &[&photo(alpha.clone())], &LOSSLESS);
    let loaded = load(&path);
    assert_same(&loaded, &alpha.into());
    assert!(warnings(&loaded).contains("as PNG"));
    assert_eq!(Format::instead_of(&path), Some(Format::Png));
}

#[test]
fn ten_and_twelve_bits_become_sixteen() {
    let Some(room) = Room::new() else { return };
    let deep = ImageBuffer::from_fn(64, 48, |x, y| {
        Rgb([x as u16 * 1040, y as u16 * 1300, 65_535])
    });
    for (name, bits) in [("ten.heic", "10"), ("twelve.avif", "12")] {
        let source = photo(DynamicImage::ImageRgb16(deep.clone()));
        let path = room.encoded(name, &[&source], &["-q", "100", "-b", bits]);
        let loaded = load(&path);
        let DynamicImage::ImageRgb16(pixels) = loaded.pixels() else {
            panic!("{name}: {loaded:?}");
        };
        let pairs = pixels.as_raw().iter().zip(deep.as_raw());
        let worst = pairs.map(|(ours, theirs)| ours.abs_diff(*theirs)).max();
        // Colours have half the resolution, at the best quality: 1 % of full.
        assert!(worst.unwrap() < 1311, "{name}: {worst:?}");
        let steps: std::collections::BTreeSet<u16> = pixels.as_raw().iter().copied().collect();
        assert!(steps.len() > 256, "{name}: {} levels", steps.len());
        assert!(warnings(&loaded).contains("as TIFF"));
        assert_eq!(Format::instead_of(&path), Some(Format::Tiff));
    }
}

#[test]
fn orientation_is_applied_once_and_metadata_are_carried() {
    let Some(room) = Room::new() else { return };
    // A JPEG file that lies on its side. The encoder keeps its EXIF data; phones turn the picture by a property beside.
    const ON_ITS_SIDE: u8 = 6;
    // Quarter turns against the clock.
    const TURNED: &[u8] = b"irot\x03\0\0\0";
    let jpeg = room.at("side.jpg");
    let xmp = br#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>"#;
    let metadata = Metadata {
        exif: Some(block(ON_ITS_SIDE, true)),
        xmp: Some(xmp.to_vec()),
        ..Metadata::default()
    };
    let left_red = RgbImage::from_fn(64, 32, |x, _| match x < 32 {
        true => Rgb([220, 30, 30]),
        false => Rgb([30, 30, 220]),
    });
    let mut bare = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bare, 95);
    left_red.write_with_encoder(encoder).unwrap();
    let bytes = crate::photo::metadata::jpeg::spliced(&bare, &metadata);
    std::fs::write(&jpeg, bytes).unwrap();
    let expected = load(&jpeg);

    let path = room.made("side.avif", &[jpeg], &["-q", "95"]);
    with_colour_box(&path, TURNED);
    let loaded = load(&path);
    assert_eq!(loaded.pixels().width(), 32, "it stands");
    let at = |photo: &Photo, x, y| photo.pixels().as_rgb8().unwrap().get_pixel(x, y).0;
    for (x, y) in [(4, 4), (28, 60)] {
        let pairs = at(&loaded, x, y).into_iter().zip(at(&expected, x, y));
        let worst = pairs.map(|(ours, theirs)| ours.abs_diff(theirs)).max();
        assert!(worst.unwrap() < 12, "at {x}, {y}: {worst:?}");
    }
    assert_eq!(loaded.metadata().exif, expected.metadata().exif);
    let rating = loaded.metadata().xmp.as_deref().unwrap();
    let rating = String::from_utf8_lossy(rating);
    assert!(rating.contains("Rating=\"4\""), "{rating}");
}

#[test]
fn primaries_without_a_profile_become_one() {
    let Some(room) = Room::new() else { return };
    let pixel = RgbImage::from_pixel(16, 16, Rgb([200, 90, 70]));
    let path = room.encoded("p3.avif", &[&photo(pixel)], &LOSSLESS);
    // Display P3: SMPTE 432 primaries with sRGB's curve.
    with_colour_box(&path, b"colrnclx\0\x0C\0\x0D");
    let loaded = load(&path);
    let space = ColourSpace::of(&loaded);
    let mut rgb = [200.0, 90.0, 70.0].map(|level: f32| level / 255.0);
    space.to_srgb(&mut rgb);
    let levels = rgb.map(|level| (level * 255.0).round());
    assert_eq!(levels, [216.0, 81.0, 62.0]);
    // All formats hold it.
    let profile = loaded.metadata().icc_profile.clone();
    let out = room.at("out.jpg");
    loaded
        .save(&out, &SaveOptions::for_path(&out).unwrap())
        .unwrap();
    assert_eq!(load(&out).metadata().icc_profile, profile);
}

#[test]
fn further_pictures_are_said_and_thumbnails_are_not_the_photo() {
    let Some(room) = Room::new() else { return };
    let first = photo(colours());
    let second = photo(RgbImage::from_pixel(32, 32, Rgb([1, 2, 3])));
    let path = room.encoded(
        "two.heic",
        &[&first, &second],
        &[LOSSLESS.as_slice(), &["-t", "16"]].concat(),
    );
    let loaded = load(&path);
    assert_same(&loaded, first.pixels());
    assert!(warnings(&loaded).contains("further pictures"));
    let one = load(&room.encoded("one.heic", &[&first], &["-t", "16"]));
    assert_eq!(one.pixels().width(), 64);
    assert!(!warnings(&one).contains("also holds"), "{}", warnings(&one));
}

#[test]
fn damaged_files_and_large_ones_are_refused_with_the_reason() {
    let Some(room) = Room::new() else { return };
    let path = room.encoded("a.heic", &[&photo(colours())], &[]);
    let small = Limits {
        side_px: 50,
        ..Limits::default()
    };
    let error = Photo::load(&path, &small).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    let bytes = std::fs::read(&path).unwrap();
    for end in (32..bytes.len()).step_by(7) {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let error = Photo::load(&path, &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Heif { .. }), "{end}: {error}");
    }
}

#[test]
fn a_name_that_is_not_written_says_so() {
    let error = SaveOptions::for_path(Path::new("a.HEIC")).unwrap_err();
    assert!(error.to_string().contains("not written"), "{error}");
}

#[test]
fn what_cannot_be_kept_is_told_by_boxes_and_names() {
    let atom = |kind: &[u8; 4], content: &[u8]| {
        let length = (8 + content.len() as u32).to_be_bytes();
        [length.as_slice(), kind, content].concat()
    };
    let file = [
        atom(b"ftyp", b"heic"),
        atom(b"meta", b"\0\0\0\0iinf tmap"),
        atom(b"mpvd", b"video"),
    ];
    let said = |bytes: &[u8], pictures, names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let said = left_out(bytes, pictures, &names).into_iter();
        said.map(|warning| warning.to_string())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let found = said(&file.concat(), 1, &[]);
    assert!(
        found.contains("gain map") && found.contains("video"),
        "{found}"
    );
    let found = said(
        &[],
        2,
        &[
            "urn:com:apple:photo:2020:aux:hdrgainmap",
            "urn:mpeg:hevc:2015:auxid:2",
            "urn:com:apple:photo:2019:aux:semanticskinmatte",
        ],
    );
    for what in ["gain map", "depth map", "further masks", "further pictures"] {
        assert!(found.contains(what), "{found}");
    }
    assert_eq!(said(&file[0], 1, &[]), "");
}

#[test]
fn colours_that_were_multiplied_by_alpha_are_divided_again() {
    let mut pixel = [64_u8, 128, 200, 128];
    divide(&mut pixel, 255);
    assert_eq!(pixel, [128, 255, 255, 128]);
    let mut nothing = [9_u16, 9, 9, 0];
    divide(&mut nothing, 65_535);
    assert_eq!(nothing, [0, 0, 0, 0]);
}
