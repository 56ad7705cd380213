//! When a search has come to rest.

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
    fn a_falling_loss_is_no_stall_and_a_flat_one_is() {
        let mut detector = StallDetector::new(3, 0.01);
        assert!((0..20).all(|step| !detector.stalled(10.0 * 0.9_f32.powi(step))));
        let flat: Vec<bool> = (0..4).map(|_| detector.stalled(1.35)).collect();
        assert_eq!(flat, [false, false, true, true]);
    }
}
