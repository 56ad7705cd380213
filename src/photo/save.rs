use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

use image::codecs::{
    bmp::BmpEncoder, jpeg::JpegEncoder, png::PngEncoder, tiff::TiffEncoder, webp::WebPEncoder,
};
use image::{ColorType, DynamicImage, ImageEncoder, ImageError};

use super::exif::{self, LeftOut};
use super::{Error, Format, Metadata, Overwrite, Photo, Strip, Warning};
use crate::fs::{atomic, same_file};

/// How to save a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaveOptions {
    /// The file format.
    pub format: Format,
    /// Quality of JPEG files, 1–100. Colour is kept at full resolution (4:4:4) at every quality.
    pub jpeg_quality: u8,
    /// What may happen to a file of the same name.
    pub overwrite: Overwrite,
    /// Metadata to leave out.
    pub strip: Strip,
}

impl SaveOptions {
    /// JPEG quality without visible loss.
    pub const JPEG_QUALITY: u8 = 95;

    /// Options for a file name: the format by its extension, JPEG in quality 95, all metadata, files
    /// other than the photo's own may be replaced.
    ///
    /// # Errors
    /// [`Error::UnknownExtension`].
    pub fn for_path(path: &Path) -> Result<Self, Error> {
        let format = Format::from_path(path);
        Ok(Self {
            format: format.ok_or_else(|| Error::UnknownExtension { path: path.into() })?,
            jpeg_quality: Self::JPEG_QUALITY,
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
            encode(file, &pixels, &self.metadata, options).map_err(unwrap_io)
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
    pixels: &DynamicImage,
    metadata: &Metadata,
    options: &SaveOptions,
) -> Result<Vec<Warning>, ImageError> {
    let quality = options.jpeg_quality.clamp(1, 100);
    let metadata = &metadata.without(options.strip);
    match options.format {
        Format::Png => finish(PngEncoder::new(file), pixels, metadata),
        Format::Tiff => finish(TiffEncoder::new(file), pixels, metadata),
        Format::WebP => finish(WebPEncoder::new_lossless(file), pixels, metadata),
        Format::Bmp => finish(BmpEncoder::new(file), pixels, metadata),
        Format::Jpeg => {
            let (metadata, warning) = fitted_to_segment(metadata);
            let encoder = JpegEncoder::new_with_quality(file, quality);
            let mut warnings = finish(encoder, pixels, &metadata)?;
            warnings.extend(warning);
            Ok(warnings)
        }
    }
}

/// The metadata with EXIF data that fit into a segment of a JPEG file, whose length is told in 16 bits.
fn fitted_to_segment(metadata: &Metadata) -> (Metadata, Option<Warning>) {
    /// What is left beside the length itself and the prefix.
    const LIMIT_BYTES: usize = u16::MAX as usize - 2 - b"Exif\0\0".len();
    let mut metadata = metadata.clone();
    let Some(exif) = metadata.exif.take() else {
        return (metadata, None);
    };
    let (exif, left_out) = exif::shortened(&exif, LIMIT_BYTES);
    metadata.exif = exif;
    let warning = left_out.map(|left_out| match left_out {
        LeftOut::Thumbnail => Warning::ThumbnailDropped,
        LeftOut::MakerNote => Warning::MakerNoteDropped,
        LeftOut::All => Warning::ExifTooLong,
    });
    (metadata, warning)
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
