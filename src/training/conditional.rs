//! Conditional boundaries: an attribute's direction without the directions of its nuisances.
//!
//! After InterFaceGAN (Shen, Gu, Tang, Zhou; CVPR 2020, section 3.3): a primal normal minus its
//! projection on the condition normals, which here may be any number.

use nalgebra::{DMatrix, DVector};
use ndarray::ArrayD;

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

/// A boundary `[1, d]` or `[1, L, d]` without what lies along the conditions, each row of unit norm.
///
/// A condition has as many rows as the boundary, or one that serves all of them.
///
/// # Errors
/// [`Error::Shape`] for a condition of another width or number of rows, [`Error::NotFinite`], and
/// [`Error::NothingLeft`].
pub fn condition_boundary(
    primal: &ArrayD<f32>,
    conditions: &[ArrayD<f32>],
) -> Result<ArrayD<f32>, Error> {
    let mut left = primal.as_standard_layout().into_owned();
    let width = left.shape().last().copied().unwrap_or(0);
    let rows = left.len().checked_div(width).unwrap_or(0);
    if rows == 0 {
        return Err(Error::Shape {
            what: "the primal boundary".into(),
            shape: primal.shape().to_vec(),
            expected: "[1, d] or [1, L, d]".into(),
        });
    }
    for condition in conditions {
        let same_width = condition.shape().last() == Some(&width);
        if !(same_width && [width, rows * width].contains(&condition.len())) {
            return Err(Error::Shape {
                what: "a condition".into(),
                shape: condition.shape().to_vec(),
                expected: format!(
                    "[1, {width}] or {:?}, like the primal boundary",
                    left.shape()
                ),
            });
        }
    }
    let arrays = [primal].into_iter().chain(conditions);
    if arrays.flatten().any(|value| !value.is_finite()) {
        return Err(Error::NotFinite {
            what: "a boundary".into(),
        });
    }
    for (row, mut normal) in left.rows_mut().into_iter().enumerate() {
        let of_row = |condition: &ArrayD<f32>| {
            let first = if condition.len() == width {
                0
            } else {
                row * width
            };
            let values = condition.iter().skip(first).take(width);
            DVector::from_iterator(width, values.map(|&value| f64::from(value)))
        };
        let columns: Vec<DVector<f64>> = conditions.iter().map(of_row).collect();
        let conditions = match columns.as_slice() {
            [] => DMatrix::zeros(width, 0),
            columns => DMatrix::from_columns(columns),
        };
        let primal = DVector::from_iterator(width, normal.iter().map(|&value| f64::from(value)));
        let conditioned = condition(&primal, &conditions)?;
        for (value, conditioned) in normal.iter_mut().zip(conditioned.iter()) {
            *value = *conditioned as f32;
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

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

    #[test]
    fn one_condition_serves_every_row_of_a_fine_boundary() {
        let primal = array![[[3.0, 4.0, 0.0], [0.0, 1.0, 1.0]]].into_dyn();
        let condition = array![[0.0, 2.0, 0.0]].into_dyn();
        let left = condition_boundary(&primal, &[condition]).unwrap();
        let expected = array![[[1.0_f32, 0.0, 0.0], [0.0, 0.0, 1.0]]].into_dyn();
        assert!((left - expected).iter().all(|error| error.abs() < 1e-6));
    }

    #[test]
    fn conditions_of_another_shape_are_refused() {
        let primal = array![[3.0, 4.0, 0.0]].into_dyn();
        for condition in [
            array![[1.0, 0.0]].into_dyn(),
            array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]].into_dyn(),
        ] {
            assert!(matches!(
                condition_boundary(&primal, &[condition]),
                Err(Error::Shape { .. })
            ));
        }
        let holed = array![[f32::NAN, 0.0, 0.0]].into_dyn();
        assert!(matches!(
            condition_boundary(&primal, &[holed]),
            Err(Error::NotFinite { .. })
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
