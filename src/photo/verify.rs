//! Reading back what was written, before it takes its name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Seek;
use std::path::Path;

use image::DynamicImage;

use super::density::Density;
use super::metadata::TiffStorage;
use super::{Error, Format, Limits, Metadata, Photo, Warning, exif, tiff};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// What a file holds once it is written.
#[derive(Debug)]
pub(super) struct Written {
    /// As they are in the file: those of a JPEG file that is stored turned say so.
    pub metadata: Metadata,
    /// Width and height of the pixels as they are stored.
    pub size: (u32, u32),
    /// Whether every pixel is to be there as it was.
    pub is_lossless: bool,
    /// What turned out on the way.
    pub warnings: Vec<Warning>,
}

/// What a file does not hold though it was written.
#[derive(Debug, thiserror::Error)]
#[error(
    "the file was read back and is not what was written ({0}); nothing was replaced; please report this"
)]
struct NotAsWritten(&'static str);

/// Reads a finished file and compares it with what it was made from.
///
/// # Errors
/// When it cannot be read, or differs: lossless formats in any pixel, JPEG in size or kind, all in any of
/// the metadata.
pub(super) fn written(
    file: &mut File,
    path: &Path,
    pixels: &DynamicImage,
    written: &Written,
    format: Format,
) -> Result<(), Failed> {
    let metadata = &written.metadata;
    file.rewind()?;
    let limits = Limits {
        side_px: u32::MAX,
        pixel_bytes: u64::MAX,
    };
    let again = match Photo::read(file.try_clone()?, path, &limits) {
        Ok(again) => again,
        Err(Error::Read { source, .. }) => return Err(source.into()),
        Err(_) => return Err(NotAsWritten("it cannot be read").into()),
    };
    if again.format() != Some(format) {
        return Err(NotAsWritten("format").into());
    }
    if !are_same(&again.pixels, pixels, written, format) {
        return Err(NotAsWritten("pixels").into());
    }
    // As reading makes them; what was loaded is so already.
    let mut promised = metadata.clone();
    promised.make_upright(written.size);
    match difference(&again.metadata, &promised, format) {
        Some(part) => Err(NotAsWritten(part).into()),
        None => Ok(()),
    }
}

fn are_same(
    again: &DynamicImage,
    pixels: &DynamicImage,
    written: &Written,
    format: Format,
) -> bool {
    let storage: TiffStorage = written.metadata.tiff;
    let size = |p: &DynamicImage| (p.width(), p.height());
    let is_grey = |p: &DynamicImage| !p.color().has_color();
    match format {
        Format::Jpeg => size(again) == size(pixels) && is_grey(again) == is_grey(pixels),
        // Of colours that were multiplied by alpha, only the products are the same.
        Format::Tiff if storage.is_alpha_associated => {
            let product = |p| tiff::associated(p).map_or(Cow::Borrowed(p), Cow::Owned);
            product(again) == product(pixels)
        }
        Format::Png | Format::Tiff => again == pixels,
        Format::WebP if !written.is_lossless => size(again) == size(pixels),
        // Grey comes back as colour.
        Format::WebP | Format::Bmp => {
            again == pixels
                || again.color() != pixels.color() && again.to_rgba8() == pixels.to_rgba8()
        }
    }
}

/// The first part of the metadata that did not come back.
fn difference(again: &Metadata, metadata: &Metadata, format: Format) -> Option<&'static str> {
    if format == Format::Bmp {
        return None;
    }
    let has_exif = match format {
        Format::Tiff => has_fields(again, metadata),
        _ => again.exif == metadata.exif,
    };
    [
        ("colour profile", again.icc_profile == metadata.icc_profile),
        ("EXIF data", has_exif),
        ("XMP", again.xmp == metadata.xmp),
        ("XMP", again.xmp_extension == metadata.xmp_extension),
        ("IPTC", again.iptc == metadata.iptc),
        ("comments", again.comments == metadata.comments),
        ("texts", again.texts == metadata.texts),
        ("gamma", again.png_gamma == metadata.png_gamma),
        ("primaries", again.cicp == metadata.cicp),
        ("print resolution", has_density(again, metadata, format)),
    ]
    .into_iter()
    .find_map(|(part, is_same)| (!is_same).then_some(part))
}

