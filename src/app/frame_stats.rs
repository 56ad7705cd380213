//! How long frames keep the window's thread.

use std::time::Duration;

/// Durations of the window's own work in its frames.
#[derive(Debug, Clone, Default)]
pub struct FrameStats {
    recent: Vec<Duration>,
    longest: Duration,
    frames: u64,
}

impl FrameStats {
    const RECENT: usize = 600;

    /// A frame took so long.
    pub fn note(&mut self, took: Duration) {
        if self.recent.len() == Self::RECENT {
            self.recent.remove(0);
        }
        self.recent.push(took);
        self.longest = self.longest.max(took);
        self.frames += 1;
    }

    /// The longest frame since the start or the last [`reset`](Self::reset).
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// Frames since the start or the last [`reset`](Self::reset).
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The median of the last ten seconds or so; zero before the first frame.
    pub fn median(&self) -> Duration {
        let mut sorted = self.recent.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    /// Forgets all.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_of_three_frames() {
        let mut stats = FrameStats::default();
        for ms in [3, 40, 5] {
            stats.note(Duration::from_millis(ms));
        }
        assert_eq!(stats.median(), Duration::from_millis(5));
        assert_eq!(stats.longest(), Duration::from_millis(40));
        assert_eq!(stats.frames(), 3);
    }
}
