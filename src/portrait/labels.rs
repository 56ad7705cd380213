//! Label maps: from a network's answer, or without a network.
//!
//! Face parsing without a network: a label map from landmarks and the statistics of colour.
//!
//! The face's parts are polygons of landmarks. The neck is what is cut out below the jaw line by
//! [`cut`]: every pixel prefers the side whose colours and texture it resembles, skin (learnt from
//! cheeks and chin, and from what lies right under the chin) or anything else (learnt beside the
//! face: hair, clothes, background); a neck is where necks are; and the border is short and lies
//! on edges. This is GrabCut (Rother, Kolmogorov, Blake 2004) with two seeds that the landmarks
//! give. Hair, clothes and background are rough.
//!
//! Skin-coloured scarves and collars, full beards and hands defeat it; [`ParsedLabels`] says when
//! it is in doubt, though it does not notice every collar.

mod cut;
mod features;
mod mixture;
mod zones;

use image::imageops::{self, FilterType};
use image::{GrayImage, Luma, RgbImage};

use super::morphology::{dilate, largest_component};
use super::raster::fill_polygon;
use super::{Error, square_side};
use crate::geometry::{Landmarks, Point};
use cut::Cut;
use features::{Features, box_mean};
use mixture::{Feature, Mixture};
use zones::{CUT_SCALE, FOREHEAD, Frame, Zones};

/// Side of a label map, in pixels.
pub const LABELS_SIZE: u32 = 512;

/// A label map and how far it can be trusted.
#[derive(Debug, Clone)]
pub struct ParsedLabels {
    /// 512×512; each pixel is one of the labels 0 background, 1 skin, 2/3 brows, 4/5 eyes, 10 nose,
    /// 11 mouth, 12/13 lips, 14 neck, 16 cloth, 17 hair.
    pub labels: GrayImage,
    /// 0–1: how clearly the neck differs from what is around it, times how much of the space right
    /// under the chin it fills. Below 0.6 look before you use it.
    pub neck_confidence: f32,
    /// What may be wrong with the neck.
    pub doubts: Vec<Doubt>,
}

impl ParsedLabels {
    /// The labels of a parser that was trained to tell them: trusted, and without doubts but for a neck
    /// that is hardly there.
    pub fn of_network(labels: GrayImage) -> Self {
        let neck = labels.pixels().filter(|label| label[0] == NECK).count();
        let is_hardly_there = neck < labels.len() / 200;
        Self {
            labels,
            neck_confidence: if is_hardly_there { 0.0 } else { 1.0 },
            doubts: is_hardly_there
                .then_some(Doubt::TooSmall)
                .into_iter()
                .collect(),
        }
    }
}

/// What may be wrong with a neck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The colours under the chin are not those of the face.
    #[error("under the chin there is something else than skin (a beard, a collar, a hand?)")]
    CoveredChin,
    /// Hair or clothes have the colour of the skin.
    #[error("hair, clothes or background look much like skin, so the neck's border is uncertain")]
    SimilarSurroundings,
    /// The neck is wider than the face.
    #[error("the neck came out wider than a neck is")]
    TooWide,
    /// Hardly any neck.
    #[error("hardly any neck is visible")]
    TooSmall,
}

/// The crop is cut at this size: the neck's border is softened by far more than two pixels later.
const CUT_SIZE: usize = 256;

/// Parses an aligned crop (square, any size) with its landmarks in pixels of a 512-px label map.
///
/// # Errors
/// [`Error::NotSquare`] when the crop is not square, [`Error::FaceSize`] when the landmarks do not
/// span a face.
pub fn parse_without_network(
    crop: &RgbImage,
    landmarks: &Landmarks,
) -> Result<ParsedLabels, Error> {
    square_side("crop", crop.dimensions())?;
    let frame = Frame::of(landmarks).ok_or_else(|| Error::FaceSize {
        quad_size: landmarks.jaw()[0].distance(landmarks.jaw()[16]),
        photo: (LABELS_SIZE, LABELS_SIZE),
    })?;
    let features = Features::of(crop, CUT_SIZE);
    let zones = Zones::of(landmarks, &frame);
    let neck = find_neck(&features, &zones);

    let mut labels = surroundings(&features, &zones);
    for (x, y, label) in labels.enumerate_pixels_mut() {
        if neck.mask.get_pixel(x, y)[0] > 0 {
            *label = Luma([NECK]);
        }
    }
    draw_face(&mut labels, landmarks, &frame);
    Ok(ParsedLabels {
        labels,
        neck_confidence: neck.confidence,
        doubts: neck.doubts,
    })
}

