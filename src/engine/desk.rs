//! The engine's front desk: requests in, stamped replies out, one slot for each kind of work.
//!
//! A window sends [`Request`]s and polls for [`Reply`]s once a frame; it never waits. A request takes
//! the place of an earlier one in its [`Slot`], whose work is cancelled: the newest wins. Inputs travel
//! behind `Arc`s, parameters by value; replies carry the stamp of their request, so that the window
//! can drop what is older than what it shows.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, unbounded};

use super::{
    AlignFace, AlignedFace, Describe, Description, DiffuseFace, DrawFrame, DrawKeyframes,
    DrawMoved, Drawing, EditParams, Engine, Error, Event, FindFaces, FoundCode, FoundFace, Frame,
    Handle, ImportNetworks, ImportedPack, Install, Job, MarkFace, MoveFace, PrepareFace,
    PreparedFace, Priority, Progress, RenderFace, Settings, Snapshot, TimedStages, Waker,
};
use crate::geometry::{Landmarks, Point};
use crate::latent::{diffusion, inversion};
use crate::networks::detector::Search;
use crate::networks::pack::IMPORTED;
use crate::photo::{Photo, PhotoId};
use crate::portrait::screen::Keyframe;
use crate::runtime::CancelToken;

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
    /// Import networks into a pack of their own, told by their content.
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
        reuse: Option<Arc<Drawing>>,
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
    Diffused(FaceKey, Stamp, Arc<Drawing>),
    /// The end of [`Request::Diffuse`], with its drawing.
    DiffusionEnded(FaceKey, Stamp, Result<Arc<Drawing>, Error>),
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

/// Whoever answers requests: the engine, or a stand-in in tests of the window.
pub trait Backend {
    /// Begins work; what was under way in the same slot is cancelled.
    fn send(&mut self, request: Request);

    /// All replies since the last call, without waiting.
    fn poll(&mut self) -> Vec<Reply>;

    /// Cancels the work in a slot. No reply comes from it any more.
    fn cancel(&mut self, slot: Slot);
}

/// The engine behind its desk.
pub struct Desk {
    engine: Engine,
    wake: Waker,
    work: BTreeMap<Slot, Box<dyn Work>>,
}

impl Desk {
    /// Starts the engine. `wake` is called from its thread whenever there are replies.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start(settings: Settings, wake: Waker) -> Result<Self, Error> {
        Ok(Self {
            engine: Engine::start_with_waker(settings, Arc::clone(&wake))?,
            wake,
            work: BTreeMap::new(),
        })
    }

    fn begin<J: Job>(
        &self,
        slot: Slot,
        priority: Priority,
        job: J,
        to_reply: impl FnOnce(Result<J::Output, Error>) -> Reply + 'static,
    ) -> Box<dyn Work> {
        Box::new(Running {
            slot,
            handle: self.engine.submit(priority, CancelToken::new(), job),
            to_reply: Some(to_reply),
        })
    }
}

