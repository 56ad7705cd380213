//! The space that a file describes: by a colour profile, or by chunks of a PNG file.

use std::panic::{AssertUnwindSafe, catch_unwind};

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace,
    MatrixCoefficients, ParsingOptions, ToneReprCurve, TransferCharacteristics,
};
#[cfg(feature = "heif")]
use moxcms::{LocalizableString, ProfileText};

use super::Kind;
use super::curve::{Curve, light_of_srgb};
use super::primaries::{self, D65, colorants, colorants_of, srgb_light_from};
use super::shaper::Shaper;
use super::table::Table;
use crate::photo::Metadata;

/// A gamma within this share of 1/2.2 means sRGB: programs write it beside pixels in sRGB, because
/// the chunk has no better number for its curve.
const GAMMA_OF_SRGB: std::ops::RangeInclusive<u32> = 45_000..=46_000;

/// The space that a file describes; `None` when it says nothing that can be understood. Where it says
/// more than one thing, the order is that of the PNG specification (third edition, 4.3).
pub(super) fn described(metadata: &Metadata) -> Option<Kind> {
    if let Some(kind) = metadata.cicp.and_then(of_cicp) {
        return Some(kind);
    }
    if let Some(profile) = &metadata.icc_profile {
        let kind = of_any_profile(profile);
        if kind.is_none() {
            tracing::debug!("the photo's colour profile makes no sense; sRGB is assumed");
        }
        return kind;
    }
    if metadata.png_srgb_intent.is_some() {
        return Some(Kind::Srgb);
    }
    of_gamma(metadata.png_gamma, metadata.png_chromaticities)
}

/// Whether the space had to be taken from the colour profile, and that cannot be read.
pub(super) fn has_unread_profile(metadata: &Metadata) -> bool {
    let profile = metadata.icc_profile.as_deref();
    let profile = profile.filter(|_| metadata.cicp.and_then(of_cicp).is_none());
    profile.is_some_and(|profile| of_any_profile(profile).is_none())
}

fn of_any_profile(profile: &[u8]) -> Option<Kind> {
    // Parsers are known to panic on malicious files.
    catch_unwind(AssertUnwindSafe(|| of_profile(profile))).unwrap_or_default()
}

fn of_profile(profile: &[u8]) -> Option<Kind> {
    let options = ParsingOptions {
        max_allowed_trc_size: 1 << 16,
        ..ParsingOptions::default()
    };
    let profile = ColorProfile::new_from_slice_with_options(profile, options).ok()?;
    let curve = |curve: &Option<ToneReprCurve>| {
        let curve = curve.as_ref()?.make_linear_evaluator().ok()?;
        Some(Curve::new(|encoded| curve.evaluate_value(encoded)))
    };
    match profile.color_space {
        DataColorSpace::Gray => Some(Kind::shaper(Shaper::grey(curve(&profile.gray_trc)?))),
        DataColorSpace::Rgb => {
            if let Some(cicp) = profile.cicp.filter(is_of_high_range) {
                return from_cicp(cicp);
            }
            if let Some(table) = Table::of(&profile) {
                return Some(Kind::Table(table.into()));
            }
            let curves = [
                curve(&profile.red_trc)?,
                curve(&profile.green_trc)?,
                curve(&profile.blue_trc)?,
            ];
            let matrix = srgb_light_from(&colorants_of(&profile))?;
            Some(Kind::shaper(Shaper::new(curves, matrix)?))
        }
        _ => None,
    }
}

/// The four numbers of ITU-T H.273. Only full-range RGB is a picture's.
fn of_cicp([primaries, transfer, matrix, full_range]: [u8; 4]) -> Option<Kind> {
    if (matrix, full_range) != (0, 1) {
        return None;
    }
    from_cicp(CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    })
}

