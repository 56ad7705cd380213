//! Networks as graphs, built from named tensors or from an OpenVINO description.
