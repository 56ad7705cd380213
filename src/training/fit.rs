use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, ArrayView2, Axis};

use super::conditional::{condition, own_direction};
use super::ridge::{Ridge, standardise};
use super::{Error, auc};

/// A nuisance: what must stay as it is when a code is moved along the boundary.
#[derive(Debug, Clone, PartialEq)]
pub struct Nuisance {
    /// What it is, for messages.
    pub name: String,
    /// One value a code, in any unit.
    pub values: Vec<f64>,
    /// Penalty of its ridge regression. A small one gives a direction that follows the training codes
    /// closely and takes little away from the boundary; a large one a smoother direction, which takes
    /// away more.
    pub penalty: f64,
    /// How far the boundary leans towards this nuisance's own direction, in lengths of the conditioned
    /// boundary; 0 is exact conditioning.
    ///
    /// Regression understates what a long move does, most of all for hair: it kept growing although
    /// its prediction stood still. A positive counterweight makes a move away from the attribute also
    /// a small move away from the nuisance.
    pub counterweight: f64,
}

/// How to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Penalty of the attribute's ridge regression.
    pub penalty: f64,
    /// Number of cross-validation folds, at least 2; portrait i is held out in fold `i mod folds`.
    pub folds: usize,
}

/// A fitted boundary.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// `[1, d]`, of unit norm, pointing to the side that has the attribute.
    pub boundary: Array2<f32>,
    /// `code · boundary + intercept` is 0 half-way between the mean codes of positives and negatives.
    pub intercept: f64,
    /// How well boundaries fitted on the other folds rank held-out positives above held-out negatives:
    /// the [AUC](auc()) over all portraits, each scored by the fit that has not seen it.
    pub cross_validated_auc: f64,
}

/// Fits a boundary to `codes` `[n, d]` that follows `labels` and leaves the nuisances alone.
///
/// The label, standardised, and each nuisance are regressed on the centred codes; the label's
/// coefficients, conditioned on those of the nuisances, are the boundary. Labels may be graded: all
/// serve the regression; positives, for the AUC and the intercept, are the portraits with the highest
/// label, negatives those with the lowest.
///
/// # Errors
/// [`Error::Length`] for columns of another length than the codes, [`Error::NotFinite`] and
/// [`Error::Constant`] for columns that cannot be regressed (within a fold, too), [`Error::Setting`],
/// [`Error::NothingLeft`].
pub fn fit_conditioned_boundary(
    codes: ArrayView2<'_, f32>,
    labels: &[f64],
    nuisances: &[Nuisance],
    options: Options,
) -> Result<Fit, Error> {
    let columns = nuisances
        .iter()
        .map(|nuisance| (nuisance.name.as_str(), nuisance.values.len()));
    for (what, found) in columns.chain([("the label", labels.len())]) {
        if found != codes.nrows() {
            return Err(Error::Length {
                what: what.into(),
                expected: codes.nrows(),
                found,
            });
        }
    }
    if options.folds < 2 {
        return Err(Error::Setting {
            what: "the number of folds".into(),
            range: "at least 2",
            found: options.folds as f64,
        });
    }

    let all: Vec<usize> = (0..codes.nrows()).collect();
    let boundary = direction(codes, labels, nuisances, options.penalty, &all)?;
    let [positive, negative] = class_means(&scores(codes, &boundary, &all, &all), labels);

    let mut held_out_scores = vec![0.0; codes.nrows()];
    for fold in 0..options.folds {
        let (held_out, rest): (Vec<usize>, Vec<usize>) =
            all.iter().partition(|&i| i % options.folds == fold);
        let boundary = direction(codes, labels, nuisances, options.penalty, &rest)?;
        for (&portrait, score) in held_out
            .iter()
            .zip(scores(codes, &boundary, &rest, &held_out))
        {
            held_out_scores[portrait] = score;
        }
    }
    let [positives, negatives] = classes(&held_out_scores, labels);
    let cross_validated_auc = auc(&positives, &negatives).ok_or_else(|| Error::Constant {
        what: "the label".into(),
    })?;

    let offset = score_of_mean(codes, &boundary, &all);
    Ok(Fit {
        boundary: Array2::from_shape_fn((1, codes.ncols()), |(_, i)| boundary[i] as f32),
        intercept: -offset - f64::midpoint(positive, negative),
        cross_validated_auc,
    })
}

