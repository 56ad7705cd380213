//! Alignment and paste-back together, on a 24-megapixel photo.

use std::time::Instant;

use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgb, Rgb32FImage};

use super::align::align;
use super::paste::{CropChange, PhotoEdit};
use crate::geometry::{Affine, Landmarks, Point};

const PHOTO: (u32, u32) = (6000, 4000);
const SIZE: u32 = 1024;

/// A picture of slow waves, whose colour at any point is known.
fn wave(point: Point) -> [f64; 3] {
    let level = |phase: f64| 0.5 + 0.4 * (point.x / 90.0 + phase).sin() * (point.y / 70.0).cos();
    [level(0.0), level(1.0), level(2.0)]
}

fn photo() -> DynamicImage {
    ImageBuffer::from_fn(PHOTO.0, PHOTO.1, |x, y| {
        let colour = wave(Point::new(f64::from(x), f64::from(y)));
        Rgb(colour.map(|value| (value * 65535.0).round() as u16))
    })
    .into()
}

/// Landmarks of a face with eyes and mouth in the usual places, whose crop has the given side.
fn face(centre: Point, side: f64, angle: f64) -> Landmarks {
    let upright = std::array::from_fn(|index| match index {
        36..=41 => Point::new(-0.125, -0.05),
        42..=47 => Point::new(0.125, -0.05),
        48..=67 => Point::new(if index == 48 { -0.1 } else { 0.1 }, 0.2),
        _ => Point::default(),
    });
    let x_axis = Point::new(angle.cos(), angle.sin()) * side;
    let frame = Affine::from_frame(centre, x_axis, x_axis.perpendicular());
    Landmarks::new(upright).unwrap().mapped(&frame).unwrap()
}

fn soft_band() -> GrayImage {
    GrayImage::from_fn(SIZE, SIZE, |_, y| {
        Luma([((f64::from(y) - 700.0) * 2.0).clamp(0.0, 255.0) as u8])
    })
}

#[test]
fn crops_of_any_density_show_the_photo_at_its_place() {
    let photo = photo();
    for side in [300.0, 1000.0, 2600.0] {
        let landmarks = face(Point::new(3000.0, 2000.0), side, 0.4);
        let crop = align(&photo, &landmarks, SIZE).unwrap();
        assert!((crop.alignment.quad_size / side - 1.0).abs() < 0.1);
        for (x, y) in [(100, 100), (512, 600), (900, 350)] {
            let expected = wave(
                crop.photo_from_crop
                    .apply(Point::new(f64::from(x), f64::from(y))),
            );
            for (found, expected) in crop.picture.get_pixel(x, y).0.into_iter().zip(expected) {
                assert!(
                    (f64::from(found) - expected).abs() < 0.004,
                    "{side} at {x}, {y}"
                );
            }
        }
    }
}

#[test]
fn outside_the_mask_no_pixel_of_the_photo_changes() {
    let photo = DynamicImage::ImageRgb8(photo().into_rgb8());
    let mask = soft_band();
    // The second face leaves the photo at the bottom right.
    for centre in [Point::new(2500.0, 1900.0), Point::new(5400.0, 3300.0)] {
        let started = Instant::now();
        let crop = align(&photo, &face(centre, 2500.0, -0.2), SIZE).unwrap();
        println!("align: {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
        let edited = Rgb32FImage::from_fn(SIZE, SIZE, |x, y| {
            let pixel = crop.picture.get_pixel(x, y);
            Rgb([1.0 - pixel[0], pixel[1], 0.5 * pixel[2]])
        });

        let change = CropChange {
            crop: &crop.picture,
            edited: &edited,
            mask: &mask,
        };
        let started = Instant::now();
        let mut edit = PhotoEdit::of(&photo);
        edit.add(&change, &crop.photo_from_crop).unwrap();
        let pasted = edit.pasted().unwrap();
        println!("paste: {:.0} ms", started.elapsed().as_secs_f64() * 1e3);

        let crop_from_photo = crop.photo_from_crop.inverse().unwrap();
        let (before, after) = (photo.as_rgb8().unwrap(), pasted.as_rgb8().unwrap());
        let mut changed = 0;
        for ((x, y, before), after) in before.enumerate_pixels().zip(after.pixels()) {
            if before != after {
                changed += 1;
                // The mask is 0 up to row 700 of the crop, and interpolates from there.
                let in_crop = crop_from_photo.apply(Point::new(f64::from(x), f64::from(y)));
                assert!(in_crop.y > 700.0, "({x}, {y}) changed above the mask");
                assert!(in_crop.y < 1024.0, "({x}, {y}) changed below the mask");
                assert!(
                    (-1.0..1024.0).contains(&in_crop.x),
                    "({x}, {y}) changed beside the mask"
                );
            }
        }
        // The masked 324 rows of the crop, of which half of those of the second face lie in the photo.
        let under_mask = 1024.0 * 324.0 * crop.photo_from_crop.scale().powi(2);
        assert!(
            f64::from(changed) > under_mask / 5.0,
            "{changed} of {under_mask}"
        );
    }
}