const BACKGROUND: u8 = 0;
const SKIN: u8 = 1;
const NECK: u8 = 14;
const CLOTH: u8 = 16;
const HAIR: u8 = 17;

/// The neck that was cut out.
struct Neck {
    /// At the label map's size, 255 inside; beneath the face polygon it may go on.
    mask: GrayImage,
    confidence: f32,
    doubts: Vec<Doubt>,
}

/// How much colours count against the length of the border.
const COLOUR_WEIGHT: f32 = 0.12;
/// Largest logarithm of a ratio of densities that is believed.
const MOST_EVIDENCE: f32 = 5.0;
/// How much place counts.
const PLACE_WEIGHT: f32 = 0.3;
const SKIN_PARTS: usize = 3;
const OTHER_PARTS: usize = 6;
const ROUNDS: usize = 200;
/// The second pass knows the neck of the first.
const PASSES: usize = 2;
/// Enough for a mixture of six.
const MOST_SAMPLES: usize = 4000;

fn find_neck(features: &Features, zones: &Zones) -> Neck {
    let (skin_samples, covered) = skin_samples(features, zones);
    let mut others = chosen(features, |i| zones.beside[i] && !zones.face[i]);
    let mut skins = skin_samples.clone();
    let known: Vec<Option<bool>> = (0..features.pixels.len())
        .map(|i| match (zones.face[i], zones.reluctance[i]) {
            (true, _) => Some(true),
            (false, None) => Some(false),
            _ => None,
        })
        .collect();
    // Nothing is to be decided in the rows above the neck.
    let first = known.iter().position(Option::is_none).unwrap_or_default();
    let first = first - first % features.size;

    let length_cost = length_cost(features, &known);
    let mut skin = vec![0.0; features.pixels.len()];
    let mut inside: Vec<f32> = known.iter().map(|k| f32::from(*k == Some(true))).collect();
    for _ in 0..PASSES {
        let (Some(like_skin), Some(like_other)) = (
            Mixture::fit(&skins, SKIN_PARTS),
            Mixture::fit(&others, OTHER_PARTS),
        ) else {
            break;
        };
        for (skin, pixel) in skin.iter_mut().zip(&features.pixels).skip(first) {
            let evidence = like_skin.log_density(pixel) - like_other.log_density(pixel);
            *skin = evidence.clamp(-MOST_EVIDENCE, MOST_EVIDENCE);
        }
        let cost: Vec<f32> = (first..skin.len())
            .map(|i| PLACE_WEIGHT * zones.reluctance[i].unwrap_or(1.0) - COLOUR_WEIGHT * skin[i])
            .collect();
        let cut = Cut {
            width: features.size,
            cost: &cost,
            length_cost: &length_cost[first..],
            known: &known[first..],
        };
        inside.splice(first.., cut.solve(ROUNDS));
        let is_neck = |i: usize| inside[i] > 0.5 && !zones.face[i];
        skins = [skin_samples.clone(), chosen(features, is_neck)].concat();
        others = chosen(features, |i| {
            inside[i] <= 0.5 && (zones.beside[i] || zones.low[i])
        });
    }
    judge(zones, &skin, &inside, covered)
}

/// The features of the pixels that are asked for, thinned out to what a mixture needs.
fn chosen(features: &Features, is: impl Fn(usize) -> bool) -> Vec<Feature> {
    let indices: Vec<usize> = (0..features.pixels.len()).filter(|&i| is(i)).collect();
    let step = indices.len().div_ceil(MOST_SAMPLES).max(1);
    let thinned = indices.iter().step_by(step);
    thinned.map(|&i| features.pixels[i]).collect()
}

