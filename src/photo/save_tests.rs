use image::{GenericImageView, ImageBuffer, Rgb, RgbImage, Rgba};

use std::fs;

use super::*;
use crate::fs as file;
use crate::photo::exif::tests::{PLACE, block, camera_block, contains};
use crate::photo::{Limits, Part};

fn options(format: Format) -> SaveOptions {
    SaveOptions {
        format,
        quality: Quality::AsSource,
        overwrite: Overwrite::ExceptSource,
        strip: Strip::None,
    }
}

fn photo(pixels: impl Into<DynamicImage>) -> Photo {
    Photo {
        metadata: Metadata {
            icc_profile: Some(b"a profile of 25 bytes....".to_vec()),
            exif: Some(block(1, true)),
            ..Metadata::default()
        },
        ..Photo::from_pixels(pixels.into())
    }
}

fn gradient() -> RgbImage {
    RgbImage::from_fn(48, 32, |x, y| Rgb([x as u8 * 5, y as u8 * 7, 128]))
}

fn load(path: &Path) -> Photo {
    Photo::load(path, &Limits::default()).unwrap()
}

#[test]
fn lossless_formats_give_back_pixels_and_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let deep = ImageBuffer::from_fn(9, 7, |x, y| {
        Rgba([x as u16 * 999, y as u16, 60_001, 40_000])
    });
    for format in Format::ALL {
        let path = folder
            .path()
            .join("photo")
            .with_extension(format.extension());
        let dropped = photo(gradient()).save(&path, &options(format)).unwrap();
        let again = load(&path);
        if format.is_lossless() {
            assert_eq!(again.pixels(), &gradient().into(), "{format}");
        }
        let has = |part| dropped.contains(&Warning::Dropped { part, format });
        let kept = again.metadata();
        assert_eq!(kept.icc_profile.is_none(), has(Part::ColourProfile));
        assert_eq!(kept.exif.is_none(), has(Part::Exif), "{format}");
        assert_eq!(dropped.len(), if format == Format::Bmp { 2 } else { 0 });
    }
    for format in [Format::Png, Format::Tiff] {
        let path = folder
            .path()
            .join("deep")
            .with_extension(format.extension());
        photo(deep.clone()).save(&path, &options(format)).unwrap();
        assert_eq!(load(&path).pixels(), &deep.clone().into(), "{format}");
    }
}

#[test]
fn exif_comes_back_without_its_thumbnail_link() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Png, Format::Jpeg, Format::WebP] {
        let path = folder
            .path()
            .join("photo")
            .with_extension(format.extension());
        photo(gradient()).save(&path, &options(format)).unwrap();
        let mut expected = block(1, true);
        expected[34..38].fill(0);
        assert_eq!(load(&path).metadata().exif, Some(expected), "{format}");
    }
}

#[test]
fn jpeg_of_full_quality_stays_close_in_colour_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jpg");
    // Colour that changes from pixel to pixel survives only without chroma subsampling.
    let stripes = RgbImage::from_fn(32, 32, |x, _| {
        Rgb([if x % 2 == 0 { 200 } else { 60 }, 90, 90])
    });
    photo(stripes.clone())
        .save(&path, &options(Format::Jpeg))
        .unwrap();
    let again = load(&path).pixels().to_rgb8();
    let worst = stripes
        .iter()
        .zip(again.iter())
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    assert!(worst <= Some(16), "{worst:?}");
}

#[test]
fn grey_with_alpha_survives_where_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let grey = ImageBuffer::from_fn(5, 5, |x, y| image::LumaA([x as u8 * 20, y as u8 * 30]));
    let grey = DynamicImage::from(grey);
    for format in [Format::Png, Format::Tiff, Format::WebP, Format::Bmp] {
        let path = folder
            .path()
            .join("photo")
            .with_extension(format.extension());
        photo(grey.clone()).save(&path, &options(format)).unwrap();
        let again = load(&path);
        assert_eq!(again.pixels().to_rgba8(), grey.to_rgba8(), "{format}");
        let stays_grey = matches!(format, Format::Png | Format::Tiff);
        assert_eq!(again.pixels() == &grey, stays_grey, "{format}");
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused_not_converted() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |pixels: DynamicImage, format: Format| {
        let path = folder
            .path()
            .join("photo")
            .with_extension(format.extension());
        let error = photo(pixels).save(&path, &options(format)).unwrap_err();
        assert!(matches!(error, Error::CannotHold { .. }), "{error}");
        assert!(!path.exists());
    };
    refused(DynamicImage::new_rgb16(4, 4), Format::Jpeg);
    refused(DynamicImage::new_luma16(4, 4), Format::WebP);
    refused(DynamicImage::new_rgb16(4, 4), Format::Bmp);
    refused(DynamicImage::new_rgba8(4, 4), Format::Jpeg);
    refused(DynamicImage::new_luma_a8(4, 4), Format::Jpeg);
}

#[test]
fn a_name_without_a_known_extension_is_refused() {
    let error = SaveOptions::for_path(Path::new("out/portrait.gif")).unwrap_err();
    assert!(matches!(error, Error::UnknownExtension { .. }), "{error}");
    let options = SaveOptions::for_path(Path::new("out/portrait.JPG")).unwrap();
    assert_eq!(options.format, Format::Jpeg);
}

