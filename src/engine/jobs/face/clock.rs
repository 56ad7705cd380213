//! How long the stages of a face take.

use std::time::Instant;

/// Seconds spent in each stage, in the order of the work.
pub type TimedStages = Vec<(&'static str, f64)>;

/// Seconds from one stage to the next.
pub(super) struct Clock<'a> {
    seconds: &'a mut TimedStages,
    begun: Instant,
}

impl<'a> Clock<'a> {
    pub fn start(seconds: &'a mut TimedStages) -> Self {
        Self {
            seconds,
            begun: Instant::now(),
        }
    }

    pub fn lap(&mut self, stage: &'static str) {
        self.seconds
            .push((stage, self.begun.elapsed().as_secs_f64()));
        self.begun = Instant::now();
    }
}
