//! The dual quadratic program of the support vector machine, by a primal-dual interior point method.
//!
//! With rows z = y·x the dual is: minimise ½‖Zᵀα‖² − Σα over 0 ≤ α ≤ C with yᵀα = 0. Its multipliers
//! are the bias b, the slack s ≥ 0 of a sample beyond the margin and the violation ξ ≥ 0 of one within;
//! w = Zᵀα. Each step is Mehrotra's predictor and corrector (SIAM J. Optimization 2(4), 1992); its
//! Newton equations come down to one positive definite system of the size of a sample, as Ferris and
//! Munson do for massive problems (SIAM J. Optimization 13(3), 2002).

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Zip, s};
use rayon::prelude::*;

/// The iterations of hard problems are about forty.
const MOST_ITERATIONS: usize = 200;
/// How much of the way to the nearest bound a step goes.
const FRACTION_TO_BOUND: f64 = 0.995;

/// How often the residual of the Newton equations is solved for again. Near the solution they are so
/// badly conditioned that a step without it drifts off yᵀα = 0.
const REFINEMENTS: usize = 2;

/// A solution of the dual.
pub(super) struct Solution {
    /// α, one a sample, each from 0 to C.
    pub alpha: Array1<f64>,
    /// w, the weights.
    pub weights: Array1<f64>,
    /// b, the bias.
    pub bias: f64,
    /// Primal minus dual objective, at least 0: ½‖w − w*‖² is at most this.
    pub gap: f64,
    /// Newton steps taken.
    pub iterations: usize,
}

/// Solves for samples `[n, d]` with labels ±1, both present, until the duality gap is at most
/// `tolerance·‖w‖²` or rounding allows no further step.
pub(super) fn solve(
    samples: ArrayView2<'_, f64>,
    labels: ArrayView1<'_, f64>,
    penalty: f64,
    tolerance: f64,
) -> Solution {
    let signed = &samples * &labels.insert_axis(Axis(1));
    let mut point = Point::start(signed.view(), labels, penalty);
    let mut best = point.solution(signed.view(), labels, 0);
    for iteration in 1..=MOST_ITERATIONS {
        if best.gap <= tolerance * best.weights.dot(&best.weights) {
            break;
        }
        let Some(newton) = Newton::at(&point, signed.view(), labels) else {
            break;
        };
        let complementarity = point.complementarity();
        let predictor = newton.step(&point, &Residuals::predictor(&point), 0);
        let reached = point
            .moved(&predictor, point.longest_step(&predictor))
            .complementarity();
        let centring = (reached / complementarity).powi(3) * complementarity;
        let residuals = Residuals::corrector(&point, &predictor, centring);
        let corrector = newton.step(&point, &residuals, REFINEMENTS);
        let length = (FRACTION_TO_BOUND * point.longest_step(&corrector)).min(1.0);
        point = point.moved(&corrector, length);

        let solution = point.solution(signed.view(), labels, iteration);
        if !solution.gap.is_finite() {
            break;
        }
        let is_stuck = length < 1e-10;
        if solution.gap < best.gap {
            best = solution;
        } else if is_stuck {
            break;
        }
    }
    best
}

/// A strictly interior point.
struct Point {
    /// α.
    alpha: Array1<f64>,
    /// C − α, kept for itself: the difference would cancel near the bound.
    room: Array1<f64>,
    /// s, by which a sample is beyond the margin.
    slack: Array1<f64>,
    /// ξ, by which a sample is within the margin.
    violation: Array1<f64>,
    /// b.
    bias: f64,
}

/// A change of each part of a [`Point`]; the room changes by minus the change of α.
struct Step {
    alpha: Array1<f64>,
    slack: Array1<f64>,
    violation: Array1<f64>,
    bias: f64,
}

/// What the products α·s and (C − α)·ξ must change by.
struct Residuals {
    slack: Array1<f64>,
    violation: Array1<f64>,
}

