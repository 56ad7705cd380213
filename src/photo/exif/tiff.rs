//! The structure of an EXIF block: directories, their entries, and which bytes belong to whom.
//!
//! Positions count from the start of the block. Everything is read with bounds: a block that makes no
//! sense has fewer entries, and no entry reaches beyond it.

use std::ops::Range;

const ENTRY_BYTES: usize = 12;
/// Values of up to so many bytes stand in the entry itself.
const INLINE_BYTES: usize = 4;

pub(in crate::photo) mod tag {
    pub const IMAGE_WIDTH: usize = 0x0100;
    pub const IMAGE_HEIGHT: usize = 0x0101;
    pub const X_RESOLUTION: usize = 0x011A;
    pub const Y_RESOLUTION: usize = 0x011B;
    pub const RESOLUTION_UNIT: usize = 0x0128;
    pub const SOFTWARE: usize = 0x0131;
    pub const STRIP_OFFSETS: usize = 0x0111;
    pub const ORIENTATION: usize = 0x0112;
    pub const STRIP_BYTE_COUNTS: usize = 0x0117;
    pub const ARTIST: usize = 0x013B;
    pub const SUB_DIRECTORIES: usize = 0x014A;
    pub const JPEG_OFFSET: usize = 0x0201;
    pub const JPEG_LENGTH: usize = 0x0202;
    pub const XMP: usize = 0x02BC;
    pub const COPYRIGHT: usize = 0x8298;
    pub const EXIF_DIRECTORY: usize = 0x8769;
    pub const GPS_DIRECTORY: usize = 0x8825;
    pub const MAKER_NOTE: usize = 0x927C;
    pub const AUTHOR_UTF16: usize = 0x9C9D;
    pub const PIXEL_X_DIMENSION: usize = 0xA002;
    pub const PIXEL_Y_DIMENSION: usize = 0xA003;
    pub const INTEROPERABILITY_DIRECTORY: usize = 0xA005;

    /// Those whose value is the position of a directory. Each is there once at most.
    pub const DIRECTORIES: [usize; 3] = [EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY];
}

pub(in crate::photo) const TEXT: usize = 2;
pub(in crate::photo) const SHORT: usize = 3;
pub(in crate::photo) const LONG: usize = 4;

/// The byte order of a block.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::photo) enum Order {
    Little,
    Big,
}

impl Order {
    pub fn of(exif: &[u8]) -> Option<Self> {
        match exif.get(..4)? {
            b"II*\0" => Some(Self::Little),
            b"MM\0*" => Some(Self::Big),
            _ => None,
        }
    }

    /// A whole number of `length` bytes.
    pub fn number(self, exif: &[u8], at: usize, length: usize) -> Option<usize> {
        let digits = exif.get(at..at.checked_add(length)?)?.iter();
        let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        Some(match self {
            Self::Little => digits.rev().fold(0, add),
            Self::Big => digits.fold(0, add),
        })
    }

    /// Writes a whole number of `length` bytes, of which it must have no more.
    pub fn set_number(self, exif: &mut [u8], at: usize, length: usize, value: u32) -> Option<()> {
        let field = exif.get_mut(at..at.checked_add(length)?)?;
        let bytes = value.to_be_bytes();
        field.copy_from_slice(bytes.get(bytes.len().checked_sub(length)?..)?);
        if self == Self::Little {
            field.reverse();
        }
        Some(())
    }
}

/// A directory that lies inside the block as a whole.
#[derive(Clone, Copy)]
pub(in crate::photo) struct Directory {
    pub order: Order,
    at: usize,
    count: usize,
}

impl Directory {
    /// The first directory of a block, that of the picture.
    pub fn first(exif: &[u8]) -> Option<Self> {
        let order = Order::of(exif)?;
        Self::at(exif, order, order.number(exif, 4, 4)?)
    }

