//! What the reference hands to its classifier and its parser.

use image::{GrayImage, RgbImage};
use jawline::portrait::pillow::resize_bilinear;
use jawline::portrait::scoring::{scorer_crop, scorer_mask};

use crate::reference;

fn rgb(relative: &str) -> RgbImage {
    image::open(reference(relative)).unwrap().to_rgb8()
}

fn grey(relative: &str) -> GrayImage {
    image::open(reference(relative)).unwrap().to_luma8()
}

#[test]
fn the_classifiers_picture() {
    for id in ["00016", "00212"] {
        let crop = scorer_crop(&rgb(&format!("images/portraits/{id}.png")));
        let expected = rgb(&format!("classifier/input_256_rgb_{id}.png"));
        assert!(crop == expected, "{id}: not equal to the last bit");
    }
}

#[test]
fn the_parsers_picture() {
    let reduced = resize_bilinear(&rgb("images/portraits/00016.png"), 512, 512);
    assert!(
        reduced == rgb("bisenet/input_512_rgb.png"),
        "not equal to the last bit"
    );
}

#[test]
fn the_classifiers_mask() {
    for id in ["00016", "00212"] {
        let mask = scorer_mask(&grey(&format!("classifier/labels_512_{id}.png")));
        let expected = grey(&format!("classifier/mask_256_{id}.png"));
        assert!(mask == expected, "{id}: not equal");
    }
}
