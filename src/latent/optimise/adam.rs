//! The optimiser Adam.

use ndarray::{Array, ArrayD, Dimension, Zip};

/// Adam (Kingma & Ba, ICLR 2015) on one array, with bias correction and ε = 1e-8.
#[derive(Debug, Clone)]
pub struct Adam {
    beta1: f64,
    beta2: f64,
    step: i32,
    first_moment: ArrayD<f32>,
    second_moment: ArrayD<f32>,
}

impl Adam {
    /// An optimiser for an array of this shape that has not taken a step yet.
    pub fn new(shape: &[usize], beta1: f64, beta2: f64) -> Self {
        Self {
            beta1,
            beta2,
            step: 0,
            first_moment: ArrayD::zeros(shape),
            second_moment: ArrayD::zeros(shape),
        }
    }

    /// Takes one step against the gradient. All arrays have the shape given to [`new`](Self::new).
    pub fn step<D: Dimension>(
        &mut self,
        variable: &mut Array<f32, D>,
        gradient: &ArrayD<f32>,
        learning_rate: f32,
    ) {
        const EPSILON: f32 = 1e-8;
        self.step += 1;
        // In single precision 1 − 0.999 is already wrong in the fifth digit.
        let gain = |beta: f64| (1.0 - beta) as f32;
        let (gain1, gain2) = (gain(self.beta1), gain(self.beta2));
        let (beta1, beta2) = (self.beta1 as f32, self.beta2 as f32);
        let correction = |beta: f64| 1.0 - beta.powi(self.step);
        let step_size = (f64::from(learning_rate) / correction(self.beta1)) as f32;
        let root_correction = correction(self.beta2).sqrt() as f32;
        Zip::from(variable.view_mut().into_dyn())
            .and(gradient)
            .and(&mut self.first_moment)
            .and(&mut self.second_moment)
            .for_each(|x, &g, m, v| {
                *m = beta1 * *m + gain1 * g;
                *v = beta2 * *v + gain2 * g * g;
                *x -= step_size * *m / (v.sqrt() / root_correction + EPSILON);
            });
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::*;

    #[test]
    fn the_first_step_is_as_long_as_the_learning_rate_whatever_the_gradient() {
        let mut x = arr1(&[1.0_f32, 1.0, 1.0]).into_dyn();
        let gradient = arr1(&[1e-3_f32, -5.0, 0.0]).into_dyn();
        Adam::new(&[3], 0.9, 0.999).step(&mut x, &gradient, 0.1);
        for (found, expected) in x.iter().zip([0.9, 1.1, 1.0]) {
            assert!((found - expected).abs() < 1e-5, "{x}");
        }
    }

    #[test]
    fn a_quadratic_is_minimised() {
        let target = arr1(&[3.0_f32, -2.0]).into_dyn();
        let mut x = ArrayD::zeros(vec![2]);
        let mut adam = Adam::new(&[2], 0.9, 0.99);
        for _ in 0..500 {
            let gradient = (&x - &target) * 2.0;
            adam.step(&mut x, &gradient, 0.05);
        }
        assert!((&x - &target).iter().all(|d: &f32| d.abs() < 1e-2), "{x}");
    }
}
