use image::{GrayAlphaImage, Luma, LumaA, RgbImage, Rgba, RgbaImage};

use super::*;
use crate::photo::exif::tests::block;
use crate::photo::{Metadata, Overwrite, SaveOptions};

fn photo(pixels: impl Into<DynamicImage>) -> Photo {
    Photo {
        metadata: Metadata {
            icc_profile: Some(b"a profile".to_vec()),
            exif: Some(block(1, true)),
            ..Metadata::default()
        },
        ..Photo::from_pixels(pixels.into())
    }
}

#[test]
fn every_kind_is_reduced_in_its_own_kind_to_the_same_tones() {
    let grey = image::ImageBuffer::from_pixel(90, 60, Luma([40_000u16]));
    for pixels in [
        DynamicImage::from(grey.clone()).to_luma8().into(),
        DynamicImage::from(grey.clone()).to_luma_alpha8().into(),
        DynamicImage::from(grey.clone()).to_rgb8().into(),
        DynamicImage::from(grey.clone()).to_rgba8().into(),
        DynamicImage::from(grey.clone()),
        DynamicImage::from(grey.clone()).to_luma_alpha16().into(),
        DynamicImage::from(grey.clone()).to_rgb16().into(),
        DynamicImage::from(grey.clone()).to_rgba16().into(),
    ] as [DynamicImage; 8]
    {
        let photo = photo(pixels.clone());
        let small = photo.reduced_to(30).unwrap();
        let smaller = small.pixels();
        assert_eq!(
            (smaller.width(), smaller.height(), smaller.color()),
            (30, 20, pixels.color())
        );
        assert_eq!(
            pixels.to_rgba16().get_pixel(0, 0),
            smaller.to_rgba16().get_pixel(15, 10)
        );
        assert_eq!(small.metadata().icc_profile, photo.metadata().icc_profile);
        assert!(photo.reduced_to(90).is_none(), "nothing is enlarged");
        assert!(photo.reduced_to(0).is_none());
    }
}

#[test]
fn a_thin_picture_keeps_a_pixel() {
    let thin = photo(DynamicImage::new_rgb8(1000, 2))
        .reduced_to(10)
        .unwrap();
    assert_eq!((thin.pixels().width(), thin.pixels().height()), (10, 1));
}

#[test]
fn what_is_transparent_does_not_bleed() {
    // Invisible green beside opaque red.
    let picture = RgbaImage::from_fn(64, 64, |x, _| match x < 32 {
        true => Rgba([0, 255, 0, 0]),
        false => Rgba([255, 0, 0, 255]),
    });
    let small = photo(picture).reduced_to(15).unwrap().pixels().to_rgba8();
    for pixel in small.pixels().filter(|pixel| pixel.0[3] > 8) {
        assert!(pixel.0[1] < 8, "{pixel:?}");
    }
}

#[test]
fn formats_that_hold_less_get_less_and_say_so() {
    let deep = RgbaImage::from_pixel(4, 4, Rgba([200, 100, 0, 0]));
    let deep = photo(DynamicImage::from(deep).to_rgba16());
    assert!(deep.fitted_to(Format::Png).is_none());
    assert!(deep.fitted_to(Format::Tiff).is_none());
    let (shallow, given_up) = deep.fitted_to(Format::WebP).unwrap();
    assert_eq!(given_up, [GivenUp::Depth]);
    assert_eq!(
        shallow.pixels().to_rgba8().get_pixel(1, 1).0,
        [200, 100, 0, 0]
    );
    let (opaque, given_up) = deep.fitted_to(Format::Jpeg).unwrap();
    assert_eq!(given_up, [GivenUp::Depth, GivenUp::Transparency]);
    assert_eq!(opaque.pixels().color(), image::ColorType::Rgb8);
    assert_eq!(opaque.pixels().to_rgb8().get_pixel(1, 1).0, [255; 3]);

    let half = photo(GrayAlphaImage::from_pixel(2, 2, LumaA([0, 128])));
    let (grey, given_up) = half.fitted_to(Format::Jpeg).unwrap();
    assert_eq!(given_up, [GivenUp::Transparency]);
    assert_eq!(grey.pixels().to_luma8().get_pixel(0, 0).0, [127]);
    assert!(photo(RgbImage::new(2, 2)).fitted_to(Format::Jpeg).is_none());
}

#[test]
fn a_profile_for_grey_does_not_serve_colour() {
    let grey = photo(DynamicImage::new_luma8(4, 4));
    let coloured = grey.with_derived_pixels(DynamicImage::new_rgb8(9, 4));
    assert_eq!(coloured.metadata().icc_profile, None);
    assert!(coloured.metadata().exif.is_some());
    let smaller = grey.with_derived_pixels(DynamicImage::new_luma16(2, 2));
    assert!(smaller.metadata().icc_profile.is_some());
}

#[test]
fn sides_beyond_a_format_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.webp");
    let options = SaveOptions {
        overwrite: Overwrite::Never,
        ..SaveOptions::for_path(&path).unwrap()
    };
    let wide = photo(DynamicImage::new_luma8(16_384, 1));
    let message = wide.save(&path, &options).unwrap_err().to_string();
    assert!(message.contains("16 383"), "{message}");
}
