//! What is in a file: which network, detected from its content and not by its name.
//!
//! A checkpoint is recognised by the names of its tensors, an ONNX file by its inputs and outputs, dlib's
//! landmark model by its first bytes.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use serde::Serialize;

use super::forms::{self, PARSER, PARSER_SIDE_PX, SCORER, SCORER_SIDE_PX};
use super::{Error, GeneratorNetworks, LandmarkModel, Perceptual};
use crate::architectures::bisenet::BiSeNet;
use crate::architectures::resnext::{BatchNorm, ResNeXt50};
use crate::architectures::stylegan2::StyleGan2;
use crate::architectures::vgg16::Vgg16;
use crate::checkpoint::dlib::ShapePredictor;
use crate::checkpoint::{Tensors, torch};
use crate::graph::Graph;

/// What a network is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// From latent codes to portraits.
    Generator,
    /// Face parsing: from a picture to labels.
    Parser,
    /// How likely there is a double chin.
    Scorer,
    /// Features to compare pictures by.
    Perceptual,
    /// Where the 68 landmarks of a face are.
    Landmarks,
}

impl Kind {
    /// The word for it on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Generator => "generator",
            Self::Parser => "parser",
            Self::Scorer => "scorer",
            Self::Perceptual => "perceptual",
            Self::Landmarks => "landmarks",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generator => "generator",
            Self::Parser => "face parser",
            Self::Scorer => "chin classifier",
            Self::Perceptual => "perceptual network",
            Self::Landmarks => "landmark model",
        })
    }
}

/// A network that was found in a file, in our own form.
pub enum Network {
    /// Mapping and synthesis.
    Generator(Box<GeneratorNetworks>),
    /// `image` → `logits`, see [`FaceParser`](super::FaceParser).
    Parser(Graph),
    /// `image` → `logits`, see [`ChinScorer`](super::ChinScorer).
    Scorer {
        /// With the stored statistics of its batch normalisations.
        stored: Graph,
        /// With those of the picture; an ONNX file has only one way.
        per_image: Option<Graph>,
    },
    /// A trunk of VGG16.
    Perceptual(Perceptual),
    /// dlib's `.dat`, unpacked.
    Landmarks(Vec<u8>),
}

impl Network {
    /// What it is for.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Generator(_) => Kind::Generator,
            Self::Parser(_) => Kind::Parser,
            Self::Scorer { .. } => Kind::Scorer,
            Self::Perceptual(_) => Kind::Perceptual,
            Self::Landmarks(_) => Kind::Landmarks,
        }
    }
}

/// What can be said of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// What it is for.
    pub role: Kind,
    /// Its architecture, such as `StyleGAN2`.
    pub architecture: String,
    /// Side of the picture that it draws or looks at, in pixels, if it has one.
    pub resolution: Option<usize>,
    /// Style layers of a generator, cascades of a landmark model; of others the layers with weights.
    pub layers: usize,
    /// Numbers in its weights.
    pub parameters: u64,
}

/// Reads the network in a file: a PyTorch checkpoint of either serialisation, an ONNX file of our form,
/// or dlib's landmark model, packed with bzip2 or not.
///
/// # Errors
/// [`Error::UnknownNetwork`] when nothing known is in it, [`Error::Checkpoint`] when it is damaged,
/// [`Error::Architecture`] when a part of the network is missing.
pub fn read(path: &Path) -> Result<(Network, Facts), Error> {
    parse(path, bytes_of(path)?)
}

/// As [`read`], from the bytes of a file; `path` is only for messages.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<(Network, Facts), Error> {
    let found = match &bytes[..] {
        // A zip file; a pickle of protocol 2 and later.
        [b'P', b'K', 3, 4, ..] | [0x80, 2..=5, ..] => {
            of_checkpoint(path, torch::parse(path, Cursor::new(bytes))?)
        }
        // bzip2; dlib's serialised 1.
        [b'B', b'Z', b'h', ..] | [1, 1, ..] => landmarks(path, bytes),
        // The field 1 of an ONNX model, a number.
        [8, ..] => of_onnx(path, &bytes),
        _ => Err(unknown(
            path,
            "it is no PyTorch checkpoint, ONNX file or dlib model",
        )),
    };
    found.map_err(|error| match error {
        // These know the network, but not the file that it is in.
        Error::Architecture(_) | Error::Graph(_) | Error::Landmarks(_) | Error::Shape { .. } => {
            Error::InFile {
                path: path.to_owned(),
                source: Box::new(error),
            }
        }
        error => error,
    })
}

