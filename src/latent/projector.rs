//! The projector of StyleGAN2 (Karras et al., CVPR 2020, appendix D), as the reference runs it:
//! the code in W+ *and* the noise maps that make the generator draw a picture.
//!
//! The loss is a perceptual distance ([`Lpips`](super::Lpips)), a squared difference of pixels, and a
//! regularisation of the noise. It starts from the mean of W and explores with noise on the code.
//! For photos in the editor, [`inversion`](super::inversion) stays nearer to what the generator draws
//! well; the projector is for results that agree with the published ones.

mod objective;
mod regularisation;
mod schedule;

use ndarray::{Array1, Array4, ArrayD, ArrayView2, Axis, IxDyn, arr0};

use super::Error;
use super::optimise::{self, Optimiser, Variable};
use super::terms::{scalar, session};
use crate::networks::source::name as generator_name;
use crate::networks::{GeneratorNetworks, GeneratorSpec};
use crate::runtime::{CancelToken, Outputs, Runtime, Session};
use objective::name;

pub use objective::{Objective, feature_graph, step_graph};
pub use regularisation::{Regularisation, append_regularisation};
pub use schedule::{exploration, learning_rate};

/// Weights of the terms of the loss. The perceptual term has weight 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Of the noise regularisation.
    pub noise: f32,
    /// Of the mean squared difference of pixels in [-1, 1].
    pub pixel: f32,
}

impl Weights {
    /// The defaults of the reference's command line.
    pub const COMMAND_LINE: Self = Self {
        noise: 1e4,
        pixel: 5e-2,
    };
    /// The defaults of the reference's class, which its other scripts run with.
    pub const CLASS: Self = Self {
        noise: 1e5,
        pixel: 5e5,
    };
}

/// What the user may choose about a projection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The number of steps.
    pub steps: usize,
    /// The learning rate of the plateau.
    pub learning_rate: f64,
    /// Weights of the loss.
    pub weights: Weights,
    /// How strongly the code is perturbed in the first steps, in terms of the deviation of W.
    pub exploration: f64,
    /// Seeds that noise.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            steps: 1000,
            learning_rate: 0.1,
            weights: Weights::COMMAND_LINE,
            exploration: 0.05,
            seed: 0,
        }
    }
}

/// Where W lies and how wide it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// The mean of W, `[n]`.
    pub mean: Array1<f32>,
    /// The root of the mean squared distance from it (all components together, not one).
    pub deviation: f64,
}

impl Statistics {
    /// Measures samples of W, `[m, n]`; the reference takes 10 000.
    pub fn measure(codes: ArrayView2<'_, f32>) -> Self {
        // What the reference adds under the root.
        const LEAST: f64 = 1e-8;
        let codes = codes.mapv(f64::from);
        let mean = codes.mean_axis(Axis(0)).unwrap_or_default();
        let squares = (&codes - &mean).mapv(|difference| difference * difference);
        let variance = squares.sum() / codes.nrows().max(1) as f64;
        Self {
            mean: mean.mapv(|mean| mean as f32),
            deviation: (variance + LEAST).sqrt(),
        }
    }
}

/// The two networks of a projection, loaded.
pub struct Networks {
    features: Session,
    step: Session,
    /// The code and the noise maps: name and shape.
    variables: Vec<(String, Vec<usize>)>,
}

impl Networks {
    /// Builds and loads the graphs for a generator and an objective.
    ///
    /// # Errors
    /// As [`step_graph`]; [`Error::Runtime`].
    pub fn load(
        runtime: &Runtime,
        generator: &GeneratorNetworks,
        objective: &Objective<'_>,
    ) -> Result<Self, Error> {
        let features = feature_graph(objective, generator.spec.resolution)?;
        let step = step_graph(generator, objective)?;
        Ok(Self {
            features: session(runtime, &features)?,
            step: session(runtime, &step)?,
            variables: variables(&generator.spec),
        })
    }
}

/// The loss of one step.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Loss {
    /// The sum of all terms.
    pub total: f32,
    /// The perceptual distance.
    pub perceptual: f32,
    /// The mean squared difference of pixels, times its weight.
    pub pixel: f32,
    /// The noise regularisation, times its weight.
    pub noise: f32,
    /// The learning rate of the step.
    pub learning_rate: f64,
}

impl optimise::Loss for Loss {
    fn total(&self) -> f32 {
        self.total
    }
}

/// What a projection makes small: an [`Objective`], weighted.
pub struct Projecting {
    options: Options,
    /// Of W.
    deviation: f64,
}

/// A projection under way.
pub type Projector = Optimiser<Projecting>;

impl optimise::Objective for Projecting {
    type Dim = IxDyn;
    type Networks = Networks;
    type Loss = Loss;
    const BETAS: (f64, f64) = (0.9, 0.999);

    fn network(networks: &mut Networks) -> &mut Session {
        &mut networks.step
    }

    fn learning_rate(&self, step: usize) -> f64 {
        learning_rate(self.options.learning_rate, step, self.options.steps)
    }

    fn loss(&self, outputs: &Outputs, step: usize) -> Loss {
        Loss {
            total: scalar(outputs, name::TOTAL),
            perceptual: scalar(outputs, name::PERCEPTUAL),
            pixel: scalar(outputs, name::PIXEL),
            noise: scalar(outputs, name::NOISE),
            learning_rate: self.learning_rate(step),
        }
    }

