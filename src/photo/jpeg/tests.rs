//! Files of every kind, opened, changed a little and saved as themselves.

use std::path::Path;

use image::{DynamicImage, GenericImageView};

use super::fixture::Kind;
use super::frame::Frame;
use super::marker::{HUFFMAN_TABLES, START_OF_SCAN};
use super::*;
use crate::photo::{Limits, Overwrite, Photo, Quality, SaveOptions, Strip, Warning};

fn load(path: &Path) -> Photo {
    Photo::load(path, &Limits::default()).unwrap()
}

fn as_source() -> SaveOptions {
    SaveOptions::for_path(Path::new("a.jpg")).unwrap()
}

/// Darkens a part in the middle of the upright picture softly, and gives it another colour.
fn edited(pixels: &DynamicImage) -> DynamicImage {
    let (width, height) = pixels.dimensions();
    // 0 at the edge of the part and outside, 1 in its middle.
    let hill = |at: u32, side: u32| {
        let place = (f64::from(at) / f64::from(side) - 0.4) / 0.2;
        (place.clamp(0.0, 1.0) * std::f64::consts::PI).sin()
    };
    let share = |x: u32, y: u32| hill(x, width) * hill(y, height);
    let mut pixels = pixels.clone();
    let moved = |level: u8, by: f64| (f64::from(level) + by).round().clamp(0.0, 255.0) as u8;
    match &mut pixels {
        DynamicImage::ImageLuma8(grey) => {
            for (x, y, pixel) in grey.enumerate_pixels_mut() {
                pixel.0[0] = moved(pixel.0[0], -30.0 * share(x, y));
            }
        }
        DynamicImage::ImageRgb8(colour) => {
            for (x, y, pixel) in colour.enumerate_pixels_mut() {
                let [r, g, b] = pixel.0;
                let share = share(x, y);
                pixel.0 = [
                    moved(r, -35.0 * share),
                    moved(g, -15.0 * share),
                    moved(b, 8.0 * share),
                ];
            }
        }
        other => panic!("{other:?}"),
    }
    pixels
}

/// The stored picture, not turned.
fn decoded(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(&decodable(bytes, u64::MAX)).unwrap()
}

fn frame(bytes: &[u8]) -> Frame {
    let layout = Layout::of(bytes).unwrap();
    let picture = read::read(bytes, &layout, u64::MAX).unwrap();
    assert!(picture.is_complete);
    picture.frame
}

/// All segments but Huffman tables, with the headers of scans.
fn segments(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let layout = Layout::of(bytes).unwrap();
    let segments = layout.segments.iter();
    let kept = segments.filter(|segment| segment.marker != HUFFMAN_TABLES);
    kept.map(|segment| (segment.marker, bytes[segment.content.clone()].to_vec()))
        .collect()
}

#[test]
fn files_are_read_as_they_were_made() {
    for kind in Kind::all() {
        let bytes = kind.file();
        let (shown, meant) = (decoded(&bytes), kind.picture());
        // Inks are darker by what black there is.
        if matches!(kind.model, change::Model::Cmyk | change::Model::Ycck) {
            continue;
        }
        let sum: u64 = (shown.as_bytes().iter().zip(meant.as_bytes()))
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        let mean = sum as f64 / meant.as_bytes().len() as f64;
        // Coarse chroma costs something at edges.
        assert!(mean < 6.0, "{kind:?}: {mean}");
    }
}

