//! What a paste changes, and what it leaves.

use image::{ColorType, Luma, Rgb};
use proptest::prelude::*;

use super::*;
use crate::geometry::Point;
use crate::photo::colour::tests::{pro_photo_rgb, with_profile};
use crate::portrait::resample::{self, sample_mask};

const KINDS: [ColorType; 10] = [
    ColorType::L8,
    ColorType::La8,
    ColorType::Rgb8,
    ColorType::Rgba8,
    ColorType::L16,
    ColorType::La16,
    ColorType::Rgb16,
    ColorType::Rgba16,
    ColorType::Rgb32F,
    ColorType::Rgba32F,
];

/// Any picture of the given kind.
fn noise(kind: ColorType, width: u32, height: u32) -> DynamicImage {
    let rgba = image::ImageBuffer::from_fn(width, height, |x, y| {
        let value = |salt: u32| {
            let mixed = (x * 7919 + y * 104_729 + salt * 1_299_709).wrapping_mul(2_654_435_761);
            (mixed >> 16) as u16
        };
        image::Rgba([value(1), value(2), value(3), value(4)])
    });
    as_kind(kind, DynamicImage::ImageRgba16(rgba))
}

fn as_kind(kind: ColorType, rgba: DynamicImage) -> DynamicImage {
    match kind {
        ColorType::L8 => rgba.into_luma8().into(),
        ColorType::La8 => rgba.into_luma_alpha8().into(),
        ColorType::Rgb8 => rgba.into_rgb8().into(),
        ColorType::Rgba8 => rgba.into_rgba8().into(),
        ColorType::L16 => rgba.into_luma16().into(),
        ColorType::La16 => rgba.into_luma_alpha16().into(),
        ColorType::Rgb16 => rgba.into_rgb16().into(),
        ColorType::Rgb32F => rgba.into_rgb32f().into(),
        ColorType::Rgba32F => rgba.into_rgba32f().into(),
        _ => rgba,
    }
}

fn pixel_bytes(picture: &DynamicImage, x: u32, y: u32) -> &[u8] {
    let size = usize::from(picture.color().bytes_per_pixel());
    let start = (y as usize * picture.width() as usize + x as usize) * size;
    &picture.as_bytes()[start..start + size]
}

/// A round soft mask in the middle of a crop.
fn round_mask(size: u32) -> GrayImage {
    GrayImage::from_fn(size, size, |x, y| {
        let centre = f64::from(size) / 2.0;
        let distance = (f64::from(x) - centre).hypot(f64::from(y) - centre);
        Luma([(255.0 * (1.5 - 5.0 * distance / f64::from(size)).clamp(0.0, 1.0)) as u8])
    })
}

/// The photo with one change in it.
fn paste(
    photo: &DynamicImage,
    change: &CropChange<'_>,
    photo_from_crop: &Affine,
) -> Result<DynamicImage, Error> {
    let mut edit = PhotoEdit::of(photo);
    edit.add(change, photo_from_crop)?;
    edit.pasted()
}

fn turned(scale: f64, angle: f64, origin: Point) -> Affine {
    let x_axis = Point::new(angle.cos(), angle.sin()) * scale;
    Affine::from_frame(origin, x_axis, x_axis.perpendicular())
}