fn of_checkpoint(path: &Path, tensors: Tensors) -> Result<(Network, Facts), Error> {
    if StyleGan2::is_in(&tensors) {
        let networks = GeneratorNetworks::from_torch(tensors)?;
        Ok(generator("StyleGAN2", networks))
    } else if BiSeNet::is_in(&tensors) {
        let graph = forms::parser(&BiSeNet::from_torch(tensors)?)?;
        Ok(parser("BiSeNet, ResNet-18", graph))
    } else if ResNeXt50::is_in(&tensors) {
        let network = ResNeXt50::from_torch(tensors)?;
        let stored = forms::scorer(&network, BatchNorm::Stored)?;
        let per_image = forms::scorer(&network, BatchNorm::PerImage)?;
        Ok(scorer("ResNeXt-50 32×4d", stored, Some(per_image)))
    } else if Vgg16::is_in(&tensors) {
        perceptual(Perceptual::new(Vgg16::from_torch(tensors)?))
    } else {
        let names: Vec<&str> = tensors.iter().map(|(name, _)| name).take(3).collect();
        Err(unknown(
            path,
            &match names.as_slice() {
                [] => "it holds no tensors".to_owned(),
                names => format!(
                    "the names of its {} tensors ({} …) are those of no network that Jawline knows",
                    tensors.len(),
                    names.join(", ")
                ),
            },
        ))
    }
}

fn of_onnx(path: &Path, bytes: &[u8]) -> Result<(Network, Facts), Error> {
    let graph = Graph::from_onnx_bytes(bytes)?;
    if graph.input_named(super::source::name::CODES).is_some() {
        let networks = GeneratorNetworks::from_graph(path, graph)?;
        return Ok(generator("ONNX", networks));
    }
    if PARSER.check(&graph).is_ok() {
        return Ok(parser("ONNX", graph));
    }
    if SCORER.check(&graph).is_ok() {
        return Ok(scorer("ONNX", graph, None));
    }
    match Vgg16::from_graph(&graph) {
        Ok(network) => perceptual(Perceptual::new(network)),
        Err(_) => {
            let shapes = |values: Vec<_>| {
                let values = values.into_iter();
                let shapes = values.map(|value| format!("{:?}", graph.shape(value)));
                shapes.collect::<Vec<_>>().join(", ")
            };
            let inputs = shapes(graph.inputs().to_vec());
            let outputs = shapes(graph.outputs().iter().map(|(_, value)| *value).collect());
            Err(unknown(
                path,
                &format!(
                    "its inputs ({inputs}) and outputs ({outputs}) are not those of a network that \
                     Jawline knows: codes → image, image [1, 3, 512, 512] → logits [1, 19, 512, 512], \
                     image [1, 3, 256, 256] → logits [1, 2], or a VGG16"
                ),
            ))
        }
    }
}

fn landmarks(path: &Path, bytes: Vec<u8>) -> Result<(Network, Facts), Error> {
    let bytes = ShapePredictor::unpacked(path, bytes)?;
    let predictor = ShapePredictor::parse(path, &bytes)?;
    let trees = predictor.cascades.iter().flat_map(|cascade| &cascade.trees);
    let leaves: usize = trees.map(|tree| tree.leaves.len()).sum();
    let layers = predictor.cascades.len();
    // It refuses a model of other landmarks than the 68.
    LandmarkModel::new(predictor)?;
    let facts = Facts {
        role: Kind::Landmarks,
        architecture: "dlib shape predictor, 68 points".to_owned(),
        resolution: None,
        layers,
        parameters: leaves as u64,
    };
    Ok((Network::Landmarks(bytes), facts))
}

