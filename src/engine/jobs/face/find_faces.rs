//! Finding the faces of a photo, with their landmarks.

use std::sync::Arc;

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::geometry::Rect;
use crate::networks;
use crate::networks::detector::{Face, Search};
use crate::networks::landmarks::{self, FoundLandmarks, SMALLEST_FACE_PX};
use crate::photo::Photo;

/// A face of a photo.
#[derive(Debug)]
pub struct FoundFace {
    /// Where the detector saw it, in photo pixels.
    pub face_box: Rect,
    /// How sure the detector is.
    pub score: f64,
    /// Its landmarks in photo pixels, or why it has none that can be used.
    pub landmarks: Result<FoundLandmarks, landmarks::Error>,
}

/// Finds the faces of a photo, the largest first; at least one, or it fails.
pub struct FindFaces {
    photo: Arc<Photo>,
    name: String,
    search: Search,
    detected: Option<Vec<Face>>,
    found: Vec<FoundFace>,
}

impl FindFaces {
    /// In this photo; `name` names it in messages.
    pub fn new(photo: Arc<Photo>, name: String, search: Search) -> Self {
        Self {
            photo,
            name,
            search,
            detected: None,
            found: Vec::new(),
        }
    }
}

impl Job for FindFaces {
    type Output = Vec<FoundFace>;

    fn name(&self) -> String {
        format!("find the faces in {}", self.name)
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Self::Output>, Error> {
        let Some(detected) = &self.detected else {
            let detector = context.sessions.detector()?;
            let faces = detector
                .detect(&self.photo, self.search)
                .map_err(networks::Error::from)?;
            if faces.is_empty() {
                return Err(Error::NoFace {
                    photo: self.name.clone(),
                    least_px: SMALLEST_FACE_PX as u32,
                });
            }
            self.detected = Some(faces);
            return Ok(Step::More(Progress::at("detect", 0.5)));
        };
        let Some(face) = detected.get(self.found.len()) else {
            return Ok(Step::Done(std::mem::take(&mut self.found)));
        };
        let model = context.sessions.landmarks()?;
        self.found.push(FoundFace {
            face_box: face.face_box,
            score: face.score,
            landmarks: model.find(&self.photo, &face.face_box, face.turn),
        });
        Ok(Step::More(Progress::at("landmarks", 1.0)))
    }
}
