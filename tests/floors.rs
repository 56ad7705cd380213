//! The house stands as `ARCHITECTURE.md` draws it: a room uses rooms on lower floors only, and those beside it
//! that are named here.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The rooms, floor by floor from the ground.
const FLOORS: [&[&str]; 5] = [
    &[
        "architectures",
        "checkpoint",
        "data_dir",
        "fs",
        "geometry",
        "graph",
        "memory",
        "photo",
        "python",
        "sha256",
    ],
    &["networks", "runtime"],
    &["latent", "portrait", "training"],
    &["editor", "engine"],
    &["app", "cli"],
];

/// Who may use whom on the same floor.
const NEIGHBOURS: [(&str, &str); 7] = [
    ("architectures", "checkpoint"),
    ("architectures", "graph"),
    ("checkpoint", "fs"),
    ("photo", "fs"),
    ("photo", "geometry"),
    ("networks", "runtime"),
    ("editor", "engine"),
];

/// The command line opens the window.
const ABOVE: (&str, &str) = ("cli", "app");

/// Which rooms each room uses, in code that is not tests.
type Uses = BTreeMap<String, BTreeSet<String>>;

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// What is wrong with who uses whom, in words.
fn faults(uses: &Uses) -> Vec<String> {
    let mut faults = Vec::new();
    for (room, used) in uses {
        let Some(floor) = floor_of(room) else {
            faults.push(format!("{room} has no floor"));
            continue;
        };
        for other in used {
            let pair = (room.as_str(), other.as_str());
            match floor_of(other) {
                None => faults.push(format!("{room} uses {other}, which has no floor")),
                Some(below) if below < floor => (),
                Some(above) if above > floor => {
                    faults.push(format!("{room} looks up to {other}"));
                }
                Some(_) if pair == ABOVE || NEIGHBOURS.contains(&pair) => (),
                Some(_) => faults.push(format!("{room} uses {other} beside it")),
            }
        }
    }
    faults
}

/// The rooms that a line of source names.
fn rooms_in(line: &str) -> BTreeSet<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut rooms = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        let names: Vec<&str> = match part.strip_prefix('{') {
            // `use crate::{graph, runtime};`
            Some(list) => list.split(',').collect(),
            None => vec![part],
        };
        for name in names {
            let name = name.trim();
            let end = name.find(|letter: char| letter != '_' && !letter.is_alphanumeric());
            let name = &name[..end.unwrap_or(name.len())];
            let is_room = name.starts_with(|letter: char| letter.is_lowercase());
            rooms.extend(is_room.then(|| name.to_owned()));
        }
    }
    rooms
}

/// A file's source without its unit tests.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]\nmod tests {");
    text[..end.unwrap_or(text.len())].to_owned()
}

fn add_uses(path: &Path, room: &str, uses: &mut Uses) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_tests = name == "tests" || name.ends_with("tests.rs");
    if is_tests {
        return;
    }
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            add_uses(&entry.unwrap().path(), room, uses);
        }
        return;
    }
    let used = uses.entry(room.to_owned()).or_default();
    for line in code_of(path).lines() {
        used.extend(rooms_in(line).into_iter().filter(|other| other != room));
    }
}

#[test]
fn no_room_looks_up_or_round_in_a_circle() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut uses = Uses::new();
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !["lib", "main"].contains(&room.as_str()) {
            add_uses(&path, &room, &mut uses);
        }
    }
    assert!(uses.len() > 15, "only {} rooms were found", uses.len());
    let named: usize = uses.values().map(BTreeSet::len).sum();
    assert!(named > 50, "only {named} uses were found");
    assert_eq!(faults(&uses), Vec::<String>::new());
}

#[test]
fn what_must_not_be_is_found() {
    let uses = |room: &str, line: &str| Uses::from([(room.to_owned(), rooms_in(line))]);
    for (room, line, fault) in [
        (
            "photo",
            "use crate::engine::Job;",
            "photo looks up to engine",
        ),
        (
            "engine",
            "use crate::editor::Edits;",
            "engine uses editor beside it",
        ),
        (
            "app",
            "    let x = crate::cli::run();",
            "app uses cli beside it",
        ),
        (
            "graph",
            "use crate::{checkpoint, runtime};",
            "graph uses checkpoint beside it",
        ),
        ("cellar", "use crate::graph::Graph;", "cellar has no floor"),
    ] {
        assert!(
            faults(&uses(room, line)).contains(&fault.to_owned()),
            "{line}"
        );
    }
    for (room, line) in [
        ("cli", "use crate::app::Start;"),
        ("editor", "use crate::engine::{EditParams, Method};"),
        ("latent", "//! See crate::app."),
    ] {
        assert_eq!(faults(&uses(room, line)), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn neighbours_form_no_circle() {
    for (from, to) in NEIGHBOURS.into_iter().chain([ABOVE]) {
        let mut reached = vec![to];
        while let Some(room) = reached.pop() {
            assert_ne!(room, from, "{from} and {to} use each other");
            let next = NEIGHBOURS.iter().filter(|(other, _)| *other == room);
            reached.extend(next.map(|(_, used)| *used));
        }
    }
}
