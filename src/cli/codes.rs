//! Latent codes of files.

use std::path::Path;

use ndarray::{Array2, ArrayD, Axis, Ix2, Ix3};

use super::Failure;
use crate::checkpoint::npy;

/// The codes of a `.npy` file, each `[layers, size]`. A code in W stands for the same in every layer.
pub(super) fn read_codes(
    path: &Path,
    [layers, size]: [usize; 2],
) -> Result<Vec<Array2<f32>>, Failure> {
    let array = npy::read_f32(path)?;
    npy::check_finite(path, &array)?;
    let shape = array.shape().to_vec();
    let wrong = || {
        Failure::because(format!(
            "{}: the codes have the shape {shape:?}; expected [n,{size}], [{layers},{size}] or [n,{layers},{size}]",
            path.display()
        ))
    };
    match *shape.as_slice() {
        [rows, columns] if [rows, columns] == [layers, size] => {
            Ok(vec![two_dimensional(array).ok_or_else(wrong)?])
        }
        [_, columns] if columns == size => Ok(two_dimensional(array)
            .ok_or_else(wrong)?
            .axis_iter(Axis(0))
            .map(|w| Array2::from_shape_fn((layers, size), |(_, component)| w[component]))
            .collect()),
        [_, rows, columns] if [rows, columns] == [layers, size] => Ok(array
            .into_dimensionality::<Ix3>()
            .map_err(|_| wrong())?
            .axis_iter(Axis(0))
            .map(|code| code.to_owned())
            .collect()),
        _ => Err(wrong()),
    }
}

fn two_dimensional(array: ArrayD<f32>) -> Option<Array2<f32>> {
    array.into_dimensionality::<Ix2>().ok()
}
