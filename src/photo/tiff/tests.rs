use std::path::Path;

use image::{DynamicImage, ImageBuffer, LumaA, Rgb, RgbImage, Rgba};
use proptest::prelude::*;

use super::super::directory::{Order, bytes_of_kind};
use super::*;
use crate::photo::exif::fields_below;
use crate::photo::{Density, DensityUnit, Limits, Overwrite, Photo, SaveOptions, Strip};

#[path = "float_tests.rs"]
mod floats;
#[path = "storage_tests.rs"]
mod storage;

const BYTE: u16 = 1;
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const FRACTION: u16 = 5;
const UNDEFINED: u16 = 7;

/// A directory to be written: entries of numbers, directories below it, one strip.
#[derive(Clone, Default)]
struct Page {
    entries: Vec<(u16, u16, Vec<u64>)>,
    below: Vec<(u16, Page)>,
    strip: Vec<u8>,
}

impl Page {
    fn with(mut self, tag: u16, kind: u16, values: &[u64]) -> Self {
        self.entries.retain(|(other, ..)| *other != tag);
        self.entries.push((tag, kind, values.to_vec()));
        self
    }

    fn text(self, tag: u16, kind: u16, text: &[u8]) -> Self {
        let values: Vec<u64> = text.iter().map(|byte| (*byte).into()).collect();
        self.with(tag, kind, &values)
    }

    fn above(mut self, tag: u16, page: Page) -> Self {
        self.below.push((tag, page));
        self
    }
}

/// A picture of these samples, without compression.
fn page(size: (u32, u32), photometric: u64, bits: u64, channels: usize, strip: &[u8]) -> Page {
    let page = Page {
        strip: strip.to_vec(),
        ..Page::default()
    };
    page.with(tag::WIDTH, LONG, &[size.0.into()])
        .with(tag::LENGTH, LONG, &[size.1.into()])
        .with(tag::BITS_PER_SAMPLE, SHORT, &vec![bits; channels])
        .with(tag::COMPRESSION, SHORT, &[1])
        .with(tag::PHOTOMETRIC, SHORT, &[photometric])
        .with(tag::SAMPLES_PER_PIXEL, SHORT, &[channels as u64])
        .with(278, LONG, &[size.1.into()])
}

/// A file of pages, in a byte order, classic or big.
fn file(order: Order, is_big: bool, pages: &[Page]) -> Vec<u8> {
    let mark = if order == Order::Little { b"II" } else { b"MM" };
    let mut bytes = mark.to_vec();
    bytes.extend(order.bytes(if is_big { 43 } else { 42 }, 2));
    if is_big {
        bytes.extend([order.bytes(8, 2), order.bytes(0, 2)].concat());
    }
    let pointer = if is_big { 8 } else { 4 };
    let mut link = bytes.len();
    bytes.resize(bytes.len() + pointer, 0);
    for page in pages {
        let (at, next) = push(&mut bytes, order, is_big, page);
        bytes[link..link + pointer].copy_from_slice(&order.bytes(at as u64, pointer));
        link = next;
    }
    bytes
}

/// Appends a page; where it stands, and where the position of the next one does.
fn push(bytes: &mut Vec<u8>, order: Order, is_big: bool, page: &Page) -> (usize, usize) {
    let (pointer, count_bytes) = if is_big { (8, 8) } else { (4, 2) };
    let mut entries = page.entries.clone();
    for (tag, below) in &page.below {
        let (at, _) = push(bytes, order, is_big, below);
        entries.push((*tag, LONG, vec![at as u64]));
    }
    if !page.strip.is_empty() {
        entries.push((273, LONG, vec![bytes.len() as u64]));
        entries.push((279, LONG, vec![page.strip.len() as u64]));
        bytes.extend(&page.strip);
    }
    entries.sort();
    let mut written = Vec::new();
    for (tag, kind, values) in &entries {
        let (size, per_value) = match *kind {
            FRACTION => (4, 2),
            kind => (bytes_of_kind(kind) as usize, 1),
        };
        let value: Vec<u8> = values
            .iter()
            .flat_map(|it| order.bytes(*it, size))
            .collect();
        written.extend(
            [
                order.bytes((*tag).into(), 2),
                order.bytes((*kind).into(), 2),
            ]
            .concat(),
        );
        written.extend(order.bytes((values.len() / per_value) as u64, pointer));
        if value.len() <= pointer {
            written.extend(&value);
            written.resize(written.len() + pointer - value.len(), 0);
        } else {
            written.extend(order.bytes(bytes.len() as u64, pointer));
            bytes.extend(value);
        }
    }
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    let at = bytes.len();
    bytes.extend(order.bytes(entries.len() as u64, count_bytes));
    bytes.extend(written);
    bytes.extend(vec![0; pointer]);
    (at, bytes.len() - pointer)
}

