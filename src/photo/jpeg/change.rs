//! A change of pixels as a change of coefficients.
//!
//! The transform is linear: what is added to the samples of a block is, transformed and divided by the
//! quantisation steps, what is to be added to its coefficients. So a block whose samples stay as they are keeps its
//! coefficients, and one that changes a little is not coded a second time with all its losses.

#![expect(
    clippy::indexing_slicing,
    reason = "blocks are 8 by 8, and a place in one comes from no file"
)]

use image::DynamicImage;
use image::metadata::Orientation;

use super::Fault;
use super::frame::{Block, Component, Frame};

/// How the samples of a picture's components become the pixels that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    Grey,
    Rgb,
    YCbCr,
    /// Four inks, 255 standing for none, as Adobe's programs write them.
    Cmyk,
    /// The same, with the first three as luma and chroma of their opposite.
    Ycck,
}

/// The photo's pixels in the order in which the file has them.
pub(super) struct Pixels<'a> {
    samples: &'a [u8],
    channels: usize,
    origin: isize,
    step_x: isize,
    step_y: isize,
}

impl<'a> Pixels<'a> {
    /// Pixels that are upright, and how they lie in the file. `None` for kinds that no JPEG file has.
    pub fn new(upright: &'a DynamicImage, orientation: Orientation) -> Option<Self> {
        let (samples, channels) = match upright {
            DynamicImage::ImageLuma8(pixels) => (pixels.as_raw(), 1),
            DynamicImage::ImageRgb8(pixels) => (pixels.as_raw(), 3),
            _ => return None,
        };
        let (width, height) = (upright.width() as isize, upright.height() as isize);
        let (right, bottom) = (width - 1, (height - 1) * width);
        // Where the file's first pixel is, and what lies to its right and below it.
        let (origin, step_x, step_y) = match orientation {
            Orientation::NoTransforms => (0, 1, width),
            Orientation::FlipHorizontal => (right, -1, width),
            Orientation::Rotate180 => (bottom + right, -1, -width),
            Orientation::FlipVertical => (bottom, 1, -width),
            Orientation::Rotate90FlipH => (0, width, 1),
            Orientation::Rotate90 => (right, width, -1),
            Orientation::Rotate270FlipH => (bottom + right, -width, -1),
            Orientation::Rotate270 => (bottom, -width, 1),
        };
        Some(Self {
            samples,
            channels,
            origin,
            step_x,
            step_y,
        })
    }

    pub fn at(&self, x: usize, y: usize) -> &[u8] {
        let index = self.origin + self.step_x * x as isize + self.step_y * y as isize;
        let start = usize::try_from(index)
            .unwrap_or(usize::MAX)
            .saturating_mul(self.channels);
        let end = start.saturating_add(self.channels);
        self.samples.get(start..end).unwrap_or_default()
    }

    fn rgb(&self, x: usize, y: usize) -> [f32; 3] {
        match *self.at(x, y) {
            [r, g, b] => [r, g, b].map(f32::from),
            [grey] => [grey.into(); 3],
            _ => [0.0; 3],
        }
    }
}

/// Changes the coefficients where pixels change from `before` to `after`. Both lie as in the file and are
/// as large as the frame. Returns how many MCUs were touched.
pub(super) fn apply(
    frame: &mut Frame,
    model: Model,
    before: &Pixels<'_>,
    after: &Pixels<'_>,
) -> Result<usize, Fault> {
    let transform = Transform::new();
    let (wide, high) = frame.mcus;
    let touched: Vec<bool> = (0..high)
        .flat_map(|y| (0..wide).map(move |x| (x, y)))
        .map(|(x, y)| Area::of(frame, x, y).differs(before, after))
        .collect();
    let is_touched = |x: usize, y: usize| {
        x < wide && y < high && touched.get(y * wide + x).copied().unwrap_or_default()
    };
    for (y, x) in (0..high).flat_map(|y| (0..wide).map(move |x| (y, x))) {
        if !is_touched(x, y) {
            continue;
        }
        let around = (y.saturating_sub(1)..(y + 2).min(high))
            .flat_map(|y| (x.saturating_sub(1)..(x + 2).min(wide)).map(move |x| (x, y)));
        let is_rim = around.into_iter().any(|(x, y)| !is_touched(x, y));
        let area = Area::of(frame, x, y);
        let black = matches!(model, Model::Cmyk | Model::Ycck)
            .then(|| transform.samples(frame, 3, (x, y)))
            .transpose()?;
        let difference = area.difference(model, before, after, black.as_deref());
        let largest = frame.largest;
        for (component, plane) in frame.components.iter_mut().zip(&difference) {
            let ratio = (component.header.h, component.header.v);
            // Decoders smooth coarse chroma over the edge of a block. A change that nobody sees
            // is not worth changing the neighbour for.
            let spreads = ratio != largest && is_rim;
            if !(spreads && plane.iter().all(|change| change.abs() <= UNSEEN)) {
                transform.add(component, (x, y), &area.reduced(plane, ratio, largest))?;
            }
        }
    }
    Ok(touched.iter().filter(|&&touched| touched).count())
}

