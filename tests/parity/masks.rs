//! Masks against those of the reference. OpenCV's arithmetic is followed to the last bit,
//! so nothing less than equality is accepted.

use image::GrayImage;
use jawline::portrait::masks::{SoftEdge, StageMasks, simple_neck_mask, soften};

use crate::pictures::{grey, landmarks};
use crate::reference;

const PORTRAITS: [&str; 3] = ["00016", "00191", "00212"];

fn compute(portrait: &str) -> StageMasks {
    let labels = grey(&format!("masks/{portrait}/labels_512.png"));
    let landmarks = landmarks(&format!("masks/{portrait}/landmarks_512.npy"));
    StageMasks::compute(&labels, &landmarks, 1024).unwrap()
}

fn assert_equal(ours: &GrayImage, portrait: &str, file: &str) {
    let theirs = grey(&format!("masks/{portrait}/{file}.png"));
    assert_eq!(ours.dimensions(), theirs.dimensions());
    let different = ours
        .iter()
        .zip(theirs.iter())
        .filter(|(a, b)| a != b)
        .count();
    assert_eq!(
        different, 0,
        "{different} pixels of {portrait}/{file} differ"
    );
}

#[test]
fn every_mask_is_the_references() {
    for portrait in PORTRAITS {
        let masks = compute(portrait);
        for (ours, file) in [
            (&masks.neck_mask_dilate7, "neck_mask_dilate7"),
            (&masks.neck_mask_dilate0, "neck_mask_dilate0"),
            (&masks.neck_blur_mask_dilate5, "neck_blur_mask_dilate5"),
            (&masks.face_mask, "face_mask_face"),
            (&masks.face_neck_mask, "face_mask_neck"),
            (&masks.warp_band, "warpping_mask"),
            (&masks.chin_mask, "chin_mask_512"),
            (&masks.diffuse_mask, "main_diffuse_mask_30_35"),
            (&masks.training_mask, "step2_mask_15_25"),
        ] {
            assert_equal(ours, portrait, file);
        }
    }
}

#[test]
fn simple_neck_masks_are_the_references() {
    for portrait in PORTRAITS {
        let labels = grey(&format!("masks/{portrait}/labels_512_no_islands.png"));
        assert_equal(&simple_neck_mask(&labels), portrait, "simple_neck_mask_512");
    }
}

#[test]
fn softening_the_references_hard_mask_gives_its_soft_mask() {
    for portrait in PORTRAITS {
        let hard = grey(&format!("masks/{portrait}/main_diffuse_hard.png"));
        assert_equal(
            &soften(&hard, SoftEdge::DIFFUSE),
            portrait,
            "main_diffuse_mask_30_35",
        );
    }
}

#[test]
fn rows_are_the_references() {
    let json = std::fs::read(reference("masks/meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_slice(&json).unwrap();
    for portrait in PORTRAITS {
        let rows = compute(portrait).rows;
        let of_portrait = &meta[portrait];
        assert_eq!(
            Some(rows.chin_row),
            of_portrait["warpping_mask_chin_point_row"].as_i64()
        );
        assert_eq!(
            Some(rows.cheek_row),
            of_portrait["chin_mask_threshold_row"].as_f64()
        );
    }
}
