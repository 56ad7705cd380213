//! The metadata of a PNG file: its ancillary chunks (ISO/IEC 15948, 11.3; PNG, third edition), and the
//! "raw profiles" in text chunks in which ImageMagick, GIMP, darktable and exiv2 keep what PNG had no
//! chunk for.

mod raw_profile;

use std::io::{self, Read, Seek, SeekFrom, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::{Density, DensityUnit, Metadata, PngChunk, photoshop};
use raw_profile::RawProfile;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";
const XMP_KEYWORD: &[u8] = b"XML:com.adobe.xmp";
/// More than any file has in its ancillary chunks; what a hostile one has beyond it is left out.
const MOST_BYTES: usize = 64 << 20;
/// The most that a compressed chunk may grow to.
const MOST_INFLATED_BYTES: u64 = 32 << 20;
const MOST_CHUNKS: usize = 100_000;
/// About the stored pixels, although the standard calls it safe to copy.
const SUGGESTED_PALETTE: &[u8; 4] = b"sPLT";
/// Chunks whose content is told by the pixels, or by the warning of an animation.
const TOLD_OTHERWISE: [&[u8; 4]; 3] = [b"fcTL", b"fdAT", b"tRNS"];
/// Chunks that may be carried although the standard calls them unsafe to copy: the mastering display and
/// the light level tell about colours, as `cICP` does; the time stays like all other dates.
const CARRIED: [&[u8; 4]; 5] = [b"tIME", b"mDCV", b"cLLI", b"mDCv", b"cLLi"];

/// What the chunks of a file say.
#[derive(Debug, Default)]
pub(in crate::photo) struct Content {
    pub metadata: Metadata,
    /// There is an animation beside the still picture.
    pub is_animated: bool,
    /// There are chunks about the pixels as they are stored here, which no other file can have.
    pub has_pixel_chunks: bool,
}

/// Reads the metadata of a PNG file from its start. A file that ends too early has those read so far;
/// chunks whose checksum is wrong are passed over.
pub(in crate::photo) fn read(reader: &mut (impl Read + Seek)) -> io::Result<Content> {
    let mut content = Content::default();
    let mut budget = MOST_BYTES;
    reader.seek(SeekFrom::Start(SIGNATURE.len() as u64))?;
    for _ in 0..MOST_CHUNKS {
        let mut header = Vec::with_capacity(8);
        reader.take(8).read_to_end(&mut header)?;
        let Some((length, kind)) = header.split_first_chunk::<4>() else {
            break;
        };
        let Ok(kind) = <[u8; 4]>::try_from(kind) else {
            break;
        };
        let length = u32::from_be_bytes(*length);
        let is_wanted = kind[0].is_ascii_lowercase() && kind != *b"fdAT";
        if !is_wanted || length as usize > budget {
            reader.seek_relative(i64::from(length) + 4)?;
            continue;
        }
        let mut data = Vec::new();
        reader.take(length.into()).read_to_end(&mut data)?;
        let mut checksum = Vec::with_capacity(4);
        reader.take(4).read_to_end(&mut checksum)?;
        budget -= data.len();
        if checksum == crc(&kind, &data).to_be_bytes() {
            content.take(PngChunk {
                kind,
                content: data,
            });
        }
    }
    Ok(content)
}

fn crc(kind: &[u8; 4], content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(kind);
    hasher.update(content);
    hasher.finalize()
}

impl Content {
    fn take(&mut self, chunk: PngChunk) {
        let metadata = &mut self.metadata;
        let data = &chunk.content[..];
        match &chunk.kind {
            b"acTL" => self.is_animated = true,
            b"iCCP" => metadata.icc_profile = profile(data).or(metadata.icc_profile.take()),
            b"eXIf" => metadata.exif = Some(super::exif::without_prefix(chunk.content)),
            b"gAMA" => metadata.png_gamma = data.try_into().ok().map(u32::from_be_bytes),
            b"cHRM" => metadata.png_chromaticities = chromaticities(data),
            b"sRGB" => metadata.png_srgb_intent = data.first().copied(),
            b"cICP" => metadata.cicp = data.try_into().ok(),
            b"pHYs" => metadata.density = density(data),
            b"tEXt" | b"zTXt" | b"iTXt" => self.take_text(chunk),
            kind if TOLD_OTHERWISE.contains(&kind) => {}
            kind if kind != SUGGESTED_PALETTE
                && (kind[3].is_ascii_lowercase() || CARRIED.contains(&kind)) =>
            {
                metadata.png_chunks.push(chunk);
            }
            _ => self.has_pixel_chunks = true,
        }
    }

    /// A text, or one of the things that hide in texts.
    fn take_text(&mut self, chunk: PngChunk) {
        let metadata = &mut self.metadata;
        let keyword = keyword(&chunk);
        if keyword == XMP_KEYWORD {
            // Of several packets the first counts; one that cannot be read is no text either.
            metadata.xmp = metadata.xmp.take().or_else(|| text(&chunk));
            return;
        }
        let profile = RawProfile::keyword(keyword).then(|| text(&chunk)).flatten();
        match profile.as_deref().and_then(RawProfile::read) {
            Some(RawProfile::Exif(exif)) if metadata.exif.is_none() => metadata.exif = Some(exif),
            Some(RawProfile::Xmp(packet)) if metadata.xmp.is_none() => metadata.xmp = Some(packet),
            Some(RawProfile::Icc(icc)) if metadata.icc_profile.is_none() => {
                metadata.icc_profile = Some(icc);
            }
            Some(RawProfile::Iptc(records)) => metadata.iptc = Some(records),
            Some(RawProfile::Photoshop(block)) => {
                metadata.iptc = photoshop::iptc(&block).or(metadata.iptc.take());
                metadata.photoshop = Some(block);
            }
            // The same again, which must not go on to tell what was stripped.
            Some(_) => {}
            None => metadata.texts.push(chunk),
        }
    }
}

/// The keyword of a text chunk.
pub(in crate::photo) fn keyword(chunk: &PngChunk) -> &[u8] {
    let end = chunk.content.iter().position(|byte| *byte == 0);
    chunk
        .content
        .get(..end.unwrap_or_default())
        .unwrap_or_default()
}

/// The text of a chunk, inflated; `None` where it makes no sense or grows too long.
pub(in crate::photo) fn text(chunk: &PngChunk) -> Option<Vec<u8>> {
    let rest = chunk.content.get(keyword(chunk).len() + 1..)?;
    match &chunk.kind {
        b"tEXt" => Some(rest.to_vec()),
        b"zTXt" => inflated(rest.strip_prefix(&[0])?),
        _ => {
            let [is_compressed, _, rest @ ..] = rest else {
                return None;
            };
            // Language and translated keyword.
            let mut parts = rest.splitn(3, |byte| *byte == 0);
            let text = parts.nth(2)?;
            match is_compressed {
                0 => Some(text.to_vec()),
                _ => inflated(text),
            }
        }
    }
}

fn inflated(data: &[u8]) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    let mut reader = ZlibDecoder::new(data).take(MOST_INFLATED_BYTES + 1);
    reader.read_to_end(&mut inflated).ok()?;
    (inflated.len() as u64 <= MOST_INFLATED_BYTES).then_some(inflated)
}