fn generator(architecture: &str, networks: GeneratorNetworks) -> (Network, Facts) {
    let mapping = networks.mapping.as_ref().map_or(0, parameters);
    let facts = Facts {
        role: Kind::Generator,
        architecture: architecture.to_owned(),
        resolution: Some(networks.spec.resolution),
        layers: networks.spec.layers,
        parameters: mapping + parameters(&networks.synthesis),
    };
    (Network::Generator(Box::new(networks)), facts)
}

fn parser(architecture: &str, graph: Graph) -> (Network, Facts) {
    let facts = Facts {
        role: Kind::Parser,
        architecture: architecture.to_owned(),
        resolution: Some(PARSER_SIDE_PX),
        layers: layers(&graph),
        parameters: parameters(&graph),
    };
    (Network::Parser(graph), facts)
}

fn scorer(architecture: &str, stored: Graph, per_image: Option<Graph>) -> (Network, Facts) {
    let facts = Facts {
        role: Kind::Scorer,
        architecture: architecture.to_owned(),
        resolution: Some(SCORER_SIDE_PX),
        layers: layers(&stored),
        parameters: parameters(&stored),
    };
    (Network::Scorer { stored, per_image }, facts)
}

fn perceptual(network: Perceptual) -> Result<(Network, Facts), Error> {
    let graph = network.graph()?;
    let facts = Facts {
        role: Kind::Perceptual,
        architecture: format!("VGG16, {} blocks", network.network().blocks()),
        resolution: None,
        layers: layers(&graph),
        parameters: parameters(&graph),
    };
    Ok((Network::Perceptual(network), facts))
}

/// Layers with weights.
fn layers(graph: &Graph) -> usize {
    let has_weights = |name| matches!(name, "Conv" | "ConvTranspose" | "MatMul");
    let nodes = graph.nodes().iter();
    nodes.filter(|node| has_weights(node.op.name())).count()
}

/// Numbers in the constants.
fn parameters(graph: &Graph) -> u64 {
    let operands: HashSet<_> = graph.nodes().iter().flat_map(|node| &node.inputs).collect();
    let constants = operands
        .into_iter()
        .filter_map(|&value| graph.constant_tensor(value));
    constants.map(|tensor| tensor.len() as u64).sum()
}

fn unknown(path: &Path, reason: &str) -> Error {
    Error::UnknownNetwork {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

/// The bytes of a file that is no longer than a network can be.
///
/// # Errors
/// [`Error::Read`].
pub fn bytes_of(path: &Path) -> Result<Vec<u8>, Error> {
    const LIMIT_BYTES: u64 = 4 << 30;
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(LIMIT_BYTES + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LIMIT_BYTES {
            return Err(io::Error::other("it is larger than any network (4 GiB)"));
        }
        Ok(bytes)
    };
    read().map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_for(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Gs.pth");
        std::fs::write(&path, bytes).unwrap();
        match read(&path) {
            Err(error) => error.to_string(),
            Ok((network, _)) => panic!("a {} in {bytes:?}", network.kind()),
        }
    }

    #[test]
    fn a_name_makes_no_checkpoint() {
        for bytes in [&b""[..], b"P", b"not a network at all", &[0x80; 40]] {
            let message = message_for(bytes);
            assert!(message.contains("Gs.pth"), "{message}");
        }
    }

    #[test]
    fn beginnings_of_every_format_are_refused() {
        for bytes in [
            &b"PK\x03\x04 zip"[..],
            b"\x80\x02.",
            b"BZh9",
            b"\x01\x01",
            b"\x08\x09",
        ] {
            assert!(!message_for(bytes).is_empty());
        }
    }

    #[test]
    fn an_onnx_file_of_something_else_is_told_what_was_expected() {
        let mut graph = Graph::new("other");
        let x = graph.input("x", &[1, 7]).unwrap();
        let y = graph.relu(x).unwrap();
        graph.output("y", y).unwrap();
        let message = message_for(&graph.to_onnx_bytes().unwrap());
        assert!(
            message.contains("[1, 7]") && message.contains("VGG16"),
            "{message}"
        );
    }
}
