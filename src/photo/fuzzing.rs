//! What the fuzz targets call: each reader of metadata with any bytes, and the writers with what it read.

use std::io::Cursor;
use std::sync::Arc;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};

use super::jpeg::{self as coefficients, KeptSegments, Source};
use super::metadata::{Metadata, jpeg, photoshop, png, webp, xmp};
use super::{Format, Strip, exif, tiff};

/// Prepares metadata for every format and puts them into files.
fn write(metadata: &Metadata) {
    let mut upright = metadata.clone();
    upright.make_upright((30, 20));
    for format in [Format::Jpeg, Format::Png, Format::WebP, Format::Tiff] {
        for strip in Strip::ALL {
            let (prepared, _) = upright.prepared(format, strip, true);
            match format {
                Format::Jpeg => drop(jpeg::spliced(b"\xFF\xD8\xFF\xD9", &prepared)),
                Format::WebP => {
                    drop(webp::spliced(b"RIFF\0\0\0\0WEBP", &prepared, (3, 2), true));
                }
                Format::Png => drop(png::chunks(&prepared)),
                Format::Tiff | Format::Bmp => {
                    let pixels = DynamicImage::new_rgb8(3, 2);
                    drop(tiff::encode(
                        &mut Cursor::new(Vec::new()),
                        &pixels,
                        &prepared,
                    ));
                }
            }
        }
    }
}

/// A JPEG file.
pub fn jpeg_file(bytes: &[u8]) {
    let metadata = jpeg::read(bytes).metadata;
    let spliced = jpeg::spliced(bytes, &metadata);
    if bytes.starts_with(b"\xFF\xD8") {
        let again = jpeg::read(&spliced).metadata;
        assert_eq!(again.exif, metadata.exif);
        assert_eq!(again.xmp, metadata.xmp);
        assert_eq!(again.icc_profile, metadata.icc_profile);
    }
    write(&metadata);
}

/// A PNG file.
pub fn png_file(bytes: &[u8]) {
    if let Ok(content) = png::read(&mut Cursor::new(bytes)) {
        write(&content.metadata);
    }
}

/// A WebP file.
pub fn webp_file(bytes: &[u8]) {
    if let Ok(metadata) = webp::read(&mut Cursor::new(bytes)) {
        webp::spliced(bytes, &metadata, (3, 2), false);
        write(&metadata);
    }
}

/// A TIFF file, with its pixels as long as there are few.
pub fn tiff_file(bytes: &[u8]) {
    let check = |width: u32, height: u32, pixel_bytes: u64| match pixel_bytes {
        0..=1_000_000 if width > 0 && height > 0 => Ok(()),
        _ => Err(super::Error::NotAnImage {
            path: "fuzzed".into(),
        }),
    };
    if let Ok(content) = tiff::read(Cursor::new(bytes), check) {
        write(&content.metadata);
    }
}

/// A block of EXIF data, an XMP packet with an extension, or Photoshop's resources.
pub fn blocks(bytes: &[u8]) {
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    let extension = xmp::merged(first, rest).map(|_| rest.to_vec());
    exif::density(bytes);
    let mut metadata = Metadata {
        exif: Some(bytes.to_vec()),
        xmp: Some(bytes.to_vec()),
        photoshop: Some(bytes.to_vec()),
        iptc: photoshop::iptc(bytes).or_else(|| Some(bytes.to_vec())),
        ..Metadata::default()
    };
    write(&metadata);
    metadata.xmp = Some(first.to_vec());
    metadata.xmp_extension = extension;
    write(&metadata);
    xmp::fitted(bytes, 200);
    xmp::with_gain_map_length(bytes, 77);
    exif::shortened(bytes, 200);
}

/// Looks through a JPEG file and saves it as itself, without a change and with one. What was written must be
/// read again, as the same.
pub fn jpeg_coefficients(bytes: &[u8]) {
    const MOST_BYTES: u64 = 8 << 20;
    let outline = coefficients::outline(bytes, MOST_BYTES);
    coefficients::extras(bytes);
    let decodable = coefficients::decodable(bytes, MOST_BYTES);
    assert!(decodable.len() <= 16 * bytes.len() + 4096);
    let (width, height) = outline.size;
    if u64::from(width) * u64::from(height) > 1 << 20 || width * height == 0 {
        return;
    }
    let (before, after): (DynamicImage, DynamicImage) = match outline.components {
        1 => {
            let level = |level| GrayImage::from_pixel(width, height, Luma([level]));
            (level(90).into(), level(130).into())
        }
        _ => {
            let colour = |colour| RgbImage::from_pixel(width, height, Rgb(colour));
            (colour([90, 80, 200]).into(), colour([130, 20, 255]).into())
        }
    };
    let changed = |bytes: &[u8], to: &DynamicImage| {
        let source = Source {
            bytes: Arc::from(bytes),
            orientation: Orientation::NoTransforms,
            most_bytes: MOST_BYTES,
        };
        source.changed(&before, to, None, KeptSegments::All)
    };
    let _ = changed(bytes, &after);
    let source = Source {
        bytes: Arc::from(bytes),
        orientation: Orientation::NoTransforms,
        most_bytes: MOST_BYTES,
    };
    if let Ok(Some(levelled)) = coefficients::levelled(&source, &before, &after) {
        assert!(levelled.length <= levelled.file.len());
    }
    if let Ok(mut same) = changed(bytes, &before) {
        let again = changed(&same, &before).expect("what was written is read");
        assert!(again == same, "what was written is written again");
        coefficients::append(&mut same, bytes);
    }
}
