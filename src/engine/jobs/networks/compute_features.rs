//! The features of pictures, as losses compare them.

use ndarray::Array4;

use crate::engine::job::OneStep;
use crate::networks::{NetworkSource, Perceptual};

/// Computes the features `[n, 512, height / 8, width / 8]` of pictures `[n, 3, height, width]`, RGB in [-1, 1],
/// of any size.
pub fn compute_features(perceptual: NetworkSource, pictures: Array4<f32>) -> OneStep<Array4<f32>> {
    OneStep::new("compute features", move |context| {
        let network = Perceptual::load(&perceptual)?;
        let runtime = context.sessions.runtime()?;
        Ok(network.features(runtime, pictures.view(), context.cancel)?)
    })
}
