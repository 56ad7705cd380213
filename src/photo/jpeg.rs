//! What the decoder does not tell about a JPEG file: whether it is all there, and its kind.
//!
//! A decoder that is kind to damaged files fills the missing part of a truncated one with grey.
//! That is right for a viewer, not for an editor, so the markers are walked first
//! (ITU-T T.81, annex B).

use std::io::{self, BufRead, Read};

/// What the markers of a JPEG file say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Colour components: 1 grey, 3 colour, 4 inks.
    pub components: u8,
    /// The last scan is followed by the end marker.
    pub complete: bool,
}

const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;

/// Walks the markers from the start of a file. A file that ends too early, or whose markers make no
/// sense, is reported as not complete; only reading itself can fail.
pub(super) fn outline(reader: &mut impl BufRead) -> io::Result<Outline> {
    let mut outline = Outline::default();
    let mut scanned = false;
    let mut skipped = Vec::new();
    while let Some(marker) = next_marker(reader, &mut skipped)? {
        match marker {
            END_OF_IMAGE => {
                outline.complete = scanned;
                break;
            }
            // Stuffed zeros, restarts and other markers without a segment.
            0x00 | 0x01 | 0xD0..=START_OF_IMAGE => continue,
            _ => {}
        }
        let Some(segment) = segment(reader)? else {
            break;
        };
        match marker {
            START_OF_SCAN => scanned = true,
            // Frame headers; C4, C8 and CC are other things (B.1.1.3).
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                outline.components = segment.get(5).copied().unwrap_or_default();
            }
            _ => {}
        }
    }
    Ok(outline)
}

/// Skips to the byte after the next 0xFF (fill bytes passed over), or tells that the file has ended.
fn next_marker(reader: &mut impl BufRead, skipped: &mut Vec<u8>) -> io::Result<Option<u8>> {
    skipped.clear();
    reader.read_until(0xFF, skipped)?;
    let mut byte = [0xFF];
    while byte == [0xFF] {
        if reader.read(&mut byte)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(byte[0]))
}

/// The content of a segment, or `None` when it is cut off.
fn segment(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut header = Vec::with_capacity(2);
    reader.take(2).read_to_end(&mut header)?;
    let Ok(header) = <[u8; 2]>::try_from(header) else {
        return Ok(None);
    };
    let Some(length) = u16::from_be_bytes(header).checked_sub(2) else {
        return Ok(None);
    };
    let mut content = Vec::new();
    reader.take(length.into()).read_to_end(&mut content)?;
    Ok((content.len() == usize::from(length)).then_some(content))
}

#[cfg(test)]
pub(super) mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{GrayImage, ImageEncoder, RgbImage};

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
        let whole = outline(&mut bytes.as_slice()).unwrap();
        let expected = Outline {
            components: 3,
            complete: true,
        };
        assert_eq!(whole, expected);
        for length in 0..bytes.len() {
            assert!(
                !outline(&mut &bytes[..length]).unwrap().complete,
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
        assert_eq!(outline(&mut bytes.as_slice()).unwrap().components, 1);
        let inks = cmyk([0, 0, 0, 0]);
        assert_eq!(outline(&mut inks.as_slice()).unwrap().components, 4);
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
