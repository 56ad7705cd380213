use std::error::Error as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::codecs::{
    bmp::BmpDecoder, jpeg::JpegDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder,
};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ExtendedColorType, ImageDecoder, ImageError, ImageResult};

use super::{Error, Format, Metadata, Origin, Photo, Warning, exif, jpeg};

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
    /// Loads a PNG, JPEG, TIFF, WebP or BMP file, told by its content, and turns it upright.
    ///
    /// Grey stays grey, 16 bits stay 16 bits, alpha stays; palettes become RGB, inks (CMYK) become
    /// RGB with a [`Warning`]. Of an animated PNG only the still picture is taken.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::ReadDenied`], [`Error::Read`], [`Error::NotAnImage`],
    /// [`Error::Truncated`], [`Error::Damaged`], [`Error::ZeroSize`], [`Error::TooLarge`], or
    /// [`Error::Unsupported`] (floating point pixels, animations, rare kinds).
    pub fn load(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let file = File::open(path).map_err(|e| Error::reading(path, e))?;
        let length = file.metadata().map_err(|e| Error::reading(path, e))?.len();
        let mut reader = BufReader::new(file);
        let head = head(&mut reader).map_err(|e| Error::reading(path, e))?;
        let Some(format) = Format::from_content(&head) else {
            return Err(Error::NotAnImage { path: path.into() });
        };
        let source = Source {
            path,
            format,
            limits,
        };
        if let Some((width, height)) = format.declared_size(&head) {
            source.check_size(width, height, 0)?;
        }
        if length > limits.pixel_bytes {
            return Err(source.too_large(format!("a file of {} MiB", length >> 20)));
        }
        // Decoders are known to panic on malicious files.
        catch_unwind(AssertUnwindSafe(|| source.load(reader))).unwrap_or_else(|_| {
            Err(source.damaged("its content makes no sense to the decoder".into()))
        })
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
        let mut from_cmyk = false;
        if self.format == Format::Jpeg {
            let outline = jpeg::outline(&mut reader).map_err(|e| Error::reading(self.path, e))?;
            if !outline.complete {
                return Err(self.truncated());
            }
            from_cmyk = outline.components == 4;
            let rewound = reader.seek(SeekFrom::Start(0));
            rewound.map_err(|e| Error::reading(self.path, e))?;
        }
        let mut decoder = self.decoder(reader).map_err(|e| self.explain(e))?;
        from_cmyk |= matches!(
            decoder.original_color_type(),
            ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16
        );
        self.check_kind(decoder.as_mut())?;

        let (metadata, orientation) = self.metadata(decoder.as_mut(), from_cmyk)?;
        let mut pixels = DynamicImage::from_decoder(decoder).map_err(|e| self.explain(e))?;
        pixels.apply_orientation(orientation);
        Ok(Photo {
            pixels,
            metadata,
            origin: Some(Origin {
                path: self.path.into(),
                format: self.format,
            }),
            warnings: from_cmyk
                .then_some(Warning::ConvertedFromCmyk)
                .into_iter()
                .collect(),
        })
    }

    fn decoder(&self, reader: BufReader<File>) -> ImageResult<Box<dyn ImageDecoder>> {
        Ok(match self.format {
            Format::Png => Box::new(PngDecoder::new(reader)?),
            Format::Jpeg => Box::new(JpegDecoder::new(reader)?),
            Format::Tiff => Box::new(TiffDecoder::new(reader)?),
            Format::Bmp => Box::new(BmpDecoder::new(reader)?),
            Format::WebP => {
                let decoder = WebPDecoder::new(reader)?;
                if decoder.has_animation() {
                    return Err(unsupported_animation());
                }
                Box::new(decoder)
            }
        })
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

    /// Profile, EXIF and the orientation that the pixels are stored in.
    fn metadata(
        &self,
        decoder: &mut dyn ImageDecoder,
        from_cmyk: bool,
    ) -> Result<(Metadata, Orientation), Error> {
        let icc_profile = decoder.icc_profile().map_err(|e| self.explain(e))?;
        let exif = decoder.exif_metadata().map_err(|e| self.explain(e))?;
        let mut exif = exif.map(exif::without_prefix);
        let in_exif = exif.as_deref_mut().and_then(exif::make_upright);
        let orientation = match in_exif {
            Some(orientation) => orientation,
            None => decoder.orientation().map_err(|e| self.explain(e))?,
        };
        let metadata = Metadata {
            // A profile for inks does not describe RGB pixels.
            icc_profile: icc_profile.filter(|profile| !from_cmyk && !profile.is_empty()),
            exif: exif.filter(|exif| !exif.is_empty()),
            ..Metadata::default()
        };
        Ok((metadata, orientation))
    }

    fn explain(&self, error: ImageError) -> Error {
        if ends_too_early(&error) {
            return self.truncated();
        }
        match error {
            ImageError::IoError(e) => Error::reading(self.path, e),
            ImageError::Limits(e) => self.too_large(e.to_string()),
            ImageError::Unsupported(e) => self.unsupported(e.to_string()),
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
    use image::error::{UnsupportedError, UnsupportedErrorKind};
    ImageError::Unsupported(UnsupportedError::from_format_and_kind(
        image::ImageFormat::WebP.into(),
        UnsupportedErrorKind::GenericFeature("animation".into()),
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
