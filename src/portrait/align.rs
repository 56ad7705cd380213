//! Alignment as in the FFHQ data set: an upright square crop around a face, cut out of the photo
//! along the line of the eyes (Karras, Laine, Aila: "A Style-Based Generator Architecture for
//! Generative Adversarial Networks", appendix A).

mod padding;
mod reference;

use image::{DynamicImage, Rgb32FImage};

pub use reference::{ReferenceCrop, align_reference};

use super::resample::interpolate;
use super::smooth::gaussian_reduced;
use super::{Error, square_side};
use crate::geometry::{Affine, Landmarks, PixelRect, Point, Quad, Rect};
use crate::photo::ColourSpace;
use crate::photo::resize::resize;
use padding::{Margins, pad};

/// The largest side of a crop.
const LARGEST_SIZE: u32 = 4096;
/// The largest side of the square around a face, in long sides of the photo; the rest is padding.
const LARGEST_QUAD: f64 = 8.0;

/// The square around a face, in photo pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alignment {
    /// Its corners.
    pub quad: Quad,
    /// Its side.
    pub quad_size: f64,
}

impl Alignment {
    /// The square that the landmarks of a face span in a photo of `photo` (width, height).
    ///
    /// # Errors
    /// [`Error::FaceSize`] when eyes and mouth coincide, and when the square is smaller than a pixel,
    /// lies outside the photo or is far larger than it.
    pub fn from_landmarks(landmarks: &Landmarks, photo: (u32, u32)) -> Result<Self, Error> {
        let centre_of = |eye: [Point; 6]| eye.into_iter().sum::<Point>() / 6.0;
        let (eye_left, eye_right) = (
            centre_of(landmarks.eye_left()),
            centre_of(landmarks.eye_right()),
        );
        let eyes = (eye_left + eye_right) * 0.5;
        let mouth = (landmarks.points()[48] + landmarks.points()[54]) * 0.5;
        let (eye_to_eye, eye_to_mouth) = (eye_right - eye_left, mouth - eyes);

        let direction = eye_to_eye - eye_to_mouth.perpendicular();
        let half = (eye_to_eye.length() * 2.0).max(eye_to_mouth.length() * 1.8);
        let half_x = direction * (half / direction.length());
        let quad = Quad::around(eyes + eye_to_mouth * 0.1, half_x, half_x.perpendicular());
        let quad_size = half_x.length() * 2.0;

        let in_photo = Rect::new(
            -0.5,
            -0.5,
            f64::from(photo.0) - 0.5,
            f64::from(photo.1) - 0.5,
        );
        let largest = LARGEST_QUAD * f64::from(photo.0.max(photo.1));
        let usable = (1.0..=largest).contains(&quad_size)
            && in_photo
                .intersection(&quad.bounds())
                .pixels(photo.0, photo.1)
                .is_some();
        if !usable {
            return Err(Error::FaceSize { quad_size, photo });
        }
        Ok(Self { quad, quad_size })
    }

    /// The map from a crop of `size` by `size` pixels into the photo.
    pub fn photo_from_crop(&self, size: u32) -> Affine {
        self.quad.from_square(size)
    }
}

/// A face cut out of a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignedCrop {
    /// The crop, values in 0..=1; in the photo's colour space, until it is brought to sRGB.
    pub picture: Rgb32FImage,
    /// Where it lies in the photo.
    pub alignment: Alignment,
    /// The map from the crop's pixels to the photo's.
    pub photo_from_crop: Affine,
}

impl AlignedCrop {
    /// The crop in sRGB, as networks and the screen want it; it was cut out of a photo in this space.
    #[must_use]
    pub fn in_srgb(mut self, space: &ColourSpace) -> Self {
        space.to_srgb(&mut self.picture);
        self
    }
}

/// Cuts the face with these landmarks (in photo pixels) out of the photo as a crop of `size` by
/// `size` pixels. Where the square leaves the photo, the photo is mirrored, blurred and faded to its
/// median colour.
///
/// Takes any pixel format. Large faces are reduced with a Lanczos filter before the turn; the
/// crop is interpolated from there directly.
///
/// # Errors
/// [`Error::UnusableSize`] for `size`, [`Error::FaceSize`] when the landmarks span no usable square,
/// [`Error::PixelKind`] for an unknown pixel format.
pub fn align(photo: &DynamicImage, landmarks: &Landmarks, size: u32) -> Result<AlignedCrop, Error> {
    check_size("size of the crop", size)?;
    let photo_size = (photo.width(), photo.height());
    let alignment = Alignment::from_landmarks(landmarks, photo_size)?;
    let photo_from_crop = alignment.photo_from_crop(size);
    let Alignment { quad, quad_size } = alignment;

    // The part of the photo around the square, no denser than the crop needs it.
    let bounds = quad.bounds().inflated(border(quad_size));
    let block = bounds
        .pixels(photo_size.0, photo_size.1)
        .ok_or(Error::FaceSize {
            quad_size,
            photo: photo_size,
        })?;
    let scale = photo_from_crop.scale();
    let reduced = |length: u32| match scale > 1.0 {
        true => ((f64::from(length) / scale).round() as u32).max(1),
        false => length,
    };
    let part_size = (reduced(block.width), reduced(block.height));
    let mut part = resize(photo, block, part_size.0, part_size.1)
        .ok_or_else(|| Error::unknown_pixels(photo))?;
    let part_from_photo = Affine::resize_between((block.width, block.height), part_size)
        * Affine::translation(Point::new(-f64::from(block.x), -f64::from(block.y)));

    let mut part_from_crop = part_from_photo * photo_from_crop;
    let quad_size = quad_size * part_from_photo.scale();
    if let Some(margins) =
        Margins::around(&quad.mapped(&part_from_photo), quad_size, part.dimensions())
    {
        part = pad(&part, margins, |picture| {
            gaussian_reduced(picture, blur_sigma(quad_size))
        });
        part_from_crop = Affine::translation(margins.offset()) * part_from_crop;
    }
    let picture = interpolate(&part, size, size, &part_from_crop);
    Ok(AlignedCrop {
        picture,
        alignment,
        photo_from_crop,
    })
}

