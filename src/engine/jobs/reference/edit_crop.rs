//! The reference edit of an aligned crop whose code is known: what the reference's folder
//! workflow computes, with its masks, its warp and its rounding.

use std::sync::Arc;

use image::{GrayImage, RgbImage};
use ndarray::Array2;

use super::parse_crop::parse_crop;
use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::engine::jobs::latent::Diffuse;
use crate::latent::diffusion::{self, Target};
use crate::latent::{Boundary, layer_correspondence, mix_styles, resolutions_of_layers};
use crate::networks::GeneratorSpec;
use crate::portrait::composite::composite_reference;
use crate::portrait::masks::{StageMasks, binarised};
use crate::portrait::tensor::{mask_tensor, picture_from_tensor, tensor_from_picture};
use crate::portrait::warp::{StageWarp, WarpInput, WarpSettings};

/// How the reference puts the edited neck back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReferenceMethod {
    /// Warped and pasted; style layers from 6 on are taken back from the portrait.
    Warp,
    /// Diffused and pasted; style layers from 7 on are taken back from the portrait.
    Diffuse(diffusion::Options),
}

impl ReferenceMethod {
    /// The first of the 18 style layers that stay the portrait's.
    fn first_kept_layer(self) -> usize {
        match self {
            Self::Warp => 6,
            Self::Diffuse(_) => 7,
        }
    }
}

/// An edit as the reference makes it.
#[derive(Debug, Clone)]
pub struct ReferenceEdit {
    /// The boundary.
    pub boundary: Arc<Boundary>,
    /// How far the code moves along it; negative removes the double chin.
    pub alpha: f32,
    /// How the neck is put back.
    pub method: ReferenceMethod,
}

impl ReferenceEdit {
    /// The moved code, `[L, n]`, with the portrait's own fine layers.
    ///
    /// # Errors
    /// [`Error::Latent`] for a code of another generator.
    pub fn code(&self, code: &Array2<f32>, spec: &GeneratorSpec) -> Result<Array2<f32>, Error> {
        let resolutions = &spec.layer_resolutions;
        let moved = self
            .boundary
            .edit(code.view(), self.alpha, resolutions, spec.resolution)?;
        // Counted in the layers of the reference generator, and matched to ours by resolution.
        let kept = self.method.first_kept_layer();
        let counterparts = layer_correspondence(resolutions, &resolutions_of_layers(18));
        let first = counterparts
            .iter()
            .take_while(|&&counterpart| counterpart < kept)
            .count();
        Ok(mix_styles(
            moved.view(),
            code.view(),
            first..spec.layers,
            1.0,
        ))
    }
}

/// An edited crop.
#[derive(Debug, Clone)]
pub struct EditedCrop {
    /// The crop with the edited neck in it.
    pub result: RgbImage,
    /// The code of what was pasted, `[L, n]`: moved, and diffused if the method says so.
    pub code: Array2<f32>,
    /// What the user should know.
    pub warning: Option<String>,
}

/// Edits one crop.
pub struct EditCrop {
    name: String,
    crop: RgbImage,
    code: Array2<f32>,
    edit: ReferenceEdit,
    state: State,
}

enum State {
    Begin,
    Diffusing {
        diffusion: Box<Diffuse>,
        soft: GrayImage,
    },
    Over,
}

impl EditCrop {
    /// This crop, square, of this code `[L, n]`; `name` names it in messages.
    pub fn new(name: String, crop: RgbImage, code: Array2<f32>, edit: ReferenceEdit) -> Self {
        Self {
            name,
            crop,
            code,
            edit,
            state: State::Begin,
        }
    }

    fn begin(&mut self, context: &mut Context<'_>) -> Result<Step<EditedCrop>, Error> {
        let (landmarks, labels) = parse_crop(&self.name, &self.crop, context)?;
        let code = self.edit.code(&self.code, context.sessions.spec()?)?;
        let generator = context.sessions.generator()?;
        let drawn = generator.synthesize(code.view(), context.cancel)?;
        let edited = picture_from_tensor(drawn.view());
        match self.edit.method {
            ReferenceMethod::Warp => {
                let mut labeller = context.sessions.labeller(context.cancel)?;
                let labels_after = labeller.parse(&edited, &landmarks)?.labels;
                let input = WarpInput {
                    before: &self.crop,
                    after: &edited,
                    labels_before: &labels,
                    labels_after: &labels_after,
                    landmarks: &landmarks,
                };
                // The reference warp gives up where a row of the outline cannot be measured.
                let (warped, warning) = match StageWarp::compute_reference(&input) {
                    Ok(warped) => (warped, None),
                    Err(error) => (
                        StageWarp::compute(&input, &WarpSettings::default())?,
                        Some(format!("{error}; Jawline's own warp was used")),
                    ),
                };
                Ok(Step::Done(EditedCrop {
                    result: warped.composite,
                    code,
                    warning,
                }))
            }
            ReferenceMethod::Diffuse(options) => {
                let masks = StageMasks::compute(&labels, &landmarks, self.crop.width())?;
                let hard = binarised(&masks.neck_mask_dilate7);
                let pasted = composite_reference(&self.crop, &edited, &hard)?;
                let target = Target {
                    picture: tensor_from_picture(&pasted),
                    mask: mask_tensor(&masks.diffuse_mask),
                };
                self.state = State::Diffusing {
                    diffusion: Box::new(Diffuse::new(target, self.code.clone(), options)),
                    soft: masks.diffuse_mask,
                };
                Ok(Step::More(Progress::at("draw edited", 0.0)))
            }
        }
    }

    /// The reference goes on with the code after the last step, not with the best one.
    fn finish(
        &self,
        code: Array2<f32>,
        soft: &GrayImage,
        context: &mut Context<'_>,
    ) -> Result<EditedCrop, Error> {
        let generator = context.sessions.generator()?;
        let drawn = generator.synthesize(code.view(), context.cancel)?;
        let drawn = picture_from_tensor(drawn.view());
        Ok(EditedCrop {
            result: composite_reference(&self.crop, &drawn, soft)?,
            code,
            warning: None,
        })
    }
}

impl Job for EditCrop {
    type Output = EditedCrop;

    fn name(&self) -> String {
        format!("edit {}", self.name)
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<EditedCrop>, Error> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begin => self.begin(context),
            State::Diffusing {
                mut diffusion,
                soft,
            } => match diffusion.step(context)? {
                Step::More(progress) => {
                    self.state = State::Diffusing { diffusion, soft };
                    Ok(Step::More(progress))
                }
                Step::Done(diffused) => {
                    let code = diffused.last.code().clone();
                    Ok(Step::Done(self.finish(code, &soft, context)?))
                }
            },
            State::Over => Err(Error::over(self.name())),
        }
    }
}
