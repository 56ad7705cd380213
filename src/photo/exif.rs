//! The things that must change in an EXIF block when its picture changes.
//!
//! An EXIF block is a small TIFF file (CIPA DC-008, "Exif 2.32", 4.5): a header with the byte
//! order and the position of the first directory (IFD0, the picture); after the entries of that
//! directory stands the position of the next (IFD1, the thumbnail), or 0.

use image::metadata::Orientation;

const ENTRY_BYTES: usize = 12;

/// Takes an EXIF block as found in a file and makes it fit pixels that are upright and may change:
/// its orientation becomes 1 and its thumbnail, which would still show the old picture, is unlinked.
/// Returns the orientation that was in it.
pub(super) fn make_upright(exif: &mut [u8]) -> Option<Orientation> {
    unlink_thumbnail(exif);
    Orientation::remove_from_exif_chunk(exif)
}

/// Removes the prefix that some writers put before the TIFF header.
pub(super) fn without_prefix(mut exif: Vec<u8>) -> Vec<u8> {
    if exif.starts_with(b"Exif\0\0") {
        exif.drain(..6);
    }
    exif
}

/// Writes 0 over the position of IFD1; does nothing to a block that makes no sense.
fn unlink_thumbnail(exif: &mut [u8]) -> Option<()> {
    let order = Order::of(exif)?;
    let first = order.number(exif, 4, 4)?;
    let next = order.directory(exif, first)?.end;
    exif.get_mut(next..next.checked_add(4)?)?.fill(0);
    Some(())
}

/// Brings the fields that tell the picture's size up to date, where there are any. A block that makes
/// no sense is left alone.
pub(super) fn set_size(exif: &mut [u8], width: u32, height: u32) {
    const IMAGE_WIDTH: usize = 0x0100;
    const IMAGE_HEIGHT: usize = 0x0101;
    const EXIF_DIRECTORY: usize = 0x8769;
    const PIXEL_X_DIMENSION: usize = 0xA002;
    const PIXEL_Y_DIMENSION: usize = 0xA003;
    let Some(order) = Order::of(exif) else {
        return;
    };
    let sizes = [
        (IMAGE_WIDTH, width),
        (IMAGE_HEIGHT, height),
        (PIXEL_X_DIMENSION, width),
        (PIXEL_Y_DIMENSION, height),
    ];
    let first = order.number(exif, 4, 4);
    let sub = first.and_then(|first| {
        let mut entries = order.directory(exif, first)?.step_by(ENTRY_BYTES);
        let link = entries.find(|&at| order.number(exif, at, 2) == Some(EXIF_DIRECTORY))?;
        order.number(exif, link + 8, 4)
    });
    for directory in [first, sub].into_iter().flatten() {
        let entries = order.directory(exif, directory).unwrap_or_default();
        for at in entries.step_by(ENTRY_BYTES) {
            let tag = order.number(exif, at, 2);
            if let Some((_, size)) = sizes.iter().find(|(known, _)| Some(*known) == tag) {
                order.set_number(exif, at, *size);
            }
        }
    }
}

