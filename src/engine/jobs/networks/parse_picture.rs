//! Face parsing of one picture, by our parser or one of the caller's choice.

use image::{GrayImage, RgbImage};
use ndarray::Array4;

use crate::engine::job::OneStep;
use crate::engine::sessions::labeller::{grey_picture, parse};
use crate::networks::{ChannelOrder, FaceParser, NetworkSource};

/// What a parser says of a picture.
#[derive(Debug, Clone)]
pub struct ParsedPicture {
    /// The most likely label of each pixel, 512×512.
    pub labels: GrayImage,
    /// How much speaks for each label, `[1, 19, 512, 512]`.
    pub logits: Array4<f32>,
}

/// Parses a picture of any size; it is reduced or enlarged to 512 px. Without a `parser` ours takes it.
pub fn parse_picture(
    parser: Option<NetworkSource>,
    picture: RgbImage,
    order: ChannelOrder,
) -> OneStep<ParsedPicture> {
    OneStep::new("parse a picture", move |context| {
        let runtime = context.sessions.runtime()?;
        let mut parser = FaceParser::load(runtime, parser.as_ref())?;
        let parsing = parse(&mut parser, &picture, order, context.cancel)?;
        Ok(ParsedPicture {
            labels: grey_picture(&parsing.labels),
            logits: parsing.logits,
        })
    })
}
