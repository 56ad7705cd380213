//! The gain map of an HDR photo (Ultra HDR, ISO 21496-1, Apple's) where the picture has changed.
//!
//! The map is a picture that says how much brighter each part is on an HDR screen. An outline that is not in the
//! picture any more would go on glowing, so the map is levelled where pixels have changed: it goes on
//! smoothly from what lies around. No gain at all would be no answer, a dark neck below a bright face.

use std::sync::Arc;

use image::DynamicImage;
use image::metadata::Orientation;

use super::change::Pixels;
use super::frame::FrameHeader;
use super::marker::{APP1, EXIF, Layout};
use super::trailer::{gain_map, replaced};
use super::{Fault, KeptSegments, Source};

/// A file with a levelled gain map.
pub(in super::super) struct Levelled {
    /// The file of the photo with that map behind the old picture.
    pub file: Vec<u8>,
    /// The length of the map in bytes.
    pub length: usize,
}

/// The file with its gain map levelled where the pixels change from `before`, as the file has them, to `upright`;
/// `None` when there is no map, or nothing to level.
///
/// # Errors
/// When the map cannot be read, or is of a kind that no program writes.
pub(in super::super) fn levelled(
    source: &Source,
    before: &DynamicImage,
    upright: &DynamicImage,
) -> Result<Option<Levelled>, Fault> {
    let Some(range) = gain_map(&source.bytes) else {
        return Ok(None);
    };
    let bytes = source.bytes.get(range.clone()).unwrap_or_default();
    let layout = Layout::of(bytes).ok_or(Fault::Nonsense("the gain map is no picture"))?;
    let header = FrameHeader::of(bytes, &layout);
    let header = header.ok_or(Fault::Nonsense("the gain map is no picture"))?;
    // Limits on load were for the photo.
    if header.width > before.width() as usize || header.height > before.height() as usize {
        return Err(Fault::Unsupported("a gain map larger than its photo"));
    }
    let map = Source {
        bytes: Arc::from(bytes),
        orientation: Orientation::NoTransforms,
        most_bytes: source.most_bytes,
    };
    let mut pixels = map.decoded()?;
    let size = (pixels.width() as usize, pixels.height() as usize);
    let (Some(old), Some(new)) = (
        Pixels::new(before, Orientation::NoTransforms),
        Pixels::new(upright, source.orientation),
    ) else {
        return Err(Fault::Unsupported("this kind of pixels"));
    };
    let photo = (before.width() as usize, before.height() as usize);
    let open = grown(&touched(&old, &new, photo, size), size);
    if !open.contains(&true) {
        return Ok(None);
    }
    let unlevelled = pixels.clone();
    let (samples, channels) = match &mut pixels {
        DynamicImage::ImageLuma8(pixels) => (&mut **pixels, 1),
        DynamicImage::ImageRgb8(pixels) => (&mut **pixels, 3),
        _ => return Err(Fault::Unsupported("this kind of gain map")),
    };
    for channel in 0..channels {
        let plane = samples.iter().skip(channel).step_by(channels);
        let plane: Vec<f32> = plane.map(|&sample| f32::from(sample)).collect();
        let level = filled(&plane, &open, size);
        let samples = samples.iter_mut().skip(channel).step_by(channels);
        for ((sample, level), open) in samples.zip(level).zip(&open) {
            if *open {
                *sample = level.round() as u8;
            }
        }
    }
    let exif = layout.segments.iter().find_map(|segment| {
        let content = bytes.get(segment.content.clone())?;
        let is_exif = segment.marker == APP1;
        content.strip_prefix(EXIF).filter(|_| is_exif)
    });
    let mut changed = map.changed(&unlevelled, &pixels, exif, KeptSegments::All)?;
    changed.extend(bytes.get(layout.end..).unwrap_or_default());
    Ok(Some(Levelled {
        file: replaced(&source.bytes, &range, &changed),
        length: changed.len(),
    }))
}

/// A change, in levels, at the soft rim of an edit, that leaves no outline behind.
const UNSEEN: u8 = 3;

/// Which pixels of the map cover a pixel that changes.
fn touched(
    old: &Pixels<'_>,
    new: &Pixels<'_>,
    photo: (usize, usize),
    map: (usize, usize),
) -> Vec<bool> {
    let mut touched = vec![false; map.0 * map.1];
    for y in 0..photo.1 {
        for x in 0..photo.0 {
            let pairs = old.at(x, y).iter().zip(new.at(x, y));
            if pairs.map(|(old, new)| old.abs_diff(*new)).max() > Some(UNSEEN) {
                let at = y * map.1 / photo.1 * map.0 + x * map.0 / photo.0;
                if let Some(touched) = touched.get_mut(at) {
                    *touched = true;
                }
            }
        }
    }
    touched
}

/// With the pixels around: whoever enlarges the map mixes them in.
fn grown(touched: &[bool], (width, height): (usize, usize)) -> Vec<bool> {
    let is_touched = |x: usize, y: usize| touched.get(y * width + x) == Some(&true);
    let is_near = |x: usize, y: usize| {
        let mut rows = y.saturating_sub(1)..(y + 2).min(height);
        rows.any(|y| (x.saturating_sub(1)..(x + 2).min(width)).any(|x| is_touched(x, y)))
    };
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    places.map(|(x, y)| is_near(x, y)).collect()
}

