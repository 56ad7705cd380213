use std::borrow::Cow;
use std::error::Error as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use image::codecs::{bmp::BmpDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::error::{UnsupportedError, UnsupportedErrorKind};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ExtendedColorType, ImageDecoder, ImageError, ImageResult};

use super::foreign::{Foreign, RawKind};
#[cfg(feature = "heif")]
use super::heif;
use super::tiff::{self, Refused};
use super::{ColourSpace, Error, Format, Metadata, Origin, Photo, Warning, jpeg, metadata, webp};

/// How much a photo may hold. The size that a file declares is checked before memory is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest width or height, in pixels.
    pub side_px: u32,
    /// The most bytes that the decoded pixels may take, and also the file itself.
    pub pixel_bytes: u64,
}

impl Default for Limits {
    /// 65 535 pixels a side (what JPEG can hold) and 2 GiB: 250 megapixels with 16 bits and alpha.
    fn default() -> Self {
        Self {
            side_px: 65_535,
            pixel_bytes: 2 << 30,
        }
    }
}

/// Decoders may keep one more copy of the picture (planes, coefficients, the packed file).
const WORKING_COPIES: u64 = 2;

impl Photo {
    /// Loads a PNG, JPEG, TIFF, WebP or BMP file, detected from its content, and turns it upright; with the feature `heif`
    /// also HEIC and AVIF files, where the system has libheif.
    ///
    /// Grey stays grey, 16 bits stay 16 bits, floating point stays (grey in all three channels then), alpha stays;
    /// palettes become RGB, inks (CMYK) and CIE L\*a\*b\* become RGB with a [`Warning`]. Of an animated PNG only the still picture is taken, of a TIFF file with
    /// several pictures the first full one: a [`Warning`] says so.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::ReadDenied`], [`Error::Read`], [`Error::NotAnImage`],
    /// [`Error::Truncated`], [`Error::Damaged`], [`Error::ZeroSize`], [`Error::TooLarge`], or
    /// [`Error::Unsupported`] (animations, rare kinds); [`Error::RawPhoto`] and
    /// [`Error::Foreign`] for files that another program has to convert first.
    pub fn load(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let _load = tracing::info_span!("load", path = %path.display()).entered();
        let file = File::open(path).map_err(|e| Error::reading(path, e))?;
        Self::read(file, path, limits)
    }

    /// As [`Photo::load`], from a file that is open and at its start; `path` is for messages.
    pub(super) fn read(file: File, path: &Path, limits: &Limits) -> Result<Self, Error> {
        let length = file.metadata().map_err(|e| Error::reading(path, e))?.len();
        let mut reader = BufReader::new(file);
        let head = head(&mut reader).map_err(|e| Error::reading(path, e))?;
        let foreign = Foreign::of(&head, path);
        let known = Format::from_content(&head);
        let format = known.unwrap_or(Format::Jpeg);
        let source = Source {
            path,
            format,
            limits,
        };
        match foreign {
            #[cfg(feature = "heif")]
            Some(Foreign::Heif(kind)) if heif::is_there() => {
                source.check_length(length)?;
                return source.load_heif(reader, kind);
            }
            Some(foreign) => return Err(foreign.refused(path)),
            None => {}
        }
        if let Some((width, height)) = format.declared_size(&head) {
            source.check_size(width, height, 0)?;
        }
        source.check_length(length)?;
        let load = || match known {
            Some(_) => source.load(reader),
            None => source.load_behind_leading_bytes(reader),
        };
        // Decoders are known to panic on malicious files.
        let loaded = catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| {
            Err(source.damaged("its content makes no sense to the decoder".into()))
        });
        let mut photo = loaded?;
        if let (Some(is), Some(named)) = (known, Format::from_path(path))
            && is != named
        {
            photo.warnings.push(Warning::Misnamed { is, named });
        }
        Ok(photo)
    }
}

/// The first bytes, which tell the format; the reader is back at the start.
fn head(reader: &mut (impl BufRead + Seek)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(32).read_to_end(&mut head)?;
    reader.rewind()?;
    Ok(head)
}

