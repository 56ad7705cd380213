//! `--edit-in-place`: the result takes the place of the photo.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::cli::Failure;
use crate::fs::atomic;
use crate::photo::{Limits, Overwrite, Photo, SaveOptions, Warning};

/// Replaces the file by the photo, in one step, after the new file was read back and holds the photo.
pub(super) fn replace(
    photo: &Photo,
    path: &Path,
    options: &SaveOptions,
) -> Result<Vec<Warning>, Failure> {
    let failed = |error: io::Error| {
        Failure::because(format!("{} cannot be replaced: {error}", path.display()))
    };
    // Elsewhere, since many a program watches the folder of the photo for new ones.
    let folder = tempfile::tempdir().map_err(failed)?;
    let extension = options.format.extension();
    let aside = folder.path().join(format!("result.{extension}"));
    let aside_options = SaveOptions {
        overwrite: Overwrite::Never,
        ..*options
    };
    let warnings = photo.save(&aside, &aside_options)?;
    let read_back = Photo::load(&aside, &Limits::default())?;
    let (wanted, got) = (photo.pixels(), read_back.pixels());
    let is_same = match options.format.is_lossless() {
        // Some formats hold grey with transparency as colour, which loses nothing.
        true => wanted == got || wanted.to_rgba16() == got.to_rgba16(),
        false => (wanted.width(), wanted.height()) == (got.width(), got.height()),
    };
    if !is_same {
        return Err(Failure::because(format!(
            "{}: the result was read back and differs, so the photo is left as it was",
            path.display()
        )));
    }
    let mut result = File::open(&aside).map_err(failed)?;
    atomic::write(path, |file| io::copy(&mut result, file))?;
    Ok(warnings)
}
