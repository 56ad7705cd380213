//! How much memory work on large pictures asks for, counted by the allocator. A program of its own, since
//! other tests in the same process would be counted too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Mutex;

use image::{DynamicImage, RgbaImage};
use jawline::photo::{Limits, Photo};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// One test at a time is counted.
static COUNTED: Mutex<()> = Mutex::new(());

#[test]
fn reducing_a_picture_with_alpha_takes_little_more_than_the_result() {
    let _counted = COUNTED.lock();
    const RESULT_BYTES: usize = 900 * 600 * 4;
    // A row of sums for each thread, the filter's weights, the threads themselves.
    const WORKING_BYTES: usize = 4 << 20;
    let picture = RgbaImage::from_fn(3000, 2000, |x, y| {
        image::Rgba([x as u8, y as u8, 90, (x ^ y) as u8])
    });
    let photo = Photo::from_pixels(DynamicImage::ImageRgba8(picture));
    // The threads are there already when they are first used.
    photo.reduced_to(30).unwrap();
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let reduced = photo.reduced_to(900).unwrap();
    let asked_for = HEAP.peak_usage() - before;
    assert_eq!(reduced.pixels().width(), 900);
    assert!(
        asked_for < RESULT_BYTES + WORKING_BYTES,
        "{asked_for} bytes for a result of {RESULT_BYTES}"
    );
}

#[test]
fn a_tiff_file_that_tells_of_what_it_does_not_have_takes_no_memory_for_it() {
    const TEXT: u16 = 2;
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let _counted = COUNTED.lock();
    // Sample formats by the million, each of which a decoder keeps in 32 bytes; a text in their place; and a second
    // height, which a decoder believes.
    for (field, refusal) in [
        ((339, SHORT, 4 << 20, 8), "cut off"),
        ((339, TEXT, 64 << 20, 8), "cut off"),
        ((257, LONG, 1, 64 << 20), "tag 257"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hostile.tif");
        std::fs::write(&path, tiff_with(field)).unwrap();

        let before = HEAP.current_usage();
        HEAP.reset_peak_usage();
        let error = Photo::load(&path, &Limits::default()).unwrap_err();
        let asked_for = HEAP.peak_usage() - before;
        assert!(error.to_string().contains(refusal), "{error}");
        assert!(asked_for < 1 << 20, "{asked_for} bytes");
    }
}

/// A TIFF file of one grey pixel in one strip, with one more field: tag, kind, count, value.
fn tiff_with(field: (u16, u16, u32, u32)) -> Vec<u8> {
    let ones = [256, 257, 259, 262, 273, 277, 279].map(|tag| (tag, 3, 1, 1));
    let mut fields = [&ones[..], &[(258, 3, 1, 8), field]].concat();
    fields.sort();
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend((fields.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in fields {
        bytes.extend([tag, kind].map(u16::to_le_bytes).concat());
        bytes.extend([count, value].map(u32::to_le_bytes).concat());
    }
    bytes.extend([0; 4]);
    bytes
}
