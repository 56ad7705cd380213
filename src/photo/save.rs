use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use image::codecs::{bmp::BmpEncoder, jpeg::JpegEncoder, webp::WebPEncoder};
use image::{ColorType, DynamicImage, ImageError};

use super::jpeg::{self, KeptSegments};
use super::metadata::{self, xmp};
use super::verify::{self, Written};
use super::{
    Error, Format, Metadata, Overwrite, Photo, Quality, Strip, Warning, is_float, png, tiff, webp,
};
use crate::fs::{atomic, same_file};

/// Is given a finished file, open for reading, before it takes its name; what it fails with keeps the file from that.
pub type Note<'a> = &'a mut dyn FnMut(&mut File) -> io::Result<()>;

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
    /// Options for a file name: the format by its extension, quality as the source, all metadata, files
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
        self.save_noted(path, options, &mut |_| Ok(()))
    }

    /// As [`Photo::save`], and `note` is given the finished file, read back already, before it takes its name.
    ///
    /// # Errors
    /// As [`Photo::save`], and what `note` fails with.
    pub fn save_noted(
        &self,
        path: &Path,
        options: &SaveOptions,
        note: Note<'_>,
    ) -> Result<Vec<Warning>, Error> {
        let pixels = self.allowed(path, options)?;
        let (metadata, mut losses) = self.prepared(options);
        let content = |file: &mut BufWriter<&mut File>| {
            let written = encode(file, self, &pixels, &metadata, options).map_err(unwrap_io)?;
            file.flush()?;
            verify::written(file.get_mut(), path, &pixels, &written, options.format)?;
            note(file.get_mut())?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(written.warnings)
        };
        losses.extend(atomic::write_allowing(path, options.overwrite, content)?);
        Ok(losses)
    }

    /// What of the metadata a file with changed pixels could not hold, to be said before work is put into
    /// them.
    pub fn losses(&self, options: &SaveOptions) -> Vec<Warning> {
        let is_edited = self.origin.is_some();
        let prepared = (self.metadata).prepared(options.format, options.strip, is_edited);
        let mut losses = prepared.1;
        losses.extend(self.extras_dropped(options));
        losses
    }

    /// The metadata as they go into a file, and what cannot.
    pub(super) fn prepared(&self, options: &SaveOptions) -> (Metadata, Vec<Warning>) {
        let (mut metadata, mut losses) =
            (self.metadata).prepared(options.format, options.strip, self.is_edited);
        let dropped = self.extras_dropped(options);
        if !dropped.is_empty() {
            xmp::edit(&mut metadata.xmp, xmp::without_parts);
        }
        losses.extend(dropped);
        (metadata, losses)
    }

    /// What lies behind the picture in the photo's JPEG file and will not be in the new one.
    fn extras_dropped(&self, options: &SaveOptions) -> Vec<Warning> {
        let stays = options.format == Format::Jpeg
            && options.quality == Quality::AsSource
            && options.strip == Strip::None;
        let source = self.origin.as_ref().and_then(|origin| origin.jpeg.as_ref());
        let extras = source.filter(|_| !stays);
        let extras = extras.map_or_else(Vec::new, |source| jpeg::extras(&source.bytes));
        extras.into_iter().map(Warning::ExtraDropped).collect()
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

/// What only TIFF files hold.
pub(super) const FLOATING_POINT: &str = "floating point numbers";

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
    let is_float = is_float(pixels);
    let side_px = pixels.width().max(pixels.height());
    match format {
        Format::WebP if side_px > 16_383 => cannot_hold("more than 16 383 pixels a side"),
        Format::Jpeg if side_px > 65_535 => cannot_hold("more than 65 535 pixels a side"),
        Format::Png | Format::Jpeg | Format::WebP | Format::Bmp if is_float => {
            cannot_hold(FLOATING_POINT)
        }
        Format::Jpeg | Format::WebP | Format::Bmp if deep => cannot_hold("16 bits a channel"),
        Format::Jpeg if color.has_alpha() => cannot_hold("transparency"),
        Format::Bmp if color == ColorType::La8 => Ok(Cow::Owned(pixels.to_rgba8().into())),
        _ => Ok(Cow::Borrowed(pixels)),
    }
}

