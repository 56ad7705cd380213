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

/// The parts of `engine/`, floor by floor from the ground. Each names the others by their own paths, and not
/// through the front of `engine/mod.rs`, and only such as are below it: the core knows no job, and of
/// all that is in `client` only that is told what becomes a job.
const ENGINE: [&[&str]; 7] = [
    &["error"],
    &["sessions"],
    &["job"],
    &["thread"],
    &["jobs::latent", "jobs::networks"],
    &["jobs::face", "jobs::reference"],
    &["client"],
];

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

/// The parts that `text` names before a `::`, a brace or its end, and what follows them.
fn names(mut text: &str) -> (Vec<String>, &str) {
    let mut names = Vec::new();
    loop {
        let is_in_name = |letter: char| letter == '_' || letter.is_alphanumeric();
        let end = text.find(|letter| !is_in_name(letter));
        let end = end.unwrap_or(text.len());
        if end == 0 {
            return (names, text);
        }
        names.push(text[..end].to_owned());
        match text[end..].strip_prefix("::") {
            Some(rest) => text = rest,
            None => return (names, &text[end..]),
        }
    }
}

/// The branches of a list in braces, of which `text` is what follows the opening one.
fn branches(text: &str) -> Vec<&str> {
    let (mut depth, mut begun, mut found) = (0, 0, Vec::new());
    for (index, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            ',' if depth == 0 => {
                found.push(&text[begun..index]);
                begun = index + 1;
            }
            '}' if depth == 0 => {
                found.push(&text[begun..index]);
                break;
            }
            '}' => depth -= 1,
            _ => (),
        }
    }
    found
}

/// All paths that begin with `root` and go on as `text` does, such as `a::{b, c::d}`.
fn grow(root: &[String], text: &str, paths: &mut Vec<Vec<String>>) {
    let (names, rest) = names(text.trim_start());
    let path = [root, names.as_slice()].concat();
    match rest.strip_prefix('{') {
        Some(list) => branches(list)
            .iter()
            .for_each(|branch| grow(&path, branch, paths)),
        None => paths.push(path),
    }
}

/// The paths within the crate that source names in the module `here`, `use` or not, without what is in comments.
fn paths_in(source: &str, here: &[String]) -> Vec<Vec<String>> {
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    let source: Vec<String> = source.lines().map(code).collect();
    let source = source.join("\n");
    let mut paths = Vec::new();
    for start in ["crate::", "super::"] {
        for (index, _) in source.match_indices(start) {
            let before = &source[..index];
            if before.ends_with("::") || before.ends_with('$') {
                continue;
            }
            let (mut root, mut rest) = match start {
                "crate::" => (Vec::new(), &source[index + start.len()..]),
                _ => (here.to_vec(), &source[index..]),
            };
            while let Some(after) = rest.strip_prefix("super::") {
                root.pop();
                rest = after;
            }
            grow(&root, rest, &mut paths);
        }
    }
    paths
}

/// The other rooms that the source of a module names.
fn rooms_in(source: &str, here: &[String]) -> BTreeSet<String> {
    let first = |path: Vec<String>| path.into_iter().next();
    let is_room = |name: &String| name.starts_with(|letter: char| letter.is_lowercase());
    let paths = paths_in(source, here).into_iter();
    paths
        .filter_map(first)
        .filter(|name| is_room(name) && here.first() != Some(name))
        .collect()
}

/// A file's source without its unit tests.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let end = text.find("\nmod tests {");
    text[..end.unwrap_or(text.len())].to_owned()
}

/// A file of the program: the path of its module, and its source without tests.
struct Module {
    path: Vec<String>,
    code: String,
}

/// The modules of a folder, `path` in the crate.
fn modules(folder: &Path, path: &[String]) -> Vec<Module> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let inner = match name.as_str() {
            "mod" => path.to_vec(),
            _ => [path, std::slice::from_ref(&name)].concat(),
        };
        // Tests may know whom they like; `lib` and `main` are the doorsteps.
        if name.ends_with("tests") || ["lib", "main"].contains(&name.as_str()) {
            continue;
        }
        if file.is_dir() {
            found.extend(modules(&file, &inner));
        } else {
            let code = code_of(&file);
            found.push(Module { path: inner, code });
        }
    }
    found
}

fn house() -> Vec<Module> {
    modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[])
}

/// The part of the engine that a path lies in; `None` for its front.
fn part_of_engine(path: &[String]) -> Option<String> {
    match path {
        [engine, jobs, part, ..] if engine == "engine" && jobs == "jobs" => {
            Some(format!("{jobs}::{part}"))
        }
        [engine, part, ..] if engine == "engine" => Some(part.clone()),
        _ => None,
    }
}

