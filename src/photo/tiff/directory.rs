//! The directories of a TIFF file, classic or big, of either byte order.

use std::collections::HashSet;
use std::io::{self, Read, Seek, SeekFrom};

/// A directory of more entries is not read.
const MOST_ENTRIES: u64 = 4096;

/// The byte order of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub fn number(self, bytes: &[u8]) -> u64 {
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        match self {
            Self::Little => bytes.iter().rev().fold(0, add),
            Self::Big => bytes.iter().fold(0, add),
        }
    }

    /// A number of so many bytes, as they stand in the file.
    pub fn bytes(self, number: u64, length: usize) -> Vec<u8> {
        let all = number.to_le_bytes();
        let mut bytes = all.get(..length).unwrap_or(&all).to_vec();
        if self == Self::Big {
            bytes.reverse();
        }
        bytes
    }
}

/// A file whose directories are read.
pub(super) struct TiffFile<R> {
    reader: R,
    pub order: Order,
    pub is_big: bool,
    length: u64,
}

/// A directory, its entries in the order of the file.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    pub at: u64,
    pub fields: Vec<Field>,
    /// The position of the next one, 0 when there is none.
    pub next: u64,
}

/// An entry: where its value stands is known, not the value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub tag: u16,
    pub kind: u16,
    pub count: u64,
    /// The position of the value in the file.
    pub value_at: u64,
}

impl Directory {
    pub fn field(&self, tag: u16) -> Option<&Field> {
        self.fields.iter().find(|field| field.tag == tag)
    }
}

/// Bytes of one value of a kind; kinds that nobody knows have none.
pub(super) fn bytes_of_kind(kind: u16) -> u64 {
    match kind {
        1 | 2 | 6 | 7 | 129 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 0,
    }
}

impl<R: Read + Seek> TiffFile<R> {
    /// Reads the header; `None` for what is no TIFF file. Also yields the position of the first directory.
    pub fn open(mut reader: R) -> io::Result<Option<(Self, u64)>> {
        let length = reader.seek(SeekFrom::End(0))?;
        reader.rewind()?;
        let mut header = [0; 8];
        reader.read_exact(&mut header)?;
        let (order, is_big) = match &header[..4] {
            b"II*\0" => (Order::Little, false),
            b"MM\0*" => (Order::Big, false),
            b"II+\0" => (Order::Little, true),
            b"MM\0+" => (Order::Big, true),
            _ => return Ok(None),
        };
        let mut file = Self {
            reader,
            order,
            is_big,
            length,
        };
        let first = match is_big {
            false => order.number(&header[4..]),
            true => file.number_at(8, 8)?,
        };
        Ok(Some((file, first)))
    }

    /// Where the header tells the first directory, and in how many bytes.
    pub fn first_pointer(&self) -> (u64, usize) {
        if self.is_big { (8, 8) } else { (4, 4) }
    }

    fn number_at(&mut self, at: u64, length: usize) -> io::Result<u64> {
        let mut bytes = [0; 8];
        let bytes = bytes.get_mut(..length).unwrap_or_default();
        self.reader.seek(SeekFrom::Start(at))?;
        self.reader.read_exact(bytes)?;
        Ok(self.order.number(bytes))
    }

    /// The directory at a position. One that makes no sense has no entries.
    ///
    /// # Errors
    /// When the file ends before the directory does, or cannot be read.
    pub fn directory(&mut self, at: u64) -> io::Result<Directory> {
        let (count_bytes, entry_bytes, pointer) = match self.is_big {
            false => (2, 12, 4),
            true => (8, 20, 8),
        };
        let count = self.number_at(at, count_bytes)?;
        let mut directory = Directory {
            at,
            fields: Vec::new(),
            next: 0,
        };
        if count > MOST_ENTRIES {
            return Ok(directory);
        }
        let mut bytes = vec![0; count as usize * entry_bytes];
        self.reader.read_exact(&mut bytes)?;
        let start = at + count_bytes as u64;
        for (entry, entry_at) in bytes
            .chunks_exact(entry_bytes)
            .zip((start..).step_by(entry_bytes))
        {
            let number = |from: usize, length: usize| {
                let bytes = entry.get(from..from + length);
                self.order.number(bytes.unwrap_or_default())
            };
            let (kind, count) = (number(2, 2) as u16, number(4, pointer));
            let is_inline = bytes_of_kind(kind)
                .checked_mul(count)
                .is_some_and(|length| length <= pointer as u64);
            directory.fields.push(Field {
                tag: number(0, 2) as u16,
                kind,
                count,
                value_at: match is_inline {
                    true => entry_at + 4 + pointer as u64,
                    false => number(4 + pointer, pointer),
                },
            });
        }
        // The last directory of some files ends without the position of the next.
        directory.next = self
            .number_at(start + bytes.len() as u64, pointer)
            .unwrap_or(0);
        Ok(directory)
    }

