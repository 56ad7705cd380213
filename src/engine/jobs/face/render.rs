//! Rendering an edit of a prepared face: the crop as it will be pasted, and every picture on the way.
//!
//! It has two halves. The *drawing* runs networks: the generator for the moved code, the landmarks of
//! what it drew. The *finish* is pixels and geometry alone: warp, mask, colour. An edit that moves
//! the code no further keeps its drawing.

use std::sync::Arc;

use image::{DynamicImage, GrayImage, Rgb32FImage};

use super::clock::{Clock, TimedStages};
use super::edit_params::EditParams;
use super::edited_synthesis::{EditedSynthesis, SynthesisUnderWay};
use super::prepare::PreparedFace;
use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::latent::Boundary;
use crate::networks::ChinReading;
use crate::photo::{ColourSpace, Photo};
use crate::portrait::Method;
use crate::portrait::colour::ColourField;
use crate::portrait::composite::composite;
use crate::portrait::detail::with_detail;
use crate::portrait::edit_mask::edit_mask;
use crate::portrait::masks::enlarge;
use crate::portrait::paste::{CropChange, grain};
use crate::portrait::screen::{HalfPicture, ScreenEdit, ScreenFrame};
use crate::portrait::warp::{MeasuredRows, WarpMesh};

/// A rendered edit. All pictures have the crop's size, values in 0..=1.
#[derive(Debug, Clone)]
pub struct RenderedFace {
    /// The prepared face that it is an edit of.
    pub face: Arc<PreparedFace>,
    /// What the networks said.
    pub drawing: Arc<EditedSynthesis>,
    /// What is warped: the drawing with the photo's own texture.
    pub edited: Rgb32FImage,
    /// The warp; `None` where the method has none.
    pub mesh: Option<WarpMesh>,
    /// How much of the outline the warp could measure; `None` without a warp.
    pub measured: Option<MeasuredRows>,
    /// What brought the picture into the photo's colours.
    pub colour: ColourField,
    /// The edited picture in the photo's colours, and warped if the method says so: what is pasted.
    pub result: Rgb32FImage,
    /// Where and how strongly it is pasted.
    pub mask: GrayImage,
    /// What the chin meter says of the result; `None` where it was not asked.
    pub chin: Option<ChinReading>,
    /// Seconds a stage.
    pub seconds: TimedStages,
}