fn load(bytes: &[u8]) -> Result<Photo, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.tif");
    std::fs::write(&path, bytes).unwrap();
    Photo::load(&path, &Limits::default())
}

fn little(pages: &[Page]) -> Result<Photo, Error> {
    load(&file(Order::Little, false, pages))
}

/// The photo as a TIFF file.
fn saved(photo: &Photo) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.tif");
    let options = SaveOptions {
        overwrite: Overwrite::Never,
        strip: Strip::None,
        ..SaveOptions::for_path(Path::new("saved.tif")).unwrap()
    };
    let losses = photo.save(&path, &options).unwrap();
    assert!(losses.iter().all(|loss| *loss == Warning::MakerNoteMoved));
    std::fs::read(&path).unwrap()
}

fn colours() -> RgbImage {
    RgbImage::from_fn(6, 4, |x, y| Rgb([x as u8 * 40, y as u8 * 60, 7]))
}

fn rgb_page() -> Page {
    page((6, 4), 2, 8, 3, &colours())
}

#[test]
fn classic_and_big_files_of_both_byte_orders_are_read() {
    for order in [Order::Little, Order::Big] {
        for is_big in [false, true] {
            let photo = load(&file(order, is_big, &[rgb_page()])).unwrap();
            assert_eq!(photo.pixels(), &colours().into(), "{order:?} {is_big}");
            assert_eq!(photo.warnings(), []);
            let deep: Vec<u8> = (0..72).flat_map(|n| order.bytes(n * 900, 2)).collect();
            let photo = load(&file(order, is_big, &[page((6, 4), 2, 16, 3, &deep)])).unwrap();
            let expected = ImageBuffer::from_fn(6, 4, |x, y| {
                Rgb([0, 1, 2].map(|c| ((y * 18 + x * 3 + c) * 900) as u16))
            });
            assert_eq!(photo.pixels(), &expected.into(), "{order:?} {is_big}");
        }
    }
}

#[test]
fn palettes_become_their_colours() {
    let map = |scale: u64| -> Vec<u64> {
        (0..3)
            .flat_map(|c| (0..16).map(move |n| n * (c + 1) * scale))
            .collect()
    };
    // Two pixels a byte, one row with a pixel and padding at its end.
    let packed = [0x0F, 0x70, 0x12, 0x30];
    for scale in [257, 1] {
        let picture = page((3, 2), 3, 4, 1, &packed).with(tag::COLOR_MAP, SHORT, &map(scale));
        let photo = little(&[picture]).unwrap();
        let indices = [0, 15, 7, 1, 2, 3];
        let expected: Vec<u8> = indices.iter().flat_map(|n| [*n, n * 2, n * 3]).collect();
        assert_eq!(photo.pixels().as_bytes(), expected, "{scale}");
    }
    let error = little(&[page((3, 2), 3, 8, 1, &[0; 6])]).unwrap_err();
    assert!(error.to_string().contains("palette"), "{error}");
}

#[test]
fn grey_of_every_depth_and_of_negatives_is_read() {
    let photo = little(&[page((9, 1), 0, 1, 1, &[0b1010_0000, 0])]).unwrap();
    assert_eq!(
        photo.pixels().as_bytes(),
        [0, 255, 0, 255, 255, 255, 255, 255, 255]
    );
    let photo = little(&[page((4, 1), 1, 2, 1, &[0b0001_1011])]).unwrap();
    assert_eq!(photo.pixels().as_bytes(), [0, 85, 170, 255]);
    let photo = little(&[page((2, 1), 0, 16, 1, &[1, 0, 0xFF, 0xFF])]).unwrap();
    assert_eq!(photo.pixels().as_bytes(), [0xFE, 0xFF, 0, 0]);
}

