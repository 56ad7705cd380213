//! NumPy's arrays.
#![no_main]

use std::path::Path;

use jawline_fuzz::checkpoint::npy;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("fuzzed.npy");
    if let Ok(array) = npy::parse_f32(path, bytes) {
        // What was read can be written, and is then read as the same numbers.
        let again = npy::parse_f32(path, &npy::to_bytes(&array)).unwrap();
        let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits();
        assert!(array.shape() == again.shape() && array.iter().zip(&again).all(same));
    }
});