impl Point {
    /// Balanced classes, so that yᵀα = 0, half-way between the bounds; every margin met by slack or
    /// violation, and some of both.
    fn start(signed: ArrayView2<'_, f64>, labels: ArrayView1<'_, f64>, penalty: f64) -> Self {
        let positives = labels.iter().filter(|&&label| label > 0.0).count() as f64;
        let negatives = labels.len() as f64 - positives;
        let fewer = positives.min(negatives);
        let alpha = labels.mapv(|label| {
            let class = if label > 0.0 { positives } else { negatives };
            0.5 * penalty * fewer / class
        });
        let beyond = signed.dot(&signed.t().dot(&alpha)) - 1.0;
        let some = 1.0 + beyond.mapv(f64::abs).mean().unwrap_or(0.0);
        Self {
            room: alpha.mapv(|alpha| penalty - alpha),
            slack: beyond.mapv(|beyond| beyond.max(0.0) + some),
            violation: beyond.mapv(|beyond| (-beyond).max(0.0) + some),
            alpha,
            bias: 0.0,
        }
    }

    /// The sum of all products of a variable and its multiplier, which is 0 at the solution.
    fn complementarity(&self) -> f64 {
        self.alpha.dot(&self.slack) + self.room.dot(&self.violation)
    }

    /// The longest step, at most 1, that leaves no variable negative.
    fn longest_step(&self, step: &Step) -> f64 {
        let mut longest = 1.0_f64;
        let mut limit = |value: &Array1<f64>, change: &Array1<f64>, sign: f64| {
            for (value, change) in value.iter().zip(change) {
                if sign * change < 0.0 {
                    longest = longest.min(-value / (sign * change));
                }
            }
        };
        limit(&self.alpha, &step.alpha, 1.0);
        limit(&self.room, &step.alpha, -1.0);
        limit(&self.slack, &step.slack, 1.0);
        limit(&self.violation, &step.violation, 1.0);
        longest
    }

    fn moved(&self, step: &Step, length: f64) -> Self {
        Self {
            alpha: &self.alpha + &(&step.alpha * length),
            room: &self.room - &(&step.alpha * length),
            slack: &self.slack + &(&step.slack * length),
            violation: &self.violation + &(&step.violation * length),
            bias: self.bias + step.bias * length,
        }
    }

    /// What the point amounts to, with its duality gap as a sum of non-negative terms: nothing
    /// cancels, and it holds for this α and b whatever the multipliers are.
    fn solution(
        &self,
        signed: ArrayView2<'_, f64>,
        labels: ArrayView1<'_, f64>,
        iterations: usize,
    ) -> Solution {
        let weights = signed.t().dot(&self.alpha);
        let beyond = signed.dot(&weights) + &(&labels * self.bias) - 1.0;
        let mut gap = 0.0;
        Zip::from(&beyond)
            .and(&self.alpha)
            .and(&self.room)
            .for_each(|&beyond, &alpha, &room| {
                gap += if beyond > 0.0 {
                    alpha * beyond
                } else {
                    -room * beyond
                };
            });
        Solution {
            gap: gap + (self.bias * labels.dot(&self.alpha)).abs(),
            alpha: self.alpha.clone(),
            weights,
            bias: self.bias,
            iterations,
        }
    }
}

impl Residuals {
    /// Straight to products of 0.
    fn predictor(point: &Point) -> Self {
        Self {
            slack: &point.alpha * &point.slack,
            violation: &point.room * &point.violation,
        }
    }

    /// To equal products of which the sum is `centring`, with the predictor's error of second order.
    fn corrector(point: &Point, predictor: &Step, centring: f64) -> Self {
        let product = centring / (2 * point.alpha.len()) as f64;
        let mut residuals = Self::predictor(point);
        residuals.slack += &(&predictor.alpha * &predictor.slack);
        residuals.slack -= product;
        residuals.violation -= &(&predictor.alpha * &predictor.violation);
        residuals.violation -= product;
        residuals
    }
}

/// The Newton equations at a point, factorised.
struct Newton<'a> {
    signed: ArrayView2<'a, f64>,
    labels: ArrayView1<'a, f64>,
    /// 1 / (s/α + ξ/(C − α)) of each sample.
    inverse_diagonal: Array1<f64>,
    /// Of I + Zᵀ·diag·Z.
    factor: Cholesky<f64, Dyn>,
    /// That matrix's inverse times Zᵀ·diag·y.
    weights_of_bias: Array1<f64>,
    /// yᵀ·diag·(y − Z·`weights_of_bias`).
    bias_pivot: f64,
    /// Zw + by − 1 − s + ξ, which rounding leaves.
    dual_residual: Array1<f64>,
    /// yᵀα, likewise.
    balance: f64,
}

