use std::path::PathBuf;

use image::metadata::Orientation;
use image::{GenericImageView, ImageEncoder, ImageFormat, Luma, LumaA, Rgb, Rgba};
use image::{ImageBuffer, RgbImage};
use tempfile::TempDir;

use super::*;
use crate::photo::exif::tests::block;
use crate::photo::jpeg::outline_tests::cmyk;

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn load_bytes(bytes: &[u8]) -> Result<Photo, Error> {
    let folder = tempfile::tempdir().unwrap();
    Photo::load(&file(&folder, "photo", bytes), &Limits::default())
}

fn gradient() -> RgbImage {
    RgbImage::from_fn(48, 32, |x, y| Rgb([x as u8 * 5, y as u8 * 7, 128]))
}

fn encoded(pixels: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = io::Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A chunk of a PNG file, with its checksum (ISO/IEC 15948, 5.3 and annex D).
fn png_chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let checked = [kind.as_slice(), content].concat();
    let crc = !checked.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ ((crc & 1) * 0xEDB8_8320)
        })
    });
    let length = (content.len() as u32).to_be_bytes();
    [length.as_slice(), &checked, &crc.to_be_bytes()].concat()
}

fn png_declaring(width: u32, height: u32) -> Vec<u8> {
    let sizes = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = png_chunk(b"IHDR", &[sizes.as_slice(), &[8, 2, 0, 0, 0]].concat());
    let data = png_chunk(b"IDAT", &[0x78, 0x9C, 0x03, 0, 0, 0, 0, 1]);
    [b"\x89PNG\r\n\x1A\n".as_slice(), &header, &data].concat()
}

#[test]
fn what_is_no_picture_is_said_to_be_none() {
    for bytes in [
        b"".as_slice(),
        b"Dear diary",
        b"GIF89a\x01\0\x01\0",
        &[0xFF],
    ] {
        let error = load_bytes(bytes).unwrap_err();
        assert!(matches!(error, Error::NotAnImage { .. }), "{error}");
    }
}

#[test]
fn missing_files_and_folders_are_told_apart_from_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Photo::load(&folder.path().join("none.png"), &Limits::default());
    assert!(matches!(missing, Err(Error::NotFound { .. })));
    let opened = Photo::load(folder.path(), &Limits::default());
    assert!(matches!(
        opened,
        Err(Error::Read { .. } | Error::ReadDenied { .. })
    ));
}

#[test]
fn truncated_files_are_errors_wherever_they_end() {
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Tiff,
        ImageFormat::WebP,
        ImageFormat::Bmp,
    ] {
        let bytes = encoded(&gradient().into(), format);
        for kept in [40, bytes.len() / 2, bytes.len() - 20] {
            let error = load_bytes(&bytes[..kept]).expect_err(&format!("{format:?} {kept}"));
            assert!(
                matches!(error, Error::Truncated { .. } | Error::Damaged { .. }),
                "{format:?} {kept}: {error}"
            );
        }
    }
}

#[test]
fn the_end_of_a_truncated_photo_is_named_as_such() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let bytes = encoded(&gradient().into(), format);
        let error = load_bytes(&bytes[..bytes.len() / 2]).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{error}");
    }
}

#[test]
fn pictures_without_pixels_are_refused() {
    let mut bmp = encoded(&gradient().into(), ImageFormat::Bmp);
    bmp[18..26].fill(0);
    for bytes in [png_declaring(0, 0), png_declaring(7, 0), bmp] {
        let error = load_bytes(&bytes).unwrap_err();
        assert!(matches!(error, Error::ZeroSize { .. }), "{error}");
    }
}

#[test]
fn huge_declared_sizes_are_refused_before_memory_is_reserved() {
    for (width, height) in [(100_000, 100_000), (100_000, 1), (65_000, 65_000)] {
        let error = load_bytes(&png_declaring(width, height)).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains(&format!("{width}×{height}")), "{message}");
    }
    let mut bmp = encoded(&gradient().into(), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&100_000i32.to_le_bytes());
    let error = load_bytes(&bmp).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let bytes = encoded(&gradient().into(), ImageFormat::Png);
    let limits = Limits {
        side_px: 47,
        ..Limits::default()
    };
    let small = Photo::load(&file(&folder, "a.png", &bytes), &limits);
    assert!(matches!(small, Err(Error::TooLarge { .. })));
}

#[test]
fn a_hundred_megapixels_of_sixteen_bits_with_alpha_are_within_the_limits() {
    let limits = Limits::default();
    assert!(100_000_000 * 8 < limits.pixel_bytes && 12_000 < limits.side_px);
}

#[test]
fn damaged_content_is_an_error_not_a_panic() {
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let mut bytes = encoded(&gradient().into(), format);
        let middle = bytes.len() / 2;
        bytes[middle..middle + 30].fill(0xA5);
        bytes[30..34].fill(0xFF);
        let error = load_bytes(&bytes).unwrap_err();
        assert!(!error.to_string().is_empty(), "{error}");
    }
}

