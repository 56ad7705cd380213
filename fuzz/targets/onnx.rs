//! ONNX files, read as graphs; what was read is simplified, written, and read again.
#![no_main]

use jawline_fuzz::graph::Graph;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(graph) = Graph::from_onnx_bytes(bytes) {
        let bytes = graph.to_onnx_bytes().unwrap();
        Graph::from_onnx_bytes(&bytes).unwrap();
    }
});