/// A change of chroma that nobody sees, in levels.
const UNSEEN: f32 = 2.0;

/// The pixels of an MCU.
struct Area {
    left: usize,
    top: usize,
    /// With what is beyond the picture's edge.
    width: usize,
    height: usize,
    picture: (usize, usize),
}

impl Area {
    fn of(frame: &Frame, x: usize, y: usize) -> Self {
        let (width, height) = (8 * frame.largest.0, 8 * frame.largest.1);
        Self {
            left: x * width,
            top: y * height,
            width,
            height,
            picture: (frame.header.width, frame.header.height),
        }
    }

    fn differs(&self, before: &Pixels<'_>, after: &Pixels<'_>) -> bool {
        let right = (self.left + self.width).min(self.picture.0);
        let bottom = (self.top + self.height).min(self.picture.1);
        (self.top..bottom).any(|y| (self.left..right).any(|x| before.at(x, y) != after.at(x, y)))
    }

    /// What is to be added to the samples of each component, at the full resolution. What lies beyond the edge
    /// goes on as the edge does.
    fn difference(
        &self,
        model: Model,
        before: &Pixels<'_>,
        after: &Pixels<'_>,
        black: Option<&[f32]>,
    ) -> [Vec<f32>; 4] {
        let mut planes = [const { Vec::new() }; 4];
        for y in 0..self.height {
            for x in 0..self.width {
                let at = (
                    (self.left + x).min(self.picture.0 - 1),
                    (self.top + y).min(self.picture.1 - 1),
                );
                let (old, new) = (before.rgb(at.0, at.1), after.rgb(at.0, at.1));
                let mut change = std::array::from_fn(|c| new[c] - old[c]);
                if let Some(black) = black {
                    // A pixel is ink times black; black is held.
                    let black = black.get(y * self.width + x).copied().unwrap_or(255.0);
                    change = change.map(|change: f32| change * 255.0 / black.max(LEAST_BLACK));
                }
                let change = match model {
                    Model::Grey | Model::Rgb | Model::Cmyk => change,
                    Model::YCbCr => luma_and_chroma(change),
                    Model::Ycck => luma_and_chroma(change.map(|change| -change)),
                };
                for (plane, change) in planes.iter_mut().zip(change) {
                    plane.push(change);
                }
            }
        }
        // Black stays.
        planes[3].resize(self.width * self.height, 0.0);
        planes
    }

    /// The mean of a plane over what each sample of a component covers.
    fn reduced(&self, plane: &[f32], ratio: (usize, usize), largest: (usize, usize)) -> Vec<f32> {
        if ratio == largest {
            return plane.to_owned();
        }
        let covered = |at: usize, ratio: usize, largest: usize| {
            at * largest / ratio..((at + 1) * largest).div_ceil(ratio)
        };
        let (width, height) = (8 * ratio.0, 8 * ratio.1);
        let mut reduced = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let rows = covered(y, ratio.1, largest.1);
                let columns = covered(x, ratio.0, largest.0);
                let count = (rows.len() * columns.len()) as f32;
                let row = |y: usize| plane.get(y * self.width..).unwrap_or_default();
                let sum: f32 = rows
                    .filter_map(|y| row(y).get(columns.clone()))
                    .flatten()
                    .sum();
                reduced.push(sum / count);
            }
        }
        reduced
    }
}

/// Where there is hardly any light left, inks can't bring it back.
const LEAST_BLACK: f32 = 16.0;

/// As JFIF (ITU-T T.871, 7) has them, for differences.
fn luma_and_chroma([r, g, b]: [f32; 3]) -> [f32; 3] {
    [
        0.299 * r + 0.587 * g + 0.114 * b,
        -0.168_735_9 * r - 0.331_264_1 * g + 0.5 * b,
        0.5 * r - 0.418_687_6 * g - 0.081_312_4 * b,
    ]
}

/// The discrete cosine transform of blocks of 8×8 (T.81, A.3.3).
struct Transform {
    /// `[frequency][sample]`.
    basis: [[f32; 8]; 8],
}

/// Row and column of each coefficient in zigzag order, as `8 * row + column` (T.81, figure 5).
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

impl Transform {
    fn new() -> Self {
        let mut basis = [[0.0; 8]; 8];
        for (frequency, waves) in basis.iter_mut().enumerate() {
            let scale = if frequency == 0 { 0.125f64.sqrt() } else { 0.5 };
            for (sample, value) in waves.iter_mut().enumerate() {
                let angle =
                    (2 * sample + 1) as f64 * frequency as f64 * std::f64::consts::PI / 16.0;
                *value = (scale * angle.cos()) as f32;
            }
        }
        Self { basis }
    }

    fn forward(&self, samples: &[f32; 64]) -> [f32; 64] {
        self.separable(samples, |frequency, sample| self.basis[frequency][sample])
    }

    fn inverse(&self, coefficients: &[f32; 64]) -> [f32; 64] {
        self.separable(coefficients, |sample, frequency| {
            self.basis[frequency][sample]
        })
    }

