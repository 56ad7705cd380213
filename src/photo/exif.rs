//! The things that must change in an EXIF block when its picture changes, or when its owner does not
//! want to give everything away.
//!
//! An EXIF block is a small TIFF file (CIPA DC-008, "Exif 2.32", 4.5): a header with the byte
//! order and the position of the first directory (IFD0, the picture); after the entries of that
//! directory stands the position of the next (IFD1, the thumbnail), or 0. Entries of the first lead to
//! more directories: Exif (how it was taken) and GPS (where).

pub(super) mod tiff;

use std::collections::HashSet;
use std::ops::Range;

use image::metadata::Orientation;

use super::density::{Density, DensityUnit};
use tiff::{Directory, erase, tag};

/// What some containers have before the block.
pub(super) const PREFIX: &[u8] = b"Exif\0\0";

/// The magic number and the position of the first directory.
const HEADER: Range<usize> = 0..8;

/// Takes an EXIF block as found in a file and makes it fit pixels that are upright and may change:
/// its orientation becomes 1 and its thumbnail, which would still show the old picture, is overwritten
/// with zeros. Returns the orientation that was in it.
pub(super) fn make_upright(exif: &mut [u8]) -> Option<Orientation> {
    erase_thumbnail(exif);
    Orientation::remove_from_exif_chunk(exif)
}

/// Writes how stored pixels must be turned into a block that tells an orientation; `None` when it does not.
pub(super) fn set_orientation(exif: &mut [u8], orientation: Orientation) -> Option<()> {
    let entries = Directory::first(exif)?.entries(exif);
    let entry = entries.iter().find(|entry| entry.tag == tag::ORIENTATION)?;
    entry.set(exif, orientation.to_exif().into())
}

/// A block that tells nothing but the orientation.
pub(super) fn only_orientation(orientation: Orientation) -> Vec<u8> {
    // The directory is behind the header, has one entry with one number of 16 bits, and none follows.
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend([orientation.to_exif(), 0, 0, 0]);
    block.extend([0; 4]);
    block
}

/// Removes the prefix that some writers put before the TIFF header.
pub(super) fn without_prefix(mut exif: Vec<u8>) -> Vec<u8> {
    if exif.starts_with(PREFIX) {
        exif.drain(..PREFIX.len());
    }
    exif
}

/// Unlinks the directories after the first, and writes zeros over them and the pictures in them. Does
/// nothing to a block that makes no sense.
fn erase_thumbnail(exif: &mut [u8]) {
    /// There is one by the standard.
    const MOST_DIRECTORIES: usize = 8;
    let Some(first) = Directory::first(exif) else {
        return;
    };
    let mut kept = first.all_ranges(exif);
    kept.push(HEADER);
    let mut unwanted = Vec::new();
    let mut next = first.next(exif);
    for _ in 0..MOST_DIRECTORIES {
        let Some(directory) = Directory::at(exif, first.order, next).filter(|_| next != 0) else {
            break;
        };
        unwanted.extend(directory.all_ranges(exif));
        unwanted.extend(pictures(exif, directory));
        next = directory.next(exif);
    }
    first.unlink_next(exif);
    erase(exif, &unwanted, &kept);
}

/// Where the pictures of a thumbnail directory lie: a JPEG file, or strips of pixels.
fn pictures(exif: &[u8], directory: Directory) -> Vec<Range<usize>> {
    let entries = directory.entries(exif);
    let numbers = |tag: usize| {
        let entry = entries.iter().find(|entry| entry.tag == tag);
        entry.map_or_else(Vec::new, |entry| entry.numbers(exif))
    };
    [
        (tag::JPEG_OFFSET, tag::JPEG_LENGTH),
        (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS),
    ]
    .into_iter()
    .flat_map(|(offsets, lengths)| numbers(offsets).into_iter().zip(numbers(lengths)))
    .map(|(start, length)| start..start.saturating_add(length))
    .collect()
}

/// Takes the place where the photo was taken out of a block: the GPS directory, whose bytes are
/// overwritten, and an XMP packet that tells it too.
pub(super) fn remove_place(exif: &mut [u8]) {
    let Some(first) = Directory::first(exif) else {
        return;
    };
    let tells_place = |entry: &tiff::Entry| {
        let packet = exif.get(entry.value()).unwrap_or_default();
        entry.tag == tag::XMP
            && packet
                .windows(3)
                .any(|word| word.eq_ignore_ascii_case(b"gps"))
    };
    let packet = first.entries(exif).into_iter().find(tells_place);
    // Where it belongs, and where some writers put it.
    let holders = [Some(first), first.child(exif, tag::EXIF_DIRECTORY)];
    let mut unwanted = Vec::new();
    for holder in holders.into_iter().flatten() {
        if let Some(gps) = holder.child(exif, tag::GPS_DIRECTORY) {
            unwanted.extend(gps.ranges(exif));
        }
        holder.remove(exif, tag::GPS_DIRECTORY);
    }
    if let Some(packet) = packet {
        unwanted.push(packet.value());
        if let Some(first) = Directory::first(exif) {
            first.remove(exif, tag::XMP);
        }
    }
    let Some(first) = Directory::first(exif) else {
        return;
    };
    let mut kept = first.all_ranges(exif);
    kept.push(HEADER);
    erase(exif, &unwanted, &kept);
}

