use moxcms::{ColorProfile, LutDataType, LutStore, LutType, LutWarehouse};
use proptest::prelude::*;

use super::*;

/// The space of a file with this profile.
fn of_profile(profile: &ColorProfile) -> ColourSpace {
    ColourSpace::described_by(&with_profile(profile))
}

/// What a file with this profile says.
pub(crate) fn with_profile(profile: &ColorProfile) -> Metadata {
    Metadata {
        icc_profile: Some(profile.encode().unwrap()),
        ..Metadata::default()
    }
}

/// A profile of these primaries, with colorants as in common profiles.
fn of_primaries(curve: ColorProfile, white: [f64; 2], primaries: [[f64; 2]; 3]) -> ColorProfile {
    let colorants = primaries::colorants(white, primaries).unwrap();
    let [red, green, blue] = [0, 1, 2].map(|column| {
        let colorant = colorants.column(column);
        moxcms::Xyzd::new(colorant[0], colorant[1], colorant[2])
    });
    let mut profile = curve;
    profile.cicp = None;
    profile.red_colorant = red;
    profile.green_colorant = green;
    profile.blue_colorant = blue;
    profile
}

/// Display P3, with the curve of sRGB.
pub(crate) fn display_p3() -> ColorProfile {
    let primaries = [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060]];
    of_primaries(ColorProfile::new_srgb(), primaries::D65, primaries)
}

/// Adobe RGB (1998).
pub(crate) fn adobe_rgb() -> ColorProfile {
    let primaries = [[0.64, 0.33], [0.21, 0.71], [0.15, 0.06]];
    of_primaries(ColorProfile::new_adobe_rgb(), primaries::D65, primaries)
}

/// ProPhoto RGB, much wider than sRGB, with a gamma of 1.8.
pub(crate) fn pro_photo_rgb() -> ColorProfile {
    let primaries = [
        [0.734699, 0.265301],
        [0.159597, 0.840403],
        [0.036598, 0.000105],
    ];
    of_primaries(
        ColorProfile::new_pro_photo_rgb(),
        [0.345704, 0.358540],
        primaries,
    )
}

fn converted(space: &ColourSpace, rgb: [f32; 3]) -> [f32; 3] {
    let mut rgb = rgb;
    space.to_srgb(&mut rgb);
    rgb
}

/// The photo's value after a change in sRGB.
fn shifted(space: &ColourSpace, photo: [f32; 3], shift: [f32; 3]) -> [f32; 3] {
    let mut shifts = [shift];
    space.shifts_from_srgb(&[converted(space, photo)], &mut shifts);
    std::array::from_fn(|i| photo[i] + shifts[0][i])
}

fn levels(rgb: [f32; 3]) -> [i32; 3] {
    rgb.map(|value| (value * 255.0).round() as i32)
}

/// A profile without curves, whose table holds what `colour` gives (Lab, each in 0..=1).
pub(crate) fn table_profile(lab: impl Fn([f32; 3]) -> [f32; 3]) -> ColorProfile {
    const GRID: usize = 17;
    let mut clut = Vec::new();
    for index in 0..GRID * GRID * GRID {
        // The last channel changes fastest.
        let place = [index / (GRID * GRID), index / GRID % GRID, index % GRID];
        let colour = lab(place.map(|step| step as f32 / (GRID - 1) as f32));
        clut.extend(colour.map(|value| (value * 65535.0).round() as u16));
    }
    let line: Vec<u16> = (0..3).flat_map(|_| [0, 65535]).collect();
    let mut profile = ColorProfile::new_srgb();
    profile.red_trc = None;
    profile.green_trc = None;
    profile.blue_trc = None;
    profile.cicp = None;
    profile.pcs = moxcms::DataColorSpace::Lab;
    profile.red_colorant = Default::default();
    profile.green_colorant = Default::default();
    profile.blue_colorant = Default::default();
    profile.lut_a_to_b_perceptual = Some(LutWarehouse::Lut(LutDataType {
        num_input_channels: 3,
        num_output_channels: 3,
        num_clut_grid_points: GRID as u8,
        matrix: moxcms::Matrix3d::IDENTITY,
        num_input_table_entries: 2,
        num_output_table_entries: 2,
        input_table: LutStore::Store16(line.clone()),
        clut_table: LutStore::Store16(clut),
        output_table: LutStore::Store16(line),
        lut_type: LutType::Lut16,
    }));
    profile
}

