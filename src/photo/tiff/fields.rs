//! The metadata of a TIFF directory, and directories made of metadata.
//!
//! An EXIF block is a TIFF file in small, so that the tags of a TIFF file's own directory, with the
//! directories below it, become a block, and the other way round. What is about the layout of the pixels
//! is no part of it.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, Write};

use tiff::TiffResult;
use tiff::encoder::{DirectoryEncoder, TiffEncoder, TiffKind};
use tiff::tags::{Tag, Type};

use super::directory::{Directory, Field, Order, TiffFile, bytes_of_kind};
use super::tag;
use crate::photo::exif;
use crate::photo::metadata::{Metadata, photoshop};

/// A longer value is left out.
const MOST_BYTES: u64 = 64 << 20;

/// Whether a tag of the picture's own directory tells how its pixels are stored, or where other pictures
/// are, or stands for something that [`Metadata`] has a field for.
pub(in crate::photo) fn is_about_layout(tag: u16) -> bool {
    matches!(
        tag,
        254..=266 // sizes, bits, compression, photometric, threshholding, fill order
        | 273 | 277..=281 // strips, samples, extremes
        | 284 // planes
        | 288..=293 // gaps, grey response, fax options
        | 297 // page number
        | 317 | 320 // predictor, palette
        | 322..=328 // tiles, fax
        | 330 | 332..=334 | 336 // other directories, inks
        | 338..=347 // extra samples, formats, JPEG tables
        | 512..=532 // old JPEG, YCbCr
        | 559 // strip row counts
        | 700 | 33723 | 34377 | 34675 // XMP, IPTC, Photoshop, ICC
        | 37724 // layers
    )
}

/// One value of a block: its kind, and its bytes in little-endian order.
struct Value {
    kind: u16,
    bytes: Vec<u8>,
}

type Values = BTreeMap<u16, Value>;

/// Reads what a directory says about its picture.
pub(super) fn metadata<R: Read + Seek>(
    file: &mut TiffFile<R>,
    directory: &Directory,
) -> io::Result<Metadata> {
    let mut bytes = |tag| match directory.field(tag) {
        Some(field) => file.value(field, MOST_BYTES),
        None => Ok(None),
    };
    let mut metadata = Metadata {
        icc_profile: bytes(tag::ICC_PROFILE)?.filter(|profile| !profile.is_empty()),
        xmp: bytes(tag::XMP)?.filter(|packet| !packet.is_empty()),
        photoshop: bytes(tag::PHOTOSHOP)?.filter(|block| !block.is_empty()),
        ..Metadata::default()
    };
    let in_photoshop = metadata.photoshop.as_deref().and_then(photoshop::iptc);
    metadata.iptc = match directory.field(tag::IPTC) {
        // Some writers call the bytes numbers; in a file of the other order they are turned round then.
        Some(field) => file.value(field, MOST_BYTES)?.map(|records| {
            let is_turned = field.kind == 4 && records.get(3) == Some(&0x1C);
            match is_turned && records.first() != Some(&0x1C) {
                true => turned(records, 4),
                false => records,
            }
        }),
        None => None,
    }
    .or(in_photoshop);
    metadata.exif = block(file, directory)?;
    metadata.density = metadata.exif.as_deref().and_then(exif::density);
    Ok(metadata)
}

/// The tags of a directory, and of those below it, as an EXIF block; `None` when there are none.
fn block<R: Read + Seek>(
    file: &mut TiffFile<R>,
    directory: &Directory,
) -> io::Result<Option<Vec<u8>>> {
    let mut first = values(file, directory, |tag| !is_about_layout(tag))?;
    let links = [tag::EXIF, tag::GPS, tag::INTEROPERABILITY];
    let mut children = Vec::new();
    for link in [tag::EXIF, tag::GPS] {
        let Some(child) = child(file, directory, link)? else {
            continue;
        };
        let values = values(file, &child, |tag| !links.contains(&tag))?;
        let below = match self::child(file, &child, tag::INTEROPERABILITY)? {
            Some(below) => Some(self::values(file, &below, |_| true)?),
            None => None,
        };
        children.push((link, values, below));
    }
    first.retain(|tag, _| !links.contains(tag));
    if first.is_empty() && children.is_empty() {
        return Ok(None);
    }
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    let links = children.iter().map(|(link, ..)| *link).collect::<Vec<_>>();
    let places = push_directory(&mut block, &first, &links);
    for ((_, values, below), place) in children.into_iter().zip(places) {
        point_to_end(&mut block, place);
        let links: &[u16] = match below {
            Some(_) => &[tag::INTEROPERABILITY],
            None => &[],
        };
        let places = push_directory(&mut block, &values, links);
        for (values, place) in below.iter().zip(places) {
            point_to_end(&mut block, place);
            push_directory(&mut block, values, &[]);
        }
    }
    Ok(u32::try_from(block.len()).is_ok().then_some(block))
}

