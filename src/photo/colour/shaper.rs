//! Spaces of three tone curves and a matrix, which is what nearly all photos have.

use nalgebra::{Matrix3, Vector3};

use super::curve::{Curve, light_of_srgb, srgb_of_light};

/// Such a space.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shaper {
    curves: [Curve; 3],
    srgb_light_from_light: Matrix3<f32>,
    light_from_srgb_light: Matrix3<f32>,
}

impl Shaper {
    /// A space whose light is brought into that of sRGB by this matrix; `None` when it cannot be
    /// undone.
    pub fn new(curves: [Curve; 3], srgb_light_from_light: Matrix3<f64>) -> Option<Self> {
        let inverse = srgb_light_from_light.try_inverse()?;
        let is_usable = srgb_light_from_light.iter().all(|value| value.is_finite())
            && inverse.iter().all(|value| value.is_finite());
        is_usable.then(|| Self {
            curves,
            srgb_light_from_light: srgb_light_from_light.cast(),
            light_from_srgb_light: inverse.cast(),
        })
    }

    /// A space of greys: each channel is brought to sRGB by itself.
    pub fn grey(curve: Curve) -> Self {
        Self {
            curves: [curve.clone(), curve.clone(), curve],
            srgb_light_from_light: Matrix3::identity(),
            light_from_srgb_light: Matrix3::identity(),
        }
    }

    pub fn to_srgb(&self, rgb: &mut [f32]) {
        for pixel in rgb.as_chunks_mut::<3>().0 {
            let [red, green, blue] = &self.curves;
            let light = Vector3::new(
                red.light(pixel[0]),
                green.light(pixel[1]),
                blue.light(pixel[2]),
            );
            *pixel = (self.srgb_light_from_light * light)
                .map(srgb_of_light)
                .into();
        }
    }

    pub fn to_photo(&self, rgb: &mut [f32]) {
        for pixel in rgb.as_chunks_mut::<3>().0 {
            let light = Vector3::from(pixel.map(light_of_srgb));
            let light = self.light_from_srgb_light * light;
            let [red, green, blue] = &self.curves;
            *pixel = [
                red.encoded(light.x),
                green.encoded(light.y),
                blue.encoded(light.z),
            ];
        }
    }
}
