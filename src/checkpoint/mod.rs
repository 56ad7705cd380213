//! Readers of weight files. They yield named tensors; no code in a file is ever executed.
