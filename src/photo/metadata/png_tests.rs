use std::io::Cursor;

use proptest::prelude::*;

use super::super::photoshop::tests::{block as resources, records};
use super::super::xmp::tests::PACKET;
use super::*;
use crate::photo::exif::tests::block;

fn file(chunks: &[PngChunk]) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    let ends = [(*b"IHDR", vec![0; 13]), (*b"IDAT", vec![1; 9])];
    let [header, data] = ends.map(|(kind, content)| PngChunk { kind, content });
    for chunk in [&header].into_iter().chain(chunks).chain([&data]) {
        bytes.extend((chunk.content.len() as u32).to_be_bytes());
        bytes.extend(chunk.kind);
        bytes.extend(&chunk.content);
        bytes.extend(crc(&chunk.kind, &chunk.content).to_be_bytes());
    }
    bytes
}

fn chunk(kind: &[u8; 4], content: &[u8]) -> PngChunk {
    PngChunk {
        kind: *kind,
        content: content.to_vec(),
    }
}

fn read_back(chunks: &[PngChunk]) -> Metadata {
    read(&mut Cursor::new(file(chunks))).unwrap().metadata
}

fn rich() -> Metadata {
    Metadata {
        icc_profile: Some(vec![3; 500]),
        exif: Some(block(1, true)),
        xmp: Some(PACKET.as_bytes().to_vec()),
        iptc: Some(records()),
        photoshop: Some(resources()),
        texts: vec![
            chunk(b"tEXt", b"Title\0Bride"),
            chunk(b"iTXt", b"Author\0\0\0de\0\0Ann"),
        ],
        density: Density::new((11_811, 1), (11_811, 1), DensityUnit::Metre),
        png_gamma: Some(100_000),
        png_chromaticities: Some([
            31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000,
        ]),
        cicp: Some([9, 16, 0, 1]),
        png_chunks: vec![
            chunk(b"tIME", &[7, 232, 5, 1, 10, 0, 0]),
            chunk(b"oFFs", &[0; 9]),
        ],
        ..Metadata::default()
    }
}

#[test]
fn all_chunks_come_back() {
    assert_eq!(read_back(&chunks(&rich()).unwrap()), rich());
}

#[test]
fn raw_profiles_are_read_however_they_are_called() {
    let exif = block(6, false);
    let prefixed = [b"Exif\0\0", &exif[..]].concat();
    let xmp = [jpeg_xmp(), PACKET.as_bytes()].concat();
    for (kind, bytes) in [("exif", &prefixed), ("APP1", &prefixed), ("exif", &exif)] {
        let content = raw_profile::written(kind, bytes).unwrap();
        let metadata = read_back(&[chunk(b"zTXt", &content)]);
        assert_eq!(metadata.exif.as_ref(), Some(&exif), "{kind}");
        assert!(metadata.texts.is_empty(), "no second copy goes along");
    }
    let content = raw_profile::written("APP1", &xmp).unwrap();
    let metadata = read_back(&[chunk(b"zTXt", &content)]);
    assert_eq!(metadata.xmp.as_deref(), Some(PACKET.as_bytes()));
    for (kind, bytes) in [
        ("iptc", resources()),
        ("8bim", resources()),
        ("iptc", records()),
    ] {
        let content = raw_profile::written(kind, &bytes).unwrap();
        assert_eq!(
            read_back(&[chunk(b"zTXt", &content)]).iptc,
            Some(records()),
            "{kind}"
        );
    }
    // Without compression, in capital letters, in one line.
    let digits: String = exif.iter().map(|byte| format!("{byte:02X}")).collect();
    let text = format!(
        "Raw profile type exif\0\nexif\n  {}\n{digits}\n",
        exif.len()
    );
    assert_eq!(
        read_back(&[chunk(b"tEXt", text.as_bytes())]).exif,
        Some(exif.clone())
    );
    // An EXIF chunk has the last word.
    let content = raw_profile::written("exif", b"II*\0other").unwrap();
    let both = [chunk(b"eXIf", &exif), chunk(b"zTXt", &content)];
    assert_eq!(read_back(&both).exif, Some(exif));
}

fn jpeg_xmp() -> &'static [u8] {
    crate::photo::jpeg::marker::XMP
}

#[test]
fn profiles_that_make_no_sense_stay_texts() {
    for text in [
        &b"\nexif\n 4\nzz00aa11\n"[..],
        b"\nexif\n 9\n4949\n",
        b"\nexif\n",
        b"",
        b"\nwhatever\n 2\n0102\n",
    ] {
        let content = [b"Raw profile type exif\0", text].concat();
        let metadata = read_back(&[chunk(b"tEXt", &content)]);
        assert_eq!(metadata.exif, None);
        assert_eq!(metadata.texts.len(), 1);
    }
}

#[test]
fn bombs_are_not_inflated_and_wrong_checksums_passed_over() {
    let zeros = deflated(&vec![b'0'; MOST_INFLATED_BYTES as usize + 10]).unwrap();
    let bomb = [b"Raw profile type exif\0\0", &zeros[..]].concat();
    let profile = [b"bomb\0\0", &zeros[..]].concat();
    let metadata = read_back(&[chunk(b"zTXt", &bomb), chunk(b"iCCP", &profile)]);
    assert_eq!((metadata.exif, metadata.icc_profile), (None, None));

    let mut damaged = file(&[chunk(b"gAMA", &100_000u32.to_be_bytes())]);
    let at = damaged.windows(4).position(|it| it == b"gAMA").unwrap();
    damaged[at + 5] ^= 1;
    let read = read(&mut Cursor::new(damaged)).unwrap();
    assert_eq!(read.metadata.png_gamma, None);
}

#[test]
fn chunks_about_stored_pixels_are_not_carried() {
    let stored = [
        chunk(b"bKGD", &[0; 6]),
        chunk(b"tRNS", &[0; 6]),
        chunk(b"acTL", &[0; 8]),
        chunk(b"iDOT", &[0; 28]),
        chunk(b"sBIT", &[8; 3]),
    ];
    let content = read(&mut Cursor::new(file(&stored))).unwrap();
    assert!(content.is_animated && content.has_pixel_chunks);
    assert_eq!(content.metadata.png_chunks, []);
    // Transparency and the animation are told in another way.
    let content = read(&mut Cursor::new(file(&stored[1..3]))).unwrap();
    assert!(!content.has_pixel_chunks);
}

proptest! {
    #[test]
    fn damaged_files_are_survived(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = file(&chunks(&rich()).unwrap());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let content = read(&mut Cursor::new(&bytes)).unwrap();
        chunks(&content.metadata).unwrap();
        bytes.truncate(at);
        read(&mut Cursor::new(&bytes)).unwrap();
    }

    #[test]
    fn texts_of_nonsense_are_survived(text in prop::collection::vec(any::<u8>(), 0..80)) {
        RawProfile::read(&text);
        for kind in [b"tEXt", b"zTXt", b"iTXt"] {
            super::text(&chunk(kind, &text));
        }
    }
}
