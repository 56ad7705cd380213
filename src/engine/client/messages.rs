//! What is said to the engine and by it: requests, the places where they are worked on, and replies.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::error::Error;
use crate::engine::job::Progress;
use crate::engine::jobs::face::{
    AlignedFace, EditParams, EditedSynthesis, FoundCode, FoundFace, Frame, PreparedFace, Snapshot,
};
use crate::engine::jobs::networks::{Description, ImportedPack};
use crate::geometry::{Landmarks, Point};
use crate::photo::{Photo, PhotoId};
use crate::portrait::screen::Keyframe;

/// Names a face among those of all open photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaceKey {
    /// The photo.
    pub photo: PhotoId,
    /// The face's number within it.
    pub face: u64,
}

impl fmt::Display for FaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of photo {}", self.face, self.photo)
    }
}

/// Counts the states of the window: a reply with a lower stamp is about an older state.
pub type Stamp = u64;

/// What the window asks for.
#[derive(Debug, Clone)]
pub enum Request {
    /// What does the engine run with?
    Describe,
    /// Install what is missing.
    Install,
    /// Import networks into a pack of their own, detected from their content.
    Import {
        /// The files; all of them or none.
        files: Vec<PathBuf>,
    },
    /// Find all faces.
    FindFaces {
        /// Comes back with the faces.
        id: PhotoId,
        /// Where.
        photo: Arc<Photo>,
        /// The photo's name, for messages.
        name: String,
    },
    /// Find the landmarks of a face that the user has marked.
    MarkFace {
        /// Comes back with the landmarks.
        id: PhotoId,
        /// Where.
        photo: Arc<Photo>,
        /// The middles of the eye on the left and the one on the right, photo pixels.
        eyes: [Point; 2],
        /// The tip of the chin, photo pixels.
        chin: Point,
    },
    /// Cut a face out, for the instant method.
    Align {
        /// The face.
        face: FaceKey,
        /// Comes back with the crop.
        stamp: Stamp,
        /// Where it is.
        photo: Arc<Photo>,
        /// Its landmarks in photo pixels.
        landmarks: Box<Landmarks>,
    },
    /// Edit a face by its neck field, at all amounts.
    Move {
        /// The face.
        face: FaceKey,
        /// Comes back with the frame.
        stamp: Stamp,
        /// The photo that the face is of.
        photo: Arc<Photo>,
        /// The face in its crop.
        aligned: Arc<AlignedFace>,
        /// The edit; its alpha does not matter.
        params: EditParams,
    },
    /// Cut a face out and find its code.
    Prepare {
        /// The face.
        face: FaceKey,
        /// Where it is.
        photo: Arc<Photo>,
        /// Its landmarks in photo pixels.
        landmarks: Box<Landmarks>,
        /// Its crop, where it was cut out before.
        aligned: Option<Arc<AlignedFace>>,
        /// Its code, as far as it is known: a draft is where the search goes on.
        code: Option<FoundCode>,
    },
    /// Render the exact edit.
    Draw {
        /// The face.
        face: FaceKey,
        /// Comes back with the frame.
        stamp: Stamp,
        /// The photo that the face is of.
        photo: Arc<Photo>,
        /// The face as prepared.
        prepared: Arc<PreparedFace>,
        /// The edit.
        params: EditParams,
        /// The drawing of an earlier frame, to be kept if only mask, warp or colour have changed.
        reuse: Option<Arc<EditedSynthesis>>,
    },
    /// Diffuse an edit.
    Diffuse {
        /// The face.
        face: FaceKey,
        /// Comes back with each drawing.
        stamp: Stamp,
        /// The face as prepared.
        prepared: Arc<PreparedFace>,
        /// The edit.
        params: EditParams,
    },
    /// Draw coarse edits over the slider's range.
    Keyframes {
        /// The face.
        face: FaceKey,
        /// Comes back with each keyframe.
        stamp: Stamp,
        /// The face as prepared.
        prepared: Arc<PreparedFace>,
        /// The edit; its alpha does not matter.
        params: EditParams,
        /// At these amounts (per cent), in this order.
        amounts: Vec<f32>,
    },
}

