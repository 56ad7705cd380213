//! The features of pictures, as losses compare them.

use ndarray::Array4;

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Step};
use crate::networks::{NetworkSource, Perceptual};

/// Computes the features of pictures.
pub struct ComputeFeatures {
    perceptual: NetworkSource,
    pictures: Array4<f32>,
}

impl ComputeFeatures {
    /// Pictures `[n, 3, height, width]`, RGB in [-1, 1], of any size.
    pub fn new(perceptual: NetworkSource, pictures: Array4<f32>) -> Self {
        Self {
            perceptual,
            pictures,
        }
    }
}

impl Job for ComputeFeatures {
    /// `[n, 512, height / 8, width / 8]`
    type Output = Array4<f32>;

    fn name(&self) -> String {
        "compute features".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Array4<f32>>, Error> {
        let network = Perceptual::load(&self.perceptual)?;
        let runtime = context.sessions.runtime()?;
        let features = network.features(runtime, self.pictures.view(), context.cancel)?;
        Ok(Step::Done(features))
    }
}
