//! Writing what a command yields: files whole or not at all, and nothing replaced unasked.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use image::{DynamicImage, ImageFormat};
use ndarray::{ArrayBase, Data, Dimension};
use ndarray_npy::WritableElement;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{note_written, paths, print_json, to_json};
use super::{EngineOptions, Failure, OutputOptions};
use crate::checkpoint::npy;
use crate::fs::{atomic, same_file};

/// Options of every command that writes files of fixed names into a folder.
#[derive(Args, Debug, Clone)]
pub(super) struct FolderOptions {
    /// Folder to write into; made if need be
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace files that are in the folder already, such as those of an earlier run; without it the
    /// command refuses before any work. Files that the command reads are never replaced
    #[arg(long)]
    pub overwrite: bool,
}

/// Options of every command whose work an engine does: where to, by what, and what is said meanwhile.
#[derive(Args, Debug)]
pub(super) struct WorkOptions {
    #[command(flatten)]
    pub out: FolderOptions,
    #[command(flatten)]
    pub engine: EngineOptions,
    #[command(flatten)]
    pub console: OutputOptions,
}

impl FolderOptions {
    /// The folder for files of these names, in which `*` stands for any letters. Nothing is made yet.
    /// Refused when there is such a file, unless it may be replaced, and when one is an input.
    pub fn folder(&self, names: &[&str], inputs: &[&Path]) -> Result<OutputFolder, Failure> {
        let there = existing(&self.out, names);
        check_replaced(&there, inputs, self.overwrite)?;
        Ok(OutputFolder {
            folder: self.out.clone(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
            is_made: false,
            overwrite: self.overwrite,
            written: Vec::new(),
        })
    }
}

/// The files of a folder whose names match one of these, sorted.
pub(super) fn existing(folder: &Path, names: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let entries = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        names.iter().any(|pattern| matches(pattern, &name))
    });
    let mut there: Vec<PathBuf> = entries
        .map(|entry| folder.join(entry.file_name()))
        .collect();
    there.sort();
    there
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => {
            name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail)
        }
    }
}

/// Refuses to replace these files where that is not wanted, and to replace one of the inputs at all.
/// Each file gets a line.
pub(super) fn check_replaced(
    files: &[PathBuf],
    inputs: &[&Path],
    overwrite: bool,
) -> Result<(), Failure> {
    let causes: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let input = inputs.iter().find(|input| same_file(input, file));
            match input {
                Some(input) if *input == file => Some(format!(
                    "{}: would be written over, but the command reads it; choose another place",
                    file.display()
                )),
                Some(input) => Some(format!(
                    "{}: would be written over, but it is {}, which the command reads; choose another place",
                    file.display(),
                    input.display()
                )),
                None => (!overwrite && file.symlink_metadata().is_ok()).then(|| {
                    format!(
                        "{}: exists already; use --overwrite to replace it, or choose another place",
                        file.display()
                    )
                }),
            }
        })
        .collect();
    match causes.is_empty() {
        true => Ok(()),
        false => Err(Failure::Failed(causes)),
    }
}

/// Creates a folder, if need be.
pub(super) fn create_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| {
        Failure::because(format!(
            "the folder {} cannot be made: {error}",
            folder.display()
        ))
    })
}

/// A folder that a command writes into, and what it has written.
pub(super) struct OutputFolder {
    folder: PathBuf,
    /// What it was looked through for.
    names: Vec<String>,
    is_made: bool,
    overwrite: bool,
    written: Vec<PathBuf>,
}

impl OutputFolder {
    /// A folder in which the command goes on with work of its own: it asks what [is there](Self::has),
    /// and writes the rest.
    pub fn resumed(folder: &Path) -> Result<Self, Failure> {
        create_folder(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            names: vec!["*".to_owned()],
            is_made: true,
            overwrite: true,
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
        let bytes = png_bytes(&self.folder.join(name), picture)?;
        self.write(name, &bytes)
    }

    /// Writes an array as `.npy`.
    pub fn npy<A, S, D>(&mut self, name: &str, array: &ArrayBase<S, D>) -> Result<(), Failure>
    where
        A: WritableElement,
        S: Data<Elem = A>,
        D: Dimension,
    {
        self.write(name, &npy::to_bytes(array))
    }

    /// Writes these bytes.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.write(name, bytes)
    }

