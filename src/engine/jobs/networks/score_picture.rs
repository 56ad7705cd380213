//! The scores of pictures: have they a double chin?

use std::collections::VecDeque;

use image::{GrayImage, RgbImage};

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::engine::sessions::labeller::{grey_picture, parse};
use crate::networks::{BatchNorm, ChannelOrder, ChinScore, ChinScorer, FaceParser, NetworkSource};
use crate::portrait::scoring::{scorer_crop, scorer_picture};
use crate::portrait::tensor::tensor_from_picture;

/// Scores one picture.
pub struct ScorePicture {
    scorer: NetworkSource,
    norm: BatchNorm,
    picture: RgbImage,
    labels: LabelSource,
    order: ChannelOrder,
}

/// Where the picture's label map comes from.
pub enum LabelSource {
    /// It is known; of any size.
    Known(GrayImage),
    /// From this parser, or ours, which sees what the classifier will see, at 256 px and enlarged again, as
    /// in the reference.
    Parsed(Option<NetworkSource>),
}

impl ScorePicture {
    /// A picture of any size. Both networks see its channels in this order.
    pub fn new(
        scorer: NetworkSource,
        norm: BatchNorm,
        picture: RgbImage,
        labels: LabelSource,
        order: ChannelOrder,
    ) -> Self {
        Self {
            scorer,
            norm,
            picture,
            labels,
            order,
        }
    }
}

impl Job for ScorePicture {
    type Output = ChinScore;

    fn name(&self) -> String {
        "score a picture".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<ChinScore>, Error> {
        let runtime = context.sessions.runtime()?;
        let picture = match &self.labels {
            LabelSource::Known(labels) => scorer_picture(&self.picture, labels),
            LabelSource::Parsed(source) => {
                let mut parser = FaceParser::load(runtime, source.as_ref())?;
                let crop = scorer_crop(&self.picture);
                let parsing = parse(&mut parser, &crop, self.order, context.cancel)?;
                scorer_picture(&self.picture, &grey_picture(&parsing.labels))
            }
        };
        let mut scorer = ChinScorer::load(runtime, &self.scorer, self.norm)?;
        let picture = tensor_from_picture(&picture);
        let score = scorer.score(picture.view(), self.order, context.cancel)?;
        Ok(Step::Done(score))
    }
}

/// Scores pictures, one after the other, with the scorer of a pack, which sees what the parser of that
/// pack takes for neck.
pub struct ScorePictures {
    pack: NetworkSource,
    norm: BatchNorm,
    left: VecDeque<RgbImage>,
    networks: Option<(FaceParser, ChinScorer)>,
    scores: Vec<f32>,
}

impl ScorePictures {
    /// Pictures of any size. Both networks see them in RGB.
    pub fn new(pack: &str, norm: BatchNorm, pictures: Vec<RgbImage>) -> Self {
        Self {
            pack: NetworkSource::Pack(pack.to_owned()),
            norm,
            left: pictures.into(),
            networks: None,
            scores: Vec::new(),
        }
    }
}

impl Job for ScorePictures {
    /// The probability of a double chin in each picture, 0 to 1.
    type Output = Vec<f32>;

    fn name(&self) -> String {
        "score portraits".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Vec<f32>>, Error> {
        let Some(picture) = self.left.pop_front() else {
            return Ok(Step::Done(std::mem::take(&mut self.scores)));
        };
        if self.networks.is_none() {
            let runtime = context.sessions.runtime()?;
            let parser = FaceParser::load(runtime, Some(&self.pack))?;
            let scorer = ChinScorer::load(runtime, &self.pack, self.norm)?;
            self.networks = Some((parser, scorer));
        }
        if let Some((parser, scorer)) = &mut self.networks {
            let crop = scorer_crop(&picture);
            let parsing = parse(parser, &crop, ChannelOrder::Rgb, context.cancel)?;
            let seen = scorer_picture(&picture, &grey_picture(&parsing.labels));
            let tensor = tensor_from_picture(&seen);
            let score = scorer.score(tensor.view(), ChannelOrder::Rgb, context.cancel)?;
            self.scores.push(score.probability());
        }
        let done = self.scores.len();
        Ok(Step::More(Progress::at(
            "score",
            done as f32 / (done + self.left.len()).max(1) as f32,
        )))
    }
}
