use image::{GenericImageView, ImageBuffer, Rgb, RgbImage, Rgba};

use super::*;
use crate::photo::Limits;
use crate::photo::exif::tests::block;

const ALL: [Format; 5] = [
    Format::Png,
    Format::Jpeg,
    Format::Tiff,
    Format::WebP,
    Format::Bmp,
];

fn options(format: Format) -> SaveOptions {
    SaveOptions {
        format,
        jpeg_quality: SaveOptions::JPEG_QUALITY,
        overwrite: Overwrite::ExceptSource,
    }
}

fn photo(pixels: impl Into<DynamicImage>) -> Photo {
    Photo {
        metadata: Metadata {
            icc_profile: Some(b"a profile of 25 bytes....".to_vec()),
            exif: Some(block(1, true)),
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
    for format in ALL {
        let path = folder
            .path()
            .join("photo")
            .with_extension(format.extension());
        let dropped = photo(gradient()).save(&path, &options(format)).unwrap();
        let again = load(&path);
        if format.is_lossless() {
            assert_eq!(again.pixels(), &gradient().into(), "{format}");
        }
        let has = |warning| dropped.contains(&warning);
        assert_eq!(
            again.metadata().icc_profile.is_none(),
            has(Warning::IccProfileDropped)
        );
        assert_eq!(
            again.metadata().exif.is_none(),
            has(Warning::ExifDropped),
            "{format}"
        );
        assert_eq!(
            dropped.len(),
            match format {
                Format::Bmp => 2,
                Format::Tiff => 1,
                _ => 0,
            }
        );
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
        assert_eq!(load(&path).pixels().to_rgba8(), grey.to_rgba8(), "{format}");
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
    assert!(matches!(error, Error::Exists { .. }), "{error}");
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
    assert!(matches!(error, Error::NoFolder { .. }), "{error}");

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
        &noise.into(),
        &Metadata::default(),
        &options(Format::Bmp),
    );
    let error = Error::writing(Path::new("out.bmp"), unwrap_io(result.unwrap_err()));
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
}