    /// Writes a value as indented JSON.
    pub fn json(&mut self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        self.write(name, &json_bytes(value)?)
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let is_declared = self.names.iter().any(|pattern| matches(pattern, name));
        debug_assert!(is_declared, "the folder was not looked through for {name}");
        if !self.is_made {
            create_folder(&self.folder)?;
            self.is_made = true;
        }
        let path = self.folder.join(name);
        write_bytes(&path, bytes, self.overwrite)?;
        self.written.push(path);
        Ok(())
    }
}

/// Runs what writes into a folder and says what it wrote; `figures` are added to the JSON.
pub(super) fn into_folder(
    mut folder: OutputFolder,
    console: OutputOptions,
    work: impl FnOnce(&mut OutputFolder) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let figures = work(&mut folder)?;
    if console.json {
        print_json(&json!({
            "written": paths(folder.written()),
            "figures": figures,
            "seconds": begun.elapsed().as_secs_f64(),
        }))?;
    } else if !console.quiet {
        eprintln!(
            "{} files in {}",
            folder.written().len(),
            folder.folder.display()
        );
    }
    Ok(())
}

/// Writes a value as indented JSON, whole or not at all.
pub(super) fn write_json(
    path: &Path,
    value: &impl Serialize,
    overwrite: bool,
) -> Result<(), Failure> {
    write_bytes(path, &json_bytes(value)?, overwrite)
}

/// Writes a picture as PNG, whole or not at all.
pub(super) fn write_png(
    path: &Path,
    picture: impl Into<DynamicImage>,
    overwrite: bool,
) -> Result<(), Failure> {
    write_bytes(path, &png_bytes(path, picture)?, overwrite)
}

/// Writes a text, whole or not at all.
pub(super) fn write_text(path: &Path, text: &[u8], overwrite: bool) -> Result<(), Failure> {
    write_bytes(path, text, overwrite)
}

/// Writes a file piece by piece, whole or not at all.
pub(super) fn write_with(
    path: &Path,
    overwrite: bool,
    content: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> Result<(), Failure> {
    match overwrite {
        true => atomic::write(path, content),
        false => atomic::write_new(path, content),
    }?;
    note_written(path);
    Ok(())
}

/// A value as indented JSON.
pub(super) fn json_bytes(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    let mut text = serde_json::to_vec_pretty(&to_json(value)?).map_err(Failure::because)?;
    text.push(b'\n');
    Ok(text)
}

/// A picture as PNG; `path` is for messages.
pub(super) fn png_bytes(path: &Path, picture: impl Into<DynamicImage>) -> Result<Vec<u8>, Failure> {
    let mut bytes = io::Cursor::new(Vec::new());
    let encoded = picture.into().write_to(&mut bytes, ImageFormat::Png);
    encoded.map_err(|error| {
        Failure::because(format!("{} cannot be encoded: {error}", path.display()))
    })?;
    Ok(bytes.into_inner())
}

fn write_bytes(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), Failure> {
    write_with(path, overwrite, |file| file.write_all(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        assert!(matches("noise_*.npy", "noise_07.npy"));
        assert!(matches("code.npy", "code.npy"));
        for other in ["noise_.np", "xnoise_1.npy", "noise_1.npy~"] {
            assert!(!matches("noise_*.npy", other), "{other}");
        }
        assert!(!matches("aa*aa", "aaa"), "the ends do not overlap");
    }

    #[test]
    fn what_is_there_is_refused_by_name_and_an_input_always() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["code.npy", "noise_00.npy", "portrait.jpg"] {
            fs::write(at(name), b"mine").unwrap();
        }
        let options = |overwrite| FolderOptions {
            out: folder.path().to_owned(),
            overwrite,
        };
        let names = ["code.npy", "noise_*.npy"];
        let causes = |overwrite, inputs: &[&Path]| {
            let refused = options(overwrite).folder(&names, inputs);
            refused
                .err()
                .map_or_else(Vec::new, |refused| refused.causes())
        };
        let refused = causes(false, &[]);
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert!(refused[0].contains("code.npy") && refused[1].contains("noise_00.npy"));
        assert!(causes(true, &[]).is_empty());
        let input = at("./code.npy");
        assert_eq!(causes(true, &[&input]).len(), 1);

        let mut new = options(true).folder(&names, &[]).unwrap();
        new.overwrite = false;
        assert!(new.npy("code.npy", &ndarray::arr1(&[1.0_f32])).is_err());
        assert_eq!(fs::read(at("code.npy")).unwrap(), b"mine");
    }
}
