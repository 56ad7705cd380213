//! Dilation, box blur and connected components of masks, by OpenCV's conventions.
//!
//! The cost of a dilation grows with the logarithm of its size, that of a box blur not at all.

#![expect(
    clippy::indexing_slicing,
    reason = "positions come from the mask's own width and height"
)]

use image::GrayImage;

/// Grey dilation by a square of `size` by `size` pixels: every pixel becomes the largest value
/// under the square. Outside the picture counts as 0.
///
/// The square's anchor is at `size / 2`, so that with an even size a single pixel grows by
/// `size / 2 − 1` to the left and up and by `size / 2` to the right and down. Sizes 0 and 1 change
/// nothing.
pub fn dilate(mask: &GrayImage, size: u32) -> GrayImage {
    if size <= 1 {
        return mask.clone();
    }
    let (width, size) = (mask.width().max(1) as usize, size as usize);
    let rows = mask.as_raw().chunks_exact(width);
    let spread: Vec<u8> = rows.flat_map(|row| window_maximum(row, 1, size)).collect();
    from_pixels(mask, window_maximum(&spread, width, size))
}

/// Mean over a square of `size` by `size` pixels (odd), rounded to nearest. The border is mirrored
/// without repeating the edge pixel.
pub fn box_blur(mask: &GrayImage, size: u32) -> GrayImage {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    if size <= 1 || width == 0 || height == 0 {
        return mask.clone();
    }
    let reach = i64::from(size / 2);
    let window = |length: usize| -> Vec<(usize, usize)> {
        // For each position: the index that enters its window and the one that left it.
        (0..length as i64)
            .map(|at| (mirror(at + reach, length), mirror(at - reach - 1, length)))
            .collect()
    };

    let columns = window(width);
    let mut sums_along_rows = vec![0i64; width * height];
    for (row, sums) in mask
        .as_raw()
        .chunks_exact(width)
        .zip(sums_along_rows.chunks_exact_mut(width))
    {
        let mut sum: i64 = (-reach - 1..reach)
            .map(|x| i64::from(row[mirror(x, width)]))
            .sum();
        for (sum_here, (entering, leaving)) in sums.iter_mut().zip(&columns) {
            sum += i64::from(row[*entering]) - i64::from(row[*leaving]);
            *sum_here = sum;
        }
    }

    let row_of = |y: usize| &sums_along_rows[y * width..(y + 1) * width];
    let mut sums = vec![0i64; width];
    for y in -reach - 1..reach {
        sums.iter_mut()
            .zip(row_of(mirror(y, height)))
            .for_each(|(sum, value)| *sum += value);
    }
    let area = i64::from(size) * i64::from(size);
    let mut pixels = Vec::with_capacity(width * height);
    for (entering, leaving) in window(height) {
        for ((sum, enter), leave) in sums.iter_mut().zip(row_of(entering)).zip(row_of(leaving)) {
            *sum += enter - leave;
        }
        pixels.extend(sums.iter().map(|sum| ((2 * sum + area) / (2 * area)) as u8));
    }
    from_pixels(mask, pixels)
}

/// The connected components of the pixels that are not 0 (4-neighbourhood). Each is a list of
/// indices `y · width + x`.
pub fn components(mask: &GrayImage) -> Vec<Vec<usize>> {
    let (width, pixels) = (mask.width() as usize, mask.as_raw());
    let mut seen = vec![false; pixels.len()];
    let mut components = Vec::new();
    for start in 0..pixels.len() {
        if pixels[start] == 0 || seen[start] {
            continue;
        }
        seen[start] = true;
        let mut component = vec![start];
        let mut next = 0;
        while let Some(&index) = component.get(next) {
            next += 1;
            let x = index % width;
            let neighbours = [
                (x > 0).then(|| index - 1),
                (x + 1 < width).then_some(index + 1),
                index.checked_sub(width),
                Some(index + width).filter(|below| *below < pixels.len()),
            ];
            for neighbour in neighbours.into_iter().flatten() {
                if pixels[neighbour] != 0 && !seen[neighbour] {
                    seen[neighbour] = true;
                    component.push(neighbour);
                }
            }
        }
        components.push(component);
    }
    components
}

/// The mask without its components of fewer than `least_pixels` pixels, or the whole mask when
/// nothing would be left.
pub fn without_small_components(mask: &GrayImage, least_pixels: usize) -> GrayImage {
    let (kept, dropped): (Vec<_>, Vec<_>) = components(mask)
        .into_iter()
        .partition(|component| component.len() >= least_pixels);
    if kept.is_empty() {
        return mask.clone();
    }
    let mut pixels = mask.as_raw().clone();
    for index in dropped.into_iter().flatten() {
        pixels[index] = 0;
    }
    from_pixels(mask, pixels)
}

