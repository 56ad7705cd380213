//! The metadata of a JPEG file: application segments and comments before the first scan.
//!
//! ITU-T T.81, annex B; JFIF; CIPA DC-008, 4.5.4; Adobe's "XMP Specification", part 3; ICC.1, annex B.4.

use super::{Density, DensityUnit, JpegPart, Metadata, photoshop, xmp};
use crate::photo::jpeg::marker::{
    ADOBE, APP0, APP1, APP2, APP13, APP14, APP15, COMMENT, END_OF_IMAGE, EXIF, ICC, JFIF,
    JFIF_EXTENSION, MULTI_PICTURE, PHOTOSHOP, RST0, SEGMENT_BYTES, START_OF_IMAGE, START_OF_SCAN,
    XMP, XMP_EXTENSION,
};

/// GUID, length of the whole, position of the part.
const EXTENSION_HEADER_BYTES: usize = 32 + 4 + 4;
/// More than any file has; what a hostile one has beyond it is left out.
const MOST_BYTES: usize = 64 << 20;

/// What the segments of a file say.
#[derive(Debug, Default)]
pub(in crate::photo) struct Content {
    pub metadata: Metadata,
    /// A second block says the same, or what was meant to be gone: it is not carried.
    pub has_second_exif: bool,
    /// As [`has_second_exif`](Self::has_second_exif).
    pub has_second_xmp: bool,
}

/// Reads the metadata of a JPEG file. Bytes before the picture are passed over, and a file that ends too early
/// has those read so far.
pub(in crate::photo) fn read(jpeg: &[u8]) -> Content {
    let mut content = Content::default();
    let Content {
        metadata,
        has_second_exif,
        has_second_xmp,
    } = &mut content;
    let mut collected = Collected::default();
    let mut budget = MOST_BYTES;
    let mut rest = jpeg;
    while let Some((marker, segment, after)) = split_segment(rest) {
        rest = after;
        budget = match budget.checked_sub(segment.len()) {
            Some(left) if marker != START_OF_SCAN => left,
            _ => break,
        };
        let part = match marker {
            COMMENT => {
                metadata.comments.push(segment.to_vec());
                JpegPart::Comments
            }
            APP0 if segment.starts_with(JFIF) => {
                metadata.density = density(segment);
                continue;
            }
            // A thumbnail of the old picture; what belongs to the encoder; what others have to place.
            APP0 if segment.starts_with(JFIF_EXTENSION) => continue,
            APP14 if segment.starts_with(ADOBE) => continue,
            APP2 if segment.starts_with(MULTI_PICTURE) => continue,
            APP1 if segment.starts_with(EXIF) && metadata.exif.is_some() => {
                *has_second_exif = true;
                continue;
            }
            APP1 if segment.starts_with(XMP) && metadata.xmp.is_some() => {
                *has_second_xmp = true;
                continue;
            }
            APP0..=APP15 => collected.take(metadata, marker, segment),
            _ => continue,
        };
        if !metadata.jpeg_parts.contains(&part) || matches!(part, JpegPart::Other { .. }) {
            metadata.jpeg_parts.push(part);
        }
    }
    collected.finish(metadata);
    content
}

/// What comes in several segments.
#[derive(Default)]
struct Collected {
    icc: Vec<(u8, Vec<u8>)>,
    extension: Vec<Vec<u8>>,
    photoshop: Vec<u8>,
}

impl Collected {
    fn take(&mut self, metadata: &mut Metadata, marker: u8, content: &[u8]) -> JpegPart {
        let after = |prefix: &[u8]| content.strip_prefix(prefix).map(<[u8]>::to_vec);
        if marker == APP1
            && let Some(exif) = after(EXIF)
        {
            metadata.exif = Some(exif);
            return JpegPart::Exif;
        }
        if marker == APP1
            && let Some(packet) = after(XMP)
        {
            metadata.xmp = Some(packet);
            return JpegPart::Xmp;
        }
        if marker == APP1
            && let Some(part) = after(XMP_EXTENSION)
        {
            self.extension.push(part);
            return JpegPart::Xmp;
        }
        if marker == APP2
            && let Some(part) = after(ICC)
            && let [number, _, data @ ..] = &part[..]
        {
            self.icc.push((*number, data.to_vec()));
            return JpegPart::Icc;
        }
        if marker == APP13
            && let Some(part) = after(PHOTOSHOP)
        {
            self.photoshop.extend(part);
            return JpegPart::Photoshop;
        }
        let content = content.to_vec();
        JpegPart::Other { marker, content }
    }

