use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use image::codecs::{
    bmp::BmpEncoder, jpeg::JpegEncoder, png::PngEncoder, tiff::TiffEncoder, webp::WebPEncoder,
};
use image::{ColorType, DynamicImage, ImageEncoder, ImageError};

use super::exif::{self, LeftOut};
use super::jpeg::{self, Kept};
use super::webp;
use super::{Error, Format, Metadata, Overwrite, Photo, Quality, Strip, Warning};
use crate::fs::{atomic, same_file};

/// How to save a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaveOptions {
    /// The file format.
    pub format: Format,
    /// Quality of JPEG and WebP files.
    pub quality: Quality,
    /// What may happen to a file of the same name.
    pub overwrite: Overwrite,
    /// Metadata to leave out.
    pub strip: Strip,
}

impl SaveOptions {
    /// Options for a file name: the format by its extension, JPEG as the source, all metadata, files
    /// other than the photo's own may be replaced.
    ///
    /// # Errors
    /// [`Error::UnknownExtension`].
    pub fn for_path(path: &Path) -> Result<Self, Error> {
        let format = Format::from_path(path);
        Ok(Self {
            format: format.ok_or_else(|| Error::UnknownExtension { path: path.into() })?,
            quality: Quality::AsSource,
            overwrite: Overwrite::ExceptSource,
            strip: Strip::None,
        })
    }
}

impl Photo {
    /// Copies the file that the photo was loaded from, byte for byte: what to do with a photo in which
    /// nothing has changed, since JPEG cannot be encoded anew without loss. All metadata come along. A photo that comes from no
    /// file, or whose copy would replace the file itself, is refused.
    ///
    /// # Errors
    /// [`Error::IsSource`]; else what reading and [`atomic::write`] say, or [`atomic::write_new`] when
    /// nothing may be replaced.
    pub fn copy_source(&self, path: &Path, overwrite: Overwrite) -> Result<(), Error> {
        let Some(source) = self.source().filter(|source| !same_file(source, path)) else {
            return Err(Error::IsSource { path: path.into() });
        };
        let mut file = File::open(source).map_err(|error| Error::reading(source, error))?;
        let content = |copy: &mut BufWriter<&mut File>| std::io::copy(&mut file, copy);
        match overwrite {
            Overwrite::Never => atomic::write_new(path, content),
            Overwrite::ExceptSource | Overwrite::Always => atomic::write(path, content),
        }?;
        Ok(())
    }

    /// Saves the photo with its profile and EXIF data, in full or not at all ([`atomic::write`]).
    ///
    /// Pixels keep channels and depth; a format that cannot hold them is refused, nothing is
    /// converted in silence (grey with alpha becomes RGB with alpha in TIFF and BMP files, which
    /// loses nothing). Returns what the format could not take of the metadata that were wanted: TIFF
    /// files get no EXIF data, BMP files neither that nor a profile, JPEG files no more than 65 527 bytes
    /// of EXIF data.
    ///
    /// # Errors
    /// [`Error::CannotHold`] for 16 bits or alpha in a format without; [`Error::IsSource`] and
    /// [`fs::Error::Exists`](crate::fs::Error::Exists) as [`SaveOptions::overwrite`] asks; else as [`atomic::write`].
    pub fn save(&self, path: &Path, options: &SaveOptions) -> Result<Vec<Warning>, Error> {
        let pixels = self.allowed(path, options)?;
        let content = |file: &mut BufWriter<&mut File>| {
            encode(file, self, &pixels, options).map_err(unwrap_io)
        };
        Ok(match options.overwrite {
            Overwrite::Never => atomic::write_new(path, content),
            Overwrite::ExceptSource | Overwrite::Always => atomic::write(path, content),
        }?)
    }

    /// Finds out whether [`Photo::save`] could save here now, before work is put into new pixels.
    ///
    /// # Errors
    /// As [`Photo::save`], as far as can be known beforehand.
    pub fn check_save(&self, path: &Path, options: &SaveOptions) -> Result<(), Error> {
        self.allowed(path, options)?;
        Ok(atomic::check(path)?)
    }

