use proptest::prelude::*;

use super::*;

fn gradient(size: u32) -> Rgb32FImage {
    Rgb32FImage::from_fn(size, size, |x, y| {
        Rgb([
            x as f32 / size as f32,
            y as f32 / size as f32,
            ((x ^ y) & 7) as f32 / 8.0,
        ])
    })
}

fn doubled_area(points: &[Point], [a, b, c]: [usize; 3]) -> f64 {
    (points[b] - points[a]).cross(points[c] - points[a])
}

#[test]
fn without_control_points_nothing_moves() {
    let mesh = WarpMesh::span(64, &[], &[]).unwrap();
    assert_eq!(mesh.warp(&gradient(64), 0.7), gradient(64));
}

#[test]
fn full_strength_brings_a_control_point_home() {
    let (before, after) = (Point::new(30.0, 40.0), Point::new(33.0, 38.0));
    let mesh = WarpMesh::span(64, &[before], &[after]).unwrap();
    let picture = gradient(64);
    let warped = mesh.warp(&picture, 1.0);
    let (found, expected) = (warped.get_pixel(30, 40), picture.get_pixel(33, 38));
    for (found, expected) in found.0.into_iter().zip(expected.0) {
        assert!((found - expected).abs() < 1e-5);
    }
    assert_eq!(warped.get_pixel(0, 0), picture.get_pixel(0, 0));
}

#[test]
fn a_small_pull_takes_its_point_along() {
    let pull = Pull {
        at: Point::new(60.0, 70.0),
        by: Point::new(4.0, -3.0),
    };
    let mesh = WarpMesh::span(128, &[], &[]).unwrap();
    let warped = mesh.pulled(128, &[pull]).unwrap().warp(&gradient(128), 0.5);
    assert_eq!(warped.get_pixel(64, 67), gradient(128).get_pixel(60, 70));
}

#[test]
fn labels_without_a_face_leave_the_picture_as_it_is() {
    let labels = GrayImage::new(64, 64);
    let points = std::array::from_fn(|i| Point::new(i as f64, 30.0 + f64::from(i == 8) * 20.0));
    let landmarks = Landmarks::new(points).unwrap();
    let settings = WarpSettings::default();
    let (mesh, rows) = WarpMesh::measure(&labels, &labels, &landmarks, 128, &settings).unwrap();
    assert_eq!(rows, MeasuredRows { face: 0, neck: 0 });
    assert_eq!(mesh.warp(&gradient(128), 0.5), gradient(128));
}

proptest! {
    #[test]
    fn no_triangle_folds(
        points in prop::collection::vec(((9.0..119.0f64, 9.0..119.0f64), (-60.0..60.0f64, -60.0..60.0f64)), 0..12),
        strength in 0.0..=1.0f64,
    ) {
        let before: Vec<Point> = points.iter().map(|((x, y), _)| Point::new(*x, *y)).collect();
        let after: Vec<Point> =
            points.iter().map(|((x, y), (dx, dy))| Point::new(x + dx, y + dy)).collect();
        let mesh = WarpMesh::span(128, &before, &after).unwrap();
        let drawn = mesh.points_drawn(strength);
        for triangle in &mesh.triangles {
            let sign = doubled_area(&mesh.points_before, *triangle).signum();
            prop_assert!(doubled_area(&drawn, *triangle) * sign > 0.0);
            prop_assert!(doubled_area(&mesh.points_after, *triangle) * sign > 0.0);
        }
    }

    #[test]
    fn pulls_move_their_point_and_fold_nothing(
        points in prop::collection::vec(((9.0..119.0f64, 9.0..119.0f64), (-9.0..9.0f64, -9.0..9.0f64)), 0..6),
        pulls in prop::collection::vec(((3.0..125.0f64, 3.0..125.0f64), (-50.0..50.0f64, -50.0..50.0f64)), 1..4),
        strength in 0.0..=1.0f64,
    ) {
        let before: Vec<Point> = points.iter().map(|((x, y), _)| Point::new(*x, *y)).collect();
        let after: Vec<Point> =
            points.iter().map(|((x, y), (dx, dy))| Point::new(x + dx, y + dy)).collect();
        let pulls: Vec<Pull> = pulls
            .iter()
            .map(|((x, y), (dx, dy))| Pull { at: Point::new(*x, *y), by: Point::new(*dx, *dy) })
            .collect();
        let mesh = WarpMesh::span(128, &before, &after).unwrap().pulled(128, &pulls).unwrap();
        let drawn = mesh.points_drawn(strength);
        for triangle in &mesh.triangles {
            let sign = doubled_area(&mesh.points_before, *triangle).signum();
            prop_assert!(doubled_area(&drawn, *triangle) * sign > 0.0);
        }
        prop_assert_eq!(&drawn[..WarpMesh::ANCHORS], &mesh.points_before[..WarpMesh::ANCHORS]);
    }

    /// A linear picture stays linear inside a triangle, so a warp of the coordinates
    /// themselves tells where every pixel came from: always from inside the picture.
    #[test]
    fn every_pixel_is_drawn(x in 20.0..100.0f64, y in 20.0..100.0f64, dx in -8.0..8.0f64) {
        let mesh = WarpMesh::span(128, &[Point::new(x, y)], &[Point::new(x + dx, y)]).unwrap();
        let empty = Rgb32FImage::from_pixel(128, 128, Rgb([-1.0; 3]));
        let mut covered = empty;
        for triangle in &mesh.triangles {
            let corners = triangle.map(|vertex| mesh.points_drawn(1.0)[vertex]);
            for_each_pixel(corners, (128, 128), |x, y| covered.put_pixel(x, y, Rgb([1.0; 3])));
        }
        prop_assert!(covered.pixels().all(|pixel| pixel[0] == 1.0));
    }
}
