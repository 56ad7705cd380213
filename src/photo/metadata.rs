//! What a file says about its pixels, how each container holds it, and what another cannot.
//!
//! [`bmp`], [`jpeg`], [`png`], [`webp`] and [`tiff`](super::tiff) read a file's metadata and put them into a
//! finished file; [`xmp`] and [`photoshop`] change what is inside a packet or a block. Whatever need
//! not change is carried byte for byte.

pub(super) mod bmp;
pub(super) mod jpeg;
pub(super) mod photoshop;
pub(super) mod png;
mod prepare;
pub(super) mod webp;
pub(super) mod xmp;

use image::metadata::Orientation;

use super::density::{Density, DensityUnit};
use super::exif;

pub use prepare::Part;

/// What a file says about its pixels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// ICC colour profile.
    pub icc_profile: Option<Vec<u8>>,
    /// EXIF block, from its TIFF header on. The orientation in it is always 1 (upright), and it
    /// holds no thumbnail: both would be wrong once the pixels have changed.
    pub exif: Option<Vec<u8>>,
    /// XMP packet, with its wrapper where it has one.
    pub xmp: Option<Vec<u8>>,
    /// What a JPEG file's XMP packet has no room for (Extended XMP), a document of its own.
    pub xmp_extension: Option<Vec<u8>>,
    /// IPTC-IIM records (caption, by-line, keywords).
    pub iptc: Option<Vec<u8>>,
    /// Photoshop's image resources (`8BIM` blocks), the IPTC records among them as in the file, but no
    /// thumbnail.
    pub photoshop: Option<Vec<u8>>,
    /// Comments of a JPEG file, in whatever encoding they were written.
    pub comments: Vec<Vec<u8>>,
    /// Text chunks of a PNG file (`tEXt`, `zTXt`, `iTXt`) that hold none of the above.
    pub texts: Vec<PngChunk>,
    /// How many pixels go on an inch of paper.
    pub density: Option<Density>,
    /// `gAMA` of a PNG file: the gamma times 100 000 (45 455 for 1/2.2).
    pub png_gamma: Option<u32>,
    /// `cHRM` of a PNG file: x and y of white, red, green and blue, times 100 000.
    pub png_chromaticities: Option<[u32; 8]>,
    /// `sRGB` of a PNG file: the rendering intent.
    pub png_srgb_intent: Option<u8>,
    /// `cICP` of a PNG file: primaries, transfer function, matrix, full range (ITU-T H.273).
    pub cicp: Option<[u8; 4]>,
    /// Other chunks of a PNG file that stay right when pixels change.
    pub(super) png_chunks: Vec<PngChunk>,
    /// What a JPEG file holds, in its order.
    pub(super) jpeg_parts: Vec<JpegPart>,
    /// How a TIFF file stores its pixels.
    pub(super) tiff: TiffStorage,
}

/// How a TIFF file stores its pixels, as far as a file made from it should do the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TiffStorage {
    pub compression: TiffCompression,
    /// Colours in the file are multiplied by alpha. In memory they never are.
    pub is_alpha_associated: bool,
    /// Samples in floating point are grey; in memory they stand in all three channels.
    pub is_grey: bool,
}

/// Compressions without loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum TiffCompression {
    #[default]
    None,
    Lzw,
    Deflate,
    PackBits,
}

/// A chunk of a PNG file, without length and checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PngChunk {
    /// The chunk's type.
    pub kind: [u8; 4],
    /// Its content.
    pub content: Vec<u8>,
}

/// A place in the order of a JPEG file's segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JpegPart {
    Exif,
    Xmp,
    Icc,
    Photoshop,
    Comments,
    /// An application segment that Jawline does not read.
    Other {
        marker: u8,
        content: Vec<u8>,
    },
}

/// Do width and height change places?
fn is_quarter_turn(orientation: Orientation) -> bool {
    use Orientation::{FlipHorizontal, FlipVertical, NoTransforms, Rotate180};
    !matches!(
        orientation,
        NoTransforms | Rotate180 | FlipHorizontal | FlipVertical
    )
}

impl Metadata {
    /// Makes the metadata fit pixels that are turned upright and may change: orientation 1, no old
    /// thumbnail, nothing empty; the size fields follow a quarter turn. Returns how the stored pixels lie.
    pub(super) fn make_upright(&mut self, stored: (u32, u32)) -> Option<Orientation> {
        for part in [
            &mut self.icc_profile,
            &mut self.exif,
            &mut self.xmp,
            &mut self.xmp_extension,
            &mut self.iptc,
            &mut self.photoshop,
        ] {
            *part = part.take().filter(|part| !part.is_empty());
        }
        let orientation = self.exif.as_deref_mut().and_then(exif::make_upright);
        let is_quarter_turn = orientation.is_some_and(is_quarter_turn);
        let size = is_quarter_turn.then_some((stored.1, stored.0));
        if let Some((width, height)) = size {
            if let Some(exif) = &mut self.exif {
                exif::set_size(exif, width, height);
            }
            self.density = self.density.map(Density::turned);
        }
        xmp::edit(&mut self.xmp, |packet| xmp::made_upright(packet, size));
        if let Some(extension) = &self.xmp_extension
            && xmp::made_upright(extension, size).is_some()
        {
            self.merge_extension();
            xmp::edit(&mut self.xmp, |packet| xmp::made_upright(packet, size));
        }
        photoshop::remove_pictures(&mut self.photoshop);
        orientation
    }

    /// The metadata for a file whose pixels are stored turned, with this EXIF block.
    pub(super) fn stored_as(
        &self,
        exif: Option<Vec<u8>>,
        orientation: Orientation,
        size: (u32, u32),
    ) -> Self {
        let mut stored = self.clone();
        stored.exif = exif;
        if orientation != Orientation::NoTransforms {
            if is_quarter_turn(orientation) {
                stored.density = stored.density.map(Density::turned);
            }
            xmp::edit(&mut stored.xmp, |packet| {
                xmp::made_turned(packet, orientation.to_exif(), size)
            });
        }
        stored
    }

    /// Brings the fields that tell the picture's size up to date.
    pub(super) fn set_size(&mut self, width: u32, height: u32) {
        if let Some(exif) = &mut self.exif {
            exif::set_size(exif, width, height);
        }
        xmp::edit(&mut self.xmp, |packet| {
            xmp::with_size(packet, (width, height))
        });
    }

    /// Puts Extended XMP back into the packet that it was split from.
    pub(super) fn merge_extension(&mut self) {
        if let Some(extension) = self.xmp_extension.take() {
            xmp::edit(&mut self.xmp, |packet| xmp::merged(packet, &extension));
        }
    }
}
