//! The gradient of a generated picture as a job.

use ndarray::{Array2, Array4};

use crate::engine::job::OneStep;
use crate::latent::{PictureGradient, picture_gradient};
use crate::networks::Noise;

/// Computes mean(((G − T)·M)²) with its gradients by code and noise.
///
/// At `codes [L, n]`, for a target `[1, 3, R, R]` in [-1, 1] and a mask `[1, 1, R, R]` or `[1, 3, R, R]`.
pub fn differentiate_picture(
    codes: Array2<f32>,
    noise: Noise,
    target: Array4<f32>,
    mask: Array4<f32>,
) -> OneStep<PictureGradient> {
    OneStep::new("differentiate a picture", move |context| {
        let generator = context.sessions.generator_networks()?;
        let noise = noise.maps(&generator.spec)?;
        Ok(picture_gradient(
            context.sessions.runtime()?,
            &generator,
            codes.view(),
            &noise,
            [target.view(), mask.view()],
            context.cancel,
        )?)
    })
}
