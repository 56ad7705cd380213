/// Area under the ROC curve: the chance that a positive scores higher than a negative, ties counting
/// one half. 0.5 is guessing, 1 is perfect.
///
/// `None` when there is no positive or no negative, or a score is NaN.
#[must_use]
pub fn auc(positives: &[f64], negatives: &[f64]) -> Option<f64> {
    if positives.is_empty() || negatives.is_empty() {
        return None;
    }
    let mut scores: Vec<(f64, bool)> = positives
        .iter()
        .map(|&score| (score, true))
        .chain(negatives.iter().map(|&score| (score, false)))
        .collect();
    if scores.iter().any(|(score, _)| score.is_nan()) {
        return None;
    }
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));

    // Pairs won by positives, counted upwards through groups of equal scores.
    let (mut won, mut negatives_below) = (0.0, 0.0);
    for group in scores.chunk_by(|a, b| a.0 == b.0) {
        let positives_here = group.iter().filter(|(_, positive)| *positive).count() as f64;
        let negatives_here = group.len() as f64 - positives_here;
        won += positives_here * (negatives_below + negatives_here / 2.0);
        negatives_below += negatives_here;
    }
    Some(won / (positives.len() as f64 * negatives.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_pairs_and_halves_ties() {
        assert_eq!(auc(&[2.0, 3.0], &[0.0, 1.0]), Some(1.0));
        assert_eq!(auc(&[0.0], &[1.0]), Some(0.0));
        assert_eq!(auc(&[1.0, 2.0], &[1.0, 0.0]), Some(3.5 / 4.0));
        assert_eq!(auc(&[-0.0], &[0.0]), Some(0.5));
    }

    #[test]
    fn refuses_a_missing_class_and_nan() {
        assert_eq!(auc(&[], &[1.0]), None);
        assert_eq!(auc(&[1.0], &[]), None);
        assert_eq!(auc(&[1.0, f64::NAN], &[0.0]), None);
    }

    proptest! {
        #[test]
        fn equals_the_count_over_all_pairs(
            positives in prop::collection::vec(-4_i8..4, 1..20),
            negatives in prop::collection::vec(-4_i8..4, 1..20),
        ) {
            let (positives, negatives): (Vec<f64>, Vec<f64>) = (
                positives.into_iter().map(f64::from).collect(),
                negatives.into_iter().map(f64::from).collect(),
            );
            let mut won = 0.0;
            for p in &positives {
                for n in &negatives {
                    won += if p > n { 1.0 } else if p == n { 0.5 } else { 0.0 };
                }
            }
            let pairs = (positives.len() * negatives.len()) as f64;
            prop_assert!((auc(&positives, &negatives).unwrap() - won / pairs).abs() < 1e-12);
        }
    }
}
