//! The segments of JPEG files.
#![no_main]

use jawline_fuzz::photo::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::jpeg_file(bytes));
