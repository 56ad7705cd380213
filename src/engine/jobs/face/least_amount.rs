//! How much of an edit is enough: the choice that the command line and the window share.

use crate::latent::Boundary;
use crate::networks::ChinReading;

/// The least of these amounts, per cent, after which the chin meter sees no double chin; 0 stands for the
/// photo as it is. Where each of them leaves one, the usual amount: more would only distort. Amounts below 0
/// add chin and are passed over. The order does not matter.
pub fn least_amount(readings: impl IntoIterator<Item = (f32, ChinReading)>) -> f32 {
    let enough = readings
        .into_iter()
        .filter(|(amount, chin)| *amount >= 0.0 && !chin.has_double_chin());
    enough
        .map(|(amount, _)| amount)
        .min_by(f32::total_cmp)
        .unwrap_or(Boundary::DEFAULT_AMOUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn least(readings: &[(f32, f32)]) -> f32 {
        least_amount(readings.iter().map(|(amount, probability)| {
            let severity = 0.5;
            let probability = *probability;
            let reading = ChinReading {
                probability,
                severity,
            };
            (*amount, reading)
        }))
    }

    #[test]
    fn the_least_amount_that_is_enough_is_chosen_in_any_order() {
        let readings = [(100.0, 0.05), (40.0, 0.6), (0.0, 0.9), (70.0, 0.2)];
        assert_eq!(least(&readings), 70.0);
    }

    #[test]
    fn a_chin_that_has_nothing_to_remove_is_left_alone() {
        assert_eq!(least(&[(55.0, 0.05), (0.0, 0.1)]), 0.0);
    }

    #[test]
    fn a_reading_at_the_threshold_is_enough() {
        assert_eq!(least(&[(0.0, 0.9), (25.0, ChinReading::THRESHOLD)]), 25.0);
    }

    #[test]
    fn where_nothing_is_enough_the_usual_amount_is_chosen() {
        assert_eq!(least(&[(0.0, 0.9), (100.0, 0.5)]), Boundary::DEFAULT_AMOUNT);
        assert_eq!(least(&[]), Boundary::DEFAULT_AMOUNT);
    }

    #[test]
    fn amounts_that_add_chin_are_passed_over() {
        assert_eq!(least(&[(-20.0, 0.1), (0.0, 0.4), (80.0, 0.1)]), 80.0);
    }
}