/// Skin of the cheeks, and what is under the chin as far as it resembles it; and the part of that
/// which does not.
fn skin_samples(features: &Features, zones: &Zones) -> (Vec<Feature>, f32) {
    let cheeks = chosen(features, |i| zones.cheeks[i]);
    let middle = |channel: usize| median(cheeks.iter().map(|f| f[channel]).collect());
    let typical = [0, 1, 2].map(middle);
    let spread = |channel: usize| {
        median(
            cheeks
                .iter()
                .map(|f| (f[channel] - typical[channel]).abs())
                .collect(),
        )
    };
    let (blue, red) = (spread(1).max(2.0), spread(2).max(2.0));
    let resembles = |f: &&Feature| {
        let chroma = ((f[1] - typical[1]) / blue).hypot((f[2] - typical[2]) / red);
        // Shadows under the chin are dark and a little greyer.
        chroma < 6.0 && f[0] > 0.3 * typical[0] && f[0] < 1.4 * typical[0]
    };
    let under = chosen(features, |i| zones.under_chin[i]);
    let bare: Vec<Feature> = under.iter().filter(resembles).copied().collect();
    let covered = 1.0 - bare.len() as f32 / under.len().max(1) as f32;
    let skin = cheeks.iter().filter(resembles).copied();
    (skin.chain(bare).collect(), covered)
}

fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Cutting along edges is cheap: what is an edge is measured by the differences that are common
/// where the cut may go.
fn length_cost(features: &Features, known: &[Option<bool>]) -> Vec<f32> {
    let edges = features.edges.iter().zip(known);
    let open = edges
        .filter(|(_, known)| known.is_none())
        .map(|(edge, _)| *edge);
    let common = (2.0 * median(open.collect())).max(2.0);
    let cost = |edge: &f32| 0.05 + (-(edge / common).powi(2)).exp();
    features.edges.iter().map(cost).collect()
}

/// The neck's mask, and what speaks against it.
fn judge(zones: &Zones, skin: &[f32], inside: &[f32], covered: f32) -> Neck {
    let mask = neck_mask(zones, inside);
    let is_neck = |i: usize| inside[i] > 0.5 && !zones.face[i];
    let open = |i: usize| zones.reluctance[i].is_some() && !zones.face[i];
    let all = || 0..inside.len();
    let count = |is: &dyn Fn(usize) -> bool| all().filter(|&i| is(i)).count() as f32;
    // Mean probability that the pixels are on their side of the border.
    let mean = |is: &dyn Fn(usize) -> bool, sign: f32| {
        let probabilities = all()
            .filter(|&i| is(i))
            .map(|i| (1.0 + (-sign * skin[i]).exp()).recip());
        probabilities.sum::<f32>() / count(is).max(1.0)
    };
    let inner = mean(&is_neck, 1.0);
    let outer = mean(&|i| open(i) && !is_neck(i), -1.0);
    let under = count(&|i| zones.under_chin[i]).max(1.0);
    let reached = count(&|i| zones.under_chin[i] && is_neck(i)) / under;
    let filled = count(&is_neck) / count(&open).max(1.0);

    let doubts = [
        (
            covered > MOST_COVERED || reached < LEAST_REACHED,
            Doubt::CoveredChin,
        ),
        (inner.min(outer) < LEAST_CLEAR, Doubt::SimilarSurroundings),
        (filled > MOST_FILLED, Doubt::TooWide),
        (filled < LEAST_FILLED, Doubt::TooSmall),
    ];
    Neck {
        mask,
        confidence: inner.min(outer) * reached,
        doubts: doubts
            .into_iter()
            .filter_map(|(is, doubt)| is.then_some(doubt))
            .collect(),
    }
}

/// Part of the space under the chin that may have other colours than the cheeks.
const MOST_COVERED: f32 = 0.85;
/// Part of the space under the chin that must have become neck.
const LEAST_REACHED: f32 = 0.6;
/// Mean probability on either side of the border.
const LEAST_CLEAR: f32 = 0.75;
/// Parts of the space where a neck can be.
const MOST_FILLED: f32 = 0.85;
const LEAST_FILLED: f32 = 0.08;