/// Whether a JPEG file tells a density where it can.
fn has_density(again: &Metadata, metadata: &Metadata, format: Format) -> bool {
    let wanted = metadata.density.and_then(Density::for_jfif);
    let in_exif = || again.exif.as_deref().and_then(exif::density);
    format != Format::Jpeg || wanted.is_none() || again.density.or_else(in_exif).is_some()
}

/// Whether a TIFF file's directories hold every entry of the block that they were made from.
fn has_fields(again: &Metadata, metadata: &Metadata) -> bool {
    const EXIF: u16 = 34665;
    const GPS: u16 = 34853;
    /// The density, which another part of the metadata may have told better, and kinds of entries that
    /// TIFF has no name for.
    const REPLACED: [u16; 3] = [282, 283, 296];
    const UTF8: u16 = 129;
    let block = |metadata: &'_ Metadata| metadata.exif.clone().unwrap_or_default();
    let (old, new) = (block(metadata), block(again));
    [&[][..], &[EXIF], &[GPS]].into_iter().all(|path| {
        let found = exif::fields_below(&new, path).unwrap_or_default();
        let mut wanted = exif::fields_below(&old, path).unwrap_or_default();
        wanted.retain(|field| {
            let is_replaced = path.is_empty()
                && (tiff::is_about_layout(field.tag) || REPLACED.contains(&field.tag));
            !is_replaced && field.kind != UTF8
        });
        // Of two entries of one tag, the later one counts.
        let later: BTreeMap<u16, exif::Field> =
            wanted.into_iter().map(|field| (field.tag, field)).collect();
        later.values().all(|field| found.contains(field))
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use image::RgbImage;

    use super::*;
    use crate::photo::SaveOptions;

    fn photo() -> Photo {
        let pixels = RgbImage::from_fn(31, 20, |x, y| image::Rgb([x as u8 * 8, y as u8 * 12, 77]));
        let mut photo = Photo::from_pixels(pixels.into());
        photo.metadata.xmp = Some(b"<a/>".to_vec());
        photo.metadata.icc_profile = Some(vec![4; 200]);
        photo
    }

    #[test]
    fn a_file_that_differs_is_found_out_by_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        for format in [Format::Png, Format::Jpeg, Format::Tiff, Format::WebP] {
            let path = folder.path().join("a").with_extension(format.extension());
            photo()
                .save(&path, &SaveOptions::for_path(&path).unwrap())
                .unwrap();
            let check = |pixels: &DynamicImage, metadata: &Metadata| {
                let mut file = File::open(&path).unwrap();
                let promised = Written {
                    metadata: metadata.clone(),
                    size: (pixels.width(), pixels.height()),
                    is_lossless: format.is_lossless(),
                    warnings: Vec::new(),
                };
                written(&mut file, &path, pixels, &promised, format)
                    .map_err(|error| error.to_string())
            };
            let (pixels, metadata) = (photo().pixels, photo().metadata);
            assert_eq!(check(&pixels, &metadata), Ok(()));
            let smaller = DynamicImage::new_rgb8(31, 19);
            assert!(check(&smaller, &metadata).unwrap_err().contains("(pixels)"));
            let mut other = pixels.to_rgb8();
            other.put_pixel(30, 19, image::Rgb([1, 2, 3]));
            let found = check(&other.into(), &metadata).is_err();
            assert_eq!(found, format.is_lossless(), "{format}");
            let mut more = metadata.clone();
            more.xmp = Some(b"<b/>".to_vec());
            assert!(
                check(&pixels, &more).unwrap_err().contains("(XMP)"),
                "{format}"
            );
            let mut more = metadata.clone();
            more.exif = Some(exif::tests::block(1, true));
            assert!(
                check(&pixels, &more).unwrap_err().contains("(EXIF"),
                "{format}"
            );

            let mut bytes = Vec::new();
            File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
            let half = &bytes[..bytes.len() / 2];
            File::create(&path).unwrap().write_all(half).unwrap();
            assert!(
                check(&pixels, &metadata)
                    .unwrap_err()
                    .contains("(it cannot be read)")
            );
        }
    }
}
