//! Face parsing of one picture, by our parser or one of the caller's choice.

use image::{GrayImage, RgbImage};
use ndarray::Array4;

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Step};
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

/// Parses one picture.
pub struct ParsePicture {
    parser: Option<NetworkSource>,
    picture: RgbImage,
    order: ChannelOrder,
}

impl ParsePicture {
    /// A picture of any size; it is reduced or enlarged to 512 px. Without a `parser` ours takes it.
    pub fn new(parser: Option<NetworkSource>, picture: RgbImage, order: ChannelOrder) -> Self {
        Self {
            parser,
            picture,
            order,
        }
    }
}

impl Job for ParsePicture {
    type Output = ParsedPicture;

    fn name(&self) -> String {
        "parse a picture".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<ParsedPicture>, Error> {
        let runtime = context.sessions.runtime()?;
        let mut parser = FaceParser::load(runtime, self.parser.as_ref())?;
        let parsing = parse(&mut parser, &self.picture, self.order, context.cancel)?;
        Ok(Step::Done(ParsedPicture {
            labels: grey_picture(&parsing.labels),
            logits: parsing.logits,
        }))
    }
}