#[test]
fn what_an_edit_does_not_touch_stays_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
    for kind in Kind::all() {
        let before = kind.file();
        std::fs::write(&source, &before).unwrap();
        let photo = load(&source);
        let wanted = edited(photo.pixels());
        let changed = photo.with_pixels(wanted.clone()).unwrap();
        let warnings = changed.save(&target, &as_source()).unwrap();
        assert_eq!(warnings, [], "{kind:?}");
        let after = std::fs::read(&target).unwrap();
        // EXIF and XMP tell of the edit; all else is as it was.
        let tells_of_edit = |segment: &(u8, Vec<u8>)| {
            let content = &segment.1;
            content.starts_with(b"http://ns.adobe.com/xap") || content.starts_with(b"Exif")
        };
        let split = |bytes: &[u8]| {
            let all = segments(bytes).into_iter();
            let (told, kept): (Vec<_>, Vec<_>) = all.partition(tells_of_edit);
            let told_bytes: usize = told.iter().map(|(_, content)| 4 + content.len()).sum();
            (bytes.len() - told_bytes, kept)
        };
        let ((old_bytes, old_segments), (new_bytes, new_segments)) =
            (split(&before), split(&after));
        assert_eq!(old_segments, new_segments, "{kind:?}");
        let ratio = new_bytes as f64 / old_bytes as f64;
        // In a narrow picture, the edit is no small one.
        let most = if kind.size.0.min(kind.size.1) < 32 {
            0.08
        } else {
            0.03
        };
        assert!((ratio - 1.0).abs() < most, "{kind:?}: {ratio}");

        let (old, new) = (frame(&before), frame(&after));
        let (width, height) = (8 * old.largest.0 as u32, 8 * old.largest.1 as u32);
        let mut turned = wanted.clone();
        turned.apply_orientation(inverse(kind.orientation));
        let (stored, shown) = (decoded(&before), decoded(&after));
        let is_touched = |mcu: (u32, u32)| {
            let xs = mcu.0 * width..((mcu.0 + 1) * width).min(stored.width());
            xs.clone().any(|x| {
                let ys = mcu.1 * height..((mcu.1 + 1) * height).min(stored.height());
                ys.clone()
                    .any(|y| stored.get_pixel(x, y) != turned.get_pixel(x, y))
            })
        };
        let (wide, high) = (old.mcus.0 as u32, old.mcus.1 as u32);
        let touched: Vec<bool> = (0..wide * high)
            .map(|i| is_touched((i % wide, i / wide)))
            .collect();
        assert!(
            touched.contains(&true) && touched.contains(&false),
            "{kind:?}"
        );
        for (a, b) in old.components.iter().zip(&new.components) {
            assert_eq!(a.steps, b.steps);
            for (at, (a_block, b_block)) in a.coefficients.iter().zip(&b.coefficients).enumerate() {
                let mcu = at % a.stride / a.header.h + at / a.stride / a.header.v * wide as usize;
                assert!(touched[mcu] || a_block == b_block, "{kind:?} {at}");
            }
        }
        // Coarse chroma is smoothed over the edges of blocks: by half a sample of its own.
        let halo = |largest: usize| largest as u32 / 2;
        let (halo_x, halo_y) = (halo(old.largest.0), halo(old.largest.1));
        let near = |x: u32, y: u32| {
            let columns =
                x.saturating_sub(halo_x) / width..=(x + halo_x).min(stored.width() - 1) / width;
            columns.clone().any(|column| {
                let rows = y.saturating_sub(halo_y) / height
                    ..=(y + halo_y).min(stored.height() - 1) / height;
                rows.clone()
                    .any(|row| touched[(row * wide + column) as usize])
            })
        };
        let mut error = 0u64;
        for (x, y, pixel) in shown.pixels() {
            if !near(x, y) {
                assert_eq!(pixel, stored.get_pixel(x, y), "{kind:?} {x} {y}");
            }
            let meant = turned.get_pixel(x, y);
            error += (0..3)
                .map(|c| u64::from(pixel.0[c].abs_diff(meant.0[c])))
                .sum::<u64>();
        }
        let mean = error as f64 / (f64::from(stored.width() * stored.height()) * 3.0);
        assert!(mean < 0.5, "{kind:?}: {mean}");
        // And it is upright again.
        assert_eq!(load(&target).pixels().dimensions(), wanted.dimensions());
    }
}

/// What turns an upright picture back.
fn inverse(orientation: Orientation) -> Orientation {
    match orientation {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        other => other,
    }
}

#[test]
fn without_a_change_the_file_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
    for kind in Kind::all() {
        let bytes = kind.file();
        std::fs::write(&source, &bytes).unwrap();
        load(&source).save(&target, &as_source()).unwrap();
        assert!(std::fs::read(&target).unwrap() == bytes, "{kind:?}");
    }
}

#[test]
fn files_of_libjpeg_come_out_as_they_are() {
    for bytes in [
        include_bytes!("../../../tests/fixtures/libjpeg_progressive.jpg").as_slice(),
        include_bytes!("../../../tests/fixtures/libjpeg_restarts.jpg"),
        include_bytes!("../../../tests/fixtures/libjpeg_grey.jpg"),
    ] {
        let source = Source {
            bytes: bytes.into(),
            orientation: Orientation::NoTransforms,
            most_bytes: u64::MAX,
        };
        let pixels = decoded(bytes);
        let again = source
            .changed(&source.decoded().unwrap(), &pixels, None, KeptSegments::All)
            .unwrap();
        assert!(segments(&again) == segments(bytes) && again.len() == bytes.len());
        // Libjpeg writes all tables of a picture before its first scan.
        let data = |bytes: &[u8]| -> Vec<Vec<u8>> {
            let layout = Layout::of(bytes).unwrap();
            layout
                .scans()
                .map(|scan| bytes[scan.data.clone()].to_vec())
                .collect()
        };
        assert!(data(&again) == data(bytes));
    }
}

