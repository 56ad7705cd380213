//! Writing what a command yields: files whole or not at all, JSON on stdout.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use image::{DynamicImage, ImageFormat};
use ndarray::{ArrayBase, Data, Dimension};
use ndarray_npy::WritableElement;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Failure, Voice};
use crate::checkpoint::npy;
use crate::photo::atomic;

/// A folder that a command writes into, and what it has written.
pub(super) struct OutputFolder {
    folder: PathBuf,
    written: Vec<PathBuf>,
}

impl OutputFolder {
    /// Creates the folder if need be.
    pub fn create(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|error| {
            Failure::because(format!(
                "the folder {} cannot be made: {error}",
                folder.display()
            ))
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            written: Vec::new(),
        })
    }

    /// The files written so far.
    pub fn written(&self) -> &[PathBuf] {
        &self.written
    }

    /// Is there a file of this name?
    pub fn has(&self, name: &str) -> bool {
        self.folder.join(name).is_file()
    }

    /// Writes a picture as PNG.
    pub fn png(&mut self, name: &str, picture: impl Into<DynamicImage>) -> Result<(), Failure> {
        let path = self.folder.join(name);
        write_png(&path, picture)?;
        self.written.push(path);
        Ok(())
    }

    /// Writes an array as `.npy`.
    pub fn npy<A, S, D>(&mut self, name: &str, array: &ArrayBase<S, D>) -> Result<(), Failure>
    where
        A: WritableElement,
        S: Data<Elem = A>,
        D: Dimension,
    {
        let path = self.folder.join(name);
        npy::write(&path, array)?;
        self.written.push(path);
        Ok(())
    }

    /// Writes a value as indented JSON.
    pub fn json(&mut self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        let path = self.folder.join(name);
        write_json(&path, value)?;
        self.written.push(path);
        Ok(())
    }
}

/// Runs what writes into a folder and says what it wrote; `figures` are added to the JSON.
pub(super) fn into_folder(
    out: &Path,
    voice: Voice,
    work: impl FnOnce(&mut OutputFolder) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut folder = OutputFolder::create(out)?;
    let figures = work(&mut folder)?;
    if voice.json {
        print_json(&json!({
            "written": folder.written(),
            "figures": figures,
            "seconds": begun.elapsed().as_secs_f64(),
        }))?;
    } else if !voice.quiet {
        eprintln!("{} files in {}", folder.written().len(), out.display());
    }
    Ok(())
}

/// Writes a value as indented JSON, whole or not at all.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_vec_pretty(value).map_err(Failure::because)?;
    text.push(b'\n');
    write_bytes(path, &text)
}

/// Writes a picture as PNG, whole or not at all.
pub(super) fn write_png(path: &Path, picture: impl Into<DynamicImage>) -> Result<(), Failure> {
    let mut bytes = io::Cursor::new(Vec::new());
    picture
        .into()
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| {
            Failure::because(format!("{} cannot be encoded: {error}", path.display()))
        })?;
    write_bytes(path, &bytes.into_inner())
}

/// Writes bytes, whole or not at all.
pub(super) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    Ok(atomic::write(path, |file| file.write_all(bytes))?)
}

/// Prints a value as one line of JSON on stdout.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print_line(&serde_json::to_string(value).map_err(Failure::because)?)
}

/// Prints a line on stdout. A reader that went away is no failure.
pub(super) fn print_line(line: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::because(error)),
        _ => Ok(()),
    }
}