/// The file that is being loaded, for decisions and messages.
struct Source<'a> {
    path: &'a Path,
    format: Format,
    limits: &'a Limits,
}

impl Source<'_> {
    fn load(&self, mut reader: BufReader<File>) -> Result<Photo, Error> {
        let reading = |error| Error::reading(self.path, error);
        match self.format {
            Format::Tiff => self.load_tiff(reader),
            Format::Jpeg => {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).map_err(reading)?;
                self.load_jpeg(bytes.into(), Vec::new())
            }
            Format::WebP => {
                let metadata = metadata::webp::read(&mut reader).map_err(reading)?;
                let quality = webp::lossy_quality(&mut reader).map_err(reading)?;
                reader.rewind().map_err(reading)?;
                let (mut photo, _) = self.decode(reader, metadata, Vec::new())?;
                if let Some(origin) = &mut photo.origin {
                    origin.webp_quality = quality;
                }
                Ok(photo)
            }
            Format::Png => {
                let content = metadata::png::read(&mut reader).map_err(reading)?;
                reader.rewind().map_err(reading)?;
                let animated = content.is_animated.then_some(Warning::AnimationLeftOut);
                let chunks = (
                    content.has_pixel_chunks,
                    "PNG chunks about the old pixels (bKGD, sBIT, sPLT, hIST, a signature)",
                );
                let warnings = animated
                    .into_iter()
                    .chain(Warning::left_out([chunks]))
                    .collect();
                let (photo, _) = self.decode(reader, content.metadata, warnings)?;
                Ok(photo)
            }
            Format::Bmp => {
                let metadata = metadata::bmp::read(&mut reader).map_err(reading)?;
                reader.rewind().map_err(reading)?;
                let (photo, _) = self.decode(reader, metadata, Vec::new())?;
                Ok(photo)
            }
        }
    }

    /// A JPEG picture that something else was put in front of, in transit or by an old program.
    fn load_behind_leading_bytes(&self, reader: BufReader<File>) -> Result<Photo, Error> {
        let path = || self.path.to_owned();
        let not_an_image = || match RawKind::from_path(self.path) {
            // Some makers' files begin like no other.
            Some(kind) => Error::RawPhoto {
                path: path(),
                kind: kind.name(),
            },
            None => Error::NotAnImage { path: path() },
        };
        let mut head = Vec::new();
        let mut reader = reader.take(jpeg::MOST_LEADING_BYTES as u64);
        let read = reader.read_to_end(&mut head);
        read.map_err(|e| Error::reading(self.path, e))?;
        let start = jpeg::start_of_picture(&head).ok_or_else(not_an_image)?;
        let mut bytes = head.split_off(start);
        let read = reader.into_inner().read_to_end(&mut bytes);
        read.map_err(|e| Error::reading(self.path, e))?;
        // The preview in a file of another kind is no photo.
        if !jpeg::is_nothing_but_a_picture(&bytes) {
            return Err(not_an_image());
        }
        self.load_jpeg(bytes.into(), vec![Warning::LeadingBytes])
    }

    fn load_jpeg(&self, bytes: Arc<[u8]>, mut warnings: Vec<Warning>) -> Result<Photo, Error> {
        let most_bytes = self.limits.pixel_bytes.saturating_mul(WORKING_COPIES);
        let outline = jpeg::outline(&bytes, most_bytes);
        if let Some(what) = outline.unsupported {
            return Err(self.unsupported(what.into()));
        }
        if !outline.complete {
            return Err(self.truncated());
        }
        if outline.components == 4 {
            warnings.push(Warning::ConvertedFromCmyk);
        }
        if !outline.has_end_marker {
            warnings.push(Warning::NoEndMarker);
        }
        warnings.extend(jpeg::extras(&bytes).into_iter().map(Warning::Extra));
        let content = metadata::jpeg::read(&bytes);
        let seconds = [
            (content.has_second_exif, "a second EXIF block"),
            (content.has_second_xmp, "a second XMP packet"),
        ];
        warnings.extend(Warning::left_out(seconds));
        let metadata = content.metadata;
        let (mut photo, orientation) = match jpeg::decodable(&bytes, most_bytes) {
            Cow::Borrowed(_) => self.decode(Cursor::new(Arc::clone(&bytes)), metadata, warnings)?,
            Cow::Owned(decodable) => self.decode(Cursor::new(decodable), metadata, warnings)?,
        };
        if let Some(origin) = &mut photo.origin {
            origin.jpeg = Some(jpeg::Source {
                bytes,
                orientation,
                most_bytes,
            });
        }
        Ok(photo)
    }

    /// The photo, and how its pixels were turned.
    fn decode(
        &self,
        reader: impl BufRead + Seek + 'static,
        mut metadata: Metadata,
        mut warnings: Vec<Warning>,
    ) -> Result<(Photo, Orientation), Error> {
        let mut decoder = self.decoder(reader).map_err(|e| self.explain(e))?;
        let mut from_cmyk = warnings.contains(&Warning::ConvertedFromCmyk);
        let has_inks = matches!(
            decoder.original_color_type(),
            ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16
        );
        if has_inks && !from_cmyk {
            from_cmyk = true;
            warnings.push(Warning::ConvertedFromCmyk);
        }
        self.check_kind(decoder.as_mut())?;
        if from_cmyk {
            // A profile for inks does not describe RGB pixels.
            metadata.icc_profile = None;
        }
        let orientation = match metadata.make_upright(decoder.dimensions()) {
            Some(orientation) => orientation,
            None => decoder.orientation().map_err(|e| self.explain(e))?,
        };
        let mut pixels = DynamicImage::from_decoder(decoder).map_err(|e| self.explain(e))?;
        pixels.apply_orientation(orientation);
        Ok((self.photo(pixels, metadata, warnings), orientation))
    }

    fn load_tiff(&self, reader: BufReader<File>) -> Result<Photo, Error> {
        let check = |width, height, bytes| self.check_size(width, height, bytes);
        let tiff::Content {
            mut pixels,
            mut metadata,
            warnings,
        } = tiff::read(reader, check).map_err(|refused| match refused {
            Refused::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.truncated(),
            Refused::Io(error) => Error::reading(self.path, error),
            Refused::Raw(kind) => Error::RawPhoto {
                path: self.path.into(),
                kind: RawKind::from_path(self.path).map_or(kind, RawKind::name),
            },
            Refused::Unsupported(what) => self.unsupported(what),
            Refused::Size(error) => *error,
            Refused::Decoder(error) => self.damaged(error.to_string()),
        })?;
        if let Some(orientation) = metadata.make_upright((pixels.width(), pixels.height())) {
            pixels.apply_orientation(orientation);
        }
        Ok(self.photo(pixels, metadata, warnings))
    }

    #[cfg(feature = "heif")]
    fn load_heif(&self, mut reader: BufReader<File>, kind: &'static str) -> Result<Photo, Error> {
        let mut bytes = Vec::new();
        let read = reader.read_to_end(&mut bytes);
        read.map_err(|error| Error::reading(self.path, error))?;
        let check = |width, height, bytes| self.check_size(width, height, bytes);
        let content = heif::read(&bytes, check).map_err(|refused| match refused {
            heif::Refused::Size(error) => error,
            heif::Refused::Library(reason) => Error::Heif {
                path: self.path.into(),
                kind,
                reason,
            },
        })?;
        let mut photo = self.photo(content.pixels, content.metadata, content.warnings);
        let color = photo.pixels.color();
        let is_deep = color.bytes_per_pixel() > color.channel_count();
        let proposal = heif::format_for(is_deep, color.has_alpha());
        let not_written = Warning::NotWritten { kind, proposal };
        photo.warnings.insert(0, not_written);
        if let Some(origin) = &mut photo.origin {
            origin.format = None;
        }
        Ok(photo)
    }

    fn photo(&self, pixels: DynamicImage, metadata: Metadata, mut warnings: Vec<Warning>) -> Photo {
        if ColourSpace::is_profile_unread(&metadata) {
            warnings.push(Warning::ProfileUnread);
        }
        Photo {
            pixels,
            metadata,
            origin: Some(Origin {
                path: self.path.into(),
                format: Some(self.format),
                jpeg: None,
                webp_quality: None,
            }),
            warnings,
            is_edited: false,
        }
    }

    fn decoder(&self, reader: impl BufRead + Seek + 'static) -> ImageResult<Box<dyn ImageDecoder>> {
        Ok(match self.format {
            Format::Png => Box::new(PngDecoder::new(reader)?),
            Format::Jpeg => Box::new(JpegDecoder::new(reader)?),
            Format::Bmp | Format::Tiff => Box::new(BmpDecoder::new(reader)?),
            Format::WebP => {
                let decoder = WebPDecoder::new(reader)?;
                if decoder.has_animation() {
                    return Err(unsupported_animation());
                }
                Box::new(decoder)
            }
        })
    }

    /// Refuses files beyond the limits.
    fn check_length(&self, bytes: u64) -> Result<(), Error> {
        match bytes > self.limits.pixel_bytes {
            true => Err(self.too_large(format!("a file of {} MiB", bytes >> 20))),
            false => Ok(()),
        }
    }

    /// Refuses pictures that are empty or beyond the limits.
    fn check_size(&self, width: u32, height: u32, pixel_bytes: u64) -> Result<(), Error> {
        if width == 0 || height == 0 {
            return Err(Error::ZeroSize {
                path: self.path.into(),
                width,
                height,
            });
        }
        let Limits {
            side_px,
            pixel_bytes: most_bytes,
        } = *self.limits;
        if width.max(height) > side_px || pixel_bytes > most_bytes {
            return Err(self.too_large(format!("{width}×{height} pixels")));
        }
        Ok(())
    }

    /// Refuses pictures that are empty, huge or in floating point, and tells the decoder its limits.
    fn check_kind(&self, decoder: &mut dyn ImageDecoder) -> Result<(), Error> {
        let (width, height) = decoder.dimensions();
        let bytes = decoder.total_bytes();
        self.check_size(width, height, bytes)?;
        if matches!(decoder.color_type(), ColorType::Rgb32F | ColorType::Rgba32F) {
            return Err(self.unsupported("floating point numbers".into()));
        }
        let mut limits = image::Limits::no_limits();
        limits.max_alloc = Some(bytes.saturating_mul(1 + WORKING_COPIES).max(64 << 20));
        decoder.set_limits(limits).map_err(|e| self.explain(e))
    }

    fn explain(&self, error: ImageError) -> Error {
        if ends_too_early(&error) {
            return self.truncated();
        }
        match error {
            ImageError::IoError(e) => Error::reading(self.path, e),
            ImageError::Limits(e) => self.too_large(e.to_string()),
            ImageError::Unsupported(e) => self.unsupported(match e.kind() {
                UnsupportedErrorKind::GenericFeature(what) => what.clone(),
                _ => e.to_string(),
            }),
            other => self.damaged(other.to_string()),
        }
    }

    fn truncated(&self) -> Error {
        Error::Truncated {
            path: self.path.into(),
            format: self.format,
        }
    }

    fn damaged(&self, reason: String) -> Error {
        Error::Damaged {
            path: self.path.into(),
            format: self.format,
            reason,
        }
    }

    fn unsupported(&self, what: String) -> Error {
        Error::Unsupported {
            path: self.path.into(),
            format: self.format,
            what,
        }
    }

    fn too_large(&self, what: String) -> Error {
        Error::TooLarge {
            path: self.path.into(),
            what,
            limits: *self.limits,
        }
    }
}

fn unsupported_animation() -> ImageError {
    ImageError::Unsupported(UnsupportedError::from_format_and_kind(
        image::ImageFormat::WebP.into(),
        UnsupportedErrorKind::GenericFeature("an animation".into()),
    ))
}

/// Whether an "unexpected end of file" is at the bottom of the error.
fn ends_too_early(error: &ImageError) -> bool {
    if let ImageError::IoError(e) = error {
        return e.kind() == io::ErrorKind::UnexpectedEof;
    }
    std::iter::successors(error.source(), |&cause| cause.source())
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|e| e.kind() == io::ErrorKind::UnexpectedEof)
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
