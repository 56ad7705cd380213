//! JPEG files as coefficients, and what lies behind their pictures.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jawline_fuzz::photo::fuzzing::jpeg_coefficients(bytes));
