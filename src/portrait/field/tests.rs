use std::sync::Arc;

use image::{DynamicImage, Luma};
use ndarray::Array3;
use proptest::prelude::*;

use super::mask::{SHADE_COMES_IN_CELLS, SHADELESS_CELLS};
use super::*;
use crate::geometry::Landmarks;
use crate::portrait::edit_mask::MaskSettings;
use crate::portrait::paste::PhotoEdit;
use crate::portrait::warp::Pull;

const ROWS: usize = 152;
const SIZE: u32 = 512;

/// A face to row 300 with lips at rows 270–280, a neck of the columns 150–360 below it, cloth from row 430 on.
fn parsed() -> ParsedLabels {
    let labels = GrayImage::from_fn(512, 512, |x, y| {
        Luma([match (x, y) {
            (230..280, 270..=280) => 12,
            (120..390, ..300) => 1,
            (_, 430..) => 16,
            (150..360, 300..) => 14,
            _ => 0,
        }])
    });
    let landmarks = Landmarks::new(std::array::from_fn(|i| {
        Point::new(150.0 + 3.0 * i as f64, 300.0 - (i % 17) as f64)
    }));
    ParsedLabels::certain(labels, &landmarks.unwrap())
}

fn crop() -> RgbImage {
    RgbImage::from_fn(SIZE, SIZE, |x, y| {
        Rgb([(x / 2) as u8, (y / 2) as u8, ((x * 7 + y * 13) % 200) as u8])
    })
}

fn field(flow: [f32; 2], shade: f32, detail: f32) -> NeckField {
    let plane = |channels, value: f32| Array3::from_elem((channels, ROWS, 256), value);
    let mut motion = plane(2, flow[0]);
    motion.index_axis_mut(ndarray::Axis(0), 1).fill(flow[1]);
    let (shade, detail, mask) = (plane(3, shade), plane(1, detail), plane(1, 1.0));
    let values = FieldValues {
        first_row: 104,
        flow: motion.view(),
        shade: shade.view(),
        detail: detail.view(),
        mask: mask.view(),
    };
    NeckField::new(&values, &crop(), &parsed()).unwrap()
}

fn edit(field: NeckField, amount: f32) -> FieldEdit {
    let field = Arc::new(field);
    let mask = field_mask(&field, &parsed(), MaskSettings::default(), &[]).unwrap();
    FieldEdit {
        field,
        mask: Arc::new(mask),
        pulls: None,
        amount,
        is_grey: false,
    }
}

fn pasted(photo: &DynamicImage, edit: &FieldEdit, photo_from_crop: &Affine) -> DynamicImage {
    let mut photo_edit = PhotoEdit::of(photo);
    photo_edit.add_field(edit, photo_from_crop).unwrap();
    photo_edit.pasted().unwrap()
}

#[test]
fn the_mask_is_bare_skin_below_the_lower_lip() {
    let edit = edit(field([0.0; 2], 0.1, 1.0), 100.0);
    let at = |x, y| edit.mask.get_pixel(x, y)[0];
    assert_eq!(at(255, 350), 255, "the neck");
    assert_eq!(at(255, 275), 0, "the lips");
    assert_eq!(at(150, 200), 0, "the cheek");
    assert_eq!(at(255, 440), 0, "the collar");
    assert_eq!(at(60, 350), 0, "the background");
}

#[test]
fn pixels_come_from_where_the_flow_says() {
    // Sixteen pixels to the right, where the neck is wide enough.
    let field = field([16.0 / 512.0, 0.0], 0.0, 1.0);
    let photo = DynamicImage::ImageRgb8(crop());
    let after = pasted(&photo, &edit(field, 75.0), &Affine::IDENTITY).into_rgb8();
    assert_eq!(
        after.get_pixel(255, 370)[0],
        crop().get_pixel(271, 370)[0],
        "red tells the column"
    );
    assert_eq!(after.get_pixel(255, 370)[1], crop().get_pixel(255, 370)[1]);
}

#[test]
fn light_changes_within_limits_and_shadows_are_warmer() {
    let skin = [0.8, 0.5, 0.4];
    for (wanted, most) in [(-0.5, -MOST_DARKENING), (0.5, MOST_BRIGHTENING)] {
        let changed = as_light(
            &Rgb32FImage::from_pixel(1, 1, Rgb(skin)),
            Rgb32FImage::from_pixel(1, 1, Rgb([wanted; 3])),
        );
        let shade = changed.get_pixel(0, 0).0;
        let change = luminance(shade) / luminance(skin);
        assert!((0.8..=1.05).contains(&(change / most)), "{change}");
        let [red, green, blue] = std::array::from_fn(|i| (shade[i] / skin[i]).abs());
        assert!(red < green && green < blue, "{shade:?}");
    }
    for little in [-0.01, 0.01] {
        let share = limited(little) / little;
        assert!((0.95..1.0).contains(&share), "{share}");
    }
}

#[test]
fn the_sides_of_a_neck_get_no_shade_and_a_jaw_does() {
    let field = field([0.0; 2], 0.1, 1.0);
    let shade = |x: u32, y: u32| luminance(field.shade().get_pixel(x / 2, y / 2).0);
    // The neck begins at column 150, the face at 120.
    let inside = shade(152 + 2 * (SHADELESS_CELLS + SHADE_COMES_IN_CELLS), 370);
    assert!(inside > 0.0);
    assert!(
        shade(152, 370).abs() < 0.05 * inside,
        "beside the background"
    );
    assert!(shade(124, 260) > 0.0, "the cheek's outline");
}

