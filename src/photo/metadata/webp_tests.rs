use std::io::Cursor;

use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, RgbaImage};
use proptest::prelude::*;

use super::super::xmp::tests::PACKET;
use super::*;
use crate::photo::exif::tests::block;

fn bare(pixels: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut bytes);
    pixels.write_with_encoder(encoder).unwrap();
    bytes
}

fn rich() -> Metadata {
    Metadata {
        icc_profile: Some(vec![3; 501]),
        exif: Some(block(1, true)),
        xmp: Some(PACKET.as_bytes().to_vec()),
        ..Metadata::default()
    }
}

#[test]
fn metadata_come_back_and_pixels_stay() {
    let transparent = RgbaImage::from_fn(13, 7, |x, y| image::Rgba([x as u8, 9, y as u8, 99]));
    for pixels in [
        DynamicImage::from(transparent),
        DynamicImage::new_rgb8(5, 4),
    ] {
        let size = (pixels.width(), pixels.height());
        let spliced = spliced(&bare(&pixels), &rich(), size, pixels.color().has_alpha());
        assert_eq!(read(&mut Cursor::new(&spliced)).unwrap(), rich());
        assert_eq!(image::load_from_memory(&spliced).unwrap(), pixels);
        assert_eq!(
            spliced.len() as u32 - 8,
            u32::from_le_bytes(spliced[4..8].try_into().unwrap())
        );
        // What is replaced is gone.
        let none = super::spliced(
            &spliced,
            &Metadata::default(),
            size,
            pixels.color().has_alpha(),
        );
        assert_eq!(none, bare(&pixels));
    }
}

#[test]
fn what_is_no_webp_comes_back_as_it_is() {
    for bytes in [&b""[..], b"RIFF", b"RIFF\0\0\0\0WAVE", b"\xFF\xD8"] {
        assert_eq!(spliced(bytes, &rich(), (1, 1), false), bytes);
    }
}

proptest! {
    #[test]
    fn damaged_files_are_survived(at in any::<prop::sample::Index>(), byte: u8) {
        let pixels = DynamicImage::new_rgb8(5, 4);
        let mut bytes = spliced(&bare(&pixels), &rich(), (5, 4), false);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let metadata = read(&mut Cursor::new(&bytes)).unwrap();
        spliced(&bytes, &metadata, (5, 4), false);
    }
}