fn from_cicp(cicp: CicpProfile) -> Option<Kind> {
    let transfer = cicp.transfer_characteristics;
    let curve = ToneReprCurve::make_cicp_linear_evaluator(transfer).ok()?;
    let light = |encoded| curve.evaluate_value(encoded);
    let curve = match transfer {
        // Curves of these have room for highlights: sRGB's white is their reference white, of 203 cd/m²
        // (ITU-R BT.2408), and what is brighter lies beyond 1.
        TransferCharacteristics::Smpte2084 => {
            Curve::new(|encoded| light(encoded) * 10_000.0 / 203.0)
        }
        TransferCharacteristics::Hlg => Curve::new(|encoded| light(encoded) * 1_000.0 / 203.0),
        _ => Curve::new(light),
    };
    let primaries = ColorPrimaries::try_from(cicp.color_primaries).ok()?;
    let [red, green, blue] = [primaries.red, primaries.green, primaries.blue]
        .map(|primary| [primary.x, primary.y].map(f64::from));
    let white = white_of(cicp.color_primaries);
    let matrix = srgb_light_from(&colorants(white, [red, green, blue])?)?;
    let curves = [curve.clone(), curve.clone(), curve];
    Some(Kind::shaper(Shaper::new(curves, matrix)?))
}

/// An ICC profile of these primaries and this transfer function, by their numbers in ITU-T H.273; `None` for
/// sRGB's, which need none, and for what is not known.
#[cfg(feature = "heif")]
pub(in crate::photo) fn profile_of_cicp(primaries: u8, transfer: u8) -> Option<Vec<u8>> {
    const UNSPECIFIED: u8 = 2;
    const BT709: u8 = 1;
    const SRGB: u8 = 13;
    let or = |number: u8, usual: u8| if number == UNSPECIFIED { usual } else { number };
    let (primaries, transfer) = (or(primaries, BT709), or(transfer, SRGB));
    if (primaries, transfer) == (BT709, SRGB) {
        return None;
    }
    let mut profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    profile.red_trc.as_ref()?;
    let text = |text: String| {
        let text = LocalizableString::new("en".to_owned(), "US".to_owned(), text);
        Some(ProfileText::Localizable(vec![text]))
    };
    profile.description = text(format!("H.273 primaries {primaries}, transfer {transfer}"));
    profile.copyright = text("CC0".to_owned());
    encoded(&profile)
}

/// A profile that we make: always the same bytes.
pub(in crate::photo) fn encoded(profile: &ColorProfile) -> Option<Vec<u8>> {
    const CREATED: std::ops::Range<usize> = 24..36;
    let mut profile = profile.encode().ok()?;
    // The first day of 2000, instead of today.
    let date = [2000_u16, 1, 1, 0, 0, 0];
    let date = date.into_iter().flat_map(u16::to_be_bytes);
    (profile.get_mut(CREATED)?.iter_mut().zip(date)).for_each(|(byte, new)| *byte = new);
    Some(profile)
}

fn is_of_high_range(cicp: &CicpProfile) -> bool {
    matches!(
        cicp.transfer_characteristics,
        TransferCharacteristics::Smpte2084 | TransferCharacteristics::Hlg
    )
}

/// `gAMA` and `cHRM`; what is missing is as in sRGB.
fn of_gamma(gamma: Option<u32>, chromaticities: Option<[u32; 8]>) -> Option<Kind> {
    let gamma = gamma.filter(|gamma| *gamma > 0 && !GAMMA_OF_SRGB.contains(gamma));
    let curve = match gamma {
        Some(gamma) => {
            let exponent = 100_000.0 / gamma as f32;
            Curve::new(|encoded| encoded.powf(exponent))
        }
        None if chromaticities.is_none() => return None,
        None => Curve::new(light_of_srgb),
    };
    let [white, red, green, blue] = match chromaticities {
        Some([wx, wy, rx, ry, gx, gy, bx, by]) => [[wx, wy], [rx, ry], [gx, gy], [bx, by]]
            .map(|place| place.map(|number| f64::from(number) / 100_000.0)),
        None => {
            let [red, green, blue] = primaries::SRGB;
            [D65, red, green, blue]
        }
    };
    let matrix = srgb_light_from(&colorants(white, [red, green, blue])?)?;
    let curves = [curve.clone(), curve.clone(), curve];
    Some(Kind::shaper(Shaper::new(curves, matrix)?))
}

/// The white that primaries of ITU-T H.273 go with.
fn white_of(primaries: CicpColorPrimaries) -> [f64; 2] {
    match primaries {
        CicpColorPrimaries::Bt470M | CicpColorPrimaries::GenericFilm => [0.310, 0.316],
        CicpColorPrimaries::Xyz => [1.0 / 3.0; 2],
        CicpColorPrimaries::Smpte431 => [0.314, 0.351],
        _ => D65,
    }
}