/// A new block with nothing but the author and the copyright of this one; `None` when it names
/// neither.
pub(super) fn credits(exif: &[u8]) -> Option<Vec<u8>> {
    const BYTES: usize = 1;
    const TEXT: usize = 2;
    const UTF8: usize = 129;
    let wanted = [tag::ARTIST, tag::COPYRIGHT, tag::AUTHOR_UTF16];
    let is_credit = |entry: &tiff::Entry| {
        wanted.contains(&entry.tag) && matches!(entry.kind, BYTES | TEXT | UTF8)
    };
    // How the pixels lie tells nothing about anybody.
    let credits = rewritten(exif, |entry| {
        is_credit(entry) || entry.tag == tag::ORIENTATION
    })?;
    let has_credits = Directory::first(&credits)?
        .entries(&credits)
        .iter()
        .any(is_credit);
    has_credits.then_some(credits)
}

/// Whether a block holds what only the camera's maker understands.
pub(super) fn has_maker_note(exif: &[u8]) -> bool {
    Directory::first(exif)
        .and_then(|first| first.child(exif, tag::EXIF_DIRECTORY))
        .is_some_and(|exif_directory| {
            let mut entries = exif_directory.entries(exif).into_iter();
            entries.any(|entry| entry.tag == tag::MAKER_NOTE)
        })
}

/// What was left out so that a block became short enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOut {
    /// Bytes at the end that no entry needs: the thumbnail, which was overwritten before.
    Thumbnail,
    /// And what only the camera's maker understands.
    MakerNote,
    /// Everything.
    All,
}

/// The block in at most `limit` bytes, and what had to be left out for that.
pub(super) fn shortened(exif: &[u8], limit: usize) -> (Option<Vec<u8>>, Option<LeftOut>) {
    if exif.len() <= limit {
        return (Some(exif.to_owned()), None);
    }
    // Maker notes may refer to positions in the block, so nothing moves as long as they are in it.
    if let Some(first) = Directory::first(exif) {
        let end = first.all_ranges(exif).iter().map(|range| range.end).max();
        if let Some(used) = end
            .and_then(|end| exif.get(..end))
            .filter(|used| used.len() <= limit)
        {
            let mut used = used.to_owned();
            first.unlink_next(&mut used);
            return (Some(used), Some(LeftOut::Thumbnail));
        }
    }
    match rewritten(exif, |entry| entry.tag != tag::MAKER_NOTE) {
        Some(block) if block.len() <= limit => (Some(block), Some(LeftOut::MakerNote)),
        _ => (None, Some(LeftOut::All)),
    }
}

/// A new block without gaps, with the entries that are wanted. `None` for a block that makes no sense.
fn rewritten(exif: &[u8], is_wanted: impl Fn(&tiff::Entry) -> bool) -> Option<Vec<u8>> {
    let first = Directory::first(exif)?;
    let mut block = exif.get(HEADER)?.to_owned();
    let at = u32::try_from(block.len()).ok()?;
    first.order.set_number(&mut block, 4, 4, at)?;
    write_directory(exif, first, &mut block, &is_wanted, 0)?;
    Some(block)
}

fn write_directory(
    exif: &[u8],
    directory: Directory,
    block: &mut Vec<u8>,
    is_wanted: &impl Fn(&tiff::Entry) -> bool,
    depth: usize,
) -> Option<()> {
    const DEEPEST: usize = 2;
    let order = directory.order;
    let is_link = |entry: &tiff::Entry| tag::DIRECTORIES.contains(&entry.tag);
    let mut links = HashSet::new();
    let mut entries = directory.entries(exif);
    entries.retain(|entry| {
        let is_extra_link = is_link(entry) && (depth >= DEEPEST || !links.insert(entry.tag));
        // Directories of the raw data of a camera are none of a photo's.
        entry.tag != tag::SUB_DIRECTORIES && !is_extra_link && is_wanted(entry)
    });
    let count = u32::try_from(entries.len()).ok()?;
    let start = block.len() + 2;
    block.extend([0; 2]);
    order.set_number(block, start - 2, 2, count)?;
    for entry in &entries {
        block.extend(entry.bytes(exif));
    }
    // There is no next directory.
    block.extend([0; 4]);
    for (entry, at) in entries.iter().zip((start..).step_by(12)) {
        // Values begin at even positions.
        block.resize(block.len().next_multiple_of(2), 0);
        let value_at = u32::try_from(block.len()).ok()?;
        // Values that overlap would make it longer than it was.
        if block.len() > 2 * exif.len() {
            return None;
        }
        if is_link(entry) {
            match directory.child(exif, entry.tag) {
                Some(child) => write_directory(exif, child, block, is_wanted, depth + 1)?,
                // A link to nowhere leads to an empty directory.
                None => block.extend([0; 6]),
            }
        } else if let Some(value) = &entry.elsewhere {
            block.extend(exif.get(value.clone())?);
        } else {
            continue;
        }
        order.set_number(block, at + 8, 4, value_at)?;
    }
    Some(())
}

