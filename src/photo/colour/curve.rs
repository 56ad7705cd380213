//! Tone curves: from encoded values to light and back.

use palette::encoding::{FromLinear, IntoLinear, Srgb};

/// A tone curve of one channel, kept as a table of light (linear) over encoded values from 0 to 1.
///
/// Between its nodes it is a straight line, and [`encoded`](Self::encoded) is the exact inverse of
/// that. With so many nodes neither strays from the true curve by a level of 16 bits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    /// Never falls.
    light: Vec<f32>,
}

impl Curve {
    const STEPS: u16 = 4096;

    /// Samples `light_of`, which gives the light of an encoded value. Where it falls, or gives no
    /// number, the curve stays level; it begins at 0 or above.
    pub fn new(light_of: impl Fn(f32) -> f32) -> Self {
        let mut largest = 0.0f32;
        let light = (0..=Self::STEPS).map(|step| {
            let light = light_of(f32::from(step) / f32::from(Self::STEPS));
            if light.is_finite() {
                largest = largest.max(light);
            }
            largest
        });
        Self {
            light: light.collect(),
        }
    }

    /// Light of an encoded value; what lies beyond 0..=1 counts as the nearer end.
    pub fn light(&self, encoded: f32) -> f32 {
        let within = if encoded > 0.0 { encoded.min(1.0) } else { 0.0 };
        let at = within * f32::from(Self::STEPS);
        // The cast cuts.
        let first = at as usize;
        match self.light.get(first..) {
            Some([low, high, ..]) => low + (at - first as f32) * (high - low),
            Some([last]) => *last,
            // There is a node for every value within 0..=1.
            _ => 0.0,
        }
    }

    /// The encoded value of this light, 0..=1.
    pub fn encoded(&self, light: f32) -> f32 {
        let above = self.light.partition_point(|node| *node <= light);
        let Some(below) = above.checked_sub(1) else {
            return 0.0;
        };
        let Some([low, high, ..]) = self.light.get(below..) else {
            return 1.0;
        };
        (below as f32 + (light - low) / (high - low)) / f32::from(Self::STEPS)
    }
}

/// Light of an sRGB value, mirrored for values below 0 and going on beyond 1.
pub(super) fn light_of_srgb(encoded: f32) -> f32 {
    let light: f32 = Srgb::into_linear(encoded.abs());
    light.copysign(encoded)
}

/// The sRGB value of light; the inverse of [`light_of_srgb`].
pub(super) fn srgb_of_light(light: f32) -> f32 {
    let encoded: f32 = Srgb::from_linear(light.abs());
    encoded.copysign(light)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_and_its_inverse_meet_within_a_level_of_sixteen_bits() {
        for gamma in [1.0f32, 1.8, 2.2, 2.4] {
            let curve = Curve::new(|encoded| encoded.powf(gamma));
            for level in 0..=u16::MAX {
                let encoded = f32::from(level) / 65535.0;
                let found = curve.encoded(curve.light(encoded));
                assert!((found - encoded).abs() < 0.5 / 65535.0, "{encoded} {found}");
                let light = srgb_of_light(curve.light(encoded));
                let exact = srgb_of_light(encoded.powf(gamma));
                assert!((light - exact).abs() < 1.0 / 65535.0, "{encoded}");
            }
        }
    }

    #[test]
    fn whatever_a_profile_says_a_curve_never_falls() {
        let odd = Curve::new(|encoded| match encoded < 0.5 {
            true => 0.5 - encoded,
            false if encoded < 0.75 => f32::NAN,
            false => encoded,
        });
        let values = || (-10..=110u8 as i32).map(|step| step as f32 / 100.0);
        let lights: Vec<f32> = values().map(|value| odd.light(value)).collect();
        assert!(lights.is_sorted());
        for light in values() {
            assert!((0.0..=1.0).contains(&odd.encoded(light)), "{light}");
        }
        let nothing = Curve::new(|_| f32::NAN);
        assert!(nothing.light(0.3).is_finite() && nothing.encoded(0.3).is_finite());
        assert!(odd.light(f32::NAN).is_finite() && odd.encoded(f32::NAN).is_finite());
    }

    #[test]
    fn srgb_goes_on_beyond_its_range() {
        for value in [-0.4f32, -0.01, 0.0, 0.02, 0.5, 1.0, 1.3] {
            assert!((srgb_of_light(light_of_srgb(value)) - value).abs() < 1e-5);
        }
    }
}
