//! The engine, as a window sees it: requests in, stamped replies out, one slot for each kind of work.
//!
//! A window sends [`Request`]s and polls for [`Reply`]s once a frame; it never waits. A request takes
//! the place of an earlier one in its [`Slot`], whose work is cancelled: the newest wins. Inputs travel
//! behind `Arc`s, parameters by value; replies carry the stamp of their request, so that the window
//! can drop what is older than what it shows.

mod messages;

use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam_channel::{Receiver, unbounded};

pub use messages::{FaceKey, Reply, Request, Slot, Stamp};

use super::error::Error;
use super::job::{Event, Handle, Job, Priority};
use super::jobs::face::{
    AlignFace, DiffuseFace, DrawFrame, DrawKeyframes, DrawMoved, FindFaces, MoveFace, PrepareFace,
    RenderFace, TimedStages, mark_face,
};
use super::jobs::networks::{describe, import_networks, install_networks};
use super::sessions::Settings;
use super::thread::{Engine, Waker};
use crate::latent::{diffusion, inversion};
use crate::networks::detector::Search;
use crate::networks::pack::IMPORTED;
use crate::runtime::CancelToken;

/// Whoever answers requests: the engine, or a stand-in in tests of the window.
pub trait Backend {
    /// Begins work; what was under way in the same slot is cancelled.
    fn send(&mut self, request: Request);

    /// All replies since the last call, without waiting.
    fn poll(&mut self) -> Vec<Reply>;

    /// Cancels the work in a slot. No reply comes from it any more.
    fn cancel(&mut self, slot: Slot);
}

/// The engine on its thread, and the work that was asked of it.
pub struct EngineClient {
    engine: Engine,
    wake: Waker,
    work: BTreeMap<Slot, Box<dyn Work>>,
}

impl EngineClient {
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

impl Backend for EngineClient {
    fn send(&mut self, request: Request) {
        let slot = request.slot();
        self.work.remove(&slot);
        let work = match request {
            Request::Describe => self.begin(slot, Priority::Interactive, describe(), |result| {
                Reply::Described(result.map(Box::new))
            }),
            Request::Install => {
                let (progress, updates) = unbounded();
                let job = install_networks(progress, Arc::clone(&self.wake));
                let work = self.begin(slot, Priority::Background, job, Reply::Installed);
                along(
                    updates,
                    move |progress| Reply::Progress(slot, progress),
                    work,
                )
            }
            Request::Import { files } => {
                let (progress, updates) = unbounded();
                let job = import_networks(
                    files,
                    None,
                    IMPORTED.to_owned(),
                    progress,
                    Arc::clone(&self.wake),
                );
                let work = self.begin(slot, Priority::Background, job, Reply::Imported);
                along(
                    updates,
                    move |progress| Reply::Progress(slot, progress),
                    work,
                )
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
                let job = mark_face(photo, eyes, chin);
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
                let (snapshots, updates) = unbounded();
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
                along(
                    updates,
                    move |snapshot| Reply::Snapshot(face, snapshot),
                    work,
                )
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
                let (drawings, updates) = unbounded();
                let job = DiffuseFace::new(prepared, params, diffusion::Options::default());
                let job = job.showing(drawings);
                let work = self.begin(slot, Priority::Background, job, move |result| {
                    Reply::DiffusionEnded(face, stamp, result)
                });
                along(
                    updates,
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
                let (keyframes, updates) = unbounded();
                let job = DrawKeyframes::new(prepared, params, amounts, keyframes);
                let work = self.begin(slot, Priority::Background, job, move |result| {
                    Reply::KeyframesEnded(face, stamp, result)
                });
                let to_reply = move |keyframe| Reply::Keyframe(face, stamp, Arc::new(keyframe));
                along(updates, to_reply, work)
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
    /// Adds what has come; `false` when the work has ended.
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
    updates: Receiver<T>,
    to_reply: F,
    work: Box<dyn Work>,
}

fn along<T: 'static>(
    updates: Receiver<T>,
    to_reply: impl Fn(T) -> Reply + 'static,
    work: Box<dyn Work>,
) -> Box<dyn Work> {
    Box::new(Along {
        updates,
        to_reply,
        work,
    })
}

impl<T, F: Fn(T) -> Reply> Work for Along<T, F> {
    fn poll(&mut self, replies: &mut Vec<Reply>) -> bool {
        // The end is asked for first, so that nothing told before it comes after it.
        let mut ending = Vec::new();
        let goes_on = self.work.poll(&mut ending);
        replies.extend(self.updates.try_iter().map(&self.to_reply));
        replies.append(&mut ending);
        goes_on
    }
}

#[cfg(test)]
mod tests;