#[test]
fn the_source_is_replaced_only_when_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.png");
    photo(gradient())
        .save(&source, &options(Format::Png))
        .unwrap();
    let bytes = fs::read(&source).unwrap();
    let loaded = load(&source);

    let mut names = vec![source.clone(), folder.path().join("./source.png")];
    #[cfg(unix)]
    {
        let (soft, hard) = (
            folder.path().join("soft.png"),
            folder.path().join("hard.png"),
        );
        std::os::unix::fs::symlink(&source, &soft).unwrap();
        fs::hard_link(&source, &hard).unwrap();
        names.extend([soft, hard]);
    }
    for name in &names {
        let error = loaded.save(name, &options(Format::Png)).unwrap_err();
        assert!(matches!(error, Error::IsSource { .. }), "{error}");
        assert_eq!(fs::read(&source).unwrap(), bytes);
    }

    let black = loaded.with_pixels(DynamicImage::new_rgb8(48, 32)).unwrap();
    let always = SaveOptions {
        overwrite: Overwrite::Always,
        ..options(Format::Png)
    };
    black.save(&source, &always).unwrap();
    assert_eq!(load(&source).pixels().get_pixel(40, 20).0, [0, 0, 0, 255]);
}

#[test]
fn other_files_are_replaced_unless_that_is_forbidden() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.png");
    fs::write(&path, b"precious").unwrap();
    let never = SaveOptions {
        overwrite: Overwrite::Never,
        ..options(Format::Png)
    };
    let error = photo(gradient()).save(&path, &never).unwrap_err();
    assert!(
        matches!(error, Error::File(file::Error::Exists { .. })),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    photo(gradient())
        .save(&path, &options(Format::Png))
        .unwrap();
    assert_eq!(load(&path).pixels(), &gradient().into());
}

#[test]
fn an_output_that_cannot_be_written_is_told_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("no/such/folder.png");
    let error = photo(gradient())
        .save(&nowhere, &options(Format::Png))
        .unwrap_err();
    assert!(
        matches!(error, Error::File(file::Error::NoFolder { .. })),
        "{error}"
    );

    let long = photo(DynamicImage::new_luma8(65_536, 1));
    let path = folder.path().join("long.jpg");
    let error = long.save(&path, &options(Format::Jpeg)).unwrap_err();
    assert!(error.to_string().contains("65 535"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told_as_such() {
    // Writing to /dev/full fails as it does on a full disk.
    let mut full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let noise = RgbImage::from_fn(99, 99, |x, y| {
        Rgb([(x * y % 251) as u8, (x * 7) as u8, y as u8])
    });
    let result = encode(
        &mut BufWriter::new(&mut full),
        &Photo::from_pixels(DynamicImage::new_rgb8(1, 1)),
        &noise.into(),
        &Metadata::default(),
        &options(Format::Bmp),
    );
    let error = file::Error::writing(Path::new("out.bmp"), unwrap_io(result.unwrap_err()));
    assert!(matches!(error, file::Error::DiskFull { .. }), "{error}");
}

/// A segment of a JPEG file that begins with the marker, and where the file goes on after it.
fn app1(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let at = bytes.windows(2).position(|marker| marker == [0xFF, 0xE1])?;
    let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
    Some((&bytes[at + 4..at + 2 + length], at + 2 + length))
}

#[test]
fn exif_data_too_long_for_jpeg_make_a_sound_file_and_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jpg");
    for (maker_note, thumbnail, expected) in [
        (60_000, 0, None),
        (1_000, 90_000, Some(Warning::ThumbnailDropped)),
        (70_000, 0, Some(Warning::MakerNoteDropped)),
        (0, 0, Some(Warning::ExifTooLong)),
    ] {
        let exif = match maker_note {
            // A block that nothing can be taken from.
            0 => vec![7; 70_000],
            _ => camera_block(maker_note, thumbnail),
        };
        let mut photo = photo(gradient());
        photo.metadata.exif = Some(exif);
        let warnings = photo.save(&path, &options(Format::Jpeg)).unwrap();
        assert_eq!(warnings, Vec::from_iter(expected));
        let bytes = fs::read(&path).unwrap();
        let again = load(&path);
        let is_kept = expected != Some(Warning::ExifTooLong);
        assert_eq!(again.metadata().exif.is_some(), is_kept);
        if is_kept {
            let (segment, next) = app1(&bytes).unwrap();
            assert!(segment.starts_with(b"Exif\0\0II*\0"));
            assert_eq!(bytes[next], 0xFF, "a marker follows");
        }
    }
}

#[test]
fn what_is_stripped_is_nowhere_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let author = b"Ann Author";
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Tiff] {
        let path = folder.path().join("a").with_extension(format.extension());
        for (strip, has_maker, has_place, has_author) in [
            (Strip::None, true, true, true),
            (Strip::Gps, true, false, true),
            (Strip::Private, false, false, true),
            (Strip::All, false, false, false),
        ] {
            let mut photo = photo(gradient());
            photo.metadata.exif = Some(camera_block(40, 0));
            let options = SaveOptions {
                strip,
                ..options(format)
            };
            photo.save(&path, &options).unwrap();
            let again = load(&path).metadata().clone();
            let exif = again.exif.unwrap_or_default();
            let bytes = fs::read(&path).unwrap();
            for (what, expected) in [
                (&b"A camera's maker"[..], has_maker),
                (PLACE, has_place),
                (author, has_author),
            ] {
                assert_eq!(contains(&exif, what), expected, "{format} {strip}");
                assert!(expected || !contains(&bytes, what), "{format} {strip}");
            }
            assert!(again.icc_profile.is_some(), "colours need it");
        }
    }
}