    fn separable(&self, from: &[f32; 64], weight: impl Fn(usize, usize) -> f32) -> [f32; 64] {
        let mut rows = [0.0; 64];
        for (index, value) in rows.iter_mut().enumerate() {
            let (row, to) = (index / 8, index % 8);
            *value = (0..8).map(|i| weight(to, i) * from[8 * row + i]).sum();
        }
        let mut both = [0.0; 64];
        for (index, value) in both.iter_mut().enumerate() {
            let (to, column) = (index / 8, index % 8);
            *value = (0..8).map(|i| weight(to, i) * rows[8 * i + column]).sum();
        }
        both
    }

    /// Adds a change of the samples of a component in an MCU to its coefficients.
    fn add(
        &self,
        component: &mut Component,
        mcu: (usize, usize),
        change: &[f32],
    ) -> Result<(), Fault> {
        let steps = component
            .steps
            .ok_or(Fault::Nonsense("a component is in no scan"))?;
        let (h, v) = (component.header.h, component.header.v);
        for (y, x) in (0..v).flat_map(|y| (0..h).map(move |x| (y, x))) {
            let mut samples = [0.0; 64];
            for (row, samples) in samples.chunks_exact_mut(8).enumerate() {
                let start = (8 * y + row) * 8 * h + 8 * x;
                let given = change.get(start..start + 8).unwrap_or_default();
                samples
                    .iter_mut()
                    .zip(given)
                    .for_each(|(to, from)| *to = *from);
            }
            if samples == [0.0; 64] {
                continue;
            }
            let change = self.forward(&samples);
            if let Some(block) = component.block(mcu.0 * h + x, mcu.1 * v + y) {
                add_to_block(block, &change, &steps);
            }
        }
        Ok(())
    }

    /// The samples of a component in an MCU, at the full resolution of the picture.
    fn samples(
        &self,
        frame: &mut Frame,
        index: usize,
        mcu: (usize, usize),
    ) -> Result<Vec<f32>, Fault> {
        let (wide, high) = (8 * frame.largest.0, 8 * frame.largest.1);
        let largest = frame.largest;
        const MISSING: Fault = Fault::Nonsense("a component is missing");
        let component = frame.components.get_mut(index).ok_or(MISSING)?;
        let steps = component.steps.ok_or(MISSING)?;
        let (h, v) = (component.header.h, component.header.v);
        let mut all = vec![0.0; wide * high];
        for (y, x) in (0..v).flat_map(|y| (0..h).map(move |x| (y, x))) {
            let block = component
                .block(mcu.0 * h + x, mcu.1 * v + y)
                .ok_or(MISSING)?;
            let mut coefficients = [0.0; 64];
            for ((place, &value), &step) in ZIGZAG.iter().zip(&*block).zip(&steps) {
                coefficients[*place] = f32::from(value) * f32::from(step);
            }
            let samples = self.inverse(&coefficients);
            for (index, value) in all.iter_mut().enumerate() {
                let (row, column) = (index / wide * v / largest.1, index % wide * h / largest.0);
                if (row / 8, column / 8) == (y, x) {
                    *value = (samples[row % 8 * 8 + column % 8] + 128.0).clamp(0.0, 255.0);
                }
            }
        }
        Ok(all)
    }
}

fn add_to_block(block: &mut Block, change: &[f32; 64], steps: &[u16; 64]) {
    /// What the codes of an 8-bit picture can tell (T.81, tables F.1 and F.2).
    const DC: (i16, i16) = (-1024, 1023);
    const AC: (i16, i16) = (-1023, 1023);
    for (index, ((value, &step), place)) in block.iter_mut().zip(steps).zip(ZIGZAG).enumerate() {
        // Saturates by itself.
        let added = (change[place] / f32::from(step)).round() as i16;
        if added != 0 {
            let (least, most) = if index == 0 { DC } else { AC };
            *value = value.saturating_add(added).clamp(least, most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_and_its_inverse_cancel() {
        let transform = Transform::new();
        let samples = std::array::from_fn(|i| (i * i % 97) as f32 - 40.0);
        let back = transform.inverse(&transform.forward(&samples));
        for (before, after) in samples.iter().zip(back) {
            assert!((before - after).abs() < 1e-3);
        }
        // A flat block is nothing but DC, eight times its level.
        let flat = transform.forward(&[10.0; 64]);
        assert!((flat[0] - 80.0).abs() < 1e-3 && flat[1..].iter().all(|c| c.abs() < 1e-3));
    }

    #[test]
    fn pixels_lie_in_the_file_as_the_orientation_says() {
        let stored = image::RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 7]));
        for number in 1..=8 {
            let orientation = Orientation::from_exif(number).unwrap();
            let mut upright = DynamicImage::ImageRgb8(stored.clone());
            upright.apply_orientation(orientation);
            let pixels = Pixels::new(&upright, orientation).unwrap();
            for (x, y, pixel) in stored.enumerate_pixels() {
                assert_eq!(
                    pixels.at(x as usize, y as usize),
                    pixel.0,
                    "{number} {x} {y}"
                );
            }
        }
    }
}
