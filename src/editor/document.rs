//! A document: one photo, its faces, and the user's edits.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::project::{Fingerprint, ProjectFile};
use super::{BoundaryChoice, Command, Edits, FaceParams, Gesture, History, StepId};
use crate::engine::{EditParams, FoundCode, Method};
use crate::geometry::{Landmarks, Rect};
use crate::latent::{self, Boundary, BoundaryFile, OwnBoundaries};

/// The number of a face within its document. Found faces have 1, 2 … from the largest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaceId(pub u64);

/// A face of the photo.
#[derive(Debug, Clone)]
pub struct Face {
    /// Its number.
    pub id: FaceId,
    /// Where it is, in photo pixels.
    pub face_box: Rect,
    /// Its landmarks in photo pixels, or why it cannot be edited, in words.
    pub landmarks: Result<Landmarks, String>,
    /// Its latent code, as far as it has been found.
    pub code: Option<FoundCode>,
}

/// A boundary that was opened from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedBoundary {
    /// The file's name.
    pub name: String,
    /// The boundary.
    pub boundary: Arc<Boundary>,
    /// What the file holds. Projects keep this, since bringing normals to unit length a second time
    /// might change their last bits.
    pub(super) array: Arc<ArrayD<f32>>,
}

impl NamedBoundary {
    /// Opens a boundary from a `.npy` file or a folder, as the command line does. One layer of a folder, which
    /// is what a file dialog can pick, opens the folder.
    ///
    /// # Errors
    /// As [`Boundary::read`].
    pub fn read(path: &Path) -> Result<Self, latent::Error> {
        let path = BoundaryFile::holding(path);
        let array = BoundaryFile::read(path)?.array;
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self::from_array(name.to_string_lossy().into_owned(), array)
    }

    /// Makes a boundary of the array of a file.
    ///
    /// # Errors
    /// As [`Boundary::from_array`].
    pub fn from_array(name: String, array: ArrayD<f32>) -> Result<Self, latent::Error> {
        Ok(Self {
            boundary: Arc::new(Boundary::from_array(&name, array.clone())?),
            name,
            array: Arc::new(array),
        })
    }
}

/// A photo's faces and edits: all that is the user's work, and none of the pixels.
#[derive(Debug, Clone)]
pub struct Document {
    /// The photo's file; `None` for pixels that come from no file.
    pub source: Option<PathBuf>,
    /// What the photo is called in the window.
    pub name: String,
    /// The faces that were found; empty until they are. Marked faces are among the edits.
    pub found: Vec<Face>,
    /// Codes of marked faces, which outlive an undo of the mark.
    pub marked_codes: Vec<(FaceId, FoundCode)>,
    /// The face that is being edited.
    pub chosen: Option<FaceId>,
    /// Boundaries from files.
    pub boundaries: Vec<NamedBoundary>,
    /// The project file that holds the document, once there is one.
    pub project_file: Option<ProjectFile>,
    /// What the photo's file was when it was first looked at; filled in by who saves a project.
    pub(super) fingerprint: Arc<OnceLock<Fingerprint>>,
    history: History,
    /// What a project file holds of the edits; `None` for work that a crash has left, or
    /// whose project was replaced.
    saved: Option<Arc<Edits>>,
    /// Counts what has changed in all that a project holds.
    revision: u64,
}

impl Document {
    /// The document of a photo that was just opened.
    pub fn new(source: Option<PathBuf>, name: String) -> Self {
        Self::beginning_with(Method::default(), source, name)
    }

    /// A document whose faces begin with this method.
    pub fn beginning_with(method: Method, source: Option<PathBuf>, name: String) -> Self {
        let edits = Edits {
            first_method: method,
            ..Edits::default()
        };
        Self::with_history(source, name, History::new("Opened", edits))
    }

    /// A document with the history of a project.
    pub fn with_history(source: Option<PathBuf>, name: String, history: History) -> Self {
        Self {
            source,
            name,
            found: Vec::new(),
            marked_codes: Vec::new(),
            chosen: None,
            boundaries: Vec::new(),
            project_file: None,
            fingerprint: Arc::default(),
            saved: Some(Arc::clone(history.edits())),
            history,
            revision: 0,
        }
    }

    /// The edits as they are now.
    pub fn edits(&self) -> &Arc<Edits> {
        self.history.edits()
    }

    /// The history.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Does a command. Commands of one gesture make one step. `true` if something has changed.
    pub fn apply(&mut self, command: &Command, gesture: Option<Gesture>) -> bool {
        let edits = command.applied_to(self.edits());
        let has_changed = self.history.push(command.title(), edits, gesture);
        self.revision += u64::from(has_changed);
        has_changed
    }