/// Encodes the pixels with metadata that were prepared for the format.
pub(super) fn encode(
    file: &mut (impl Write + Seek),
    photo: &Photo,
    pixels: &DynamicImage,
    metadata: &Metadata,
    options: &SaveOptions,
) -> Result<Written, ImageError> {
    let mut written = Written {
        metadata: metadata.clone(),
        size: (pixels.width(), pixels.height()),
        is_lossless: options.format.is_lossless(),
        warnings: Vec::new(),
    };
    match options.format {
        Format::Png => png::encode(file, pixels, metadata)?,
        Format::Tiff => tiff::encode(file, pixels, metadata)?,
        Format::WebP => {
            let quality = webp_quality(photo, options.quality);
            written.is_lossless = quality.is_none();
            let bare = match quality {
                Some(percent) => webp::encode_lossy(pixels, percent).map_err(io::Error::other)?,
                None => {
                    let mut bare = Vec::new();
                    pixels.write_with_encoder(WebPEncoder::new_lossless(&mut bare))?;
                    bare
                }
            };
            let has_alpha = pixels.color().has_alpha();
            let spliced = metadata::webp::spliced(&bare, metadata, written.size, has_alpha);
            file.write_all(&spliced)?;
        }
        Format::Bmp => {
            let start = file.stream_position()?;
            pixels.write_with_encoder(BmpEncoder::new(&mut *file))?;
            metadata::bmp::write(file, start, metadata)?;
        }
        Format::Jpeg => match as_source(photo, pixels, metadata, options) {
            Some(Ok(again)) => {
                file.write_all(&again.bytes)?;
                (written.metadata, written.size) = (again.metadata, again.size);
                written.warnings = again.warnings;
            }
            not_as_source => {
                let mut bare = Vec::new();
                let percent = options.quality.percent();
                pixels.write_with_encoder(JpegEncoder::new_with_quality(&mut bare, percent))?;
                file.write_all(&metadata::jpeg::spliced(&bare, metadata))?;
                let reencoded = not_as_source.and(Some(Warning::Reencoded));
                written.warnings.extend(reencoded);
            }
        },
    }
    Ok(written)
}

/// In which quality, 1 to 100, a WebP file is encoded; `None` without loss.
fn webp_quality(photo: &Photo, quality: Quality) -> Option<u8> {
    match quality {
        Quality::AsSource => photo.origin.as_ref().and_then(|origin| origin.webp_quality),
        Quality::Lossless => None,
        Quality::Percent(percent) => Some(percent),
    }
}

/// A JPEG file saved again as that file.
struct Again {
    bytes: Vec<u8>,
    /// As they are in the file.
    metadata: Metadata,
    /// Width and height as stored.
    size: (u32, u32),
    warnings: Vec<Warning>,
}

/// The JPEG file that the photo comes from with the photo's pixels in it, where that is wanted and the pixels
/// are still its own, with changes.
fn as_source(
    photo: &Photo,
    pixels: &DynamicImage,
    metadata: &Metadata,
    options: &SaveOptions,
) -> Option<Result<Again, impl std::error::Error + use<>>> {
    let source = photo.origin.as_ref()?.jpeg.as_ref()?;
    if options.quality != Quality::AsSource || !source.fits(pixels) {
        return None;
    }
    let kept = match options.strip {
        Strip::None => KeptSegments::All,
        Strip::Gps | Strip::Private | Strip::All => KeptSegments::Colour,
    };
    let saved = source.decoded().and_then(|before| {
        let bytes = source.changed(&before, pixels, None, kept)?;
        let size = source.stored_size(pixels);
        let exif = source.stored_exif(metadata.exif.as_deref(), size)?;
        let mut stored = metadata.stored_as(exif, source.orientation, size);
        let mut warnings = Vec::new();
        let levelled = match kept {
            KeptSegments::All => jpeg::levelled(source, &before, pixels).unwrap_or_else(|fault| {
                tracing::warn!("the gain map is left as it is: {fault}");
                warnings.push(Warning::GainMapUnread);
                None
            }),
            KeptSegments::Colour => None,
        };
        if let Some(levelled) = &levelled {
            metadata::xmp::edit(&mut stored.xmp, |packet| {
                metadata::xmp::with_gain_map_length(packet, levelled.length)
            });
        }
        let mut parts = stored.clone();
        if source.has_inks() {
            // The photo, which is in RGB, does not have the profile of the inks.
            parts.icc_profile = metadata::jpeg::read(&source.bytes).metadata.icc_profile;
        }
        let mut bytes = metadata::jpeg::spliced_with_positions(&bytes, &parts);
        if kept == KeptSegments::All {
            let behind = levelled.as_ref().map(|levelled| levelled.file.as_slice());
            jpeg::append(&mut bytes, behind.unwrap_or(&source.bytes));
        }
        Ok(Again {
            bytes,
            metadata: stored,
            size,
            warnings,
        })
    });
    if let Err(fault) = &saved {
        tracing::warn!("the JPEG file is re-encoded: {fault}");
    }
    Some(saved)
}

/// Errors of the file keep their kind, so that a full disk is reported as such.
pub(super) fn unwrap_io(error: ImageError) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        ImageError::IoError(e) => e.into(),
        other => other.into(),
    }
}

#[cfg(test)]
#[path = "save_tests.rs"]
mod tests;