#[test]
fn planes_are_put_together() {
    let planes: Vec<u8> = (0..3)
        .flat_map(|c| colours().pixels().map(|p| p.0[c]).collect::<Vec<_>>())
        .collect();
    let plane = planes.len() as u64 / 3;
    let mut picture = page((6, 4), 2, 8, 3, &[]).with(284, SHORT, &[2]);
    // Behind the header, before the directory.
    picture = picture
        .with(273, LONG, &[8, 8 + plane, 8 + 2 * plane])
        .with(279, LONG, &[plane; 3]);
    let mut bytes = b"II*\0\0\0\0\0".to_vec();
    bytes.extend(planes);
    let (at, _) = push(&mut bytes, Order::Little, false, &picture);
    bytes[4..8].copy_from_slice(&(at as u32).to_le_bytes());
    assert_eq!(load(&bytes).unwrap().pixels(), &colours().into());
}

#[test]
fn alpha_stays_of_its_kind_to_the_bit() {
    // Colours multiplied by every alpha there is.
    let premultiplied: Vec<u8> = (0..=255u8)
        .flat_map(|alpha| {
            (0..16).flat_map(move |n| {
                let level = (u32::from(alpha) * n / 15) as u8;
                [level, alpha, level / 2, alpha]
            })
        })
        .collect();
    for (kind, is_associated) in [(1, true), (2, false)] {
        let picture =
            page((256, 16), 2, 8, 4, &premultiplied).with(tag::EXTRA_SAMPLES, SHORT, &[kind]);
        let photo = little(&[picture]).unwrap();
        let pixel = *photo.pixels().as_rgba8().unwrap().get_pixel(15, 8);
        let expected = if is_associated { 255 } else { pixel.0[3] };
        assert_eq!(pixel.0[1], expected, "not dark at the edges");

        let written = saved(&photo);
        let (mut read, first) = TiffFile::open(std::io::Cursor::new(&written))
            .unwrap()
            .unwrap();
        let directory = read.directory(first).unwrap();
        assert_eq!(
            read.numbers(&directory, tag::EXTRA_SAMPLES).unwrap(),
            [kind]
        );
        let stored = written
            .windows(premultiplied.len())
            .any(|it| it == premultiplied);
        assert!(stored, "{kind}: the stored samples are the same");
    }
    let grey = ImageBuffer::from_fn(5, 3, |x, y| LumaA([x as u16 * 9000, 60_000 - y as u16]));
    let samples: Vec<u8> = grey.iter().flat_map(|n| n.to_le_bytes()).collect();
    let picture = page((5, 3), 1, 16, 2, &samples).with(tag::EXTRA_SAMPLES, SHORT, &[2]);
    let photo = little(&[picture]).unwrap();
    assert_eq!(photo.pixels(), &grey.into());
    assert_eq!(load(&saved(&photo)).unwrap().pixels(), photo.pixels());
}

#[test]
fn the_full_picture_is_taken_and_not_its_thumbnail() {
    let small = page((2, 2), 2, 8, 3, &[9; 12]);
    let thumbnail = small.clone().with(tag::NEW_SUBFILE_TYPE, LONG, &[1]);
    let old_thumbnail = small.clone().with(tag::SUBFILE_TYPE, SHORT, &[2]);
    for pages in [
        vec![thumbnail.clone(), rgb_page()],
        vec![old_thumbnail, rgb_page()],
        vec![rgb_page(), thumbnail.clone()],
        vec![thumbnail.clone().above(tag::SUB_DIRECTORIES, rgb_page())],
        vec![rgb_page().above(tag::SUB_DIRECTORIES, thumbnail.clone())],
        // Sixteen times as large: a thumbnail that does not say so.
        vec![page((1, 1), 2, 8, 3, &[9; 3]), rgb_page()],
    ] {
        let photo = little(&pages).unwrap();
        assert_eq!(photo.pixels(), &colours().into());
        assert_eq!(photo.warnings(), [], "nothing is missed");
    }
    let alone = little(&[thumbnail]).unwrap();
    assert_eq!(alone.pixels().width(), 2);
}

#[test]
fn other_pages_and_layers_are_said() {
    let photo = little(&[rgb_page(), rgb_page(), rgb_page()]).unwrap();
    assert_eq!(photo.warnings(), [Warning::OtherPages(2)]);
    let photo = little(&[rgb_page().text(tag::LAYERS, UNDEFINED, b"Adobe Photoshop ...")]).unwrap();
    assert_eq!(photo.warnings(), [Warning::LayersLeftOut]);
    let five: Vec<u8> = colours()
        .pixels()
        .flat_map(|p| [p.0[0], p.0[1], p.0[2], 5, 6])
        .collect();
    let picture = page((6, 4), 2, 8, 5, &five).with(tag::EXTRA_SAMPLES, SHORT, &[0, 0]);
    let photo = little(&[picture]).unwrap();
    assert_eq!(photo.pixels(), &colours().into());
    assert_eq!(photo.warnings(), [Warning::ChannelsLeftOut(2)]);
}

