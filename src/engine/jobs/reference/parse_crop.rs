//! Landmarks and labels of an aligned crop that did not come from a photo.

use image::{GrayImage, RgbImage};

use crate::engine::error::Error;
use crate::engine::job::Context;
use crate::geometry::{Affine, Landmarks};
use crate::networks;
use crate::networks::detector::Search;
use crate::networks::landmarks::SMALLEST_FACE_PX;
use crate::photo::Photo;
use crate::portrait::labels::LABELS_SIZE;

/// The landmarks of the largest face in a square crop, in pixels of the label map, and the label map.
/// `name` names the crop in messages.
pub(super) fn parse_crop(
    name: &str,
    crop: &RgbImage,
    context: &mut Context<'_>,
) -> Result<(Landmarks, GrayImage), Error> {
    let picture = Photo::from_pixels(crop.clone().into());
    let faces = context
        .sessions
        .detector()?
        .detect(&picture, Search::Quick)
        .map_err(networks::Error::from)?;
    let face = faces.first().ok_or_else(|| Error::NoFace {
        photo: name.to_owned(),
        least_px: SMALLEST_FACE_PX as u32,
    })?;
    let found = context
        .sessions
        .landmarks()?
        .find(&picture, &face.face_box, face.turn)
        .map_err(networks::Error::from)?;
    let labels_from_crop = Affine::resize(f64::from(LABELS_SIZE) / f64::from(crop.width()));
    let landmarks = found
        .landmarks
        .mapped(&labels_from_crop)
        .map_err(crate::portrait::Error::from)?;
    let mut labeller = context.sessions.labeller(context.cancel)?;
    let labels = labeller.parse(crop, &landmarks)?.labels;
    Ok((landmarks, labels))
}
