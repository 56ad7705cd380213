//! Inversion: from a portrait to the latent code that makes the generator draw it.
//!
//! The variables live in P_N+ ([`Whitening`]): one vector shared by all layers, and later an offset
//! for each layer. Loss and gradient are one ONNX graph ([`step_graph`]); Adam is ours. The work is
//! cut into steps so that one thread can serve the window between them.

mod objective;
mod schedule;

use std::sync::Arc;

use ndarray::{Array2, Array4, ArrayD, Axis, IxDyn};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

pub use objective::{Weights, feature_graph, step_graph};
pub use schedule::{Schedule, StallDetector};

use super::terms::{input_shape, is_finite, scalar, session, take};
use super::{Adam, Error};
use crate::graph::Graph;
use crate::networks::Whitening;
use crate::runtime::{CancelToken, Constants, Outputs, Runtime, Session};
use objective::name;

/// The side of the picture that the loss is measured on, in pixels.
pub const LOSS_SIZE: usize = 256;

/// Counts changes of the search that make it find other codes: what was kept of an earlier one is not used.
pub const SEARCH_VERSION: u32 = 1;

/// The part of the steps in which all layers share one vector.
const SHARED_PART: f32 = 0.25;
/// How often an inversion that blew up goes back to its best code with half the step size.
const RETRIES: usize = 3;
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

/// The best code so far.
#[derive(Debug, Clone)]
pub struct Best {
    /// The code in W+, `[L, n]`.
    pub code: Array2<f32>,
    /// What the generator draws for it, `[1, 3, 256, 256]` in about [-1, 1].
    pub picture: Array4<f32>,
    /// Its loss.
    pub loss: Loss,
}

/// Why an inversion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All steps were taken.
    Complete,
    /// The loss had stopped falling.
    Stalled,
    /// The numbers blew up again and again; the best code before that is kept.
    Diverged,
}

/// An inversion under way.
pub struct Inversion {
    options: Options,
    schedule: Schedule,
    /// The target's picture, importance and features.
    constants: Arc<Constants>,
    shared: Variable,
    offsets: Variable,
    random: ChaCha8Rng,
    step: usize,
    losses: Vec<Loss>,
    best: Option<(Best, Snapshot)>,
    stall: StallDetector,
    retries: usize,
    damping: f32,
}

/// Adam's; β₂ = 0.99 forgets the large gradients of the first steps in time.
const BETAS: (f64, f64) = (0.9, 0.99);

struct Variable {
    value: ArrayD<f32>,
    adam: Adam,
}

/// The variables that made the best code, to go back to.
#[derive(Clone)]
struct Snapshot {
    shared: ArrayD<f32>,
    offsets: ArrayD<f32>,
}

impl Variable {
    fn zeros([rows, size]: [usize; 2]) -> Self {
        let shape = [rows, size];
        Self {
            value: ArrayD::zeros(IxDyn(&shape)),
            adam: Adam::new(&shape, BETAS.0, BETAS.1),
        }
    }

    fn at(value: Array2<f32>) -> Self {
        let shape = [value.nrows(), value.ncols()];
        Self {
            value: value.into_dyn(),
            ..Self::zeros(shape)
        }
    }

    fn reset_to(&mut self, value: &ArrayD<f32>) {
        *self = Self {
            value: value.clone(),
            adam: Adam::new(value.shape(), BETAS.0, BETAS.1),
        };
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
        let (shared, offsets) = start_at(networks, init)?;
        let Target {
            picture,
            importance,
        } = target;
        let target = picture.into_dyn();
        let mut constants = networks
            .features
            .run(&[(name::TARGET, target.view())], cancel)?;
        constants.insert(name::TARGET.to_owned(), target);
        constants.insert(
            name::IMPORTANCE.to_owned(),
            with_mean_one(importance).into_dyn(),
        );
        Ok(Self {
            options,
            schedule: Schedule {
                learning_rate: options.learning_rate,
                steps: options.steps,
            },
            constants: Arc::new(constants),
            shared,
            offsets,
            random: ChaCha8Rng::seed_from_u64(options.seed),
            step: 0,
            losses: Vec::new(),
            best: None,
            // A tenth of a per cent in a dozen steps is below what an eye sees.
            stall: StallDetector::new(12, 1e-3),
            retries: 0,
            damping: 1.0,
        })
    }

