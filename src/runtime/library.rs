//! Where the ONNX Runtime library is looked for.

use std::env;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{CancelToken, Error, KnownLibrary};
use crate::data_dir::data_dir;
use crate::python::{self, Unfinished};

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
    /// Why it may be loaded.
    pub trust: Trust,
}

/// Why a library may be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Its bytes are those of a build that Jawline knows.
    Known(&'static KnownLibrary),
    /// The user named it. Its bytes were not looked at.
    Chosen,
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(known) => write!(f, "version {}, SHA-256 as known", known.version),
            Self::Chosen => f.write_str("your choice, not checked"),
        }
    }
}

/// A library that may be loaded, with its bytes where they were checked: what is loaded must be these,
/// and not what the file holds a moment later.
pub(super) struct Located {
    pub(super) found: Found,
    pub(super) bytes: Option<Vec<u8>>,
}

/// Finds ONNX Runtime: `ORT_DYLIB_PATH`, next to the executable, or in the data directory. Only what the
/// user has named is taken as it is; elsewhere only a build that Jawline knows by its SHA-256.
///
/// # Errors
/// [`Error::LibraryUnusable`] when `ORT_DYLIB_PATH` names something that is not a file: a wish that
/// cannot be met is not passed over. [`Error::LibraryMissing`] when no place has a library that may be
/// loaded.
pub fn find_library() -> Result<Found, Error> {
    locate().map(|located| located.found)
}

/// As [`find_library`], with the bytes.
pub(super) fn locate() -> Result<Located, Error> {
    if let Some(named) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return named_by_variable(PathBuf::from(named));
    }
    let exe = env::current_exe().ok();
    let beside_exe = exe.as_deref().and_then(Path::parent);
    let installed = data_dir().map(|dir| dir.join(RUNTIME_FOLDER));
    among(beside_exe, installed.as_deref())
}

/// Looks at the places where Jawline chooses.
fn among(beside_exe: Option<&Path>, installed: Option<&Path>) -> Result<Located, Error> {
    let mut looked_at = vec![format!("{VARIABLE} (not set)")];
    let beside_exe = beside_exe.map(|folder| (folder, "next to the program", libraries_in(folder)));
    let installed = installed.map(|folder| {
        let libraries = newest_first(folder);
        (folder, "installed in the data directory", libraries)
    });
    for (folder, because, libraries) in beside_exe.into_iter().chain(installed) {
        if libraries.is_empty() {
            looked_at.push(folder.display().to_string());
        }
        for path in libraries {
            match known(&path) {
                Ok(Some((known, bytes))) => {
                    return Ok(Located {
                        found: Found {
                            path,
                            because,
                            trust: Trust::Known(known),
                        },
                        bytes: Some(bytes),
                    });
                }
                Ok(None) => looked_at.push(format!(
                    "{}, which is not a build that Jawline knows",
                    path.display()
                )),
                Err(error) => looked_at.push(format!("{}: {error}", path.display())),
            }
        }
    }
    Err(Error::LibraryMissing { looked_at })
}

fn named_by_variable(path: PathBuf) -> Result<Located, Error> {
    if !path.is_file() {
        return Err(Error::LibraryUnusable {
            path,
            reason: format!("{VARIABLE} names it, and there is no such file"),
        });
    }
    Ok(Located {
        found: Found {
            // The loader looks for a bare name elsewhere.
            path: std::path::absolute(&path).unwrap_or(path),
            because: "named by ORT_DYLIB_PATH",
            trust: Trust::Chosen,
        },
        bytes: None,
    })
}

/// The build in a file and its bytes, if Jawline knows it. A file of another size is not read.
fn known(path: &Path) -> io::Result<Option<(&'static KnownLibrary, Vec<u8>)>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if !KnownLibrary::here().any(|known| known.bytes == length) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(KnownLibrary::with_bytes(&bytes).map(|known| (known, bytes)))
}

/// The library files of a folder: wheels hold only versioned names, so any `libonnxruntime.so*`
/// counts, the longest name (the real file behind links) first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_library_name(name))
        .collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    names
        .into_iter()
        .rev()
        .map(|name| folder.join(name))
        .filter(|path| path.is_file())
        .collect()
}

fn is_library_name(name: &str) -> bool {
    name == "onnxruntime.dll"
        || name.starts_with("libonnxruntime.so")
        || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
}

/// The libraries of the installed versions, the newest first.
fn newest_first(folder: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            // What is being put together has a name that is hidden.
            (!name.starts_with('.')).then(|| (version_numbers(name), path.clone()))
        })
        .collect();
    versions.sort();
    let newest = versions.iter().rev();
    newest.flat_map(|(_, path)| libraries_in(path)).collect()
}

