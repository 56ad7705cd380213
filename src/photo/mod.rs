//! A photo: its pixels in their own depth, its colour profile, EXIF, XMP and IPTC data.
//!
//! [`Photo::load`] reads PNG, JPEG, TIFF, WebP and BMP (and HEIC and AVIF with the feature `heif`), detected from their
//! content, within [`Limits`];
//! a photo does not change afterwards, a new one is made with [`Photo::with_pixels`].
//! [`Photo::save`] keeps depth and metadata as far as the format can hold them ([`Photo::losses`] says
//! what it cannot), reads back what it wrote, never leaves half a file and never replaces the source unasked.
//!
//! Lossless formats give back the same pixels bit for bit. JPEG does not, but a photo from a JPEG file
//! is saved as that file with a change ([`Quality::AsSource`]): what has not changed looks the same.
//!
//! ```
//! use jawline::photo::{Limits, Photo, SaveOptions};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("portrait.png");
//! let options = SaveOptions::for_path(&path)?;
//! let pixels = image::RgbImage::from_pixel(6, 4, image::Rgb([200, 90, 70]));
//! Photo::from_pixels(pixels.into()).save(&path, &options)?;
//!
//! let photo = Photo::load(&path, &Limits::default())?;
//! // A photo does not replace the file that it came from.
//! assert!(photo.save(&path, &options).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(clippy::indexing_slicing)]

mod cancellable;
pub mod colour;
mod density;
mod derive;
mod error;
mod exif;
mod foreign;
mod format;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(feature = "heif")]
mod heif;
mod id;
mod jpeg;
mod layers;
mod load;
mod metadata;
mod png;
mod quality;
pub mod resize;
mod save;
mod strip;
mod tiff;
mod verify;
mod webp;

use std::fmt;
use std::path::{Path, PathBuf};

use image::{ColorType, DynamicImage};

pub use crate::fs::atomic::Overwrite;
pub use cancellable::OnProgress;
pub use colour::ColourSpace;
pub use density::{Density, DensityUnit};
pub use derive::GivenUp;
pub use error::Error;
pub use format::Format;
pub use id::PhotoId;
pub use jpeg::Extra as JpegExtra;
pub use layers::Layer;
pub use load::Limits;
pub use metadata::{Metadata, Part, PngChunk};
pub use quality::Quality;
pub use save::{Note, SaveOptions};
pub use strip::Strip;

/// A picture with what its file says about it.
#[derive(Clone)]
pub struct Photo {
    pixels: DynamicImage,
    metadata: Metadata,
    origin: Option<Origin>,
    warnings: Vec<Warning>,
    /// Whether the pixels are still those of the file.
    is_edited: bool,
}

/// The file that a photo was loaded from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    path: PathBuf,
    /// `None` for one that is never written (HEIC, AVIF).
    format: Option<Format>,
    /// A JPEG file itself, which the photo may be saved as again. It is small beside its pixels, and the
    /// file on the disk may be another one by then.
    jpeg: Option<jpeg::Source>,
    /// How lossy a WebP file is, 1 to 100.
    webp_quality: Option<u8>,
}