proptest! {
    #[test]
    fn nothing_changes_outside_the_mask(
        kind in prop::sample::select(&KINDS),
        scale in 0.2..3.0f64,
        angle in -3.2..3.2f64,
        (x, y) in (-20.0..90.0f64, -20.0..90.0f64),
    ) {
        let photo = noise(kind, 90, 70);
        let crop = Rgb32FImage::from_pixel(32, 32, Rgb([0.2; 3]));
        let edited = Rgb32FImage::from_pixel(32, 32, Rgb([0.6, 0.9, 0.1]));
        let mask = round_mask(32);
        let photo_from_crop = turned(scale, angle, Point::new(x, y));
        let crop_from_photo = photo_from_crop.inverse().unwrap();

        let change = CropChange { crop: &crop, edited: &edited, mask: &mask };
        let pasted = paste(&photo, &change, &photo_from_crop).unwrap();

        for (x, y) in (0..70).flat_map(|y| (0..90).map(move |x| (x, y))) {
            let in_crop = crop_from_photo.apply(Point::new(f64::from(x), f64::from(y)));
            if sample_mask(&mask, in_crop) <= 0.0 {
                prop_assert_eq!(pixel_bytes(&photo, x, y), pixel_bytes(&pasted, x, y));
            }
        }
    }

    #[test]
    fn a_wide_gamut_photo_changes_in_its_own_space_and_only_under_the_mask(
        scale in 0.3..3.0f64,
        angle in -3.2..3.2f64,
    ) {
        let space = ColourSpace::described_by(&with_profile(&pro_photo_rgb()));
        let photo = DynamicImage::from(image::ImageBuffer::from_fn(90, 70, |x, y| {
            Rgb([30_000 + 100 * x as u16, 29_000 + 90 * y as u16, 27_000 + 50 * x as u16])
        }));
        let photo_from_crop = turned(scale, angle, Point::new(30.0, 25.0));
        let mut crop = resample::draw(&photo.to_rgb32f(), 32, 32, &photo_from_crop);
        space.to_srgb(&mut crop);
        let shift = [0.06, -0.04, 0.02];
        let mut edited = crop.clone();
        edited.pixels_mut().for_each(|pixel| {
            pixel.0.iter_mut().zip(shift).for_each(|(value, shift)| *value += shift);
        });
        let mask = round_mask(32);
        let crop_from_photo = photo_from_crop.inverse().unwrap();
        let mut edit = PhotoEdit::of(&photo).in_space(space.clone());
        edit.add(&CropChange { crop: &crop, edited: &edited, mask: &mask }, &photo_from_crop).unwrap();
        let pasted = edit.pasted().unwrap();
        let in_srgb = |picture: &DynamicImage| {
            let mut picture = picture.to_rgb32f();
            space.to_srgb(&mut picture);
            picture
        };
        let (before, after) = (in_srgb(&photo), in_srgb(&pasted));
        for (x, y, before) in before.enumerate_pixels() {
            let opacity = sample_mask(&mask, crop_from_photo.apply(Point::new(x.into(), y.into())));
            if opacity <= 0.0 {
                prop_assert_eq!(pixel_bytes(&photo, x, y), pixel_bytes(&pasted, x, y));
            } else if opacity >= 1.0 && scale > 1.0 {
                let after = after.get_pixel(x, y);
                for channel in 0..3 {
                    // The crop cannot show all of the photo, and what it lacks counts as an outline.
                    let found = after[channel] - before[channel];
                    prop_assert!((found - shift[channel]).abs() < 0.004, "{found} at {x}, {y}");
                }
            }
        }
    }

    #[test]
    fn an_edit_that_changes_nothing_leaves_the_photo_as_it_is(
        kind in prop::sample::select(&KINDS),
        scale in 0.2..3.0f64,
        angle in -3.2..3.2f64,
    ) {
        let photo = noise(kind, 60, 60);
        let crop = noise(ColorType::Rgb32F, 32, 32).into_rgb32f();
        let mask = round_mask(32);
        let change = CropChange { crop: &crop, edited: &crop, mask: &mask };
        let pasted = paste(&photo, &change, &turned(scale, angle, Point::new(20.0, 20.0))).unwrap();
        prop_assert_eq!(photo, pasted);
    }

    #[test]
    fn the_order_of_the_faces_makes_no_difference(
        kind in prop::sample::select(&KINDS),
        faces in prop::collection::vec(any_face(), 2..5).prop_flat_map(|faces| {
            (Just(faces.clone()), Just(faces).prop_shuffle())
        }),
    ) {
        let photo = noise(kind, 90, 70);
        let (faces, shuffled) = faces;
        prop_assert_eq!(paste_all(&photo, &faces), paste_all(&photo, &shuffled));
    }

    #[test]
    fn beside_the_overlap_each_face_is_as_if_alone(
        kind in prop::sample::select(&KINDS),
        faces in prop::collection::vec(any_face(), 3),
    ) {
        let photo = noise(kind, 90, 70);
        let together = paste_all(&photo, &faces);
        let mask = round_mask(32);
        let alone: Vec<_> = faces
            .iter()
            .map(|face| (face.photo_from_crop.inverse().unwrap(), paste_all(&photo, &[*face])))
            .collect();
        for (x, y) in (0..70).flat_map(|y| (0..90).map(move |x| (x, y))) {
            let point = Point::new(f64::from(x), f64::from(y));
            let mut here = alone
                .iter()
                .filter(|(crop_from_photo, _)| sample_mask(&mask, crop_from_photo.apply(point)) > 0.0);
            let expected = match (here.next(), here.next()) {
                (None, _) => &photo,
                (Some((_, alone)), None) => alone,
                (Some(_), Some(_)) => continue,
            };
            prop_assert_eq!(pixel_bytes(&together, x, y), pixel_bytes(expected, x, y));
        }
    }

    #[test]
    fn a_grey_photo_stays_grey(
        kind in prop::sample::select(&KINDS),
        mut faces in prop::collection::vec(any_face(), 0..3),
    ) {
        // Any face may lie beside the photo or be too faint to change a level: this one does not.
        faces.push(AnyFace {
            photo_from_crop: turned(1.0, 0.2, Point::new(29.0, 19.0)),
            tint: [0.5, 0.1, -0.3],
        });
        // Grey in the channels that the kind has, as far as its depth can tell.
        let grey = DynamicImage::from(noise(ColorType::Rgb16, 90, 70).into_luma8());
        let photo = as_kind(kind, grey.into_rgba16().into());
        let pasted = paste_all(&photo, &faces);
        prop_assert_ne!(&pasted, &photo);
        for pixel in pasted.to_rgb32f().pixels() {
            prop_assert!(pixel[0] == pixel[1] && pixel[1] == pixel[2], "{:?}", pixel);
        }
    }
}

