use super::super::photoshop::tests::{block as resources, records};
use super::super::xmp::tests::{PACKET, long_packet};
use super::*;
use crate::photo::exif::tests::{camera_block, contains};
use crate::photo::{Density, DensityUnit};

fn rich() -> Metadata {
    let text = |kind: &[u8; 4], content: &[u8]| PngChunk {
        kind: *kind,
        content: content.to_vec(),
    };
    Metadata {
        icc_profile: Some(vec![3; 500]),
        exif: Some(camera_block(40, 0)),
        xmp: Some(PACKET.as_bytes().to_vec()),
        iptc: Some(records()),
        photoshop: Some(resources()),
        comments: vec![b"shot on film".to_vec()],
        texts: vec![
            text(b"tEXt", b"Title\0Bride"),
            text(b"tEXt", b"Author\0Ann"),
            text(b"tEXt", b"exif:GPSLatitude\0 48/1"),
        ],
        density: Density::new((300, 1), (300, 1), DensityUnit::Inch),
        png_chunks: vec![text(b"tIME", &[0; 7])],
        jpeg_parts: vec![JpegPart::Other {
            marker: 0xE4,
            content: b"GPS log of a drone".to_vec(),
        }],
        ..Metadata::default()
    }
}

fn lost(format: Format) -> Vec<Part> {
    let (_, losses) = rich().prepared(format, Strip::None, true);
    let parts = losses.iter().filter_map(|loss| match loss {
        Warning::Dropped { part, format: of } if *of == format => Some(*part),
        _ => None,
    });
    parts.collect()
}

#[test]
fn what_each_format_cannot_hold_is_said_by_name() {
    assert_eq!(lost(Format::Png), [Part::JpegSegments]);
    assert_eq!(lost(Format::Jpeg), [Part::Texts, Part::PngChunks]);
    assert_eq!(
        lost(Format::Tiff),
        [
            Part::Comments,
            Part::Texts,
            Part::PngChunks,
            Part::JpegSegments
        ]
    );
    let webp = [
        Part::Iptc,
        Part::PhotoshopResources,
        Part::Comments,
        Part::Texts,
        Part::PngChunks,
        Part::JpegSegments,
        Part::Density,
    ];
    assert_eq!(lost(Format::WebP), webp);
    let bmp = lost(Format::Bmp);
    for part in [Part::Exif, Part::Xmp, Part::Iptc, Part::ColourProfile] {
        assert!(bmp.contains(&part), "{part}");
    }
    let warning = Warning::Dropped {
        part: Part::Iptc,
        format: Format::Bmp,
    };
    assert_eq!(
        warning.to_string(),
        "IPTC (caption, by-line, keywords) cannot be kept in BMP files"
    );
}

#[test]
fn what_is_said_is_what_is_done() {
    for format in Format::ALL {
        for strip in Strip::ALL {
            let (metadata, losses) = rich().prepared(format, strip, false);
            let wanted = rich().without(strip);
            let is_lost = |part| losses.contains(&Warning::Dropped { part, format });
            for (part, wanted, kept) in [
                (Part::Exif, wanted.exif.is_some(), metadata.exif.is_some()),
                (Part::Xmp, wanted.xmp.is_some(), metadata.xmp.is_some()),
                (Part::Iptc, wanted.iptc.is_some(), metadata.iptc.is_some()),
            ] {
                assert_eq!(wanted && !kept, is_lost(part), "{format} {strip} {part}");
                assert!(wanted || !kept, "{format} {strip} {part}");
            }
        }
    }
}

#[test]
fn nothing_to_change_changes_no_byte() {
    for format in [Format::Png, Format::Jpeg, Format::Tiff] {
        let (metadata, _) = rich().prepared(format, Strip::None, false);
        assert_eq!(metadata.exif, rich().exif);
        assert_eq!(metadata.xmp, rich().xmp);
        assert_eq!(metadata.photoshop, rich().photoshop);
    }
}

#[test]
fn an_edited_photo_says_so_once_unless_everything_is_stripped() {
    for format in [Format::Png, Format::Jpeg, Format::Tiff, Format::WebP] {
        for strip in Strip::ALL {
            let (metadata, _) = rich().prepared(format, strip, true);
            let says = matches!(strip, Strip::None | Strip::Gps);
            let exif = metadata.exif.unwrap_or_default();
            assert_eq!(
                contains(&exif, SOFTWARE.as_bytes()),
                says,
                "{format} {strip}"
            );
            let packet = metadata.xmp.unwrap_or_default();
            let agent = format!("<stEvt:softwareAgent>{SOFTWARE}<");
            assert_eq!(
                contains(&packet, agent.as_bytes()),
                says,
                "{format} {strip}"
            );
        }
    }
    let (bare, _) = Metadata::default().prepared(Format::Png, Strip::None, true);
    assert!(bare.exif.is_none() && bare.xmp.is_some());
    let (untouched, _) = Metadata::default().prepared(Format::Png, Strip::None, false);
    assert_eq!(untouched, Metadata::default());
}