    /// The pixels in a kind that the file can hold, if it may be written at all.
    pub(super) fn allowed(
        &self,
        path: &Path,
        options: &SaveOptions,
    ) -> Result<Cow<'_, DynamicImage>, Error> {
        let pixels = storable(path, options.format, &self.pixels)?;
        if (options.format, options.quality) == (Format::Jpeg, Quality::Lossless) {
            return Err(Error::CannotHold {
                path: path.into(),
                format: options.format,
                what: "every pixel without loss",
            });
        }
        if options.overwrite != Overwrite::Always
            && self.source().is_some_and(|source| same_file(source, path))
        {
            return Err(Error::IsSource { path: path.into() });
        }
        Ok(pixels)
    }
}

/// The pixels in a kind that the format can hold without loss, or the reason why there is none.
fn storable<'a>(
    path: &Path,
    format: Format,
    pixels: &'a DynamicImage,
) -> Result<Cow<'a, DynamicImage>, Error> {
    let color = pixels.color();
    let cannot_hold = |what| {
        Err(Error::CannotHold {
            path: path.into(),
            format,
            what,
        })
    };
    let deep = color.bytes_per_pixel() > color.channel_count();
    let side_px = pixels.width().max(pixels.height());
    match format {
        Format::WebP if side_px > 16_383 => cannot_hold("more than 16 383 pixels a side"),
        Format::Jpeg if side_px > 65_535 => cannot_hold("more than 65 535 pixels a side"),
        Format::Jpeg | Format::WebP | Format::Bmp if deep => cannot_hold("16 bits a channel"),
        Format::Jpeg if color.has_alpha() => cannot_hold("transparency"),
        Format::Tiff | Format::Bmp if color == ColorType::La8 => {
            Ok(Cow::Owned(pixels.to_rgba8().into()))
        }
        Format::Tiff if color == ColorType::La16 => Ok(Cow::Owned(pixels.to_rgba16().into())),
        _ => Ok(Cow::Borrowed(pixels)),
    }
}

pub(super) fn encode(
    file: &mut (impl Write + Seek),
    photo: &Photo,
    pixels: &DynamicImage,
    options: &SaveOptions,
) -> Result<Vec<Warning>, ImageError> {
    let metadata = &photo.metadata.without(options.strip);
    let mut warnings = match options.format {
        Format::Png => finish(PngEncoder::new(file), pixels, metadata),
        Format::Tiff => finish(TiffEncoder::new(file), pixels, metadata),
        Format::WebP => encode_webp(file, photo, pixels, metadata, options),
        Format::Bmp => finish(BmpEncoder::new(file), pixels, metadata),
        Format::Jpeg => return encode_jpeg(file, photo, pixels, metadata, options),
    }?;
    warnings.extend(photo.extras_dropped());
    Ok(warnings)
}

fn encode_webp(
    file: &mut (impl Write + Seek),
    photo: &Photo,
    pixels: &DynamicImage,
    metadata: &Metadata,
    options: &SaveOptions,
) -> Result<Vec<Warning>, ImageError> {
    let percent = match options.quality {
        Quality::AsSource => (photo.origin.as_ref()).and_then(|origin| origin.webp_quality),
        Quality::Lossless => None,
        Quality::Percent(percent) => Some(percent),
    };
    let Some(percent) = percent else {
        return finish(WebPEncoder::new_lossless(file), pixels, metadata);
    };
    let encoded = webp::encode_lossy(pixels, percent, metadata).map_err(io::Error::other)?;
    file.write_all(&encoded)?;
    Ok(Vec::new())
}