#[test]
fn the_change_arrives_at_its_place() {
    let crop = Rgb32FImage::from_pixel(32, 32, Rgb([0.25; 3]));
    let edited = Rgb32FImage::from_pixel(32, 32, Rgb([0.75; 3]));
    let mask = round_mask(32);
    let change = CropChange {
        crop: &crop,
        edited: &edited,
        mask: &mask,
    };
    for (kind, scale) in KINDS
        .into_iter()
        .flat_map(|kind| [(kind, 0.5), (kind, 3.0)])
    {
        let grey = Rgb32FImage::from_pixel(100, 100, Rgb([0.25; 3]));
        let photo: DynamicImage = match kind {
            ColorType::L8 => DynamicImage::ImageRgb32F(grey).into_luma8().into(),
            ColorType::Rgba16 => DynamicImage::ImageRgb32F(grey).into_rgba16().into(),
            _ => DynamicImage::ImageRgb32F(grey),
        };
        let origin = Point::new(5.0, 9.0);
        let pasted = paste(&photo, &change, &turned(scale, 0.0, origin)).unwrap();
        let centre = origin + Point::new(16.0, 16.0) * scale;
        let pixel = pasted.to_rgb32f()[(centre.x as u32, centre.y as u32)];
        assert!(
            (pixel[0] - 0.75).abs() < 0.01,
            "{kind:?} at {scale}: {pixel:?}"
        );
    }
}

#[test]
fn flat_maps_and_wrong_sizes_are_refused() {
    let crop = Rgb32FImage::new(8, 8);
    let (mask, small) = (GrayImage::new(8, 8), GrayImage::new(7, 8));
    let photo = DynamicImage::new_rgb8(9, 9);
    let change = CropChange {
        crop: &crop,
        edited: &crop,
        mask: &mask,
    };
    let flat = Affine::scaling(0.0);
    assert_eq!(paste(&photo, &change, &flat), Err(Error::FlatMap));
    let change = CropChange {
        mask: &small,
        ..change
    };
    assert!(matches!(
        paste(&photo, &change, &Affine::IDENTITY),
        Err(Error::Size { .. })
    ));
}

#[test]
fn an_empty_mask_touches_nothing() {
    let crop = Rgb32FImage::new(8, 8);
    let mask = GrayImage::new(8, 8);
    let photo = noise(ColorType::Rgb8, 9, 9);
    let change = CropChange {
        crop: &crop,
        edited: &crop,
        mask: &mask,
    };
    let pasted = paste(&photo, &change, &Affine::IDENTITY).unwrap();
    assert_eq!(pasted, photo);
}

#[test]
fn two_faces_that_make_one_change_make_it_once() {
    // Two crops of the same place, whose edits agree, as a neck that both masks cover.
    let (photo, crop) = (flat(120, 0.25), flat(32, 0.25).into_rgb32f());
    let edited = flat(32, 0.75).into_rgb32f();
    let mask = GrayImage::from_pixel(32, 32, Luma([255]));
    let change = CropChange {
        crop: &crop,
        edited: &edited,
        mask: &mask,
    };
    for scale in [0.5, 3.0] {
        let mut edit = PhotoEdit::of(&photo);
        for x in [5.0, 9.0] {
            let place = turned(scale, 0.0, Point::new(x, 7.0));
            edit.add(&change, &place).unwrap();
        }
        let largest = |photo: &DynamicImage| {
            let levels = photo.to_rgb32f();
            levels.iter().copied().fold(0.0, f32::max)
        };
        let pasted = largest(&edit.pasted().unwrap());
        assert!((pasted - 0.75).abs() < 1e-3, "{pasted} at {scale}");
    }
}

