//! What the engine has made of a face, and what the document asks of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::desk::Stamp;
use crate::engine::{AlignedFace, Drawing, EditParams, Frame, Method, PreparedFace, Progress};
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
    /// The diffusion of the edit, for [`Method::Diffuse`](crate::engine::Method::Diffuse).
    pub diffusion: Option<Diffusion>,
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

/// The diffusion of an edit.
pub struct Diffusion {
    /// How far it is; `None` once it has ended or was stopped.
    pub running: Option<Progress>,
    pub(super) stamp: Stamp,
    pub(super) of: Wanted,
    /// The best so far.
    pub(super) drawing: Option<Arc<Drawing>>,
}

impl Diffusion {
    pub(super) fn begun(stamp: Stamp, of: Wanted) -> Self {
        Self {
            running: Some(Progress {
                stage: "diffuse",
                fraction: 0.0,
                detail: String::new(),
                left: None,
            }),
            stamp,
            of,
            drawing: None,
        }
    }

    /// Does it diffuse the edit that is wanted, whatever its mask and colours?
    pub(super) fn serves(&self, wanted: &Wanted) -> bool {
        let (ours, theirs) = (&self.of.params, &wanted.params);
        Arc::ptr_eq(&self.of.prepared, &wanted.prepared)
            && theirs.method == Method::Diffuse
            && ours.alpha == theirs.alpha
            && ours.boundary == theirs.boundary
            && ours.up_to_px == theirs.up_to_px
    }
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
            diffusion: None,
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

    /// How far the diffusion under way is.
    pub fn diffusing(&self) -> Option<&Progress> {
        self.diffusion.as_ref()?.running.as_ref()
    }

    /// Is the newest frame of this edit, and of the best that its diffusion has found?
    pub(super) fn has_frame_of(&self, wanted: &Wanted) -> bool {
        let drawing = self.frame.as_ref().map(|frame| &frame.rendered.drawing);
        let best = self.diffusion.as_ref().and_then(|it| it.drawing.as_ref());
        let is_best = match (drawing, best) {
            (Some(drawing), Some(best)) => Arc::ptr_eq(drawing, best),
            _ => true,
        };
        self.frame_of.as_ref() == Some(wanted) && is_best
    }

    /// Is the newest frame what an export of this edit would write?
    pub(super) fn is_exact(&self, wanted: &Wanted) -> bool {
        let is_diffused = wanted.params.method != Method::Diffuse
            || self
                .diffusion
                .as_ref()
                .is_some_and(|it| it.running.is_none());
        is_diffused && self.has_frame_of(wanted)
    }

    /// The drawing to go on from: that of the diffusion that is wanted, or of the newest frame, which
    /// serves as long as the code moves no further.
    pub(super) fn drawing(&self, wanted: &Wanted) -> Option<Arc<Drawing>> {
        let diffusion = self.diffusion.as_ref().filter(|it| it.serves(wanted));
        if let Some(drawing) = diffusion.and_then(|diffusion| diffusion.drawing.as_ref()) {
            return Some(Arc::clone(drawing));
        }
        Some(Arc::clone(&self.frame.as_ref()?.rendered.drawing))
    }
}