/// Something about a photo that its owner should know, though the work can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// The file holds inks (CMYK); the pixels are an approximation in RGB.
    #[error(
        "the photo is in CMYK; it was converted to RGB without its colour profile, so colours may shift"
    )]
    ConvertedFromCmyk,
    /// The colour profile says nothing that can be understood.
    #[error(
        "the colour profile cannot be read (it is damaged, or of a kind that Jawline does not know); the photo is taken for sRGB, so colours may look wrong; the profile itself is kept byte for byte"
    )]
    ProfileUnread,
    /// The file holds CIE L\*a\*b\*.
    #[error(
        "the photo is in CIE L*a*b*; it was converted to ProPhoto RGB of 16 bits, and a file made from it is in that"
    )]
    ConvertedFromLab,
    /// Samples in floating point are infinite or no numbers.
    #[error(
        "{} of the file are not numbers, or infinite; they were set to 0 (black), positive infinity to 1 (white)",
        if *.0 == 1 { "one sample".to_owned() } else { format!("{} samples", .0) }
    )]
    NotFinite(usize),
    /// The file holds more pictures than the one that is taken.
    #[error(
        "the file holds {} more; only the first full picture is retouched, and a file made from it holds no other",
        if *.0 == 1 { "one picture (or page)".to_owned() } else { format!("{} pictures (or pages)", .0) }
    )]
    OtherPages(usize),
    /// The file holds Photoshop's layers beside the flat picture.
    #[error(
        "the file has Photoshop layers; the flat picture is retouched, and a file made from it has no layers"
    )]
    LayersLeftOut,
    /// The file holds channels beside colours and transparency.
    #[error(
        "the file has {} channel(s) beside its colours (a saved selection, a spot colour); a file made from it lacks them", .0
    )]
    ChannelsLeftOut(usize),
    /// The file holds an animation; only the still picture is taken.
    #[error("the picture is animated; only its still picture is retouched and kept")]
    AnimationLeftOut,
    /// The file is of a kind that is read, but not written.
    #[error(
        "Jawline reads {kind} files and does not write them: save the result as {proposal}{}",
        match proposal {
            Format::Tiff => ", which keeps more than 8 bits a channel",
            Format::Png => ", which keeps its transparency",
            _ => ", or without loss as TIFF or PNG",
        }
    )]
    NotWritten {
        /// What the file is.
        kind: &'static str,
        /// The format that holds all of the picture.
        proposal: Format,
    },
    /// The file holds something that no file made from it does.
    #[error("the file also holds {0}; a file made from it does not")]
    LeftOut(&'static str),
    /// The file is called like one of another format.
    #[error(
        "the file is {is}, although it is called like {named}; a result is written as its own name says, so mind the ending of that"
    )]
    Misnamed {
        /// What it is.
        is: Format,
        /// What its name says.
        named: Format,
    },
    /// The output format has no place for some of the metadata.
    #[error("{part} cannot be kept in {format} files")]
    Dropped {
        /// What is lost.
        part: Part,
        /// The output format.
        format: Format,
    },
    /// The XMP packet is longer than a JPEG file can hold, and cannot be split.
    #[error(
        "the XMP data (rating, label, development settings) are too long for a JPEG file and were left out; save as PNG or TIFF to keep them"
    )]
    XmpTooLong,
    /// The last bytes of the file are missing, after all pixels.
    #[error("the end marker of the JPEG file is missing; all of the picture is there")]
    NoEndMarker,
    /// Something precedes the picture.
    #[error(
        "there are bytes before the JPEG picture that do not belong to it; a new file will not have them"
    )]
    LeadingBytes,
    /// There is something behind the picture of the JPEG file.
    #[error(
        "the file also holds {0}: {stays}, all other files lose it", stays = .0.stays()
    )]
    Extra(JpegExtra),
    /// The gain map could not be levelled where the photo has changed.
    #[error(
        "the gain map for HDR screens is stored in an unusual way and stays as it was: on such a screen, the old outline may still be seen"
    )]
    GainMapUnread,
    /// What was behind the picture of the JPEG file is not in the new file.
    #[error(
        "the new file does not hold {0} of the photo's file; a JPEG file in the quality of the source with all metadata does"
    )]
    ExtraDropped(JpegExtra),
    /// The JPEG file could not be saved as itself.
    #[error(
        "the JPEG file is stored in an unusual way, so the whole picture was encoded again, in quality 95"
    )]
    Reencoded,
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
    /// The maker note is elsewhere in a TIFF file than it was.
    #[error(
        "the camera maker's own notes in the EXIF data are kept byte for byte, but stand elsewhere in a TIFF file: those that count from the start of their old file cannot be read there"
    )]
    MakerNoteMoved,
    /// The EXIF data are longer than a JPEG file can hold.
    #[error(
        "the EXIF data (camera, date, place) are too long for a JPEG file and were left out; save as PNG to keep them"
    )]
    ExifTooLong,
}

impl Warning {
    /// That a file holds what no file made from it does: those of the parts that are there.
    fn left_out<const N: usize>(parts: [(bool, &'static str); N]) -> impl Iterator<Item = Self> {
        let there = parts.into_iter().filter(|(is_there, _)| *is_there);
        there.map(|(_, what)| Self::LeftOut(what))
    }
}

impl Photo {
    /// A photo that comes from no file: pixels in sRGB, no metadata.
    pub fn from_pixels(pixels: DynamicImage) -> Self {
        Self {
            pixels,
            metadata: Metadata::default(),
            origin: None,
            warnings: Vec::new(),
            is_edited: false,
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
            is_edited: self.origin.is_some(),
            ..self.clone_without_pixels()
        })
    }

    /// The pixels, upright, in the file's own channels and depth: 8 or 16 bits of grey or RGB, with
    /// or without alpha. Floating point is always RGB, and may lie beyond 0..=1; see [`Photo::is_grey`]. At least one pixel when loaded from a file.
    pub fn pixels(&self) -> &DynamicImage {
        &self.pixels
    }

    /// Whether the photo is grey: by its pixels, or by its file, where they are in floating point, for which
    /// grey is kept in all three channels.
    pub fn is_grey(&self) -> bool {
        is_grey(&self.pixels, &self.metadata)
    }

    /// Whether the pixels are in floating point.
    pub fn is_float(&self) -> bool {
        is_float(&self.pixels)
    }

    /// Colour profile, EXIF, XMP, IPTC and all else that the file says.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The file that the photo was loaded from.
    pub fn source(&self) -> Option<&Path> {
        self.origin.as_ref().map(|origin| origin.path.as_path())
    }

    /// The format of the file that the photo was loaded from; `None` for one that is never written (HEIC, AVIF).
    pub fn format(&self) -> Option<Format> {
        self.origin.as_ref().and_then(|origin| origin.format)
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
            is_edited: self.is_edited,
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

fn is_grey(pixels: &DynamicImage, metadata: &Metadata) -> bool {
    !pixels.color().has_color() || is_float(pixels) && metadata.tiff.is_grey
}

/// Whether the samples are in floating point.
fn is_float(pixels: &DynamicImage) -> bool {
    matches!(pixels.color(), ColorType::Rgb32F | ColorType::Rgba32F)
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
