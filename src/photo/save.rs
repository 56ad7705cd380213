use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use image::codecs::{bmp::BmpEncoder, jpeg::JpegEncoder, webp::WebPEncoder};
use image::{ColorType, DynamicImage, ImageError};

use super::metadata::{self, Density};
use super::{Error, Format, Metadata, Overwrite, Photo, Strip, Warning, png, tiff, verify};
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

    /// Saves the photo with its metadata, in full or not at all ([`atomic::write`]): the file is read
    /// back and compared before it takes its name.
    ///
    /// Pixels keep channels and depth; a format that cannot hold them is refused, nothing is
    /// converted in silence (grey with alpha becomes RGB with alpha in BMP files, which
    /// loses nothing). Returns what the format could not take of the metadata that were wanted, as
    /// [`Photo::losses`] says beforehand.
    ///
    /// # Errors
    /// [`Error::CannotHold`] for 16 bits or alpha in a format without; [`Error::IsSource`] and
    /// [`fs::Error::Exists`](crate::fs::Error::Exists) as [`SaveOptions::overwrite`] asks; else as [`atomic::write`].
    pub fn save(&self, path: &Path, options: &SaveOptions) -> Result<Vec<Warning>, Error> {
        let pixels = self.allowed(path, options)?;
        let (metadata, losses) = self.prepared(options);
        let content = |file: &mut BufWriter<&mut File>| {
            encode(file, &pixels, &metadata, options).map_err(unwrap_io)?;
            file.flush()?;
            verify::written(file.get_mut(), path, &pixels, &metadata, options.format)
        };
        match options.overwrite {
            Overwrite::Never => atomic::write_new(path, content),
            Overwrite::ExceptSource | Overwrite::Always => atomic::write(path, content),
        }?;
        Ok(losses)
    }

    /// What of the metadata a file with changed pixels could not hold, to be said before work is put into
    /// them.
    pub fn losses(&self, options: &SaveOptions) -> Vec<Warning> {
        let is_edited = self.origin.is_some();
        (self.metadata)
            .prepared(options.format, options.strip, is_edited)
            .1
    }

    /// The metadata as they go into a file, and what cannot.
    pub(super) fn prepared(&self, options: &SaveOptions) -> (Metadata, Vec<Warning>) {
        (self.metadata).prepared(options.format, options.strip, self.is_edited)
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
        Format::Bmp if color == ColorType::La8 => Ok(Cow::Owned(pixels.to_rgba8().into())),
        _ => Ok(Cow::Borrowed(pixels)),
    }
}

/// Encodes the pixels with metadata that were prepared for the format.
pub(super) fn encode(
    file: &mut (impl Write + Seek),
    pixels: &DynamicImage,
    metadata: &Metadata,
    options: &SaveOptions,
) -> Result<(), ImageError> {
    let quality = options.jpeg_quality.clamp(1, 100);
    match options.format {
        Format::Png => png::encode(file, pixels, metadata)?,
        Format::Tiff => tiff::encode(file, pixels, metadata)?,
        Format::WebP => {
            let mut bare = Vec::new();
            pixels.write_with_encoder(WebPEncoder::new_lossless(&mut bare))?;
            let size = (pixels.width(), pixels.height());
            let has_alpha = pixels.color().has_alpha();
            file.write_all(&metadata::webp::spliced(&bare, metadata, size, has_alpha))?;
        }
        Format::Bmp => {
            let start = file.stream_position()?;
            pixels.write_with_encoder(BmpEncoder::new(&mut *file))?;
            if let Some([x, y]) = metadata.density.and_then(Density::per_metre) {
                let end = file.stream_position()?;
                // biXPelsPerMeter and biYPelsPerMeter.
                file.seek(SeekFrom::Start(start + 38))?;
                file.write_all(&[x.to_le_bytes(), y.to_le_bytes()].concat())?;
                file.seek(SeekFrom::Start(end))?;
            }
        }
        Format::Jpeg => {
            let mut bare = Vec::new();
            pixels.write_with_encoder(JpegEncoder::new_with_quality(&mut bare, quality))?;
            file.write_all(&metadata::jpeg::spliced(&bare, metadata))?;
        }
    }
    Ok(())
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
