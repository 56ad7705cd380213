//! What the engine has made of a face, kind by kind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::slot::Slot;
use crate::engine::{
    AlignedFace, EditParams, EditedSynthesis, Frame, Method, PreparedFace, Progress,
};
use crate::geometry::Landmarks;
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
    /// The user has ended the search; what was found until then is used.
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
    /// The edit that is wanted, drawn from a code or a diffusion that still gets better.
    Draft,
    /// What an export would write.
    Exact,
}

/// How a search for a code has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchEnd {
    /// By itself.
    Complete,
    /// By the user, who goes on with what was found.
    Stopped,
}

/// What the engine has made of a face.
#[derive(Default)]
pub struct FaceState {
    /// The crop, as soon as it was cut out.
    pub aligned: Option<Arc<AlignedFace>>,
    /// The newest usable code with its picture.
    pub prepared: Option<Arc<PreparedFace>>,
    /// The newest exact frame, until there is a newer one.
    pub frame: Option<Frame>,
    /// The edit that it is of.
    pub(super) frame_of: Option<RenderKey>,
    /// How long the newest exact frame took from its request.
    pub frame_took: Option<Duration>,
    /// Keyframes for the edit as it is, in the order they came.
    pub keyframes: Vec<Arc<Keyframe>>,
    /// What has changed since the canvas was told.
    pub dirty: Dirty,
    /// The cutting out of a face with these landmarks, where no code is looked for.
    pub(super) aligning: Slot<Box<Landmarks>, ()>,
    /// The search for the code of a face with these landmarks.
    pub(super) code: Slot<Box<Landmarks>, SearchEnd>,
    pub(super) code_progress: Option<Progress>,
    /// The drawing of the exact frame, which becomes [`FaceState::frame`].
    pub(super) drawing: Slot<RenderKey, ()>,
    /// The diffusion, for [`Method::Diffuse`].
    pub(super) diffusion: Slot<RenderKey, ()>,
    pub(super) diffusion_progress: Option<Progress>,
    /// The best that the diffusion has found so far.
    pub(super) diffused: Option<Arc<EditedSynthesis>>,
    /// The keyframes, whatever the amount.
    pub(super) keyframing: Slot<RenderKey, ()>,
    /// How many rounds of keyframes were asked for.
    pub(super) keyframe_rounds: usize,
    /// What was wanted last, and since when.
    pub(super) wanted: Option<(RenderKey, Instant)>,
}

/// What the canvas has not been told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dirty {
    /// A new crop.
    pub crop: bool,
    /// A new exact frame.
    pub frame: bool,
    /// Other keyframes.
    pub keyframes: bool,
}

/// An edit of a face: what a picture is asked for, and told from others, by.
#[derive(Clone, PartialEq)]
pub(super) struct RenderKey {
    /// For [`Method::Instant`] at no amount: its frame serves all.
    pub params: EditParams,
    pub start: Start,
}

/// What an edit begins with; two are the same when they are one in memory.
#[derive(Clone)]
pub(super) enum Start {
    /// The crop and its neck field.
    Aligned(Arc<AlignedFace>),
    /// A latent code.
    Prepared(Arc<PreparedFace>),
}

impl PartialEq for Start {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Aligned(own), Self::Aligned(other)) => Arc::ptr_eq(own, other),
            (Self::Prepared(own), Self::Prepared(other)) => Arc::ptr_eq(own, other),
            _ => false,
        }
    }
}

impl RenderKey {
    /// The same at any amount.
    pub fn at_any_amount(&self) -> Self {
        Self {
            params: EditParams {
                alpha: 0.0,
                ..self.params.clone()
            },
            start: self.start.clone(),
        }
    }

    /// Does a diffusion of that edit serve this one, whatever its mask and colours?
    pub fn is_served_by_diffusion_of(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.params, &other.params);
        self.start == other.start
            && ours.settings.method == Method::Diffuse
            && ours.alpha == theirs.alpha
            && ours.boundary == theirs.boundary
            && ours.up_to_px == theirs.up_to_px
    }
}

impl FaceState {
    /// How far the preparation is.
    pub fn preparation(&self) -> Preparation {
        match &self.code {
            Slot::Empty => Preparation::NotAsked,
            Slot::Asked { .. } => Preparation::Running(self.code_progress.clone()),
            Slot::Ready {
                value: SearchEnd::Complete,
                ..
            } => Preparation::Ready,
            Slot::Ready {
                value: SearchEnd::Stopped,
                ..
            } => Preparation::Cancelled,
            Slot::Failed { why, .. } => Preparation::Failed(why.clone()),
        }
    }

