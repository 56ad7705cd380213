//! Floating point and CIE L\*a\*b\*.

use image::Rgb32FImage;

use super::*;

const DOUBLE: u64 = 64;

/// A page of numbers in floating point.
fn float_page(
    size: (u32, u32),
    photometric: u64,
    channels: usize,
    levels: &[f32],
    order: Order,
) -> Page {
    let bytes: Vec<u8> = (levels.iter())
        .flat_map(|level| order.bytes(level.to_bits().into(), 4))
        .collect();
    page(size, photometric, 32, channels, &bytes).with(
        tag::SAMPLE_FORMAT,
        SHORT,
        &vec![3; channels],
    )
}

/// Levels within and beyond black and white, and of every exponent.
fn levels(count: usize) -> Vec<f32> {
    (0..count)
        .map(|index| match index % 4 {
            0 => index as f32 / count as f32,
            1 => -0.25,
            2 => 7.5 + index as f32,
            _ => f32::from_bits(0x0000_0001 + index as u32 * 0x0010_0000),
        })
        .collect()
}

fn bits(levels: &[f32]) -> Vec<u32> {
    levels.iter().map(|level| level.to_bits()).collect()
}

/// The samples of the photo's file as the decoder has them, and how many a pixel has.
fn stored_floats(bytes: &[u8]) -> (Vec<f32>, usize) {
    let mut decoder = tiff::decoder::Decoder::new(std::io::Cursor::new(bytes)).unwrap();
    let channels = decoder.colortype().unwrap().num_samples();
    match decoder.read_image().unwrap() {
        tiff::decoder::DecodingResult::F32(levels) => (levels, channels.into()),
        other => panic!("not in floating point: {other:?}"),
    }
}

#[test]
fn floating_point_stays_to_the_bit() {
    for order in [Order::Little, Order::Big] {
        for channels in [3, 4] {
            let levels = levels(24 * channels);
            let photo = load(&file(
                order,
                false,
                &[float_page((6, 4), 2, channels, &levels, order)],
            ))
            .unwrap();
            assert_eq!(photo.warnings(), []);
            assert!(!photo.is_grey());
            let in_memory: Vec<f32> = match photo.pixels() {
                DynamicImage::ImageRgb32F(p) => p.as_raw().clone(),
                DynamicImage::ImageRgba32F(p) => p.as_raw().clone(),
                other => panic!("{:?}", other.color()),
            };
            assert_eq!(bits(&in_memory), bits(&levels));
            assert_eq!(
                stored_floats(&saved(&photo)),
                (levels, channels),
                "{order:?}"
            );
        }
    }
}

#[test]
fn grey_in_floating_point_stays_grey() {
    for channels in [1, 2] {
        let levels = levels(24 * channels);
        let page = float_page((6, 4), 1, channels, &levels, Order::Little);
        for compression in [1, 5, 8] {
            let mut photo = little(std::slice::from_ref(&page)).unwrap();
            assert!(photo.is_grey());
            photo.metadata.tiff.compression = match compression {
                1 => crate::photo::metadata::TiffCompression::None,
                5 => crate::photo::metadata::TiffCompression::Lzw,
                _ => crate::photo::metadata::TiffCompression::Deflate,
            };
            assert_eq!(stored_floats(&saved(&photo)), (levels.clone(), channels));
            let plain = photo.sixteen_bit();
            assert!(plain.is_grey() && !plain.pixels().color().has_color());
        }
    }
}

#[test]
fn numbers_that_are_none_are_said_and_replaced() {
    let broken = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.5, 2.0, -1.0];
    let photo = little(&[float_page((2, 1), 2, 3, &broken, Order::Little)]).unwrap();
    assert_eq!(photo.warnings(), [Warning::NotFinite(3)]);
    let expected = Rgb32FImage::from_raw(2, 1, vec![0.0, 1.0, 0.0, 0.5, 2.0, -1.0]).unwrap();
    assert_eq!(photo.pixels(), &expected.into());
    let grey = little(&[float_page((6, 1), 1, 1, &broken, Order::Little)]).unwrap();
    assert_eq!(grey.warnings(), [Warning::NotFinite(3)]);
}