    /// The length of a value in bytes; `None` when it reaches beyond the file.
    fn length_of(&self, field: &Field) -> Option<u64> {
        let length = bytes_of_kind(field.kind).checked_mul(field.count)?;
        let end = field.value_at.checked_add(length)?;
        (end <= self.length).then_some(length)
    }

    /// Refuses a directory that tells of more about how pixels are stored than there is in the file, since a decoder
    /// makes room for all of it before it finds out; and one that tells it twice, since a decoder may take another of
    /// the two than what the size was read from.
    ///
    /// # Errors
    /// "Unexpected end of file", or which tag stands there twice.
    pub fn check_pixel_fields(&self, directory: &Directory) -> io::Result<()> {
        /// From here on, tags are about other things.
        const FIRST_OTHER: u16 = 700;
        /// Names, descriptions, programs and dates (TIFF 6.0, section 8; InkNames and TargetPrinter of section 16):
        /// what is cut off of them costs no pixel.
        const TEXTS: [u16; 11] = [269, 270, 271, 272, 285, 305, 306, 315, 316, 333, 337];
        let fields = directory.fields.iter();
        let fields = fields.filter(|field| field.tag < FIRST_OTHER && !TEXTS.contains(&field.tag));
        let mut seen = HashSet::new();
        for field in fields {
            if self.length_of(field).is_none() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if !seen.insert(field.tag) {
                let message = format!("tag {} stands there twice", field.tag);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(())
    }

    /// The bytes of a value; `None` when it is longer than `limit` or reaches beyond the file.
    pub fn value(&mut self, field: &Field, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let length = self.length_of(field).filter(|length| *length <= limit);
        let Some(length) = length else {
            return Ok(None);
        };
        let mut bytes = vec![0; length as usize];
        self.reader.seek(SeekFrom::Start(field.value_at))?;
        self.reader.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// The whole numbers of a value of some tag; none where there is no such value.
    pub fn numbers(&mut self, directory: &Directory, tag: u16) -> io::Result<Vec<u64>> {
        const LIMIT: u64 = 1 << 20;
        let Some(field) = directory.field(tag) else {
            return Ok(Vec::new());
        };
        let is_whole = matches!(field.kind, 1 | 3 | 4 | 7 | 13 | 16 | 18);
        let bytes = self.value(field, LIMIT)?.filter(|_| is_whole);
        let size = bytes_of_kind(field.kind) as usize;
        Ok(bytes.map_or_else(Vec::new, |bytes| {
            (bytes.chunks_exact(size.max(1)))
                .map(|bytes| self.order.number(bytes))
                .collect()
        }))
    }

    /// The fractions of a value of some tag; none where there is no such value.
    pub fn fractions(&mut self, directory: &Directory, tag: u16) -> io::Result<Vec<f32>> {
        const LIMIT: u64 = 1 << 10;
        const FRACTION: u16 = 5;
        let Some(field) = directory.field(tag).filter(|field| field.kind == FRACTION) else {
            return Ok(Vec::new());
        };
        let bytes = self.value(field, LIMIT)?.unwrap_or_default();
        let (fractions, _) = bytes.as_chunks::<8>();
        let fraction = |[over @ .., d, c, b, a]: &[u8; 8]| {
            self.order.number(over) as f32 / (self.order.number(&[*d, *c, *b, *a]) as f32).max(1.0)
        };
        Ok(fractions.iter().map(fraction).collect())
    }

    /// The first of the numbers.
    pub fn number(&mut self, directory: &Directory, tag: u16) -> io::Result<Option<u64>> {
        Ok(self.numbers(directory, tag)?.first().copied())
    }
}
