//! CIE L\*a\*b\* (TIFF 6.0, section 23; Adobe's note on ICC L\*a\*b\*) as ProPhoto RGB of 16 bits: it has the same
//! white (D50), and room for nearly all colours that are seen.

use moxcms::ColorProfile;
use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;

use super::raw::Raw;
use crate::photo::colour::{colorants_of, encoded};

/// How numbers stand for colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// a\* and b\* with a sign.
    Cie,
    /// a\* and b\* from a middle.
    Icc,
}

/// The white of L\*a\*b\* in TIFF files and of ProPhoto RGB (D50).
const WHITE: Vector3<f32> = Vector3::new(0.9642, 1.0, 0.8249);
/// ProPhoto's exponent of 1.8 as profiles write it.
const GAMMA: f32 = 461.0 / 256.0;

/// A profile of ProPhoto RGB, always the same bytes; `None` if it cannot be made.
pub(super) fn profile() -> Option<Vec<u8>> {
    encoded(&ColorProfile::new_pro_photo_rgb())
}

/// Samples of L\*, a\*, b\* and, where there is an `alpha` (its place in the pixel), opacity, as samples of
/// ProPhoto RGB and opacity; colours that it lacks become the nearest in each channel. `None` when the
/// conversion cannot be made.
pub(super) fn to_rgb(
    raw: &Raw,
    per_pixel: usize,
    encoding: Encoding,
    alpha: Option<usize>,
) -> Option<Vec<u16>> {
    let light_from_xyz = colorants_of(&ColorProfile::new_pro_photo_rgb())
        .try_inverse()?
        .cast::<f32>();
    Some(match raw {
        Raw::Bytes(samples) => converted(samples, per_pixel, alpha, &light_from_xyz, |lab| {
            let [lightness, a, b] = lab;
            let opponent = |level: u8| match encoding {
                Encoding::Cie => f32::from(level.cast_signed()),
                Encoding::Icc => f32::from(level) - 128.0,
            };
            [f32::from(lightness) / 2.55, opponent(a), opponent(b)]
        }),
        Raw::Words(samples) => converted(samples, per_pixel, alpha, &light_from_xyz, |lab| {
            let [lightness, a, b] = lab;
            let white = match encoding {
                Encoding::Cie => 65_535.0,
                Encoding::Icc => 65_280.0,
            };
            let opponent = |level: u16| match encoding {
                Encoding::Cie => f32::from(level.cast_signed()) / 256.0,
                Encoding::Icc => f32::from(level) / 256.0 - 128.0,
            };
            let lightness = f32::from(lightness) * 100.0 / white;
            [lightness, opponent(a), opponent(b)]
        }),
        Raw::Floats(_) => return None,
    })
}

fn converted<T: Copy + Sync + Deep>(
    samples: &[T],
    per_pixel: usize,
    alpha: Option<usize>,
    light_from_xyz: &Matrix3<f32>,
    lab: impl Fn([T; 3]) -> [f32; 3] + Sync,
) -> Vec<u16> {
    let channels = 3 + usize::from(alpha.is_some());
    let mut out = vec![0; samples.len() / per_pixel.max(1) * channels];
    let pixels = samples.par_chunks_exact(per_pixel.max(1));
    (out.par_chunks_exact_mut(channels).zip(pixels)).for_each(|(to, pixel)| {
        if let [lightness, a, b, ..] = *pixel {
            let rgb = rgb_of(lab([lightness, a, b]), light_from_xyz);
            to.iter_mut().zip(rgb).for_each(|(to, level)| *to = level);
        }
        let opacity = alpha.and_then(|place| pixel.get(place));
        if let (Some(opacity), Some(to)) = (opacity, to.get_mut(3)) {
            *to = opacity.deep();
        }
    });
    out
}

fn rgb_of([lightness, a, b]: [f32; 3], light_from_xyz: &Matrix3<f32>) -> [u16; 3] {
    /// Where the cube root gives way to a line (CIE 15).
    const BEND: f32 = 6.0 / 29.0;
    let y = (lightness + 16.0) / 116.0;
    let share = Vector3::new(y + a / 500.0, y, y - b / 200.0).map(|root| match root > BEND {
        true => root.powi(3),
        false => (root - 16.0 / 116.0) * 3.0 * BEND * BEND,
    });
    let light = light_from_xyz * share.component_mul(&WHITE);
    // The cast saturates.
    let level = |light: f32| (light.max(0.0).powf(1.0 / GAMMA) * 65_535.0 + 0.5) as u16;
    light.map(level).into()
}

/// A sample as one of 16 bits.
trait Deep {
    fn deep(self) -> u16;
}

impl Deep for u8 {
    fn deep(self) -> u16 {
        u16::from(self) * 257
    }
}

impl Deep for u16 {
    fn deep(self) -> u16 {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::{ColourSpace, Metadata};

    #[test]
    fn colours_are_those_of_the_usual_tables() {
        // sRGB red, green, blue, white and a grey, as CIE L*a*b* under D50 (Bradford).
        let known = [
            ([54.29, 80.81, 69.89], [1.0, 0.0, 0.0]),
            ([87.82, -79.29, 80.99], [0.0, 1.0, 0.0]),
            ([29.57, 68.30, -112.03], [0.0, 0.0, 1.0]),
            ([100.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
            ([53.39, 0.0, 0.0], [0.5, 0.5, 0.5]),
        ];
        let space = ColourSpace::described_by(&Metadata {
            icc_profile: profile(),
            ..Metadata::default()
        });
        assert!(!space.is_srgb());
        let matrix = colorants_of(&ColorProfile::new_pro_photo_rgb());
        let inverse = matrix.try_inverse().unwrap().cast();
        for (lab, srgb) in known {
            let mut rgb = rgb_of(lab, &inverse).map(|level| f32::from(level) / 65_535.0);
            space.to_srgb(&mut rgb);
            for (got, wanted) in rgb.iter().zip(srgb) {
                assert!((got - wanted).abs() < 0.004, "{lab:?}: {rgb:?}");
            }
        }
    }

    #[test]
    fn encodings_of_one_colour_give_one_colour() {
        // L* 60, a* 20, b* -30.
        let words = |[l, a, b]: [u16; 3], encoding| {
            to_rgb(&Raw::Words(vec![l, a, b, 77]), 4, encoding, Some(3)).unwrap()
        };
        let cie = words(
            [39_321, 20 << 8, 0_u16.wrapping_sub(30 << 8)],
            Encoding::Cie,
        );
        let icc = words([39_168, 148 << 8, 98 << 8], Encoding::Icc);
        let bytes = |[l, a, b]: [u8; 3], encoding| {
            to_rgb(&Raw::Bytes(vec![l, a, b]), 3, encoding, None).unwrap()
        };
        let shallow = bytes([153, 20, 226], Encoding::Cie);
        assert_eq!(shallow, bytes([153, 148, 98], Encoding::Icc));
        assert_eq!(cie[3], 77);
        for (level, others) in cie.iter().zip(icc.iter().zip(&shallow)) {
            assert!(level.abs_diff(*others.0) < 3 && level.abs_diff(*others.1) < 3);
        }
    }

    #[test]
    fn the_profile_is_always_the_same() {
        assert_eq!(profile(), profile());
        assert!(profile().is_some());
    }
}