/// Lightness and tint of a muted space that is no curve and matrix.
fn muted(rgb: [f32; 3]) -> [f32; 3] {
    let [red, green, blue] = rgb;
    let light = 0.05 + 0.9 * (0.3 * red + 0.6 * green + 0.1 * blue);
    let tint = |difference: f32| 128.0 / 255.0 + 0.15 * difference;
    [light, tint(red - green), tint(0.5 * (red + green) - blue)]
}

#[test]
fn display_p3_is_shown_with_the_strength_that_it_has() {
    let colour = [200.0, 90.0, 70.0].map(|level: f32| level / 255.0);
    let srgb = converted(&of_profile(&display_p3()), colour);
    assert_eq!(levels(srgb), [216, 81, 62]);
    // With the gamma of 2.2 that some programs write into such a profile.
    let mut of_gamma = display_p3();
    let curve = adobe_rgb().red_trc;
    of_gamma.red_trc = curve.clone();
    of_gamma.green_trc = curve.clone();
    of_gamma.blue_trc = curve;
    assert_eq!(
        levels(converted(&of_profile(&of_gamma), colour)),
        [217, 80, 60]
    );
}

#[test]
fn nothing_said_is_srgb_and_so_is_what_hardly_differs() {
    let files = [
        Metadata::default(),
        with_profile(&ColorProfile::new_srgb()),
        Metadata {
            png_srgb_intent: Some(0),
            png_gamma: Some(100_000),
            ..Metadata::default()
        },
        // As ImageMagick writes them beside sRGB.
        Metadata {
            png_gamma: Some(45_455),
            png_chromaticities: Some([
                31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000,
            ]),
            ..Metadata::default()
        },
        Metadata {
            cicp: Some([1, 13, 0, 1]),
            ..Metadata::default()
        },
        // What makes no sense.
        Metadata {
            icc_profile: Some(b"no profile".to_vec()),
            ..Metadata::default()
        },
        Metadata {
            png_chromaticities: Some([0; 8]),
            ..Metadata::default()
        },
        Metadata {
            cicp: Some([255, 255, 0, 1]),
            ..Metadata::default()
        },
    ];
    for file in files {
        let space = ColourSpace::described_by(&file);
        assert!(space.is_srgb(), "{file:?}");
        let own = [0.1, 0.7, 1.2];
        assert_eq!(converted(&space, own), own);
        let mut shifts = [[0.1, 0.0, -0.3]];
        space.shifts_from_srgb(&[own], &mut shifts);
        assert_eq!(shifts, [[0.1, 0.0, -0.3]]);
    }
}

#[test]
fn linear_light_is_brightened() {
    let linear = ColourSpace::described_by(&Metadata {
        png_gamma: Some(100_000),
        ..Metadata::default()
    });
    // 18 % grey, and the middle of the scale.
    assert_eq!(levels(converted(&linear, [0.18; 3])), [118; 3]);
    assert_eq!(levels(converted(&linear, [0.5; 3])), [188; 3]);
    let cicp = ColourSpace::described_by(&Metadata {
        cicp: Some([1, 8, 0, 1]),
        // Says otherwise, and comes second.
        icc_profile: with_profile(&display_p3()).icc_profile,
        ..Metadata::default()
    });
    let colour = [0.2, 0.5, 0.05];
    for (a, b) in converted(&linear, colour)
        .into_iter()
        .zip(converted(&cicp, colour))
    {
        assert!((a - b).abs() < 1e-4);
    }
}

#[test]
fn chromaticities_say_what_a_profile_says() {
    let by_numbers = ColourSpace::described_by(&Metadata {
        // Adobe RGB (1998).
        png_gamma: Some(45_470),
        png_chromaticities: Some([
            31_270, 32_900, 64_000, 33_000, 21_000, 71_000, 15_000, 6_000,
        ]),
        ..Metadata::default()
    });
    let by_profile = of_profile(&adobe_rgb());
    for colour in [[0.8, 0.4, 0.3], [0.3, 0.8, 0.4], [0.5; 3]] {
        let pair = converted(&by_numbers, colour)
            .into_iter()
            .zip(converted(&by_profile, colour));
        // Their curves differ by what sRGB's differs from a gamma of 2.2.
        for (a, b) in pair {
            assert!((a - b).abs() < 2.5 / 255.0, "{colour:?} {a} {b}");
        }
    }
}

#[test]
fn the_reference_white_of_high_dynamic_range_is_white() {
    for (transfer, white) in [(16, 0.5807), (18, 0.75)] {
        let space = ColourSpace::described_by(&Metadata {
            cicp: Some([9, transfer, 0, 1]),
            ..Metadata::default()
        });
        for value in converted(&space, [white; 3]) {
            assert!((value - 1.0).abs() < 0.01, "{transfer}: {value}");
        }
        assert!(converted(&space, [1.0; 3])[0] > 1.5);
    }
}

