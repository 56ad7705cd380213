//! Which keyframes stand for a place of the slider.

/// Which two keyframes stand for an amount.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blend {
    pub first: usize,
    pub other: usize,
    /// Of both differences, then of both opacities.
    pub weights: [f32; 4],
}

impl Blend {
    /// For keyframes in ascending order. The amount 0 is a keyframe that changes nothing; its
    /// opacity is that of its neighbour, so that the change grows steadily from there.
    pub fn at(amounts: impl Iterator<Item = f32>, amount: f32) -> Option<Self> {
        let numbered: Vec<(usize, f32)> = amounts.enumerate().collect();
        let amount = match amount.is_finite() {
            true => amount,
            false => 0.0,
        };
        // On the amount's side of 0, from 0 outwards.
        let is_beside = |other: f32| other * amount > 0.0;
        let mut below: Option<(usize, f32)> = None;
        let mut above: Option<(usize, f32)> = None;
        for (index, other) in numbered.iter().copied().filter(|(_, a)| is_beside(*a)) {
            if other.abs() <= amount.abs() {
                below = below
                    .filter(|(_, best)| best.abs() >= other.abs())
                    .or(Some((index, other)));
            } else {
                above = above
                    .filter(|(_, best)| best.abs() <= other.abs())
                    .or(Some((index, other)));
            }
        }
        let one = |index: usize, difference: f32| Self {
            first: index,
            other: index,
            weights: [difference, 0.0, 1.0, 0.0],
        };
        match (below, above) {
            (None, None) => numbered.first().map(|(index, _)| one(*index, 0.0)),
            (Some((index, _)), None) => Some(one(index, 1.0)),
            (None, Some((index, other))) => Some(one(index, amount / other)),
            (Some((first, low)), Some((other, high))) => {
                let share = (amount - low) / (high - low);
                Some(Self {
                    first,
                    other,
                    weights: [1.0 - share, share, 1.0 - share, share],
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blend(amounts: &[f32], amount: f32) -> Option<(usize, usize, f32, f32)> {
        let blend = Blend::at(amounts.iter().copied(), amount)?;
        let [first, other, ..] = blend.weights;
        Some((blend.first, blend.other, first, other))
    }

    #[test]
    fn the_nearest_keyframes_are_blended() {
        let amounts = [-10.0, 20.0, 40.0, 100.0];
        assert_eq!(blend(&amounts, 30.0), Some((1, 2, 0.5, 0.5)));
        assert_eq!(blend(&amounts, 40.0), Some((2, 3, 1.0, 0.0)));
        assert_eq!(blend(&amounts, 70.0), Some((2, 3, 0.5, 0.5)));
        // Towards 0 the change fades; beyond the last keyframe it stays.
        assert_eq!(blend(&amounts, 5.0), Some((1, 1, 0.25, 0.0)));
        assert_eq!(blend(&amounts, -5.0), Some((0, 0, 0.5, 0.0)));
        assert_eq!(blend(&amounts, -50.0), Some((0, 0, 1.0, 0.0)));
        assert_eq!(blend(&amounts, 400.0), Some((3, 3, 1.0, 0.0)));
        assert_eq!(blend(&amounts, 0.0), Some((0, 0, 0.0, 0.0)));
        // Without a keyframe on that side nothing is known.
        assert_eq!(blend(&[20.0], -5.0), Some((0, 0, 0.0, 0.0)));
        assert_eq!(blend(&[0.0, 10.0], 5.0), Some((1, 1, 0.5, 0.0)));
        assert_eq!(blend(&[], 5.0), None);
        assert_eq!(blend(&amounts, f32::NAN), Some((0, 0, 0.0, 0.0)));
    }
}