    pub fn at(exif: &[u8], order: Order, at: usize) -> Option<Self> {
        let count = order.number(exif, at, 2)?;
        let directory = Self { order, at, count };
        (directory.next_at() <= exif.len()).then_some(directory)
    }

    /// Where the position of the next directory stands. The last of a truncated block may lack it.
    fn next_at(self) -> usize {
        self.at + 2 + self.count * ENTRY_BYTES
    }

    /// The next directory's position, 0 when there is none.
    pub fn next(self, exif: &[u8]) -> usize {
        self.order.number(exif, self.next_at(), 4).unwrap_or(0)
    }

    /// Makes it the last directory.
    pub fn unlink_next(self, exif: &mut [u8]) {
        self.order.set_number(exif, self.next_at(), 4, 0);
    }

    /// The bytes of the directory itself, without values that lie elsewhere.
    pub fn range(self, exif: &[u8]) -> Range<usize> {
        self.at..(self.next_at() + 4).min(exif.len())
    }

    pub fn entries(self, exif: &[u8]) -> Vec<Entry> {
        let starts = (0..self.count).map(|index| self.at + 2 + index * ENTRY_BYTES);
        starts
            .filter_map(|at| Entry::read(exif, self.order, at))
            .collect()
    }

    /// The directory that an entry leads to.
    pub fn child(self, exif: &[u8], tag: usize) -> Option<Self> {
        let mut entries = self.entries(exif).into_iter();
        let link = entries.find(|entry| entry.tag == tag)?;
        Self::at(exif, self.order, link.numbers(exif).first().copied()?)
    }

    /// All bytes that it and its entries take, those of the directories below it included.
    pub fn all_ranges(self, exif: &[u8]) -> Vec<Range<usize>> {
        /// The picture's, Exif, Interoperability.
        const DEPTH: usize = 3;
        let mut ranges = Vec::new();
        let mut level = vec![self];
        for _ in 0..DEPTH {
            ranges.extend(level.iter().flat_map(|directory| directory.ranges(exif)));
            level = level
                .iter()
                .flat_map(|directory| tag::DIRECTORIES.map(|tag| directory.child(exif, tag)))
                .flatten()
                .collect();
        }
        ranges
    }

    /// The bytes that it and its entries take, without the directories below it.
    pub fn ranges(self, exif: &[u8]) -> Vec<Range<usize>> {
        let values = self.entries(exif).into_iter();
        let values = values.filter_map(|entry| entry.elsewhere);
        std::iter::once(self.range(exif)).chain(values).collect()
    }

    /// Whether the block has all its values and all directories below it. One that was cut off has not: what is
    /// written behind it would stand where its entries look for their values.
    pub fn is_whole(self, exif: &[u8]) -> bool {
        /// The picture's, Exif, Interoperability.
        const DEPTH: usize = 3;
        let mut level = vec![self];
        for _ in 0..DEPTH {
            let mut below = Vec::new();
            for directory in level {
                let entries = directory.entries(exif);
                if entries.len() < directory.count {
                    return false;
                }
                let links = entries
                    .iter()
                    .filter(|it| tag::DIRECTORIES.contains(&it.tag));
                for link in links {
                    match directory.child(exif, link.tag) {
                        Some(child) => below.push(child),
                        None => return false,
                    }
                }
            }
            level = below;
            level.truncate(tag::DIRECTORIES.len());
        }
        true
    }

    /// The text of an entry, with the zero at its end.
    pub fn text(self, exif: &[u8], wanted: usize) -> Option<&[u8]> {
        let entries = self.entries(exif);
        let entry = entries.iter().find(|entry| entry.tag == wanted)?;
        exif.get(entry.value()).filter(|_| entry.kind == TEXT)
    }

    /// Takes an entry out; those after it move up. Its value elsewhere stays.
    pub fn remove(self, exif: &mut [u8], wanted: usize) -> Option<Self> {
        let entry = (self.entries(exif).into_iter()).find(|entry| entry.tag == wanted)?;
        let end = self.range(exif).end;
        exif.copy_within(entry.at + ENTRY_BYTES..end, entry.at);
        exif.get_mut(end - ENTRY_BYTES..end)?.fill(0);
        let count = u32::try_from(self.count - 1).ok()?;
        self.order.set_number(exif, self.at, 2, count);
        Self::at(exif, self.order, self.at)
    }
}

