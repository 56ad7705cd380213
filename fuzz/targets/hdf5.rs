//! HDF5, as Keras writes it.
#![no_main]

use std::path::Path;

use jawline_fuzz::checkpoint::hdf5;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    _ = hdf5::parse(Path::new("fuzzed.h5"), bytes.to_vec());
});