#[test]
fn greys_stay_greys() {
    for profile in [
        ColorProfile::new_gray_with_gamma(1.8),
        display_p3(),
        pro_photo_rgb(),
    ] {
        let space = of_profile(&profile);
        assert!(!space.is_srgb());
        for level in 0..=255u8 {
            let grey = [f32::from(level) / 255.0; 3];
            let [red, green, blue] = converted(&space, grey);
            assert!((red - green).abs() < 0.5 / 255.0 && (blue - green).abs() < 0.5 / 255.0);
            let [red, green, blue] = shifted(&space, grey, [0.1; 3]);
            assert!((red - green).abs() < 0.5 / 255.0 && (blue - green).abs() < 0.5 / 255.0);
        }
    }
    // A gamma of 1.8 is brighter in its shadows than sRGB.
    let grey = of_profile(&ColorProfile::new_gray_with_gamma(1.8));
    assert_eq!(levels(converted(&grey, [0.5; 3])), [146; 3]);
}

#[test]
fn spaces_of_a_table_are_converted_there_and_back() {
    let profile = table_profile(muted);
    // The way back is not even there.
    assert!(profile.lut_b_to_a_perceptual.is_none());
    let space = of_profile(&profile);
    assert!(matches!(space.0, Kind::Table(_)));
    for colour in [[0.2, 0.5, 0.7], [0.9, 0.6, 0.5], [0.05; 3], [1.0, 0.0, 0.3]] {
        let mut there = converted(&space, colour);
        assert!(there.iter().zip(colour).any(|(a, b)| (a - b).abs() > 0.02));
        space.from_srgb(&mut there);
        for (found, own) in there.into_iter().zip(colour) {
            assert!((found - own).abs() < 0.005, "{colour:?} {there:?}");
        }
    }
}

#[test]
fn the_longest_curve_is_read() {
    let mut profile = display_p3();
    let curve = (0..=u16::MAX).map(|level| {
        let light = (f32::from(level) / 65535.0).powf(1.8);
        (light * 65535.0).round() as u16
    });
    let curve = moxcms::ToneReprCurve::Lut(curve.collect());
    profile.cicp = None;
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    let space = of_profile(&profile);
    assert_eq!(levels(converted(&space, [0.5; 3])), [146; 3]);
}

proptest! {
    #[test]
    fn there_and_back_is_where_one_was(rgb in prop::array::uniform3(0.0f32..=1.0), wide in 0..3usize) {
        let profile = [
            display_p3(),
            adobe_rgb(),
            pro_photo_rgb(),
        ];
        let space = of_profile(&profile[wide]);
        let mut there = converted(&space, rgb);
        space.from_srgb(&mut there);
        for (found, own) in there.into_iter().zip(rgb) {
            prop_assert!((found - own).abs() < 2e-4, "{found} {own}");
        }
    }

    #[test]
    fn a_shift_is_one_in_srgb(
        rgb in prop::array::uniform3(0.2f32..=0.8),
        shift in prop::array::uniform3(-0.1f32..0.1),
    ) {
        for profile in [display_p3(), pro_photo_rgb()] {
            let space = of_profile(&profile);
            let mut before = rgb;
            space.to_srgb(&mut before);
            let mut after = shifted(&space, rgb, shift);
            prop_assume!(after.iter().all(|value| (0.001..0.999).contains(value)));
            space.to_srgb(&mut after);
            for i in 0..3 {
                // Below the range of the photo's space there is nothing to go to.
                prop_assert!((after[i] - before[i] - shift[i]).abs() < 1e-3, "{after:?} {before:?} {shift:?}");
            }
        }
    }

    #[test]
    fn no_profile_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), at in 0..400usize) {
        let mut damaged = display_p3().encode().unwrap();
        let range = at..(at + bytes.len()).min(damaged.len());
        if let Some(part) = damaged.get_mut(range) {
            part.copy_from_slice(&bytes[..part.len()]);
        }
        for bytes in [bytes, damaged] {
            let space = ColourSpace::described_by(&Metadata {
                icc_profile: Some(bytes),
                ..Metadata::default()
            });
            let mut rgb = [0.2, 0.5, 0.9, f32::NAN, -1.0, 9.0];
            space.to_srgb(&mut rgb);
            space.from_srgb(&mut rgb);
        }
    }
}
