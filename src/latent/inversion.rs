//! Inversion: from a portrait to the latent code that makes the generator draw it.
//!
//! The variables live in P_N+ ([`Whitening`]): one vector shared by all layers, and later an offset
//! for each layer. Loss and gradient are one ONNX graph ([`step_graph`]).

mod objective;
mod schedule;

use ndarray::{Array2, Array4, Axis, Ix2};

pub use super::optimise::Ending;
pub use objective::{Weights, feature_graph, step_graph};
pub use schedule::Schedule;

use super::Error;
use super::optimise::{self, Objective, Optimiser, Variable};
use super::terms::{input_shape, scalar, session, take};
use crate::graph::Graph;
use crate::networks::Whitening;
use crate::runtime::{CancelToken, Outputs, Runtime, Session};
use objective::name;

/// The side of the picture that the loss is measured on, in pixels.
pub const LOSS_SIZE: usize = 256;

/// Counts changes of the search that make it find other codes: what was kept of an earlier one is not used.
pub const SEARCH_VERSION: u32 = 1;

/// The part of the steps in which all layers share one vector.
const SHARED_PART: f32 = 0.25;
/// A code to start at is cut off beyond this many standard deviations: no sample lies there, and the
/// pull to the mean face would outweigh the picture.
const FARTHEST: f32 = 4.0;
/// A loss that is this many times the best one is taken for an explosion.
const EXPLOSION: f32 = 10.0;

/// What the user may choose about an inversion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The greatest number of steps; it stops earlier when the loss has come to rest.
    pub steps: usize,
    /// The learning rate of the plateau.
    pub learning_rate: f32,
    /// Standard deviation of the noise on the shared vector in the early steps, which keeps the
    /// search from the nearest hollow. It fades as in the StyleGAN2 projector.
    pub exploration: f32,
    /// Seeds the exploration noise. The same seed gives the same code on the same machine.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            steps: 100,
            learning_rate: 0.1,
            exploration: 0.05,
            seed: 0,
        }
    }
}

/// What an inversion aims at.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// `[1, 3, 256, 256]`, RGB in [-1, 1].
    pub picture: Array4<f32>,
    /// How much each pixel matters, `[1, 1, 256, 256]`, not negative and not all zero; only the ratios
    /// count.
    pub importance: Array4<f32>,
}

impl Target {
    /// A picture whose pixels matter equally.
    pub fn even(picture: Array4<f32>) -> Self {
        let (_, _, height, width) = picture.dim();
        Self {
            picture,
            importance: Array4::ones((1, 1, height, width)),
        }
    }
}

/// The two networks of an inversion, loaded.
pub struct Networks {
    /// From [`feature_graph`].
    pub features: Session,
    /// From [`step_graph`].
    pub step: Session,
    /// L, the number of style layers.
    pub layers: usize,
    /// P_N of the generator's W.
    pub whitening: Whitening,
}

impl Networks {
    /// Builds and loads the graphs for a generator and a perceptual network.
    ///
    /// `synthesis` maps `codes [L, n]` to a picture `[1, 3, R, R]`, its noise inside; `perceptual` maps a
    /// picture of 256 px to its features.
    ///
    /// # Errors
    /// As [`step_graph`]; [`Error::Runtime`].
    pub fn load(
        runtime: &Runtime,
        synthesis: &Graph,
        perceptual: &Graph,
        whitening: Whitening,
    ) -> Result<Self, Error> {
        let step = step_graph(synthesis, perceptual, &whitening, Weights::default())?;
        Ok(Self {
            features: session(runtime, &feature_graph(perceptual)?)?,
            step: session(runtime, &step)?,
            layers: input_shape(synthesis).first().copied().unwrap_or(0),
            whitening,
        })
    }
}

/// The loss of one step.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Loss {
    /// The weighted sum of all terms.
    pub total: f32,
    /// The perceptual distance.
    pub perceptual: f32,
    /// The mean squared difference of pixels.
    pub pixel: f32,
}

impl optimise::Loss for Loss {
    fn total(&self) -> f32 {
        self.total
    }
}

/// What an inversion makes small: the distance of the picture from its target.
pub struct Inverting {
    options: Options,
    schedule: Schedule,
}

/// An inversion under way.
pub type Inversion = Optimiser<Inverting>;

