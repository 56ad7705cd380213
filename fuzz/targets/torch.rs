//! PyTorch checkpoints, zip and legacy.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use jawline_fuzz::checkpoint::torch;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    _ = torch::parse(Path::new("fuzzed.pth"), Cursor::new(bytes));
});