fn encode_jpeg(
    file: &mut (impl Write + Seek),
    photo: &Photo,
    pixels: &DynamicImage,
    metadata: &Metadata,
    options: &SaveOptions,
) -> Result<Vec<Warning>, ImageError> {
    let (metadata, mut warnings) = fitted_to_segment(metadata);
    let encoded = as_source(photo, pixels, &metadata, options);
    let keeps_extras = matches!(encoded, Some(Ok(_))) && options.strip == Strip::None;
    match encoded {
        Some(Ok(bytes)) => file.write_all(&bytes)?,
        not_as_source => {
            let encoder = JpegEncoder::new_with_quality(file, options.quality.percent());
            warnings.extend(finish(encoder, pixels, &metadata)?);
            warnings.extend(not_as_source.and(Some(Warning::EncodedAnew)));
        }
    }
    if !keeps_extras {
        warnings.extend(photo.extras_dropped());
    }
    Ok(warnings)
}

impl Photo {
    /// What lies behind the picture in the photo's file, for a new file that does not have it.
    fn extras_dropped(&self) -> Vec<Warning> {
        let source = self.origin.as_ref().and_then(|origin| origin.jpeg.as_ref());
        let extras = source.map_or_else(Vec::new, |source| jpeg::extras(&source.bytes));
        extras.into_iter().map(Warning::ExtraDropped).collect()
    }
}

/// The JPEG file that the photo comes from with the photo's pixels in it, where that is wanted and the pixels
/// are still its own, with changes.
fn as_source(
    photo: &Photo,
    pixels: &DynamicImage,
    metadata: &Metadata,
    options: &SaveOptions,
) -> Option<Result<Vec<u8>, impl std::error::Error + use<>>> {
    let source = photo.origin.as_ref()?.jpeg.as_ref()?;
    if options.quality != Quality::AsSource || !source.fits(pixels) {
        return None;
    }
    let kept = match options.strip {
        Strip::None => Kept::All,
        Strip::Gps | Strip::Private | Strip::All => Kept::Colour,
    };
    let mut bytes = source.with_pixels(pixels, metadata.exif.as_deref(), kept);
    if let (Ok(bytes), Kept::All) = (&mut bytes, kept) {
        jpeg::append(bytes, &source.bytes);
    }
    if let Err(fault) = &bytes {
        tracing::warn!("the JPEG file is encoded anew: {fault}");
    }
    Some(bytes)
}

/// The metadata with EXIF data that fit into a segment of a JPEG file, whose length is told in 16 bits.
fn fitted_to_segment(metadata: &Metadata) -> (Metadata, Vec<Warning>) {
    /// What is left beside the length itself and the prefix.
    const LIMIT_BYTES: usize = u16::MAX as usize - 2 - b"Exif\0\0".len();
    let mut metadata = metadata.clone();
    let Some(exif) = metadata.exif.take() else {
        return (metadata, Vec::new());
    };
    let (exif, left_out) = exif::shortened(&exif, LIMIT_BYTES);
    metadata.exif = exif;
    let warning = left_out.map(|left_out| match left_out {
        LeftOut::Thumbnail => Warning::ThumbnailDropped,
        LeftOut::MakerNote => Warning::MakerNoteDropped,
        LeftOut::All => Warning::ExifTooLong,
    });
    (metadata, warning.into_iter().collect())
}

fn finish(
    mut encoder: impl ImageEncoder,
    pixels: &DynamicImage,
    metadata: &Metadata,
) -> Result<Vec<Warning>, ImageError> {
    let mut dropped = Vec::new();
    if let Some(profile) = &metadata.icc_profile
        && encoder.set_icc_profile(profile.clone()).is_err()
    {
        dropped.push(Warning::IccProfileDropped);
    }
    if let Some(exif) = &metadata.exif
        && encoder.set_exif_metadata(exif.clone()).is_err()
    {
        dropped.push(Warning::ExifDropped);
    }
    pixels.write_with_encoder(encoder)?;
    Ok(dropped)
}

/// Errors of the file keep their kind, so that a full disk is told as such.
pub(super) fn unwrap_io(error: ImageError) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        ImageError::IoError(e) => e.into(),
        other => other.into(),
    }
}

#[cfg(test)]
#[path = "save_tests.rs"]
mod tests;
