//! Diffusion: a latent code for a picture that was edited inside a mask, so that what the generator
//! draws agrees with the picture around the edit (the paper's "diffuse" method; its second training
//! step uses it as well).
//!
//! The edited portrait is pasted into the photo under a hard mask; then the code is moved until the
//! generator draws the photo *outside* the soft mask. Inside, pixels are free, and only the features
//! of a perceptual network hold them. Loss and gradient are one ONNX graph ([`step_graph`]), Adam is
//! ours, and the work is cut into steps.

mod objective;

use std::sync::Arc;

use ndarray::{Array2, Array4, ArrayD, arr0};

use super::inversion::Ending;
use super::terms::{input_shape, is_finite, scalar, session, take};
use super::{Adam, Error};
use crate::graph::Graph;
use crate::runtime::{CancelToken, Constants, Outputs, Runtime, Session};
use objective::name;

pub use objective::{Variable, feature_graph, step_graph};

/// How often a diffusion that blew up goes back to its best code with half the step size.
const RETRIES: usize = 3;
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
    /// As published for single photos.
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

/// The best code so far.
#[derive(Debug, Clone)]
pub struct Best {
    /// The code, of the shape of the variable.
    pub code: Array2<f32>,
    /// What the generator draws for it, `[1, 3, R, R]` in about [-1, 1].
    pub picture: Array4<f32>,
    /// Its loss.
    pub loss: Loss,
}

/// A diffusion under way.
pub struct Diffusion {
    options: Options,
    /// The target, its features and weights.
    constants: Arc<Constants>,
    code: Array2<f32>,
    adam: Adam,
    damping: f32,
    retries: usize,
    losses: Vec<Loss>,
    gradient: Option<ArrayD<f32>>,
    best: Option<Best>,
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
            let [rows, size] = networks.code_shape;
            return Err(Error::Shape {
                what: "the code to start at".to_owned(),
                shape: init.shape().to_vec(),
                expected: format!("[{rows}, {size}]"),
            });
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
        let constants = constants.map(|(name, array)| (name.to_owned(), array));
        Ok(Self {
            options,
            constants: Arc::new(Constants::from(constants)),
            adam: adam(&networks.code_shape),
            code: init,
            damping: 1.0,
            retries: 0,
            losses: Vec::new(),
            gradient: None,
            best: None,
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
        if self.steps_taken() >= self.options.steps {
            return Ok(Some(Ending::Complete));
        }
        let mut outputs = self.evaluate(networks, cancel)?;
        let loss = Loss {
            pixel: scalar(&outputs, name::PIXEL),
            feature: scalar(&outputs, name::FEATURE),
            total: scalar(&outputs, name::TOTAL),
        };
        if self.has_exploded(loss, &outputs) {
            return self.go_back();
        }
        self.losses.push(loss);
        let least = self.best.as_ref().map(|best| best.loss.total);
        if least.is_none_or(|least| loss.total < least) {
            self.best = Some(Best {
                code: self.code.clone(),
                picture: take(&mut outputs, name::PICTURE)?,
                loss,
            });
        }
        self.gradient = outputs.remove(name::GRADIENT);
        if let Some(gradient) = &self.gradient {
            let rate = self.options.learning_rate * self.damping;
            self.adam.step(&mut self.code, gradient, rate);
        }
        let is_last = self.steps_taken() == self.options.steps;
        Ok(is_last.then_some(Ending::Complete))
    }

    /// The number of steps taken.
    pub fn steps_taken(&self) -> usize {
        self.losses.len()
    }

    /// The loss of every step, each before the step's update of the code.
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    /// The code after the last update, of the shape of the variable. No loss is known for it yet.
    pub fn code(&self) -> &Array2<f32> {
        &self.code
    }

    /// The gradient that the last step followed; `None` before the first.
    pub fn gradient(&self) -> Option<&ArrayD<f32>> {
        self.gradient.as_ref()
    }

    /// The code with the least loss so far; `None` before the first step.
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// Draws the code as it is now, `[1, 3, R, R]`, in about [-1, 1].
    ///
    /// # Errors
    /// [`Error::Runtime`], also when cancelled.
    pub fn draw(
        &self,
        networks: &mut Networks,
        cancel: &CancelToken,
    ) -> Result<Array4<f32>, Error> {
        take(&mut self.evaluate(networks, cancel)?, name::PICTURE)
    }

    fn evaluate(&self, networks: &mut Networks, cancel: &CancelToken) -> Result<Outputs, Error> {
        let code = [(name::CODE, self.code.view().into_dyn())];
        Ok(networks.step.run_with(&self.constants, &code, cancel)?)
    }

    fn has_exploded(&self, loss: Loss, outputs: &Outputs) -> bool {
        let best = self.best.as_ref().map(|best| best.loss.total);
        let is_much_worse = best.is_some_and(|best| loss.total > EXPLOSION * best);
        !loss.total.is_finite()
            || (is_much_worse && loss.pixel > EXPLODED_PIXELS)
            || !is_finite(outputs, name::GRADIENT)
    }

    /// After an explosion: back to the best code, on with half the step size.
    fn go_back(&mut self) -> Result<Option<Ending>, Error> {
        let Some(best) = &self.best else {
            return Err(Error::Diverged);
        };
        self.code.clone_from(&best.code);
        if self.retries == RETRIES {
            return Ok(Some(Ending::Diverged));
        }
        tracing::warn!(
            step = self.losses.len(),
            "the diffusion blew up; back to its best code"
        );
        self.retries += 1;
        self.damping *= 0.5;
        self.adam = adam(self.code.shape());
        Ok(None)
    }
}

fn adam(shape: &[usize]) -> Adam {
    Adam::new(shape, 0.9, 0.999)
}
