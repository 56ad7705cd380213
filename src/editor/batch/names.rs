//! Names for results that keep photos of one name apart.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What two files must not share: many a system takes names that differ in case for one.
fn key(path: &Path) -> String {
    path.to_string_lossy().to_lowercase()
}

/// The wanted paths, with a number added where a name is taken: the first that wants one gets it. A
/// number is never one that another path has of its own.
pub fn kept_apart(wanted: &[PathBuf]) -> Vec<PathBuf> {
    let mut firsts = HashSet::new();
    let is_first: Vec<bool> = wanted.iter().map(|path| firsts.insert(key(path))).collect();
    let mut taken = firsts;
    let named = wanted.iter().zip(is_first).map(|(path, is_first)| {
        if is_first {
            return path.clone();
        }
        let mut number = 2;
        loop {
            let other = numbered(path, number);
            if taken.insert(key(&other)) {
                return other;
            }
            number += 1;
        }
    });
    named.collect()
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// The path with this added to its name.
pub fn with_added(path: &Path, added: &str) -> PathBuf {
    let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
    name.push(added);
    path.with_file_name(name)
}

/// The paths without their extensions, or as they are where two would be the same without.
pub fn without_extensions(paths: &[PathBuf]) -> Vec<PathBuf> {
    let bare: Vec<PathBuf> = paths.iter().map(|path| path.with_extension("")).collect();
    let mut seen = HashSet::new();
    match bare.iter().all(|path| seen.insert(key(path))) {
        true => bare,
        false => paths.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_keeps_its_name_and_no_number_meets_another_name() {
        let wanted = ["a.jpg", "A.JPG", "a-2.jpg", "sub/a.jpg", "a.jpg", "x", "x"];
        let wanted = wanted.map(PathBuf::from);
        let apart = kept_apart(&wanted);
        let expected = [
            "a.jpg",
            "A-3.JPG",
            "a-2.jpg",
            "sub/a.jpg",
            "a-4.jpg",
            "x",
            "x-2",
        ];
        assert_eq!(apart, expected.map(PathBuf::from));
    }

    #[test]
    fn extensions_are_left_out_where_that_keeps_paths_apart() {
        let paths = |names: [&str; 2]| names.map(PathBuf::from).to_vec();
        assert_eq!(
            without_extensions(&paths(["s/a.jpg", "b.png"])),
            paths(["s/a", "b"])
        );
        let alike = paths(["a.jpg", "a.png"]);
        assert_eq!(without_extensions(&alike), alike);
    }
}
