//! An edited face, by whichever method.

use std::sync::Arc;

use image::{GrayImage, Rgb32FImage};

use super::align_face::AlignedFace;
use super::move_face::MovedFace;
use super::render::RenderedFace;
use crate::engine::error::Error;
use crate::networks::ChinReading;
use crate::portrait;
use crate::portrait::paste::PhotoEdit;
use crate::portrait::screen::ScreenFrame;

/// An edited face, ready to be put into its photo.
#[derive(Debug, Clone)]
pub enum EditedFace {
    /// Drawn by the generator from a moved code.
    Redrawn(Box<RenderedFace>),
    /// Made of the photo's own pixels by the neck field.
    Moved(MovedFace),
}

/// An exact edit, as pasted and as drawn on screen.
#[derive(Debug, Clone)]
pub struct Frame {
    /// What is pasted.
    pub rendered: Arc<EditedFace>,
    /// What is drawn.
    pub screen: Arc<ScreenFrame>,
}

impl EditedFace {
    /// The same at this amount, per cent; a redrawn face stays as it was drawn.
    #[must_use]
    pub fn at_amount(self: &Arc<Self>, amount: f32) -> Arc<Self> {
        match self.as_ref() {
            Self::Redrawn(_) => Arc::clone(self),
            Self::Moved(moved) => Arc::new(Self::Moved(moved.at_amount(amount))),
        }
    }

    /// The face in its crop, as photographed.
    pub fn aligned(&self) -> &AlignedFace {
        match self {
            Self::Redrawn(rendered) => &rendered.face.face,
            Self::Moved(moved) => &moved.face,
        }
    }

    /// What the generator has drawn, where it has.
    pub fn redrawn(&self) -> Option<&RenderedFace> {
        match self {
            Self::Redrawn(rendered) => Some(rendered),
            Self::Moved(_) => None,
        }
    }

    /// Adds the edit to those of its photo.
    ///
    /// # Errors
    /// When the face is not of this photo.
    pub fn add_to(&self, edit: &mut PhotoEdit<'_>) -> Result<(), portrait::Error> {
        let photo_from_crop = &self.aligned().aligned.photo_from_crop;
        match self {
            Self::Redrawn(rendered) => edit.add(&rendered.change(), photo_from_crop),
            Self::Moved(moved) => edit.add_field(&moved.edit, photo_from_crop),
        }
    }

    /// The crop with the edit in it.
    ///
    /// # Errors
    /// None as long as the pictures fit each other, as they do when rendered.
    pub fn composite(&self) -> Result<Rgb32FImage, Error> {
        match self {
            Self::Redrawn(rendered) => rendered.composite(),
            Self::Moved(moved) => moved.composite(),
        }
    }

    /// Where and how strongly it is put into the photo, at the crop's size.
    pub fn mask(&self) -> &GrayImage {
        match self {
            Self::Redrawn(rendered) => &rendered.mask,
            Self::Moved(moved) => &moved.edit.mask,
        }
    }

    /// What the chin meter says of the result; `None` where it was not asked.
    pub fn chin(&self) -> Option<ChinReading> {
        match self {
            Self::Redrawn(rendered) => rendered.chin,
            Self::Moved(moved) => moved.chin(),
        }
    }

    /// The same at another amount, per cent, where the edit can have one: a redrawn face has its own alone.
    pub fn chin_at(&self, amount: f32) -> Option<ChinReading> {
        match self {
            Self::Redrawn(rendered) => rendered.chin,
            Self::Moved(moved) => moved.chin_at(amount),
        }
    }

    /// Readings by amount, per cent, as far as there are any beside its own.
    pub fn readings(&self) -> Vec<(f32, ChinReading)> {
        match self {
            Self::Redrawn(_) => Vec::new(),
            Self::Moved(moved) => moved.readings().collect(),
        }
    }
}
