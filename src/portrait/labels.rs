//! What a face parser says of an aligned crop, and how far its neck can be trusted.

use image::GrayImage;

use super::masks::{LABEL_NECK, LABEL_SKIN, mask_of};
use super::raster::fill_polygon;
use crate::geometry::Landmarks;

/// Side of a label map, in pixels.
pub const LABELS_SIZE: u32 = 512;

/// Labels of bare skin that an edit may change: face, nose, neck.
pub const SKIN_LABELS: [u8; 3] = [LABEL_SKIN, 10, LABEL_NECK];

/// A label map and how far it can be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedLabels {
    /// 512×512, one of CelebAMask-HQ's labels a pixel: 0 background, 1 skin, 2/3 brows, 4/5 eyes, 6 glasses,
    /// 7/8 ears, 9 earring, 10 nose, 11 mouth, 12/13 lips, 14 neck, 15 necklace, 16 cloth, 17 hair, 18 hat.
    pub labels: GrayImage,
    /// The probability of [skin](SKIN_LABELS), 255 for certain; 512×512. It gives masks their soft edges.
    pub skin: GrayImage,
    /// 0–1: the mean probability of what is taken for neck, times how much of the space under the chin is
    /// bare skin. Below 0.5 look before you use it.
    pub neck_confidence: f32,
    /// What may be wrong with the neck.
    pub doubts: Vec<Doubt>,
}

/// What may be wrong with a neck, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Under the chin there is hardly any skin.
    #[error(
        "the neck is covered (by clothes, a scarf, hair or a hand); where skin shows, paint it in with the brush"
    )]
    Covered,
    /// Hardly any neck is in the crop.
    #[error("hardly any neck is visible; where it shows, paint it in with the brush")]
    TooSmall,
    /// The parser is unsure.
    #[error("the outline of the neck is uncertain; look at the mask and correct it with the brush")]
    Uncertain,
}

/// Part of the space under the chin that must be bare skin.
const LEAST_BARE: f32 = 0.35;
/// Part of the label map that must be neck.
const LEAST_NECK: f32 = 0.005;
/// Mean probability of skin on the neck.
const LEAST_CERTAIN: f32 = 0.8;
/// How far the space under the chin reaches down, in distances from nose bridge to chin.
const UNDER_CHIN: f64 = 0.22;

impl ParsedLabels {
    /// A label map with the probability of skin of each pixel, 255 for certain, both 512×512. Landmarks are
    /// in pixels of the map.
    pub fn new(labels: GrayImage, skin: GrayImage, landmarks: &Landmarks) -> Self {
        let neck: Vec<f32> = labels
            .iter()
            .zip(skin.iter())
            .filter(|(label, _)| **label == LABEL_NECK)
            .map(|(_, skin)| f32::from(*skin) / 255.0)
            .collect();
        let certain = neck.iter().sum::<f32>() / neck.len().max(1) as f32;
        let bare = bare_under_chin(&labels, landmarks);
        let is_small = (neck.len() as f32) < LEAST_NECK * labels.len() as f32;
        let doubts = [
            (bare < LEAST_BARE, Doubt::Covered),
            (is_small && bare >= LEAST_BARE, Doubt::TooSmall),
            (!is_small && certain < LEAST_CERTAIN, Doubt::Uncertain),
        ];
        Self {
            labels,
            skin,
            neck_confidence: certain * bare,
            doubts: doubts
                .into_iter()
                .filter_map(|(is, doubt)| is.then_some(doubt))
                .collect(),
        }
    }

    /// Is there a neck to edit?
    pub fn shows_neck(&self) -> bool {
        !self
            .doubts
            .iter()
            .any(|doubt| matches!(doubt, Doubt::Covered | Doubt::TooSmall))
    }

    /// A label map that is certain of itself.
    pub fn certain(labels: GrayImage, landmarks: &Landmarks) -> Self {
        let skin = mask_of(&labels, |label| SKIN_LABELS.contains(&label));
        Self::new(labels, skin, landmarks)
    }
}

/// How much of the space right under the chin is bare skin, 0 to 1.
fn bare_under_chin(labels: &GrayImage, landmarks: &Landmarks) -> f32 {
    let points = landmarks.points();
    let (bridge, chin) = (points[27], points[8]);
    let down = (chin - bridge) * UNDER_CHIN;
    let jaw = landmarks.jaw();
    let jaw = jaw[5..=11].iter().copied();
    let below = jaw.clone().rev().map(|point| point + down);
    let corners: Vec<_> = jaw
        .chain(below)
        .map(|point| (point.x.round() as i64, point.y.round() as i64))
        .collect();
    let zone = fill_polygon(&corners, labels.width(), labels.height());
    let inside = labels
        .iter()
        .zip(zone.iter())
        .filter(|(_, zone)| **zone > 0);
    let (bare, all) = inside.fold((0, 0), |(bare, all), (label, _)| {
        (bare + usize::from(SKIN_LABELS.contains(label)), all + 1)
    });
    bare as f32 / all.max(1) as f32
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;
    use crate::geometry::Point;

    /// A jaw that is half a circle with the chin at row 350, and this label below it.
    fn parsed(below: u8, skin: u8) -> ParsedLabels {
        let points = std::array::from_fn(|index| match index {
            0..17 => {
                let angle = std::f64::consts::PI * (1.0 - index as f64 / 16.0);
                Point::new(256.0 + 120.0 * angle.cos(), 230.0 + 120.0 * angle.sin())
            }
            27 => Point::new(256.0, 180.0),
            _ => Point::new(256.0, 200.0 + index as f64),
        });
        let labels = GrayImage::from_fn(LABELS_SIZE, LABELS_SIZE, |_, y| {
            Luma([if y < 300 { LABEL_SKIN } else { below }])
        });
        let skin = GrayImage::from_pixel(LABELS_SIZE, LABELS_SIZE, Luma([skin]));
        ParsedLabels::new(labels, skin, &Landmarks::new(points).unwrap())
    }

    #[test]
    fn a_bare_neck_raises_no_doubt() {
        let parsed = parsed(LABEL_NECK, 250);
        assert_eq!(parsed.doubts, []);
        assert!(parsed.shows_neck());
        assert!(parsed.neck_confidence > 0.9);
    }

    #[test]
    fn a_scarf_is_told() {
        let parsed = parsed(16, 250);
        assert_eq!(parsed.doubts, [Doubt::Covered]);
        assert!(!parsed.shows_neck());
        assert!(parsed.neck_confidence < 0.1);
    }

    #[test]
    fn skin_without_a_neck_is_told() {
        assert_eq!(parsed(LABEL_SKIN, 250).doubts, [Doubt::TooSmall]);
    }

    #[test]
    fn an_unsure_parser_is_told() {
        assert_eq!(parsed(LABEL_NECK, 150).doubts, [Doubt::Uncertain]);
    }
}
