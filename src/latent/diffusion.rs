//! Diffusion: a latent code for a picture that was edited inside a mask, so that what the generator
//! draws agrees with the picture around the edit (the paper's "diffuse" method; its second training
//! step uses it as well).
//!
//! The edited portrait is pasted into the photo under a hard mask; then the code is moved until the
//! generator draws the photo *outside* the soft mask. Inside, pixels are free, and only the features
//! of a perceptual network hold them. Loss and gradient are one ONNX graph ([`step_graph`]).

mod objective;

use ndarray::{Array2, Array4, ArrayD, Ix2, arr0};

use super::Error;
use super::optimise::{self, BestOf, Objective, Optimiser};
use super::terms::{input_shape, scalar, session};
use crate::graph::Graph;
use crate::runtime::{CancelToken, Constants, Outputs, Runtime, Session};
use objective::name;

pub use objective::{Variable, feature_graph, step_graph};

/// A loss that is this many times the best one is taken for an explosion, if the pixels are off by so
/// much as well (mean square, in [-1, 1]): the first picture may be perfect outside the mask, so that
/// the ratio alone says nothing.
const EXPLOSION: f32 = 10.0;
const EXPLODED_PIXELS: f32 = 1.0;

/// What the user may choose about a diffusion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The number of steps.
    pub steps: usize,
    /// Adam's learning rate; it stays the same.
    pub learning_rate: f32,
    /// The weight of the features' mean squared difference. The pixels' weight is 1.
    pub feature_weight: f32,
}

impl Default for Options {
    /// As in the reference, for single photos.
    fn default() -> Self {
        Self {
            steps: 100,
            learning_rate: 0.01,
            feature_weight: 1e-4,
        }
    }
}

/// What a diffusion aims at.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// The photo with the edit pasted in, `[1, 3, R, R]`, RGB in [-1, 1], R the generator's resolution.
    pub picture: Array4<f32>,
    /// The soft mask of the edit, `[1, 1, R, R]`: pixels at 0 count in full, pixels at 1 not at all.
    pub mask: Array4<f32>,
}

/// The two networks of a diffusion, loaded.
pub struct Networks {
    features: Session,
    step: Session,
    code_shape: [usize; 2],
}

impl Networks {
    /// Builds and loads the graphs for a generator and a perceptual network.
    ///
    /// `synthesis` maps `codes [L, n]` to a picture `[1, 3, R, R]`, its noise inside; `perceptual` maps
    /// a picture of a size of its own to features of VGG16's blocks.
    ///
    /// # Errors
    /// As [`step_graph`]; [`Error::Runtime`].
    pub fn load(
        runtime: &Runtime,
        synthesis: &Graph,
        perceptual: &Graph,
        variable: Variable<'_>,
    ) -> Result<Self, Error> {
        let step = step_graph(synthesis, perceptual, variable)?;
        let code_shape = match *input_shape(&step).as_slice() {
            [rows, size] => [rows, size],
            _ => [0; 2],
        };
        let resolution = step
            .output_named(name::PICTURE)
            .and_then(|picture| step.shape(picture).last().copied())
            .unwrap_or(0);
        let features = feature_graph(perceptual, resolution)?;
        Ok(Self {
            features: session(runtime, &features)?,
            step: session(runtime, &step)?,
            code_shape,
        })
    }
}

/// The loss of one step.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Loss {
    /// The mean squared difference of pixels outside the mask.
    pub pixel: f32,
    /// The mean squared difference of features, times its weight.
    pub feature: f32,
    /// The sum of both.
    pub total: f32,
}

impl optimise::Loss for Loss {
    fn total(&self) -> f32 {
        self.total
    }
}

/// What a diffusion makes small: the difference from its target outside the mask.
pub struct Diffusing {
    options: Options,
}

/// A diffusion under way.
pub type Diffusion = Optimiser<Diffusing>;

/// Its best code so far, of the shape of the networks' [`Variable`], with its picture.
pub type Best = BestOf<Diffusing>;

impl Objective for Diffusing {
    type Dim = Ix2;
    type Networks = Networks;
    type Loss = Loss;
    const BETAS: (f64, f64) = (0.9, 0.999);

    fn network(networks: &mut Networks) -> &mut Session {
        &mut networks.step
    }

    fn learning_rate(&self, _step: usize) -> f64 {
        self.options.learning_rate.into()
    }

    fn loss(&self, outputs: &Outputs, _step: usize) -> Loss {
        Loss {
            pixel: scalar(outputs, name::PIXEL),
            feature: scalar(outputs, name::FEATURE),
            total: scalar(outputs, name::TOTAL),
        }
    }

    fn is_explosion(loss: &Loss, best: &Loss) -> bool {
        loss.total > EXPLOSION * best.total && loss.pixel > EXPLODED_PIXELS
    }
}

impl Diffusion {
    /// Begins at the code `init`, of the shape of the networks' [`Variable`].
    ///
    /// # Errors
    /// [`Error::Shape`] for a code of another generator; what ONNX Runtime says when it computes the
    /// target's features, also when the target has another size than the generator's picture.
    pub fn start(
        networks: &mut Networks,
        target: Target,
        init: Array2<f32>,
        options: Options,
        cancel: &CancelToken,
    ) -> Result<Self, Error> {
        if init.shape() != networks.code_shape {
            return Err(Error::another_start(init.shape(), networks.code_shape));
        }
        let Target { picture, mask } = target;
        let target = picture.into_dyn();
        let inputs = [(name::TARGET, target.view())];
        let wanted = networks.features.run_for(name::FEATURES, &inputs, cancel)?;
        let outside = mask.mapv_into(|mask| 1.0 - mask).into_dyn();
        let weight = arr0(options.feature_weight).into_dyn();
        let constants = [
            (name::TARGET, target),
            (name::OUTSIDE, outside),
            (name::WANTED, wanted),
            (name::FEATURE_WEIGHT, weight),
        ];
        let constants = Constants::from(constants.map(|(name, array)| (name.to_owned(), array)));
        let code = optimise::Variable::new(name::CODE, name::GRADIENT, init);
        let (objective, steps) = (Diffusing { options }, options.steps);
        let others = Vec::new();
        Ok(Self::new(objective, steps, constants, code, others, 0))
    }

    /// The gradient that the last step followed; `None` before the first.
    pub fn gradient(&self) -> Option<&ArrayD<f32>> {
        self.gradients.first()
    }
}
