//! Where the ONNX Runtime library is looked for.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Error;
use crate::data_dir::data_dir;

/// The folder of the data directory that holds installed ONNX Runtime libraries, one subfolder a
/// version.
pub const RUNTIME_FOLDER: &str = "runtime";

const VARIABLE: &str = "ORT_DYLIB_PATH";

/// A library on disk and the rule that found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The library file.
    pub path: PathBuf,
    /// In words, why this one: "named by ORT_DYLIB_PATH", …
    pub because: &'static str,
}

/// Finds ONNX Runtime: `ORT_DYLIB_PATH`, next to the executable, the data directory, and last the
/// Python package `onnxruntime`.
///
/// # Errors
/// [`Error::LibraryUnusable`] when `ORT_DYLIB_PATH` names something that is not a file: a wish that
/// cannot be met is not passed over. [`Error::LibraryMissing`] when no place has a library.
pub fn find_library() -> Result<Found, Error> {
    if let Some(named) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return named_by_variable(PathBuf::from(named));
    }
    let mut looked_at = vec![format!("{VARIABLE} (not set)")];
    if let Some(folder) = env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(Path::to_path_buf))
    {
        if let Some(path) = library_in(&folder) {
            return Ok(Found {
                path,
                because: "next to the program",
            });
        }
        looked_at.push(folder.display().to_string());
    }
    if let Some(folder) = data_dir().map(|dir| dir.join(RUNTIME_FOLDER)) {
        if let Some(path) = newest_installed(&folder) {
            return Ok(Found {
                path,
                because: "installed in the data directory",
            });
        }
        looked_at.push(folder.display().to_string());
    }
    if let Some(path) = python_package().and_then(|folder| library_in(&folder.join("capi"))) {
        return Ok(Found {
            path,
            because: "from the Python package onnxruntime",
        });
    }
    looked_at.push("the Python package onnxruntime".to_owned());
    Err(Error::LibraryMissing { looked_at })
}

fn named_by_variable(path: PathBuf) -> Result<Found, Error> {
    if path.is_file() {
        return Ok(Found {
            path,
            because: "named by ORT_DYLIB_PATH",
        });
    }
    Err(Error::LibraryUnusable {
        path,
        reason: format!("{VARIABLE} names it, and there is no such file"),
    })
}

/// The library file of a folder: wheels hold only versioned names, so any `libonnxruntime.so*`
/// counts, the longest name (the real file behind links) first.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_library_name(name))
        .collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    names
        .into_iter()
        .rev()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

fn is_library_name(name: &str) -> bool {
    name == "onnxruntime.dll"
        || name.starts_with("libonnxruntime.so")
        || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
}

/// The library of the newest version among the installed ones.
fn newest_installed(folder: &Path) -> Option<PathBuf> {
    let mut versions: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = version_numbers(path.file_name()?.to_str()?);
            Some((version, path))
        })
        .collect();
    versions.sort();
    versions.iter().rev().find_map(|(_, path)| library_in(path))
}

/// `onnxruntime-1.32.0` → `[1, 32, 0]`, so that 1.9 comes before 1.32.
fn version_numbers(name: &str) -> Vec<u32> {
    name.split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

/// Asks Python where its package `onnxruntime` lies, without importing it.
fn python_package() -> Option<PathBuf> {
    let script = "import importlib.util as u; s = u.find_spec('onnxruntime'); \
                  print(s.submodule_search_locations[0] if s else '')";
    let output = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    let folder = folder.trim();
    (!folder.is_empty()).then(|| PathBuf::from(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_s_versioned_name_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "libonnxruntime.so.1.32.0",
            "libonnxruntime_providers_shared.so",
            "note.txt",
        ] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        assert_eq!(
            library_in(folder.path()).unwrap().file_name().unwrap(),
            "libonnxruntime.so.1.32.0"
        );
    }

    #[test]
    fn the_newest_version_wins_by_number() {
        let folder = tempfile::tempdir().unwrap();
        for version in [
            "onnxruntime-1.9.0",
            "onnxruntime-1.32.0",
            "onnxruntime-1.4.1",
        ] {
            let path = folder.path().join(version);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("libonnxruntime.so.1"), b"").unwrap();
        }
        let found = newest_installed(folder.path()).unwrap();
        assert!(
            found.starts_with(folder.path().join("onnxruntime-1.32.0")),
            "{found:?}"
        );
    }

    #[test]
    fn a_folder_named_like_the_library_is_no_library() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("libonnxruntime.so")).unwrap();
        assert_eq!(library_in(folder.path()), None);
    }

    #[test]
    fn a_variable_that_names_nothing_is_an_error_and_is_not_passed_over() {
        let error = named_by_variable(PathBuf::from("/nonexistent/libonnxruntime.so")).unwrap_err();
        assert!(error.to_string().contains("no such file"), "{error}");
    }
}