/// The conditioned unit direction, fitted on some of the portraits.
fn direction(
    codes: ArrayView2<'_, f32>,
    labels: &[f64],
    nuisances: &[Nuisance],
    penalty: f64,
    portraits: &[usize],
) -> Result<DVector<f64>, Error> {
    let ridge = Ridge::new(codes.select(Axis(0), portraits).view())?;
    let target = |name: &str, values: &[f64]| {
        let values: Vec<f64> = portraits.iter().map(|&i| values[i]).collect();
        standardise(name, &values)
    };

    let label = DMatrix::from_columns(&[target("the label", labels)?]);
    let primal = ridge.coefficients(&label, penalty)?.column(0).into_owned();

    let mut conditions = DMatrix::zeros(codes.ncols(), nuisances.len());
    for group in nuisances_by_penalty(nuisances) {
        let targets: Vec<_> = group
            .iter()
            .map(|&i| target(&nuisances[i].name, &nuisances[i].values))
            .collect::<Result<_, _>>()?;
        let solved = ridge.coefficients(
            &DMatrix::from_columns(&targets),
            nuisances[group[0]].penalty,
        )?;
        for (solved, &i) in solved.column_iter().zip(&group) {
            conditions.set_column(i, &solved);
        }
    }

    let mut direction = condition(&primal, &conditions)?;
    for (i, nuisance) in nuisances
        .iter()
        .enumerate()
        .filter(|(_, nuisance)| nuisance.counterweight != 0.0)
    {
        direction += own_direction(&conditions, i)? * nuisance.counterweight;
    }
    let norm = direction.norm();
    if norm.is_finite() && norm > 0.0 {
        Ok(direction / norm)
    } else {
        Err(Error::NothingLeft)
    }
}

/// Indices of nuisances that share a penalty, so that each penalty is factorised once.
fn nuisances_by_penalty(nuisances: &[Nuisance]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..nuisances.len()).collect();
    order.sort_by(|&a, &b| nuisances[a].penalty.total_cmp(&nuisances[b].penalty));
    order
        .chunk_by(|&a, &b| nuisances[a].penalty.to_bits() == nuisances[b].penalty.to_bits())
        .map(<[usize]>::to_vec)
        .collect()
}

/// Scores of `portraits` along a direction, from the mean code of the portraits it was fitted on.
fn scores(
    codes: ArrayView2<'_, f32>,
    direction: &DVector<f64>,
    fitted_on: &[usize],
    portraits: &[usize],
) -> Vec<f64> {
    let offset = score_of_mean(codes, direction, fitted_on);
    portraits
        .iter()
        .map(|&i| score(codes, direction, i) - offset)
        .collect()
}

fn score_of_mean(codes: ArrayView2<'_, f32>, direction: &DVector<f64>, portraits: &[usize]) -> f64 {
    portraits
        .iter()
        .map(|&i| score(codes, direction, i))
        .sum::<f64>()
        / portraits.len() as f64
}

fn score(codes: ArrayView2<'_, f32>, direction: &DVector<f64>, portrait: usize) -> f64 {
    codes
        .row(portrait)
        .iter()
        .zip(direction)
        .map(|(&code, &normal)| f64::from(code) * normal)
        .sum()
}

/// The scores of the portraits with the highest label and of those with the lowest.
fn classes(scores: &[f64], labels: &[f64]) -> [Vec<f64>; 2] {
    let highest = labels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let lowest = labels.iter().copied().fold(f64::INFINITY, f64::min);
    [highest, lowest].map(|class| {
        scores
            .iter()
            .zip(labels)
            .filter(|(_, label)| **label == class)
            .map(|(score, _)| *score)
            .collect()
    })
}