/// Takes a square picture for the crop that it is, in `size` by `size` pixels.
///
/// # Errors
/// [`Error::UnusableSize`] for `size`, [`Error::NotSquare`] for the picture, [`Error::PixelKind`] for an
/// unknown pixel format.
pub fn whole(picture: &DynamicImage, size: u32) -> Result<AlignedCrop, Error> {
    check_size("size of the crop", size)?;
    let side = square_side("crop", (picture.width(), picture.height()))?;
    let block = PixelRect {
        x: 0,
        y: 0,
        width: side,
        height: side,
    };
    let resized = match side == size {
        true => Some(picture.to_rgb32f()),
        false => resize(picture, block, size, size),
    };
    let half = f64::from(side) / 2.0;
    let middle = Point::new(half - 0.5, half - 0.5);
    let quad = Quad::around(middle, Point::new(half, 0.0), Point::new(0.0, half));
    let alignment = Alignment {
        quad,
        quad_size: f64::from(side),
    };
    Ok(AlignedCrop {
        picture: resized.ok_or_else(|| Error::unknown_pixels(picture))?,
        photo_from_crop: alignment.photo_from_crop(size),
        alignment,
    })
}

/// Room around the square that filters may need, in pixels.
fn border(quad_size: f64) -> f64 {
    (quad_size * 0.1).round_ties_even().max(3.0)
}

/// How strongly padding is blurred.
fn blur_sigma(quad_size: f64) -> f64 {
    quad_size * 0.02
}

fn check_size(what: &'static str, size: u32) -> Result<(), Error> {
    if size == 0 || size > LARGEST_SIZE {
        return Err(Error::UnusableSize {
            what,
            size,
            largest: LARGEST_SIZE,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landmarks_at(place: impl Fn(usize) -> Point) -> Landmarks {
        Landmarks::new(std::array::from_fn(place)).unwrap()
    }

    /// Eyes at (±10, 0) and a mouth at (0, 20) around `centre`.
    fn upright(centre: Point) -> Landmarks {
        landmarks_at(|index| match index {
            36..=41 => centre + Point::new(-10.0, 0.0),
            42..=47 => centre + Point::new(10.0, 0.0),
            _ => centre + Point::new(0.0, 20.0),
        })
    }

    #[test]
    fn an_upright_face_gives_an_upright_square() {
        let alignment =
            Alignment::from_landmarks(&upright(Point::new(100.0, 80.0)), (200, 200)).unwrap();
        // Twice the distance of the eyes beats 1.8 times that from eyes to mouth.
        let expected = Quad::around(
            Point::new(100.0, 82.0),
            Point::new(40.0, 0.0),
            Point::new(0.0, 40.0),
        );
        for (found, expected) in alignment.quad.corners.into_iter().zip(expected.corners) {
            assert!(found.distance(expected) < 1e-9);
        }
        assert!((alignment.quad_size - 80.0).abs() < 1e-9);
    }

    #[test]
    fn a_crop_is_taken_as_it_is() {
        let picture = DynamicImage::ImageRgb8(image::RgbImage::from_fn(64, 64, |x, y| {
            image::Rgb([4 * x as u8, 4 * y as u8, 90])
        }));
        let crop = whole(&picture, 64).unwrap();
        assert_eq!(crop.picture, picture.to_rgb32f());
        let map = &crop.photo_from_crop;
        for point in [Point::new(0.0, 0.0), Point::new(63.0, 12.5)] {
            assert!(map.apply(point).distance(point) < 1e-9);
        }
        // The middle of a pixel of half the size lies between four.
        let half = whole(&picture, 32).unwrap();
        assert_eq!(half.picture.dimensions(), (32, 32));
        let corner = half.photo_from_crop.apply(Point::new(0.0, 0.0));
        assert!(corner.distance(Point::new(0.5, 0.5)) < 1e-9);
        let oblong = DynamicImage::new_rgb8(64, 60);
        assert!(matches!(whole(&oblong, 64), Err(Error::NotSquare { .. })));
        assert!(matches!(
            whole(&picture, 0),
            Err(Error::UnusableSize { .. })
        ));
    }

    #[test]
    fn faces_that_cannot_be_cut_out_are_refused() {
        let photo = DynamicImage::new_rgb8(200, 200);
        let one_point = landmarks_at(|_| Point::new(50.0, 50.0));
        let outside = upright(Point::new(-500.0, 80.0));
        let huge = landmarks_at(|index| Point::new(index as f64 * 1e9, 3.0));
        for landmarks in [one_point, outside, huge] {
            assert!(matches!(
                align(&photo, &landmarks, 64),
                Err(Error::FaceSize { .. })
            ));
        }
        let face = upright(Point::new(100.0, 100.0));
        assert!(matches!(
            align(&photo, &face, 0),
            Err(Error::UnusableSize { .. })
        ));
    }

    #[test]
    fn tiny_photos_and_faces_at_the_border_give_a_crop() {
        for (width, height) in [(1, 1), (1, 300), (40, 2), (120, 90)] {
            let photo = DynamicImage::new_luma16(width, height);
            let crop = align(&photo, &upright(Point::new(3.0, 2.0)), 32);
            match crop {
                Ok(crop) => assert!(crop.picture.iter().all(|value| value.is_finite())),
                Err(error) => assert!(matches!(error, Error::FaceSize { .. })),
            }
        }
    }
}