#[test]
fn the_change_of_one_face_is_no_grain_to_another() {
    // The photo is denser than the crops. The first face paints stripes that no crop shows, the other
    // only shifts the light: it must not hold the stripes back.
    let photo = flat(160, 0.4);
    let crop = flat(32, 0.4).into_rgb32f();
    let striped = Rgb32FImage::from_fn(32, 32, |x, _| Rgb([0.4 + 0.4 * ((x / 2) % 2) as f32; 3]));
    let lighter = flat(32, 0.5).into_rgb32f();
    let mask = GrayImage::from_pixel(32, 32, Luma([100]));
    let place = turned(4.0, 0.0, Point::new(10.0, 10.0));
    let pasted = |edits: &[&Rgb32FImage]| {
        let mut edit = PhotoEdit::of(&photo);
        for edited in edits {
            let change = CropChange {
                crop: &crop,
                edited,
                mask: &mask,
            };
            edit.add(&change, &place).unwrap();
        }
        edit.pasted().unwrap().to_rgb32f()
    };
    let both = pasted(&[&striped, &lighter]);
    let (first, second) = (pasted(&[&striped]), pasted(&[&lighter]));
    for (((both, first), second), before) in both
        .iter()
        .zip(first.iter())
        .zip(second.iter())
        .zip(photo.to_rgb32f().iter())
    {
        // Both weights together are below 1, so each counts in full.
        let expected = first + second - before;
        assert!(
            (both - expected).abs() < 1e-5,
            "{both} instead of {expected}"
        );
    }
}

#[test]
fn a_toned_photo_keeps_its_colours() {
    let tone = |level: f32| Rgb([1.07 * level, 0.95 * level, 0.77 * level]);
    let picture = |size, factor: f32| {
        Rgb32FImage::from_fn(size, size, |x, _| tone(factor * (0.3 + 0.003 * x as f32)))
    };
    let photo = DynamicImage::from(picture(100, 1.0));
    let (crop, edited) = (picture(100, 1.0), picture(100, 0.8));
    let mask = round_mask(100);
    let change = CropChange {
        crop: &crop,
        edited: &edited,
        mask: &mask,
    };
    let pasted = paste(&photo, &change, &Affine::IDENTITY).unwrap();
    for (x, y, pixel) in pasted.to_rgb32f().enumerate_pixels() {
        let expected = tone(pixel[1] / 0.95);
        for (found, expected) in pixel.0.into_iter().zip(expected.0) {
            assert!((found - expected).abs() < 1e-4, "{pixel:?} at {x}, {y}");
        }
    }
}

/// A grey picture without any detail.
fn flat(side: u32, level: f32) -> DynamicImage {
    Rgb32FImage::from_pixel(side, side, Rgb([level; 3])).into()
}

/// Where a face lies in a photo of 90 by 70 pixels, and how the light of its edit differs.
#[derive(Debug, Clone, Copy)]
struct AnyFace {
    photo_from_crop: Affine,
    tint: [f32; 3],
}

prop_compose! {
    fn any_face()(
        scale in 0.4..2.5f64,
        angle in -0.5..0.5f64,
        (x, y) in (-10.0..50.0f64, -10.0..40.0f64),
        tint in prop::array::uniform3(-0.5..0.5f32),
    ) -> AnyFace {
        AnyFace {
            photo_from_crop: turned(scale, angle, Point::new(x, y)),
            tint,
        }
    }
}

/// The photo with the edits of these faces, each of its own crop of the photo.
fn paste_all(photo: &DynamicImage, faces: &[AnyFace]) -> DynamicImage {
    let mask = round_mask(32);
    let pixels = photo.to_rgb32f();
    let mut edit = PhotoEdit::of(photo);
    for face in faces {
        let crop = resample::draw(&pixels, 32, 32, &face.photo_from_crop);
        let edited = Rgb32FImage::from_fn(32, 32, |x, y| {
            let pixel = crop.get_pixel(x, y);
            Rgb(std::array::from_fn(|i| 0.7 * pixel[i] + face.tint[i]))
        });
        let change = CropChange {
            crop: &crop,
            edited: &edited,
            mask: &mask,
        };
        edit.add(&change, &face.photo_from_crop).unwrap();
    }
    edit.pasted().unwrap()
}
