//! What of the metadata goes into a file, and what its format cannot hold.

use std::fmt;

use super::super::exif::{self, LeftOut};
use super::super::jpeg::marker;
use super::super::{Format, Strip, Warning};
use super::{JpegPart, Metadata, PngChunk, photoshop, png, xmp};

/// Who has edited the photo.
const SOFTWARE: &str = concat!("Jawline ", env!("CARGO_PKG_VERSION"));
/// What is left of a JPEG segment beside the length and the prefix.
const EXIF_BYTES: usize = marker::SEGMENT_BYTES - marker::EXIF.len();
const XMP_BYTES: usize = marker::SEGMENT_BYTES - marker::XMP.len();
/// What naming this program may add to an EXIF block: a text, and the first directory once more.
const SIGNATURE_BYTES: usize = 2048;
/// In 255 segments.
const ICC_BYTES: usize = 255 * (marker::SEGMENT_BYTES - 14);

/// A part of the metadata that not every format can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// EXIF data.
    Exif,
    /// XMP packet.
    Xmp,
    /// IPTC records.
    Iptc,
    /// Photoshop's image resources beside the IPTC records.
    PhotoshopResources,
    /// ICC profile.
    ColourProfile,
    /// A PNG file's own words about its colours.
    PngColours,
    /// Comments of a JPEG file.
    Comments,
    /// Text chunks of a PNG file.
    Texts,
    /// Other chunks of a PNG file.
    PngChunks,
    /// Application segments of a JPEG file that Jawline does not read.
    JpegSegments,
    /// Pixels an inch.
    Density,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exif => "EXIF data (camera, date, place)",
            Self::Xmp => "XMP (rating, label, development settings)",
            Self::Iptc => "IPTC (caption, by-line, keywords)",
            Self::PhotoshopResources => "Photoshop's image resources (paths, guides)",
            Self::ColourProfile => "the colour profile, without which colours may shift,",
            Self::PngColours => {
                "the PNG file's gamma and primaries, without which colours may shift,"
            }
            Self::Comments => "comments",
            Self::Texts => "text chunks (title, author)",
            Self::PngChunks => "other PNG chunks (time of change, offsets)",
            Self::JpegSegments => "the camera's own JPEG segments",
            Self::Density => "the print resolution (dpi)",
        })
    }
}

impl Metadata {
    /// The metadata as they go into a file, and what was wanted and cannot go. The file then says that
    /// the photo was edited, if it was and if the user gives anything away at all.
    pub(in crate::photo) fn prepared(
        &self,
        format: Format,
        strip: Strip,
        is_edited: bool,
    ) -> (Self, Vec<Warning>) {
        let mut metadata = self.without(strip);
        let mut losses = Vec::new();
        let says_who = is_edited && matches!(strip, Strip::None | Strip::Gps);
        if metadata.density.is_none() {
            metadata.density = metadata.exif.as_deref().and_then(exif::density);
        }
        metadata.move_comments(format);
        metadata.drop_what_cannot_go(format, &mut losses);
        if format == Format::Jpeg && says_who {
            losses.extend(metadata.fit_exif(EXIF_BYTES - SIGNATURE_BYTES));
        }
        if says_who && format != Format::Bmp {
            metadata.sign(format);
        }
        if format == Format::Tiff && metadata.exif.as_deref().is_some_and(exif::has_maker_note) {
            losses.push(Warning::MakerNoteMoved);
        }
        if format == Format::Jpeg {
            losses.extend(metadata.fit_exif(EXIF_BYTES));
            metadata.fit_xmp(&mut losses);
        } else {
            metadata.merge_extension();
        }
        (metadata, losses)
    }

    /// Comments of JPEG files are texts of PNG files, and the other way round.
    fn move_comments(&mut self, format: Format) {
        const KEYWORD: &[u8] = b"Comment";
        match format {
            Format::Png => {
                for comment in self.comments.drain(..) {
                    let text = String::from_utf8(comment).unwrap_or_else(|error| {
                        error.as_bytes().iter().map(|b| char::from(*b)).collect()
                    });
                    let content = [KEYWORD, b"\0\0\0\0\0", text.as_bytes()].concat();
                    self.texts.push(PngChunk {
                        kind: *b"iTXt",
                        content,
                    });
                }
            }
            Format::Jpeg => {
                let comments = &mut self.comments;
                self.texts.retain(|chunk| {
                    let text = png::text(chunk).filter(|_| png::keyword(chunk) == KEYWORD);
                    let Some(text) = text.filter(|text| text.len() <= marker::SEGMENT_BYTES) else {
                        return true;
                    };
                    comments.push(text);
                    false
                });
            }
            Format::Tiff | Format::WebP | Format::Bmp => {}
        }
    }