impl RenderedFace {
    /// The change that this edit makes to its face's crop, to be pasted into the photo.
    pub fn change(&self) -> CropChange<'_> {
        CropChange {
            crop: &self.face.face.aligned.picture,
            edited: &self.result,
            mask: &self.mask,
        }
    }

    /// The crop with the edited neck in it.
    ///
    /// # Errors
    /// None as long as the pictures fit each other, as they do when rendered.
    pub fn composite(&self) -> Result<Rgb32FImage, Error> {
        Ok(composite(
            &self.face.face.aligned.picture,
            &self.result,
            &self.mask,
        )?)
    }

    /// All that follows the drawing and needs no network: warp, mask, colour. `seconds` are those that
    /// were spent before.
    ///
    /// # Errors
    /// [`Error::Portrait`] when pictures do not fit each other.
    pub fn finish(
        params: &EditParams,
        drawing: Arc<EditedSynthesis>,
        mut seconds: TimedStages,
    ) -> Result<Self, Error> {
        let face = Arc::clone(&drawing.face);
        let mut clock = Clock::start(&mut seconds);
        let crop = &face.face.aligned.picture;
        let size = crop.width();
        let skin_after = enlarge(&drawing.parsed.skin, size)?;
        let edited = with_detail(&drawing.edited, face.detail()?);
        clock.lap("detail");
        let (warped, skin_after, mesh, measured) = match params.settings.method {
            // The instant method draws nothing; what is asked of it here is pasted as drawn.
            Method::Instant | Method::Plain | Method::Diffuse => {
                (edited.clone(), skin_after, None, None)
            }
            Method::Warp => {
                let (mesh, measured) = WarpMesh::measure(
                    &face.face.parsed.labels,
                    &drawing.parsed.labels,
                    &face.face.landmarks_in_labels,
                    size,
                    &params.settings.warp,
                )?;
                let mesh = mesh.pulled(size, &params.settings.pulls)?;
                let strength = params.settings.warp.strength;
                (
                    mesh.warp(&edited, strength),
                    mesh.warp_mask(&skin_after, strength),
                    Some(mesh),
                    Some(measured),
                )
            }
        };
        clock.lap("warp");
        let mut mask = edit_mask(
            &face.face.parsed,
            &face.face.landmarks_in_labels,
            &skin_after,
            params.settings.mask,
            &params.settings.strokes,
        )?;
        let weight = Boundary::fade_weight(params.alpha);
        mask.iter_mut()
            .for_each(|value| *value = (f32::from(*value) * weight).round() as u8);
        clock.lap("mask");
        let colour = if params.settings.match_colour {
            let skin = enlarge(&face.face.parsed.skin, size)?;
            ColourField::measure(crop, &face.drawn, &warped, &mask, &skin)?
        } else {
            ColourField::none()
        };
        let result = colour.added_to(&warped);
        clock.lap("colour");
        Ok(Self {
            face,
            drawing,
            edited,
            mesh,
            measured,
            colour,
            result,
            mask,
            chin: None,
            seconds,
        })
    }

    /// The same for a graphics card. `strength` is the warp's, `photo` the one that the face is of.
    ///
    /// # Errors
    /// [`Error::Portrait`] when the face is not of this photo.
    pub fn for_screen(&self, photo: &Photo, strength: f64) -> Result<ScreenFrame, Error> {
        Ok(ScreenFrame::Redrawn(ScreenEdit {
            edited: HalfPicture::opaque(&self.edited),
            mesh: self.mesh.clone(),
            strength,
            colour: self.colour.clone(),
            mask: self.mask.clone(),
            grain: grain(
                photo.pixels(),
                &ColourSpace::of(photo),
                &self.change(),
                &self.face.face.aligned.photo_from_crop,
            )?,
        }))
    }
}

/// Renders one edit of one face.
pub struct RenderFace {
    face: Arc<PreparedFace>,
    params: EditParams,
    under_way: Option<SynthesisUnderWay>,
    drawing: Option<Arc<EditedSynthesis>>,
    seconds: TimedStages,
}

impl RenderFace {
    /// This edit of this face.
    pub fn new(face: Arc<PreparedFace>, params: EditParams) -> Self {
        Self {
            face,
            params,
            under_way: None,
            drawing: None,
            seconds: TimedStages::new(),
        }
    }

    /// How far its warp goes.
    pub(super) fn strength(&self) -> f64 {
        self.params.settings.warp.strength
    }

    /// Keeps an earlier drawing, if it is of the same face and the same code.
    #[must_use]
    pub fn reusing(mut self, drawing: Option<Arc<EditedSynthesis>>) -> Self {
        self.drawing = drawing.filter(|drawing| drawing.serves(&self.face, &self.params));
        self
    }
}

impl Job for RenderFace {
    type Output = RenderedFace;

    fn name(&self) -> String {
        "render the edit".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<RenderedFace>, Error> {
        let Some(drawing) = self.drawing.take() else {
            let mut drawing = match self.under_way.take() {
                Some(drawing) => drawing,
                None => SynthesisUnderWay::begin(&self.face, &self.params, context)?,
            };
            match drawing.advance(context, &mut self.seconds)? {
                Some(drawing) => self.drawing = Some(Arc::new(drawing)),
                None => self.under_way = Some(drawing),
            }
            return Ok(Step::More(Progress::at(
                "draw edited",
                if self.drawing.is_some() { 0.6 } else { 0.2 },
            )));
        };
        let seconds = std::mem::take(&mut self.seconds);
        let mut rendered = RenderedFace::finish(&self.params, drawing, seconds)?;
        let result = DynamicImage::ImageRgb32F(rendered.composite()?).into_rgb8();
        rendered.chin = Some(context.sessions.read_chin(&result, context.cancel)?);
        Ok(Step::Done(rendered))
    }
}