fn child<R: Read + Seek>(
    file: &mut TiffFile<R>,
    directory: &Directory,
    link: u16,
) -> io::Result<Option<Directory>> {
    let at = file.number(directory, link)?;
    // A link to nowhere is no reason to refuse the photo.
    Ok(at.and_then(|at| file.directory(at).ok()))
}

fn values<R: Read + Seek>(
    file: &mut TiffFile<R>,
    directory: &Directory,
    is_wanted: impl Fn(u16) -> bool,
) -> io::Result<Values> {
    let mut values = Values::new();
    let mut budget = MOST_BYTES;
    for field in directory.fields.iter().filter(|field| is_wanted(field.tag)) {
        let is_known = bytes_of_kind(field.kind) > 0 && !matches!(field.kind, 13 | 18);
        let Some(bytes) = file.value(field, budget)?.filter(|_| is_known) else {
            continue;
        };
        budget -= bytes.len() as u64;
        if let Some(value) = little_endian(field, bytes, file.order) {
            values.entry(field.tag).or_insert(value);
        }
    }
    Ok(values)
}

/// A value as it stands in a small little-endian file; `None` for numbers that only a big one can hold.
fn little_endian(field: &Field, bytes: Vec<u8>, order: Order) -> Option<Value> {
    let size = match field.kind {
        // Two numbers a fraction.
        5 | 10 => 4,
        kind => bytes_of_kind(kind) as usize,
    };
    let bytes = match order {
        Order::Little => bytes,
        Order::Big => turned(bytes, size),
    };
    let kind = match field.kind {
        16 => 4,
        17 => 9,
        kind => return Some(Value { kind, bytes }),
    };
    let (numbers, _) = bytes.as_chunks::<8>();
    let short = |[a, b, c, d, rest @ ..]: &[u8; 8]| {
        let sign = if kind == 9 && d & 0x80 != 0 { 0xFF } else { 0 };
        rest.iter()
            .all(|byte| *byte == sign)
            .then_some([*a, *b, *c, *d])
    };
    let numbers: Option<Vec<[u8; 4]>> = numbers.iter().map(short).collect();
    Some(Value {
        kind,
        bytes: numbers?.concat(),
    })
}

/// Numbers of so many bytes, each turned round.
fn turned(mut bytes: Vec<u8>, size: usize) -> Vec<u8> {
    bytes
        .chunks_exact_mut(size.max(1))
        .for_each(<[u8]>::reverse);
    bytes
}

/// Appends a directory of these values, and of links whose places are yielded.
fn push_directory(block: &mut Vec<u8>, values: &Values, links: &[u16]) -> Vec<usize> {
    let mut entries: BTreeMap<u16, Option<&Value>> = values
        .iter()
        .map(|(tag, value)| (*tag, Some(value)))
        .collect();
    entries.extend(links.iter().map(|link| (*link, None)));
    let start = block.len();
    block.extend((entries.len() as u16).to_le_bytes());
    let mut values_at = start + 2 + 12 * entries.len() + 4;
    let mut elsewhere: Vec<u8> = Vec::new();
    let mut places = BTreeMap::new();
    for (tag, value) in &entries {
        let (kind, bytes): (u16, &[u8]) = match value {
            Some(value) => (value.kind, &value.bytes),
            None => (4, &[0; 4]),
        };
        let count = bytes.len() / (bytes_of_kind(kind) as usize).max(1);
        block.extend(tag.to_le_bytes());
        block.extend(kind.to_le_bytes());
        block.extend((count as u32).to_le_bytes());
        if value.is_none() {
            places.insert(*tag, block.len());
        }
        match bytes.len() {
            0..=4 => {
                block.extend(bytes);
                block.resize(block.len() + 4 - bytes.len(), 0);
            }
            length => {
                block.extend((values_at as u32).to_le_bytes());
                elsewhere.extend(bytes);
                elsewhere.extend(std::iter::repeat_n(0, length % 2));
                values_at += length + length % 2;
            }
        }
    }
    block.extend([0; 4]);
    block.extend(elsewhere);
    links
        .iter()
        .filter_map(|link| places.get(link).copied())
        .collect()
}

/// Makes a link lead to what is appended next.
fn point_to_end(block: &mut [u8], place: usize) {
    let end = (block.len() as u32).to_le_bytes();
    if let Some(link) = block.get_mut(place..place + 4) {
        link.copy_from_slice(&end);
    }
}

