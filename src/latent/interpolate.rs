//! Codes along a boundary's normal.

use std::ops::RangeInclusive;

use ndarray::{ArrayD, Axis, concatenate};

use super::Error;

/// Moves a code to equally spaced `distances` along a boundary, both ends included.
///
/// As in InterFaceGAN (Shen, Gu, Tang, Zhou; CVPR 2020): a code in W, `[1, d]`, is moved *to* those
/// signed distances from the plane through the origin, its own being taken off first; one in W+, `[1, L, d]`, is
/// moved *by* them. The boundary is `[1, d]`, for W+ also `[1, L, d]`. Yields `[steps, d]` or
/// `[steps, L, d]`.
///
/// # Errors
/// [`Error::Shape`] for other shapes.
pub fn interpolate(
    code: &ArrayD<f32>,
    boundary: &ArrayD<f32>,
    distances: RangeInclusive<f64>,
    steps: usize,
) -> Result<ArrayD<f32>, Error> {
    let wrong = |what: &str, array: &ArrayD<f32>, expected: String| Error::Shape {
        what: what.to_owned(),
        shape: array.shape().to_vec(),
        expected,
    };
    let own_distance = match *code.shape() {
        [1, width] if boundary.shape() == [1, width] => code
            .iter()
            .zip(boundary)
            .map(|(&c, &b)| f64::from(c) * f64::from(b))
            .sum(),
        [1, layers, width]
            if boundary.shape() == [1, width] || boundary.shape() == [1, layers, width] =>
        {
            0.0
        }
        [1, width] | [1, _, width] => {
            let expected = match code.shape() {
                [_, layers, _] => format!("[1, {width}] or [1, {layers}, {width}]"),
                _ => format!("[1, {width}]"),
            };
            return Err(wrong(
                "the boundary",
                boundary,
                expected + ", like the code",
            ));
        }
        _ => return Err(wrong("the code", code, "[1, d] or [1, L, d]".to_owned())),
    };
    let (first, last) = distances.into_inner();
    let intervals = steps.saturating_sub(1).max(1) as f64;
    let moved: Vec<ArrayD<f32>> = (0..steps)
        .map(|step| first + (last - first) * step as f64 / intervals)
        .map(|distance| code + &(boundary * (distance - own_distance) as f32))
        .collect();
    let views: Vec<_> = moved.iter().map(|array| array.view()).collect();
    concatenate(Axis(0), &views)
        .map_err(|_| wrong("the list of distances", code, "not empty".to_owned()))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_code_in_w_is_moved_to_distances_and_one_in_w_plus_by_them() {
        let boundary = array![[0.0, 1.0]].into_dyn();
        let w = interpolate(&array![[7.0, 5.0]].into_dyn(), &boundary, -1.0..=1.0, 3).unwrap();
        assert_eq!(w, array![[7.0, -1.0], [7.0, 0.0], [7.0, 1.0]].into_dyn());
        let code = array![[[7.0, 5.0], [0.0, 1.0]]].into_dyn();
        let wp = interpolate(&code, &boundary, -1.0..=1.0, 2).unwrap();
        let expected = array![[[7.0, 4.0], [0.0, 0.0]], [[7.0, 6.0], [0.0, 2.0]]];
        assert_eq!(wp, expected.into_dyn());
    }

    #[test]
    fn a_fine_boundary_moves_each_layer_its_own_way() {
        let boundary = array![[[1.0, 0.0], [0.0, 1.0]]].into_dyn();
        let code = array![[[0.0, 0.0], [0.0, 0.0]]].into_dyn();
        let moved = interpolate(&code, &boundary, 2.0..=2.0, 1).unwrap();
        assert_eq!(moved, array![[[2.0, 0.0], [0.0, 2.0]]].into_dyn());
    }

    #[test]
    fn shapes_that_do_not_meet_are_refused() {
        let boundary = array![[[1.0, 0.0], [0.0, 1.0]]].into_dyn();
        for code in [
            array![[0.0, 0.0]].into_dyn(),
            array![0.0, 0.0].into_dyn(),
            array![[[0.0, 0.0]]].into_dyn(),
        ] {
            let refused = interpolate(&code, &boundary, 0.0..=1.0, 2);
            assert!(matches!(refused, Err(Error::Shape { .. })), "{code}");
        }
    }
}