    fn finish(mut self, metadata: &mut Metadata) {
        self.icc.sort_by_key(|(number, _)| *number);
        let profile: Vec<u8> = self.icc.into_iter().flat_map(|(_, part)| part).collect();
        metadata.icc_profile = (!profile.is_empty()).then_some(profile);
        if !self.photoshop.is_empty() {
            metadata.iptc = photoshop::iptc(&self.photoshop);
            metadata.photoshop = Some(self.photoshop);
        }
        if let Some(guid) = metadata.xmp.as_deref().and_then(xmp::extension_guid) {
            metadata.xmp_extension = joined(&self.extension, guid.as_bytes());
        }
    }
}

/// The document that Extended XMP of a GUID makes, if all of it is there.
fn joined(parts: &[Vec<u8>], guid: &[u8]) -> Option<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut length = None;
    for part in parts {
        let (header, data) = part.split_at_checked(EXTENSION_HEADER_BYTES)?;
        let (of, numbers) = header.split_at_checked(32)?;
        let [whole, at] = [0..4, 4..8].map(|range| {
            let bytes = numbers.get(range).and_then(|bytes| bytes.try_into().ok());
            u32::from_be_bytes(bytes.unwrap_or_default()) as usize
        });
        if of == guid {
            length = Some(whole);
            pieces.push((at, data));
        }
    }
    pieces.sort_by_key(|(at, _)| *at);
    let mut document = Vec::new();
    for (at, data) in pieces {
        if at != document.len() {
            return None;
        }
        document.extend(data);
    }
    (length == Some(document.len())).then_some(document)
}

/// The density in a JFIF segment.
fn density(jfif: &[u8]) -> Option<Density> {
    let [unit, x1, x0, y1, y0] = *jfif.get(7..12)?.first_chunk()?;
    let unit = match unit {
        0 => DensityUnit::None,
        1 => DensityUnit::Inch,
        2 => DensityUnit::Centimetre,
        _ => return None,
    };
    let [x, y] = [[x1, x0], [y1, y0]].map(|bytes| u32::from(u16::from_be_bytes(bytes)));
    Density::new((x, 1), (y, 1), unit)
}

/// A finished JPEG file with these metadata in place of those that it has. What belongs to its pixels
/// (tables, frame, scans, Adobe's colour segment) and what follows the picture is left alone. The
/// segment that tells where further pictures lie (MPF) is taken out: it would be wrong.
///
/// A file that is not JPEG comes back as it is.
pub(in crate::photo) fn spliced(jpeg: &[u8], metadata: &Metadata) -> Vec<u8> {
    splice(jpeg, metadata, false)
}

/// As [`spliced`], but the segment that tells where further pictures lie stays, for who appends those and
/// brings it up to date.
pub(in crate::photo) fn spliced_with_positions(jpeg: &[u8], metadata: &Metadata) -> Vec<u8> {
    splice(jpeg, metadata, true)
}

fn splice(jpeg: &[u8], metadata: &Metadata, keeps_positions: bool) -> Vec<u8> {
    let Some((mut rest, [0xFF, START_OF_IMAGE])) =
        jpeg.split_first_chunk().map(|(start, rest)| (rest, *start))
    else {
        return jpeg.to_vec();
    };
    let mut jfif = None;
    let (mut kept, mut multi_picture) = (Vec::new(), Vec::new());
    while let Some((marker, content, after)) = split_segment(rest) {
        match marker {
            APP0 if content.starts_with(JFIF) => jfif = Some(content),
            APP14 if content.starts_with(ADOBE) => kept.push((marker, content)),
            APP2 if keeps_positions && content.starts_with(MULTI_PICTURE) => {
                multi_picture.push(content);
            }
            APP0..=APP15 | COMMENT => {}
            _ => break,
        }
        rest = after;
    }
    let mut spliced = vec![0xFF, START_OF_IMAGE];
    if let Some(jfif) = jfif {
        push(&mut spliced, APP0, &[&with_density(jfif, metadata.density)]);
    }
    for (marker, content) in kept {
        push(&mut spliced, marker, &[content]);
    }
    write_parts(&mut spliced, metadata);
    for content in multi_picture {
        push(&mut spliced, APP2, &[content]);
    }
    // Between the tables there may be more of what was to be replaced.
    while let Some((marker, content, after)) = split_segment(rest) {
        match marker {
            START_OF_SCAN => break,
            APP14 if content.starts_with(ADOBE) => push(&mut spliced, marker, &[content]),
            APP0..=APP15 | COMMENT => {}
            _ => push(&mut spliced, marker, &[content]),
        }
        rest = after;
    }
    spliced.extend(rest);
    spliced
}

