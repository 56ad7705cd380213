//! How a project is laid out in its archive, version 2. Version 1 knew no fine boundary.

use std::io::{Read, Seek};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ndarray::Ix2;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::archive::{Archive, pack};
use super::stored_history::StoredHistory;
use super::{Error, Fingerprint, PhotoFile, Project, ProjectFile, VERSION};
use crate::checkpoint::npy;
use crate::editor::path_text::PathText;
use crate::editor::{Edits, Face, FaceId, History, NamedBoundary};
use crate::engine::FoundCode;
use crate::geometry::{Landmarks, Rect};
use crate::latent::CODE_SIZE;
use crate::sha256::hexadecimal;

const JSON: &str = "project.json";
/// Over a million points of brush strokes.
const JSON_LIMIT_BYTES: u64 = 64 << 20;
const ARRAY_LIMIT_BYTES: u64 = 16 << 20;
/// More than any generator has.
const MOST_LAYERS: usize = 64;
const MOST_FACES: usize = 1000;
const MOST_BOUNDARIES: usize = 100;

/// What says whether the rest can be understood.
#[derive(Deserialize)]
struct Head {
    version: u64,
    #[serde(default)]
    program: String,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u64,
    /// The version of the program that wrote the file.
    program: String,
    name: String,
    photo: StoredPhoto,
    /// Where the user has saved the document; only in files for the case of a crash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    saved_in: Option<PathText>,
    /// What that file held then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    saved_in_sha256: Option<String>,
    faces: Vec<StoredFace>,
    marked_codes: Vec<StoredCode>,
    chosen: Option<FaceId>,
    boundaries: Vec<StoredBoundary>,
    edits: Arc<Edits>,
    /// Missing in older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    history: Option<StoredHistory>,
}

