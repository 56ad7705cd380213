//! TIFF files: directories, tags, pixels.
#![no_main]

use jawline_fuzz::photo::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::tiff_file(bytes));
