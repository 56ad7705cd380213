//! How the inversion's step size changes, and when it has come to rest.

/// The learning rate over the steps: a short rise, a plateau, a fall to zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The learning rate of the plateau.
    pub learning_rate: f32,
    /// The number of steps in all.
    pub steps: usize,
}

/// Steps of the rise.
const RISE_STEPS: f32 = 5.0;
/// The last part of the steps, in which the rate falls.
const FALL: f32 = 0.4;

impl Schedule {
    /// The learning rate of step `step`, counted from 0.
    pub fn at(&self, step: usize) -> f32 {
        let done = step as f32 / self.steps.max(1) as f32;
        let rise = ((step + 1) as f32 / RISE_STEPS).min(1.0);
        let fall = ((1.0 - done) / FALL).clamp(0.0, 1.0);
        self.learning_rate * rise * fall
    }
}

/// Notices that a loss has stopped falling.
#[derive(Debug, Clone)]
pub struct StallDetector {
    patience: usize,
    least_gain: f32,
    best: f32,
    since: usize,
}

impl StallDetector {
    /// Calls it a stall when the best loss has not fallen by the fraction `least_gain` during
    /// `patience` steps.
    pub fn new(patience: usize, least_gain: f32) -> Self {
        Self {
            patience,
            least_gain,
            best: f32::INFINITY,
            since: 0,
        }
    }

    /// Takes the loss of one step; `true` when the loss has stalled.
    pub fn stalled(&mut self, loss: f32) -> bool {
        if loss < self.best * (1.0 - self.least_gain) || self.best.is_infinite() {
            self.best = loss;
            self.since = 0;
        } else {
            self.since += 1;
        }
        self.since >= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_holds_and_falls() {
        let schedule = Schedule {
            learning_rate: 0.1,
            steps: 100,
        };
        let rates: Vec<f32> = (0..100).map(|step| schedule.at(step)).collect();
        assert!((rates[0] - 0.02).abs() < 1e-6);
        assert!(rates[5..60].iter().all(|rate| (rate - 0.1).abs() < 1e-6));
        assert!(rates[60..].windows(2).all(|pair| pair[1] < pair[0]));
        assert!(rates[99] > 0.0 && rates[99] < 0.01);
    }

    #[test]
    fn a_falling_loss_is_no_stall_and_a_flat_one_is() {
        let mut detector = StallDetector::new(3, 0.01);
        assert!((0..20).all(|step| !detector.stalled(10.0 * 0.9_f32.powi(step))));
        let flat: Vec<bool> = (0..4).map(|_| detector.stalled(1.35)).collect();
        assert_eq!(flat, [false, false, true, true]);
    }
}
