//! JPEG files as they are stored: their markers, their coefficients, and what lies behind the picture.
//!
//! A decoder that is kind to damaged files fills the missing part of a truncated one with grey. That is
//! right for a viewer, not for an editor, so files are looked through first. And a JPEG file that is
//! saved again as JPEG is not re-encoded: blocks in which no pixel has changed keep their
//! coefficients, so that they look the same to every decoder. Pixels for the screen are decoded
//! elsewhere; here is what no decoder tells (ITU-T T.81).

mod bits;
mod change;
#[cfg(test)]
mod fixture;
mod frame;
mod gain_map;
mod huffman;
mod interleave;
pub(super) mod marker;
mod read;
mod trailer;
mod transcode;
mod write;

use std::borrow::Cow;
use std::sync::Arc;

use image::metadata::Orientation;

use frame::FrameHeader;
pub(super) use gain_map::levelled;
use marker::Layout;
pub use trailer::Extra;
pub(super) use trailer::{append, extras};
pub(super) use transcode::KeptSegments;

/// Why a picture cannot be read as coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("the data end too early")]
    EndsEarly,
    #[error("{0}")]
    Nonsense(&'static str),
    #[error("{0} is not supported")]
    Unsupported(&'static str),
}

/// The file that a photo was loaded from, as it is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub bytes: Arc<[u8]>,
    /// How its pixels must be turned to be upright.
    pub orientation: Orientation,
    /// The most bytes that its coefficients may take.
    pub most_bytes: u64,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes, {:?}", self.bytes.len(), self.orientation)
    }
}

/// The file in a form that the decoder understands; nearly always as it is. One that cannot be brought
/// into such a form stays as it is too.
pub(super) fn decodable(bytes: &[u8], most_bytes: u64) -> Cow<'_, [u8]> {
    interleave::decodable(bytes, most_bytes).unwrap_or(Cow::Borrowed(bytes))
}

/// What may precede a picture: a header of a transfer or of a file system, not a file of another kind.
pub(super) const MOST_LEADING_BYTES: usize = 1024;

/// Where a JPEG picture begins that something else precedes.
pub(super) fn start_of_picture(head: &[u8]) -> Option<usize> {
    let start = [0xFF, marker::START_OF_IMAGE, 0xFF];
    head.windows(start.len()).position(|bytes| bytes == start)
}

/// Is the file a picture with its end marker, and hardly anything behind it?
pub(super) fn is_nothing_but_a_picture(bytes: &[u8]) -> bool {
    let layout = Layout::of(bytes).filter(|layout| layout.has_end_marker);
    layout.is_some_and(|layout| bytes.len() - layout.end <= layout.end / 16)
}

/// What the markers of a JPEG file say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Width and height as stored.
    pub size: (u32, u32),
    /// Colour components: 1 grey, 3 colour, 4 inks.
    pub components: u8,
    /// The picture is all there.
    pub complete: bool,
    /// It is followed by the end marker.
    pub has_end_marker: bool,
    /// Why Jawline does not read this kind of picture, in words.
    pub unsupported: Option<&'static str>,
}