/// Brings the fields that tell the picture's size up to date, where there are any. A block that makes
/// no sense is left alone.
pub(super) fn set_size(exif: &mut [u8], width: u32, height: u32) {
    let sizes = [
        (tag::IMAGE_WIDTH, width),
        (tag::IMAGE_HEIGHT, height),
        (tag::PIXEL_X_DIMENSION, width),
        (tag::PIXEL_Y_DIMENSION, height),
    ];
    let Some(first) = Directory::first(exif) else {
        return;
    };
    let sub = first.child(exif, tag::EXIF_DIRECTORY);
    for directory in [Some(first), sub].into_iter().flatten() {
        for entry in directory.entries(exif) {
            if let Some((_, size)) = sizes.iter().find(|(known, _)| *known == entry.tag) {
                entry.set(exif, *size);
            }
        }
    }
}

/// An entry of a directory, its value in the byte order of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// What it tells.
    pub tag: u16,
    /// The kind of its value (TIFF 6.0, section 2).
    pub kind: u16,
    /// The value.
    pub bytes: Vec<u8>,
}

/// The entries of the first directory, or of the one that a path of links leads to from there. `None` when
/// there is no such directory. Links, and kinds that nobody knows, are left out.
pub(super) fn fields_below(exif: &[u8], path: &[u16]) -> Option<Vec<Field>> {
    let first = Directory::first(exif)?;
    let directory = path.iter().try_fold(first, |directory, link| {
        directory.child(exif, usize::from(*link))
    })?;
    const LINK: usize = 13;
    let is_wanted = |entry: &&tiff::Entry| {
        let is_link = tag::DIRECTORIES.contains(&entry.tag) || entry.kind == LINK;
        !is_link && entry.tag != tag::SUB_DIRECTORIES
    };
    let entries = directory.entries(exif);
    let fields = entries.iter().filter(is_wanted).filter_map(|entry| {
        Some(Field {
            tag: u16::try_from(entry.tag).ok()?,
            kind: u16::try_from(entry.kind).ok()?,
            bytes: entry.native_bytes(exif)?,
        })
    });
    Some(fields.collect())
}

/// A block without entries.
pub(super) fn empty() -> Vec<u8> {
    b"II*\0\x08\0\0\0\0\0\0\0\0\0".to_vec()
}

/// Names the program that has edited the picture. Nothing that the block holds moves, since maker notes
/// may refer to positions in it: what is new stands at its end. A block that makes no sense, or is cut off, is
/// left alone.
pub(super) fn set_software(exif: &mut Vec<u8>, software: &str) {
    if Directory::first(exif).is_none_or(|first| !first.is_whole(exif)) {
        return;
    }
    let text = [software.as_bytes(), b"\0"].concat();
    let mut signed = exif.clone();
    if Directory::first(exif).is_some_and(|first| first.text(exif, tag::SOFTWARE) == Some(&text)) {
        return;
    }
    if tiff::append_text(&mut signed, tag::SOFTWARE, &text).is_some() {
        *exif = signed;
    }
}

/// How many pixels go on a unit of length, as the first directory tells it.
pub(super) fn density(exif: &[u8]) -> Option<Density> {
    let first = Directory::first(exif)?;
    let entries = first.entries(exif);
    let find = |wanted| entries.iter().find(|entry| entry.tag == wanted);
    let fraction = |wanted| find(wanted)?.fraction(exif);
    let unit = find(tag::RESOLUTION_UNIT).and_then(|entry| entry.numbers(exif).first().copied());
    let unit = match unit {
        Some(1) => DensityUnit::None,
        Some(3) => DensityUnit::Centimetre,
        _ => DensityUnit::Inch,
    };
    Density::new(
        fraction(tag::X_RESOLUTION)?,
        fraction(tag::Y_RESOLUTION)?,
        unit,
    )
}

#[cfg(test)]
#[path = "exif/tests.rs"]
pub(super) mod tests;
