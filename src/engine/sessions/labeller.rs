//! Who labels the parts of a face: our own face parser, or that of the user's pack.

use image::{GrayImage, RgbImage};
use ndarray::Array2;

use crate::engine::error::Error;
use crate::geometry::Landmarks;
use crate::networks::{ChannelOrder, FaceParser, Parsing};
use crate::portrait::labels::{LABELS_SIZE, ParsedLabels, SKIN_LABELS};
use crate::portrait::pillow::resize_bilinear;
use crate::portrait::tensor::tensor_from_picture;
use crate::runtime::CancelToken;

/// Labels the parts of a face in an aligned crop.
pub struct Labeller<'a> {
    pub(super) parser: &'a mut FaceParser,
    /// Ends its run.
    pub(super) cancel: &'a CancelToken,
}

impl Labeller<'_> {
    /// Labels an aligned crop (square, any size) with its landmarks in pixels of a 512-px label map.
    ///
    /// # Errors
    /// What the network says.
    pub fn parse(&mut self, crop: &RgbImage, landmarks: &Landmarks) -> Result<ParsedLabels, Error> {
        let parsing = parse(self.parser, crop, ChannelOrder::Rgb, self.cancel)?;
        let skin = parsing.probability_of(&SKIN_LABELS);
        let skin = skin.mapv(|probability| (probability * 255.0).round() as u8);
        Ok(ParsedLabels::new(
            grey_picture(&parsing.labels),
            grey_picture(&skin),
            landmarks,
        ))
    }
}

/// Hands a picture of any size to a parser, at 512 px as the reference reduces it.
pub(crate) fn parse(
    parser: &mut FaceParser,
    picture: &RgbImage,
    order: ChannelOrder,
    cancel: &CancelToken,
) -> Result<Parsing, Error> {
    let reduced = resize_bilinear(picture, LABELS_SIZE, LABELS_SIZE);
    Ok(parser.parse(tensor_from_picture(&reduced).view(), order, cancel)?)
}

/// Labels, or levels, as a picture.
pub(crate) fn grey_picture(labels: &Array2<u8>) -> GrayImage {
    let (height, width) = labels.dim();
    GrayImage::from_fn(width as u32, height as u32, |x, y| {
        image::Luma([labels[[y as usize, x as usize]]])
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn rows_of_labels_are_rows_of_the_picture() {
        let map = grey_picture(&array![[1, 2, 3], [4, 5, 6]]);
        assert_eq!(map.dimensions(), (3, 2));
        assert_eq!(map.get_pixel(2, 0)[0], 3);
        assert_eq!(map.get_pixel(0, 1)[0], 4);
    }
}
