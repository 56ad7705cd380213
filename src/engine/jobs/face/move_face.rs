//! The instant method: an edit of an aligned face by its neck field. It needs no latent code.

use std::sync::Arc;

use image::{DynamicImage, Rgb32FImage};

use super::align_face::AlignedFace;
use super::clock::{Clock, TimedStages};
use super::edit_params::EditParams;
use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Step};
use crate::geometry::Affine;
use crate::latent::Boundary;
use crate::networks::{ChinMeter, ChinReading};
use crate::photo::resize::resize_float;
use crate::photo::{ColourSpace, Photo};
use crate::portrait::field::{FieldEdit, PullField, field_mask};
use crate::portrait::grey::is_grey;
use crate::portrait::paste::PhotoEdit;
use crate::portrait::screen::{ScreenField, ScreenFrame};

/// The amounts, per cent, at which the chin meter reads an edit.
const READ_AT: [f32; 5] = [-20.0, 25.0, 50.0, Boundary::DEFAULT_AMOUNT, 100.0];

/// A face whose own pixels are moved.
#[derive(Debug, Clone)]
pub struct MovedFace {
    /// The face in its crop.
    pub face: Arc<AlignedFace>,
    /// The edit; changing its amount costs nothing.
    pub edit: FieldEdit,
    /// What the chin meter says at some amounts, per cent.
    pub chins: Arc<[(f32, ChinReading)]>,
    /// Seconds a stage.
    pub seconds: TimedStages,
}

impl MovedFace {
    /// The edit of a face by its field, with nothing read of it yet.
    ///
    /// # Errors
    /// [`Error::NoField`] when the face was aligned without one; [`Error::Portrait`] when its mask cannot be
    /// made.
    pub fn new(face: Arc<AlignedFace>, params: &EditParams) -> Result<Self, Error> {
        let mut seconds = TimedStages::new();
        let mut clock = Clock::start(&mut seconds);
        let field = face.field.clone().ok_or(Error::NoField)?;
        let mask = field_mask(
            &field,
            &face.parsed,
            params.settings.mask,
            &params.settings.strokes,
        )?;
        clock.lap("mask");
        let edit = FieldEdit {
            pulls: PullField::of(&params.settings.pulls, field.crop_size()).map(Arc::new),
            field,
            mask: Arc::new(mask),
            amount: Boundary::amount_of_alpha(params.alpha),
            is_grey: is_grey(&face.aligned.picture),
        };
        Ok(Self {
            face,
            edit,
            chins: Arc::from([]),
            seconds,
        })
    }

    /// The same at another amount, per cent.
    #[must_use]
    pub fn at_amount(&self, amount: f32) -> Self {
        Self {
            edit: FieldEdit {
                amount,
                ..self.edit.clone()
            },
            ..self.clone()
        }
    }

    /// The crop with the edit in it.
    ///
    /// # Errors
    /// None as long as the pictures fit each other, as they do when made by [`MovedFace::new`].
    pub fn composite(&self) -> Result<Rgb32FImage, Error> {
        self.composite_at(&self.face.aligned.picture)
    }

    /// The edit in a copy of the crop of any size.
    fn composite_at(&self, crop: &Rgb32FImage) -> Result<Rgb32FImage, Error> {
        let size = self.edit.field.crop_size();
        let copy_from_crop = Affine::resize_between((size, size), crop.dimensions());
        let crop = DynamicImage::ImageRgb32F(crop.clone());
        let mut edit = PhotoEdit::of(&crop);
        edit.add_field(&self.edit, &copy_from_crop)?;
        Ok(edit.pasted()?.into_rgb32f())
    }

    /// What the chin meter says of the edit, between the nearest amounts that were read.
    pub fn chin(&self) -> Option<ChinReading> {
        self.chin_at(self.edit.amount)
    }

    /// The same at another amount, per cent.
    pub fn chin_at(&self, amount: f32) -> Option<ChinReading> {
        ChinReading::interpolated(self.readings(), amount)
    }

    /// Readings by amount, per cent; that of the photo stands at 0.
    pub fn readings(&self) -> impl Iterator<Item = (f32, ChinReading)> {
        let before = self.face.chin.map(|chin| (0.0, chin));
        before.into_iter().chain(self.chins.iter().copied())
    }

    /// With the chin meter's readings.
    fn read(mut self, context: &mut Context<'_>) -> Result<Self, Error> {
        let mut seconds = std::mem::take(&mut self.seconds);
        let mut clock = Clock::start(&mut seconds);
        let size = ChinMeter::SIZE;
        let small = resize_float(&self.face.aligned.picture, size, size);
        let mut chins = Vec::new();
        for amount in READ_AT {
            let edited = self.at_amount(amount).composite_at(&small)?;
            let edited = DynamicImage::ImageRgb32F(edited).into_rgb8();
            let chin = context.sessions.read_chin(&edited, context.cancel)?;
            chins.push((amount, chin));
        }
        clock.lap("read the chin");
        self.chins = chins.into();
        self.seconds = seconds;
        Ok(self)
    }

    /// For a graphics card. `photo` is the one that the face is of.
    ///
    /// # Errors
    /// [`Error::Portrait`] when the face is not of this photo.
    pub fn for_screen(&self, photo: &Photo) -> Result<ScreenFrame, Error> {
        let photo_from_crop = &self.face.aligned.photo_from_crop;
        Ok(ScreenFrame::Moved(ScreenField::new(
            photo.pixels(),
            &ColourSpace::of(photo),
            &self.edit,
            photo_from_crop,
        )?))
    }
}

/// Edits a face by its neck field.
pub struct MoveFace {
    face: Arc<AlignedFace>,
    params: EditParams,
}

impl MoveFace {
    /// This edit of this face.
    pub fn new(face: Arc<AlignedFace>, params: EditParams) -> Self {
        Self { face, params }
    }
}

impl Job for MoveFace {
    type Output = MovedFace;

    fn name(&self) -> String {
        "move the face".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<MovedFace>, Error> {
        let moved = MovedFace::new(Arc::clone(&self.face), &self.params)?;
        Ok(Step::Done(moved.read(context)?))
    }
}
