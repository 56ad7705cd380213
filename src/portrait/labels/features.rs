//! What is looked at in a crop: colour and texture of its pixels, at the size that it is cut at.

use image::{Rgb, RgbImage, imageops};

use super::mixture::Feature;

/// A crop as features, row by row.
pub(super) struct Features {
    /// Side of the square.
    pub size: usize,
    /// One a pixel.
    pub pixels: Vec<Feature>,
    /// Difference of colour between a pixel and its right and lower neighbours.
    pub edges: Vec<f32>,
}

/// Half the side of the square over which texture is averaged.
const TEXTURE_REACH: usize = 2;

impl Features {
    /// Of a square crop, reduced to `size`.
    pub fn of(crop: &RgbImage, size: usize) -> Self {
        let side = size as u32;
        let small = imageops::thumbnail(crop, side, side);
        let colours: Vec<[f32; 3]> = small.pixels().map(luma_and_chroma).collect();
        let neighbours = |i: usize| {
            let right = if (i + 1).is_multiple_of(size) {
                i
            } else {
                i + 1
            };
            let below = if i + size < colours.len() {
                i + size
            } else {
                i
            };
            [right, below]
        };
        let difference = |a: usize, b: usize| {
            let pairs = colours[a].iter().zip(&colours[b]);
            pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>()
        };
        let roughness: Vec<f32> = (0..colours.len())
            .map(|i| {
                let steps = neighbours(i).map(|n| (colours[i][0] - colours[n][0]).abs());
                steps[0] + steps[1]
            })
            .collect();
        let texture = box_mean(&roughness, size, TEXTURE_REACH);
        Self {
            size,
            edges: (0..colours.len())
                .map(|i| {
                    neighbours(i)
                        .map(|n| difference(i, n))
                        .iter()
                        .sum::<f32>()
                        .sqrt()
                })
                .collect(),
            pixels: colours
                .iter()
                .zip(texture)
                .map(|([y, cb, cr], t)| Feature::new(*y, *cb, *cr, t.ln_1p()))
                .collect(),
        }
    }
}

/// Y, Cb, Cr of JPEG (ITU-T T.871), 0–255.
fn luma_and_chroma(pixel: &Rgb<u8>) -> [f32; 3] {
    let [r, g, b] = pixel.0.map(f32::from);
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, 128.0 + (b - y) / 1.772, 128.0 + (r - y) / 1.402]
}

/// Mean over the square of `2·reach + 1` pixels around each pixel, as far as it lies inside.
pub(super) fn box_mean(values: &[f32], width: usize, reach: usize) -> Vec<f32> {
    let height = values.len() / width;
    let along = |values: &[f32], length: usize, index: &dyn Fn(usize, usize) -> usize| {
        let lines = values.len() / length;
        let mut means = vec![0.0; values.len()];
        for line in 0..lines {
            for place in 0..length {
                let window = place.saturating_sub(reach)..(place + reach + 1).min(length);
                let count = window.len() as f32;
                let sum: f32 = window.map(|p| values[index(line, p)]).sum();
                means[index(line, place)] = sum / count;
            }
        }
        means
    };
    let rows = along(values, width, &|row, column| row * width + column);
    along(&rows, height, &|column, row| row * width + column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_colour_has_no_texture_and_no_edge() {
        let features = Features::of(&RgbImage::from_pixel(30, 30, Rgb([200, 150, 120])), 20);
        for (pixel, edge) in features.pixels.iter().zip(&features.edges) {
            let expected = Feature::new(161.5, 104.6, 155.5, 0.0);
            assert!((pixel - expected).norm() < 0.2, "{pixel}");
            assert!(*edge < 0.01);
        }
    }

    #[test]
    fn texture_is_where_the_stripes_are() {
        let stripes = RgbImage::from_fn(40, 40, |x, _| {
            Rgb([if x > 20 && x % 2 == 0 { 200 } else { 100 }; 3])
        });
        let features = Features::of(&stripes, 40);
        let texture = |x: usize| features.pixels[20 * 40 + x][3];
        assert!(texture(5) < 0.01 && texture(32) > 3.0);
    }
}
