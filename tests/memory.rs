//! How much memory work on large pictures asks for, counted by the allocator. A program of its own, since
//! other tests in the same process would be counted too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use image::{DynamicImage, RgbaImage};
use jawline::photo::Photo;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

#[test]
fn reducing_a_picture_with_alpha_takes_little_more_than_the_result() {
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