#[test]
fn raw_photos_are_refused_by_name() {
    let preview = page((2, 2), 2, 8, 3, &[9; 12]).with(tag::NEW_SUBFILE_TYPE, LONG, &[1]);
    let mosaic = page((6, 4), 32_803, 16, 1, &[0; 48]);
    let dng = preview.clone().with(tag::DNG_VERSION, BYTE, &[1, 4, 0, 0]);
    for (pages, kind) in [
        (
            vec![dng.above(tag::SUB_DIRECTORIES, mosaic.clone())],
            "(DNG)",
        ),
        (
            vec![preview.above(tag::SUB_DIRECTORIES, mosaic.clone())],
            "RAW photo",
        ),
        (vec![mosaic], "RAW photo"),
    ] {
        let error = little(&pages).unwrap_err();
        assert!(matches!(error, Error::RawPhoto { .. }), "{error}");
        assert!(error.to_string().contains(kind), "{error}");
    }
}

#[test]
fn what_is_not_read_has_its_true_reason() {
    for (picture, reason) in [
        (
            rgb_page().with(tag::SAMPLE_FORMAT, SHORT, &[3; 3]),
            "floating point",
        ),
        (
            rgb_page().with(tag::SAMPLE_FORMAT, SHORT, &[2; 3]),
            "signed",
        ),
        (rgb_page().with(tag::PHOTOMETRIC, SHORT, &[10]), "L*a*b*"),
        (
            rgb_page().with(tag::BITS_PER_SAMPLE, SHORT, &[12; 3]),
            "12 bits",
        ),
        (
            rgb_page().with(tag::BITS_PER_SAMPLE, SHORT, &[5, 6, 5]),
            "different depths",
        ),
        (
            rgb_page().with(tag::COMPRESSION, SHORT, &[6]),
            "old-style JPEG",
        ),
        (
            rgb_page().with(tag::COMPRESSION, SHORT, &[34_712]),
            "JPEG 2000",
        ),
        (rgb_page().with(tag::PHOTOMETRIC, SHORT, &[6]), "YCbCr"),
    ] {
        let error = little(&[picture]).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn huge_and_empty_sizes_are_refused_before_memory_is_reserved() {
    let error = little(&[rgb_page().with(tag::WIDTH, LONG, &[0])]).unwrap_err();
    assert!(matches!(error, Error::ZeroSize { .. }), "{error}");
    let wide = rgb_page()
        .with(tag::WIDTH, LONG, &[60_000])
        .with(tag::LENGTH, LONG, &[60_000]);
    let error = little(&[wide]).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

/// A picture with all that a studio writes into it.
fn rich_page() -> Page {
    let interoperability = Page::default().text(1, ASCII, b"R03\0");
    let exif = Page::default()
        .with(33_434, FRACTION, &[1, 125])
        .text(36_864, UNDEFINED, b"0232")
        .text(37_500, UNDEFINED, b"a maker's note")
        .above(tag::INTEROPERABILITY, interoperability);
    let gps = Page::default()
        .text(1, ASCII, b"N\0")
        .with(2, FRACTION, &[48, 1, 12, 1, 0, 1]);
    rgb_page()
        .text(270, ASCII, b"Wedding\0")
        .text(315, ASCII, b"Jane Doe\0")
        .with(274, SHORT, &[1])
        .with(tag::X_RESOLUTION, FRACTION, &[300, 1])
        .with(tag::Y_RESOLUTION, FRACTION, &[300, 1])
        .with(tag::RESOLUTION_UNIT, SHORT, &[2])
        .with(65_000, SHORT, &[1, 2, 3])
        .text(tag::XMP, BYTE, b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
        .text(tag::IPTC, UNDEFINED, b"\x1C\x02\x50\x00\x04Jane")
        .text(tag::ICC_PROFILE, UNDEFINED, b"a colour profile")
        .above(tag::EXIF, exif)
        .above(tag::GPS, gps)
}

#[test]
fn metadata_of_both_orders_are_read_and_written_again() {
    let reference = load(&file(Order::Little, false, &[rich_page()])).unwrap();
    for (order, is_big) in [
        (Order::Little, true),
        (Order::Big, false),
        (Order::Big, true),
    ] {
        let photo = load(&file(order, is_big, &[rich_page()])).unwrap();
        assert_eq!(photo.metadata(), reference.metadata(), "{order:?} {is_big}");
    }
    let metadata = reference.metadata();
    assert_eq!(
        metadata.iptc.as_deref(),
        Some(&b"\x1C\x02\x50\x00\x04Jane"[..])
    );
    assert_eq!(
        metadata.icc_profile.as_deref(),
        Some(&b"a colour profile"[..])
    );
    assert_eq!(
        metadata.density,
        Density::new((300, 1), (300, 1), DensityUnit::Inch)
    );
    let block = metadata.exif.as_deref().unwrap();
    let value = |path: &[u16], wanted| {
        let fields = fields_below(block, path).unwrap();
        fields
            .into_iter()
            .find(|field| field.tag == wanted)
            .map(|field| field.bytes)
    };
    assert_eq!(value(&[], 270).unwrap(), b"Wedding\0");
    assert_eq!(
        value(&[], 65_000).unwrap(),
        [1, 0, 2, 0, 3, 0],
        "private tags go along"
    );
    assert_eq!(value(&[], tag::WIDTH), None, "the layout does not");
    assert_eq!(value(&[tag::EXIF], 37_500).unwrap(), b"a maker's note");
    assert_eq!(value(&[tag::GPS], 1).unwrap(), b"N\0");
    assert_eq!(
        value(&[tag::EXIF, tag::INTEROPERABILITY], 1).unwrap(),
        b"R03\0"
    );

    let again = load(&saved(&reference)).unwrap();
    assert_eq!(again.metadata(), metadata);
    assert_eq!(again.pixels(), reference.pixels());
}

#[test]
fn numbers_of_old_writers_are_records_all_the_same() {
    // Records that a machine of the other order stored as 32-bit numbers.
    let records = *b"\x1C\x02\x50\x00\x04Jane\0\0\0";
    let (numbers, _) = records.as_chunks::<4>();
    let turned: Vec<u64> = numbers
        .iter()
        .map(|n| u32::from_be_bytes(*n).into())
        .collect();
    let photo = little(&[rgb_page().with(tag::IPTC, LONG, &turned)]).unwrap();
    assert_eq!(photo.metadata().iptc.as_deref(), Some(&records[..]));
}

#[test]
fn the_compression_stays() {
    let pixels: DynamicImage = ImageBuffer::from_fn(50, 40, |x, y| {
        Rgba([x as u16 * 999, y as u16, 60_001, 40_000])
    })
    .into();
    for compression in [
        TiffCompression::None,
        TiffCompression::Lzw,
        TiffCompression::Deflate,
        TiffCompression::PackBits,
    ] {
        let mut photo = Photo::from_pixels(pixels.clone());
        photo.metadata.tiff.compression = compression;
        let again = load(&saved(&photo)).unwrap();
        assert_eq!(again.metadata().tiff.compression, compression);
        assert_eq!(again.pixels(), &pixels, "{compression:?}");
        let small = again.fitted_to(crate::photo::Format::Jpeg).unwrap().0;
        assert_eq!(load(&saved(&small)).unwrap().pixels(), small.pixels());
    }
    let grey: DynamicImage =
        ImageBuffer::from_fn(50, 40, |x, y| LumaA([x as u8 * 5, y as u8])).into();
    let mut photo = Photo::from_pixels(grey.clone());
    photo.metadata.tiff.compression = TiffCompression::Lzw;
    assert_eq!(load(&saved(&photo)).unwrap().pixels(), &grey);
}

#[test]
fn circles_of_directories_come_to_an_end() {
    let mut bytes = file(Order::Little, false, &[rgb_page(), rgb_page()]);
    let first = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
    let end = bytes.len() - 4;
    bytes[end..].copy_from_slice(&first.to_le_bytes());
    assert_eq!(load(&bytes).unwrap().warnings(), [Warning::OtherPages(1)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_files_are_survived(at in any::<prop::sample::Index>(), byte: u8, is_big: bool) {
        let mut bytes = file(Order::Little, is_big, &[rich_page(), rgb_page()]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = load(&bytes);
        bytes.truncate(at);
        let _ = load(&bytes);
    }
}