#[test]
fn without_metadata_a_turned_picture_is_upright_still() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
    let kind = Kind {
        orientation: Orientation::Rotate90,
        ..Kind::USUAL
    };
    std::fs::write(&source, kind.file()).unwrap();
    let photo = load(&source);
    for strip in Strip::ALL {
        let options = SaveOptions {
            strip,
            ..as_source()
        };
        photo.save(&target, &options).unwrap();
        assert_eq!(load(&target).pixels(), photo.pixels(), "{strip}");
        let bytes = std::fs::read(&target).unwrap();
        let has_comment = segments(&bytes).iter().any(|segment| segment.0 == 0xFE);
        let keeps = matches!(strip, Strip::None | Strip::Gps);
        assert_eq!(has_comment, keeps, "{strip}");
    }
}

#[test]
fn a_percentage_or_another_size_is_encoded_again() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
    std::fs::write(&source, Kind::USUAL.file()).unwrap();
    let photo = load(&source);
    let percent = SaveOptions {
        quality: Quality::Percent(40),
        ..as_source()
    };
    photo.save(&target, &percent).unwrap();
    let sampling = |path: &Path| frame(&std::fs::read(path).unwrap()).largest;
    assert_eq!((sampling(&source), sampling(&target)), ((2, 2), (1, 1)));
    let smaller = photo.reduced_to(100).unwrap();
    assert_eq!(smaller.save(&target, &as_source()).unwrap(), []);
    assert_eq!(load(&target).pixels().width(), 100);
}

#[test]
fn a_file_that_only_lenient_decoders_read_is_encoded_again_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
    let mut bytes = Kind {
        restart_interval: 5,
        ..Kind::USUAL
    }
    .file();
    // A restart marker that is gone.
    let at = bytes
        .windows(2)
        .rposition(|pair| pair[0] == 0xFF && (0xD0..0xD8).contains(&pair[1]))
        .unwrap();
    bytes.drain(at..at + 2);
    std::fs::write(&source, &bytes).unwrap();
    let options = SaveOptions {
        overwrite: Overwrite::Always,
        ..as_source()
    };
    let warnings = load(&source).save(&target, &options).unwrap();
    assert_eq!(warnings, [Warning::Reencoded]);
    assert_eq!(load(&target).pixels().width(), 203);
}

#[test]
fn a_lost_end_marker_is_said_and_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
    for kind in Kind::all() {
        let whole = kind.file();
        std::fs::write(&source, &whole[..whole.len() - 2]).unwrap();
        let photo = load(&source);
        assert!(photo.warnings().contains(&Warning::NoEndMarker), "{kind:?}");
        photo.save(&target, &as_source()).unwrap();
        assert!(std::fs::read(&target).unwrap() == whole, "{kind:?}");
        // Cut off within the last scan, it is not whole.
        let layout = Layout::of(&whole).unwrap();
        let last = layout.scans().last().unwrap();
        assert_eq!(last.marker, START_OF_SCAN);
        std::fs::write(&source, &whole[..last.data.end - last.data.len() / 3 - 1]).unwrap();
        let error = Photo::load(&source, &Limits::default()).unwrap_err();
        assert!(
            matches!(error, crate::photo::Error::Truncated { .. }),
            "{kind:?} {error}"
        );
    }
}

#[test]
fn bytes_before_the_picture_are_passed_over_but_previews_are_no_photos() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
    let whole = Kind::USUAL.file();
    let leading = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &whole].concat();
    std::fs::write(&source, &leading).unwrap();
    let photo = load(&source);
    assert_eq!(photo.warnings(), [Warning::LeadingBytes]);
    photo.save(&target, &as_source()).unwrap();
    assert!(std::fs::read(&target).unwrap() == whole);
    for other in [
        // A raw file with a preview.
        [
            b"FUJIFILMCCD-RAW ".as_slice(),
            &whole,
            &vec![1; whole.len()],
        ]
        .concat(),
        [[1; MOST_LEADING_BYTES].as_slice(), &whole].concat(),
        leading[..leading.len() - 9].to_vec(),
    ] {
        std::fs::write(&source, other).unwrap();
        let error = Photo::load(&source, &Limits::default()).unwrap_err();
        assert!(
            matches!(
                error,
                crate::photo::Error::NotAnImage { .. } | crate::photo::Error::RawPhoto { .. }
            ),
            "{error}"
        );
    }
}