    fn exploration(&self, step: usize) -> f32 {
        let factor = exploration(self.options.exploration, step, self.options.steps);
        (factor * self.deviation) as f32
    }

    fn settle(map: &mut ArrayD<f32>) {
        normalise(map);
    }
}

impl Projector {
    /// Begins at the mean of W, repeated for every layer, with these noise maps `[1, 1, r, r]`.
    ///
    /// `target` is `[1, 3, R, R]`, RGB in [-1, 1], of the generator's size.
    ///
    /// # Errors
    /// [`Error::Shape`] for noise maps or statistics of another generator; what ONNX Runtime says when
    /// it computes the target's features, also when the target has another size.
    pub fn start(
        networks: &mut Networks,
        target: Array4<f32>,
        noise: Vec<ArrayD<f32>>,
        statistics: &Statistics,
        options: Options,
        cancel: &CancelToken,
    ) -> Result<Self, Error> {
        let mut variables = networks.variables.iter();
        let (code_name, code_shape) = variables.next().ok_or_else(|| Error::Shape {
            what: "the generator's list of inputs".to_owned(),
            shape: vec![0],
            expected: "one with codes".to_owned(),
        })?;
        let code = statistics.mean.broadcast(code_shape.as_slice());
        let code = code.ok_or_else(|| Error::Shape {
            what: "the mean of W".to_owned(),
            shape: statistics.mean.shape().to_vec(),
            expected: format!("[n], for codes {code_shape:?}"),
        })?;
        if variables.len() != noise.len() {
            return Err(Error::Shape {
                what: "the list of noise maps".to_owned(),
                shape: vec![noise.len()],
                expected: format!("[{}]", variables.len()),
            });
        }
        let variable = |name: &str, value| Variable::new(name, &name::gradient(name), value);
        let code = variable(code_name, code.to_owned());
        let noise = variables
            .zip(noise)
            .map(|((name, shape), map)| {
                if map.shape() == shape.as_slice() {
                    return Ok(variable(name, map));
                }
                Err(Error::Shape {
                    what: format!("the noise map '{name}'"),
                    shape: map.shape().to_vec(),
                    expected: format!("{shape:?}"),
                })
            })
            .collect::<Result<_, _>>()?;
        let target = target.into_dyn();
        let mut constants = networks
            .features
            .run(&[(name::TARGET, target.view())], cancel)?;
        constants.insert(name::TARGET.to_owned(), target);
        let Weights {
            noise: regularisation,
            pixel,
        } = options.weights;
        for (name, weight) in [
            (name::NOISE_WEIGHT, regularisation),
            (name::PIXEL_WEIGHT, pixel),
        ] {
            constants.insert(name.to_owned(), arr0(weight).into_dyn());
        }
        let deviation = statistics.deviation;
        let objective = Projecting { options, deviation };
        let Options { steps, seed, .. } = options;
        Ok(Self::new(objective, steps, constants, code, noise, seed))
    }

    /// The noise maps after the last step, `[1, 1, r, r]` each.
    pub fn noise(&self) -> Vec<&ArrayD<f32>> {
        self.others.iter().map(|map| &map.value).collect()
    }

    /// The gradients that the last step followed: of the code, then of each noise map.
    pub fn gradients(&self) -> &[ArrayD<f32>] {
        &self.gradients
    }
}

/// What the projector moves: names and shapes of the code and of the noise maps.
fn variables(spec: &GeneratorSpec) -> Vec<(String, Vec<usize>)> {
    let maps = spec.noise_resolutions_px.iter().enumerate();
    let maps = maps.map(|(index, &side)| (generator_name::noise(index), vec![1, 1, side, side]));
    let code = (
        generator_name::CODES.to_owned(),
        vec![spec.layers, spec.code_size],
    );
    std::iter::once(code).chain(maps).collect()
}

/// Brings a noise map to zero mean and unit variance.
fn normalise(map: &mut ArrayD<f32>) {
    // What the reference adds under the root.
    const LEAST: f32 = 1e-8;
    *map -= map.mean().unwrap_or(0.0);
    let mean_square = map.iter().map(|value| value * value).sum::<f32>() / map.len().max(1) as f32;
    *map /= (mean_square + LEAST).sqrt();
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, array};

    use super::*;

    #[test]
    fn a_normalised_map_has_no_mean_and_unit_variance() {
        let mut map = arr1(&[1.0_f32, 2.0, 3.0, 6.0]).into_dyn();
        normalise(&mut map);
        assert!(map.sum().abs() < 1e-5);
        assert!((map.mapv(|x| x * x).mean().unwrap() - 1.0).abs() < 1e-5);
        let mut flat = ArrayD::from_elem(vec![1, 1, 4, 4], 3.0_f32);
        normalise(&mut flat);
        assert!(flat.iter().all(|&value| value == 0.0));
    }

    #[test]
    fn the_deviation_is_that_of_whole_codes() {
        let statistics = Statistics::measure(array![[1.0, 5.0], [3.0, 1.0]].view());
        assert_eq!(statistics.mean, arr1(&[2.0, 3.0]));
        assert!((statistics.deviation - 5.0_f64.sqrt()).abs() < 1e-6);
    }
}