    /// Takes one step. `Some` when it was the last.
    ///
    /// # Errors
    /// [`Error::Diverged`] when even the first step yields no finite loss; [`Error::Runtime`], also
    /// when cancelled. The best code so far stays available.
    pub fn step(
        &mut self,
        networks: &mut Networks,
        cancel: &CancelToken,
    ) -> Result<Option<Ending>, Error> {
        if self.step >= self.options.steps {
            return Ok(Some(Ending::Complete));
        }
        let mut outputs = self.evaluate(networks, cancel)?;
        let loss = Loss {
            total: scalar(&outputs, name::LOSS),
            perceptual: scalar(&outputs, name::PERCEPTUAL),
            pixel: scalar(&outputs, name::PIXEL),
        };
        if self.has_exploded(loss.total, &outputs) {
            return self.go_back();
        }
        self.losses.push(loss);
        if self
            .best
            .as_ref()
            .is_none_or(|(best, _)| loss.total < best.loss.total)
        {
            self.keep(loss, &mut outputs)?;
        }
        let rate = self.schedule.at(self.step) * self.damping;
        self.descend(&outputs, rate);
        self.step += 1;
        if self.step == self.options.steps {
            return Ok(Some(Ending::Complete));
        }
        let stalled = self.stall.stalled(loss.total) && !self.in_shared_part();
        Ok(stalled.then_some(Ending::Stalled))
    }

    /// The number of steps taken.
    pub fn steps_taken(&self) -> usize {
        self.step
    }

    /// The loss of every step that was taken.
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    /// The best code so far; `None` before the first step.
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref().map(|(best, _)| best)
    }

    fn in_shared_part(&self) -> bool {
        (self.step as f32) < SHARED_PART * self.options.steps as f32
    }

    fn evaluate(
        &mut self,
        networks: &mut Networks,
        cancel: &CancelToken,
    ) -> Result<Outputs, Error> {
        let shared = self.exploration_noise() + &self.shared.value;
        let variables = [
            (name::SHARED, shared.view()),
            (name::OFFSETS, self.offsets.value.view()),
        ];
        Ok(networks
            .step
            .run_with(&self.constants, &variables, cancel)?)
    }

    /// Noise of the StyleGAN2 projector's shape: 0.05·max(0, 1 − t/0.75)², here in whitened units.
    fn exploration_noise(&mut self) -> ArrayD<f32> {
        let done = self.step as f32 / self.options.steps.max(1) as f32;
        let strength = self.options.exploration * (1.0 - done / 0.75).max(0.0).powi(2);
        let random = &mut self.random;
        ArrayD::from_shape_simple_fn(self.shared.value.raw_dim(), || {
            let normal: f32 = StandardNormal.sample(random);
            strength * normal
        })
    }

    fn has_exploded(&self, loss: f32, outputs: &Outputs) -> bool {
        let too_large = self
            .best
            .as_ref()
            .is_some_and(|(best, _)| loss > EXPLOSION * best.loss.total);
        !loss.is_finite()
            || too_large
            || !is_finite(outputs, name::GRADIENT_SHARED)
            || !is_finite(outputs, name::GRADIENT_OFFSETS)
    }

    /// After an explosion: back to the best code, on with half the step size.
    fn go_back(&mut self) -> Result<Option<Ending>, Error> {
        let Some((_, snapshot)) = self.best.clone() else {
            return Err(Error::Diverged);
        };
        if self.retries == RETRIES {
            return Ok(Some(Ending::Diverged));
        }
        tracing::warn!(
            step = self.step,
            "the inversion blew up; back to its best code"
        );
        self.retries += 1;
        self.damping *= 0.5;
        self.shared.reset_to(&snapshot.shared);
        self.offsets.reset_to(&snapshot.offsets);
        Ok(None)
    }

    fn keep(&mut self, loss: Loss, outputs: &mut Outputs) -> Result<(), Error> {
        let code = take(outputs, name::CODES)?;
        let picture = take(outputs, name::PICTURE)?;
        let snapshot = Snapshot {
            shared: self.shared.value.clone(),
            offsets: self.offsets.value.clone(),
        };
        self.best = Some((
            Best {
                code,
                picture,
                loss,
            },
            snapshot,
        ));
        Ok(())
    }

    fn descend(&mut self, outputs: &Outputs, learning_rate: f32) {
        if let Some(gradient) = outputs.get(name::GRADIENT_SHARED) {
            self.shared
                .adam
                .step(&mut self.shared.value, gradient, learning_rate);
        }
        if let Some(gradient) = outputs.get(name::GRADIENT_OFFSETS)
            && !self.in_shared_part()
        {
            self.offsets
                .adam
                .step(&mut self.offsets.value, gradient, learning_rate);
        }
    }
}

/// The shared vector and the layers' offsets of a code; zero for the mean face.
fn start_at(
    networks: &Networks,
    init: Option<&Array2<f32>>,
) -> Result<(Variable, Variable), Error> {
    let size = networks.whitening.mean.len();
    let Some(code) = init else {
        return Ok((
            Variable::zeros([1, size]),
            Variable::zeros([networks.layers, size]),
        ));
    };
    if code.shape() != [networks.layers, size] {
        return Err(Error::Shape {
            what: "the code to start at".to_owned(),
            shape: code.shape().to_vec(),
            expected: format!("[{}, {size}]", networks.layers),
        });
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
    Ok((Variable::at(shared), Variable::at(offsets)))
}

fn with_mean_one(importance: Array4<f32>) -> Array4<f32> {
    let mean = importance.mean().unwrap_or(0.0);
    if mean > 0.0 {
        importance / mean
    } else {
        Array4::ones(importance.raw_dim())
    }
}