impl Backend for Desk {
    fn send(&mut self, request: Request) {
        let slot = request.slot();
        self.work.remove(&slot);
        let work = match request {
            Request::Describe => self.begin(slot, Priority::Interactive, Describe, |result| {
                Reply::Described(result.map(Box::new))
            }),
            Request::Install => {
                let (progress, heard) = unbounded();
                let job = Install::new(progress, Arc::clone(&self.wake));
                let work = self.begin(slot, Priority::Background, job, Reply::Installed);
                along(heard, move |progress| Reply::Progress(slot, progress), work)
            }
            Request::Import { files } => {
                let (progress, heard) = unbounded();
                let job = ImportNetworks::new(
                    files,
                    None,
                    IMPORTED.to_owned(),
                    progress,
                    Arc::clone(&self.wake),
                );
                let work = self.begin(slot, Priority::Background, job, Reply::Imported);
                along(heard, move |progress| Reply::Progress(slot, progress), work)
            }
            Request::FindFaces { id, photo, name } => {
                let job = FindFaces::new(photo, name, Search::Thorough);
                self.begin(slot, Priority::Interactive, job, move |result| {
                    Reply::Faces(id, result)
                })
            }
            Request::MarkFace {
                id,
                photo,
                eyes,
                chin,
            } => {
                let job = MarkFace::new(photo, eyes, chin);
                self.begin(slot, Priority::Interactive, job, move |result| {
                    Reply::Marked(id, result.map(Box::new))
                })
            }
            Request::Align {
                face,
                stamp,
                photo,
                landmarks,
            } => {
                let job = AlignFace::new(photo, *landmarks);
                self.begin(slot, Priority::Interactive, job, move |result| {
                    Reply::Aligned(face, stamp, result.map(|(aligned, _)| aligned))
                })
            }
            Request::Move {
                face,
                stamp,
                photo,
                aligned,
                params,
            } => {
                let job = DrawMoved::new(photo, MoveFace::new(aligned, params));
                self.begin(slot, Priority::Interactive, job, move |result| {
                    Reply::Frame(face, stamp, result)
                })
            }
            Request::Prepare {
                face,
                photo,
                landmarks,
                aligned,
                code,
            } => {
                let (snapshots, heard) = unbounded();
                let options = inversion::Options::default();
                let job = PrepareFace::knowing(photo, *landmarks, code, options);
                let job = job.with_snapshots(snapshots);
                let job = match aligned {
                    Some(aligned) => job.from_aligned((aligned, TimedStages::new())),
                    None => job,
                };
                let work = self.begin(slot, Priority::Background, job, move |result| {
                    Reply::Prepared(face, result.map(Arc::new))
                });
                along(heard, move |snapshot| Reply::Snapshot(face, snapshot), work)
            }
            Request::Draw {
                face,
                stamp,
                photo,
                prepared,
                params,
                reuse,
            } => {
                let job = DrawFrame::new(photo, RenderFace::new(prepared, params).reusing(reuse));
                self.begin(slot, Priority::Interactive, job, move |result| {
                    Reply::Frame(face, stamp, result)
                })
            }
            Request::Diffuse {
                face,
                stamp,
                prepared,
                params,
            } => {
                let (drawings, heard) = unbounded();
                let job = DiffuseFace::new(prepared, params, diffusion::Options::default());
                let job = job.showing(drawings);
                let work = self.begin(slot, Priority::Background, job, move |result| {
                    Reply::DiffusionEnded(face, stamp, result)
                });
                along(
                    heard,
                    move |drawing| Reply::Diffused(face, stamp, drawing),
                    work,
                )
            }
            Request::Keyframes {
                face,
                stamp,
                prepared,
                params,
                amounts,
            } => {
                let (keyframes, heard) = unbounded();
                let job = DrawKeyframes::new(prepared, params, amounts, keyframes);
                let work = self.begin(slot, Priority::Background, job, move |result| {
                    Reply::KeyframesEnded(face, stamp, result)
                });
                let to_reply = move |keyframe| Reply::Keyframe(face, stamp, Arc::new(keyframe));
                along(heard, to_reply, work)
            }
        };
        self.work.insert(slot, work);
    }

    fn poll(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        self.work.retain(|_, work| work.poll(&mut replies));
        replies
    }

    fn cancel(&mut self, slot: Slot) {
        self.work.remove(&slot);
    }
}

/// Work under way. Dropping it cancels it.
trait Work {
    /// Adds what was heard; `false` when the work has ended.
    fn poll(&mut self, replies: &mut Vec<Reply>) -> bool;
}

struct Running<T, F> {
    slot: Slot,
    handle: Handle<T>,
    to_reply: Option<F>,
}

impl<T, F: FnOnce(Result<T, Error>) -> Reply> Work for Running<T, F> {
    fn poll(&mut self, replies: &mut Vec<Reply>) -> bool {
        for event in self.handle.poll() {
            match event {
                Event::Progress(progress) => replies.push(Reply::Progress(self.slot, progress)),
                Event::Finished(result) => {
                    if let Some(to_reply) = self.to_reply.take() {
                        replies.push(to_reply(result));
                    }
                }
            }
        }
        self.to_reply.is_some()
    }
}

/// Work that tells more than its progress on the way.
struct Along<T, F> {
    heard: Receiver<T>,
    to_reply: F,
    work: Box<dyn Work>,
}

fn along<T: 'static>(
    heard: Receiver<T>,
    to_reply: impl Fn(T) -> Reply + 'static,
    work: Box<dyn Work>,
) -> Box<dyn Work> {
    Box::new(Along {
        heard,
        to_reply,
        work,
    })
}

impl<T, F: Fn(T) -> Reply> Work for Along<T, F> {
    fn poll(&mut self, replies: &mut Vec<Reply>) -> bool {
        // The end is asked for first, so that nothing told before it comes after it.
        let mut ending = Vec::new();
        let goes_on = self.work.poll(&mut ending);
        replies.extend(self.heard.try_iter().map(&self.to_reply));
        replies.append(&mut ending);
        goes_on
    }
}

#[cfg(test)]
mod tests;
