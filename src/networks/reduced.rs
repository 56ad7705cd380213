//! Small 8-bit copies of photos, for networks that look at faces.

use image::{DynamicImage, RgbImage, imageops};

use crate::geometry::{Affine, Point, QuarterTurn, Rect};
use crate::photo::resize::resize;
use crate::photo::{ColourSpace, Photo};

/// A part of a photo, reduced.
pub(super) struct Copy {
    /// sRGB in 8 bits a channel; transparency is ignored.
    pub pixels: RgbImage,
    /// From the copy's pixels to the photo's.
    pub photo_from_copy: Affine,
}

impl Copy {
    /// The same, turned.
    pub fn turned(self, turn: QuarterTurn) -> Self {
        let photo_from_copy =
            self.photo_from_copy * turn.upright_from_turned(self.pixels.dimensions());
        let pixels = match turn {
            QuarterTurn::None => self.pixels,
            QuarterTurn::Clockwise => imageops::rotate90(&self.pixels),
            QuarterTurn::Half => imageops::rotate180(&self.pixels),
            QuarterTurn::Anticlockwise => imageops::rotate270(&self.pixels),
        };
        Self {
            pixels,
            photo_from_copy,
        }
    }
}

/// The part of `photo` in `region`, reduced by `factor` (at most 1) with a filter that averages what
/// falls together. `None` when the region holds no pixel.
pub(super) fn part(photo: &Photo, region: &Rect, factor: f64) -> Option<Copy> {
    let space = ColourSpace::of(photo);
    let photo = photo.pixels();
    let block = region.pixels(photo.width(), photo.height())?;
    let shrunk = |length: u32| (f64::from(length) * factor.min(1.0)).round().max(1.0) as u32;
    let (width, height) = (shrunk(block.width), shrunk(block.height));

    let mut small = resize(photo, block, width, height)?;
    space.to_srgb(&mut small);
    let [x, y, w, h] = [block.x, block.y, block.width, block.height].map(f64::from);
    let (sx, sy) = (w / f64::from(width), h / f64::from(height));
    Some(Copy {
        pixels: DynamicImage::ImageRgb32F(small).into_rgb8(),
        photo_from_copy: Affine::from_frame(
            // The corners fall together, half a pixel before the centre of the first pixel.
            Point::new(x + 0.5 * sx - 0.5, y + 0.5 * sy - 0.5),
            Point::new(sx, 0.0),
            Point::new(0.0, sy),
        ),
    })
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Rgb};

    use super::*;

    #[test]
    fn a_spot_is_where_the_map_says() {
        let spot = Point::new(121.0, 64.0);
        let photo = ImageBuffer::from_fn(300, 200, |x, y| {
            let near = Point::new(x.into(), y.into()).distance(spot) < 6.0;
            Rgb([if near { u16::MAX } else { 0 }; 3])
        });
        let photo = Photo::from_pixels(photo.into());
        let region = Rect::new(80.0, 20.0, 180.0, 130.0);
        for turn in QuarterTurn::ALL {
            let copy = part(&photo, &region, 0.3).unwrap().turned(turn);
            let mut centre = Point::default();
            let mut total = 0.0;
            for (x, y, pixel) in copy.pixels.enumerate_pixels() {
                let weight = f64::from(pixel[0]);
                centre += Point::new(x.into(), y.into()) * weight;
                total += weight;
            }
            let found = copy.photo_from_copy.apply(centre / total);
            assert!(found.distance(spot) < 0.3, "{turn:?}: {found:?}");
        }
    }

    #[test]
    fn nothing_is_enlarged_and_empty_parts_are_none() {
        let photo = Photo::from_pixels(DynamicImage::new_luma8(20, 10));
        let all = Rect::new(-5.0, -5.0, 100.0, 100.0);
        assert_eq!(
            part(&photo, &all, 4.0).unwrap().pixels.dimensions(),
            (20, 10)
        );
        let outside = Rect::new(30.0, 0.0, 40.0, 9.0);
        assert!(part(&photo, &outside, 1.0).is_none());
    }
}
