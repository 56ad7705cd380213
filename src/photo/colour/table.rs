//! Spaces that a profile describes by a table of colours instead of curves and a matrix, as scanners
//! and cameras have them.
//!
//! The way to sRGB is `moxcms`'. Profiles need not have a table for the way back, and where they have
//! one it seldom meets the first: so the way back is searched for, by Newton's method.

#![expect(
    clippy::indexing_slicing,
    reason = "all lists have a place for each colour, all colours three channels"
)]

use std::fmt;
use std::sync::Arc;

use moxcms::{ColorProfile, Layout, RenderingIntent, TransformExecutor, TransformOptions};
use nalgebra::{Matrix3, Vector3};

use super::curve::srgb_of_light;
use super::primaries::{colorants_of, srgb_light_from};

/// Such a space.
#[derive(Clone)]
pub(super) struct Table {
    /// From the space to light in `moxcms`' widest space, which cuts nothing off.
    wide_from_photo: Arc<dyn TransformExecutor<f32> + Send + Sync>,
    srgb_light_from_wide: Matrix3<f32>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

/// Rounds of Newton's method; three are enough for most colours.
const ROUNDS: usize = 8;
/// The step that slopes are measured with.
const STEP: f32 = 1.0 / 64.0;

impl Table {
    /// The table of a profile; `None` when it has none that can be used.
    pub fn of(profile: &ColorProfile) -> Option<Self> {
        let rendering_intent = match (
            &profile.lut_a_to_b_perceptual,
            &profile.lut_a_to_b_colorimetric,
        ) {
            (Some(_), _) => RenderingIntent::Perceptual,
            (None, Some(_)) => RenderingIntent::RelativeColorimetric,
            (None, None) => return None,
        };
        let wide = ColorProfile::new_aces_aces_2065_1_linear();
        let options = TransformOptions {
            rendering_intent,
            ..TransformOptions::default()
        };
        let transform = profile.create_transform_f32(Layout::Rgb, &wide, Layout::Rgb, options);
        Some(Self {
            wide_from_photo: transform.ok()?,
            srgb_light_from_wide: srgb_light_from(&colorants_of(&wide))?.cast(),
        })
    }

    /// Interleaved RGB, in place.
    pub fn to_srgb(&self, rgb: &mut [f32]) {
        rgb.iter_mut()
            .for_each(|value| *value = value.clamp(0.0, 1.0));
        let photo = rgb.to_vec();
        if self.wide_from_photo.transform(&photo, rgb).is_err() {
            // Only a length that is no multiple of three; the values stay.
            rgb.copy_from_slice(&photo);
            return;
        }
        for pixel in rgb.as_chunks_mut::<3>().0 {
            let light = self.srgb_light_from_wide * Vector3::from(*pixel);
            *pixel = light.map(srgb_of_light).into();
        }
    }

    /// Interleaved RGB, in place; the nearest that the search finds within the space.
    pub fn to_photo(&self, rgb: &mut [f32]) {
        let wanted = rgb.as_chunks::<3>().0.to_vec();
        let mut best: Vec<[f32; 3]> = wanted.iter().map(within).collect();
        let mut best_error = vec![f32::INFINITY; wanted.len()];
        let mut tried = best.clone();
        for _ in 0..ROUNDS {
            let at = self.of_all(&tried);
            // Steps go inwards, where the table has colours.
            let step_of = |value: f32| if value > 0.5 { -STEP } else { STEP };
            let beside: [_; 3] = std::array::from_fn(|channel| {
                let moved = tried.iter().map(|colour| {
                    let mut colour = *colour;
                    colour[channel] += step_of(colour[channel]);
                    colour
                });
                self.of_all(&moved.collect::<Vec<_>>())
            });
            for (i, (tried, wanted)) in tried.iter_mut().zip(&wanted).enumerate() {
                let here = Vector3::from(at[i]);
                let missing = Vector3::from(*wanted) - here;
                if missing.norm() >= best_error[i] {
                    // A step that has led away was too long.
                    *tried = std::array::from_fn(|row| 0.5 * (tried[row] + best[i][row]));
                    continue;
                }
                (best_error[i], best[i]) = (missing.norm(), *tried);
                let slopes = Matrix3::from_columns(&std::array::from_fn::<_, 3, _>(|channel| {
                    (Vector3::from(beside[channel][i]) - here) / step_of(tried[channel])
                }));
                if let Some(inverse) = slopes.try_inverse() {
                    *tried = within(&(Vector3::from(*tried) + inverse * missing).into());
                }
            }
        }
        rgb.as_chunks_mut::<3>().0.copy_from_slice(&best);
    }

    fn of_all(&self, colours: &[[f32; 3]]) -> Vec<[f32; 3]> {
        let mut converted = colours.to_vec();
        self.to_srgb(converted.as_flattened_mut());
        converted
    }
}

fn within(colour: &[f32; 3]) -> [f32; 3] {
    colour.map(|value| {
        if value.is_nan() {
            0.0
        } else {
            value.clamp(0.0, 1.0)
        }
    })
}