/// `onnxruntime-1.32.0` → `[1, 32, 0]`, so that 1.9 comes before 1.32.
fn version_numbers(name: &str) -> Vec<u32> {
    name.split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

/// The library of Python's own package `onnxruntime`, if it is a build that Jawline knows, with its bytes.
/// It serves an installation, which would fetch the same file, and is never loaded from there. The package
/// is not imported.
///
/// # Errors
/// [`Error::Cancelled`].
pub fn library_of_python(
    cancel: &CancelToken,
) -> Result<Option<(&'static KnownLibrary, Vec<u8>)>, Error> {
    let script = "import importlib.util as u; s = u.find_spec('onnxruntime'); \
                  print(s.submodule_search_locations[0] if s else '')";
    let mut command = python::isolated();
    command.args(["-c", script]);
    let finished = match python::run(command, || cancel.is_cancelled()) {
        Ok(finished) => finished,
        Err(Unfinished::Cancelled) => return Err(Error::Cancelled),
        Err(Unfinished::System(error)) => {
            tracing::info!(%error, "Python cannot be asked for its onnxruntime");
            return Ok(None);
        }
    };
    let folder = Path::new(finished.stdout.trim());
    if !folder.is_absolute() {
        return Ok(None);
    }
    let libraries = libraries_in(&folder.join("capi"));
    Ok(libraries.iter().find_map(|path| known(path).ok().flatten()))
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
            libraries_in(folder.path()),
            [folder.path().join("libonnxruntime.so.1.32.0")]
        );
    }

    #[test]
    fn the_newest_version_comes_first_by_number_and_half_made_ones_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        for version in [
            "onnxruntime-1.9.0",
            "onnxruntime-1.32.0",
            "onnxruntime-1.4.1",
            ".partial-99",
        ] {
            let path = folder.path().join(version);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("libonnxruntime.so.1"), b"").unwrap();
        }
        let versions: Vec<_> = newest_first(folder.path())
            .iter()
            .map(|path| {
                version_numbers(
                    path.parent()
                        .unwrap()
                        .file_name()
                        .unwrap()
                        .to_str()
                        .unwrap(),
                )
            })
            .collect();
        assert_eq!(versions, [[1, 32, 0], [1, 9, 0], [1, 4, 1]]);
    }

    #[test]
    fn a_folder_named_like_the_library_is_no_library() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("libonnxruntime.so")).unwrap();
        assert!(libraries_in(folder.path()).is_empty());
    }

    #[test]
    fn a_library_that_nobody_knows_is_named_and_not_taken() {
        let beside = tempfile::tempdir().unwrap();
        let installed = tempfile::tempdir().unwrap();
        let version = installed.path().join("onnxruntime-1.32.0");
        fs::create_dir(&version).unwrap();
        for folder in [beside.path(), &version] {
            fs::write(folder.join("libonnxruntime.so.1.32.0"), b"planted").unwrap();
        }
        let outcome = among(Some(beside.path()), Some(installed.path()));
        let message = outcome.err().unwrap().to_string();
        for folder in [beside.path(), &version] {
            assert!(message.contains(folder.to_str().unwrap()), "{message}");
        }
        assert!(
            message.contains("not a build that Jawline knows"),
            "{message}"
        );
    }

    /// One byte of an installed library changed: same size, another digest.
    #[test]
    fn one_flipped_byte_makes_a_library_unknown() {
        let Some(installed) = data_dir().map(|dir| dir.join(RUNTIME_FOLDER)) else {
            return;
        };
        let Ok(located) = among(None, Some(&installed)) else {
            return;
        };
        let mut bytes = located.bytes.unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so.1.32.0");
        fs::write(&path, bytes).unwrap();
        assert!(known(&path).unwrap().is_none());
    }

    #[test]
    fn a_variable_that_names_nothing_is_an_error_and_is_not_passed_over() {
        let path = PathBuf::from("/nonexistent/libonnxruntime.so");
        let error = named_by_variable(path).err().unwrap();
        assert!(error.to_string().contains("no such file"), "{error}");
    }

    #[test]
    fn what_the_user_names_is_taken_unread_and_by_its_whole_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.so");
        fs::write(&path, b"anything").unwrap();
        let located = named_by_variable(path.clone()).unwrap();
        assert_eq!(located.found.trust, Trust::Chosen);
        assert_eq!(located.found.path, path);
        assert!(located.bytes.is_none());
        let relative = named_by_variable(PathBuf::from("Cargo.toml")).unwrap();
        assert!(relative.found.path.is_absolute());
    }
}
