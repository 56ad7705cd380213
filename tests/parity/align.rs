//! Alignment against the FFHQ tool's, as the reference calls it.

use image::DynamicImage;
use jawline::geometry::Point;
use jawline::portrait::align::{ReferenceCrop, align, align_reference};

use crate::pictures::{Difference, colour, landmarks, points};

const CASES: [&str; 3] = ["case_a_inside", "case_b_border", "case_c_shrink"];

fn compute(case: &str, size: u32, transform_size: u32) -> ReferenceCrop {
    let photo = colour(&format!("align/{case}/photo.png"));
    let landmarks = landmarks(&format!("align/{case}/landmarks.npy"));
    align_reference(&photo, &landmarks, size, transform_size).unwrap()
}

fn assert_close(ours: &[Point], file: &str) {
    for (ours, theirs) in ours.iter().zip(points(file)) {
        let tolerance = 1e-6 * theirs.length().max(1.0);
        assert!(
            ours.distance(theirs) <= tolerance,
            "{file}: {ours:?} is not {theirs:?}"
        );
    }
}

#[test]
fn quads_are_the_references() {
    for case in CASES {
        let crop = compute(case, 256, 256);
        assert_close(
            &crop.alignment.quad.corners,
            &format!("align/{case}/quad.npy"),
        );
        let file = format!("align/{case}/quad_in_cropped_padded_256.npy");
        assert_close(&crop.quad_in_prepared.corners, &file);
    }
}

#[test]
fn crops_are_the_references() {
    for (case, size, transform_size) in [
        ("case_a_inside", 1024, 4096),
        ("case_a_inside", 256, 1024),
        ("case_b_border", 256, 1024),
        ("case_c_shrink", 256, 1024),
    ] {
        let ours = compute(case, size, transform_size).picture;
        let file = format!("align/{case}/aligned_{size}_{transform_size}.png");
        let difference = Difference::between(&ours, &colour(&file));
        println!(
            "{file}: mean {:.4}, within 3: {:.5}, largest {}",
            difference.mean,
            difference.share_within(3),
            difference.largest
        );
        assert!(difference.mean < 0.5, "{file}: mean {}", difference.mean);
        assert!(difference.share_within(3) >= 0.999, "{file}");
    }
}

#[test]
fn padding_is_the_references() {
    let crop = compute("case_b_border", 256, 1024);
    let theirs = colour("align/case_b_border/padded_before_transform.png");
    assert_eq!(crop.prepared.dimensions(), theirs.dimensions());
    let difference = Difference::between(&crop.prepared, &theirs);
    println!(
        "padding: mean {:.4}, largest {}",
        difference.mean, difference.largest
    );
    assert!(difference.largest <= 1, "largest {}", difference.largest);
}

/// The default way draws the same square with a better filter.
#[test]
fn the_default_way_shows_the_same_picture() {
    for (case, size, transform_size) in [
        ("case_a_inside", 1024, 4096),
        ("case_a_inside", 256, 1024),
        ("case_b_border", 256, 1024),
        ("case_c_shrink", 256, 1024),
    ] {
        let photo = DynamicImage::ImageRgb8(colour(&format!("align/{case}/photo.png")));
        let landmarks = landmarks(&format!("align/{case}/landmarks.npy"));
        let ours = align(&photo, &landmarks, size).unwrap();
        let ours = DynamicImage::ImageRgb32F(ours.picture).into_rgb8();
        if let Some(folder) = std::env::var_os("JAWLINE_PARITY_OUT") {
            ours.save(std::path::PathBuf::from(folder).join(format!("{case}_{size}.png")))
                .unwrap();
        }
        let theirs = colour(&format!("align/{case}/aligned_{size}_{transform_size}.png"));
        let difference = Difference::between(&ours, &theirs);
        println!(
            "{case} {size}: mean {:.3}, within 16: {:.4}, largest {}",
            difference.mean,
            difference.share_within(16),
            difference.largest
        );
        assert!(difference.mean < 2.0, "{case}: mean {}", difference.mean);
        assert!(difference.share_within(16) >= 0.98, "{case}");
    }
}
