//! What the faces of a photo add to one of its pixels, and how it is added.

use std::cmp::Ordering;

/// One channel's value of a photo.
pub(super) trait Sample: Copy + Send + Sync {
    /// The value in 0..=1.
    fn level(self) -> f32;
    /// The value after adding `difference`, for which 1 is the whole range.
    fn shifted(self, difference: f32) -> Self;
}

impl Sample for u8 {
    fn level(self) -> f32 {
        f32::from(self) / 255.0
    }

    fn shifted(self, difference: f32) -> Self {
        // The cast cuts and saturates, so that half a level more rounds.
        (f32::from(self) + difference * 255.0 + 0.5) as Self
    }
}

impl Sample for u16 {
    fn level(self) -> f32 {
        f32::from(self) / 65535.0
    }

    fn shifted(self, difference: f32) -> Self {
        (f32::from(self) + difference * 65535.0 + 0.5) as Self
    }
}

/// Four stops over white, which no skin is.
const MOST: f32 = 16.0;

impl Sample for f32 {
    /// What is far beyond white counts as less, so that arithmetic with it stays finite.
    fn level(self) -> f32 {
        self.clamp(-MOST, MOST)
    }

    fn shifted(self, difference: f32) -> Self {
        self + difference
    }
}

/// One face's part in a pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    /// The mask, more than 0 and up to 1: the weight of the face.
    pub opacity: f32,
    /// What the face alone would add, weighted by its opacity.
    pub shift: [f32; 3],
}

/// What all faces together add to a pixel; `None` where there is no face. A single face adds its shift
/// as it is. Weights of several are divided by their sum where that is more than 1. The order of the
/// shares makes no difference, not even in rounding; it is lost.
pub(super) fn total_shift(shares: &mut [Share]) -> Option<[f32; 3]> {
    match shares {
        [] => None,
        [only] => Some(only.shift),
        several => {
            several.sort_unstable_by(Share::by_value);
            let mut opacity = 0.0;
            let mut shift = [0.0; 3];
            for share in several {
                opacity += share.opacity;
                for (sum, value) in shift.iter_mut().zip(share.shift) {
                    *sum += value;
                }
            }
            Some(shift.map(|sum| sum / opacity.max(1.0)))
        }
    }
}

impl Share {
    /// Any total order of values will do: it only fixes the order of a sum.
    fn by_value(&self, other: &Self) -> Ordering {
        let pairs = self.shift.iter().zip(&other.shift);
        let by_shift = pairs.map(|(a, b)| a.total_cmp(b));
        by_shift.fold(self.opacity.total_cmp(&other.opacity), Ordering::then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(opacity: f32, shift: f32) -> Share {
        Share {
            opacity,
            shift: [opacity * shift; 3],
        }
    }

    #[test]
    fn weights_sum_to_at_most_one() {
        assert_eq!(total_shift(&mut []), None);
        assert_eq!(total_shift(&mut [share(0.3, 0.5)]), Some([0.15; 3]));
        // Below 1 each counts as much as alone.
        assert_eq!(
            total_shift(&mut [share(0.25, 0.5), share(0.5, 0.25)]),
            Some([0.25; 3])
        );
        // Two full ones count half each, and a change that both make is made once.
        assert_eq!(
            total_shift(&mut [share(1.0, 0.5), share(1.0, -0.25)]),
            Some([0.125; 3])
        );
        assert_eq!(
            total_shift(&mut [share(1.0, 0.5), share(1.0, 0.5)]),
            Some([0.5; 3])
        );
    }
}
