//! EXIF blocks, XMP packets, Photoshop's resources.
#![no_main]

use jawline_fuzz::photo::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::blocks(bytes));