#[test]
fn other_formats_do_not_hold_floating_point_and_say_so() {
    let photo = little(&[float_page((6, 4), 2, 3, &levels(72), Order::Little)]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.png", "a.jpg", "a.webp", "a.bmp"] {
        let path = folder.path().join(name);
        let error = (photo.save(&path, &SaveOptions::for_path(&path).unwrap())).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("floating point") && message.ends_with("choose .tif"),
            "{message}"
        );
        let format = crate::photo::Format::from_path(&path).unwrap();
        let (fitted, given_up) = photo.fitted_to(format).unwrap();
        assert_eq!(photo.given_up_for(format), given_up);
        assert!(given_up[0].to_string().contains("16 bits"), "{given_up:?}");
        fitted
            .save(&path, &SaveOptions::for_path(&path).unwrap())
            .unwrap();
    }
    let small = photo.reduced_to(3).unwrap();
    assert!(matches!(small.pixels(), DynamicImage::ImageRgb32F(_)));
}

#[test]
fn kinds_of_floating_point_that_are_not_read_are_named() {
    let associated =
        float_page((6, 4), 2, 4, &levels(96), Order::Little).with(tag::EXTRA_SAMPLES, SHORT, &[1]);
    let double = rgb_page()
        .with(tag::BITS_PER_SAMPLE, SHORT, &[DOUBLE; 3])
        .with(tag::SAMPLE_FORMAT, SHORT, &[3; 3]);
    let inks = float_page((6, 4), 5, 4, &levels(96), Order::Little);
    let itu = page((6, 4), 10, 8, 3, &colours());
    for (page, reason) in [
        (associated, "multiplied by transparency"),
        (double, "64 bits"),
        (inks, "neither grey nor RGB"),
        (itu, "ITU"),
    ] {
        let message = little(&[page]).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
    // Cut off, and of no pixels.
    let whole = file(
        Order::Little,
        false,
        &[float_page((6, 4), 2, 3, &levels(72), Order::Little)],
    );
    for length in (0..whole.len()).step_by(7) {
        let _ = load(&whole[..length]);
    }
    let mut short = float_page((6, 4), 2, 3, &levels(72), Order::Little);
    short.strip.truncate(100);
    assert!(little(&[short]).is_err());
}

#[test]
fn lab_becomes_pro_photo_and_that_is_said() {
    // White, a grey, and a red with a*, b* > 0; then with opacity.
    let shallow = page((3, 1), 8, 8, 3, &[255, 0, 0, 128, 0, 0, 120, 70, 50]);
    let deep_words = [65_535_u64, 0, 0, 32_896, 0, 0, 30_840, 70 << 8, 50 << 8];
    let deep_bytes: Vec<u8> = (deep_words.iter())
        .flat_map(|word| Order::Little.bytes(*word, 2))
        .collect();
    let deep = page((3, 1), 8, 16, 3, &deep_bytes);
    let icc = page(
        (3, 1),
        9,
        8,
        3,
        &[255, 128, 128, 128, 128, 128, 120, 198, 178],
    );
    let mut shown = Vec::new();
    for page in [
        shallow.clone(),
        deep,
        icc,
        shallow.with(tag::SAMPLE_FORMAT, SHORT, &[2; 3]),
    ] {
        let photo = little(&[page]).unwrap();
        assert_eq!(photo.warnings(), [Warning::ConvertedFromLab]);
        let DynamicImage::ImageRgb16(pixels) = photo.pixels() else {
            panic!("{:?}", photo.pixels().color());
        };
        let [white, grey, red] = [0, 1, 2].map(|x| pixels.get_pixel(x, 0).0);
        assert!(white.iter().all(|level| *level > 65_500), "{white:?}");
        assert!(
            grey[0].abs_diff(grey[1]) < 20 && grey[1].abs_diff(grey[2]) < 20,
            "{grey:?}"
        );
        assert!(red[0] > red[1] && red[1] > red[2], "{red:?}");
        shown.push(pixels.clone());
        // A new file is RGB with a profile, and opens as it was saved.
        let again = load(&saved(&photo)).unwrap();
        assert_eq!(again.pixels(), photo.pixels());
        assert_eq!(again.warnings(), []);
        assert!(again.metadata().icc_profile.is_some());
    }
    for other in &shown[1..] {
        let pairs = other.as_raw().iter().zip(shown[0].as_raw());
        assert!(pairs.into_iter().all(|(a, b)| a.abs_diff(*b) <= 130));
    }
    let with_alpha = page((1, 1), 8, 8, 4, &[255, 0, 0, 51]).with(tag::EXTRA_SAMPLES, SHORT, &[2]);
    let photo = little(&[with_alpha]).unwrap();
    assert_eq!(photo.pixels().to_rgba16().get_pixel(0, 0)[3], 51 * 257);
}