/// The first segment of some bytes, its marker, and what follows. Stray bytes and markers that stand alone are
/// passed over.
fn split_segment(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let mut rest = bytes;
    loop {
        let fill = rest.iter().position(|byte| *byte == 0xFF)?;
        let marker = rest.iter().skip(fill).position(|byte| *byte != 0xFF)?;
        let (marker, after) = rest.get(fill + marker..)?.split_first()?;
        rest = after;
        match marker {
            0x00 | 0x01 | RST0..=START_OF_IMAGE => {}
            &END_OF_IMAGE => return None,
            _ => {
                let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
                let (segment, rest) = rest.split_at_checked(length)?;
                return Some((*marker, segment.get(2..)?, rest));
            }
        }
    }
}

/// A JFIF segment that tells this density and holds no thumbnail.
fn with_density(jfif: &[u8], density: Option<Density>) -> Vec<u8> {
    let version = jfif.get(5..7).unwrap_or(&[1, 1]);
    let (unit, x, y) = density.and_then(Density::for_jfif).unwrap_or((0, 1, 1));
    let [x, y] = [x, y].map(u16::to_be_bytes);
    [JFIF, version, &[unit], &x, &y, &[0, 0]].concat()
}

/// Writes the segments in the order of the file that they come from, and after them what it had not.
fn write_parts(jpeg: &mut Vec<u8>, metadata: &Metadata) {
    let usual = [
        JpegPart::Exif,
        JpegPart::Xmp,
        JpegPart::Photoshop,
        JpegPart::Icc,
        JpegPart::Comments,
    ];
    let is_missing = |part: &&JpegPart| !metadata.jpeg_parts.contains(part);
    // EXIF comes first by its standard.
    let (first, last): (Vec<_>, Vec<_>) = (usual.iter().filter(is_missing))
        .partition(|part| matches!(part, JpegPart::Exif | JpegPart::Xmp));
    for part in first.into_iter().chain(&metadata.jpeg_parts).chain(last) {
        match part {
            JpegPart::Exif => {
                if let Some(exif) = &metadata.exif {
                    push(jpeg, APP1, &[EXIF, exif]);
                }
            }
            JpegPart::Xmp => write_xmp(jpeg, metadata),
            JpegPart::Photoshop => {
                let block = photoshop::with_iptc(
                    metadata.photoshop.as_deref().unwrap_or_default(),
                    metadata.iptc.as_deref(),
                );
                for part in block.chunks(SEGMENT_BYTES - PHOTOSHOP.len()) {
                    push(jpeg, APP13, &[PHOTOSHOP, part]);
                }
            }
            JpegPart::Icc => write_icc(jpeg, metadata),
            JpegPart::Comments => {
                for comment in &metadata.comments {
                    push(jpeg, COMMENT, &[comment]);
                }
            }
            JpegPart::Other { marker, content } => push(jpeg, *marker, &[content]),
        }
    }
}

fn write_xmp(jpeg: &mut Vec<u8>, metadata: &Metadata) {
    let Some(packet) = &metadata.xmp else { return };
    push(jpeg, APP1, &[XMP, packet]);
    let (Some(extension), Some(guid)) = (&metadata.xmp_extension, xmp::extension_guid(packet))
    else {
        return;
    };
    let Ok(length) = u32::try_from(extension.len()) else {
        return;
    };
    let room = SEGMENT_BYTES - XMP_EXTENSION.len() - EXTENSION_HEADER_BYTES;
    for (at, part) in (0u32..).step_by(room).zip(extension.chunks(room)) {
        let numbers = [length.to_be_bytes(), at.to_be_bytes()].concat();
        push(
            jpeg,
            APP1,
            &[XMP_EXTENSION, guid.as_bytes(), &numbers, part],
        );
    }
}

fn write_icc(jpeg: &mut Vec<u8>, metadata: &Metadata) {
    let profile = metadata.icc_profile.as_deref().unwrap_or_default();
    let parts = profile.chunks(SEGMENT_BYTES - ICC.len() - 2);
    let Ok(count) = u8::try_from(parts.len()) else {
        return;
    };
    for (number, part) in (1u8..=u8::MAX).zip(parts) {
        push(jpeg, APP2, &[ICC, &[number, count], part]);
    }
}

/// Appends a segment. One that is too long is left out; whoever prepared the metadata has said so.
fn push(jpeg: &mut Vec<u8>, marker: u8, content: &[&[u8]]) {
    let length: usize = content.iter().map(|part| part.len()).sum();
    if let Ok(length) = u16::try_from(length + 2) {
        jpeg.extend([0xFF, marker]);
        jpeg.extend(length.to_be_bytes());
        content.iter().for_each(|part| jpeg.extend(*part));
    }
}

#[cfg(test)]
#[path = "jpeg_tests.rs"]
mod tests;
