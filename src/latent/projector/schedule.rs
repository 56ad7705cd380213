//! How the projector's learning rate and its exploration change (Karras et al., CVPR 2020, appendix D).

use std::f64::consts::PI;

/// The part of the steps, at the beginning, in which the learning rate rises.
const RISE: f64 = 0.05;
/// The part of the steps, at the end, in which it falls.
const FALL: f64 = 0.25;
/// The part of the steps, at the beginning, in which the code is perturbed.
const EXPLORATION: f64 = 0.75;

/// The learning rate of step `step` of `steps`, counted from 0: a linear rise from 0, a plateau at
/// `peak`, a fall along a cosine. The first step's is 0.
pub fn learning_rate(peak: f64, step: usize, steps: usize) -> f64 {
    let done = fraction(step, steps);
    let fall = 0.5 - 0.5 * (PI * ((1.0 - done) / FALL).min(1.0)).cos();
    let rise = (done / RISE).min(1.0);
    peak * fall * rise
}

/// How strongly the code is perturbed at step `step` of `steps`, in terms of the deviation of W:
/// `initial · max(0, 1 − t / 0.75)²`.
pub fn exploration(initial: f64, step: usize, steps: usize) -> f64 {
    let left = (1.0 - fraction(step, steps) / EXPLORATION).max(0.0);
    initial * left * left
}

fn fraction(step: usize, steps: usize) -> f64 {
    step as f64 / steps.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_from_zero_holds_and_falls() {
        let rates: Vec<f64> = (0..1000)
            .map(|step| learning_rate(0.1, step, 1000))
            .collect();
        assert_eq!(rates[0], 0.0);
        assert!(rates[..=50].is_sorted());
        assert!(rates[50..750].iter().all(|rate| (rate - 0.1).abs() < 1e-12));
        assert!(rates[750..].windows(2).all(|pair| pair[1] < pair[0]));
        assert!(rates[999] > 0.0 && rates[999] < 1e-5);
    }

    #[test]
    fn exploration_is_over_after_three_quarters() {
        assert_eq!(exploration(0.05, 0, 100), 0.05);
        assert!(exploration(0.05, 74, 100) > 0.0);
        assert_eq!(exploration(0.05, 75, 100), 0.0);
    }
}
