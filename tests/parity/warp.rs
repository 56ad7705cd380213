//! Row scan, triangulation, warp and composite against those of the reference.

use std::collections::BTreeSet;

use jawline::geometry::Point;
use jawline::portrait::warp::{StageWarp, WarpInput, WarpSettings};

use crate::pictures::{Difference, colour, grey, indices, landmarks, points};

const PAIRS: [&str; 2] = ["pair_001645", "pair_00191"];

fn compute(pair: &str, run: impl Fn(&WarpInput<'_>) -> StageWarp) -> StageWarp {
    run(&WarpInput {
        before: &colour(&format!("warp/{pair}/origin.png")),
        after: &colour(&format!("warp/{pair}/edited.png")),
        labels_before: &grey(&format!("warp/{pair}/labels_origin_512.png")),
        labels_after: &grey(&format!("warp/{pair}/labels_edited_512.png")),
        landmarks: &landmarks(&format!("warp/{pair}/landmarks_512.npy")),
    })
}

fn compute_reference(pair: &str) -> StageWarp {
    compute(pair, |input| StageWarp::compute_reference(input).unwrap())
}

#[test]
fn points_are_the_references() {
    for pair in PAIRS {
        let stage = compute_reference(pair);
        assert_eq!(
            stage.points_before(),
            points(&format!("warp/{pair}/warp_points1.npy"))
        );
        assert_eq!(
            stage.points_after(),
            points(&format!("warp/{pair}/warp_points2.npy"))
        );
        assert_eq!(
            stage.seed_points(),
            points(&format!("warp/{pair}/seed_points.npy"))
        );
    }
}

/// Triangles may differ where four points lie on one circle: there either diagonal is right.
#[test]
fn triangles_are_the_references_up_to_points_on_one_circle() {
    for pair in PAIRS {
        let stage = compute_reference(pair);
        let set = |triangles: &[[usize; 3]]| -> BTreeSet<[usize; 3]> {
            let sorted = triangles.iter().map(|triangle| {
                let mut triangle = *triangle;
                triangle.sort_unstable();
                triangle
            });
            sorted.collect()
        };
        let ours = set(&stage.mesh.triangles);
        let theirs = set(&indices(&format!("warp/{pair}/simplices.npy")));
        assert_eq!(ours.len(), theirs.len());
        for triangle in ours.symmetric_difference(&theirs) {
            let corners = triangle.map(|vertex| stage.mesh.points_before[vertex]);
            let on_circle = stage
                .mesh
                .points_before
                .iter()
                .filter(|point| !corners.contains(point))
                .filter(|point| in_circle(corners, **point) == 0.0)
                .count();
            assert!(
                on_circle > 0,
                "{pair}: triangle {triangle:?} is no Delaunay triangle"
            );
        }
    }
}

/// Zero when `d` lies on the circle through the three corners. Exact for whole pixels.
fn in_circle(corners: [Point; 3], d: Point) -> f64 {
    let [a, b, c] = corners.map(|corner| corner - d);
    let square = |p: Point| p.dot(p);
    square(a) * b.cross(c) - square(b) * a.cross(c) + square(c) * a.cross(b)
}

#[test]
fn pictures_are_the_references() {
    for pair in PAIRS {
        let stage = compute_reference(pair);
        assert_eq!(stage.mask, grey(&format!("warp/{pair}/mask.png")));
        for (ours, file) in [(&stage.warped, "warped"), (&stage.composite, "composite")] {
            let theirs = colour(&format!("warp/{pair}/{file}.png"));
            let difference = Difference::between(ours, &theirs);
            println!(
                "{pair}/{file}: mean {:.4}, within 2: {:.5}, largest {}",
                difference.mean,
                difference.share_within(2),
                difference.largest
            );
            assert!(
                difference.mean < 0.1,
                "{pair}/{file}: mean {}",
                difference.mean
            );
            assert!(difference.share_within(2) >= 0.999, "{pair}/{file}");
            assert!(
                difference.largest <= 16,
                "{pair}/{file}: largest {}",
                difference.largest
            );
        }
    }
}

/// The improved way measures the same outline: between pixels, but nowhere far from the reference.
#[test]
fn the_default_way_stays_close_to_the_reference() {
    for pair in PAIRS {
        let settings = WarpSettings::default();
        let ours = compute(pair, |input| StageWarp::compute(input, &settings).unwrap());
        let theirs = compute_reference(pair);
        assert_eq!(ours.mask, theirs.mask);
        let difference = Difference::between(&ours.composite, &theirs.composite);
        println!("{pair}: {:?} mean {:.3}", ours.measured, difference.mean);
        assert!(difference.mean < 0.5, "{pair}: mean {}", difference.mean);
        if let Some(folder) = std::env::var_os("JAWLINE_PARITY_OUT") {
            let folder = std::path::PathBuf::from(folder);
            ours.warped
                .save(folder.join(format!("{pair}_warped.png")))
                .unwrap();
            ours.composite
                .save(folder.join(format!("{pair}_composite.png")))
                .unwrap();
        }
    }
}