#[test]
fn depth_grey_and_alpha_are_kept() {
    let size = (6, 5);
    let mut kinds: Vec<DynamicImage> = vec![
        ImageBuffer::from_fn(size.0, size.1, |x, y| Luma([(x * 40 + y) as u8])).into(),
        ImageBuffer::from_fn(size.0, size.1, |x, y| Rgb([x as u8, y as u8, 200])).into(),
        ImageBuffer::from_fn(size.0, size.1, |x, y| Rgba([x as u8, y as u8, 9, 70])).into(),
        ImageBuffer::from_fn(size.0, size.1, |x, y| Luma([(x * 9999 + y) as u16])).into(),
        ImageBuffer::from_fn(size.0, size.1, |x, y| Rgb([x as u16, y as u16, 51_111])).into(),
        ImageBuffer::from_fn(size.0, size.1, |x, y| Rgba([x as u16, y as u16, 9, 50_000])).into(),
    ];
    for pixels in &kinds {
        let photo = load_bytes(&encoded(pixels, ImageFormat::Tiff)).unwrap();
        assert_eq!(photo.pixels(), pixels);
    }
    kinds.push(ImageBuffer::from_fn(size.0, size.1, |x, y| LumaA([x as u8, y as u8])).into());
    kinds.push(
        ImageBuffer::from_fn(size.0, size.1, |x, y| LumaA([x as u16, 60_000 + y as u16])).into(),
    );
    for pixels in &kinds {
        let photo = load_bytes(&encoded(pixels, ImageFormat::Png)).unwrap();
        assert_eq!(photo.pixels(), pixels);
        assert_eq!(photo.format(), Some(Format::Png));
        assert_eq!(photo.warnings(), []);
    }
}

#[test]
fn a_profile_that_cannot_be_read_is_said_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let broken = b"no profile at all".to_vec();
    let with_profile = Photo::from_pixels(gradient().into()).with_metadata(Metadata {
        icc_profile: Some(broken.clone()),
        ..Metadata::default()
    });
    for name in ["a.png", "a.jpg", "a.tif", "a.webp"] {
        let path = folder.path().join(name);
        let options = crate::photo::SaveOptions::for_path(&path).unwrap();
        with_profile.save(&path, &options).unwrap();
        let photo = Photo::load(&path, &Limits::default()).unwrap();
        assert_eq!(photo.warnings(), [Warning::ProfileUnread], "{name}");
        assert!(ColourSpace::of(&photo).is_srgb());
        let again = folder.path().join(format!("again-{name}"));
        photo.save(&again, &options).unwrap();
        let again = Photo::load(&again, &Limits::default()).unwrap();
        assert_eq!(again.metadata().icc_profile.as_ref(), Some(&broken));
    }
    // A profile that is not asked, because something else says what the numbers mean.
    let told = Metadata {
        icc_profile: Some(broken),
        cicp: Some([1, 13, 0, 1]),
        ..Metadata::default()
    };
    assert!(!ColourSpace::is_profile_unread(&told));
    assert!(!ColourSpace::is_profile_unread(&Metadata::default()));
}

#[test]
fn inks_become_rgb_with_a_warning() {
    // 255 is no ink: white, red (magenta and yellow), black, dark cyan.
    let expected = [
        ([255, 255, 255, 255], [255, 255, 255]),
        ([255, 0, 0, 255], [255, 0, 0]),
        ([255, 255, 255, 0], [0, 0, 0]),
        ([0, 255, 255, 128], [0, 128, 128]),
    ];
    for (inks, rgb) in expected {
        let photo = load_bytes(&cmyk(inks)).unwrap();
        assert_eq!(photo.warnings(), [Warning::ConvertedFromCmyk]);
        assert_eq!(photo.metadata(), &Metadata::default());
        let got = photo.pixels().to_rgb8().get_pixel(3, 3).0;
        let far = got.iter().zip(rgb).any(|(a, b)| a.abs_diff(b) > 2);
        assert!(!far, "{inks:?} became {got:?}, not {rgb:?}");
    }
}

/// Each orientation of EXIF, with where the stored top left pixel belongs in an upright picture of
/// `width`×`height` stored pixels (CIPA DC-008, tag 274).
fn upright_corner(orientation: u8, width: u32, height: u32) -> (u32, u32) {
    match orientation {
        1 => (0, 0),
        2 => (width - 1, 0),
        3 => (width - 1, height - 1),
        4 => (0, height - 1),
        5 => (0, 0),
        6 => (height - 1, 0),
        7 => (height - 1, width - 1),
        _ => (0, width - 1),
    }
}

