//! The landmarks of several pictures of one face, so that they can be compared.

use image::RgbImage;

use crate::engine::job::OneByOne;
use crate::geometry::{Landmarks, QuarterTurn, Rect};
use crate::networks::landmarks::{self, FoundLandmarks};
use crate::photo::Photo;

/// Finds the landmarks of a face in pictures in which it is at the same place. All are looked at from the
/// same start: the place of the landmarks that are known of one of them, in its pixels.
pub fn fit_landmarks(
    pictures: Vec<RgbImage>,
    near: &Landmarks,
) -> OneByOne<RgbImage, Result<FoundLandmarks, landmarks::Error>> {
    let near = Rect::around(near.points());
    OneByOne::new(
        "compare landmarks",
        "compare landmarks",
        pictures,
        move |picture: RgbImage, context| {
            let picture = Photo::from_pixels(picture.into());
            let model = context.sessions.landmarks()?;
            Ok(model.find(&picture, &near, QuarterTurn::None))
        },
    )
}
