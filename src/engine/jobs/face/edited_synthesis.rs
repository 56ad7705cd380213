//! What the networks say of an edit: the generator's picture of the moved code, and its parsing.

use std::sync::Arc;

use image::{DynamicImage, Rgb32FImage};
use ndarray::Array2;

use super::clock::{Clock, TimedStages};
use super::edit_params::EditParams;
use super::prepare::PreparedFace;
use crate::engine::error::Error;
use crate::engine::job::Context;
use crate::latent::Boundary;
use crate::networks::{self, Drawn};
use crate::portrait::Method;
use crate::portrait::labels::ParsedLabels;
use crate::portrait::tensor::float_picture_from_tensor;

/// What the networks say of a moved code.
#[derive(Debug, Clone)]
pub struct EditedSynthesis {
    /// The prepared face that it is an edit of.
    pub face: Arc<PreparedFace>,
    alpha: f32,
    boundary: Arc<Boundary>,
    up_to_px: usize,
    is_diffused: bool,
    /// The code that was drawn, `[L, n]`.
    pub code: Array2<f32>,
    /// What the generator draws, at the crop's size, values in 0..=1.
    pub edited: Rgb32FImage,
    /// Its face parsing.
    pub parsed: ParsedLabels,
}

impl EditedSynthesis {
    /// A drawing that is known: what a generator has drawn of `face` for `params` with this code, and
    /// its parsing.
    pub fn known(
        face: Arc<PreparedFace>,
        params: &EditParams,
        code: Array2<f32>,
        edited: Rgb32FImage,
        parsed: ParsedLabels,
    ) -> Self {
        Self {
            face,
            alpha: params.alpha,
            boundary: Arc::clone(&params.boundary),
            up_to_px: params.up_to_px,
            is_diffused: false,
            code,
            edited,
            parsed,
        }
    }

    /// The same edit after its diffusion. The parsing stays: the neck's shape is the edit's.
    #[must_use]
    pub fn diffused(&self, code: Array2<f32>, edited: Rgb32FImage) -> Self {
        Self {
            is_diffused: true,
            code,
            edited,
            ..self.clone()
        }
    }

    /// Is it the picture of a diffusion?
    pub fn is_diffused(&self) -> bool {
        self.is_diffused
    }

    /// Is it what these parameters ask for? For [`Method::Diffuse`] the drawing before the diffusion
    /// serves as well: as its preview.
    pub fn serves(&self, face: &Arc<PreparedFace>, params: &EditParams) -> bool {
        Arc::ptr_eq(&self.face, face)
            && (params.settings.method == Method::Diffuse || !self.is_diffused)
            && self.alpha == params.alpha
            && self.up_to_px == params.up_to_px
            && self.boundary == params.boundary
    }
}

/// A drawing under way, a part of the generator at a time.
pub(super) struct SynthesisUnderWay {
    face: Arc<PreparedFace>,
    params: EditParams,
    code: Array2<f32>,
    picture: networks::SynthesisRun,
}

impl SynthesisUnderWay {
    /// Moves the code.
    pub fn begin(
        face: &Arc<PreparedFace>,
        params: &EditParams,
        context: &mut Context<'_>,
    ) -> Result<Self, Error> {
        let generator = context.sessions.generator()?;
        let code = params.boundary.edit(
            face.code.view(),
            params.alpha,
            &generator.spec().layer_resolutions,
            params.up_to_px,
        )?;
        Ok(Self {
            face: Arc::clone(face),
            params: params.clone(),
            picture: generator.begin(code.view()),
            code,
        })
    }

    /// Draws the next part; `Some` when it was the last. Seconds are added.
    pub fn advance(
        &mut self,
        context: &mut Context<'_>,
        seconds: &mut TimedStages,
    ) -> Result<Option<EditedSynthesis>, Error> {
        let mut clock = Clock::start(seconds);
        let generator = context.sessions.generator()?;
        let drawn = generator.advance(&mut self.picture, context.cancel)?;
        clock.lap("draw edited");
        let Drawn::Picture(picture) = drawn else {
            return Ok(None);
        };
        let edited = float_picture_from_tensor(picture.view());
        let picture = DynamicImage::ImageRgb32F(edited.clone()).into_rgb8();
        let mut labeller = context.sessions.labeller(context.cancel)?;
        // The edit keeps the features where they are, so that the photo's landmarks serve.
        let parsed = labeller.parse(&picture, &self.face.face.landmarks_in_labels)?;
        clock.lap("labels of edited");
        let code = std::mem::take(&mut self.code);
        let face = Arc::clone(&self.face);
        Ok(Some(EditedSynthesis::known(
            face,
            &self.params,
            code,
            edited,
            parsed,
        )))
    }

    /// Draws all that is left.
    pub fn finish(mut self, context: &mut Context<'_>) -> Result<EditedSynthesis, Error> {
        loop {
            if let Some(drawing) = self.advance(context, &mut TimedStages::new())? {
                return Ok(drawing);
            }
        }
    }
}