impl Inverting {
    fn is_in_shared_part(&self, step: usize) -> bool {
        (step as f32) < SHARED_PART * self.options.steps as f32
    }
}

impl Objective for Inverting {
    type Dim = Ix2;
    type Networks = Networks;
    type Loss = Loss;
    // β₂ = 0.99 forgets the large gradients of the first steps in time.
    const BETAS: (f64, f64) = (0.9, 0.99);
    // A tenth of a per cent in a dozen steps is below what an eye sees.
    const REST: Option<(usize, f32)> = Some((12, 1e-3));

    fn network(networks: &mut Networks) -> &mut Session {
        &mut networks.step
    }

    fn learning_rate(&self, step: usize) -> f64 {
        self.schedule.at(step).into()
    }

    fn loss(&self, outputs: &Outputs, _step: usize) -> Loss {
        Loss {
            total: scalar(outputs, name::LOSS),
            perceptual: scalar(outputs, name::PERCEPTUAL),
            pixel: scalar(outputs, name::PIXEL),
        }
    }

    /// Of the StyleGAN2 projector's shape: 0.05·max(0, 1 − t/0.75)², here in whitened units.
    fn exploration(&self, step: usize) -> f32 {
        let done = step as f32 / self.options.steps.max(1) as f32;
        self.options.exploration * (1.0 - done / 0.75).max(0.0).powi(2)
    }

    /// The shared vector always, the layers' offsets later.
    fn moves(&self, variable: usize, step: usize) -> bool {
        variable == 0 || !self.is_in_shared_part(step)
    }

    fn is_explosion(loss: &Loss, best: &Loss) -> bool {
        loss.total > EXPLOSION * best.total
    }

    fn code(_: &Array2<f32>, outputs: &mut Outputs) -> Result<Array2<f32>, Error> {
        take(outputs, name::CODES)
    }
}

impl Inversion {
    /// Begins the inversion of a picture, at the mean face or at a code in W+, `[L, n]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for a code of another generator; what ONNX Runtime says when it computes the
    /// picture's features.
    pub fn start(
        networks: &mut Networks,
        target: Target,
        init: Option<&Array2<f32>>,
        options: Options,
        cancel: &CancelToken,
    ) -> Result<Self, Error> {
        let [shared, offsets] = start_at(networks, init)?;
        let importance = with_mean_one(target.importance).into_dyn();
        let target = target.picture.into_dyn();
        let mut constants = networks
            .features
            .run(&[(name::TARGET, target.view())], cancel)?;
        constants.insert(name::TARGET.to_owned(), target);
        constants.insert(name::IMPORTANCE.to_owned(), importance);
        let schedule = Schedule {
            learning_rate: options.learning_rate,
            steps: options.steps,
        };
        let shared = Variable::new(name::SHARED, name::GRADIENT_SHARED, shared);
        let offsets = Variable::new(name::OFFSETS, name::GRADIENT_OFFSETS, offsets);
        let objective = Inverting { options, schedule };
        let Options { steps, seed, .. } = options;
        let others = vec![offsets];
        Ok(Self::new(objective, steps, constants, shared, others, seed))
    }
}

/// The shared vector and the layers' offsets of a code; zero for the mean face.
fn start_at(networks: &Networks, init: Option<&Array2<f32>>) -> Result<[Array2<f32>; 2], Error> {
    let size = networks.whitening.mean.len();
    let Some(code) = init else {
        return Ok([1, networks.layers].map(|rows| Array2::zeros((rows, size))));
    };
    if code.shape() != [networks.layers, size] {
        return Err(Error::another_start(code.shape(), [networks.layers, size]));
    }
    let vectors = networks
        .whitening
        .vectors(code.view())
        .mapv(|component| component.clamp(-FARTHEST, FARTHEST));
    let shared = vectors
        .mean_axis(Axis(0))
        .unwrap_or_default()
        .insert_axis(Axis(0));
    let offsets = &vectors - &shared;
    Ok([shared, offsets])
}

fn with_mean_one(importance: Array4<f32>) -> Array4<f32> {
    let mean = importance.mean().unwrap_or(0.0);
    if mean > 0.0 {
        importance / mean
    } else {
        Array4::ones(importance.raw_dim())
    }
}