#[test]
fn kinds_that_are_not_read_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.jpg");
    let usual = Kind::USUAL.file();
    let frame_at = usual
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    for (marker, precision, reason) in [
        (0xC1, 12, "12 bits"),
        (0xC2, 12, "12 bits"),
        (0xC9, 8, "arithmetic coding"),
        (0xCA, 8, "arithmetic coding"),
        (0xC3, 8, "lossless coding"),
        (0xC3, 14, "lossless coding"),
        (0xC5, 8, "hierarchical coding"),
    ] {
        let mut bytes = usual.clone();
        bytes[frame_at + 1] = marker;
        bytes[frame_at + 4] = precision;
        std::fs::write(&source, &bytes).unwrap();
        let error = Photo::load(&source, &Limits::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains("damaged"), "{error}");
    }
    // Sampling of luma and chroma that the decoder shows as stripes, or calls damaged.
    for (luma, chroma, reason) in [
        (0x11, 0x21, "colours that are finer than the brightness"),
        (0x11, 0x22, "colours that are finer than the brightness"),
        (0x31, 0x11, "sampling in threes"),
        (0x13, 0x11, "sampling in threes"),
    ] {
        let mut bytes = usual.clone();
        bytes[frame_at + 11] = luma;
        bytes[frame_at + 14] = chroma;
        bytes[frame_at + 17] = chroma;
        std::fs::write(&source, &bytes).unwrap();
        let error = Photo::load(&source, &Limits::default()).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn inks_keep_their_profile() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
    let inks = |kind: &Kind| matches!(kind.model, change::Model::Cmyk);
    let file = Kind::all().into_iter().find(inks).unwrap().file();
    let profile = write::segment(0xE2, b"ICC_PROFILE\0\x01\x01the profile of a press").unwrap();
    let bytes = [&file[..2], &profile, &file[2..]].concat();
    std::fs::write(&source, bytes).unwrap();
    let photo = load(&source);
    let changed = photo.with_pixels(edited(photo.pixels())).unwrap();
    changed.save(&target, &as_source()).unwrap();
    let after = std::fs::read(&target).unwrap();
    let profiles = segments(&after)
        .into_iter()
        .filter(|(_, content)| content.ends_with(b"of a press"));
    assert_eq!(profiles.count(), 1);
}

/// An HDR photo: a map of a quarter of its size whose left half is dark, found by a directory of pictures, and by
/// the XMP data if `is_listed` is not set.
fn hdr_photo(is_listed: bool) -> Vec<u8> {
    let file = Kind {
        size: (160, 120),
        ..Kind::USUAL
    }
    .file();
    let levels = image::GrayImage::from_fn(40, 30, |x, _| image::Luma([60 + 140 * (x / 20) as u8]));
    let mut map = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut map, 95)
        .encode_image(&levels)
        .unwrap();
    let packet = |content: &str| {
        let packet = format!(
            "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'>\
             <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>{content}</rdf:RDF></x:xmpmeta>"
        );
        write::segment(0xE1, packet.as_bytes()).unwrap()
    };
    let of_map = packet(
        "<rdf:Description rdf:about='' xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/' hdrgm:GainMapMax='2'/>",
    );
    let map = [&map[..2], &of_map, &map[2..]].concat();
    let of_photo = packet(&format!(
        "<rdf:Description rdf:about='' xmlns:C='http://ns.google.com/photos/1.0/container/' \
         xmlns:Item='http://ns.google.com/photos/1.0/container/item/'><C:Directory><rdf:Seq>\
         <rdf:li rdf:parseType='Resource'><C:Item Item:Semantic='Primary' Item:Length='0'/></rdf:li>\
         <rdf:li rdf:parseType='Resource'><C:Item Item:Semantic='GainMap' Item:Length='{}'/></rdf:li>\
         </rdf:Seq></C:Directory></rdf:Description>",
        map.len()
    ));
    let file = [&file[..2], &of_photo, &file[2..]].concat();
    match is_listed {
        true => fixture::with_pictures(&file, &[(0, &map)], b"", true),
        false => [file, map].concat(),
    }
}

