//! Reading pictures, and telling what could not be taken over from them.

use std::path::Path;

use super::{Failure, OutputOptions};
use crate::photo::{Limits, Photo};

/// Loads a picture; what its owner should know goes to stderr, unless the command is to be quiet.
pub(super) fn load(path: &Path, console: OutputOptions) -> Result<Photo, Failure> {
    let photo = Photo::load(path, &Limits::default())?;
    if !console.quiet {
        for warning in photo.warnings() {
            eprintln!("{}: {warning}", path.display());
        }
    }
    Ok(photo)
}
