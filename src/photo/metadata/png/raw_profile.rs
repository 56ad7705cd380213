//! "Raw profiles": blocks of bytes as hexadecimal text in PNG text chunks, after ImageMagick.
//!
//! The text is the kind of profile, its length in bytes and its digits, in lines. What it holds is detected
//! from its content, since writers disagree about names (EXIF data stand under `exif` and `APP1`, IPTC
//! records with and without Photoshop's frame).

use std::io;

use super::deflated;
use crate::photo::jpeg::marker::{EXIF, XMP};

const KEYWORD: &[u8] = b"Raw profile type ";

/// A profile, detected from its content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RawProfile {
    /// EXIF block, from its TIFF header on.
    Exif(Vec<u8>),
    Xmp(Vec<u8>),
    Icc(Vec<u8>),
    /// IPTC records without a frame.
    Iptc(Vec<u8>),
    /// Photoshop's image resources.
    Photoshop(Vec<u8>),
}

impl RawProfile {
    pub fn keyword(keyword: &[u8]) -> bool {
        keyword.starts_with(KEYWORD)
    }

    /// `None` for what is none, or of a kind that nobody knows.
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut words = text.split(u8::is_ascii_whitespace);
        let mut word = || words.by_ref().find(|word| !word.is_empty());
        word()?;
        let length: usize = std::str::from_utf8(word()?).ok()?.parse().ok()?;
        let digits: Vec<u8> = words
            .flatten()
            .map(|digit| char::from(*digit).to_digit(16).map(|digit| digit as u8))
            .collect::<Option<_>>()?;
        let (pairs, []) = digits.as_chunks::<2>() else {
            return None;
        };
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        (bytes.len() == length).then(|| Self::of(&bytes)).flatten()
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        if let Some(packet) = bytes.strip_prefix(XMP) {
            return Some(Self::Xmp(packet.to_vec()));
        }
        let exif = bytes.strip_prefix(EXIF).unwrap_or(bytes);
        if exif.starts_with(b"II*\0") || exif.starts_with(b"MM\0*") {
            return Some(Self::Exif(exif.to_vec()));
        }
        let is_icc = bytes.get(36..40) == Some(b"acsp");
        let is_xmp = bytes.trim_ascii_start().starts_with(b"<");
        match bytes {
            _ if is_icc => Some(Self::Icc(bytes.to_vec())),
            _ if is_xmp => Some(Self::Xmp(bytes.to_vec())),
            [b'8', b'B', b'I', b'M', ..] => Some(Self::Photoshop(bytes.to_vec())),
            [0x1C, ..] => Some(Self::Iptc(bytes.to_vec())),
            _ => None,
        }
    }
}

/// The content of a `zTXt` chunk with a profile.
pub(super) fn written(kind: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
    const BYTES_A_LINE: usize = 36;
    let mut text = format!("\n{kind}\n{:8}\n", bytes.len());
    for line in bytes.chunks(BYTES_A_LINE) {
        text.extend(line.iter().map(|byte| format!("{byte:02x}")));
        text.push('\n');
    }
    Ok([
        KEYWORD,
        kind.as_bytes(),
        &[0, 0],
        &deflated(text.as_bytes())?,
    ]
    .concat())
}