/// The byte order of a block.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn of(exif: &[u8]) -> Option<Self> {
        match exif.get(..4)? {
            b"II*\0" => Some(Self::Little),
            b"MM\0*" => Some(Self::Big),
            _ => None,
        }
    }

    /// A whole number of `length` bytes.
    fn number(self, exif: &[u8], at: usize, length: usize) -> Option<usize> {
        let digits = exif.get(at..at.checked_add(length)?)?.iter();
        let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        Some(match self {
            Self::Little => digits.rev().fold(0, add),
            Self::Big => digits.fold(0, add),
        })
    }

    /// Where the entries of a directory stand.
    fn directory(self, exif: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
        let entries = self.number(exif, at, 2)?;
        let start = at + 2;
        Some(start..start.checked_add(entries * ENTRY_BYTES)?)
    }

    /// Sets the value of an entry that holds one number of 16 or 32 bits.
    fn set_number(self, exif: &mut [u8], entry: usize, value: u32) -> Option<()> {
        const SHORT: usize = 3;
        const LONG: usize = 4;
        let kind = self.number(exif, entry + 2, 2)?;
        if self.number(exif, entry + 4, 4)? != 1 || !matches!(kind, SHORT | LONG) {
            return None;
        }
        let field = exif.get_mut(entry + 8..entry.checked_add(12)?)?;
        let is_little = self == Self::Little;
        match (kind, u16::try_from(value)) {
            (SHORT, Ok(value)) => {
                let bytes = match is_little {
                    true => value.to_le_bytes(),
                    false => value.to_be_bytes(),
                };
                field.get_mut(..2)?.copy_from_slice(&bytes);
            }
            // A number of 16 bits was enough for a larger picture, so this does not happen.
            (SHORT, Err(_)) => return None,
            _ => field.copy_from_slice(&match is_little {
                true => value.to_le_bytes(),
                false => value.to_be_bytes(),
            }),
        }
        Some(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A block with orientation and camera maker, and a link to a thumbnail directory.
    pub(in super::super) fn block(orientation: u8, little_endian: bool) -> Vec<u8> {
        let u16 = |n: u16| {
            if little_endian {
                n.to_le_bytes()
            } else {
                n.to_be_bytes()
            }
        };
        let u32 = |n: u32| {
            if little_endian {
                n.to_le_bytes()
            } else {
                n.to_be_bytes()
            }
        };
        let mut block = if little_endian { b"II*\0" } else { b"MM\0*" }.to_vec();
        block.extend(u32(8));
        block.extend(u16(2));
        // Maker: tag 0x010F, ASCII, 4 bytes kept in the entry itself.
        block.extend([u16(0x010F), u16(2)].concat());
        block.extend([u32(4).as_slice(), b"Jaw\0"].concat());
        // Orientation: tag 0x0112, one 16-bit number.
        block.extend([u16(0x0112), u16(3)].concat());
        block.extend([u32(1).as_slice(), &u16(orientation.into()), &[0, 0]].concat());
        block.extend(u32(38));
        // An empty thumbnail directory, the last one.
        block.extend([u16(0).as_slice(), &u32(0)].concat());
        block
    }

    #[test]
    fn orientation_is_read_once_and_the_thumbnail_unlinked() {
        for little_endian in [true, false] {
            let mut exif = block(6, little_endian);
            assert_eq!(make_upright(&mut exif), Some(Orientation::Rotate90));
            assert_eq!(exif[34..38], [0; 4]);
            assert_eq!(make_upright(&mut exif), Some(Orientation::NoTransforms));
            assert_eq!(exif[..20], block(1, little_endian)[..20]);
        }
    }

    #[test]
    fn the_prefix_goes_once() {
        let plain = block(1, true);
        assert_eq!(without_prefix(plain.clone()), plain);
        assert_eq!(
            without_prefix([b"Exif\0\0", plain.as_slice()].concat()),
            plain
        );
    }

    /// A block with the picture's size in the first directory and in the Exif directory.
    fn sized_block(little_endian: bool) -> Vec<u8> {
        let u16 = |n: u16| match little_endian {
            true => n.to_le_bytes(),
            false => n.to_be_bytes(),
        };
        let u32 = |n: u32| match little_endian {
            true => n.to_le_bytes(),
            false => n.to_be_bytes(),
        };
        let short = |tag, value| [&u16(tag)[..], &u16(3), &u32(1), &u16(value), &[0; 2]].concat();
        let long = |tag, value| [&u16(tag)[..], &u16(4), &u32(1), &u32(value)].concat();
        [
            &if little_endian { *b"II*\0" } else { *b"MM\0*" }[..],
            &u32(8),
            &u16(3),
            &short(0x0100, 6000),
            &long(0x0101, 4000),
            &long(0x8769, 50),
            &u32(0),
            &u16(2),
            &short(0xA002, 6000),
            &long(0xA003, 4000),
            &u32(0),
        ]
        .concat()
    }

    #[test]
    fn the_size_is_brought_up_to_date_in_both_directories() {
        for little_endian in [true, false] {
            let mut exif = sized_block(little_endian);
            let order = Order::of(&exif).unwrap();
            set_size(&mut exif, 300, 200);
            for (at, length, size) in [(18, 2, 300), (30, 4, 200), (60, 2, 300), (72, 4, 200)] {
                assert_eq!(order.number(&exif, at, length), Some(size), "{at}");
            }
            assert_eq!(exif.len(), sized_block(little_endian).len());
        }
    }

    proptest! {
        #[test]
        fn nonsense_is_survived(
            mut exif in prop::collection::vec(any::<u8>(), 0..64),
            header in prop::bool::ANY,
        ) {
            if header && exif.len() >= 4 {
                exif[..4].copy_from_slice(b"II*\0");
            }
            make_upright(&mut exif);
            set_size(&mut exif, 7, 5);
        }

        #[test]
        fn damaged_blocks_are_survived(at in any::<prop::sample::Index>(), byte: u8) {
            let mut exif = sized_block(true);
            let at = at.index(exif.len());
            exif[at] = byte;
            make_upright(&mut exif);
            set_size(&mut exif, 7, 5);
        }
    }
}
