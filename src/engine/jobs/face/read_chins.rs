//! What our chin meter says of pictures.

use image::RgbImage;

use crate::engine::job::OneByOne;
use crate::networks::ChinReading;

/// Reads the chins of aligned crops: square, of any size, as FFHQ aligns them.
pub fn read_chins(crops: Vec<RgbImage>) -> OneByOne<RgbImage, ChinReading> {
    OneByOne::new("read chins", "score", crops, |crop, context| {
        context.sessions.read_chin(&crop, context.cancel)
    })
}
