//! Which codes a boundary is fitted to, and which it is tried on.

use std::collections::HashSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Error;

/// A code, by its row in the table of codes, and its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labelled {
    /// The row.
    pub row: usize,
    /// Does it have the attribute?
    pub is_positive: bool,
}

/// Rows to train on, to validate on, and all others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Fitted to; positives first.
    pub train: Vec<Labelled>,
    /// Kept aside of what was chosen; positives first.
    pub validation: Vec<Labelled>,
    /// Not chosen. Positive are those that score at least half-way between the lowest and the highest.
    pub remaining: Vec<Labelled>,
}

/// How [`Selection::by_score`] chooses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The part of all codes that is taken from the top, and as many from the bottom; above 0, at most
    /// 0.5.
    pub ratio: f64,
    /// The part of those that is trained on; above 0, at most 1.
    pub split: f64,
    /// Seed of the shuffle that splits them.
    pub seed: u64,
}

impl Choice {
    /// The coarse boundary's, in the published training.
    pub const COARSE: Self = Self {
        ratio: 0.1,
        split: 0.9,
        seed: 0,
    };
    /// The fine boundary's: every pair is used.
    pub const FINE: Self = Self {
        ratio: 0.5,
        ..Self::COARSE
    };
}

impl Selection {
    /// Takes the highest scores as positives, as many of the lowest as negatives, and splits each at
    /// random. Equal scores keep the order of their rows.
    ///
    /// # Errors
    /// [`Error::Setting`] for a choice outside its range or too small for so few codes,
    /// [`Error::NotFinite`], [`Error::Constant`].
    pub fn by_score(scores: &[f64], choice: Choice) -> Result<Self, Error> {
        check(scores, choice)?;
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let chosen = (scores.len() as f64 * choice.ratio) as usize;
        let trained = (chosen as f64 * choice.split) as usize;
        if trained == 0 {
            return Err(Error::Setting {
                what: format!("the ratio, with {} codes and this split,", scores.len()),
                range: "large enough to leave a code of each class to train on",
                found: choice.ratio,
            });
        }
        let mut random = ChaCha8Rng::seed_from_u64(choice.seed);
        let mut selection = Self::default();
        let (top, rest) = order.split_at(chosen);
        let (middle, bottom) = rest.split_at(rest.len() - chosen);
        for (is_positive, class) in [(true, top), (false, bottom)] {
            let mut class = class.to_vec();
            class.shuffle(&mut random);
            let (train, validation) = class.split_at(trained);
            selection.train.extend(labelled(train, is_positive));
            selection
                .validation
                .extend(labelled(validation, is_positive));
        }
        selection.remaining = by_threshold(scores, middle);
        Ok(selection)
    }

    /// Takes rows that were chosen elsewhere: of each list the first half are positives, the second
    /// half as many negatives.
    ///
    /// # Errors
    /// [`Error::Rows`] for a list that is not of that kind, or names a row that does not exist or that
    /// was named before; [`Error::NotFinite`] for scores that are.
    pub fn from_rows(scores: &[f64], train: &[usize], validation: &[usize]) -> Result<Self, Error> {
        if scores.iter().any(|score| !score.is_finite()) {
            return Err(not_finite());
        }
        let mut named = HashSet::new();
        for (what, rows) in [("train", train), ("validation", validation)] {
            let refuse = |reason| Err(Error::Rows { what, reason });
            if !rows.len().is_multiple_of(2) {
                return refuse(format!(
                    "has {} rows: it must hold positives first, then as many negatives",
                    rows.len()
                ));
            }
            for &row in rows {
                if row >= scores.len() {
                    return refuse(format!("names row {row} of {}", scores.len()));
                }
                if !named.insert(row) {
                    return refuse(format!("names row {row}, which was named before"));
                }
            }
        }
        if train.is_empty() {
            return Err(Error::Rows {
                what: "train",
                reason: "is empty".to_owned(),
            });
        }
        let halves = |rows: &[usize]| {
            let (positive, negative) = rows.split_at(rows.len() / 2);
            let positive = labelled(positive, true).collect::<Vec<_>>();
            positive
                .into_iter()
                .chain(labelled(negative, false))
                .collect()
        };
        let rest: Vec<usize> = (0..scores.len())
            .filter(|row| !named.contains(row))
            .collect();
        Ok(Self {
            train: halves(train),
            validation: halves(validation),
            remaining: by_threshold(scores, &rest),
        })
    }
}

fn check(scores: &[f64], choice: Choice) -> Result<(), Error> {
    if scores.iter().any(|score| !score.is_finite()) {
        return Err(not_finite());
    }
    for (what, range, found, most) in [
        ("the ratio", "above 0 and at most 0.5", choice.ratio, 0.5),
        ("the split", "above 0 and at most 1", choice.split, 1.0),
    ] {
        if !(found > 0.0 && found <= most) {
            return Err(Error::Setting {
                what: what.into(),
                range,
                found,
            });
        }
    }
    if scores.windows(2).all(|pair| pair.first() == pair.last()) {
        return Err(Error::Constant {
            what: "the list of scores".into(),
        });
    }
    Ok(())
}

