//! Markers (ITU-T T.81, table B.1), what application segments begin with, and where the parts of a file lie.

use std::ops::Range;

use crate::photo::exif;

pub const RST0: u8 = 0xD0;
pub const RST7: u8 = 0xD7;
pub const START_OF_IMAGE: u8 = 0xD8;
pub const END_OF_IMAGE: u8 = 0xD9;
pub const START_OF_SCAN: u8 = 0xDA;
pub const QUANTISATION_TABLES: u8 = 0xDB;
pub const NUMBER_OF_LINES: u8 = 0xDC;
pub const RESTART_INTERVAL: u8 = 0xDD;
pub const HUFFMAN_TABLES: u8 = 0xC4;
pub const APP0: u8 = 0xE0;
pub const APP1: u8 = 0xE1;
pub const APP2: u8 = 0xE2;
pub const APP13: u8 = 0xED;
pub const APP14: u8 = 0xEE;
pub const APP15: u8 = 0xEF;
pub const COMMENT: u8 = 0xFE;

/// What fits a segment beside its length.
pub const SEGMENT_BYTES: usize = 0xFFFF - 2;

pub const JFIF: &[u8] = b"JFIF\0";
pub const JFIF_EXTENSION: &[u8] = b"JFXX\0";
pub const EXIF: &[u8] = exif::PREFIX;
pub const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
pub const XMP_EXTENSION: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
pub const ICC: &[u8] = b"ICC_PROFILE\0";
/// Other pictures in the same file, by their positions in it.
pub const MULTI_PICTURE: &[u8] = b"MPF\0";
pub const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
pub const ADOBE: &[u8] = b"Adobe";

/// Is it the marker of a frame header? C4, C8 and CC are other things (B.1.1.3).
pub fn starts_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, HUFFMAN_TABLES | 0xC8 | 0xCC)
}

/// A marker with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub marker: u8,
    /// What follows the length.
    pub content: Range<usize>,
    /// What follows the header of a scan; else empty.
    pub data: Range<usize>,
}

/// Where the parts of the first picture in a file lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub segments: Vec<Segment>,
    /// Where the picture ends: behind its end marker, where it has one.
    pub end: usize,
    pub has_end_marker: bool,
}

impl Layout {
    /// Finds the parts of a file that begins with a picture; `None` when it does not. A file that is cut
    /// off, or whose markers make no sense from somewhere on, has the parts until there.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(&[0xFF, START_OF_IMAGE]) {
            return None;
        }
        let mut layout = Self {
            segments: Vec::new(),
            end: bytes.len(),
            has_end_marker: false,
        };
        let mut at = 2;
        while let Some((marker, behind)) = next_marker(bytes, at) {
            if marker == END_OF_IMAGE {
                layout.end = behind;
                layout.has_end_marker = true;
                break;
            }
            if marker == START_OF_IMAGE {
                // Another picture: the end marker of this one is missing.
                layout.end = behind - 2;
                break;
            }
            // Restarts and the like out of place.
            if matches!(marker, 0x01 | RST0..=RST7) {
                at = behind;
                continue;
            }
            let Some(content) = segment(bytes, behind) else {
                break;
            };
            let end = match marker {
                START_OF_SCAN => end_of_data(bytes, content.end),
                _ => content.end,
            };
            layout.segments.push(Segment {
                marker,
                data: content.end..end,
                content,
            });
            at = end;
        }
        Some(layout)
    }

    pub fn scans(&self) -> impl Iterator<Item = &Segment> {
        let segments = self.segments.iter();
        segments.filter(|segment| segment.marker == START_OF_SCAN)
    }
}

/// The first marker from `at` on, whatever lies before it, and the place behind it.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)? + 1;
        match bytes.get(at)? {
            0 | 0xFF => {}
            &marker => return Some((marker, at + 1)),
        }
    }
}

/// Content of a segment whose length is given at `at`.
fn segment(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let length = bytes.get(at..)?.first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length)).checked_sub(2)?;
    let content = at + 2..at + 2 + length;
    bytes.get(content.clone()).map(|_| content)
}

/// Where entropy-coded data that begin at `at` end: before the next marker that is no restart.
fn end_of_data(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(position) = rest.iter().position(|&byte| byte == 0xFF) else {
            return bytes.len();
        };
        at += position;
        match bytes.get(at + 1) {
            None => return bytes.len(),
            Some(0xFF) => at += 1,
            Some(0 | RST0..=RST7) => at += 2,
            Some(_) => return at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        let bytes = [
            &[0xFF, START_OF_IMAGE],
            &[0xFF, 0xFF, APP1, 0, 4, 0xFF, END_OF_IMAGE][..],
            &[0xFF, START_OF_SCAN, 0, 3, 9, 1, 0xFF, 0, 0xFF, RST0, 2],
            &[0xFF, END_OF_IMAGE, 7, 7],
        ]
        .concat();
        let layout = Layout::of(&bytes).unwrap();
        assert_eq!(layout.segments.len(), 2);
        assert_eq!(
            &bytes[layout.segments[0].content.clone()],
            [0xFF, END_OF_IMAGE]
        );
        assert_eq!(
            &bytes[layout.segments[1].data.clone()],
            [1, 0xFF, 0, 0xFF, RST0, 2]
        );
        assert!(layout.has_end_marker);
        assert_eq!(&bytes[layout.end..], [7, 7]);
        assert_eq!(Layout::of(&bytes[1..]), None);
        for length in 2..bytes.len() - 2 {
            let cut = Layout::of(&bytes[..length]).unwrap();
            assert!(!cut.has_end_marker, "{length}");
            assert_eq!(cut.end, length);
        }
    }

    #[test]
    fn the_next_picture_is_not_part_of_one_without_an_end() {
        let scan = [0xFF, START_OF_SCAN, 0, 3, 9, 1, 2];
        let bytes = [&[0xFF, START_OF_IMAGE], &scan[..], &[0xFF, START_OF_IMAGE]].concat();
        let layout = Layout::of(&bytes).unwrap();
        assert_eq!((layout.end, layout.has_end_marker), (9, false));
    }
}
