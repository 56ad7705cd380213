//! The scores of pictures: have they a double chin?

use image::{GrayImage, RgbImage};

use crate::engine::error::Error;
use crate::engine::job::{Context, OneByOne, OneStep};
use crate::engine::sessions::labeller::{grey_picture, parse};
use crate::networks::{BatchNorm, ChannelOrder, ChinScore, ChinScorer, FaceParser, NetworkSource};
use crate::portrait::scoring::{scorer_crop, scorer_picture};
use crate::portrait::tensor::tensor_from_picture;

/// Where the picture's label map comes from.
pub enum LabelSource {
    /// It is known; of any size.
    Known(GrayImage),
    /// From this parser, or ours, which sees what the classifier will see, at 256 px and enlarged again, as
    /// in the reference.
    Parsed(Option<NetworkSource>),
}

/// Scores a picture of any size. Both networks see its channels in this order.
pub fn score_picture(
    scorer: NetworkSource,
    norm: BatchNorm,
    picture: RgbImage,
    labels: LabelSource,
    order: ChannelOrder,
) -> OneStep<ChinScore> {
    OneStep::new("score a picture", move |context| {
        let runtime = context.sessions.runtime()?;
        let seen = match &labels {
            LabelSource::Known(labels) => scorer_picture(&picture, labels),
            LabelSource::Parsed(source) => {
                let mut parser = FaceParser::load(runtime, source.as_ref())?;
                masked(&mut parser, &picture, order, context)?
            }
        };
        let mut scorer = ChinScorer::load(context.sessions.runtime()?, &scorer, norm)?;
        let seen = tensor_from_picture(&seen);
        Ok(scorer.score(seen.view(), order, context.cancel)?)
    })
}

/// Scores pictures of any size, one after the other, with the scorer of a pack, which sees what the parser of
/// that pack takes for neck; both see them in RGB. Yields the probability of a double chin in each, 0 to 1.
pub fn score_pictures(
    pack: &str,
    norm: BatchNorm,
    pictures: Vec<RgbImage>,
) -> OneByOne<RgbImage, f32> {
    let pack = NetworkSource::Pack(pack.to_owned());
    let mut networks = None;
    OneByOne::new(
        "score portraits",
        "score",
        pictures,
        move |picture: RgbImage, context| {
            let (parser, scorer) = match &mut networks {
                Some(loaded) => loaded,
                none => {
                    let runtime = context.sessions.runtime()?;
                    let parser = FaceParser::load(runtime, Some(&pack))?;
                    none.insert((parser, ChinScorer::load(runtime, &pack, norm)?))
                }
            };
            let seen = tensor_from_picture(&masked(parser, &picture, ChannelOrder::Rgb, context)?);
            let score = scorer.score(seen.view(), ChannelOrder::Rgb, context.cancel)?;
            Ok(score.probability())
        },
    )
}

/// What the scorer sees of a picture: what this parser takes for neck.
fn masked(
    parser: &mut FaceParser,
    picture: &RgbImage,
    order: ChannelOrder,
    context: &Context<'_>,
) -> Result<RgbImage, Error> {
    let parsing = parse(parser, &scorer_crop(picture), order, context.cancel)?;
    Ok(scorer_picture(picture, &grey_picture(&parsing.labels)))
}
