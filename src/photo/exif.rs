//! The two things that must change in an EXIF block when its picture changes.
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
    let little_endian = match exif.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let number = |bytes: &[u8]| {
        let digits = bytes.iter().copied();
        let add = |sum: usize, byte: u8| sum << 8 | usize::from(byte);
        if little_endian {
            digits.rev().fold(0, add)
        } else {
            digits.fold(0, add)
        }
    };
    let directory = number(exif.get(4..8)?);
    let entries = number(exif.get(directory..directory.checked_add(2)?)?);
    let next = directory + 2 + entries * ENTRY_BYTES;
    exif.get_mut(next..next + 4)?.fill(0);
    Some(())
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
        }
    }
}
