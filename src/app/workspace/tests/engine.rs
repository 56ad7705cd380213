//! An engine that is played: slow, and failing when told to.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::app::session::tests::{found, frame, prepared};

use crate::engine::client::{Backend, Reply, Request, Slot};
use crate::engine::{EditParams, Error, Frame, PreparedFace, Snapshot};

/// What the engine is told.
pub struct Mood {
    pub now: u64,
    pub fails: bool,
}

pub struct PlayedEngine {
    mood: Rc<RefCell<Mood>>,
    work: Vec<(u64, Request)>,
    random: ChaCha8Rng,
}

impl PlayedEngine {
    pub fn new(mood: &Rc<RefCell<Mood>>, seed: u64) -> Self {
        Self {
            mood: Rc::clone(mood),
            work: Vec::new(),
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    fn answer(request: Request, fails: bool, replies: &mut Vec<Reply>) {
        let broken = || Error::Internal {
            job: "play".to_owned(),
            detail: "the test wants it so".to_owned(),
        };
        match request {
            Request::FindFaces { id, .. } => replies.push(Reply::Faces(
                id,
                match fails {
                    true => Err(broken()),
                    false => Ok(vec![found()]),
                },
            )),
            Request::Prepare { face, .. } => {
                let prepared = prepared();
                replies.push(Reply::Snapshot(face, Snapshot::Usable(prepared.clone())));
                replies.push(Reply::Prepared(
                    face,
                    match fails {
                        true => Err(broken()),
                        false => Ok(prepared),
                    },
                ));
            }
            Request::Draw {
                face,
                stamp,
                prepared,
                params,
                ..
            } => replies.push(Reply::Frame(
                face,
                stamp,
                match fails {
                    true => Err(broken()),
                    false => Ok(a_frame(&prepared, &params)),
                },
            )),
            Request::Keyframes { face, stamp, .. } => {
                replies.push(Reply::KeyframesEnded(face, stamp, Ok(())));
            }
            Request::Describe
            | Request::Install
            | Request::Import { .. }
            | Request::MarkFace { .. }
            | Request::Align { .. }
            | Request::Move { .. }
            | Request::Diffuse { .. } => (),
        }
    }
}

/// The same frame for every edit: nobody looks at it.
fn a_frame(prepared: &Arc<PreparedFace>, params: &EditParams) -> Frame {
    static FRAME: OnceLock<Frame> = OnceLock::new();
    FRAME.get_or_init(|| frame(prepared, params)).clone()
}

impl Backend for PlayedEngine {
    fn send(&mut self, request: Request) {
        let slot = request.slot();
        self.cancel(slot);
        let due = self.mood.borrow().now + self.random.random_range(0..15);
        self.work.push((due, request));
    }

    fn poll(&mut self) -> Vec<Reply> {
        let (now, fails) = {
            let mood = self.mood.borrow();
            (mood.now, mood.fails)
        };
        let mut replies = Vec::new();
        for (due, request) in std::mem::take(&mut self.work) {
            if due <= now {
                Self::answer(request, fails, &mut replies);
            } else {
                self.work.push((due, request));
            }
        }
        replies
    }

    fn cancel(&mut self, slot: Slot) {
        self.work.retain(|(_, request)| request.slot() != slot);
    }
}