#[test]
fn the_software_is_named_at_the_end_and_nothing_moves() {
    let (metadata, _) = rich().prepared(Format::Png, Strip::None, true);
    let (old, new) = (camera_block(40, 0), metadata.exif.unwrap());
    let note = old.windows(5).position(|it| it == b"MMMMM").unwrap();
    assert_eq!(old[note..note + 40], new[note..note + 40]);
    // A second edit changes nothing.
    let mut again = new.clone();
    exif::set_software(&mut again, SOFTWARE);
    assert_eq!(again, new);
    // Another program's name gives way.
    let mut other = camera_block(40, 0);
    exif::set_software(&mut other, "Another Program 7");
    exif::set_software(&mut other, SOFTWARE);
    assert!(!contains(&other, b"Another Program"));
    assert!(contains(&other, SOFTWARE.as_bytes()));
    assert!(contains(&other, b"Ann Author"));
}

#[test]
fn stripping_follows_into_every_kind_of_metadata() {
    let tells = |metadata: &Metadata, wanted: &[u8]| {
        let texts = metadata.texts.iter().map(|text| text.content.clone());
        let others = metadata.jpeg_parts.iter().filter_map(|part| match part {
            JpegPart::Other { content, .. } => Some(content.clone()),
            _ => None,
        });
        let blocks = [
            &metadata.exif,
            &metadata.xmp,
            &metadata.iptc,
            &metadata.photoshop,
        ];
        (blocks.into_iter().flatten().cloned())
            .chain(metadata.comments.iter().cloned())
            .chain(texts)
            .chain(others)
            .any(|block| contains(&block, wanted))
    };
    for (strip, expected) in [
        (Strip::None, [true, true, true, true, true]),
        (Strip::Gps, [false, true, true, true, true]),
        (Strip::Private, [false, true, false, false, false]),
        (Strip::All, [false, false, false, false, false]),
    ] {
        let metadata = rich().without(strip);
        let words: [(&[&[u8]], bool); 5] = [
            (&[b"GPS", b"Wien", b"48/1"], expected[0]),
            (&[b"Ann Author", b"Ann &amp; Bob", b"(c) Ann"], expected[1]),
            (&[b"Bride", b"Rating"], expected[2]),
            (&[b"shot on film", b"Title"], expected[3]),
            (&[b"clip1"], expected[4]),
        ];
        for (words, is_there) in words {
            for word in words {
                let name = String::from_utf8_lossy(word);
                assert_eq!(tells(&metadata, word), is_there, "{strip} {name}");
            }
        }
        assert!(metadata.icc_profile.is_some(), "colours need it");
    }
}

#[test]
fn a_maker_note_that_moves_is_said() {
    let camera = Metadata {
        exif: Some(camera_block(1000, 10)),
        ..Metadata::default()
    };
    for (format, expected) in [
        (Format::Tiff, &[Warning::MakerNoteMoved][..]),
        (Format::Jpeg, &[]),
        (Format::Png, &[]),
    ] {
        let (_, losses) = camera.prepared(format, Strip::None, true);
        assert_eq!(losses, expected, "{format}");
    }
}

#[test]
fn comments_change_between_jpeg_and_png() {
    let (png, losses) = rich().prepared(Format::Png, Strip::None, false);
    let comment = png.texts.last().unwrap();
    assert_eq!(png::keyword(comment), b"Comment");
    assert_eq!(png::text(comment).unwrap(), b"shot on film");
    assert!(
        !losses
            .iter()
            .any(|it| it.to_string().starts_with("comments"))
    );
    let (jpeg, _) = png.prepared(Format::Jpeg, Strip::None, false);
    assert_eq!(jpeg.comments, [b"shot on film"]);
}

#[test]
fn long_packets_are_split_for_jpeg_and_whole_for_the_others() {
    let long = Metadata {
        xmp: Some(long_packet(150_000)),
        ..Metadata::default()
    };
    let (jpeg, losses) = long.prepared(Format::Jpeg, Strip::None, true);
    assert!(jpeg.xmp.as_ref().unwrap().len() <= XMP_BYTES && jpeg.xmp_extension.is_some());
    assert_eq!(losses, []);
    let (png, _) = jpeg.prepared(Format::Png, Strip::None, false);
    assert!(contains(png.xmp.as_ref().unwrap(), b"<odd:Mask3>mmm"));
    assert_eq!(png.xmp_extension, None);
    let nonsense = Metadata {
        xmp: Some(vec![b'x'; 70_000]),
        ..Metadata::default()
    };
    let (jpeg, losses) = nonsense.prepared(Format::Jpeg, Strip::None, true);
    assert_eq!((jpeg.xmp, losses), (None, vec![Warning::XmpTooLong]));
}

#[test]
fn the_colours_of_a_png_file_are_missed_only_where_they_say_something() {
    let with = |gamma| Metadata {
        png_gamma: Some(gamma),
        ..Metadata::default()
    };
    for (metadata, is_lost) in [(with(45_455), false), (with(100_000), true)] {
        let (_, losses) = metadata.prepared(Format::Jpeg, Strip::All, false);
        assert_eq!(!losses.is_empty(), is_lost, "{losses:?}");
    }
}
