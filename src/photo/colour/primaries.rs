//! From primaries to light of sRGB.
//!
//! Whites are adapted by Bradford's matrix, as ICC profiles have it. `moxcms` does this too, for a
//! temperature of 6504 K instead of the white of sRGB, which is a level or two off.

use moxcms::ColorProfile;
use nalgebra::{Matrix3, Vector3};

/// The white of ICC profiles (D50) as XYZ.
const PROFILE_WHITE: [f64; 3] = [0.9642, 1.0, 0.8249];
/// Chromaticity of D65.
pub(super) const D65: [f64; 2] = [0.3127, 0.3290];
/// Red, green and blue of sRGB, as of ITU-R BT.709.
pub(super) const SRGB: [[f64; 2]; 3] = [[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]];

/// XYZ under D50 of the primaries with these chromaticities (x and y), one a column; `None` when they
/// span no space.
pub(super) fn colorants(white: [f64; 2], primaries: [[f64; 2]; 3]) -> Option<Matrix3<f64>> {
    let xyz = |[x, y]: [f64; 2]| Vector3::new(x / y, 1.0, (1.0 - x - y) / y);
    let white = xyz(white);
    let primaries = Matrix3::from_columns(&primaries.map(xyz));
    let shares = primaries.try_inverse()? * white;
    let adapted = adaptation(white)? * primaries * Matrix3::from_diagonal(&shares);
    adapted
        .iter()
        .all(|value| value.is_finite())
        .then_some(adapted)
}

/// The colorants of a profile, one a column.
pub(in crate::photo) fn colorants_of(profile: &ColorProfile) -> Matrix3<f64> {
    Matrix3::from_row_slice(profile.colorant_matrix().v.as_flattened())
}

/// The matrix from light of these colorants (XYZ under D50, one a column) to light of sRGB.
pub(super) fn srgb_light_from(colorants: &Matrix3<f64>) -> Option<Matrix3<f64>> {
    Some(self::colorants(D65, SRGB)?.try_inverse()? * colorants)
}

/// Bradford's adaptation of XYZ from this white to D50.
fn adaptation(white: Vector3<f64>) -> Option<Matrix3<f64>> {
    let cones = Matrix3::new(
        0.8951, 0.2664, -0.1614, -0.7502, 1.7135, 0.0367, 0.0389, -0.0685, 1.0296,
    );
    let scale = (cones * Vector3::from(PROFILE_WHITE)).component_div(&(cones * white));
    Some(cones.try_inverse()? * Matrix3::from_diagonal(&scale) * cones)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colorants_are_those_of_the_usual_profiles() {
        let display_p3 = colorants(D65, [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060]]).unwrap();
        let in_profile = Matrix3::new(
            0.51512, 0.29198, 0.15710, 0.24120, 0.69225, 0.06657, -0.00105, 0.04189, 0.78407,
        );
        assert!((display_p3 - in_profile).abs().max() < 2e-4, "{display_p3}");
        let identity = srgb_light_from(&colorants(D65, SRGB).unwrap()).unwrap();
        assert!((identity - Matrix3::identity()).abs().max() < 1e-9);
    }

    #[test]
    fn primaries_on_a_line_span_nothing() {
        assert_eq!(colorants(D65, [[0.3, 0.3]; 3]), None);
        assert_eq!(colorants([0.0; 2], SRGB), None);
        assert_eq!(colorants([f64::NAN; 2], SRGB), None);
    }
}
