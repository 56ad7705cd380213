//! Gaussian blur of float pictures.

#![expect(
    clippy::indexing_slicing,
    reason = "mirrored positions lie in the picture, whose own width cuts its rows"
)]

use image::Rgb32FImage;
use rayon::prelude::*;

use super::resample::interpolate;
use crate::geometry::Affine;
use crate::photo::resize::resize_float;

/// Gaussian blur by direct convolution, cut off at 4 standard deviations; the border is mirrored
/// including its edge pixel. Every other convention agrees with SciPy's `gaussian_filter` too.
pub fn gaussian(picture: &Rgb32FImage, sigma_px: f64) -> Rgb32FImage {
    let radius = (4.0 * sigma_px + 0.5) as usize;
    if radius == 0 || picture.is_empty() {
        return picture.clone();
    }
    let mut kernel: Vec<f64> = (-(radius as i64)..=radius as i64)
        .map(|offset| (-0.5 * (offset as f64 / sigma_px).powi(2)).exp())
        .collect();
    let sum: f64 = kernel.iter().sum();
    kernel.iter_mut().for_each(|weight| *weight /= sum);
    let kernel: Vec<f32> = kernel.into_iter().map(|weight| weight as f32).collect();

    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let row_length = width * 3;
    let mut along_columns = vec![0.0f32; picture.as_raw().len()];
    along_columns
        .par_chunks_exact_mut(row_length)
        .enumerate()
        .for_each(|(y, row)| {
            for (offset, weight) in kernel.iter().enumerate() {
                let source = mirrored(y as i64 + offset as i64 - radius as i64, height);
                let source = &picture.as_raw()[source * row_length..][..row_length];
                row.iter_mut()
                    .zip(source)
                    .for_each(|(sum, value)| *sum += weight * value);
            }
        });
    let mut blurred = picture.clone();
    blurred
        .par_chunks_exact_mut(row_length)
        .enumerate()
        .for_each(|(y, row)| {
            let source = &along_columns[y * row_length..][..row_length];
            let padded: Vec<f32> = (-(radius as i64)..(width + radius) as i64)
                .flat_map(|x| source[mirrored(x, width) * 3..][..3].iter().copied())
                .collect();
            row.fill(0.0);
            for (offset, weight) in kernel.iter().enumerate() {
                let shifted = &padded[offset * 3..][..row_length];
                row.iter_mut()
                    .zip(shifted)
                    .for_each(|(sum, value)| *sum += weight * value);
            }
        });
    blurred
}

/// [`gaussian`] in a time that does not grow with `sigma_px`: wide blurs are computed on a reduced
/// picture and enlarged again, which changes them by less than a percent of the value range.
pub fn gaussian_reduced(picture: &Rgb32FImage, sigma_px: f64) -> Rgb32FImage {
    /// Standard deviation that remains after reducing: wide enough for the enlarged picture not to
    /// show the reduced one's pixels.
    const REDUCED_SIGMA_PX: f64 = 4.0;
    let factor = (sigma_px / REDUCED_SIGMA_PX).floor();
    if factor <= 1.0 || picture.is_empty() {
        return gaussian(picture, sigma_px);
    }
    let (width, height) = picture.dimensions();
    let reduce = |length: u32| ((f64::from(length) / factor).ceil() as u32).max(1);
    let size = (reduce(width), reduce(height));
    let reduced = resize_float(picture, size.0, size.1);
    let blurred = gaussian(&reduced, sigma_px * f64::from(size.0) / f64::from(width));
    interpolate(
        &blurred,
        width,
        height,
        &Affine::resize_between((width, height), size),
    )
}

/// `at` folded into `0..length`, the edge repeated.
fn mirrored(at: i64, length: usize) -> usize {
    let folded = at.rem_euclid(2 * length as i64) as usize;
    folded.min(2 * length - 1 - folded)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn checks(size: u32) -> Rgb32FImage {
        Rgb32FImage::from_fn(size, size, |x, y| {
            Rgb([((x / 16 + y / 16) % 2) as f32, x as f32 / size as f32, 0.25])
        })
    }

    #[test]
    fn constants_stay() {
        let grey = Rgb32FImage::from_pixel(20, 9, Rgb([0.25, 0.5, 0.75]));
        for (blurred, grey) in gaussian(&grey, 6.0).iter().zip(grey.iter()) {
            assert!((blurred - grey).abs() < 1e-5);
        }
    }

    #[test]
    fn a_dot_becomes_a_bell() {
        let mut dot = Rgb32FImage::new(41, 41);
        dot.put_pixel(20, 20, Rgb([1.0; 3]));
        let bell = gaussian(&dot, 2.0);
        let expected = |distance_2: f64| (-distance_2 / 8.0).exp() / (8.0 * std::f64::consts::PI);
        for (x, y) in [(20, 20), (22, 20), (20, 17), (23, 24)] {
            let distance_2 = f64::from(x as i32 - 20).powi(2) + f64::from(y as i32 - 20).powi(2);
            assert!((f64::from(bell.get_pixel(x, y)[0]) - expected(distance_2)).abs() < 1e-4);
        }
    }

    #[test]
    fn the_reduced_way_agrees() {
        let picture = checks(160);
        let (direct, reduced) = (gaussian(&picture, 20.0), gaussian_reduced(&picture, 20.0));
        for (direct, reduced) in direct.iter().zip(reduced.iter()) {
            assert!(
                (direct - reduced).abs() < 0.01,
                "{direct} against {reduced}"
            );
        }
    }
}