/// Looks through a file. One that ends too early, or whose markers make no sense, is reported as not
/// complete. Without an end marker the data themselves are read, in at most `most_bytes`, to see whether
/// anything is missing.
pub(super) fn outline(bytes: &[u8], most_bytes: u64) -> Outline {
    let Some(layout) = Layout::of(bytes) else {
        return Outline::default();
    };
    let header = FrameHeader::of(bytes, &layout);
    let scanned = layout.scans().next().is_some();
    let is_whole = || {
        let picture = read::read(bytes, &layout, most_bytes);
        picture.is_ok_and(|picture| picture.is_complete)
    };
    let components = header.as_ref().map_or(0, |header| header.components.len());
    let size = header
        .as_ref()
        .map_or((0, 0), |header| (header.width as u32, header.height as u32));
    Outline {
        size,
        components: u8::try_from(components).unwrap_or(u8::MAX),
        complete: scanned && (layout.has_end_marker || is_whole()),
        has_end_marker: layout.has_end_marker,
        unsupported: header.and_then(|header| header.unsupported()),
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) mod outline_tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{GrayImage, ImageEncoder, RgbImage};

    use super::marker::{END_OF_IMAGE, START_OF_IMAGE, START_OF_SCAN};
    use super::*;

    fn encoded(icc: &[u8]) -> Vec<u8> {
        let picture = RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8 * 6, y as u8 * 8, 90]));
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new(&mut bytes);
        encoder.set_icc_profile(icc.to_vec()).unwrap();
        encoder.encode_image(&picture).unwrap();
        bytes
    }

    #[test]
    fn a_whole_file_is_complete_and_no_part_of_it_is() {
        // The end marker inside a segment is not the end.
        let bytes = encoded(&[0xFF, END_OF_IMAGE, 7]);
        let whole = outline(&bytes, u64::MAX);
        let expected = Outline {
            size: (40, 30),
            components: 3,
            complete: true,
            has_end_marker: true,
            unsupported: None,
        };
        assert_eq!(whole, expected);
        for length in 0..bytes.len() {
            let cut = outline(&bytes[..length], u64::MAX);
            // Without its end marker, whole or half, it has all its pixels.
            let complete = length >= bytes.len() - 2;
            assert_eq!(
                (cut.complete, cut.has_end_marker),
                (complete, false),
                "{length}"
            );
        }
    }

    #[test]
    fn components_are_counted() {
        let mut bytes = Vec::new();
        JpegEncoder::new(&mut bytes)
            .encode_image(&GrayImage::new(9, 9))
            .unwrap();
        assert_eq!(outline(&bytes, u64::MAX).components, 1);
        let inks = cmyk([0, 0, 0, 0]);
        assert_eq!(outline(&inks, u64::MAX).components, 4);
    }

    /// An 8×8 JPEG of one colour in four inks as Adobe's programs store them (255 = no ink).
    ///
    /// Every block is a DC difference (category 11 or less, one-table Huffman code) and the end of
    /// block; the quantisation step of 8 makes the DC coefficient the value itself.
    pub(in super::super) fn cmyk(inks: [u8; 4]) -> Vec<u8> {
        let mut bytes = vec![0xFF, START_OF_IMAGE];
        let mut segment = |marker: u8, content: &[u8]| {
            let length = (content.len() as u16 + 2).to_be_bytes();
            bytes.extend([&[0xFF, marker], length.as_slice(), content].concat());
        };
        segment(0xEE, b"Adobe\0\x64\0\0\0\0\0");
        segment(0xDB, &[[0].as_slice(), &[8; 64]].concat());
        let component = |id: u8| [id, 0x11, 0];
        let components = [1, 2, 3, 4].map(component).concat();
        segment(0xC0, &[[8, 0, 8, 0, 8, 4].as_slice(), &components].concat());
        // DC table: the twelve categories as 4-bit codes. AC table: end of block as the code "0".
        let dc: Vec<u8> = [vec![0x00, 0, 0, 0, 12], vec![0; 12], (0..12).collect()].concat();
        segment(0xC4, &dc);
        segment(0xC4, &[vec![0x10, 1], vec![0; 15], vec![0]].concat());
        segment(START_OF_SCAN, &[4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0]);
        let mut bits = String::new();
        for ink in inks {
            let value = i32::from(ink) - 128;
            let category = 32 - value.unsigned_abs().leading_zeros();
            bits += &format!("{category:04b}");
            let low = if value < 0 { value - 1 } else { value };
            for bit in (0..category).rev() {
                bits += if low >> bit & 1 == 1 { "1" } else { "0" };
            }
            bits += "0";
        }
        while !bits.len().is_multiple_of(8) {
            bits += "1";
        }
        for byte in bits.as_bytes().chunks(8) {
            let byte = byte.iter().fold(0, |sum, bit| sum << 1 | (bit - b'0'));
            bytes.push(byte);
            if byte == 0xFF {
                bytes.push(0);
            }
        }
        bytes.extend([0xFF, END_OF_IMAGE]);
        bytes
    }
}