/// The largest piece of neck outside the face, with a smooth border, at the label map's size.
fn neck_mask(zones: &Zones, inside: &[f32]) -> GrayImage {
    let size = CUT_SIZE as u32;
    let picture = |value: &dyn Fn(usize) -> u8| {
        GrayImage::from_fn(size, size, |x, y| Luma([value((y * size + x) as usize)]))
    };
    let hard = picture(&|i| {
        if inside[i] > 0.5 && !zones.face[i] {
            255
        } else {
            0
        }
    });
    let neck = largest_component(&hard);
    // Where the neck meets the face there is no border; elsewhere along the face there is no neck.
    let near = dilate(&neck, 5);
    let soft = picture(&|i| match near.as_raw()[i] {
        0 => 0,
        _ => (inside[i] * 255.0).round() as u8,
    });
    let mut mask = imageops::resize(&soft, LABELS_SIZE, LABELS_SIZE, FilterType::Triangle);
    for pixel in mask.pixels_mut() {
        pixel[0] = if pixel[0] > 127 { 255 } else { 0 };
    }
    mask
}

/// Hair, clothes and background, each where its colours are likeliest.
fn surroundings(features: &Features, zones: &Zones) -> GrayImage {
    let classes = [
        (HAIR, &zones.above),
        (CLOTH, &zones.shoulder),
        (BACKGROUND, &zones.corner),
    ];
    let likelihoods = classes.map(|(label, zone)| {
        let samples = chosen(features, |i| zone[i] && !zones.face[i]);
        let mixture = Mixture::fit(&samples, SURROUNDING_PARTS);
        let log = |pixel| {
            mixture
                .as_ref()
                .map_or(f32::NEG_INFINITY, |m| m.log_density(pixel).max(-40.0))
        };
        let logs: Vec<f32> = features.pixels.iter().map(log).collect();
        (label, box_mean(&logs, features.size, 2))
    });
    GrayImage::from_fn(LABELS_SIZE, LABELS_SIZE, |x, y| {
        let i = [y, x].map(|c| (f64::from(c) / CUT_SCALE) as usize);
        let i = i[0] * features.size + i[1];
        let possible = likelihoods
            .iter()
            .filter(|(label, _)| *label != CLOTH || zones.low[i]);
        let best = possible.max_by(|a, b| a.1[i].total_cmp(&b.1[i]));
        Luma([best.map_or(BACKGROUND, |(label, _)| *label)])
    })
}

const SURROUNDING_PARTS: usize = 3;

/// Draws the parts of the face, as polygons of landmarks.
fn draw_face(labels: &mut GrayImage, landmarks: &Landmarks, frame: &Frame) {
    let points = landmarks.points();
    let lifted = |range: std::ops::RangeInclusive<usize>, by: f64| {
        let offset = frame.down * (by * frame.height);
        range.map(move |i| points[i] - offset).collect::<Vec<_>>()
    };
    let plain = |indices: &[usize]| indices.iter().map(|&i| points[i]).collect::<Vec<_>>();
    let reversed = |mut points: Vec<Point>| {
        points.reverse();
        points
    };
    let brow = |range: std::ops::RangeInclusive<usize>| {
        [lifted(range.clone(), 0.03), reversed(lifted(range, -0.02))].concat()
    };
    let parts = [
        (
            SKIN,
            [lifted(0..=16, 0.0), reversed(lifted(17..=26, FOREHEAD))].concat(),
        ),
        (2, brow(17..=21)),
        (3, brow(22..=26)),
        (4, lifted(36..=41, 0.0)),
        (5, lifted(42..=47, 0.0)),
        (10, plain(&[27, 31, 32, 33, 34, 35])),
        (12, plain(&[48, 49, 50, 51, 52, 53, 54, 64, 63, 62, 61, 60])),
        (13, plain(&[54, 55, 56, 57, 58, 59, 48, 60, 67, 66, 65, 64])),
        (11, lifted(60..=67, 0.0)),
    ];
    for (label, polygon) in parts {
        let corners: Vec<_> = polygon
            .iter()
            .map(|p| ((p.x + 0.5).floor() as i64, (p.y + 0.5).floor() as i64))
            .collect();
        let mask = fill_polygon(&corners, LABELS_SIZE, LABELS_SIZE);
        for (to, from) in labels.pixels_mut().zip(mask.pixels()) {
            if from[0] > 0 {
                *to = Luma([label]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
