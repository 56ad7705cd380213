//! dlib's shape predictors, plain and packed with bzip2.
#![no_main]

use std::path::Path;

use jawline_fuzz::checkpoint::dlib::ShapePredictor;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    _ = ShapePredictor::parse(Path::new("fuzzed.dat"), bytes);
});
