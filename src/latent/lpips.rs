//! LPIPS (Zhang et al., *The Unreasonable Effectiveness of Deep Features as a Perceptual Metric*, CVPR
//! 2018) with VGG16, in the form of the published projector.
//!
//! Each pixel's feature vector behind the last ReLU of each of the five blocks is brought to unit
//! length, squared differences are averaged over the picture, and a learnt weight for each channel adds
//! them up. The projector's form has ε = 1e-8 inside the root where the official one adds 1e-10 outside.

use ndarray::ArrayD;

use super::Error;
use super::terms::{sum, unit_length};
use crate::architectures::Normalisation;
use crate::architectures::vgg16::{Relu, Vgg16};
use crate::checkpoint::Tensors;
use crate::graph::{Graph, Tensor, Value};
use crate::networks;

/// The places in VGG16 that are compared, and their numbers of channels.
const SLICES: [(Relu, usize); 5] = [
    (Relu(1, 2), 64),
    (Relu(2, 2), 128),
    (Relu(3, 3), 256),
    (Relu(4, 3), 512),
    (Relu(5, 3), 512),
];

/// The perceptual distance: a trunk and the weight of each of its channels.
#[derive(Debug, Clone)]
pub struct Lpips {
    trunk: Vgg16,
    /// `[1, C, 1, 1]` for each slice.
    weights: Vec<Tensor>,
}

impl Lpips {
    /// Puts a trunk and the linear layers of LPIPS together. The trunk's own normalisation gives way to
    /// [`Normalisation::LPIPS`].
    ///
    /// The layers are `lin0.model.1.weight` … `lin4.model.1.weight`, each `[1, C, 1, 1]`, as every
    /// published LPIPS checkpoint names them.
    ///
    /// # Errors
    /// [`Error::Network`] when a layer is missing or has another shape.
    pub fn new(trunk: Vgg16, mut linear: Tensors) -> Result<Self, Error> {
        let weights = SLICES
            .iter()
            .enumerate()
            .map(|(index, &(_, channels))| -> Result<Tensor, Error> {
                let name = format!("lin{index}.model.1.weight");
                let weights: ArrayD<f32> = linear
                    .take(&name, &[1, channels, 1, 1])
                    .map_err(networks::Error::from)?;
                Ok(weights.into())
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { trunk, weights })
    }

    /// All channels count the same: to measure time with.
    pub fn even(trunk: Vgg16) -> Self {
        let weights = SLICES
            .iter()
            .map(|&(_, channels)| {
                let share = 1.0 / channels as f32;
                ArrayD::from_elem(vec![1, channels, 1, 1], share).into()
            })
            .collect();
        Self { trunk, weights }
    }

    /// Appends the unit-length features of a picture `[1, 3, height, width]`, RGB in [-1, 1], one value a
    /// slice.
    ///
    /// # Errors
    /// [`Error::Network`] when the picture is too small for five blocks.
    pub fn append_features(&self, graph: &mut Graph, picture: Value) -> Result<Vec<Value>, Error> {
        let places = SLICES.map(|(place, _)| place);
        self.trunk
            .append_normalised(graph, picture, &places, &Normalisation::LPIPS)
            .map_err(networks::Error::from)?
            .into_iter()
            .map(|features| unit_length(graph, features))
            .collect()
    }

    /// Appends the distance of two pictures' features, a scalar.
    ///
    /// # Errors
    /// [`Error::Graph`] when they are not of pictures of one size.
    pub fn append_distance(
        &self,
        graph: &mut Graph,
        a: &[Value],
        b: &[Value],
    ) -> Result<Value, Error> {
        let slices = a
            .iter()
            .zip(b)
            .zip(&self.weights)
            .map(|((&a, &b), weights)| {
                let weights = graph.constant("lpips.weights", weights.clone());
                let difference = graph.sub(a, b)?;
                let square = graph.mul(difference, difference)?;
                let mean = graph.reduce_mean(square, &[2, 3], true)?;
                let weighted = graph.mul(mean, weights)?;
                Ok(graph.sum(weighted)?)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        sum(graph, &slices)
    }
}
