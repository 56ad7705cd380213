//! What our chin meter says of pictures.

use std::collections::VecDeque;

use image::RgbImage;

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::networks::ChinReading;

/// Reads the chins of aligned crops, one after the other.
pub struct ReadChins {
    left: VecDeque<RgbImage>,
    readings: Vec<ChinReading>,
}

impl ReadChins {
    /// Square crops of any size, as FFHQ aligns them.
    pub fn new(crops: Vec<RgbImage>) -> Self {
        Self {
            left: crops.into(),
            readings: Vec::new(),
        }
    }
}

impl Job for ReadChins {
    /// A reading for each crop.
    type Output = Vec<ChinReading>;

    fn name(&self) -> String {
        "read chins".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Vec<ChinReading>>, Error> {
        let Some(crop) = self.left.pop_front() else {
            return Ok(Step::Done(std::mem::take(&mut self.readings)));
        };
        let reading = context.sessions.read_chin(&crop, context.cancel)?;
        self.readings.push(reading);
        let done = self.readings.len();
        Ok(Step::More(Progress::at(
            "score",
            done as f32 / (done + self.left.len()) as f32,
        )))
    }
}
