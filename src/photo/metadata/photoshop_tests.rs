use proptest::prelude::*;

use super::*;

fn data_set((record, number): (u8, u8), text: &str) -> Vec<u8> {
    let length = (text.len() as u16).to_be_bytes();
    [&[0x1C, record, number], &length[..], text.as_bytes()].concat()
}

/// Caption, by-line, copyright, city.
pub(in crate::photo) fn records() -> Vec<u8> {
    [
        data_set((1, 90), "\x1B%G"),
        data_set((2, 0), "\0\x04"),
        data_set((2, 80), "Ann Author"),
        data_set((2, 90), "Wien"),
        data_set((2, 116), "(c) Ann"),
        data_set((2, 120), "Bride and groom"),
    ]
    .concat()
}

/// A block of resolution, IPTC with digest, a thumbnail, a clipping path with a name.
pub(in crate::photo) fn block() -> Vec<u8> {
    let path = [b"8BIM\x07\xD0\x05clip1\0\0\0\x03", &b"abc\0"[..]].concat();
    [
        written(0x03ED, b"resolution").unwrap(),
        written(resource::IPTC, &records()).unwrap(),
        written(resource::IPTC_DIGEST, &[7; 16]).unwrap(),
        written(0x040C, b"the old face in JPEG").unwrap(),
        path,
        written(resource::URL, b"https://ann.example").unwrap(),
    ]
    .concat()
}

fn contains(block: &[u8], wanted: &[u8]) -> bool {
    block.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn records_are_found_and_put_back_to_the_bit() {
    assert_eq!(iptc(&block()), Some(records()));
    assert_eq!(with_iptc(&block(), Some(&records())), block());
    let alone = with_iptc(b"", Some(&records()));
    assert_eq!(iptc(&alone), Some(records()));
    assert_eq!(with_iptc(b"", None), b"");
}

#[test]
fn other_records_take_their_place_and_the_digest_goes() {
    let changed = with_iptc(&block(), Some(&data_set((2, 80), "Bob")));
    assert_eq!(iptc(&changed), Some(data_set((2, 80), "Bob")));
    assert!(!contains(&changed, &[7; 16]) && !contains(&changed, b"Bride"));
    assert!(contains(&changed, b"clip1") && contains(&changed, b"resolution"));
    let without = with_iptc(&block(), None);
    assert_eq!(iptc(&without), None);
    assert!(contains(&without, b"clip1"));
}

#[test]
fn the_old_thumbnail_is_taken_out() {
    let mut pictureless = Some(block());
    remove_pictures(&mut pictureless);
    let pictureless = pictureless.unwrap();
    assert!(!contains(&pictureless, b"old face"));
    assert_eq!(iptc(&pictureless), Some(records()));
    let expected = block().len() - written(0x040C, b"the old face in JPEG").unwrap().len();
    assert_eq!(pictureless.len(), expected);
}

#[test]
fn the_place_and_all_but_the_credits_can_be_left_out() {
    let placeless = iptc_without_place(&records()).unwrap();
    assert!(!contains(&placeless, b"Wien") && contains(&placeless, b"Bride"));
    let credits = iptc_credits(&records()).unwrap();
    assert!(contains(&credits, b"Ann Author") && contains(&credits, b"(c) Ann"));
    assert!(!contains(&credits, b"Wien") && !contains(&credits, b"Bride"));
    assert!(
        credits.starts_with(&data_set((1, 90), "\x1B%G")),
        "the character set is needed"
    );
    assert_eq!(iptc_credits(&data_set((2, 120), "only a caption")), None);
    let mut block = Some(block());
    retain_credits(&mut block);
    assert_eq!(block, written(resource::URL, b"https://ann.example"));
}

#[test]
fn long_data_sets_are_read() {
    let long = [&[0x1C, 2, 120, 0x80, 4, 0, 1, 0, 0][..], &[b'x'; 65_536]].concat();
    let records = [long.clone(), data_set((2, 90), "Wien")].concat();
    assert_eq!(iptc_without_place(&records), Some(long));
}

proptest! {
    #[test]
    fn damaged_blocks_are_survived(at in any::<prop::sample::Index>(), byte: u8) {
        let mut damaged = block();
        let at = at.index(damaged.len());
        damaged[at] = byte;
        let found = iptc(&damaged);
        let same = with_iptc(&damaged, found.as_deref());
        prop_assert_eq!(&same, &damaged);
        remove_pictures(&mut Some(damaged.clone()));
        retain_credits(&mut Some(damaged.clone()));
        iptc_without_place(&damaged);
        iptc_credits(&damaged);
    }
}
