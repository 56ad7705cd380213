use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, RgbImage};
use proptest::prelude::*;

use super::super::photoshop::tests::{block as resources, records};
use super::super::xmp::tests::{PACKET, long_packet};
use super::*;
use crate::photo::exif::tests::block;

fn bare() -> Vec<u8> {
    let mut bytes = Vec::new();
    let picture = RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8 * 6, y as u8 * 8, 90]));
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_icc_profile(vec![1; 300]).unwrap();
    encoder.encode_image(&picture).unwrap();
    bytes
}

fn segment(marker: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push(&mut bytes, marker, parts);
    bytes
}

/// The segments before the first scan as markers and contents.
fn segments(jpeg: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut rest = &jpeg[2..];
    let mut found = Vec::new();
    while let Some((marker, content, after)) = split_segment(rest) {
        found.push((marker, content.to_vec()));
        rest = after;
    }
    found
}

/// A camera's file: 300 dpi, EXIF, XMP, IPTC, a comment, and segments that nobody knows, in an order of
/// its own.
fn camera_file() -> Vec<u8> {
    let bare = bare();
    let tables = bare.windows(2).position(|it| it == [0xFF, 0xDB]).unwrap();
    [
        &[0xFF, START_OF_IMAGE][..],
        &segment(APP0, &[JFIF, &[1, 2, 1], &[1, 44, 1, 44, 1, 1], b"rgb"]),
        &segment(APP0, &[JFIF_EXTENSION, b"\x10a picture of old"]),
        &segment(COMMENT, &[b"first comment"]),
        &segment(APP1, &[EXIF, &block(6, true)]),
        &segment(0xE4, &[b"SAMSUNG\0 own"]),
        &segment(APP13, &[PHOTOSHOP, &resources()[..40]]),
        &segment(APP13, &[PHOTOSHOP, &resources()[40..]]),
        &segment(APP1, &[XMP, PACKET.as_bytes()]),
        &segment(APP2, &[ICC, &[2, 2], &[8; 90]]),
        &segment(APP2, &[ICC, &[1, 2], &[9; 90]]),
        &segment(APP2, &[MULTI_PICTURE, b"II*\0 positions"]),
        &segment(APP1, &[b"http://a.maker.example/\0data"]),
        &segment(COMMENT, &[b"second comment"]),
        &segment(APP14, &[ADOBE, &[0, 100, 0, 0, 0, 0, 1]]),
        &bare[tables..],
    ]
    .concat()
}

#[test]
fn all_that_a_camera_writes_is_read() {
    let metadata = read(&camera_file()).metadata;
    assert_eq!(metadata.exif, Some(block(6, true)));
    assert_eq!(metadata.xmp.as_deref(), Some(PACKET.as_bytes()));
    assert_eq!(metadata.iptc, Some(records()));
    assert_eq!(metadata.photoshop, Some(resources()));
    assert_eq!(metadata.icc_profile, Some([[9; 90], [8; 90]].concat()));
    assert_eq!(
        metadata.comments,
        [&b"first comment"[..], b"second comment"]
    );
    assert_eq!(
        metadata.density,
        Density::new((300, 1), (300, 1), DensityUnit::Inch)
    );
}

#[test]
fn spliced_into_another_file_it_is_the_same_in_the_same_order() {
    let metadata = read(&camera_file()).metadata;
    let spliced = spliced(&bare(), &metadata);
    let again = read(&spliced).metadata;
    assert_eq!(again, metadata);
    let markers: Vec<u8> = segments(&spliced)
        .iter()
        .map(|(marker, _)| *marker)
        .collect();
    let expected = [APP0, COMMENT, COMMENT, APP1, 0xE4, APP13, APP1, APP2, APP1];
    assert!(markers.starts_with(&expected), "{markers:X?}");
    let unknown = (0xE4, b"SAMSUNG\0 own".to_vec());
    assert!(segments(&spliced).contains(&unknown), "byte for byte");
    // The pixels, and nothing before them, are those of the file.
    let from_scan = |file: &[u8]| {
        let at = file.windows(2).rposition(|it| it == [0xFF, START_OF_SCAN]);
        file[at.unwrap()..].to_vec()
    };
    assert_eq!(from_scan(&spliced), from_scan(&bare()));
    let decode = |file: &[u8]| image::load_from_memory(file).unwrap();
    assert_eq!(decode(&spliced), decode(&bare()));
}

