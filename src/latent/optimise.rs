//! The optimiser of all searches for codes: Adam along the gradient of an [`Objective`], cut into steps so
//! that one thread can serve the window between them.
//!
//! What becomes of a search that blew up, how the best code is kept, when a search has come to rest, and how
//! it is cancelled is decided here for all of them.

mod adam;
mod stall;

use std::sync::Arc;

use ndarray::{Array, Array4, ArrayD, Dimension};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

pub use adam::Adam;
pub use stall::StallDetector;

use super::Error;
use super::terms::{is_finite, take};
use crate::runtime::{CancelToken, Constants, Outputs, Session};

/// How often a search that blew up goes back to its best code with half the step size.
const RETRIES: usize = 3;
/// The output of every step's network that is the generated picture.
pub(crate) const PICTURE: &str = "picture";

/// What an [`Optimiser`] makes small, and how.
pub trait Objective: Send + 'static {
    /// The axes of its variables.
    type Dim: Dimension;
    /// The networks that compute it, loaded.
    type Networks: Send;
    /// Its value, term by term.
    type Loss: Loss;
    /// β₁ and β₂ of [`Adam`].
    const BETAS: (f64, f64);
    /// Calls it rest when the loss has not fallen by this part in so many steps, if it ends early at all.
    const REST: Option<(usize, f32)> = None;

    /// The network of one step: from the variables to the loss, the picture and the gradients.
    fn network(networks: &mut Self::Networks) -> &mut Session;

    /// The learning rate of a step, counted from 0.
    fn learning_rate(&self, step: usize) -> f64;

    /// The loss that the network of this step has computed.
    fn loss(&self, outputs: &Outputs, step: usize) -> Self::Loss;

    /// The standard deviation of the noise on the first variable in this step, which keeps the search from
    /// the nearest hollow.
    fn exploration(&self, _step: usize) -> f32 {
        0.0
    }

    /// Does this variable move in this step, or later?
    fn moves(&self, _variable: usize, _step: usize) -> bool {
        true
    }

    /// Is a finite loss so much worse than the best one that the search has blown up?
    fn is_explosion(_loss: &Self::Loss, _best: &Self::Loss) -> bool {
        false
    }

    /// The code that was drawn: the first variable, if the network yields no other.
    ///
    /// # Errors
    /// [`Error::Shape`] for a network that yields something else.
    fn code(
        first: &Array<f32, Self::Dim>,
        _outputs: &mut Outputs,
    ) -> Result<Array<f32, Self::Dim>, Error> {
        Ok(first.clone())
    }

    /// Brings variables other than the first, which have moved, back to where they may be.
    fn settle(_other: &mut Array<f32, Self::Dim>) {}
}

/// The value of an objective.
pub trait Loss: Copy + Send + 'static {
    /// What is made small: the sum of its terms.
    fn total(&self) -> f32;
}

/// What an optimiser moves.
#[derive(Debug, Clone)]
pub struct Variable<D: Dimension> {
    name: String,
    gradient: String,
    pub(super) value: Array<f32, D>,
    adam: Option<Adam>,
}

impl<D: Dimension> Variable<D> {
    /// The network's input `name` with its output `gradient`, at the value to start at.
    pub(super) fn new(name: &str, gradient: &str, value: Array<f32, D>) -> Self {
        Self {
            name: name.to_owned(),
            gradient: gradient.to_owned(),
            value,
            adam: None,
        }
    }
}

/// The best code so far.
#[derive(Debug, Clone)]
pub struct Best<D: Dimension, L> {
    /// The code.
    pub code: Array<f32, D>,
    /// What the generator draws for it, `[1, 3, height, width]` in about [-1, 1].
    pub picture: Array4<f32>,
    /// Its loss.
    pub loss: L,
    /// The variables that made it, to go back to.
    variables: Vec<Array<f32, D>>,
}

/// The best code of an objective.
pub type BestOf<O> = Best<<O as Objective>::Dim, <O as Objective>::Loss>;

/// Why a search ended.
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

/// A search under way.
pub struct Optimiser<O: Objective> {
    objective: O,
    steps: usize,
    /// The inputs of every step's network that are no variables.
    constants: Arc<Constants>,
    pub(super) first: Variable<O::Dim>,
    pub(super) others: Vec<Variable<O::Dim>>,
    random: ChaCha8Rng,
    stall: Option<StallDetector>,
    losses: Vec<O::Loss>,
    pub(super) gradients: Vec<ArrayD<f32>>,
    best: Option<BestOf<O>>,
    retries: usize,
    damping: f32,
}

impl<O: Objective> Optimiser<O> {
    /// Begins at the values of the variables; takes no more than so many steps. `seed` is that of the
    /// exploration.
    pub(super) fn new(
        objective: O,
        steps: usize,
        constants: Constants,
        first: Variable<O::Dim>,
        others: Vec<Variable<O::Dim>>,
        seed: u64,
    ) -> Self {
        Self {
            objective,
            steps,
            constants: Arc::new(constants),
            first,
            others,
            random: ChaCha8Rng::seed_from_u64(seed),
            stall: O::REST.map(|(patience, least)| StallDetector::new(patience, least)),
            losses: Vec::new(),
            gradients: Vec::new(),
            best: None,
            retries: 0,
            damping: 1.0,
        }
    }