impl<'a> Newton<'a> {
    /// `None` when rounding has made the equations indefinite.
    fn at(point: &Point, signed: ArrayView2<'a, f64>, labels: ArrayView1<'a, f64>) -> Option<Self> {
        let inverse_diagonal = 1.0 / (&point.slack / &point.alpha + &point.violation / &point.room);
        let factor = Cholesky::new(normal_matrix(signed, &inverse_diagonal))?;
        let scaled_labels = &inverse_diagonal * &labels;
        let weights_of_bias = solve_with(&factor, &signed.t().dot(&scaled_labels));
        let bias_pivot = scaled_labels.dot(&(&labels - &signed.dot(&weights_of_bias)));
        let margins = signed.dot(&signed.t().dot(&point.alpha)) + &(&labels * point.bias);
        Some(Self {
            dual_residual: margins - 1.0 - &point.slack + &point.violation,
            balance: labels.dot(&point.alpha),
            signed,
            labels,
            inverse_diagonal,
            factor,
            weights_of_bias,
            bias_pivot,
        })
    }

    /// The step that meets the linearised conditions of optimality with these residuals.
    fn step(&self, point: &Point, residuals: &Residuals, refinements: usize) -> Step {
        let right = -&self.dual_residual - &(&residuals.slack / &point.alpha)
            + &(&residuals.violation / &point.room);
        let (mut alpha, mut bias) = self.solve(&right, -self.balance);
        for _ in 0..refinements {
            let left = &right
                - &self.signed.dot(&self.signed.t().dot(&alpha))
                - &(&alpha / &self.inverse_diagonal)
                - &(&self.labels * bias);
            let (more, more_bias) = self.solve(&left, -self.balance - self.labels.dot(&alpha));
            alpha += &more;
            bias += more_bias;
        }
        Step {
            slack: -(&residuals.slack + &(&point.slack * &alpha)) / &point.alpha,
            violation: (&point.violation * &alpha - &residuals.violation) / &point.room,
            alpha,
            bias,
        }
    }

    /// Δα and Δb with (ZZᵀ + diag⁻¹)Δα + yΔb = `right` and yᵀΔα = `balance`, to the precision that
    /// the condition of the equations leaves.
    fn solve(&self, right: &Array1<f64>, balance: f64) -> (Array1<f64>, f64) {
        let weights_without_bias = solve_with(
            &self.factor,
            &self.signed.t().dot(&(&self.inverse_diagonal * right)),
        );
        let left = right - &self.signed.dot(&weights_without_bias);
        let scaled_labels = &self.inverse_diagonal * &self.labels;
        let bias = (scaled_labels.dot(&left) - balance) / self.bias_pivot;
        let weights = weights_without_bias - &(&self.weights_of_bias * bias);
        let alpha =
            &self.inverse_diagonal * &(right - &(&self.labels * bias) - &self.signed.dot(&weights));
        (alpha, bias)
    }
}

fn solve_with(factor: &Cholesky<f64, Dyn>, right: &Array1<f64>) -> Array1<f64> {
    let right = DVector::from_iterator(right.len(), right.iter().copied());
    factor.solve(&right).iter().copied().collect()
}

/// I + Zᵀ·diag·Z `[d, d]`: nearly all of the time is spent here, in matrix products of column blocks,
/// of which symmetry leaves half.
fn normal_matrix(signed: ArrayView2<'_, f64>, diagonal: &Array1<f64>) -> DMatrix<f64> {
    const BLOCK: usize = 128;
    let scaled = &signed * &diagonal.mapv(f64::sqrt).insert_axis(Axis(1));
    let size = signed.ncols();
    let starts: Vec<usize> = (0..size).step_by(BLOCK).collect();
    let pairs: Vec<(usize, usize)> = starts
        .iter()
        .flat_map(|&row| {
            let columns = starts.iter().filter(move |&&column| column >= row);
            columns.map(move |&column| (row, column))
        })
        .collect();
    let block = |start: usize| scaled.slice(s![.., start..(start + BLOCK).min(size)]);
    let products: Vec<((usize, usize), Array2<f64>)> = pairs
        .into_par_iter()
        .map(|(row, column)| ((row, column), block(row).t().dot(&block(column))))
        .collect();

    let mut matrix = DMatrix::identity(size, size);
    for ((row, column), product) in products {
        for ((i, j), value) in product.indexed_iter() {
            let (i, j) = (row + i, column + j);
            matrix[(i, j)] += value;
            if row != column {
                matrix[(j, i)] += value;
            }
        }
    }
    matrix
}
