//! How the inversion's step size changes.

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
}