fn class_means(scores: &[f64], labels: &[f64]) -> [f64; 2] {
    classes(scores, labels).map(|class| class.iter().sum::<f64>() / class.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt as _, SeedableRng as _};

    const OPTIONS: Options = Options {
        penalty: 1.0,
        folds: 5,
    };

    /// Codes `[200, 4]`: the label follows axis 0, and axis 1, which is the nuisance, half as much.
    fn entangled() -> (Array2<f32>, Vec<f64>, Nuisance) {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let codes = Array2::from_shape_simple_fn((200, 4), || rng.random_range(-1.0_f32..1.0));
        let labels = codes
            .rows()
            .into_iter()
            .map(|code| f64::from((code[0] + 0.5 * code[1]).round()))
            .collect();
        let values = codes
            .column(1)
            .iter()
            .map(|&value| 30.0 + 7.0 * f64::from(value))
            .collect();
        (
            codes,
            labels,
            Nuisance {
                name: "age".into(),
                values,
                penalty: 1.0,
                counterweight: 0.0,
            },
        )
    }

    #[test]
    fn conditioning_takes_the_nuisance_out() {
        let (codes, labels, nuisance) = entangled();
        let plain = fit_conditioned_boundary(codes.view(), &labels, &[], OPTIONS).unwrap();
        let conditioned =
            fit_conditioned_boundary(codes.view(), &labels, &[nuisance], OPTIONS).unwrap();
        assert!(plain.boundary[(0, 1)] > 0.3);
        assert!(conditioned.boundary[(0, 1)].abs() < 0.02);
        assert!(conditioned.boundary[(0, 0)] > 0.98);
        assert!(
            plain.cross_validated_auc > 0.99,
            "{}",
            plain.cross_validated_auc
        );
        assert!(
            conditioned.cross_validated_auc > 0.9,
            "{}",
            conditioned.cross_validated_auc
        );
    }

    #[test]
    fn a_counterweight_leans_towards_the_nuisance() {
        let (codes, labels, nuisance) = entangled();
        let nuisance = Nuisance {
            counterweight: 0.5,
            ..nuisance
        };
        let fit = fit_conditioned_boundary(codes.view(), &labels, &[nuisance], OPTIONS).unwrap();
        // tan of the angle between the two axes
        assert!((fit.boundary[(0, 1)] / fit.boundary[(0, 0)] - 0.5).abs() < 0.03);
        assert!((fit.boundary.mapv(|b| b * b).sum() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn labels_of_noise_rank_nothing() {
        let (codes, _, _) = entangled();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(6);
        let labels: Vec<f64> = (0..200)
            .map(|_| f64::from(rng.random_range(0_u8..2)))
            .collect();
        let fit = fit_conditioned_boundary(codes.view(), &labels, &[], OPTIONS).unwrap();
        assert!(
            (fit.cross_validated_auc - 0.5).abs() < 0.15,
            "{}",
            fit.cross_validated_auc
        );
    }

    #[test]
    fn the_intercept_lies_between_the_classes() {
        let (mut codes, labels, _) = entangled();
        codes += 3.0;
        let fit = fit_conditioned_boundary(codes.view(), &labels, &[], OPTIONS).unwrap();
        for (code, label) in codes.rows().into_iter().zip(&labels) {
            let score = f64::from(code.dot(&fit.boundary.row(0))) + fit.intercept;
            if label.abs() > 0.5 {
                assert_eq!(score > 0.0, *label > 0.0, "score {score}, label {label}");
            }
        }
    }

    #[test]
    fn refuses_what_cannot_be_fitted() {
        let (codes, labels, nuisance) = entangled();
        let fit = |labels: &[f64], nuisance: &Nuisance, folds| {
            let options = Options { folds, ..OPTIONS };
            fit_conditioned_boundary(
                codes.view(),
                labels,
                std::slice::from_ref(nuisance),
                options,
            )
        };
        assert!(matches!(
            fit(&labels[1..], &nuisance, 5),
            Err(Error::Length { .. })
        ));
        assert!(matches!(
            fit(&[1.0; 200], &nuisance, 5),
            Err(Error::Constant { .. })
        ));
        assert!(matches!(
            fit(&labels, &nuisance, 1),
            Err(Error::Setting { .. })
        ));
        let short = Nuisance {
            values: vec![0.0; 3],
            ..nuisance.clone()
        };
        assert!(matches!(fit(&labels, &short, 5), Err(Error::Length { .. })));
        let holed = Nuisance {
            values: vec![f64::NAN; 200],
            ..nuisance.clone()
        };
        assert!(matches!(
            fit(&labels, &holed, 5),
            Err(Error::NotFinite { .. })
        ));
        let itself = Nuisance {
            values: labels.clone(),
            ..nuisance
        };
        assert!(matches!(fit(&labels, &itself, 5), Err(Error::NothingLeft)));
    }
}
