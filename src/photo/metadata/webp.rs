//! The metadata of a WebP file: chunks of its RIFF container ("WebP Container Specification").

use std::io::{self, Read, Seek, SeekFrom};

use super::{Metadata, exif};

/// What one chunk may have; a longer one is left out.
const MOST_BYTES: u32 = 64 << 20;
const MOST_CHUNKS: usize = 10_000;

const HAS_ICC: u8 = 0x20;
const HAS_ALPHA: u8 = 0x10;
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

/// Reads the metadata of a WebP file from its start. A file that ends too early has those read so far.
pub(in crate::photo) fn read(reader: &mut (impl Read + Seek)) -> io::Result<Metadata> {
    let mut metadata = Metadata::default();
    reader.seek(SeekFrom::Start(12))?;
    for _ in 0..MOST_CHUNKS {
        let mut header = Vec::with_capacity(8);
        reader.take(8).read_to_end(&mut header)?;
        let (Some(kind), Some(length)) = (header.first_chunk::<4>(), header.last_chunk::<4>())
        else {
            break;
        };
        let length = u32::from_le_bytes(*length);
        let padded = i64::from(length) + i64::from(length % 2);
        let place = match kind {
            _ if header.len() < 8 || length > MOST_BYTES => None,
            b"ICCP" => Some(&mut metadata.icc_profile),
            b"EXIF" => Some(&mut metadata.exif),
            b"XMP " => Some(&mut metadata.xmp),
            _ => None,
        };
        let Some(place) = place else {
            reader.seek_relative(padded)?;
            continue;
        };
        let mut data = Vec::new();
        reader.take(length.into()).read_to_end(&mut data)?;
        reader.seek_relative(padded - i64::from(length))?;
        *place = Some(data);
    }
    metadata.exif = metadata.exif.map(exif::without_prefix);
    Ok(metadata)
}

/// A finished WebP file of so many pixels with these metadata in place of those that it has. A file that
/// is not WebP comes back as it is.
pub(in crate::photo) fn spliced(
    webp: &[u8],
    metadata: &Metadata,
    (width, height): (u32, u32),
    has_alpha: bool,
) -> Vec<u8> {
    let Some((b"WEBP", mut rest)) = webp
        .strip_prefix(b"RIFF")
        .and_then(|rest| rest.get(4..))
        .and_then(|rest| rest.split_first_chunk())
    else {
        return webp.to_vec();
    };
    let mut pixels = Vec::new();
    while let Some((kind, data, after)) = split_chunk(rest) {
        match kind {
            b"VP8X" | b"ICCP" | b"EXIF" | b"XMP " => {}
            _ => push(&mut pixels, kind, data),
        }
        rest = after;
    }
    let mut flags = if has_alpha { HAS_ALPHA } else { 0 };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (part, flag, kind, to) in [
        (&metadata.icc_profile, HAS_ICC, b"ICCP", &mut before),
        (&metadata.exif, HAS_EXIF, b"EXIF", &mut after),
    ] {
        if let Some(data) = part {
            flags |= flag;
            push(to, kind, data);
        }
    }
    if let Some(packet) = &metadata.xmp {
        flags |= HAS_XMP;
        push(&mut after, b"XMP ", packet);
    }
    let mut content = b"WEBP".to_vec();
    // Only a simple file does without the extended header: one with nothing but opaque pixels, or whose
    // alpha is part of its lossless stream.
    let is_simple = flags & !HAS_ALPHA == 0 && !pixels.starts_with(b"ALPH");
    if !is_simple {
        let mut header = vec![flags, 0, 0, 0];
        for side in [width, height] {
            let less_one = side.saturating_sub(1).to_le_bytes();
            header.extend(&less_one[..3]);
        }
        push(&mut content, b"VP8X", &header);
    }
    content.extend(before.into_iter().chain(pixels).chain(after));
    let mut file = Vec::with_capacity(content.len() + 8);
    push(&mut file, b"RIFF", &content);
    file
}

fn split_chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (kind, rest) = bytes.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    let data = rest.get(..length)?;
    let after = rest.get(length.next_multiple_of(2)..).unwrap_or_default();
    Some((kind, data, after))
}

/// Appends a chunk. One that is too long for its length field is left out.
fn push(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    if let Ok(length) = u32::try_from(data.len()) {
        file.extend(kind);
        file.extend(length.to_le_bytes());
        file.extend(data);
        file.extend(std::iter::repeat_n(0, data.len() % 2));
    }
}

#[cfg(test)]
#[path = "webp_tests.rs"]
mod tests;