    /// One step back; `false` at the first.
    pub fn undo(&mut self) -> bool {
        let moved = self.history.undo();
        self.after_move(moved)
    }

    /// One step forward; `false` at the last.
    pub fn redo(&mut self) -> bool {
        let moved = self.history.redo();
        self.after_move(moved)
    }

    /// Goes to a step of the history.
    pub fn jump(&mut self, step: StepId) -> bool {
        let moved = self.history.jump(step);
        self.after_move(moved)
    }

    /// A chosen face that an undo has taken away gives way to the first.
    fn after_move(&mut self, moved: bool) -> bool {
        let faces = self.faces();
        if !faces.iter().any(|face| Some(face.id) == self.chosen) {
            self.chosen = faces.first().map(|face| face.id);
        }
        self.revision += u64::from(moved);
        moved
    }

    /// Grows with every change of what a project holds: edits, codes, boundaries.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The place of a boundary among those from files; it is added if it is not there yet.
    pub fn add_boundary(&mut self, boundary: NamedBoundary) -> BoundaryChoice {
        let known = self.boundaries.iter().position(|known| *known == boundary);
        BoundaryChoice::File(known.unwrap_or_else(|| {
            self.boundaries.push(boundary);
            self.revision += 1;
            self.boundaries.len() - 1
        }))
    }

    /// All faces: those found, then those marked.
    pub fn faces(&self) -> Vec<Face> {
        let marked = self.edits().marked.iter().map(|marked| Face {
            id: marked.id,
            face_box: Rect::around(marked.landmarks.points()),
            landmarks: Ok(marked.landmarks.clone()),
            code: self
                .marked_codes
                .iter()
                .find(|(id, _)| *id == marked.id)
                .map(|(_, code)| code.clone()),
        });
        self.found.iter().cloned().chain(marked).collect()
    }

    /// A face by its number.
    pub fn face(&self, id: FaceId) -> Option<Face> {
        self.faces().into_iter().find(|face| face.id == id)
    }

    /// A number that no face has or had.
    pub fn next_face_id(&self) -> FaceId {
        let marked = self
            .history
            .steps()
            .iter()
            .flat_map(|step| &step.edits.marked);
        let used = self.found.iter().map(|face| face.id);
        let last = used.chain(marked.map(|marked| marked.id)).max();
        FaceId(last.map_or(1, |last| last.0 + 1))
    }

    /// Keeps the code of a face.
    pub fn set_code(&mut self, id: FaceId, code: FoundCode) {
        self.revision += 1;
        if let Some(face) = self.found.iter_mut().find(|face| face.id == id) {
            face.code = Some(code);
        } else {
            self.marked_codes.retain(|(marked, _)| *marked != id);
            self.marked_codes.push((id, code));
        }
    }

    /// Forgets the code of a face, so that it is looked for again.
    pub fn forget_code(&mut self, id: FaceId) {
        self.revision += 1;
        if let Some(face) = self.found.iter_mut().find(|face| face.id == id) {
            face.code = None;
        }
        self.marked_codes.retain(|(marked, _)| *marked != id);
    }

    /// What was chosen for a face.
    pub fn params(&self, face: FaceId) -> FaceParams {
        self.edits().of(face)
    }

    /// The same as the engine wants it.
    pub fn edit_params(&self, face: FaceId, own: &OwnBoundaries) -> EditParams {
        let params = self.params(face);
        let boundary = match params.boundary {
            BoundaryChoice::Fine => &own.fine,
            BoundaryChoice::Coarse => &own.coarse,
            BoundaryChoice::File(index) => self
                .boundaries
                .get(index)
                .map_or(&own.fine, |named| &named.boundary),
        };
        EditParams {
            alpha: Boundary::alpha_of_amount(params.amount),
            boundary: Arc::clone(boundary),
            up_to_px: params.up_to_px.unwrap_or(boundary.resolution_px()),
            settings: params.settings,
        }
    }

    /// The photo's file is another one now, as the user wants it.
    pub fn set_source(&mut self, photo: PathBuf) {
        if self.source.as_ref() != Some(&photo) {
            self.source = Some(photo);
            self.forget_fingerprint();
            self.revision += 1;
        }
    }

    /// The photo's content is looked at again when the project is saved.
    pub(super) fn forget_fingerprint(&mut self) {
        self.fingerprint = Arc::default();
    }

    /// Are there edits that no project holds?
    pub fn is_unsaved(&self) -> bool {
        self.saved.as_ref() != Some(self.edits())
    }

    /// Tells that a project holds these edits.
    pub fn set_saved(&mut self, edits: Arc<Edits>) {
        self.saved = Some(edits);
    }

    /// Tells that no project holds the edits.
    pub fn set_unsaved(&mut self) {
        self.saved = None;
    }
}