#[derive(Serialize, Deserialize)]
struct StoredPhoto {
    path: Option<PathText>,
    relative: Option<PathText>,
    size_bytes: Option<u64>,
    sha256: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredFace {
    id: FaceId,
    face_box: Rect,
    #[serde(flatten)]
    landmarks: StoredLandmarks,
    /// The array's name in the archive.
    code: Option<String>,
    /// The code is a draft that a search has to go on from.
    #[serde(default, skip_serializing_if = "is_false")]
    is_draft: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredLandmarks {
    Landmarks(Box<Landmarks>),
    /// Why there are none.
    Unusable(String),
}

#[derive(Serialize, Deserialize)]
struct StoredCode {
    id: FaceId,
    code: String,
    #[serde(default, skip_serializing_if = "is_false")]
    is_draft: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredBoundary {
    name: String,
    /// The array's name in the archive.
    array: String,
}

/// The file of a project that will be at `path`; an error is in words.
pub(super) fn to_bytes(
    project: &Project,
    path: &Path,
    saved_in: Option<&ProjectFile>,
) -> Result<Vec<u8>, String> {
    let mut arrays = Vec::new();
    let mut add = |name: String, bytes: Vec<u8>| {
        arrays.push((name.clone(), bytes));
        name
    };
    let faces = project.found.iter().map(|face| StoredFace {
        id: face.id,
        face_box: face.face_box,
        landmarks: match &face.landmarks {
            Ok(landmarks) => StoredLandmarks::Landmarks(Box::new(landmarks.clone())),
            Err(why) => StoredLandmarks::Unusable(why.clone()),
        },
        code: (face.code.as_ref()).map(|found| {
            add(
                format!("codes/{}.npy", face.id.0),
                npy::to_bytes(&*found.code),
            )
        }),
        is_draft: face.code.as_ref().is_some_and(|found| !found.is_final),
    });
    let faces = faces.collect();
    let marked_codes = project.marked_codes.iter().map(|(id, found)| StoredCode {
        id: *id,
        code: add(format!("codes/{}.npy", id.0), npy::to_bytes(&*found.code)),
        is_draft: !found.is_final,
    });
    let marked_codes = marked_codes.collect();
    let boundaries = project.boundaries.iter().enumerate();
    let boundaries = boundaries.map(|(index, named)| StoredBoundary {
        name: named.name.clone(),
        array: add(
            format!("boundaries/{index}.npy"),
            npy::to_bytes(&named.array),
        ),
    });
    let boundaries = boundaries.collect();
    let fingerprint = known_fingerprint(&project.photo);
    let photo = project.photo.path.as_deref();
    let stored = Stored {
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        name: project.name.clone(),
        photo: StoredPhoto {
            path: photo.map(|path| PathText(path.into())),
            relative: photo
                .and_then(|photo| relative(path.parent()?, photo))
                .map(PathText),
            size_bytes: fingerprint.as_ref().map(|print| print.size_bytes),
            sha256: fingerprint.and_then(|print| print.sha256),
        },
        saved_in: saved_in.map(|file| PathText(file.path.clone())),
        saved_in_sha256: saved_in.map(|file| hexadecimal(&file.sha256)),
        faces,
        marked_codes,
        chosen: project.chosen,
        boundaries,
        edits: Arc::clone(project.history.edits()),
        history: StoredHistory::of(&project.history),
    };
    let json = serde_json::to_vec_pretty(&stored).map_err(|error| error.to_string())?;
    arrays.insert(0, (JSON.to_owned(), json));
    pack(&arrays).map_err(|error| error.to_string())
}

/// What is known of the photo without reading it through: at least its size.
fn known_fingerprint(photo: &PhotoFile) -> Option<Fingerprint> {
    photo.fingerprint.get().cloned().or_else(|| {
        let metadata = std::fs::metadata(photo.path.as_ref()?).ok()?;
        Some(Fingerprint {
            size_bytes: metadata.len(),
            sha256: None,
        })
    })
}

/// Reads a project; `path` is only for messages.
pub(super) fn read(path: &Path, reader: impl Read + Seek) -> Result<Project, Error> {
    let mut archive = Archive::open(path, reader)?;
    if !archive.has(JSON) {
        return Err(Error::NotAProject { path: path.into() });
    }
    let json = archive.read(JSON, JSON_LIMIT_BYTES)?;
    let damaged = |field: &str, problem: String| Error::Damaged {
        path: path.into(),
        field: field.to_owned(),
        problem,
    };
    let head: Head = serde_json::from_slice(&json)
        .map_err(|error| damaged(JSON, format!("makes no sense ({error})")))?;
    match head.version {
        0 => return Err(damaged("its version", "is 0".to_owned())),
        1..=VERSION => {}
        version => {
            return Err(Error::Newer {
                path: path.into(),
                version,
                program: head.program,
            });
        }
    }
    let stored: Stored = serde_json::from_slice(&json).map_err(|error| {
        let (field, error) = guilty_field(&json, &error);
        damaged(&field, format!("makes no sense ({error})"))
    })?;
    for (field, count, most) in [
        ("its list of faces", stored.faces.len(), MOST_FACES),
        ("its list of codes", stored.marked_codes.len(), MOST_FACES),
        (
            "its list of boundaries",
            stored.boundaries.len(),
            MOST_BOUNDARIES,
        ),
    ] {
        if count > most {
            return Err(damaged(field, format!("has {count} entries")));
        }
    }
    check_numbers(&stored)
        .map_err(|id| damaged("its faces", format!("share the number {}", id.0)))?;

    let mut arrays = Arrays {
        archive: &mut archive,
        path,
    };
    let mut found = Vec::with_capacity(stored.faces.len());
    for face in stored.faces {
        found.push(Face {
            id: face.id,
            face_box: face.face_box,
            landmarks: match face.landmarks {
                StoredLandmarks::Landmarks(landmarks) => Ok(*landmarks),
                StoredLandmarks::Unusable(why) => Err(why),
            },
            code: match face.code {
                Some(name) => Some(arrays.code(&name, face.is_draft)?),
                None => None,
            },
        });
    }
    let mut marked_codes = Vec::with_capacity(stored.marked_codes.len());
    for StoredCode { id, code, is_draft } in stored.marked_codes {
        marked_codes.push((id, arrays.code(&code, is_draft)?));
    }
    let mut boundaries = Vec::with_capacity(stored.boundaries.len());
    for StoredBoundary { name, array } in stored.boundaries {
        boundaries.push(arrays.boundary(name, &array)?);
    }
    let edits = Arc::new(within_range(&stored.edits));
    let history = match stored.history {
        Some(history) => history
            .restored(&edits)
            .map_err(|problem| damaged("its history", problem.to_owned()))?,
        None => History::new("Opened", Edits::clone(&edits)),
    };
    Ok(Project {
        name: stored.name,
        file: stored.saved_in.map(|path| ProjectFile {
            path: path.0,
            sha256: (stored.saved_in_sha256.as_deref())
                .and_then(from_hex)
                .unwrap_or_default(),
            is_of_this_session: false,
        }),
        photo: PhotoFile {
            path: stored.photo.path.map(|path| path.0),
            relative: stored.photo.relative.map(|path| path.0),
            fingerprint: Arc::new(match stored.photo.size_bytes {
                None => OnceLock::new(),
                Some(size_bytes) => OnceLock::from(Fingerprint {
                    size_bytes,
                    sha256: stored.photo.sha256,
                }),
            }),
        },
        found,
        marked_codes,
        chosen: stored.chosen,
        boundaries,
        history,
        is_recovered: false,
    })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 2 * digest.len() {
        return None;
    }
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// Every face has its own number, or edits would reach the wrong one.
fn check_numbers(stored: &Stored) -> Result<(), FaceId> {
    let found = stored.faces.iter().map(|face| face.id);
    let marked = stored.edits.marked.iter().map(|marked| marked.id);
    let mut seen = std::collections::BTreeSet::new();
    match found.chain(marked).find(|id| !seen.insert(*id)) {
        Some(twice) => Err(twice),
        None => Ok(()),
    }
}

/// Values that nobody could have chosen in the window are brought to those that one could.
fn within_range(edits: &Edits) -> Edits {
    let faces = edits.faces.iter();
    Edits {
        marked: edits.marked.clone(),
        faces: faces
            .map(|(id, params)| (*id, params.clone().within_range()))
            .collect(),
        first_method: edits.first_method,
    }
}

/// Which field the parser stumbled over, found by trying each by itself; messages of the parser tell
/// a line only.
fn guilty_field(json: &[u8], error: &serde_json::Error) -> (String, String) {
    fn complaint<T: DeserializeOwned>(value: &Value) -> Option<String> {
        T::deserialize(value).err().map(|error| error.to_string())
    }
    let value: Value = serde_json::from_slice(json).unwrap_or_default();
    let complaints = [
        ("name", complaint::<String> as fn(&Value) -> Option<String>),
        ("program", complaint::<String>),
        ("photo", complaint::<StoredPhoto>),
        ("saved_in", complaint::<Option<PathText>>),
        ("faces", complaint::<Vec<StoredFace>>),
        ("marked_codes", complaint::<Vec<StoredCode>>),
        ("chosen", complaint::<Option<FaceId>>),
        ("boundaries", complaint::<Vec<StoredBoundary>>),
        ("edits", complaint::<Edits>),
        ("history", complaint::<Option<StoredHistory>>),
    ];
    let guilty = complaints
        .iter()
        .find_map(|(field, complaint)| Some((*field, complaint(value.get(field)?)?)));
    match guilty {
        Some((field, problem)) => (format!("its field '{field}'"), problem),
        None => (JSON.to_owned(), error.to_string()),
    }
}

/// The arrays of an archive.
struct Arrays<'a, 'p, R> {
    archive: &'a mut Archive<'p, R>,
    path: &'a Path,
}

impl<R: Read + Seek> Arrays<'_, '_, R> {
    fn array(&mut self, name: &str) -> Result<ndarray::ArrayD<f32>, Error> {
        let bytes = self.archive.read(name, ARRAY_LIMIT_BYTES)?;
        let array =
            npy::parse_f32(Path::new(name), &bytes).map_err(|error| self.damaged(name, &error))?;
        npy::check_finite(Path::new(name), &array).map_err(|error| self.damaged(name, &error))?;
        Ok(array)
    }

    fn code(&mut self, name: &str, is_draft: bool) -> Result<FoundCode, Error> {
        let array = self.array(name)?;
        let shape = array.shape().to_vec();
        match array.into_dimensionality::<Ix2>() {
            Ok(code) if code.ncols() == CODE_SIZE && (1..=MOST_LAYERS).contains(&code.nrows()) => {
                Ok(FoundCode {
                    code: Arc::new(code),
                    is_final: !is_draft,
                })
            }
            _ => Err(self.damaged(
                name,
                &format!("it has the shape {shape:?}; a code has [layers, {CODE_SIZE}]"),
            )),
        }
    }

    fn boundary(&mut self, title: String, name: &str) -> Result<NamedBoundary, Error> {
        let array = self.array(name)?;
        NamedBoundary::from_array(title, array).map_err(|error| self.damaged(name, &error))
    }

    fn damaged(&self, name: &str, problem: &dyn std::fmt::Display) -> Error {
        Error::Damaged {
            path: self.path.into(),
            field: format!("the array '{name}' in it"),
            problem: format!("cannot be used ({problem})"),
        }
    }
}

/// The way from a folder to a file, if there is one without changing drives.
pub(super) fn relative(folder: &Path, file: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder.join(".")).ok()?;
    let parts = |path: &Path| -> Vec<_> {
        let parts = path.components().filter(|part| *part != Component::CurDir);
        parts.map(|part| part.as_os_str().to_owned()).collect()
    };
    let (from, to) = (parts(&folder), parts(file));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if shared == 0 {
        return None;
    }
    let up = from[shared..].iter().map(|_| "..".into());
    let way: Vec<std::ffi::OsString> = up.chain(to[shared..].iter().cloned()).collect();
    // Forward slashes lead to the file on every system.
    let mut joined = std::ffi::OsString::new();
    for (index, part) in way.iter().enumerate() {
        if index > 0 {
            joined.push("/");
        }
        joined.push(part);
    }
    Some(joined.into())
}