    /// Takes one step. `Some` when it was the last.
    ///
    /// # Errors
    /// [`Error::Diverged`] when even the first step yields no finite loss; [`Error::Runtime`], also
    /// when cancelled. The best code so far stays available.
    pub fn step(
        &mut self,
        networks: &mut O::Networks,
        cancel: &CancelToken,
    ) -> Result<Option<Ending>, Error> {
        let step = self.losses.len();
        if step >= self.steps {
            return Ok(Some(Ending::Complete));
        }
        let explored = self.explored(step);
        let first = explored.as_ref().unwrap_or(&self.first.value);
        let mut outputs = self.evaluate(networks, first, cancel)?;
        let loss = self.objective.loss(&outputs, step);
        if self.has_exploded(&loss, &outputs) {
            return self.go_back();
        }
        self.losses.push(loss);
        let best = self.best().map(|best| best.loss.total());
        if best.is_none_or(|best| loss.total() < best) {
            self.keep(loss, &mut outputs)?;
        }
        self.descend(step, &mut outputs);
        let step = step + 1;
        if step == self.steps {
            return Ok(Some(Ending::Complete));
        }
        let is_at_rest = (self.stall.as_mut()).is_some_and(|stall| stall.stalled(loss.total()))
            && (0..=self.others.len()).all(|variable| self.objective.moves(variable, step));
        Ok(is_at_rest.then_some(Ending::Stalled))
    }

    /// The greatest number of steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The number of steps taken.
    pub fn steps_taken(&self) -> usize {
        self.losses.len()
    }

    /// The loss of every step, each before the step's update of the variables.
    pub fn losses(&self) -> &[O::Loss] {
        &self.losses
    }

    /// The code with the least loss so far; `None` before the first step.
    pub fn best(&self) -> Option<&BestOf<O>> {
        self.best.as_ref()
    }

    /// Draws the variables as they are now, `[1, 3, height, width]`, in about [-1, 1].
    ///
    /// # Errors
    /// [`Error::Runtime`], also when cancelled.
    pub fn draw(
        &self,
        networks: &mut O::Networks,
        cancel: &CancelToken,
    ) -> Result<Array4<f32>, Error> {
        take(&mut self.evaluate(networks, self.code(), cancel)?, PICTURE)
    }

    /// The first variable after the last step: the code, where that is what moves.
    pub fn code(&self) -> &Array<f32, O::Dim> {
        &self.first.value
    }

    fn variables(&self) -> impl Iterator<Item = &Variable<O::Dim>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn variables_mut(&mut self) -> impl Iterator<Item = &mut Variable<O::Dim>> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }

    /// Runs the network of a step, with `first` in the first variable's place.
    fn evaluate(
        &self,
        networks: &mut O::Networks,
        first: &Array<f32, O::Dim>,
        cancel: &CancelToken,
    ) -> Result<Outputs, Error> {
        let mut inputs = vec![(self.first.name.as_str(), first.view().into_dyn())];
        let others = self.others.iter();
        inputs.extend(others.map(|other| (other.name.as_str(), other.value.view().into_dyn())));
        Ok(O::network(networks).run_with(&self.constants, &inputs, cancel)?)
    }

    /// The first variable with the step's noise on it, if there is any.
    fn explored(&mut self, step: usize) -> Option<Array<f32, O::Dim>> {
        let deviation = self.objective.exploration(step);
        if deviation <= 0.0 {
            return None;
        }
        let mut value = self.first.value.clone();
        for component in &mut value {
            let normal: f32 = StandardNormal.sample(&mut self.random);
            *component += deviation * normal;
        }
        Some(value)
    }

    fn has_exploded(&self, loss: &O::Loss, outputs: &Outputs) -> bool {
        let mut gradients = self.variables().map(|variable| &variable.gradient);
        !loss.total().is_finite()
            || self
                .best()
                .is_some_and(|best| O::is_explosion(loss, &best.loss))
            || !gradients.all(|gradient| is_finite(outputs, gradient))
    }

    /// After an explosion: back to the best code, on with half the step size.
    fn go_back(&mut self) -> Result<Option<Ending>, Error> {
        let best = self.best().ok_or(Error::Diverged)?;
        let values = best.variables.clone();
        for (variable, value) in self.variables_mut().zip(values) {
            *variable = Variable::new(&variable.name, &variable.gradient, value);
        }
        if self.retries == RETRIES {
            return Ok(Some(Ending::Diverged));
        }
        let step = self.losses.len();
        tracing::warn!(step, "the search blew up; back to its best code");
        self.retries += 1;
        self.damping *= 0.5;
        Ok(None)
    }

    fn keep(&mut self, loss: O::Loss, outputs: &mut Outputs) -> Result<(), Error> {
        let variables = self.variables().map(|variable| variable.value.clone());
        self.best = Some(Best {
            variables: variables.collect(),
            code: O::code(self.code(), outputs)?,
            picture: take(outputs, PICTURE)?,
            loss,
        });
        Ok(())
    }

    fn descend(&mut self, step: usize, outputs: &mut Outputs) {
        let rate = self.objective.learning_rate(step) as f32 * self.damping;
        self.gradients.clear();
        let variables = std::iter::once(&mut self.first).chain(&mut self.others);
        for (index, variable) in variables.enumerate() {
            let Some(gradient) = outputs.remove(&variable.gradient) else {
                continue;
            };
            if self.objective.moves(index, step) {
                let (beta1, beta2) = O::BETAS;
                let Variable { value, adam, .. } = variable;
                adam.get_or_insert_with(|| Adam::new(value.shape(), beta1, beta2))
                    .step(value, &gradient, rate);
            }
            self.gradients.push(gradient);
        }
        let others = self.others.iter_mut();
        others.for_each(|other| O::settle(&mut other.value));
    }
}
