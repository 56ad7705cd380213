use spade::{DelaunayTriangulation, Point2, Triangulation as _, mitigate_underflow};

use super::{Error, Point};

/// The Delaunay triangulation of `points`: triangles as indices into `points`.
///
/// Points that coincide count once, under the smallest of their indices. Points that all lie on
/// one line have no triangles.
///
/// # Errors
/// [`Error::NotFinite`] when a coordinate is NaN, infinite or too large to compute with.
pub fn delaunay(points: &[Point]) -> Result<Vec<[usize; 3]>, Error> {
    let mut triangulation = DelaunayTriangulation::<Point2<f64>>::new();
    let mut index_of_vertex = Vec::with_capacity(points.len());
    for (index, point) in points.iter().enumerate() {
        let vertex = triangulation
            .insert(mitigate_underflow(Point2::new(point.x, point.y)))
            .map_err(|_| Error::NotFinite {
                index,
                x: point.x,
                y: point.y,
            })?;
        if vertex.index() == index_of_vertex.len() {
            index_of_vertex.push(index);
        }
    }
    Ok(triangulation
        .inner_faces()
        .map(|face| {
            face.vertices()
                .map(|vertex| index_of_vertex[vertex.index()])
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn doubled_area(points: &[Point], [a, b, c]: [usize; 3]) -> f64 {
        (points[b] - points[a]).cross(points[c] - points[a]).abs()
    }

    #[test]
    fn points_on_a_line_and_twins() {
        let line: Vec<Point> = (0..5).map(|i| Point::new(f64::from(i), 1.0)).collect();
        assert_eq!(delaunay(&line).unwrap(), Vec::<[usize; 3]>::new());
        assert_eq!(delaunay(&[]).unwrap(), Vec::<[usize; 3]>::new());
        let corner =
            [(0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 1.0)].map(|(x, y)| Point::new(x, y));
        let mut triangle = delaunay(&corner).unwrap()[0];
        triangle.sort_unstable();
        assert_eq!(triangle, [0, 1, 3]);
    }

    #[test]
    fn infinity_is_an_error() {
        assert!(delaunay(&[Point::new(0.0, 0.0), Point::new(f64::INFINITY, 0.0)]).is_err());
    }

    proptest! {
        /// With the corners of a square among the points, the triangles tile exactly that square.
        #[test]
        fn triangles_tile_the_hull(inner in prop::collection::vec((0u32..=64, 0u32..=64), 0..40)) {
            let corners = [(0, 0), (64, 0), (64, 64), (0, 64)];
            let points: Vec<Point> = corners
                .into_iter()
                .chain(inner)
                .map(|(x, y)| Point::new(f64::from(x), f64::from(y)))
                .collect();
            let triangles = delaunay(&points).unwrap();
            let area: f64 = triangles.iter().map(|t| doubled_area(&points, *t) / 2.0).sum();
            prop_assert!((area - 4096.0).abs() < 1e-6);
            prop_assert!(triangles.iter().all(|t| doubled_area(&points, *t) > 0.0));
        }
    }
}
