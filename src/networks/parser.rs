//! The face parser: from a picture to a label a pixel.
//!
//! Ours is built in (`onnx/face_parser.onnx`, trained in `onnx/training`); a pack of the user's own networks
//! may hold another, of the same labels.

use std::path::Path;

use ndarray::{Array2, Array3, Array4, ArrayView2, ArrayView4, Axis, Ix4, s};

use super::forms::{IMAGE, LOGITS, PARSER, PARSER_CLASSES, PARSER_SIDE_PX};
use super::{ChannelOrder, Error, Network, NetworkSource, Pack, Role, recognise};
use crate::runtime::{CancelToken, Runtime, Session};

/// A face parser over a session.
pub struct FaceParser {
    session: Session,
}

/// What the parser says of a picture.
#[derive(Debug, Clone)]
pub struct Parsing {
    /// The most likely label of each pixel, 0–18 in CelebAMask-HQ's order, `[512, 512]`.
    pub labels: Array2<u8>,
    /// How much speaks for each label, `[1, 19, 512, 512]`.
    pub logits: Array4<f32>,
}

impl Parsing {
    /// The probability that a pixel has one of these labels, `[512, 512]`, 0 to 1: the softmax of the logits.
    pub fn probability_of(&self, wanted: &[u8]) -> Array2<f32> {
        let (_, _, height, width) = self.logits.dim();
        let mut largest = Array2::from_elem((height, width), f32::NEG_INFINITY);
        for plane in self.planes() {
            ndarray::Zip::from(&mut largest)
                .and(&plane)
                .for_each(|largest, &logit| *largest = largest.max(logit));
        }
        let mut all = Array2::<f32>::zeros((height, width));
        let mut chosen = all.clone();
        for (label, plane) in (0u8..).zip(self.planes()) {
            let share = if wanted.contains(&label) { 1.0 } else { 0.0 };
            ndarray::Zip::from(&mut all)
                .and(&mut chosen)
                .and(&plane)
                .and(&largest)
                .for_each(|all, chosen, &logit, &largest| {
                    let weight = (logit - largest).exp();
                    *all += weight;
                    *chosen += share * weight;
                });
        }
        chosen / all
    }

    /// The logits of each label, in their order.
    fn planes(&self) -> impl Iterator<Item = ArrayView2<'_, f32>> {
        (0..self.logits.len_of(Axis(1))).map(|label| self.logits.slice(s![0, label, .., ..]))
    }
}

impl FaceParser {
    /// Side of the picture that it takes, in pixels.
    pub const SIZE: usize = PARSER_SIDE_PX;

    /// How many labels it tells apart.
    pub const CLASSES: usize = PARSER_CLASSES;

    /// Loads the parser of a pack, or of a file; without a source, our own.
    ///
    /// # Errors
    /// When the pack has none, when a file is missing, altered or holds another network, or ONNX Runtime
    /// refuses it.
    pub fn load(runtime: &Runtime, source: Option<&NetworkSource>) -> Result<Self, Error> {
        match source {
            None => Self::own(runtime),
            Some(NetworkSource::Pack(name)) => Self::from_pack(runtime, &Pack::open(name)?),
            Some(NetworkSource::File(path)) => Self::from_file(runtime, path),
        }
    }

    /// Our own parser.
    ///
    /// # Errors
    /// What ONNX Runtime says: it is built in.
    pub fn own(runtime: &Runtime) -> Result<Self, Error> {
        let onnx = include_bytes!("../../onnx/face_parser.onnx");
        let session = runtime.session("face parser", onnx)?;
        Ok(Self { session })
    }

    /// Loads the parser of an open pack.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_pack(runtime: &Runtime, pack: &Pack) -> Result<Self, Error> {
        let session = runtime.session("face parser", &pack.read(Role::Parser)?)?;
        Ok(Self { session })
    }

    fn from_file(runtime: &Runtime, path: &Path) -> Result<Self, Error> {
        match recognise::read(path)? {
            (Network::Parser(graph), _) => Ok(Self {
                session: runtime.session("face parser", &graph.to_onnx_bytes()?)?,
            }),
            (other, _) => Err(Error::OtherKind {
                path: path.to_owned(),
                found: other.kind(),
                expected: recognise::Kind::Parser,
            }),
        }
    }

    /// Parses a picture `[1, 3, 512, 512]`, RGB in [-1, 1].
    ///
    /// With [`ChannelOrder::Bgr`] the network sees red and blue swapped, as some functions of the
    /// reference hand pictures over by mistake; it was trained on RGB.
    ///
    /// # Errors
    /// What ONNX Runtime says; [`runtime::Error::Cancelled`](crate::runtime::Error::Cancelled).
    pub fn parse(
        &mut self,
        picture: ArrayView4<'_, f32>,
        order: ChannelOrder,
        cancel: &CancelToken,
    ) -> Result<Parsing, Error> {
        let picture = order.arranged(picture);
        let logits = self
            .session
            .run_for(LOGITS, &[(IMAGE, picture.view().into_dyn())], cancel)?;
        let shape = logits.shape().to_vec();
        let logits = logits
            .into_dimensionality::<Ix4>()
            .map_err(|_| PARSER.wrong_shape(shape))?;
        let labels = most_likely(&logits.index_axis(Axis(0), 0).to_owned());
        Ok(Parsing { labels, logits })
    }
}

/// The first of the largest logits of each pixel of `[classes, height, width]`.
fn most_likely(logits: &Array3<f32>) -> Array2<u8> {
    let (_, height, width) = logits.dim();
    let mut best = Array2::from_elem((height, width), f32::NEG_INFINITY);
    let mut labels = Array2::zeros((height, width));
    for (class, plane) in (0u8..).zip(logits.outer_iter()) {
        ndarray::Zip::from(&plane)
            .and(&mut best)
            .and(&mut labels)
            .for_each(|&logit, best, label| {
                if logit > *best {
                    (*best, *label) = (logit, class);
                }
            });
    }
    labels
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_largest_logit_wins_and_the_first_of_equals() {
        let logits = array![[[1.0, 0.0]], [[2.0, 0.0]], [[-1.0, 0.0]]];
        assert_eq!(most_likely(&logits), array![[1, 0]]);
    }
}