    /// How far the cutting out is, which is all that [`Method::Instant`] needs.
    pub(super) fn alignment(&self) -> Preparation {
        match &self.aligning {
            _ if self.has_field() => Preparation::Ready,
            Slot::Asked { .. } => Preparation::Running(None),
            Slot::Failed { why, .. } => Preparation::Failed(why.clone()),
            Slot::Empty | Slot::Ready { .. } => Preparation::NotAsked,
        }
    }

    /// Can the face be moved by its neck field?
    pub fn has_field(&self) -> bool {
        let aligned = self.aligned.as_ref();
        aligned.is_some_and(|aligned| aligned.field.is_some())
    }

    /// Is the code one to go on with, which gets no better by itself?
    pub fn is_code_final(&self) -> bool {
        matches!(self.code, Slot::Ready { .. })
    }

    /// How far the diffusion under way is.
    pub fn diffusing(&self) -> Option<&Progress> {
        self.diffusion_progress
            .as_ref()
            .filter(|_| self.diffusion.is_asked())
    }

    /// Notes what is wanted now.
    pub(super) fn want(&mut self, key: Option<&RenderKey>, now: Instant) {
        let is_same = self.wanted.as_ref().map(|(wanted, _)| wanted) == key;
        if !is_same {
            self.wanted = key.map(|key| (key.clone(), now));
        }
    }

    /// Is the newest frame of this edit, and of the best that its diffusion has found?
    pub(super) fn has_frame_of(&self, key: &RenderKey) -> bool {
        let frame = self.frame.as_ref();
        let drawing = frame.and_then(|frame| Some(&frame.rendered.redrawn()?.drawing));
        let is_best = match (drawing, &self.diffused) {
            (Some(drawing), Some(best)) => Arc::ptr_eq(drawing, best),
            _ => true,
        };
        self.frame_of.as_ref() == Some(key) && is_best
    }

    /// Is the newest frame what an export of this edit would write?
    pub(super) fn is_exact(&self, key: &RenderKey) -> bool {
        let is_diffused = key.params.settings.method != Method::Diffuse
            || matches!(&self.diffusion, Slot::Ready { key: of, .. } if key.is_served_by_diffusion_of(of));
        let is_final = key.params.settings.method == Method::Instant || self.is_code_final();
        is_diffused && is_final && self.has_frame_of(key)
    }

    /// With two keyframes (and the photo at 0) there is something to blend.
    pub(super) fn can_blend(&self, key: &RenderKey) -> bool {
        self.keyframes.len() >= 2 && self.keyframing.key() == Some(&key.at_any_amount())
    }

    /// The drawing to go on from: that of the diffusion that is wanted, or of the newest frame, which
    /// serves as long as the code moves no further.
    pub(super) fn drawing_to_reuse(&self, key: &RenderKey) -> Option<Arc<EditedSynthesis>> {
        let serves = (self.diffusion.key()).is_some_and(|of| key.is_served_by_diffusion_of(of));
        if let Some(drawing) = self.diffused.as_ref().filter(|_| serves) {
            return Some(Arc::clone(drawing));
        }
        Some(Arc::clone(
            &self.frame.as_ref()?.rendered.redrawn()?.drawing,
        ))
    }

    pub(super) fn forget_keyframes(&mut self) {
        self.keyframes.clear();
        self.keyframing = Slot::Empty;
        self.keyframe_rounds = 0;
        self.dirty.keyframes = true;
    }

    pub(super) fn forget_diffusion(&mut self) {
        self.diffusion = Slot::Empty;
        self.diffusion_progress = None;
        self.diffused = None;
    }

    /// After a restart of the engine nothing is under way any more, and what failed may succeed.
    pub(super) fn abandon_work(&mut self) {
        if !self.is_code_final() {
            self.code = Slot::Empty;
        }
        self.aligning = Slot::Empty;
        self.drawing = Slot::Empty;
        if !matches!(self.diffusion, Slot::Ready { .. }) {
            self.forget_diffusion();
        }
        if self.keyframing.is_asked() {
            self.forget_keyframes();
        }
    }
}