#[test]
fn half_the_amount_shades_half_as_much() {
    let photo = DynamicImage::ImageRgb8(RgbImage::from_pixel(SIZE, SIZE, Rgb([100; 3])));
    let at = |amount| {
        let edit = edit(field([0.01, 0.02], 0.25, 1.0), amount);
        let after = pasted(&photo, &edit, &Affine::IDENTITY).into_rgb8();
        after.get_pixel(255, 370).0
    };
    let light = |pixel: [u8; 3]| luminance(pixel.map(f32::from)) - 100.0;
    let (half, full) = (at(FULL_AMOUNT / 2.0), at(FULL_AMOUNT));
    assert!(light(full) > 15.0, "{full:?}");
    assert!(
        (light(half) - light(full) / 2.0).abs() < 1.0,
        "{half:?} {full:?}"
    );
}

#[test]
fn without_detail_the_fine_pattern_is_gone_and_the_light_stays() {
    let photo = DynamicImage::ImageRgb8(crop());
    let after = pasted(
        &photo,
        &edit(field([0.0; 2], 0.0, 0.0), 75.0),
        &Affine::IDENTITY,
    );
    let after = after.into_rgb8();
    let spread = |picture: &RgbImage| {
        let blues: Vec<_> = (240..270).map(|x| picture.get_pixel(x, 370)[2]).collect();
        blues.iter().max().unwrap() - blues.iter().min().unwrap()
    };
    assert!(spread(&after) < 40 && spread(&crop()) > 150);
    let red = after.get_pixel(255, 370)[0];
    assert!(red.abs_diff(127) <= 2, "{red}");
}

#[test]
fn the_flow_rests_at_what_must_not_be_drawn_along() {
    let field = field([0.0, 0.02], 0.0, 1.0);
    let down = |y: u32| field.motion().get_pixel(127, y)[1];
    assert_eq!(down(215), 0.0, "right above the collar");
    assert!(down(180) > 10.0, "in the middle of the neck: {}", down(180));
}

#[test]
fn pulls_bring_what_was_at_their_beginning_to_their_end() {
    let photo = DynamicImage::ImageRgb8(crop());
    let pull = Pull {
        at: Point::new(240.0, 360.0),
        by: Point::new(14.0, 0.0),
    };
    let edit = FieldEdit {
        pulls: PullField::of(&[pull], SIZE).map(Arc::new),
        ..edit(field([0.0; 2], 0.0, 1.0), 60.0)
    };
    let after = pasted(&photo, &edit, &Affine::IDENTITY).into_rgb8();
    let (found, wanted) = (after.get_pixel(254, 360)[0], crop().get_pixel(240, 360)[0]);
    assert!(found.abs_diff(wanted) <= 1, "{found} {wanted}");
    assert_eq!(PullField::of(&[], SIZE), None);
}

#[test]
fn values_that_are_no_numbers_change_nothing() {
    let edit = edit(field([f32::NAN, f32::INFINITY], f32::NAN, f32::NAN), 100.0);
    let photo = DynamicImage::ImageRgb8(crop());
    assert_eq!(pasted(&photo, &edit, &Affine::IDENTITY), photo);
    assert_eq!(share_of_amount(f32::NAN), 0.0);
    assert_eq!(share_of_amount(1e9), 1.4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn outside_the_mask_and_at_no_amount_the_photo_stays_to_the_bit(
        flow in prop::array::uniform2(-0.3..0.3f32),
        shade in -0.6..0.6f32,
        amount in -20.0..=100.0f32,
        scale in 0.4..1.6f64,
        left in -90.0..90.0f64,
    ) {
        let photo = DynamicImage::ImageRgb8(crop()).into_rgb16();
        let photo = DynamicImage::from(photo);
        let photo_from_crop = Affine {
            rows: [[scale, 0.02, left], [-0.02, scale, 30.0]],
        };
        let full = edit(field(flow, shade, 0.3), amount);
        let after = pasted(&photo, &full, &photo_from_crop);
        let crop_from_photo = photo_from_crop.inverse().unwrap();
        let (before, after) = (photo.as_rgb16().unwrap(), after.as_rgb16().unwrap());
        for (x, y, pixel) in after.enumerate_pixels() {
            let place = crop_from_photo.apply(Point::new(f64::from(x), f64::from(y)));
            let near = [-1.0, 0.0, 1.0].iter().any(|dx| [-1.0, 0.0, 1.0].iter().any(|dy| {
                let (x, y) = (place.x + dx, place.y + dy);
                x >= 0.0 && y >= 0.0
                    && full.mask.get_pixel_checked(x.round() as u32, y.round() as u32)
                        .is_some_and(|value| value[0] > 0)
            }));
            prop_assert!(near || pixel == before.get_pixel(x, y), "{x} {y}");
        }
        let none = FieldEdit { amount: 0.0, ..full };
        prop_assert_eq!(pasted(&photo, &none, &photo_from_crop), photo);
    }
}
