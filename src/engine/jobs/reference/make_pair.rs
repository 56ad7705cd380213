//! A portrait with its neck taken from an edit of it: what a diffusion aims at in training.

use image::{GrayImage, RgbImage};
use ndarray::Array2;

use super::parse_crop::parse_crop;
use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::portrait::composite::composite_reference;
use crate::portrait::masks::{SoftEdge, enlarge, neck_mask, soften};
use crate::portrait::tensor::picture_from_tensor;

/// By how much the hard neck mask is dilated, in pixels of the label map.
const DILATION_PX: u32 = 7;

/// A portrait whose neck was exchanged.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The portrait with the edit's neck pasted in under the hard mask.
    pub composite: RgbImage,
    /// The soft mask of that; only pixels outside it count in a diffusion.
    pub mask: GrayImage,
}

/// Pastes the neck of an edited code's picture into the portrait that it is an edit of.
pub struct MakePair {
    name: String,
    portrait: RgbImage,
    edited: Array2<f32>,
    masks: Option<[GrayImage; 2]>,
}

impl MakePair {
    /// `portrait` is an aligned crop of the generator's resolution, `edited` the code `[L, n]` of the
    /// edit; `name` names the portrait in messages.
    pub fn new(name: String, portrait: RgbImage, edited: Array2<f32>) -> Self {
        Self {
            name,
            portrait,
            edited,
            masks: None,
        }
    }

    /// The hard neck mask and its soft one, at the portrait's size.
    fn masks(&self, context: &mut Context<'_>) -> Result<[GrayImage; 2], Error> {
        let (landmarks, labels) = parse_crop(&self.name, &self.portrait, context)?;
        let size = self.portrait.width();
        let hard = enlarge(&neck_mask(&labels, &landmarks, DILATION_PX)?, size)?;
        let soft = soften(&hard, SoftEdge::WARP);
        Ok([hard, soft])
    }
}

impl Job for MakePair {
    type Output = Pair;

    fn name(&self) -> String {
        format!("exchange the neck of {}", self.name)
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Pair>, Error> {
        let Some([hard, soft]) = self.masks.take() else {
            self.masks = Some(self.masks(context)?);
            return Ok(Step::More(Progress::at("masks", 0.5)));
        };
        let generator = context.sessions.generator()?;
        let drawn = generator.synthesize(self.edited.view(), context.cancel)?;
        let drawn = picture_from_tensor(drawn.view());
        Ok(Step::Done(Pair {
            composite: composite_reference(&self.portrait, &drawn, &hard)?,
            mask: soft,
        }))
    }
}
