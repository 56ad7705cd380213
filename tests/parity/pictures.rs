//! Reading the reference's pictures and points, and measuring how far two pictures are apart.

use image::{GrayImage, RgbImage};
use jawline::geometry::{Landmarks, Point};
use ndarray::Array2;

use crate::reference;

/// An 8-bit grey picture.
pub fn grey(relative: &str) -> GrayImage {
    image::open(reference(relative)).unwrap().into_luma8()
}

/// An 8-bit RGB picture.
pub fn colour(relative: &str) -> RgbImage {
    image::open(reference(relative)).unwrap().into_rgb8()
}

/// An `.npy` file with one row a point, of any of the number types that the reference uses.
pub fn points(relative: &str) -> Vec<Point> {
    let path = reference(relative);
    let floats = ndarray_npy::read_npy::<_, Array2<f64>>(&path)
        .or_else(|_| ndarray_npy::read_npy::<_, Array2<f32>>(&path).map(|a| a.mapv(f64::from)))
        .or_else(|_| ndarray_npy::read_npy::<_, Array2<i32>>(&path).map(|a| a.mapv(f64::from)))
        .unwrap();
    floats
        .rows()
        .into_iter()
        .map(|row| Point::new(row[0], row[1]))
        .collect()
}

/// An `.npy` file with one triangle a row.
pub fn indices(relative: &str) -> Vec<[usize; 3]> {
    let array: Array2<i32> = ndarray_npy::read_npy(reference(relative)).unwrap();
    let rows = array.rows().into_iter();
    rows.map(|row| std::array::from_fn(|i| usize::try_from(row[i]).unwrap()))
        .collect()
}

/// 68 landmarks.
pub fn landmarks(relative: &str) -> Landmarks {
    points(relative).try_into().unwrap()
}

/// How far two pictures are apart, in levels.
#[derive(Debug)]
pub struct Difference {
    /// Mean over all values.
    pub mean: f64,
    /// The largest.
    pub largest: u8,
    counts: [usize; 256],
}

impl Difference {
    /// Between the values of two pictures of the same size.
    pub fn between(ours: &[u8], theirs: &[u8]) -> Self {
        assert_eq!(
            ours.len(),
            theirs.len(),
            "the pictures have different sizes"
        );
        let mut counts = [0; 256];
        for (a, b) in ours.iter().zip(theirs) {
            counts[usize::from(a.abs_diff(*b))] += 1;
        }
        let sum: usize = counts
            .iter()
            .enumerate()
            .map(|(level, count)| level * count)
            .sum();
        let largest = counts.iter().rposition(|count| *count > 0).unwrap_or(0) as u8;
        Self {
            mean: sum as f64 / ours.len() as f64,
            largest,
            counts,
        }
    }

    /// The share of values at most `levels` apart.
    pub fn share_within(&self, levels: usize) -> f64 {
        let all: usize = self.counts.iter().sum();
        self.counts[..=levels].iter().sum::<usize>() as f64 / all as f64
    }
}
