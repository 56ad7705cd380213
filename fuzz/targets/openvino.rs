//! OpenVINO's networks: an input is the `.bin` file's length (two bytes, little-endian), its
//! content, and the `.xml` file.
#![no_main]

use std::path::Path;

use jawline_fuzz::checkpoint::openvino::Model;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (bin, xml) = rest.split_at(length);
    if let Ok(model) = Model::parse(Path::new("fuzzed.xml"), xml, bin) {
        for (index, layer) in model.layers.iter().enumerate() {
            for operand in &layer.operands {
                assert!(operand.layer < index);
                assert!(operand.result < model.layers[operand.layer].results.len());
            }
        }
    }
});
