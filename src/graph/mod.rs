//! ONNX graphs as values: build, infer shapes, simplify, differentiate, write.