/// The positions of the directories that a picture's directory is to name.
pub(super) struct Children {
    exif: Option<u32>,
    gps: Option<u32>,
}

/// Writes the directories below the picture's.
pub(super) fn write_children<W: Write + Seek>(
    tiff: &mut TiffEncoder<W>,
    metadata: &Metadata,
) -> TiffResult<Children> {
    let block = metadata.exif.as_deref().unwrap_or_default();
    let mut write = |link: u16| -> TiffResult<Option<u32>> {
        let Some(fields) = exif::fields_below(block, &[link]) else {
            return Ok(None);
        };
        let below = match exif::fields_below(block, &[link, tag::INTEROPERABILITY]) {
            Some(fields) => {
                let mut directory = tiff.extra_directory()?;
                write_fields(&mut directory, &fields)?;
                Some(directory.finish_with_offsets()?.offset)
            }
            None => None,
        };
        let mut directory = tiff.extra_directory()?;
        write_fields(&mut directory, &fields)?;
        if let Some(below) = below {
            directory.write_tag(Tag::Unknown(tag::INTEROPERABILITY), below)?;
        }
        Ok(Some(directory.finish_with_offsets()?.offset))
    };
    Ok(Children {
        exif: write(tag::EXIF)?,
        gps: write(tag::GPS)?,
    })
}

/// Writes the metadata into the picture's directory.
pub(super) fn write_metadata<W: Write + Seek, K: TiffKind>(
    directory: &mut DirectoryEncoder<'_, W, K>,
    metadata: &Metadata,
    children: &Children,
) -> TiffResult<()> {
    if let Some(mut fields) = (metadata.exif.as_deref()).and_then(|it| exif::fields_below(it, &[]))
    {
        fields.retain(|field| !is_about_layout(field.tag));
        write_fields(directory, &fields)?;
    }
    for (link, at) in [(tag::EXIF, children.exif), (tag::GPS, children.gps)] {
        if let Some(at) = at {
            directory.write_tag(Tag::Unknown(link), at)?;
        }
    }
    if let Some(density) = metadata.density {
        let (unit, x, y) = density.for_tiff();
        let fraction = |(n, d)| tiff::encoder::Rational { n, d };
        directory.write_tag(Tag::Unknown(tag::RESOLUTION_UNIT), unit)?;
        directory.write_tag(Tag::Unknown(tag::X_RESOLUTION), fraction(x))?;
        directory.write_tag(Tag::Unknown(tag::Y_RESOLUTION), fraction(y))?;
    }
    // Records in Photoshop's block follow the records. A block of nothing else would say them twice.
    let block = metadata.photoshop.as_deref().map(|block| {
        let is_alone = photoshop::with_iptc(block, None).is_empty();
        let has_records = !is_alone && photoshop::iptc(block).is_some();
        let records = metadata.iptc.as_deref().filter(|_| has_records);
        photoshop::with_iptc(block, records)
    });
    let block = block.filter(|block| !block.is_empty());
    for (number, bytes) in [
        (tag::ICC_PROFILE, metadata.icc_profile.as_deref()),
        (tag::IPTC, metadata.iptc.as_deref()),
        (tag::PHOTOSHOP, block.as_deref()),
    ] {
        if let Some(bytes) = bytes {
            write_bytes(directory, number, Type::UNDEFINED, bytes)?;
        }
    }
    if let Some(packet) = &metadata.xmp {
        write_bytes(directory, tag::XMP, Type::BYTE, packet)?;
    }
    Ok(())
}

fn write_fields<W: Write + Seek, K: TiffKind>(
    directory: &mut DirectoryEncoder<'_, W, K>,
    fields: &[exif::Field],
) -> TiffResult<()> {
    for field in fields {
        // A kind that `tiff` does not know is text of a later standard (UTF-8).
        let kind = Type::from_u16(field.kind).unwrap_or(Type::ASCII);
        write_bytes(directory, field.tag, kind, &field.bytes)?;
    }
    Ok(())
}

/// Writes an entry with a value in the byte order of this machine, in which `tiff` writes files.
fn write_bytes<W: Write + Seek, K: TiffKind>(
    directory: &mut DirectoryEncoder<'_, W, K>,
    number: u16,
    kind: Type,
    bytes: &[u8],
) -> TiffResult<()> {
    const INLINE_BYTES: usize = 4;
    let entry = directory.write_entry_bytes(kind, bytes)?;
    if bytes.len() > INLINE_BYTES && !bytes.len().is_multiple_of(2) {
        // The next value is to begin at an even position.
        directory.write_data(0u8)?;
    }
    directory.extend_from(&tiff::Directory::from_iter([(Tag::Unknown(number), entry)]));
    Ok(())
}
