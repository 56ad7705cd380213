//! The form in which networks that look at one picture are kept: what they take and what they yield.

use super::{Error, Role};
use crate::architectures::bisenet::BiSeNet;
use crate::architectures::resnext::{BatchNorm, ResNeXt50};
use crate::architectures::{self, Normalisation};
use crate::graph::{Graph, Value};

/// The input, `[1, 3, side, side]`, RGB in [-1, 1].
pub(super) const IMAGE: &str = "image";
/// The output.
pub(super) const LOGITS: &str = "logits";

/// A form.
pub(super) struct Form {
    role: Role,
    name: &'static str,
    side_px: usize,
    /// The shape of the output.
    logits: &'static [usize],
}

/// Side of the picture that a face parser takes, in pixels.
pub(super) const PARSER_SIDE_PX: usize = 512;
/// How many labels it tells apart.
pub(super) const PARSER_CLASSES: usize = 19;
/// Side of the picture that a scorer takes, in pixels.
pub(super) const SCORER_SIDE_PX: usize = 256;

/// A face parser's.
pub(super) const PARSER: Form = Form {
    role: Role::Parser,
    name: "face parser",
    side_px: PARSER_SIDE_PX,
    logits: &[1, PARSER_CLASSES, PARSER_SIDE_PX, PARSER_SIDE_PX],
};

/// A scorer's.
pub(super) const SCORER: Form = Form {
    role: Role::Scorer,
    name: "scorer",
    side_px: SCORER_SIDE_PX,
    logits: &[1, 2],
};

/// The graph of a face parser.
pub(super) fn parser(network: &BiSeNet) -> Result<Graph, Error> {
    PARSER.graph(|graph, image| Ok(network.append(graph, image)?.full))
}

/// The graph of a scorer, which sees the picture in [0, 1].
pub(super) fn scorer(network: &ResNeXt50, norm: BatchNorm) -> Result<Graph, Error> {
    SCORER.graph(|graph, image| network.append(graph, image, &Normalisation::UNIT_RANGE, norm))
}

impl Form {
    fn graph(
        &self,
        append: impl FnOnce(&mut Graph, Value) -> Result<Value, architectures::Error>,
    ) -> Result<Graph, Error> {
        let mut graph = Graph::new(self.name);
        let image = graph.input(IMAGE, &[1, 3, self.side_px, self.side_px])?;
        let logits = append(&mut graph, image)?;
        graph.output(LOGITS, logits)?;
        graph.simplify()?;
        self.check(&graph)?;
        Ok(graph)
    }

    /// Does the graph take and yield what this form says?
    pub fn check(&self, graph: &Graph) -> Result<(), Error> {
        let shape = |value: Option<_>| value.map(|value| graph.shape(value).to_vec());
        let takes = shape(graph.input_named(IMAGE)).unwrap_or_default();
        let yields = shape(graph.output_named(LOGITS)).unwrap_or_default();
        if takes != [1, 3, self.side_px, self.side_px] || graph.inputs().len() != 1 {
            Err(self.wrong_shape(takes))
        } else if yields != self.logits {
            Err(self.wrong_shape(yields))
        } else {
            Ok(())
        }
    }

    /// Another shape than that of this form.
    pub fn wrong_shape(&self, shape: Vec<usize>) -> Error {
        let (side_px, logits) = (self.side_px, self.logits);
        Error::Shape {
            role: self.role,
            shape,
            expected: format!("image [1, 3, {side_px}, {side_px}] and logits {logits:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_with_other_classes_is_no_parser() {
        let mut graph = Graph::new("other");
        let image = graph.input(IMAGE, &[1, 3, 512, 512]).unwrap();
        graph.output(LOGITS, image).unwrap();
        let message = PARSER.check(&graph).unwrap_err().to_string();
        assert!(message.contains("[1, 19, 512, 512]"), "{message}");
    }

    #[test]
    fn a_classifier_of_a_thousand_things_is_no_scorer() {
        let mut graph = Graph::new("other");
        let image = graph.input(IMAGE, &[1, 3, 256, 256]).unwrap();
        let logits = graph.reduce_mean(image, &[2, 3], false).unwrap();
        graph.output(LOGITS, logits).unwrap();
        let message = SCORER.check(&graph).unwrap_err().to_string();
        assert!(
            message.contains("[1, 3]") && message.contains("[1, 2]"),
            "{message}"
        );
    }
}
