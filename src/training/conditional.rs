//! Conditional boundaries: an attribute's direction without the directions of its nuisances.
//!
//! After InterFaceGAN (Shen, Gu, Tang, Zhou; CVPR 2020, section 3.3): a primal normal minus its
//! projection on the condition normals, which here may be any number.

use nalgebra::{DMatrix, DVector};

use super::Error;

/// What is left of `primal` `[d]` outside the span of the columns of `conditions` `[d, k]`, as a unit
/// vector: moving along it changes no linear prediction made with those columns.
///
/// # Errors
/// [`Error::NothingLeft`] when `primal` lies in that span.
pub fn condition(primal: &DVector<f64>, conditions: &DMatrix<f64>) -> Result<DVector<f64>, Error> {
    let mut left = primal.clone();
    if conditions.ncols() > 0 {
        let basis = conditions.clone().qr().q();
        // Twice: the second pass takes out what rounding left of the first.
        for _ in 0..2 {
            left -= &basis * basis.tr_mul(&left);
        }
    }
    let norm = left.norm();
    if norm.is_finite() && norm > 1e-9 * primal.norm() {
        Ok(left / norm)
    } else {
        Err(Error::NothingLeft)
    }
}

/// The part of column `index` of `conditions` `[d, k]` that is its alone: the unit direction which
/// changes that column's prediction and no other column's.
///
/// # Errors
/// [`Error::NothingLeft`] when the other columns span it.
pub fn own_direction(conditions: &DMatrix<f64>, index: usize) -> Result<DVector<f64>, Error> {
    condition(
        &conditions.column(index).into_owned(),
        &conditions.clone().remove_column(index),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_conditions_only_the_length_changes() {
        let left = condition(
            &DVector::from_column_slice(&[3.0, 4.0]),
            &DMatrix::zeros(2, 0),
        )
        .unwrap();
        assert!((left - DVector::from_column_slice(&[0.6, 0.8])).norm() < 1e-12);
    }

    #[test]
    fn a_spanned_primal_leaves_nothing() {
        let conditions = DMatrix::from_column_slice(3, 2, &[1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        let primal = DVector::from_column_slice(&[2.0, -5.0, 0.0]);
        assert!(matches!(
            condition(&primal, &conditions),
            Err(Error::NothingLeft)
        ));
    }

    proptest! {
        #[test]
        fn no_condition_is_left(values in prop::collection::vec(-1.0_f64..1.0, 32)) {
            let conditions = DMatrix::from_column_slice(8, 3, &values[..24]);
            prop_assume!(conditions.clone().svd(false, false).singular_values.min() > 1e-3);
            let primal = DVector::from_column_slice(&values[24..]);
            if let Ok(left) = condition(&primal, &conditions) {
                prop_assert!((left.norm() - 1.0).abs() < 1e-12);
                prop_assert!(conditions.tr_mul(&left).norm() < 1e-9);
            }
        }

        #[test]
        fn an_own_direction_moves_its_column_alone(values in prop::collection::vec(-1.0_f64..1.0, 24)) {
            let conditions = DMatrix::from_column_slice(8, 3, &values);
            prop_assume!(conditions.clone().svd(false, false).singular_values.min() > 1e-3);
            let change = conditions.tr_mul(&own_direction(&conditions, 1).unwrap());
            prop_assert!(change[1] > 0.0 && change[0].abs() < 1e-9 && change[2].abs() < 1e-9);
        }
    }
}