/// A place for one piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// [`Request::Describe`]
    Describe,
    /// [`Request::Install`]
    Install,
    /// [`Request::Import`]
    Import,
    /// [`Request::FindFaces`] in one photo
    FindFaces(PhotoId),
    /// [`Request::MarkFace`] in one photo
    MarkFace(PhotoId),
    /// [`Request::Align`] of one face
    Align(FaceKey),
    /// [`Request::Prepare`] of one face
    Prepare(FaceKey),
    /// [`Request::Draw`] or [`Request::Move`] of one face
    Draw(FaceKey),
    /// [`Request::Diffuse`] of one face
    Diffuse(FaceKey),
    /// [`Request::Keyframes`] of one face
    Keyframes(FaceKey),
}

impl Request {
    /// Where the request is worked on.
    pub fn slot(&self) -> Slot {
        match self {
            Self::Describe => Slot::Describe,
            Self::Install => Slot::Install,
            Self::Import { .. } => Slot::Import,
            Self::FindFaces { id, .. } => Slot::FindFaces(*id),
            Self::MarkFace { id, .. } => Slot::MarkFace(*id),
            Self::Align { face, .. } => Slot::Align(*face),
            Self::Prepare { face, .. } => Slot::Prepare(*face),
            Self::Draw { face, .. } | Self::Move { face, .. } => Slot::Draw(*face),
            Self::Diffuse { face, .. } => Slot::Diffuse(*face),
            Self::Keyframes { face, .. } => Slot::Keyframes(*face),
        }
    }
}

/// What the engine answers.
#[derive(Debug)]
pub enum Reply {
    /// Work goes on.
    Progress(Slot, Progress),
    /// To [`Request::Describe`].
    Described(Result<Box<Description>, Error>),
    /// To [`Request::Install`].
    Installed(Result<(), Error>),
    /// To [`Request::Import`].
    Imported(Result<ImportedPack, Error>),
    /// To [`Request::FindFaces`]: at least one face.
    Faces(PhotoId, Result<Vec<FoundFace>, Error>),
    /// To [`Request::MarkFace`].
    Marked(PhotoId, Result<Box<Landmarks>, Error>),
    /// To [`Request::Align`].
    Aligned(FaceKey, Stamp, Result<Arc<AlignedFace>, Error>),
    /// On the way to [`Reply::Prepared`].
    Snapshot(FaceKey, Snapshot),
    /// To [`Request::Prepare`].
    Prepared(FaceKey, Result<Arc<PreparedFace>, Error>),
    /// To [`Request::Draw`] and [`Request::Move`].
    Frame(FaceKey, Stamp, Result<Frame, Error>),
    /// On the way to [`Reply::DiffusionEnded`]: the drawing of the best code so far.
    Diffused(FaceKey, Stamp, Arc<EditedSynthesis>),
    /// The end of [`Request::Diffuse`], with its drawing.
    DiffusionEnded(FaceKey, Stamp, Result<Arc<EditedSynthesis>, Error>),
    /// One keyframe of [`Request::Keyframes`].
    Keyframe(FaceKey, Stamp, Arc<Keyframe>),
    /// The end of [`Request::Keyframes`].
    KeyframesEnded(FaceKey, Stamp, Result<(), Error>),
}

impl Reply {
    /// The photo that the reply is about; `None` for the engine itself.
    pub fn photo(&self) -> Option<PhotoId> {
        match self {
            Self::Faces(photo, _)
            | Self::Marked(photo, _)
            | Self::Progress(Slot::FindFaces(photo) | Slot::MarkFace(photo), _) => Some(*photo),
            Self::Aligned(key, ..)
            | Self::Snapshot(key, _)
            | Self::Prepared(key, _)
            | Self::Frame(key, ..)
            | Self::Diffused(key, ..)
            | Self::DiffusionEnded(key, ..)
            | Self::Keyframe(key, ..)
            | Self::KeyframesEnded(key, ..)
            | Self::Progress(
                Slot::Align(key)
                | Slot::Prepare(key)
                | Slot::Draw(key)
                | Slot::Diffuse(key)
                | Slot::Keyframes(key),
                _,
            ) => Some(key.photo),
            Self::Described(_)
            | Self::Installed(_)
            | Self::Imported(_)
            | Self::Progress(Slot::Describe | Slot::Install | Slot::Import, _) => None,
        }
    }
}
