//! What the engine has made of a face, and what the document asks of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::desk::Stamp;
use crate::engine::{AlignedFace, Drawing, EditParams, Frame, PreparedFace, Progress};
use crate::portrait::screen::Keyframe;

/// How far the preparation of a face is.
#[derive(Debug, Clone, PartialEq)]
pub enum Preparation {
    /// Nobody has asked for it yet.
    NotAsked,
    /// The code is being looked for.
    Running(Option<Progress>),
    /// The code is there.
    Ready,
    /// The user has ended it; what was found until then can be used.
    Cancelled,
    /// It failed, in words.
    Failed(String),
}

/// What the canvas can show of a face's edit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shown {
    /// The photo: nothing is edited, or there is nothing to show yet.
    Original,
    /// Keyframes, blended at the slider's amount.
    Blend,
    /// The last exact frame, with other parameters than those wanted.
    Stale,
    /// What an export would write.
    Exact,
}

/// What the engine has made of a face.
pub struct Live {
    /// The crop, as soon as it was cut out.
    pub aligned: Option<Arc<AlignedFace>>,
    /// The newest usable code with its picture.
    pub prepared: Option<Arc<PreparedFace>>,
    /// How far the preparation is.
    pub preparation: Preparation,
    /// The newest exact frame.
    pub frame: Option<Frame>,
    /// How long the newest exact frame took from its request.
    pub frame_took: Option<Duration>,
    /// Keyframes for the edit as it is, in the order they came.
    pub keyframes: Vec<Arc<Keyframe>>,
    /// What has changed since the canvas was told.
    pub fresh: Fresh,
    pub(super) frame_of: Option<Wanted>,
    pub(super) asked: Option<Asked>,
    pub(super) keyframes_of: Option<Wanted>,
    pub(super) keyframes_asked: usize,
    pub(super) keyframes_under_way: Option<Stamp>,
    pub(super) changed_at: Instant,
    pub(super) last_wanted: Option<Wanted>,
    pub(super) failed: Option<Wanted>,
}

/// What the canvas has not been told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fresh {
    /// A new crop.
    pub crop: bool,
    /// A new exact frame.
    pub frame: bool,
    /// Other keyframes.
    pub keyframes: bool,
}

/// An edit of a face by a code.
#[derive(Clone)]
pub(super) struct Wanted {
    pub params: EditParams,
    pub prepared: Arc<PreparedFace>,
}

impl PartialEq for Wanted {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.prepared, &other.prepared) && self.params == other.params
    }
}

impl Wanted {
    /// The same at any amount.
    pub fn at_any_amount(&self) -> Self {
        Self {
            params: EditParams {
                alpha: 0.0,
                ..self.params.clone()
            },
            prepared: Arc::clone(&self.prepared),
        }
    }
}

pub(super) struct Asked {
    pub stamp: Stamp,
    pub wanted: Wanted,
    pub at: Instant,
}

impl Live {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            aligned: None,
            prepared: None,
            preparation: Preparation::NotAsked,
            frame: None,
            frame_took: None,
            keyframes: Vec::new(),
            fresh: Fresh::default(),
            frame_of: None,
            asked: None,
            keyframes_of: None,
            keyframes_asked: 0,
            keyframes_under_way: None,
            changed_at: now,
            last_wanted: None,
            failed: None,
        }
    }

    pub(super) fn forget_keyframes(&mut self) {
        self.keyframes.clear();
        self.keyframes_of = None;
        self.keyframes_asked = 0;
        self.keyframes_under_way = None;
        self.fresh.keyframes = true;
    }

    /// The drawing of the newest frame, which serves as long as the code moves no further.
    pub(super) fn drawing(&self) -> Option<Arc<Drawing>> {
        Some(Arc::clone(&self.frame.as_ref()?.rendered.drawing))
    }
}
