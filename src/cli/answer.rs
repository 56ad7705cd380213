//! The one JSON object of `--json`: printed whatever happens, whatever the files are called.
//!
//! A command that ends well prints its own. One that fails or is interrupted may do so too, with what
//! it has done; for all others [`answer_failure`] says what was written before.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::Failure;

static IS_ANSWERED: AtomicBool = AtomicBool::new(false);
static DONE: Mutex<Done> = Mutex::new(Done {
    written: Vec::new(),
    figures: Vec::new(),
});

/// What the command has done so far.
struct Done {
    written: Vec<PathBuf>,
    figures: Vec<(&'static str, Value)>,
}

/// Remembers a file that was written, for the answer of a command that fails later.
pub(super) fn note_written(path: &Path) {
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    done.written.push(path.to_owned());
}

/// Remembers a figure for the answer of a command that fails later; the newest of a name counts.
pub(super) fn note_figure(name: &'static str, value: impl Into<Value>) {
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    done.figures.retain(|(other, _)| *other != name);
    done.figures.push((name, value.into()));
}

/// Whether the user asked for JSON, as far as the words of the command line tell: also where they
/// make no sense otherwise.
pub(super) fn is_wanted() -> bool {
    std::env::args_os()
        .skip(1)
        .take_while(|word| word != "--")
        .any(|word| word == "--json")
}

/// Prints the object of a command that has failed, unless it was printed already.
pub(super) fn answer_failure(failure: &Failure) {
    if !is_wanted() || IS_ANSWERED.load(Ordering::SeqCst) {
        return;
    }
    let done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut object = Map::new();
    object.insert("written".to_owned(), paths(&done.written));
    for (name, value) in &done.figures {
        object.insert((*name).to_owned(), value.clone());
    }
    object.insert("failed".to_owned(), json!(failure.causes()));
    object.insert("interrupted".to_owned(), json!(failure.is_interruption()));
    // Whoever reads it has gone; the exit status tells the rest.
    let _ = print_json(&object);
}

/// Prints a value as one line of JSON on stdout.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(&to_json(value)?).map_err(Failure::because)?;
    IS_ANSWERED.store(true, Ordering::SeqCst);
    print_line(&text)
}

/// Prints a line on stdout. A reader that went away is no failure.
pub(super) fn print_line(line: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::because(error)),
        _ => Ok(()),
    }
}

/// A value as JSON, with the bytes of paths that are no text.
///
/// Such a path is written as the text that comes nearest to it, and the object that it is in gets a
/// field `path_bytes`: an object with the bytes under the path's key, or, for a list of paths, a list
/// that has `null` for those that are text.
pub(super) fn to_json(value: &impl Serialize) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(value).map_err(Failure::because)?;
    tell_bytes(&mut value);
    Ok(value)
}

/// The keys by which a path that is no text is recognised until [`tell_bytes`] has been there.
const TEXT: &str = "\u{0}text";
const BYTES: &str = "\u{0}bytes";

/// A path in JSON: to be used wherever a path is in what a command prints or reports.
pub(super) struct JsonPath<'a>(pub &'a Path);

impl Serialize for JsonPath<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        if let Some(text) = self.0.to_str() {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(TEXT, &self.0.to_string_lossy())?;
        map.serialize_entry(BYTES, self.0.as_os_str().as_encoded_bytes())?;
        map.end()
    }
}

/// For fields of paths: `#[serde(serialize_with = "path")]`.
pub(super) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    JsonPath(path).serialize(serializer)
}

/// A list of paths.
pub(super) fn paths<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Value {
    paths
        .into_iter()
        .map(|path| json!(JsonPath(path)))
        .collect()
}

fn tell_bytes(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(tell_bytes),
        Value::Object(object) => {
            let mut bytes = Map::new();
            for (key, value) in object.iter_mut() {
                let told = match &mut *value {
                    Value::Array(values) => {
                        let told: Vec<Value> = values.iter_mut().map(take_bytes).collect();
                        told.iter()
                            .any(|told| !told.is_null())
                            .then_some(Value::Array(told))
                    }
                    other => Some(take_bytes(other)).filter(|told| !told.is_null()),
                };
                match told {
                    Some(told) => {
                        bytes.insert(key.clone(), told);
                    }
                    None => tell_bytes(value),
                }
            }
            if !bytes.is_empty() {
                object.insert("path_bytes".to_owned(), Value::Object(bytes));
            }
        }
        _ => {}
    }
}

/// Puts the text of a path in its place; yields its bytes, or `null` for anything else.
fn take_bytes(value: &mut Value) -> Value {
    let Some(object) = value.as_object_mut() else {
        return Value::Null;
    };
    match (object.remove(TEXT), object.remove(BYTES)) {
        (Some(text), Some(bytes)) => {
            *value = text;
            bytes
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[derive(Serialize)]
    struct Photo {
        #[serde(serialize_with = "path")]
        photo: PathBuf,
    }

    #[test]
    fn paths_that_are_no_text_are_told_in_text_and_in_bytes() {
        let odd = PathBuf::from(std::ffi::OsStr::from_bytes(b"a\xFF.png"));
        let plain = PathBuf::from("b.png");
        let value = json!({
            "written": paths([&plain, &odd]),
            "report": { "photos": [json!(Photo { photo: odd.clone() }), json!(Photo { photo: plain.clone() })] },
        });
        let bytes = [97, 255, 46, 112, 110, 103];
        let expected = json!({
            "written": ["b.png", "a\u{FFFD}.png"],
            "report": { "photos": [
                { "photo": "a\u{FFFD}.png", "path_bytes": { "photo": bytes } },
                { "photo": "b.png" },
            ] },
            "path_bytes": { "written": [null, bytes] },
        });
        assert_eq!(to_json(&value).unwrap(), expected);
    }

    #[test]
    fn where_all_paths_are_text_nothing_is_added() {
        let value = json!({ "written": paths([&PathBuf::from("ü.png")]), "n": [1, { "a": [] }] });
        assert_eq!(to_json(&value).unwrap(), value);
    }
}