    /// Lets go of what the format has no place for.
    fn drop_what_cannot_go(&mut self, format: Format, losses: &mut Vec<Warning>) {
        let has_place = |part| match part {
            Part::Exif | Part::Xmp | Part::ColourProfile => format != Format::Bmp,
            Part::Iptc | Part::PhotoshopResources => {
                matches!(format, Format::Jpeg | Format::Png | Format::Tiff)
            }
            Part::Comments | Part::JpegSegments => format == Format::Jpeg,
            Part::PngColours | Part::Texts | Part::PngChunks => format == Format::Png,
            Part::Density => format != Format::WebP,
        };
        let mut check = |part, is_there: bool| {
            let goes = is_there && !has_place(part);
            if goes {
                losses.push(Warning::Dropped { part, format });
            }
            goes || !has_place(part)
        };
        if check(Part::ColourProfile, self.icc_profile.is_some()) {
            self.icc_profile = None;
        }
        if check(Part::PngColours, self.tells_other_colours()) {
            self.cicp = None;
            self.png_gamma = None;
            self.png_chromaticities = None;
            self.png_srgb_intent = None;
        }
        if check(Part::Exif, self.exif.is_some()) {
            self.exif = None;
        }
        if check(Part::Xmp, self.xmp.is_some()) {
            self.xmp = None;
            self.xmp_extension = None;
        }
        if check(Part::Iptc, self.iptc.is_some()) {
            self.iptc = None;
        }
        let others = photoshop::with_iptc(self.photoshop.as_deref().unwrap_or_default(), None);
        if check(Part::PhotoshopResources, !others.is_empty()) {
            self.photoshop = None;
        }
        if check(Part::Comments, !self.comments.is_empty()) {
            self.comments.clear();
        }
        if check(Part::Texts, !self.texts.is_empty()) {
            self.texts.clear();
        }
        if check(Part::PngChunks, !self.png_chunks.is_empty()) {
            self.png_chunks.clear();
        }
        let is_other = |part: &JpegPart| matches!(part, JpegPart::Other { .. });
        if check(Part::JpegSegments, self.jpeg_parts.iter().any(is_other)) {
            self.jpeg_parts.clear();
        }
        let is_in_exif = (self.exif.as_deref()).is_some_and(|exif| exif::density(exif).is_some());
        let has_unit = self.density.is_some_and(|it| it.per_inch().is_some());
        if check(Part::Density, has_unit && !is_in_exif) {
            self.density = None;
        }
    }

    /// Whether a PNG file's own chunks, and not a profile, say that its colours are not those of sRGB.
    fn tells_other_colours(&self) -> bool {
        const SRGB_GAMMA: u32 = 45_455;
        const SRGB: [u32; 8] = [
            31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000,
        ];
        const SRGB_CODE_POINTS: [u8; 4] = [1, 13, 0, 1];
        if self.icc_profile.is_some() || self.png_srgb_intent.is_some() {
            return self.cicp.is_some_and(|it| it != SRGB_CODE_POINTS);
        }
        let differs = |numbers: [u32; 8]| numbers.iter().zip(SRGB).any(|(a, b)| a.abs_diff(b) > 20);
        self.cicp.is_some_and(|it| it != SRGB_CODE_POINTS)
            || (self.png_gamma).is_some_and(|gamma| gamma.abs_diff(SRGB_GAMMA) > 20)
            || self.png_chromaticities.is_some_and(differs)
    }

    /// Names this program as the last to have edited the photo.
    fn sign(&mut self, format: Format) {
        if self.exif.is_none() && format == Format::Tiff {
            self.exif = Some(exif::empty());
        }
        if let Some(exif) = &mut self.exif {
            exif::set_software(exif, SOFTWARE);
        }
        if self.xmp_extension.as_deref().is_some_and(xmp::has_history) {
            self.merge_extension();
        }
        if let Some(packet) = xmp::with_history(self.xmp.as_deref(), SOFTWARE) {
            self.xmp = Some(packet);
        }
    }

    /// Shortens EXIF data that do not fit a segment of a JPEG file.
    fn fit_exif(&mut self, limit: usize) -> Option<Warning> {
        let (exif, left_out) = exif::shortened(self.exif.as_deref()?, limit);
        self.exif = exif;
        left_out.map(|left_out| match left_out {
            LeftOut::Thumbnail => Warning::ThumbnailDropped,
            LeftOut::MakerNote => Warning::MakerNoteDropped,
            LeftOut::All => Warning::ExifTooLong,
        })
    }

    /// Splits an XMP packet that does not fit a segment of a JPEG file.
    fn fit_xmp(&mut self, losses: &mut Vec<Warning>) {
        if (self.icc_profile.as_ref()).is_some_and(|profile| profile.len() > ICC_BYTES) {
            self.icc_profile = None;
            losses.push(Warning::Dropped {
                part: Part::ColourProfile,
                format: Format::Jpeg,
            });
        }
        let Some(packet) = self.xmp.as_ref().filter(|packet| packet.len() > XMP_BYTES) else {
            return;
        };
        if self.xmp_extension.is_none()
            && let Some((main, extension)) = xmp::fitted(packet, XMP_BYTES)
        {
            self.xmp = Some(main);
            self.xmp_extension = extension;
            return;
        }
        self.merge_extension();
        let fitted = self
            .xmp
            .as_deref()
            .and_then(|it| xmp::fitted(it, XMP_BYTES));
        let (main, extension) = match fitted {
            Some((main, extension)) => (Some(main), extension),
            None => {
                losses.push(Warning::XmpTooLong);
                (None, None)
            }
        };
        self.xmp = main;
        self.xmp_extension = extension;
    }
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
