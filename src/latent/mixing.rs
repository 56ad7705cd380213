//! Style mixing: taking layers of one code back from another.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};

/// Mixes the layers in `layers` of `style` into `code`: `(1 − ratio)·code + ratio·style`. Layers
/// outside the range stay as they are. Both codes are `[L, 512]`; the range is cut to L.
///
/// The published edits take the layers from 6 on (warp method, ratio 1) or from 7 on (training, ratio
/// 0.8) back from the unedited code, so that shape moves and the look stays.
pub fn mix_styles(
    code: ArrayView2<'_, f32>,
    style: ArrayView2<'_, f32>,
    layers: Range<usize>,
    ratio: f32,
) -> Array2<f32> {
    let count = code.nrows().min(style.nrows());
    let (start, end) = (layers.start.min(count), layers.end.min(count));
    let mut mixed = code.to_owned();
    if start < end {
        let blend = &code.slice(s![start..end, ..]) * (1.0 - ratio)
            + &style.slice(s![start..end, ..]) * ratio;
        mixed.slice_mut(s![start..end, ..]).assign(&blend);
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_layers_are_mixed() {
        let (edited, original) = (Array2::ones((4, 2)), Array2::zeros((4, 2)));
        let mixed = mix_styles(edited.view(), original.view(), 2..9, 0.75);
        assert_eq!(mixed.column(0).to_vec(), [1.0, 1.0, 0.25, 0.25]);
    }

    #[test]
    fn an_empty_or_reversed_range_changes_nothing() {
        let (edited, original) = (Array2::ones((4, 2)), Array2::zeros((4, 2)));
        #[allow(clippy::reversed_empty_ranges)]
        for range in [4..4, 3..1, 7..9] {
            assert_eq!(
                mix_styles(edited.view(), original.view(), range, 1.0),
                edited
            );
        }
    }
}
