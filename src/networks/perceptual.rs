//! The perceptual network: features to compare pictures by.

use std::path::Path;

use ndarray::{Array4, ArrayView4, Axis, Ix4, concatenate, s};

use super::{Error, Network, NetworkSource, Pack, Role, recognise};
use crate::architectures::Normalisation;
use crate::architectures::vgg16::{Relu, Vgg16};
use crate::graph::{Graph, Value};
use crate::runtime::{CancelToken, Runtime};

/// A trunk of VGG16 and what it expects of pictures, for graphs of losses and for single features.
///
/// The size of the pictures is free: a pack's file is written for 256 px, and its weights serve any.
#[derive(Debug, Clone)]
pub struct Perceptual {
    network: Vgg16,
}

impl Perceptual {
    /// Side of the picture that a pack's file is written for, in pixels.
    pub const SIZE: usize = 256;

    /// Where the reference compares pictures: behind the ReLU of convolution 4_3.
    pub const FEATURE: Relu = Relu(4, 3);

    /// A trunk that was read already.
    pub fn new(network: Vgg16) -> Self {
        Self { network }
    }

    /// Takes the perceptual network of a pack, or of a file.
    ///
    /// # Errors
    /// When the pack has none, or a file is missing, altered or holds another network.
    pub fn load(source: &NetworkSource) -> Result<Self, Error> {
        match source {
            NetworkSource::Pack(name) => Self::from_pack(&Pack::open(name)?),
            NetworkSource::File(path) => Self::from_file(path),
        }
    }

    /// Takes the perceptual network of an open pack.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_pack(pack: &Pack) -> Result<Self, Error> {
        let graph = Graph::from_onnx_bytes(&pack.read(Role::Perceptual)?)?;
        Ok(Self::new(Vgg16::from_graph(&graph)?))
    }

    fn from_file(path: &Path) -> Result<Self, Error> {
        match recognise::read(path)? {
            (Network::Perceptual(network), _) => Ok(network),
            (other, _) => Err(Error::OtherKind {
                path: path.to_owned(),
                found: other.kind(),
                expected: recognise::Kind::Perceptual,
            }),
        }
    }

    /// The trunk.
    pub fn network(&self) -> &Vgg16 {
        &self.network
    }

    /// Appends the trunk behind a picture `[n, 3, height, width]`, RGB in [-1, 1], and yields the values
    /// at `places`, in their order. `normalisation` takes the place of the one that the weights were
    /// trained on, as LPIPS wants it.
    ///
    /// # Errors
    /// As [`Vgg16::append`].
    pub fn append(
        &self,
        graph: &mut Graph,
        image: Value,
        places: &[Relu],
        normalisation: Option<&Normalisation>,
    ) -> Result<Vec<Value>, Error> {
        let normalisation = normalisation.unwrap_or(self.network.normalisation());
        Ok(self
            .network
            .append_normalised(graph, image, places, normalisation)?)
    }

    /// What a pack stores: `image [1, 3, 256, 256]`, RGB in [-1, 1], to the features behind the last
    /// ReLU of each block, `features_0`, `features_1` …
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn graph(&self) -> Result<Graph, Error> {
        self.graph_of(&self.network.ends_of_blocks())
    }

    /// What an inversion compares: as [`graph`](Self::graph), the first four blocks.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn inversion_graph(&self) -> Result<Graph, Error> {
        let mut places = self.network.ends_of_blocks();
        places.truncate(4);
        self.graph_of(&places)
    }

    /// What a diffusion compares: `image [1, 3, 256, 256]`, RGB in [-1, 1], to the features at
    /// [`FEATURE`](Self::FEATURE), brought to the magnitude of the published network's, so that one
    /// weight of the features suits every network.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn diffusion_graph(&self) -> Result<Graph, Error> {
        /// Squares of HED's features are 5.5 on average on a portrait, those of the published network
        /// about 10⁴.
        const PUBLISHED_FROM_HED: f32 = 42.0;
        let mut graph = Graph::new("perceptual");
        let image = graph.input("image", &[1, 3, Self::SIZE, Self::SIZE])?;
        for features in self.append(&mut graph, image, &[Self::FEATURE], None)? {
            let features = match self.network.normalisation() == &Normalisation::HED {
                true => graph.scale(features, PUBLISHED_FROM_HED)?,
                false => features,
            };
            graph.output("features", features)?;
        }
        graph.simplify()?;
        Ok(graph)
    }

    fn graph_of(&self, places: &[Relu]) -> Result<Graph, Error> {
        let mut graph = self.network.graph([Self::SIZE; 2], places)?;
        graph.simplify()?;
        Ok(graph)
    }

    /// Computes the features of pictures `[n, 3, height, width]`, RGB in [-1, 1], at
    /// [`FEATURE`](Self::FEATURE): `[n, 512, height / 8, width / 8]`.
    ///
    /// # Errors
    /// When the pictures are too small, and what ONNX Runtime says.
    pub fn features(
        &self,
        runtime: &Runtime,
        pictures: ArrayView4<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<Array4<f32>, Error> {
        let (count, _, height, width) = pictures.dim();
        let graph = self.network.graph([height, width], &[Self::FEATURE])?;
        let mut session = runtime.session("perceptual network", &graph.to_onnx_bytes()?)?;
        // One by one: the features of a batch of large pictures would fill the memory.
        let mut features = Vec::with_capacity(count);
        for index in 0..count {
            let picture = pictures.slice(s![index..=index, .., .., ..]);
            let found = session.run_for("features_0", &[("image", picture.into_dyn())], cancel)?;
            let shape = found.shape().to_vec();
            features.push(
                found
                    .into_dimensionality::<Ix4>()
                    .map_err(|_| wrong_shape(shape))?,
            );
        }
        let views: Vec<_> = features.iter().map(|found| found.view()).collect();
        concatenate(Axis(0), &views).map_err(|_| wrong_shape(pictures.shape().to_vec()))
    }
}

fn wrong_shape(shape: Vec<usize>) -> Error {
    Error::Shape {
        role: Role::Perceptual,
        shape,
        expected: "[n, 3, height, width], at least one picture".to_owned(),
    }
}
