//! ONNX Runtime: find and load it, choose execution providers, run sessions. The only user of `ort`.
