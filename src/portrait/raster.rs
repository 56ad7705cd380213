//! Which pixels a line or a polygon covers, by OpenCV's rules: 8-connected lines, and polygons
//! filled including their outline.

use std::ops::RangeInclusive;

use image::{GrayImage, Luma};

/// A pixel position, which may lie outside the picture.
pub type Pixel = (i64, i64);

/// Farther out, coordinates are pulled in: nothing there can be seen, and products stay exact.
const FARTHEST: i64 = 1 << 24;

/// The picture of a closed polygon: 255 inside and on its outline, 0 elsewhere. Where the outline
/// crosses itself the even-odd rule decides.
pub fn fill_polygon(corners: &[Pixel], width: u32, height: u32) -> GrayImage {
    let mut picture = GrayImage::new(width, height);
    let corners: Vec<Pixel> = corners.iter().copied().map(pull_in).collect();
    let edges = || {
        corners
            .iter()
            .copied()
            .zip(corners.iter().copied().cycle().skip(1))
    };

    for y in 0..i64::from(height) {
        let mut crossings: Vec<f64> = edges()
            .filter(|((_, y0), (_, y1))| (*y0.min(y1)..*y0.max(y1)).contains(&y))
            .map(|((x0, y0), (x1, y1))| {
                x0 as f64 + (y - y0) as f64 * (x1 - x0) as f64 / (y1 - y0) as f64
            })
            .collect();
        crossings.sort_by(f64::total_cmp);
        for [enter, leave] in crossings.as_chunks().0 {
            set_span(&mut picture, y, enter.ceil() as i64..=leave.floor() as i64);
        }
    }
    for (from, to) in edges() {
        draw_line(&mut picture, from, to);
    }
    picture
}

/// The pixels of a filled triangle including its outline, as one span of columns for each row
/// inside a picture of `width` by `height`.
pub fn triangle_spans(
    corners: [Pixel; 3],
    width: u32,
    height: u32,
) -> impl Iterator<Item = (u32, RangeInclusive<u32>)> {
    let corners = corners.map(pull_in);
    let [a, b, c] = corners;
    let top = a.1.min(b.1).min(c.1).clamp(0, i64::from(height));
    let bottom = a.1.max(b.1).max(c.1).clamp(-1, i64::from(height) - 1);
    let mut spans = vec![(i64::MAX, i64::MIN); (bottom + 1 - top).max(0) as usize];
    for (from, to) in [(a, b), (b, c), (c, a)] {
        for (x, y) in line_pixels(from, to, (i64::MIN..=i64::MAX, top..=bottom)) {
            if let Some(span) = spans.get_mut((y - top) as usize) {
                *span = (span.0.min(x), span.1.max(x));
            }
        }
    }
    let last_column = i64::from(width) - 1;
    spans
        .into_iter()
        .zip(top..)
        .filter_map(move |((first, last), y)| {
            let (first, last) = (first.max(0), last.min(last_column));
            (first <= last).then_some((y as u32, first as u32..=last as u32))
        })
}

fn draw_line(picture: &mut GrayImage, from: Pixel, to: Pixel) {
    let window = (
        0..=i64::from(picture.width()) - 1,
        0..=i64::from(picture.height()) - 1,
    );
    for (x, y) in line_pixels(from, to, window) {
        picture.put_pixel(x as u32, y as u32, Luma([255]));
    }
}

/// The pixels of the 8-connected line that lie in the window of columns and rows.
///
/// Along the longer axis every position has one pixel; across, the exact line is rounded to the
/// nearest pixel, a tie towards the line's left (for steep lines: left or upper) end.
fn line_pixels(
    from: Pixel,
    to: Pixel,
    (columns, rows): (RangeInclusive<i64>, RangeInclusive<i64>),
) -> impl Iterator<Item = Pixel> {
    let (start, end) = if from.0 <= to.0 {
        (from, to)
    } else {
        (to, from)
    };
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    let steep = dy.abs() > dx;
    let length = dx.max(dy.abs());

    // Steps along the longer axis at which that axis lies inside the window.
    let (first, last) = if !steep {
        (
            columns.start().saturating_sub(start.0),
            columns.end().saturating_sub(start.0),
        )
    } else if dy > 0 {
        (
            rows.start().saturating_sub(start.1),
            rows.end().saturating_sub(start.1),
        )
    } else {
        (
            start.1.saturating_sub(*rows.end()),
            start.1.saturating_sub(*rows.start()),
        )
    };
    let across = move |step: i64, shift: i64| match length {
        0 => 0,
        _ => (2 * shift * step + length - 1).div_euclid(2 * length),
    };
    (first.max(0)..=last.min(length))
        .map(move |step| {
            if steep {
                (start.0 + across(step, dx), start.1 + step * dy.signum())
            } else {
                (
                    start.0 + step,
                    start.1 + dy.signum() * across(step, dy.abs()),
                )
            }
        })
        .filter(move |(x, y)| columns.contains(x) && rows.contains(y))
}

fn pull_in((x, y): Pixel) -> Pixel {
    (x.clamp(-FARTHEST, FARTHEST), y.clamp(-FARTHEST, FARTHEST))
}

fn set_span(picture: &mut GrayImage, y: i64, span: RangeInclusive<i64>) {
    let last_column = i64::from(picture.width()) - 1;
    for x in (*span.start()).max(0)..=(*span.end()).min(last_column) {
        picture.put_pixel(x as u32, y as u32, Luma([255]));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(picture: &GrayImage) -> Vec<String> {
        picture
            .rows()
            .map(|row| {
                row.map(|pixel| if pixel[0] > 0 { '#' } else { '.' })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn outline_belongs_to_the_polygon() {
        let triangle = fill_polygon(&[(1, 1), (5, 1), (1, 4)], 7, 6);
        assert_eq!(
            rows(&triangle),
            [
                ".......", ".#####.", ".####..", ".###...", ".#.....", "......."
            ]
            .map(|row| row.to_string())
            .map(|row| row)
        );
    }

    #[test]
    fn degenerate_polygons_are_lines_points_or_nothing() {
        assert_eq!(fill_polygon(&[], 4, 4), GrayImage::new(4, 4));
        assert_eq!(rows(&fill_polygon(&[(2, 1)], 4, 2)), ["....", "..#."]);
        assert_eq!(
            rows(&fill_polygon(&[(0, 0), (3, 1)], 4, 2)),
            ["##..", "..##"]
        );
    }

    #[test]
    fn far_corners_cost_nothing() {
        let far = i64::MAX / 4;
        let everything = fill_polygon(&[(-far, -far), (far, -far), (far, far), (-far, far)], 9, 9);
        assert!(everything.pixels().all(|pixel| pixel[0] == 255));
    }

    proptest! {
        #[test]
        fn spans_are_the_filled_triangle(c in prop::array::uniform6(-20i64..40)) {
            let corners = [(c[0], c[1]), (c[2], c[3]), (c[4], c[5])];
            let mut drawn = GrayImage::new(24, 20);
            for (y, columns) in triangle_spans(corners, 24, 20) {
                for x in columns {
                    drawn.put_pixel(x, y, Luma([255]));
                }
            }
            prop_assert_eq!(rows(&drawn), rows(&fill_polygon(&corners, 24, 20)));
        }
    }
}
