use image::metadata::Orientation;
use proptest::prelude::*;

use super::tiff::Order;
use super::*;

/// A block with orientation and camera maker, and a link to a thumbnail directory.
pub(in crate::photo) fn block(orientation: u8, little_endian: bool) -> Vec<u8> {
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

/// An entry of bytes or text.
type Field = (u16, u16, Vec<u8>);

const TEXT: u16 = 2;
const LONG: u16 = 4;
const OPAQUE: u16 = 7;

fn length_of(fields: &[Field]) -> usize {
    let values = fields.iter().map(|(.., value)| value.len());
    let elsewhere: usize = values
        .filter(|&length| length > 4)
        .map(|length| length.next_multiple_of(2))
        .sum();
    2 + 12 * fields.len() + 4 + elsewhere
}

/// A directory that begins at `at`, little-endian, its values after it.
fn directory(at: usize, fields: &[Field], next: usize) -> Vec<u8> {
    let mut entries = (fields.len() as u16).to_le_bytes().to_vec();
    let mut values = Vec::new();
    let values_at = at + 2 + 12 * fields.len() + 4;
    for (tag, kind, value) in fields {
        let count = value.len() / if *kind == LONG { 4 } else { 1 };
        entries.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        entries.extend((count as u32).to_le_bytes());
        if value.len() > 4 {
            entries.extend(((values_at + values.len()) as u32).to_le_bytes());
            values.extend(value);
            values.resize(values.len().next_multiple_of(2), 0);
        } else {
            entries.extend(value);
            entries.extend(vec![0; 4 - value.len()]);
        }
    }
    entries.extend((next as u32).to_le_bytes());
    [entries, values].concat()
}

fn long(value: usize) -> Vec<u8> {
    (value as u32).to_le_bytes().to_vec()
}

fn text(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

const THUMBNAIL: &[u8] = b"\xFF\xD8\xFFthe old face\xFF\xD9";
pub(in crate::photo) const PLACE: &[u8] = b"48/1 51/1 30/1 of Paris.";

/// A camera's block: author, maker note of so many bytes, GPS, and a thumbnail of so many bytes or more.
pub(in crate::photo) fn camera_block(maker_note: usize, thumbnail: usize) -> Vec<u8> {
    let thumbnail = [THUMBNAIL, &vec![b'T'; thumbnail]].concat();
    let exif: Vec<Field> = vec![
        (0x829D, TEXT, text("f/2.8 wide open")),
        (0x927C, OPAQUE, vec![b'M'; maker_note.max(5)]),
    ];
    let gps: Vec<Field> = vec![(0x0001, TEXT, text("N")), (0x0002, OPAQUE, PLACE.to_vec())];
    let first = |exif_at, gps_at| -> Vec<Field> {
        vec![
            (0x010F, TEXT, text("A camera's maker")),
            (0x013B, TEXT, text("Ann Author")),
            (0x8298, TEXT, text("(c) 2026 Ann")),
            (0x8769, LONG, long(exif_at)),
            (0x8825, LONG, long(gps_at)),
        ]
    };
    let exif_at = 8 + length_of(&first(0, 0));
    let gps_at = exif_at + length_of(&exif);
    let second_at = gps_at + length_of(&gps);
    let second = |at| -> Vec<Field> {
        vec![
            // Shared with the first directory, as some writers do: the pointer below is patched in.
            (0x010F, TEXT, text("A camera's maker")),
            (0x0201, LONG, long(at)),
            (0x0202, LONG, long(thumbnail.len())),
        ]
    };
    let thumbnail_at = second_at + length_of(&second(0));
    let mut block = [
        b"II*\0\x08\0\0\0".to_vec(),
        directory(8, &first(exif_at, gps_at), second_at),
        directory(exif_at, &exif, 0),
        directory(gps_at, &gps, 0),
        directory(second_at, &second(thumbnail_at), 0),
        thumbnail.clone(),
    ]
    .concat();
    assert!(block[thumbnail_at..].starts_with(THUMBNAIL));
    // The maker's name in the second directory is that of the first.
    let shared: [u8; 4] = block[8 + 2 + 8..8 + 2 + 12].try_into().unwrap();
    block[second_at + 2 + 8..second_at + 2 + 12].copy_from_slice(&shared);
    block
}

pub(in crate::photo) fn contains(block: &[u8], wanted: &[u8]) -> bool {
    block.windows(wanted.len()).any(|window| window == wanted)
}

/// The text of a tag in the first directory.
fn text_of(block: &[u8], tag: usize) -> Option<String> {
    let entries = Directory::first(block)?.entries(block);
    let entry = entries.into_iter().find(|entry| entry.tag == tag)?;
    let value = block.get(entry.value())?;
    Some(
        String::from_utf8_lossy(value)
            .trim_end_matches('\0')
            .to_owned(),
    )
}

fn exif_fields(block: &[u8]) -> Vec<usize> {
    let first = Directory::first(block).unwrap();
    let exif = first.child(block, tag::EXIF_DIRECTORY).unwrap();
    exif.entries(block).iter().map(|entry| entry.tag).collect()
}

#[test]
fn the_old_thumbnail_cannot_be_carved_out_and_what_others_share_with_it_stays() {
    let mut exif = camera_block(30, 500);
    assert!(contains(&exif, THUMBNAIL));
    let length = exif.len();
    make_upright(&mut exif);
    assert!(!contains(&exif, b"old face") && !contains(&exif, b"TTT"));
    assert_eq!(exif.len(), length, "nothing moves");
    assert_eq!(text_of(&exif, 0x010F).unwrap(), "A camera's maker");
    assert_eq!(exif_fields(&exif), [0x829D, 0x927C]);
    assert!(contains(&exif, PLACE), "that is another choice");
}

#[test]
fn a_block_that_is_cut_off_gets_nothing_behind_it() {
    let whole = camera_block(300, 0);
    let mut signed = whole.clone();
    set_software(&mut signed, "A program");
    assert_eq!(text_of(&signed, tag::SOFTWARE).unwrap(), "A program");
    let end_of = |bytes: &[u8]| {
        whole
            .windows(bytes.len())
            .rposition(|it| it == bytes)
            .unwrap()
    };
    // Inside the maker note, inside the place, before the directory of the place.
    for cut in [end_of(b"MMMM"), end_of(PLACE) + 3, end_of(b"MMMM") + 6] {
        let mut block = whole[..cut].to_vec();
        set_software(&mut block, "A program");
        assert!(block == whole[..cut], "{cut}");
    }
}

#[test]
fn strips_of_pixels_are_overwritten_too() {
    let strips = b"strip one.strip two.";
    let at = 8 + 6;
    let second = |at: usize| -> Vec<Field> {
        vec![
            (0x0111, LONG, [long(at), long(at + 10)].concat()),
            (0x0117, LONG, [long(10), long(10)].concat()),
        ]
    };
    let strips_at = at + length_of(&second(0));
    let mut exif = [
        b"II*\0\x08\0\0\0".to_vec(),
        directory(8, &[], at),
        directory(at, &second(strips_at), 0),
        strips.to_vec(),
    ]
    .concat();
    make_upright(&mut exif);
    assert!(!contains(&exif, b"strip"));
}

#[test]
fn the_place_is_overwritten_not_only_unlinked() {
    let mut exif = camera_block(30, 0);
    remove_place(&mut exif);
    assert!(!contains(&exif, PLACE));
    let first = Directory::first(&exif).unwrap();
    let tags: Vec<usize> = first.entries(&exif).iter().map(|entry| entry.tag).collect();
    assert_eq!(tags, [0x010F, 0x013B, 0x8298, 0x8769]);
    assert_eq!(text_of(&exif, 0x013B).unwrap(), "Ann Author");
    assert_eq!(exif_fields(&exif), [0x829D, 0x927C]);
    // The chain to the second directory is still whole.
    make_upright(&mut exif);
    assert!(!contains(&exif, b"old face"));
}

#[test]
fn a_packet_that_tells_the_place_goes_too_and_another_stays() {
    for (packet, goes) in [
        ("<x exif:GPSLatitude='48'/>", true),
        ("<x dc:title='a'/>", false),
    ] {
        let fields: Vec<Field> = vec![
            (0x010F, TEXT, text("A maker")),
            (0x02BC, 1, packet.as_bytes().to_vec()),
        ];
        let mut exif = [b"II*\0\x08\0\0\0".to_vec(), directory(8, &fields, 0)].concat();
        remove_place(&mut exif);
        assert_eq!(contains(&exif, packet.as_bytes()), !goes, "{packet}");
        assert_eq!(text_of(&exif, 0x02BC).is_none(), goes, "{packet}");
        assert_eq!(text_of(&exif, 0x010F).unwrap(), "A maker");
    }
}

#[test]
fn credits_are_author_and_copyright_and_nothing_else() {
    let exif = camera_block(30, 100);
    let credits = credits(&exif).unwrap();
    assert_eq!(text_of(&credits, 0x013B).unwrap(), "Ann Author");
    assert_eq!(text_of(&credits, 0x8298).unwrap(), "(c) 2026 Ann");
    for gone in [&b"maker"[..], PLACE, THUMBNAIL, b"MMM", b"f/2.8"] {
        assert!(!contains(&credits, gone));
    }
    assert_eq!(super::credits(&block(1, false)), None, "it names nobody");
}

#[test]
fn a_long_block_loses_the_thumbnail_first_then_the_maker_note_then_everything() {
    const LIMIT: usize = 2000;
    let cases = [
        ((30, 0), None),
        ((30, 3000), Some(LeftOut::Thumbnail)),
        ((3000, 0), Some(LeftOut::MakerNote)),
        ((3000, 3000), Some(LeftOut::MakerNote)),
    ];
    for ((maker_note, thumbnail), left_out) in cases {
        let mut exif = camera_block(maker_note, thumbnail);
        make_upright(&mut exif);
        let (short, found) = shortened(&exif, LIMIT);
        let short = short.unwrap();
        assert_eq!(found, left_out);
        assert!(short.len() <= LIMIT);
        assert_eq!(text_of(&short, 0x013B).unwrap(), "Ann Author");
        assert!(contains(&short, PLACE));
        let has_note = left_out != Some(LeftOut::MakerNote);
        assert_eq!(exif_fields(&short).contains(&0x927C), has_note);
        if has_note {
            assert_eq!(short[..], exif[..short.len()], "nothing has moved");
        }
    }
    assert_eq!(
        shortened(&camera_block(30, 0), 50),
        (None, Some(LeftOut::All))
    );
    assert_eq!(shortened(&[7; 90], 50), (None, Some(LeftOut::All)));
}

#[test]
fn strange_blocks_cost_neither_time_nor_memory() {
    // Sixty thousand entries that all lead to the same directory, or share one large value.
    for (tag, kind, count, value) in [(0x8769_u16, LONG, 1_u32, 8_u32), (0x010F, 1, 700_000, 8)] {
        let entry = [
            &tag.to_le_bytes()[..],
            &kind.to_le_bytes(),
            &count.to_le_bytes(),
            &value.to_le_bytes(),
        ]
        .concat();
        let mut exif = b"II*\0\x08\0\0\0".to_vec();
        exif.extend(60_000_u16.to_le_bytes());
        exif.extend(entry.repeat(60_000));
        exif.extend(8_u32.to_le_bytes());
        let begun = std::time::Instant::now();
        make_upright(&mut exif);
        remove_place(&mut exif);
        credits(&exif);
        shortened(&exif, 65_527);
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }
}

proptest! {
    #[test]
    fn damaged_camera_blocks_are_survived(
        at in any::<prop::sample::Index>(),
        byte: u8,
        limit in 0_usize..400,
    ) {
        let mut exif = camera_block(30, 20);
        let at = at.index(exif.len());
        exif[at] = byte;
        let mut upright = exif.clone();
        make_upright(&mut upright);
        remove_place(&mut upright);
        credits(&exif);
        if let (Some(short), _) = shortened(&exif, limit) {
            prop_assert!(short.len() <= limit);
        }
    }
}