/// The profile in an `iCCP` chunk: name, method, data.
fn profile(data: &[u8]) -> Option<Vec<u8>> {
    let name = data.iter().position(|byte| *byte == 0)?;
    inflated(data.get(name + 1..)?.strip_prefix(&[0])?)
}

fn chromaticities(data: &[u8]) -> Option<[u32; 8]> {
    let (numbers, []) = data.as_chunks::<4>() else {
        return None;
    };
    let numbers: [[u8; 4]; 8] = numbers.try_into().ok()?;
    Some(numbers.map(u32::from_be_bytes))
}

fn density(data: &[u8]) -> Option<Density> {
    let [x3, x2, x1, x0, y3, y2, y1, y0, unit] = *data else {
        return None;
    };
    let [x, y] = [[x3, x2, x1, x0], [y3, y2, y1, y0]].map(u32::from_be_bytes);
    let unit = match unit {
        1 => DensityUnit::Metre,
        _ => DensityUnit::None,
    };
    Density::new((x, 1), (y, 1), unit)
}

/// The chunks that tell these metadata, in an order that may stand right after the header of a file.
///
/// # Errors
/// None in practice: compressing into memory.
pub(in crate::photo) fn chunks(metadata: &Metadata) -> io::Result<Vec<PngChunk>> {
    let mut chunks = Vec::new();
    let mut push = |kind: &[u8; 4], content: Vec<u8>| {
        chunks.push(PngChunk {
            kind: *kind,
            content,
        });
    };
    if let Some(code_points) = metadata.cicp {
        push(b"cICP", code_points.to_vec());
    }
    if let Some(icc) = &metadata.icc_profile {
        push(b"iCCP", [b"ICC profile\0\0", &deflated(icc)?[..]].concat());
    }
    // The standard wants one of the two.
    if let Some(intent) = metadata
        .png_srgb_intent
        .filter(|_| metadata.icc_profile.is_none())
    {
        push(b"sRGB", vec![intent]);
    }
    if let Some(gamma) = metadata.png_gamma {
        push(b"gAMA", gamma.to_be_bytes().to_vec());
    }
    if let Some(numbers) = metadata.png_chromaticities {
        push(b"cHRM", numbers.map(u32::to_be_bytes).concat());
    }
    if let Some(density) = metadata.density {
        push(b"pHYs", density.for_png().to_vec());
    }
    for chunk in &metadata.png_chunks {
        push(&chunk.kind, chunk.content.clone());
    }
    if let Some(exif) = &metadata.exif {
        push(b"eXIf", exif.clone());
    }
    if let Some(packet) = &metadata.xmp {
        push(b"iTXt", [XMP_KEYWORD, b"\0\0\0\0\0", packet].concat());
    }
    let block = photoshop::with_iptc(
        metadata.photoshop.as_deref().unwrap_or_default(),
        metadata.iptc.as_deref(),
    );
    if !block.is_empty() {
        push(b"zTXt", raw_profile::written("iptc", &block)?);
    }
    for text in &metadata.texts {
        push(&text.kind, text.content.clone());
    }
    Ok(chunks)
}

fn deflated(data: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data)?;
    encoder.finish()
}

#[cfg(test)]
#[path = "png_tests.rs"]
mod tests;