fn not_finite() -> Error {
    Error::NotFinite {
        what: "the list of scores".into(),
    }
}

fn labelled(rows: &[usize], is_positive: bool) -> impl Iterator<Item = Labelled> + '_ {
    rows.iter().map(move |&row| Labelled { row, is_positive })
}

/// Rows with the class that half of the scores' range gives them.
fn by_threshold(scores: &[f64], rows: &[usize]) -> Vec<Labelled> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let threshold = f64::midpoint(highest, lowest);
    rows.iter()
        .map(|&row| Labelled {
            row,
            is_positive: scores[row] >= threshold,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(list: &[Labelled], is_positive: bool) -> Vec<usize> {
        let mut rows: Vec<usize> = list
            .iter()
            .filter(|labelled| labelled.is_positive == is_positive)
            .map(|labelled| labelled.row)
            .collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn the_ends_are_chosen_and_the_middle_remains() {
        let scores: Vec<f64> = (0..20).map(f64::from).collect();
        let choice = Choice {
            ratio: 0.2,
            split: 0.5,
            seed: 1,
        };
        let selection = Selection::by_score(&scores, choice).unwrap();
        assert_eq!(selection.train.len(), 4);
        assert_eq!(selection.validation.len(), 4);
        let chosen = [selection.train.clone(), selection.validation.clone()].concat();
        assert_eq!(rows(&chosen, true), [16, 17, 18, 19]);
        assert_eq!(rows(&chosen, false), [0, 1, 2, 3]);
        assert_eq!(rows(&selection.remaining, true), [10, 11, 12, 13, 14, 15]);
        assert_eq!(rows(&selection.remaining, false), [4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_seed_splits_in_one_way() {
        let scores: Vec<f64> = (0..100).map(f64::from).collect();
        let split = |seed| {
            Selection::by_score(
                &scores,
                Choice {
                    seed,
                    ..Choice::FINE
                },
            )
            .unwrap()
            .train
        };
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
    }

    #[test]
    fn given_rows_are_halves_of_each_class() {
        let scores = [0.0, 1.0, 0.0, 1.0, 0.4, 0.5];
        let selection = Selection::from_rows(&scores, &[1, 0], &[3, 2]).unwrap();
        assert_eq!(rows(&selection.train, true), [1]);
        assert_eq!(rows(&selection.validation, false), [2]);
        assert_eq!(rows(&selection.remaining, true), [5]);
        assert_eq!(rows(&selection.remaining, false), [4]);
    }

    #[test]
    fn choices_that_leave_nothing_are_refused() {
        let scores = [0.0, 1.0, 2.0, 3.0];
        let choose = |scores: &[f64], ratio, split| {
            Selection::by_score(
                scores,
                Choice {
                    ratio,
                    split,
                    seed: 0,
                },
            )
        };
        for (ratio, split) in [
            (0.0, 0.5),
            (0.6, 0.5),
            (0.5, 0.0),
            (0.5, 1.1),
            (0.1, 0.9),
            (f64::NAN, 0.5),
        ] {
            let refused = choose(&scores, ratio, split);
            assert!(
                matches!(refused, Err(Error::Setting { .. })),
                "{ratio} {split}"
            );
        }
        assert!(matches!(
            choose(&[1.0; 4], 0.5, 0.5),
            Err(Error::Constant { .. })
        ));
        assert!(matches!(choose(&[], 0.5, 0.5), Err(Error::Constant { .. })));
        assert!(matches!(
            choose(&[1.0, f64::NAN], 0.5, 0.5),
            Err(Error::NotFinite { .. })
        ));
        for (train, validation) in [
            (&[0_usize, 1, 2][..], &[][..]),
            (&[0, 9], &[]),
            (&[0, 0], &[]),
            (&[0, 1], &[1, 2]),
            (&[], &[0, 1]),
        ] {
            let refused = Selection::from_rows(&scores, train, validation);
            assert!(matches!(refused, Err(Error::Rows { .. })), "{train:?}");
        }
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_list(
            scores in prop::collection::vec(-3_i8..3, 4..60),
            ratio in 0.3_f64..0.5,
            split in 0.5_f64..1.0,
            seed: u64,
        ) {
            let scores: Vec<f64> = scores.into_iter().map(f64::from).collect();
            prop_assume!(scores.iter().any(|&score| score != scores[0]));
            let choice = Choice { ratio, split, seed };
            prop_assume!((scores.len() as f64 * ratio).floor() * split >= 1.0);
            let chosen = Selection::by_score(&scores, choice).unwrap();
            let mut all: Vec<usize> = [&chosen.train, &chosen.validation, &chosen.remaining]
                .into_iter()
                .flatten()
                .map(|labelled| labelled.row)
                .collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..scores.len()).collect::<Vec<_>>());
        }
    }
}
