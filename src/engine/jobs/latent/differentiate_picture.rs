//! The gradient of a generated picture as a job.

use ndarray::{Array2, Array4};

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Step};
use crate::latent::{PictureGradient, picture_gradient};
use crate::networks::Noise;

/// Computes mean(((G − T)·M)²) with its gradients by code and noise.
pub struct DifferentiatePicture {
    codes: Array2<f32>,
    noise: Noise,
    target: Array4<f32>,
    mask: Array4<f32>,
}

impl DifferentiatePicture {
    /// At `codes [L, n]`, for a target `[1, 3, R, R]` in [-1, 1] and a mask `[1, 1, R, R]` or
    /// `[1, 3, R, R]`.
    pub fn new(codes: Array2<f32>, noise: Noise, target: Array4<f32>, mask: Array4<f32>) -> Self {
        Self {
            codes,
            noise,
            target,
            mask,
        }
    }
}

impl Job for DifferentiatePicture {
    type Output = PictureGradient;

    fn name(&self) -> String {
        "differentiate a picture".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<PictureGradient>, Error> {
        let generator = context.sessions.generator_networks()?;
        let noise = self.noise.maps(&generator.spec)?;
        let gradient = picture_gradient(
            context.sessions.runtime()?,
            &generator,
            self.codes.view(),
            &noise,
            [self.target.view(), self.mask.view()],
            context.cancel,
        )?;
        Ok(Step::Done(gradient))
    }
}
