//! Ridge regression of many targets on the same codes.

use nalgebra::{Cholesky, DMatrix, DVector};
use ndarray::ArrayView2;

use super::Error;

/// The normal equations of centred codes, ready to be solved for any target and penalty.
#[derive(Debug, Clone)]
pub struct Ridge {
    /// `[n, d]`, each column of mean 0.
    centred: DMatrix<f64>,
    /// `[d, d]`, `centredᵀ · centred`.
    gram: DMatrix<f64>,
}

impl Ridge {
    /// Takes codes `[n, d]`, one a row.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for codes with NaN or infinity.
    pub fn new(codes: ArrayView2<'_, f32>) -> Result<Self, Error> {
        if codes.iter().any(|value| !value.is_finite()) {
            return Err(Error::NotFinite {
                what: "the table of codes".into(),
            });
        }
        let mut centred = DMatrix::from_fn(codes.nrows(), codes.ncols(), |row, column| {
            f64::from(codes[(row, column)])
        });
        for mut column in centred.column_iter_mut() {
            let mean = column.mean();
            column.add_scalar_mut(-mean);
        }
        let gram = centred.tr_mul(&centred);
        Ok(Self { centred, gram })
    }

    /// The coefficients `[d, k]` that minimise `‖centred · b − t‖² + penalty · ‖b‖²` for each column t
    /// of `targets` `[n, k]`. Targets are taken as they are: [`standardise`] them first.
    ///
    /// # Errors
    /// [`Error::Setting`] for a penalty that is not positive, or too small for these codes;
    /// [`Error::Length`] when there is not one target for each code.
    pub fn coefficients(
        &self,
        targets: &DMatrix<f64>,
        penalty: f64,
    ) -> Result<DMatrix<f64>, Error> {
        if targets.nrows() != self.centred.nrows() {
            return Err(Error::Length {
                what: "a target".into(),
                expected: self.centred.nrows(),
                found: targets.nrows(),
            });
        }
        let refused = || Error::Setting {
            what: "the ridge penalty".into(),
            range: "positive",
            found: penalty,
        };
        if !(penalty.is_finite() && penalty > 0.0) {
            return Err(refused());
        }
        let mut system = self.gram.clone();
        for i in 0..system.nrows() {
            system[(i, i)] += penalty;
        }
        let factor = Cholesky::new(system).ok_or_else(refused)?;
        Ok(factor.solve(&self.centred.tr_mul(targets)))
    }
}

/// Brings values to mean 0 and (population) standard deviation 1; `what` names them in errors.
///
/// # Errors
/// [`Error::NotFinite`], [`Error::Constant`].
pub fn standardise(what: &str, values: &[f64]) -> Result<DVector<f64>, Error> {
    if values.iter().any(|value| !value.is_finite()) {
        return Err(Error::NotFinite { what: what.into() });
    }
    let Some(first) = values.first() else {
        return Err(Error::Constant { what: what.into() });
    };
    if values.iter().all(|value| value == first) {
        return Err(Error::Constant { what: what.into() });
    }
    let mut values = DVector::from_column_slice(values);
    let mean = values.mean();
    values.add_scalar_mut(-mean);
    let deviation = (values.norm_squared() / values.len() as f64).sqrt();
    Ok(values / deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    #[test]
    fn one_dimension_has_the_closed_form() {
        // Centred codes -1, 0, 1: b = Σxt / (Σx² + penalty).
        let ridge = Ridge::new(array![[4.0], [5.0], [6.0]].view()).unwrap();
        let targets = DMatrix::from_column_slice(3, 2, &[-3.0, 0.0, 3.0, 1.0, 0.0, -1.0]);
        let b = ridge.coefficients(&targets, 2.0).unwrap();
        assert!((b[(0, 0)] - 1.5).abs() < 1e-12);
        assert!((b[(0, 1)] + 0.5).abs() < 1e-12);
    }

    #[test]
    fn refuses_what_cannot_be_fitted() {
        assert!(matches!(
            Ridge::new(array![[f32::NAN]].view()),
            Err(Error::NotFinite { .. })
        ));
        let ridge = Ridge::new(array![[0.0], [1.0]].view()).unwrap();
        assert!(matches!(
            ridge.coefficients(&DMatrix::zeros(3, 1), 1.0),
            Err(Error::Length { .. })
        ));
        for penalty in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                ridge.coefficients(&DMatrix::zeros(2, 1), penalty),
                Err(Error::Setting { .. })
            ));
        }
        assert!(matches!(
            standardise("age", &[2.0, 2.0]),
            Err(Error::Constant { .. })
        ));
        assert!(matches!(
            standardise("age", &[]),
            Err(Error::Constant { .. })
        ));
        assert!(matches!(
            standardise("age", &[0.0, f64::INFINITY]),
            Err(Error::NotFinite { .. })
        ));
    }

    proptest! {
        #[test]
        fn the_gradient_vanishes_at_the_solution(
            values in prop::collection::vec(-2.0_f32..2.0, 24),
            targets in prop::collection::vec(-2.0_f64..2.0, 8),
            penalty in 0.1_f64..10.0,
        ) {
            let codes = ndarray::Array2::from_shape_vec((8, 3), values).unwrap();
            let ridge = Ridge::new(codes.view()).unwrap();
            let targets = DMatrix::from_column_slice(8, 1, &targets);
            let b = ridge.coefficients(&targets, penalty).unwrap();
            let gradient = ridge.centred.tr_mul(&(&ridge.centred * &b - &targets)) + &b * penalty;
            prop_assert!(gradient.norm() < 1e-9);
        }

        #[test]
        fn standardised_values_have_unit_deviation(values in prop::collection::vec(-1e3_f64..1e3, 2..40)) {
            prop_assume!(values.iter().any(|value| (value - values[0]).abs() > 1e-3));
            let standard = standardise("values", &values).unwrap();
            prop_assert!(standard.mean().abs() < 1e-9);
            prop_assert!((standard.norm_squared() / values.len() as f64 - 1.0).abs() < 1e-9);
        }
    }
}