#[test]
fn the_gain_map_of_an_hdr_photo_is_levelled_where_the_photo_changes_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
    for is_listed in [true, false] {
        let before = hdr_photo(is_listed);
        std::fs::write(&source, &before).unwrap();
        let photo = load(&source);
        let said = photo.warnings()[0].to_string();
        assert!(said.contains("levelled where the photo changes"), "{said}");
        let mut pixels = photo.pixels().to_rgb8();
        for (x, y) in (40..60).flat_map(|y| (68..92).map(move |x| (x, y))) {
            pixels.get_pixel_mut(x, y).0[1] ^= 0x40;
        }
        let changed = photo.with_pixels(pixels.into()).unwrap();
        assert_eq!(changed.save(&target, &as_source()).unwrap(), []);
        let after = std::fs::read(&target).unwrap();
        let range = trailer::gain_map(&after).unwrap();
        assert_eq!(range.end, after.len(), "the directory leads to all of it");
        let length = format!("Item:Semantic='GainMap' Item:Length='{}'", range.len());
        let has = |text: &str| {
            after
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(has(&length) && has("Item:Length='0'"), "{length}");

        let old = decoded(&before[trailer::gain_map(&before).unwrap()]).to_luma8();
        let new = decoded(&after[range]).to_luma8();
        // The change, the pixels around it, and the blocks that these are in.
        let is_near = |x: u32, y: u32| (16..24).contains(&x) && (9..16).contains(&y);
        for (x, y, level) in new.enumerate_pixels() {
            let is_in_block = (16..24).contains(&x) && (8..16).contains(&y);
            assert!(is_in_block || level == old.get_pixel(x, y), "{x} {y}");
        }
        let step = |map: &image::GrayImage, x: u32, y: u32| {
            map.get_pixel(x + 1, y).0[0].abs_diff(map.get_pixel(x, y).0[0])
        };
        let steps = |map: &image::GrayImage, rows: std::ops::Range<u32>| {
            let places = rows.flat_map(|y| (0..39).map(move |x| (x, y)));
            let near = places.filter(|&(x, y)| is_near(x, y) && is_near(x + 1, y));
            near.map(|(x, y)| step(map, x, y)).max().unwrap()
        };
        assert!(
            steps(&old, 0..30) > 120,
            "the edge is where the photo changes"
        );
        // Above and below, it goes on.
        assert!(steps(&new, 0..30) < 70, "{}", steps(&new, 0..30));
        assert!(steps(&new, 11..14) < 35, "{}", steps(&new, 11..14));
    }
}

#[test]
fn a_file_without_its_gain_map_does_not_promise_one() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
    std::fs::write(&source, hdr_photo(true)).unwrap();
    let photo = load(&source);
    let promises = |photo: &Photo| {
        let packet = String::from_utf8(photo.metadata().xmp.clone().unwrap()).unwrap();
        packet.contains("GainMap")
    };
    assert!(promises(&photo));
    photo.save(&target, &as_source()).unwrap();
    assert!(promises(&load(&target)));
    let options = SaveOptions {
        quality: Quality::Percent(90),
        ..as_source()
    };
    let losses = photo.save(&target, &options).unwrap();
    assert_eq!(losses, [Warning::ExtraDropped(super::Extra::GainMap)]);
    assert!(!promises(&load(&target)));
}

#[test]
fn a_gain_map_that_makes_no_sense_stays_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.jpg"), folder.path().join("b.jpg"));
    let senseless = b"\xFF\xD8http://ns.adobe.com/hdr-gain-map/1.0/\xFF\xD9".to_vec();
    // Larger than its photo.
    let large = Kind {
        size: (204, 149),
        ..Kind::USUAL
    }
    .file();
    let large = [&large, b"http://ns.adobe.com/hdr-gain-map/1.0/".as_slice()].concat();
    for map in [senseless, large] {
        let file = fixture::with_pictures(&Kind::USUAL.file(), &[(0, &map)], b"", true);
        std::fs::write(&source, &file).unwrap();
        let photo = load(&source);
        let changed = photo.with_pixels(edited(photo.pixels())).unwrap();
        let warnings = changed.save(&target, &as_source()).unwrap();
        assert_eq!(warnings, [Warning::GainMapUnread]);
        assert!(std::fs::read(&target).unwrap().ends_with(&map));
    }
}