#[test]
fn splicing_a_file_with_its_own_metadata_drops_old_pictures_and_positions_only() {
    let file = camera_file();
    let metadata = read(&file).metadata;
    let spliced = spliced(&file, &metadata);
    let contains = |wanted: &[u8]| spliced.windows(wanted.len()).any(|it| it == wanted);
    assert!(!contains(b"a picture of old") && !contains(MULTI_PICTURE));
    let adobe = segments(&spliced)
        .into_iter()
        .find(|(marker, _)| *marker == APP14);
    assert!(adobe.is_some(), "the decoder needs it");
    assert_eq!(read(&spliced).metadata, metadata);
}

#[test]
fn without_metadata_nothing_but_the_picture_is_left() {
    let spliced = spliced(&camera_file(), &Metadata::default());
    let markers: Vec<u8> = segments(&spliced)
        .iter()
        .map(|(marker, _)| *marker)
        .collect();
    let application = markers
        .iter()
        .filter(|marker| (APP0..=APP15).contains(*marker));
    assert_eq!(application.copied().collect::<Vec<_>>(), [APP0, APP14]);
    assert!(!markers.contains(&COMMENT));
    assert_eq!(segments(&spliced)[0].1, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
}

#[test]
fn extended_xmp_survives_as_it_is() {
    let (main, extension) = xmp::fitted(&long_packet(200_000), 60_000).unwrap();
    let metadata = Metadata {
        xmp: Some(main),
        xmp_extension: extension,
        ..Metadata::default()
    };
    assert!(metadata.xmp_extension.as_ref().unwrap().len() > 100_000);
    let again = read(&spliced(&bare(), &metadata)).metadata;
    assert_eq!(again.xmp, metadata.xmp);
    assert_eq!(again.xmp_extension, metadata.xmp_extension);
}

#[test]
fn long_profiles_and_resources_take_several_segments() {
    let metadata = Metadata {
        icc_profile: Some((0..200_000u32).map(|n| n as u8).collect()),
        photoshop: Some([b"8BIM\x04\x08\0\0\0\x02\0\0".to_vec(), vec![5; 131_072]].concat()),
        ..Metadata::default()
    };
    let again = read(&spliced(&bare(), &metadata)).metadata;
    assert_eq!(again.icc_profile, metadata.icc_profile);
    assert_eq!(again.photoshop, metadata.photoshop);
}

#[test]
fn what_is_no_jpeg_comes_back_as_it_is() {
    for bytes in [&b""[..], b"\xFF", b"\x89PNG", b"\xFF\xD9\xFF\xD8"] {
        assert_eq!(spliced(bytes, &Metadata::default()), bytes);
    }
}

proptest! {
    #[test]
    fn damaged_files_are_survived(at in 0_usize..1200, byte: u8, length in 0_usize..4000) {
        let mut file = camera_file();
        if let Some(place) = file.get_mut(at) {
            *place = byte;
        }
        file.truncate(length);
        let metadata = read(&file).metadata;
        spliced(&file, &metadata);
    }
}

#[test]
fn segments_behind_stray_bytes_are_replaced_too() {
    let whole = camera_file();
    let (start, segments) = whole.split_at(2);
    let file = [start, &[0, 7, 0xFF, 0x01], segments].concat();
    assert_eq!(read(&file).metadata, read(&whole).metadata);
    let none = Metadata::default();
    let again = spliced(&file, &none);
    assert_eq!(read(&again).metadata.exif, None);
    assert_eq!(again, spliced(&whole, &none));
}