/// The largest component of the mask alone; an empty mask stays empty.
pub fn largest_component(mask: &GrayImage) -> GrayImage {
    let mut pixels = vec![0; mask.as_raw().len()];
    for index in components(mask)
        .into_iter()
        .max_by_key(Vec::len)
        .into_iter()
        .flatten()
    {
        pixels[index] = mask.as_raw()[index];
    }
    from_pixels(mask, pixels)
}

/// For every value the largest in its window of `size` values that lie `stride` apart, anchored at
/// `size / 2`; outside counts as 0.
fn window_maximum(values: &[u8], stride: usize, size: usize) -> Vec<u8> {
    let before = size / 2 * stride;
    let mut maxima = vec![0; values.len() + (size - 1) * stride];
    maxima[before..before + values.len()].copy_from_slice(values);
    // `maxima[i]` covers the window of `grown` values from `i` on. Two such windows make one of
    // twice the length, so it grows by doubling.
    let mut grown = 1;
    while grown < size {
        let step = grown.min(size - grown);
        for at in 0..maxima.len() - step * stride {
            maxima[at] = maxima[at].max(maxima[at + step * stride]);
        }
        grown += step;
    }
    maxima.truncate(values.len());
    maxima
}

fn mirror(at: i64, length: usize) -> usize {
    let last = length as i64 - 1;
    if last <= 0 {
        return 0;
    }
    let folded = at.rem_euclid(2 * last);
    folded.min(2 * last - folded) as usize
}

/// A picture of the same size as `like`.
fn from_pixels(like: &GrayImage, pixels: Vec<u8>) -> GrayImage {
    GrayImage::from_raw(like.width(), like.height(), pixels).unwrap_or_else(|| like.clone())
}

#[cfg(test)]
mod tests {
    use image::Luma;
    use proptest::prelude::*;

    use super::*;

    fn dot(size: u32, x: u32, y: u32) -> GrayImage {
        let mut mask = GrayImage::new(size, size);
        mask.put_pixel(x, y, Luma([200]));
        mask
    }

    fn any_mask() -> impl Strategy<Value = GrayImage> {
        (1u32..14, 1u32..14).prop_flat_map(|(width, height)| {
            let value = prop_oneof![Just(0u8), any::<u8>()];
            prop::collection::vec(value, (width * height) as usize)
                .prop_map(move |pixels| GrayImage::from_raw(width, height, pixels).unwrap())
        })
    }

    #[test]
    fn even_squares_grow_farther_right_and_down() {
        let grown = dot(9, 4, 4);
        let grown = dilate(&grown, 4);
        for (x, y, value) in grown.enumerate_pixels() {
            let inside = (3..=6).contains(&x) && (3..=6).contains(&y);
            assert_eq!(value[0], if inside { 200 } else { 0 }, "at {x}, {y}");
        }
    }

    #[test]
    fn diagonal_neighbours_are_not_connected() {
        let mut mask = dot(4, 1, 1);
        mask.put_pixel(2, 2, Luma([1]));
        mask.put_pixel(3, 2, Luma([1]));
        assert_eq!(components(&mask).len(), 2);
        assert_eq!(without_small_components(&mask, 2).get_pixel(1, 1)[0], 0);
        assert_eq!(without_small_components(&mask, 2), largest_component(&mask));
        assert_eq!(
            without_small_components(&mask, 3),
            mask,
            "nothing would be left"
        );
    }

    proptest! {
        #[test]
        fn dilation_is_the_largest_value_under_the_square(mask in any_mask(), size in 0u32..20) {
            let dilated = dilate(&mask, size);
            let (before, after) = (size / 2, size.saturating_sub(1) - size.saturating_sub(1).min(size / 2));
            for (x, y, value) in dilated.enumerate_pixels() {
                let columns = x.saturating_sub(before)..=(x + after).min(mask.width() - 1);
                let largest = columns
                    .flat_map(|i| {
                        (y.saturating_sub(before)..=(y + after).min(mask.height() - 1))
                            .map(move |j| (i, j))
                    })
                    .map(|(i, j)| mask.get_pixel(i, j)[0])
                    .max();
                prop_assert_eq!(Some(value[0]), largest);
            }
        }

        #[test]
        fn box_blur_is_the_mean_of_the_mirrored_picture(mask in any_mask(), reach in 0i64..9) {
            let size = 2 * reach + 1;
            let blurred = box_blur(&mask, size as u32);
            let (width, height) = (mask.width() as usize, mask.height() as usize);
            for (x, y, value) in blurred.enumerate_pixels() {
                let sum: i64 = (-reach..=reach)
                    .flat_map(|j| (-reach..=reach).map(move |i| (i, j)))
                    .map(|(i, j)| (mirror(i64::from(x) + i, width), mirror(i64::from(y) + j, height)))
                    .map(|(i, j)| i64::from(mask.get_pixel(i as u32, j as u32)[0]))
                    .sum();
                let mean = sum as f64 / (size * size) as f64;
                prop_assert!((f64::from(value[0]) - mean).abs() <= 0.5 + 1e-9);
            }
        }
    }
}