/// The plane with the open pixels filled in from those around, smoothly.
fn filled(plane: &[f32], open: &[bool], size: (usize, usize)) -> Vec<f32> {
    const SWEEPS: usize = 64;
    let (width, height) = size;
    let closed = plane.iter().zip(open).filter(|(_, open)| !**open);
    let (count, sum) = closed.fold((0, 0.0), |(count, sum), (value, _)| {
        (count + 1, sum + value)
    });
    if count == 0 {
        let mean = plane.iter().sum::<f32>() / plane.len().max(1) as f32;
        return vec![mean; plane.len()];
    }
    let mean = sum / count as f32;
    let level = Level {
        size,
        values: plane.to_owned(),
        weights: open.iter().map(|open| f32::from(!*open)).collect(),
    };
    let mut values = level.filled(mean);
    let open: Vec<usize> = (open.iter().enumerate())
        .filter_map(|(index, open)| open.then_some(index))
        .collect();
    // The pyramid leaves steps.
    for _ in 0..SWEEPS {
        let at = |x: usize, y: usize| values.get(y * width + x).copied().unwrap_or(mean);
        let smooth = open.iter().map(|index| {
            let (x, y) = (index % width, index / width);
            let sides = at(x.saturating_sub(1), y) + at((x + 1).min(width - 1), y);
            let ends = at(x, y.saturating_sub(1)) + at(x, (y + 1).min(height - 1));
            (sides + ends) / 4.0
        });
        let smooth: Vec<f32> = smooth.collect();
        for (index, smooth) in open.iter().zip(smooth) {
            if let Some(value) = values.get_mut(*index) {
                *value = smooth;
            }
        }
    }
    values
}

/// A level of a pyramid: values, and how sure each is, 0 to 1.
struct Level {
    size: (usize, usize),
    values: Vec<f32>,
    weights: Vec<f32>,
}

impl Level {
    /// The values, where they are not sure from the next coarser level. `mean` is for what nothing tells.
    fn filled(&self, mean: f32) -> Vec<f32> {
        let (width, height) = self.size;
        if self.weights.iter().all(|&weight| weight >= 1.0) {
            return self.values.clone();
        }
        if (width, height) == (1, 1) {
            return vec![mean];
        }
        let coarse = self.coarser();
        let (coarse_width, coarse_height) = coarse.size;
        let below = coarse.filled(mean);
        let at = |x: usize, y: usize| {
            let (x, y) = (x.min(coarse_width - 1), y.min(coarse_height - 1));
            below.get(y * coarse_width + x).copied().unwrap_or(mean)
        };
        // The nearest coarse pixel counts three times as much as the one beyond, as between centres.
        let pair = |at: usize| match at % 2 {
            0 => (at / 2, (at / 2).saturating_sub(1)),
            _ => (at / 2, at / 2 + 1),
        };
        let smooth = |x: usize, y: usize| {
            let ((near_x, far_x), (near_y, far_y)) = (pair(x), pair(y));
            let row = |y: usize| 0.75 * at(near_x, y) + 0.25 * at(far_x, y);
            0.75 * row(near_y) + 0.25 * row(far_y)
        };
        let known = self.values.iter().zip(&self.weights).enumerate();
        known
            .map(|(index, (value, weight))| {
                weight * value + (1.0 - weight) * smooth(index % width, index / width)
            })
            .collect()
    }

    /// Half as wide and high: means of what is sure.
    fn coarser(&self) -> Self {
        let (width, height) = self.size;
        let size = (width.div_ceil(2), height.div_ceil(2));
        let (mut values, mut weights) = (Vec::new(), Vec::new());
        for y in 0..size.1 {
            for x in 0..size.0 {
                let (mut sum, mut weight) = (0.0, 0.0);
                for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(a, b)| (2 * x + a, 2 * y + b))
                {
                    let index = y * width + x;
                    if x < width
                        && let (Some(value), Some(sure)) =
                            (self.values.get(index), self.weights.get(index))
                    {
                        sum += value * sure;
                        weight += sure;
                    }
                }
                values.push(if weight > 0.0 { sum / weight } else { 0.0 });
                weights.push(f32::min(weight, 1.0));
            }
        }
        Self {
            size,
            values,
            weights,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_in_a_slope_is_filled_with_the_slope() {
        let size = (40, 30);
        let places = (0..size.0 * size.1).map(|index| (index % size.0, index / size.0));
        let slope: Vec<f32> = places
            .clone()
            .map(|(x, y)| (2 * x + 3 * y) as f32)
            .collect();
        let open: Vec<bool> = places
            .map(|(x, y)| (10..25).contains(&x) && (8..20).contains(&y))
            .collect();
        let holed: Vec<f32> = (slope.iter().zip(&open))
            .map(|(value, open)| if *open { 255.0 } else { *value })
            .collect();
        let filled = filled(&holed, &open, size);
        let off = filled.iter().zip(&slope).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f32::max) < 4.0);
    }

    #[test]
    fn a_map_that_is_open_everywhere_becomes_its_mean() {
        assert_eq!(filled(&[1.0, 3.0], &[true; 2], (2, 1)), [2.0; 2]);
    }
}
