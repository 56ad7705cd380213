//! Pictures made from a photo: smaller ones, and ones in a kind that a format can hold.

use std::fmt;

use image::{DynamicImage, GrayImage, ImageBuffer, Pixel, Primitive, Rgb, Rgb32FImage};

use super::resize::resize;
use super::{Format, Photo, exif};
use crate::geometry::PixelRect;

/// What was given up to fit a file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// 16 bits a channel became 8.
    Depth,
    /// Transparent parts were laid over white.
    Transparency,
}

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "16 bits a channel were rounded to 8, since the format holds no more",
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
        if pixels.color().has_color() != self.pixels.color().has_color() {
            derived.metadata.icc_profile = None;
        }
        if let Some(exif) = &mut derived.metadata.exif {
            exif::set_size(exif, pixels.width(), pixels.height());
        }
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

    /// The photo in a kind of pixels that the format can hold, and what had to be given up for it;
    /// `None` when the format can hold them as they are.
    pub fn fitted_to(&self, format: Format) -> Option<(Self, Vec<GivenUp>)> {
        let color = self.pixels.color();
        let is_deep = color.bytes_per_pixel() > color.channel_count();
        let too_deep = is_deep && !matches!(format, Format::Png | Format::Tiff);
        let transparent = color.has_alpha() && format == Format::Jpeg;
        if !too_deep && !transparent {
            return None;
        }
        let mut given_up = Vec::new();
        let shallow = match &self.pixels {
            pixels if !too_deep => pixels.clone(),
            DynamicImage::ImageLuma16(_) => self.pixels.to_luma8().into(),
            DynamicImage::ImageLumaA16(_) => self.pixels.to_luma_alpha8().into(),
            DynamicImage::ImageRgb16(_) => self.pixels.to_rgb8().into(),
            _ => self.pixels.to_rgba8().into(),
        };
        if too_deep {
            given_up.push(GivenUp::Depth);
        }
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
        if transparent {
            given_up.push(GivenUp::Transparency);
        }
        Some((self.with_derived_pixels(pixels), given_up))
    }
}

fn over_white(level: u8, alpha: u8) -> u8 {
    let (level, alpha) = (u32::from(level), u32::from(alpha));
    ((level * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// A picture resized in its own kind; `None` for a kind that no photo has.
fn reduced(picture: &DynamicImage, width: u32, height: u32) -> Option<DynamicImage> {
    let block = PixelRect {
        x: 0,
        y: 0,
        width: picture.width(),
        height: picture.height(),
    };
    let planes = if picture.color().has_alpha() {
        let premultiplied = Premultiplied::of(picture);
        Planes::behind_alpha(
            resize(&premultiplied.colour, block, width, height)?,
            resize(&premultiplied.alpha, block, width, height)?,
        )
    } else {
        Planes {
            colour: resize(picture, block, width, height)?,
            alpha: None,
        }
    };
    Some(match picture {
        DynamicImage::ImageLuma8(_) => planes.picture::<image::Luma<u8>>()?.into(),
        DynamicImage::ImageLumaA8(_) => planes.picture::<image::LumaA<u8>>()?.into(),
        DynamicImage::ImageRgb8(_) => planes.picture::<image::Rgb<u8>>()?.into(),
        DynamicImage::ImageRgba8(_) => planes.picture::<image::Rgba<u8>>()?.into(),
        DynamicImage::ImageLuma16(_) => planes.picture::<image::Luma<u16>>()?.into(),
        DynamicImage::ImageLumaA16(_) => planes.picture::<image::LumaA<u16>>()?.into(),
        DynamicImage::ImageRgb16(_) => planes.picture::<image::Rgb<u16>>()?.into(),
        DynamicImage::ImageRgba16(_) => planes.picture::<image::Rgba<u16>>()?.into(),
        _ => return None,
    })
}

/// Colours weighted by their opacity, so that what cannot be seen does not bleed into what can.
struct Premultiplied {
    colour: DynamicImage,
    alpha: DynamicImage,
}

impl Premultiplied {
    fn of(picture: &DynamicImage) -> Self {
        let picture = picture.to_rgba32f();
        let (width, height) = picture.dimensions();
        let plane = |part: fn([f32; 4]) -> [f32; 3]| {
            let plane =
                Rgb32FImage::from_fn(width, height, |x, y| Rgb(part(picture.get_pixel(x, y).0)));
            DynamicImage::ImageRgb32F(plane)
        };
        Self {
            colour: plane(|[r, g, b, alpha]| [r * alpha, g * alpha, b * alpha]),
            alpha: plane(|[.., alpha]| [alpha; 3]),
        }
    }
}

/// Values in 0..=1, but for the filter's overshoot.
struct Planes {
    colour: Rgb32FImage,
    /// The same in all three channels.
    alpha: Option<Rgb32FImage>,
}

impl Planes {
    fn behind_alpha(mut colour: Rgb32FImage, alpha: Rgb32FImage) -> Self {
        for (colour, alpha) in colour.pixels_mut().zip(alpha.pixels()) {
            let opacity = alpha.0[0];
            if opacity > 0.0 {
                colour.0 = colour.0.map(|value| value / opacity);
            }
        }
        Self {
            colour,
            alpha: Some(alpha),
        }
    }

    /// Rounded to whole levels; grey is the first channel of all equal ones.
    fn picture<P>(&self) -> Option<ImageBuffer<P, Vec<P::Subpixel>>>
    where
        P: Pixel<Subpixel: Level>,
    {
        let channels = usize::from(P::CHANNEL_COUNT);
        let colours = channels - usize::from(self.alpha.is_some());
        let (width, height) = self.colour.dimensions();
        let mut samples = Vec::with_capacity(width as usize * height as usize * channels);
        let opaque = [1.0; 3];
        let mut alphas = self.alpha.iter().flat_map(|alpha| alpha.pixels());
        for colour in self.colour.pixels() {
            let alpha = alphas.next().map_or(opaque, |pixel| pixel.0);
            let values = colour.0.iter().take(colours).chain(&alpha).take(channels);
            samples.extend(values.map(|value| P::Subpixel::of(*value)));
        }
        ImageBuffer::from_raw(width, height, samples)
    }
}

/// A whole number that stands for 0..=1.
trait Level: Primitive {
    fn of(value: f32) -> Self;
}

impl Level for u8 {
    fn of(value: f32) -> Self {
        (value * 255.0).round() as u8
    }
}

impl Level for u16 {
    fn of(value: f32) -> Self {
        (value * 65_535.0).round() as u16
    }
}

#[cfg(test)]
#[path = "derive_tests.rs"]
mod tests;
