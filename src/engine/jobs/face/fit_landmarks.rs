//! The landmarks of several pictures of one face, so that they can be compared.

use image::RgbImage;

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::geometry::{Landmarks, QuarterTurn, Rect};
use crate::networks::landmarks::{self, FoundLandmarks};
use crate::photo::Photo;

/// Finds the landmarks of a face in pictures in which it is at the same place.
pub struct FitLandmarks {
    pictures: Vec<Photo>,
    near: Rect,
    found: Vec<Result<FoundLandmarks, landmarks::Error>>,
}

impl FitLandmarks {
    /// In these pictures, which all are looked at from the same start: the place of the landmarks that are
    /// known of one of them, in its pixels.
    pub fn new(pictures: impl IntoIterator<Item = RgbImage>, near: &Landmarks) -> Self {
        Self {
            pictures: pictures
                .into_iter()
                .map(|picture| Photo::from_pixels(picture.into()))
                .collect(),
            near: Rect::around(near.points()),
            found: Vec::new(),
        }
    }
}

impl Job for FitLandmarks {
    type Output = Vec<Result<FoundLandmarks, landmarks::Error>>;

    fn name(&self) -> String {
        "compare landmarks".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Self::Output>, Error> {
        let Some(picture) = self.pictures.get(self.found.len()) else {
            return Ok(Step::Done(std::mem::take(&mut self.found)));
        };
        let model = context.sessions.landmarks()?;
        self.found
            .push(model.find(picture, &self.near, QuarterTurn::None));
        Ok(Step::More(Progress::at(
            "compare landmarks",
            self.found.len() as f32 / self.pictures.len() as f32,
        )))
    }
}
