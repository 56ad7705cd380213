//! A photo: its pixels in their own depth, its colour profile and EXIF data.
//!
//! [`Photo::load`] reads PNG, JPEG, TIFF, WebP and BMP, told by their content, within [`Limits`];
//! a photo does not change afterwards, a new one is made with [`Photo::with_pixels`].
//! [`Photo::save`] keeps depth, profile and EXIF as far as the format can hold them, never leaves
//! half a file and never replaces the source unasked.
//!
//! Lossless formats give back the same pixels bit for bit. JPEG does not: who has changed nothing
//! and wants the same photo copies the file ([`Photo::source`]).

pub mod colour;
mod derive;
mod error;
mod exif;
mod format;
mod id;
mod jpeg;
mod load;
pub mod resize;
mod save;
mod strip;
mod watched;

use std::fmt;
use std::path::{Path, PathBuf};

use image::DynamicImage;

pub use crate::fs::atomic::Overwrite;
pub use colour::ColourSpace;
pub use error::Error;
pub use format::Format;
pub use id::PhotoId;
pub use load::Limits;
pub use save::SaveOptions;
pub use strip::Strip;
pub use watched::Watch;

/// A picture with what its file says about it.
#[derive(Clone)]
pub struct Photo {
    pixels: DynamicImage,
    metadata: Metadata,
    origin: Option<Origin>,
    warnings: Vec<Warning>,
}

/// What a file says about its pixels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// ICC colour profile.
    pub icc_profile: Option<Vec<u8>>,
    /// EXIF block, from its TIFF header on. The orientation in it is always 1 (upright), and it
    /// holds no thumbnail: both would be wrong once the pixels have changed.
    pub exif: Option<Vec<u8>>,
    /// `gAMA` of a PNG file: the gamma times 100 000 (45 455 for 1/2.2).
    pub png_gamma: Option<u32>,
    /// `cHRM` of a PNG file: x and y of white, red, green and blue, times 100 000.
    pub png_chromaticities: Option<[u32; 8]>,
    /// `sRGB` of a PNG file: the rendering intent.
    pub png_srgb_intent: Option<u8>,
    /// `cICP` of a PNG file: primaries, transfer function, matrix, full range (ITU-T H.273).
    pub cicp: Option<[u8; 4]>,
}

/// The file that a photo was loaded from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    path: PathBuf,
    format: Format,
}

/// Something about a photo that its owner should know, though the work can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// The file holds inks (CMYK); the pixels are an approximation in RGB.
    #[error(
        "the photo is in CMYK; it was converted to RGB without its colour profile, so colours may shift"
    )]
    ConvertedFromCmyk,
    /// The output format has no place for EXIF data.
    #[error("EXIF data (camera, date, place) cannot be kept in this file format")]
    ExifDropped,
    /// The EXIF data were longer than a JPEG file can hold, until the old thumbnail was left out.
    #[error(
        "the EXIF data are too long for a JPEG file, so the old thumbnail in them was left out; all fields are kept"
    )]
    ThumbnailDropped,
    /// The EXIF data were longer than a JPEG file can hold, until the maker note was left out.
    #[error(
        "the EXIF data are too long for a JPEG file, so the camera maker's own notes in them were left out; all other fields are kept"
    )]
    MakerNoteDropped,
    /// The EXIF data are longer than a JPEG file can hold.
    #[error(
        "the EXIF data (camera, date, place) are too long for a JPEG file and were left out; save as PNG to keep them"
    )]
    ExifTooLong,
    /// The output format has no place for a colour profile.
    #[error("the colour profile cannot be kept in this file format, so colours may shift")]
    IccProfileDropped,
}

impl Photo {
    /// A photo that comes from no file: pixels in sRGB, no metadata.
    pub fn from_pixels(pixels: DynamicImage) -> Self {
        Self {
            pixels,
            metadata: Metadata::default(),
            origin: None,
            warnings: Vec::new(),
        }
    }

    /// The same pixels, with this said of them.
    #[must_use]
    pub fn with_metadata(self, metadata: Metadata) -> Self {
        Self { metadata, ..self }
    }

    /// The same photo with other pixels of the same size and kind (channels, bits).
    ///
    /// # Errors
    /// [`Error::PixelsDiffer`] when size or kind are not the same.
    pub fn with_pixels(&self, pixels: DynamicImage) -> Result<Self, Error> {
        let kind = |p: &DynamicImage| (p.width(), p.height(), p.color());
        if kind(&pixels) != kind(&self.pixels) {
            return Err(Error::PixelsDiffer {
                expected: describe(&self.pixels),
                got: describe(&pixels),
            });
        }
        Ok(Self {
            pixels,
            ..self.clone_without_pixels()
        })
    }

    /// The pixels, upright, in the file's own channels and depth: 8 or 16 bits of grey or RGB, with
    /// or without alpha. At least one pixel when loaded from a file.
    pub fn pixels(&self) -> &DynamicImage {
        &self.pixels
    }

    /// Colour profile and EXIF.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The file that the photo was loaded from.
    pub fn source(&self) -> Option<&Path> {
        self.origin.as_ref().map(|origin| origin.path.as_path())
    }

    /// The format of the file that the photo was loaded from.
    pub fn format(&self) -> Option<Format> {
        self.origin.as_ref().map(|origin| origin.format)
    }

    /// What could not be taken over from the file as it was.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn clone_without_pixels(&self) -> Self {
        Self {
            pixels: DynamicImage::new_luma8(0, 0),
            metadata: self.metadata.clone(),
            origin: self.origin.clone(),
            warnings: self.warnings.clone(),
        }
    }
}

/// Says what the photo is instead of listing its pixels.
impl fmt::Debug for Photo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Photo")
            .field("pixels", &describe(&self.pixels))
            .field("source", &self.source())
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

/// Size and kind of pixels in words.
fn describe(pixels: &DynamicImage) -> String {
    format!(
        "{}×{} {:?}",
        pixels.width(),
        pixels.height(),
        pixels.color()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_pixels_must_have_the_same_size_and_kind() {
        let photo = Photo::from_pixels(DynamicImage::new_rgb16(3, 2));
        assert!(photo.with_pixels(DynamicImage::new_rgb16(3, 2)).is_ok());
        for wrong in [
            DynamicImage::new_rgb16(2, 3),
            DynamicImage::new_rgb8(3, 2),
            DynamicImage::new_rgba16(3, 2),
        ] {
            let message = photo.with_pixels(wrong).unwrap_err().to_string();
            assert!(message.contains("3×2 Rgb16"), "{message}");
        }
    }
}