/// What is wrong with what a module of the engine uses, in words.
fn faults_in_engine(module: &Module) -> Vec<String> {
    let Some(part) = part_of_engine(&module.path).filter(|part| part != "jobs") else {
        return Vec::new();
    };
    let floor_of = |part: &str| ENGINE.iter().position(|parts| parts.contains(&part));
    let Some(floor) = floor_of(&part) else {
        return vec![format!("{part} has no floor in the engine")];
    };
    let used = paths_in(&module.code, &module.path).into_iter();
    let used: BTreeSet<Vec<String>> = used
        .filter(|path| path.first().is_some_and(|room| room == "engine"))
        .collect();
    let mut faults = Vec::new();
    for path in used {
        let other = part_of_engine(&path).unwrap_or_default();
        let path = path.join("::");
        match floor_of(&other) {
            None => faults.push(format!("{part} names {path} by the front")),
            Some(below) if below < floor || other == part => (),
            Some(_) => faults.push(format!("{part} looks up to {path}")),
        }
    }
    faults
}

/// Circles among modules that stand side by side in one folder, in words. What a module takes from those that
/// it lies in makes none: a folder's front names what is inside.
fn circles(house: &[Module]) -> Vec<String> {
    let known: BTreeSet<&[String]> = house.iter().map(|module| module.path.as_slice()).collect();
    let mut uses: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    for module in house {
        for used in paths_in(&module.code, &module.path) {
            let shared = module.path.iter().zip(&used);
            let depth = shared.take_while(|(ours, theirs)| ours == theirs).count();
            if let (Some(ours), Some(theirs)) = (module.path.get(..=depth), used.get(..=depth))
                && known.iter().any(|path| path.starts_with(theirs))
            {
                uses.entry(ours.to_vec())
                    .or_default()
                    .insert(theirs.to_vec());
            }
        }
    }
    let mut circles = Vec::new();
    for (from, used) in &uses {
        for to in used {
            let mut reached = BTreeSet::from([to]);
            let mut open = vec![to];
            while let Some(module) = open.pop() {
                let next = uses.get(module).into_iter().flatten();
                open.extend(next.filter(|next| reached.insert(next)));
            }
            if reached.contains(from) && from <= to {
                circles.push(format!("{} and {}", from.join("::"), to.join("::")));
            }
        }
    }
    circles
}

#[test]
fn no_room_looks_up_or_round_in_a_circle() {
    let mut uses = Uses::new();
    for module in house() {
        let Some(room) = module.path.first() else {
            continue;
        };
        let used = uses.entry(room.clone()).or_default();
        used.extend(rooms_in(&module.code, &module.path));
    }
    assert!(uses.len() > 15, "only {} rooms were found", uses.len());
    let named: usize = uses.values().map(BTreeSet::len).sum();
    assert!(named > 50, "only {named} uses were found");
    assert_eq!(faults(&uses), Vec::<String>::new());
}

#[test]
fn what_must_not_be_is_found() {
    let uses = |room: &str, line: &str| {
        Uses::from([(room.to_owned(), rooms_in(line, &[room.to_owned()]))])
    };
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

#[test]
fn the_core_of_the_engine_knows_no_job() {
    let house = house();
    let engine = house.iter().filter(|module| module.path[0] == "engine");
    let (modules, faults): (Vec<_>, Vec<_>) = engine
        .map(|module| (&module.path, faults_in_engine(module)))
        .unzip();
    assert!(
        modules.len() > 30,
        "only {} modules were found",
        modules.len()
    );
    assert_eq!(faults.concat(), Vec::<String>::new());
}

#[test]
fn what_must_not_be_in_the_engine_is_found() {
    let module = |path: &str, code: &str| Module {
        path: path.split("::").map(str::to_owned).collect(),
        code: code.to_owned(),
    };
    for (path, code, fault) in [
        (
            "engine::sessions",
            "use super::{\n    error::Error,\n    jobs::face::{clock::Clock, AlignFace},\n};",
            "sessions looks up to engine::jobs::face::AlignFace",
        ),
        (
            "engine::job",
            "let engine: Option<crate::engine::thread::Engine> = None;",
            "job looks up to engine::thread::Engine",
        ),
        (
            "engine::jobs::latent::invert",
            "use super::super::face::AlignFace;",
            "jobs::latent looks up to engine::jobs::face::AlignFace",
        ),
        (
            "engine::jobs::face::render",
            "use crate::engine::{Error, client};",
            "jobs::face names engine::Error by the front",
        ),
        ("engine::cellar", "", "cellar has no floor in the engine"),
    ] {
        let faults = faults_in_engine(&module(path, code));
        assert!(faults.contains(&fault.to_owned()), "{code}: {faults:?}");
    }
    for (path, code) in [
        (
            "engine::client::messages",
            "use crate::engine::jobs::face::AlignFace;",
        ),
        (
            "engine::jobs::face::render",
            "use super::clock::Clock; // and super::super::Engine",
        ),
        ("engine", "pub use jobs::face::*;"),
    ] {
        assert_eq!(
            faults_in_engine(&module(path, code)),
            Vec::<String>::new(),
            "{code}"
        );
    }
    let house = [
        module("room::a", "use super::b::{self, B};"),
        module("room::b::inner", "fn f() { crate::room::c::f() }"),
        module("room::c", "use super::{A, a::Other};"),
        module("room::d", "use super::a::A;"),
    ];
    let found = circles(&house);
    assert_eq!(found, ["room::a and room::b", "room::b and room::c"]);
}

#[test]
fn modules_side_by_side_do_not_use_each_other() {
    assert_eq!(circles(&house()), Vec::<String>::new());
}
