//! Pictures made from a photo: smaller ones, and ones in a kind that a format can hold.

use std::fmt;

use image::{DynamicImage, GrayImage, ImageBuffer, Pixel, Primitive, Rgb};

use super::resize::{Level, resize_samples};
use super::{Format, Photo, is_grey};

/// What was given up to fit a file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// 16 bits a channel became 8.
    Depth,
    /// Floating point became 16 bits a channel.
    FloatingPoint,
    /// Transparent parts were laid over white.
    Transparency,
}

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "16 bits a channel were rounded to 8, the most the format holds",
            Self::FloatingPoint => {
                "floating point numbers were rounded to 16 bits a channel, and what was beyond black and white was cut off"
            }
            Self::Transparency => {
                "transparent parts were laid over white, since the format knows no transparency"
            }
        })
    }
}

impl Photo {
    /// A picture made from this photo: any size and kind of pixels, in the same colours, with the same
    /// EXIF data, whose size fields are brought up to date. A profile for grey does not serve colour,
    /// nor the other way round; it is left out then. The photo's file stays protected.
    pub fn with_derived_pixels(&self, pixels: DynamicImage) -> Self {
        let mut derived = self.clone_without_pixels();
        if is_grey(&pixels, &self.metadata) != self.is_grey() {
            derived.metadata.icc_profile = None;
        }
        derived.metadata.set_size(pixels.width(), pixels.height());
        derived.pixels = pixels;
        derived
    }

    /// The photo reduced to this many pixels on its longer side, channels and depth kept. `None` when
    /// it is no larger anyway.
    pub fn reduced_to(&self, longest_side_px: u32) -> Option<Self> {
        let (width, height) = (self.pixels.width(), self.pixels.height());
        let longest = width.max(height);
        if longest_side_px == 0 || longest <= longest_side_px {
            return None;
        }
        let scaled = |side: u32| {
            let exact = f64::from(side) * f64::from(longest_side_px) / f64::from(longest);
            (exact.round() as u32).max(1)
        };
        let pixels = reduced(&self.pixels, scaled(width), scaled(height))?;
        Some(self.with_derived_pixels(pixels))
    }

    /// What [`Photo::fitted_to`] would give up, without doing it.
    pub fn given_up_for(&self, format: Format) -> Vec<GivenUp> {
        let color = self.pixels.color();
        let is_float = self.is_float() && format != Format::Tiff;
        let is_deep = color.bytes_per_pixel() > color.channel_count();
        let is_too_deep = is_deep && !matches!(format, Format::Png | Format::Tiff);
        let is_transparent = color.has_alpha() && format == Format::Jpeg;
        [
            (is_float, GivenUp::FloatingPoint),
            (is_too_deep, GivenUp::Depth),
            (is_transparent, GivenUp::Transparency),
        ]
        .into_iter()
        .filter_map(|(is_given_up, what)| is_given_up.then_some(what))
        .collect()
    }

    /// The photo in a kind of pixels that the format can hold, and what had to be given up for it;
    /// `None` when the format can hold them as they are.
    pub fn fitted_to(&self, format: Format) -> Option<(Self, Vec<GivenUp>)> {
        let given_up = self.given_up_for(format);
        if given_up.is_empty() {
            return None;
        }
        let gives_up = |what| given_up.contains(&what);
        if gives_up(GivenUp::FloatingPoint) {
            let levels = self.sixteen_bit();
            let fitted = levels.fitted_to(format).map(|(fitted, _)| fitted);
            return Some((fitted.unwrap_or(levels), given_up));
        }
        let transparent = gives_up(GivenUp::Transparency);
        let shallow = match &self.pixels {
            pixels if !gives_up(GivenUp::Depth) => pixels.clone(),
            DynamicImage::ImageLuma16(_) => self.pixels.to_luma8().into(),
            DynamicImage::ImageLumaA16(_) => self.pixels.to_luma_alpha8().into(),
            DynamicImage::ImageRgb16(_) => self.pixels.to_rgb8().into(),
            _ => self.pixels.to_rgba8().into(),
        };
        let pixels = match shallow {
            DynamicImage::ImageLumaA8(p) if transparent => {
                let over = |p: &image::LumaA<u8>| over_white(p.0[0], p.0[1]);
                let levels = p.pixels().map(over).collect();
                GrayImage::from_raw(p.width(), p.height(), levels)?.into()
            }
            DynamicImage::ImageRgba8(p) if transparent => {
                DynamicImage::ImageRgb8(ImageBuffer::from_fn(p.width(), p.height(), |x, y| {
                    let [r, g, b, alpha] = p.get_pixel(x, y).0;
                    Rgb([r, g, b].map(|level| over_white(level, alpha)))
                }))
            }
            other => other,
        };
        Some((self.with_derived_pixels(pixels), given_up))
    }
}

fn over_white(level: u8, alpha: u8) -> u8 {
    let (level, alpha) = (u32::from(level), u32::from(alpha));
    ((level * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// A picture resized in its own kind; `None` for a kind that no photo has.
fn reduced(picture: &DynamicImage, width: u32, height: u32) -> Option<DynamicImage> {
    let to = (width, height);
    Some(match picture {
        DynamicImage::ImageLuma8(p) => reduced_buffer::<_, _, 1>(p, to)?.into(),
        DynamicImage::ImageLumaA8(p) => reduced_buffer::<_, _, 2>(p, to)?.into(),
        DynamicImage::ImageRgb8(p) => reduced_buffer::<_, _, 3>(p, to)?.into(),
        DynamicImage::ImageRgba8(p) => reduced_buffer::<_, _, 4>(p, to)?.into(),
        DynamicImage::ImageLuma16(p) => reduced_buffer::<_, _, 1>(p, to)?.into(),
        DynamicImage::ImageLumaA16(p) => reduced_buffer::<_, _, 2>(p, to)?.into(),
        DynamicImage::ImageRgb16(p) => reduced_buffer::<_, _, 3>(p, to)?.into(),
        DynamicImage::ImageRgba16(p) => reduced_buffer::<_, _, 4>(p, to)?.into(),
        DynamicImage::ImageRgb32F(p) => reduced_buffer::<_, _, 3>(p, to)?.into(),
        DynamicImage::ImageRgba32F(p) => reduced_buffer::<_, _, 4>(p, to)?.into(),
        _ => return None,
    })
}

/// `CHANNELS` are those of the pixels.
fn reduced_buffer<P, T, const CHANNELS: usize>(
    picture: &ImageBuffer<P, Vec<T>>,
    (width, height): (u32, u32),
) -> Option<ImageBuffer<P, Vec<T>>>
where
    P: Pixel<Subpixel = T>,
    T: Level + Primitive,
{
    let resized = resize_samples::<T, CHANNELS>(
        picture.as_raw(),
        picture.dimensions(),
        (width, height),
        P::HAS_ALPHA,
    );
    ImageBuffer::from_raw(width, height, resized)
}

#[cfg(test)]
#[path = "derive_tests.rs"]
mod tests;