/// An entry of a directory.
#[derive(Clone)]
pub(in crate::photo) struct Entry {
    order: Order,
    at: usize,
    pub tag: usize,
    pub kind: usize,
    pub count: usize,
    /// Where its value lies when the entry has no room for it.
    pub elsewhere: Option<Range<usize>>,
}

impl Entry {
    /// `None` for an entry whose value reaches beyond the block.
    fn read(exif: &[u8], order: Order, at: usize) -> Option<Self> {
        let [tag, kind] = [0, 2].map(|offset| order.number(exif, at + offset, 2));
        let count = order.number(exif, at + 4, 4)?;
        let length = bytes_of_kind(kind?).checked_mul(count)?;
        let elsewhere = if length > INLINE_BYTES {
            let start = order.number(exif, at + 8, 4)?;
            let range = start..start.checked_add(length)?;
            exif.get(range.clone())?;
            Some(range)
        } else {
            None
        };
        Some(Self {
            order,
            at,
            tag: tag?,
            kind: kind?,
            count,
            elsewhere,
        })
    }

    /// Where its value lies.
    pub fn value(&self) -> Range<usize> {
        let inline = self.at + 8..self.at + 8 + bytes_of_kind(self.kind) * self.count;
        self.elsewhere.clone().unwrap_or(inline)
    }

    /// Its value, where that is whole numbers of 16 or 32 bits.
    pub fn numbers(&self, exif: &[u8]) -> Vec<usize> {
        let length = bytes_of_kind(self.kind);
        if !matches!(self.kind, SHORT | LONG) {
            return Vec::new();
        }
        let starts = self.value().step_by(length);
        starts
            .filter_map(|at| self.order.number(exif, at, length))
            .collect()
    }

    /// Its value, where that is a fraction: numerator and denominator.
    pub fn fraction(&self, exif: &[u8]) -> Option<(u32, u32)> {
        const FRACTION: usize = 5;
        let at = self.value().start;
        let part = |at| u32::try_from(self.order.number(exif, at, 4)?).ok();
        let is_one = self.kind == FRACTION && self.count == 1;
        is_one.then_some((part(at)?, part(at + 4)?))
    }

    /// Sets the value of an entry that holds one number of 16 or 32 bits. One that does not fit stays.
    pub fn set(&self, exif: &mut [u8], value: u32) -> Option<()> {
        let fits = match self.kind {
            SHORT => u16::try_from(value).is_ok(),
            LONG => true,
            _ => false,
        };
        if self.count != 1 || !fits {
            return None;
        }
        let length = bytes_of_kind(self.kind);
        self.order.set_number(exif, self.at + 8, length, value)
    }

    /// Makes it one of fewer values; those that stay are the first.
    pub fn shorten(&self, exif: &mut [u8], count: usize) -> Option<()> {
        let count = u32::try_from(count.min(self.count)).ok()?;
        self.order.set_number(exif, self.at + 4, 4, count)
    }

    /// Its value in the byte order of this machine; `None` for one without or of an unknown kind.
    pub fn native_bytes(&self, exif: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = exif.get(self.value())?.to_vec();
        let native = match cfg!(target_endian = "little") {
            true => Order::Little,
            false => Order::Big,
        };
        let size = match self.kind {
            // Two numbers a fraction.
            5 | 10 => 4,
            kind => bytes_of_kind(kind),
        };
        if self.order != native && size > 1 {
            bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        (!bytes.is_empty()).then_some(bytes)
    }

    /// The entry's twelve bytes.
    pub fn bytes<'a>(&self, exif: &'a [u8]) -> &'a [u8] {
        exif.get(self.at..self.at + ENTRY_BYTES).unwrap_or_default()
    }
}

