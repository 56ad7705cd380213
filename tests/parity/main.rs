//! Agreement with the reference data, which lie beside the repository and are not part of it.

mod align;
mod architectures;
mod checkpoint;
mod harness;
mod landmarks;
mod masks;
mod pictures;
mod warp;

use std::path::PathBuf;

/// A file or folder of the reference data.
pub fn reference(relative: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/reference")
        .join(relative);
    assert!(
        path.exists(),
        "the reference data are missing: {} does not exist",
        path.display()
    );
    path
}
