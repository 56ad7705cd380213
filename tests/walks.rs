//! The walks of `ARCHITECTURE.md` lead past files and functions that are there.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files by their paths in the repository, from `/`.
fn files(folder: &Path, path: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy();
        let inner = format!("{path}/{name}");
        if file.is_dir() {
            files(&file, &inner, found);
        } else if name.ends_with(".rs") || name.ends_with(".wgsl") {
            found.insert(inner, fs::read_to_string(&file).unwrap());
        }
    }
}

/// Is it a word of the text?
fn has_word(text: &str, word: &str) -> bool {
    let is_in_word = |letter: char| letter == '_' || letter.is_alphanumeric();
    text.match_indices(word).any(|(index, _)| {
        !text[..index].ends_with(is_in_word) && !text[index + word.len()..].starts_with(is_in_word)
    })
}

/// What a stop of a walk names in vain.
fn missing(stop: &str, files: &BTreeMap<String, String>) -> Vec<String> {
    let named: Vec<&str> = stop.split('`').skip(1).step_by(2).collect();
    let is_file = |name: &str| name.ends_with(".rs") || name.ends_with(".wgsl");
    let mut missing = Vec::new();
    let mut texts: Vec<&String> = Vec::new();
    for name in named.iter().filter(|name| is_file(name)) {
        let end = format!("/{name}");
        let there = files.iter().filter(|(path, _)| path.ends_with(&end));
        let before = texts.len();
        texts.extend(there.map(|(_, text)| text));
        if texts.len() == before {
            missing.push((*name).to_owned());
        }
    }
    let is_path = |name: &str| {
        let parts = name.split("::");
        let mut letters = parts.flat_map(str::chars);
        letters.all(|letter| letter == '_' || letter.is_alphanumeric())
    };
    for name in named.iter().filter(|name| is_path(name)) {
        let last = name.rsplit("::").next().unwrap_or(name);
        if !texts.iter().any(|text| has_word(text, last)) {
            missing.push((*name).to_owned());
        }
    }
    missing
}

#[test]
fn every_stop_of_a_walk_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = BTreeMap::new();
    files(&root.join("src"), "/src", &mut all);
    files(&root.join("assets/shaders"), "/assets/shaders", &mut all);
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let (_, walks) = page.split_once("## Three walks").unwrap();
    let (walks, _) = walks.split_once("\n## ").unwrap();
    let stops: Vec<&str> = walks
        .lines()
        .filter(|line| line.starts_with(|letter: char| letter.is_ascii_digit()))
        .collect();
    assert!(stops.len() > 15, "only {} stops were found", stops.len());
    for stop in stops {
        assert_eq!(missing(stop, &all), Vec::<String>::new(), "{stop}");
    }
    let astray = "1. `app/cellar.rs` `show`, then `app/mod.rs` `Jawline::frame`, `fly`";
    assert_eq!(missing(astray, &all), ["app/cellar.rs", "fly"]);
}