/// Bytes of one value of a kind (TIFF 6.0, section 2); kinds that nobody knows have none.
fn bytes_of_kind(kind: usize) -> usize {
    match kind {
        1 | 2 | 6 | 7 | 129 => 1,
        SHORT | 8 => 2,
        LONG | 9 | 11 | 13 => 4,
        5 | 10 | 12 => 8,
        _ => 0,
    }
}

/// Gives the first directory an entry with a text of more than four bytes, in place of one of that tag.
/// A directory that has none is written again at the end, with one entry more; nothing else moves.
pub(in crate::photo) fn append_text(exif: &mut Vec<u8>, wanted: usize, text: &[u8]) -> Option<()> {
    let first = Directory::first(exif).filter(|first| first.count < usize::from(u16::MAX))?;
    let order = first.order;
    let mut entry = [0; ENTRY_BYTES];
    exif.resize(exif.len().next_multiple_of(2), 0);
    for (at, length, value) in [
        (0, 2, wanted),
        (2, 2, TEXT),
        (4, 4, text.len()),
        (8, 4, exif.len()),
    ] {
        order.set_number(&mut entry, at, length, u32::try_from(value).ok()?)?;
    }
    exif.extend(text);
    exif.resize(exif.len().next_multiple_of(2), 0);
    let entries = first.entries(exif);
    if let Some(old) = entries.iter().find(|entry| entry.tag == wanted) {
        exif.get_mut(old.at..old.at + ENTRY_BYTES)?
            .copy_from_slice(&entry);
        if let Some(value) = old.elsewhere.clone() {
            let mut kept = Directory::first(exif)?.all_ranges(exif);
            kept.push(0..8);
            erase(exif, &[value], &kept);
        }
        return Some(());
    }
    // All entries as they are, those that make no sense too; the new one in the order of tags.
    let old = first.range(exif);
    let is_before = |index: &usize| {
        let at = first.at + 2 + index * ENTRY_BYTES;
        order.number(exif, at, 2).is_some_and(|tag| tag < wanted)
    };
    let before = (0..first.count).take_while(is_before).count();
    let split = first.at + 2 + before * ENTRY_BYTES;
    let mut directory = vec![0; 2];
    order.set_number(&mut directory, 0, 2, u32::try_from(first.count + 1).ok()?)?;
    directory.extend(exif.get(first.at + 2..split)?);
    directory.extend(entry);
    directory.extend(exif.get(split..first.next_at())?);
    let mut next = [0; 4];
    order.set_number(&mut next, 0, 4, u32::try_from(first.next(exif)).ok()?)?;
    directory.extend(next);
    let at = u32::try_from(exif.len()).ok()?;
    exif.extend(directory);
    order.set_number(exif, 4, 4, at)?;
    let mut kept = Directory::first(exif)?.all_ranges(exif);
    kept.push(0..8);
    erase(exif, &[old], &kept);
    Some(())
}

/// Writes zeros over some bytes, but not over those that somebody else needs.
pub(in crate::photo) fn erase(exif: &mut [u8], ranges: &[Range<usize>], kept: &[Range<usize>]) {
    let kept = merged(kept);
    for range in merged(ranges) {
        let end = range.end.min(exif.len());
        let mut start = range.start;
        let first = kept.partition_point(|kept| kept.end <= start);
        let holes = kept.iter().skip(first).take_while(|kept| kept.start < end);
        for hole in holes.cloned().chain(std::iter::once(end..end)) {
            if let Some(bytes) = exif.get_mut(start..hole.start.max(start)) {
                bytes.fill(0);
            }
            start = hole.end;
        }
    }
}

/// The same bytes in ranges that are sorted and apart, so that strange files cost no time.
fn merged(ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut sorted: Vec<_> = ranges
        .iter()
        .filter(|range| !range.is_empty())
        .cloned()
        .collect();
    sorted.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}
