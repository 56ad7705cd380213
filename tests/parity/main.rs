//! Agreement with the reference data, which lie beside the repository and are not part of it.

mod align;
mod architectures;
mod checkpoint;
mod commands;
mod diffusion;
mod harness;
mod import;
mod landmarks;
mod masks;
mod pictures;
mod projector;
mod scoring;
mod svm;
mod warp;

use std::path::PathBuf;

/// A file or folder of the reference data, which lie in `../shared/reference` or where
/// `JAWLINE_REFERENCE` says.
pub fn reference(relative: &str) -> PathBuf {
    let folder = std::env::var_os("JAWLINE_REFERENCE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/reference"),
        PathBuf::from,
    );
    let path = folder.join(relative);
    assert!(
        path.exists(),
        "the reference data are missing: {} does not exist",
        path.display()
    );
    path
}