#[test]
fn a_bmp_file_keeps_its_print_resolution() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = encoded(&gradient().into(), ImageFormat::Bmp);
    assert_eq!(load_bytes(&bytes).unwrap().metadata().density, None);
    // 300 pixels an inch.
    for at in [38, 42] {
        bytes[at..at + 4].copy_from_slice(&11_811u32.to_le_bytes());
    }
    let photo = load_bytes(&bytes).unwrap();
    assert_eq!(
        photo.metadata().density.unwrap().per_inch(),
        Some([300.0, 300.0])
    );
    let again = folder.path().join("again.bmp");
    let options = crate::photo::SaveOptions::for_path(&again).unwrap();
    photo.save(&again, &options).unwrap();
    assert_eq!(std::fs::read(&again).unwrap()[38..46], bytes[38..46]);
}

#[test]
fn a_file_that_is_called_like_another_format_is_opened_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let png = encoded(&gradient().into(), ImageFormat::Png);
    let warnings = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, &png).unwrap();
        let photo = Photo::load(&path, &Limits::default()).unwrap();
        photo.warnings().to_vec()
    };
    let (is, named) = (Format::Png, Format::Jpeg);
    assert_eq!(warnings("photo.jpg"), [Warning::Misnamed { is, named }]);
    assert_eq!(warnings("photo.PNG"), []);
    assert_eq!(warnings("photo"), []);
}

#[test]
fn a_second_exif_block_or_xmp_packet_is_said_to_be_left_out() {
    let segment = |content: &[u8]| {
        let length = (content.len() as u16 + 2).to_be_bytes();
        [&[0xFF, 0xE1][..], &length, content].concat()
    };
    let exif = segment(b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0");
    let xmp = segment(b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>");
    let jpeg = encoded(&gradient().into(), ImageFormat::Jpeg);
    let warnings = |segments: &[&[u8]]| {
        let bytes = [&jpeg[..2], &segments.concat(), &jpeg[2..]].concat();
        load_bytes(&bytes).unwrap().warnings().to_vec()
    };
    assert_eq!(warnings(&[&exif, &xmp]), []);
    assert_eq!(
        warnings(&[&exif, &xmp, &exif, &xmp]),
        [
            Warning::LeftOut("a second EXIF block"),
            Warning::LeftOut("a second XMP packet")
        ]
    );
}

#[test]
fn an_animated_webp_picture_is_refused_with_what_to_do() {
    // VP8X says that there are frames, ANIM and ANMF follow (the WebP container specification).
    let still = encoded(&gradient().into(), ImageFormat::WebP);
    let frame = [
        &[0; 6][..],
        &[47, 0, 0, 31, 0, 0, 100, 0, 0, 0],
        &still[12..],
    ]
    .concat();
    let chunk = |kind: &[u8], content: &[u8]| {
        let length = (content.len() as u32).to_le_bytes();
        [kind, &length, content, &vec![0; content.len() % 2]].concat()
    };
    let chunks = [
        chunk(b"VP8X", &[2, 0, 0, 0, 47, 0, 0, 31, 0, 0]),
        chunk(b"ANIM", &[0; 6]),
        chunk(b"ANMF", &frame),
        chunk(b"ANMF", &frame),
    ]
    .concat();
    let length = (chunks.len() as u32 + 4).to_le_bytes();
    let bytes = [&b"RIFF"[..], &length, b"WEBP", &chunks].concat();
    let error = load_bytes(&bytes).unwrap_err().to_string();
    assert!(
        error.contains("(an animation); save the picture that you want"),
        "{error}"
    );
}

#[test]
fn a_raw_photo_that_begins_like_no_other_is_told_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "a.IIQ", b"IIII\x01\0\0\0waRwaR");
    let error = Photo::load(&path, &Limits::default()).unwrap_err();
    assert!(
        matches!(error, Error::RawPhoto { kind: "IIQ", .. }),
        "{error}"
    );
}

#[test]
fn all_orientations_are_turned_upright_and_reset() {
    let (width, height) = (6, 4);
    let mut pixels = RgbImage::new(width, height);
    pixels.put_pixel(0, 0, Rgb([255, 0, 0]));
    for orientation in 1..=8 {
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        encoder
            .set_exif_metadata(block(orientation, orientation % 2 == 0))
            .unwrap();
        DynamicImage::from(pixels.clone())
            .write_with_encoder(encoder)
            .unwrap();
        let photo = load_bytes(&bytes).unwrap();
        let turned = orientation > 4;
        let size = if turned {
            (height, width)
        } else {
            (width, height)
        };
        assert_eq!(photo.pixels().dimensions(), size);
        let (x, y) = upright_corner(orientation, width, height);
        assert_eq!(
            photo.pixels().get_pixel(x, y).0,
            [255, 0, 0, 255],
            "{orientation}"
        );
        let exif = photo.metadata().exif.as_deref().unwrap();
        assert_eq!(
            Orientation::from_exif_chunk(exif),
            Some(Orientation::NoTransforms)
        );
    }
}
