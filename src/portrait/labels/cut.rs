//! Cutting a picture in two where the colours say so and the cut is short.
//!
//! Minimises Σ g·|∇u| + Σ f·u over u in 0–1: `f` (cost) says for every pixel how much it prefers
//! to be outside, `g` how dear a cut through it is. This is the continuous form of a graph cut
//! (Chan, Esedoğlu, Nikolova, *Algorithms for Finding Global Minimizers of Image Segmentation and
//! Denoising Models*, 2006): any threshold of the minimiser is a best cut. Solved by the
//! primal-dual method of Chambolle and Pock (2011).

/// A picture to cut, row by row.
pub(super) struct Cut<'a> {
    /// Pixels in a row.
    pub width: usize,
    /// `f`: negative inside, positive outside.
    pub cost: &'a [f32],
    /// `g`: positive, small along edges of the picture.
    pub length_cost: &'a [f32],
    /// Pixels that are known to be inside (1) or outside (0).
    pub known: &'a [Option<bool>],
}

/// Both steps of the method: their product times 8 (the squared norm of the gradient) is 1.
const STEP: f32 = 0.353_553_4;

impl Cut<'_> {
    /// `u` after a number of rounds; 200 suffice for pictures of 256 pixels.
    pub fn solve(&self, rounds: usize) -> Vec<f32> {
        let width = self.width;
        let start = |(known, cost): (&Option<bool>, &f32)| match known {
            Some(inside) => f32::from(*inside),
            None => f32::from(*cost < 0.0),
        };
        let mut u: Vec<f32> = self.known.iter().zip(self.cost).map(start).collect();
        let mut extrapolated = u.clone();
        let mut dual = vec![[0.0_f32; 2]; u.len()];
        for _ in 0..rounds {
            for (i, p) in dual.iter_mut().enumerate() {
                let here = extrapolated[i];
                let right = if (i + 1) % width == 0 {
                    here
                } else {
                    extrapolated[i + 1]
                };
                let below = extrapolated.get(i + width).copied().unwrap_or(here);
                let [x, y] = [p[0] + STEP * (right - here), p[1] + STEP * (below - here)];
                let shrink = (self.length_cost[i] / x.hypot(y).max(f32::MIN_POSITIVE)).min(1.0);
                *p = [x * shrink, y * shrink];
            }
            for i in 0..u.len() {
                if self.known[i].is_some() {
                    continue;
                }
                let mut divergence = dual[i][0] + dual[i][1];
                if i % width != 0 {
                    divergence -= dual[i - 1][0];
                }
                if i >= width {
                    divergence -= dual[i - width][1];
                }
                let next = (u[i] + STEP * (divergence - self.cost[i])).clamp(0.0, 1.0);
                extrapolated[i] = 2.0 * next - u[i];
                u[i] = next;
            }
        }
        u
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 24;

    fn at(i: usize) -> (usize, usize) {
        (i % WIDTH, i / WIDTH)
    }

    #[test]
    fn a_noisy_square_is_cut_out_whole() {
        let inside = |i| matches!(at(i), (6..18, 6..18));
        let cost: Vec<f32> = (0..WIDTH * WIDTH)
            .map(|i| {
                // Every ninth pixel says the opposite.
                let sign = if inside(i) != (i * 7 % 9 == 0) {
                    -1.0
                } else {
                    1.0
                };
                sign * 0.5
            })
            .collect();
        let cut = Cut {
            width: WIDTH,
            cost: &cost,
            length_cost: &[0.8; WIDTH * WIDTH],
            known: &[None; WIDTH * WIDTH],
        };
        let u = cut.solve(300);
        let wrong = (0..u.len()).filter(|&i| (u[i] > 0.5) != inside(i)).count();
        // The corners may be rounded.
        assert!(wrong <= 12, "{wrong}");
    }

    #[test]
    fn between_two_known_sides_the_cut_follows_the_edge() {
        let known: Vec<Option<bool>> = (0..WIDTH * WIDTH)
            .map(|i| match at(i).0 {
                0 => Some(true),
                23 => Some(false),
                _ => None,
            })
            .collect();
        let edge: Vec<f32> = (0..WIDTH * WIDTH)
            .map(|i| if at(i).0 == 15 { 0.1 } else { 1.0 })
            .collect();
        let cut = Cut {
            width: WIDTH,
            cost: &[0.0; WIDTH * WIDTH],
            length_cost: &edge,
            known: &known,
        };
        let u = cut.solve(2000);
        for (i, u) in u.iter().enumerate() {
            assert_eq!(*u > 0.5, at(i).0 <= 15, "{:?} {u}", at(i));
        }
    }
}
