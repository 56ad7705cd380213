//! From stored samples to pixels.

use image::{DynamicImage, ImageBuffer, Pixel};

use super::lab;
use super::raw::Raw;

/// What the samples of a pixel stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
    Lab(lab::Encoding),
}

/// The samples of a picture.
pub(super) struct Samples<'a> {
    pub size: (u32, u32),
    pub raw: Raw,
    pub per_pixel: usize,
    pub bits: u32,
    pub photometric: Photometric,
    /// What the samples beyond the colours are, where the file says so.
    pub extra: Option<&'a [u64]>,
    /// Red, green and blue of all entries.
    pub palette: &'a [u64],
    /// The weights of red, green and blue in the luma.
    pub ycbcr: [f32; 3],
}

/// A picture as the rest of the program knows it.
pub(super) struct Decoded {
    pub pixels: DynamicImage,
    /// Colours were multiplied by alpha.
    pub was_associated: bool,
    /// How many further channels are left out.
    pub left_out: usize,
    /// How many samples were no numbers, or infinite.
    pub not_finite: usize,
}

/// A sample of eight or sixteen bits.
trait Sample: Copy + Default + 'static {
    const FULL: u32;
    fn of(value: u32) -> Self;
    fn value(self) -> u32;
}

impl Sample for u8 {
    const FULL: u32 = 0xFF;
    fn of(value: u32) -> Self {
        value.min(Self::FULL) as Self
    }
    fn value(self) -> u32 {
        self.into()
    }
}

impl Sample for u16 {
    const FULL: u32 = 0xFFFF;
    fn of(value: u32) -> Self {
        value.min(Self::FULL) as Self
    }
    fn value(self) -> u32 {
        self.into()
    }
}

impl Samples<'_> {
    /// The picture in grey or RGB, with alpha where the file has it.
    ///
    /// # Errors
    /// The reason in words.
    pub fn decoded(mut self) -> Result<Decoded, String> {
        let raw = std::mem::replace(&mut self.raw, Raw::Bytes(Vec::new()));
        match raw {
            raw if matches!(self.photometric, Photometric::Lab(_)) => self.of_lab(&raw),
            Raw::Floats(samples) => self.of_floats(samples),
            Raw::Bytes(samples) => self.finished(self.channels(samples)?, picture_of_bytes),
            Raw::Words(samples) => self.finished(self.channels(samples)?, picture_of_words),
        }
    }

    fn finished<T: Sample>(
        &self,
        channels: Channels<T>,
        picture: impl Fn((u32, u32), usize, Vec<T>) -> Option<DynamicImage>,
    ) -> Result<Decoded, String> {
        let Channels {
            mut samples,
            colours,
            alpha,
            left_out,
        } = channels;
        let channels = colours + usize::from(alpha != Alpha::None);
        if alpha == Alpha::Associated {
            samples.chunks_exact_mut(channels).for_each(divide_by_alpha);
        }
        Ok(Decoded {
            pixels: picture(self.size, channels, samples).ok_or("too few samples")?,
            was_associated: alpha == Alpha::Associated,
            left_out,
            not_finite: 0,
        })
    }

    /// Alpha and the number of channels that are left out, for colours that cannot be divided by it without
    /// loss.
    fn further_channels(&self, stored: usize) -> Result<(Option<usize>, usize), String> {
        let Some(further) = self.per_pixel.checked_sub(stored) else {
            return Err(format!("{} channels", self.per_pixel));
        };
        match self.alpha(further) {
            (_, Alpha::None) => Ok((None, further)),
            (place, Alpha::Unassociated) => Ok((Some(stored + place), further - 1)),
            (_, Alpha::Associated) => Err(
                "floating point or L*a*b* colours that are multiplied by transparency".to_owned(),
            ),
        }
    }

    fn of_lab(&self, raw: &Raw) -> Result<Decoded, String> {
        let Photometric::Lab(encoding) = self.photometric else {
            return Err("unknown colours".to_owned());
        };
        if self.bits < 8 {
            return Err(format!("L*a*b* colours of {} bits", self.bits));
        }
        let (alpha, left_out) = self.further_channels(3)?;
        let samples = lab::to_rgb(raw, self.per_pixel, encoding, alpha)
            .ok_or("L*a*b* colours in floating point")?;
        let channels = 3 + usize::from(alpha.is_some());
        Ok(Decoded {
            pixels: picture_of_words(self.size, channels, samples).ok_or("too few samples")?,
            was_associated: false,
            left_out,
            not_finite: 0,
        })
    }

    /// Numbers in floating point as they are, grey ones in three channels.
    fn of_floats(&self, mut samples: Vec<f32>) -> Result<Decoded, String> {
        let stored = match self.photometric {
            Photometric::BlackIsZero => 1,
            Photometric::Rgb => 3,
            _ => return Err("floating point numbers that are neither grey nor RGB".to_owned()),
        };
        let (alpha, left_out) = self.further_channels(stored)?;
        if stored == 1 || left_out > 0 {
            let colours = |pixel: &[f32]| match *pixel {
                [grey, ..] if stored == 1 => [grey; 3],
                [red, green, blue, ..] => [red, green, blue],
                _ => [0.0; 3],
            };
            let pixels = samples.chunks_exact(self.per_pixel.max(1));
            samples = pixels
                .flat_map(|pixel| {
                    let opacity = alpha.map(|place| pixel.get(place).copied().unwrap_or(1.0));
                    colours(pixel).into_iter().chain(opacity)
                })
                .collect();
        }
        let mut not_finite = 0_usize;
        for level in samples.iter_mut().filter(|level| !level.is_finite()) {
            *level = if *level == f32::INFINITY { 1.0 } else { 0.0 };
            not_finite += 1;
        }
        if stored == 1 {
            // Each stands in three channels.
            not_finite = not_finite.div_ceil(3);
        }
        let (width, height) = self.size;
        let pixels = match alpha {
            None => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgb32F),
            Some(_) => {
                ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgba32F)
            }
        };
        Ok(Decoded {
            pixels: pixels.ok_or("too few samples")?,
            was_associated: false,
            left_out,
            not_finite,
        })
    }

    /// The samples of the colours and of alpha alone.
    fn channels<T: Sample>(&self, samples: Vec<T>) -> Result<Channels<T>, String> {
        let stored = match self.photometric {
            Photometric::WhiteIsZero | Photometric::BlackIsZero | Photometric::Palette => 1,
            Photometric::Rgb | Photometric::YCbCr | Photometric::Lab(_) => 3,
            Photometric::Cmyk => 4,
        };
        let Some(further) = self.per_pixel.checked_sub(stored) else {
            return Err(format!("{} channels", self.per_pixel));
        };
        if self.bits < 8 && self.per_pixel > 1 {
            return Err(format!("{} channels of {} bits", self.per_pixel, self.bits));
        }
        let (place, alpha) = self.alpha(further);
        let left_out = further - usize::from(alpha != Alpha::None);
        let colours = if stored == 1 && self.photometric != Photometric::Palette {
            1
        } else {
            3
        };
        let is_as_stored = left_out == 0
            && self.bits >= 8
            && matches!(
                self.photometric,
                Photometric::BlackIsZero | Photometric::Rgb
            );
        if is_as_stored {
            return Ok(Channels {
                samples,
                colours,
                alpha,
                left_out,
            });
        }
        let palette = self.palette_of::<T>()?;
        let mut out = Vec::with_capacity(samples.len() / self.per_pixel * (colours + 1));
        for pixel in samples.chunks_exact(self.per_pixel) {
            self.push_colours(pixel, &palette, &mut out);
            if alpha != Alpha::None {
                out.extend(pixel.get(stored + place));
            }
        }
        Ok(Channels {
            samples: out,
            colours,
            alpha,
            left_out,
        })
    }

    /// Which of the further channels is alpha, and of what kind.
    fn alpha(&self, further: usize) -> (usize, Alpha) {
        const ASSOCIATED: u64 = 1;
        const UNASSOCIATED: u64 = 2;
        let Some(extra) = self.extra else {
            // Writers that do not say what it is mean alpha.
            return match further {
                1 => (0, Alpha::Unassociated),
                _ => (0, Alpha::None),
            };
        };
        for (place, kind) in extra.iter().take(further).enumerate() {
            match *kind {
                ASSOCIATED => return (place, Alpha::Associated),
                UNASSOCIATED => return (place, Alpha::Unassociated),
                _ => {}
            }
        }
        (0, Alpha::None)
    }

    fn push_colours<T: Sample>(&self, pixel: &[T], palette: &[[T; 3]], out: &mut Vec<T>) {
        let full = T::FULL;
        match (self.photometric, pixel) {
            (Photometric::WhiteIsZero | Photometric::BlackIsZero, [level, ..]) => {
                let most = match self.bits {
                    bits if bits < 8 => (1 << bits) - 1,
                    _ => full,
                };
                let level = level.value().min(most) * full / most;
                let is_negative = self.photometric == Photometric::WhiteIsZero;
                out.push(T::of(if is_negative { full - level } else { level }));
            }
            (Photometric::Rgb, [red, green, blue, ..]) => out.extend([*red, *green, *blue]),
            (Photometric::Palette, [index, ..]) => {
                let index = index.value() as usize;
                out.extend(palette.get(index).copied().unwrap_or_default());
            }
            (Photometric::Cmyk, [inks @ .., black] | [inks @ .., black, _]) if inks.len() == 3 => {
                let light = u64::from(full - black.value());
                let full = u64::from(full);
                let mixed = |ink: &T| (full - u64::from(ink.value())) * light;
                out.extend(
                    inks.iter()
                        .map(|ink| T::of(((mixed(ink) + full / 2) / full) as u32)),
                );
            }
            (Photometric::YCbCr, [luma, blue, red, ..]) => {
                let [of_red, of_green, of_blue] = self.ycbcr;
                let middle = (full / 2 + 1) as f32;
                let luma = luma.value() as f32;
                let r = luma + (red.value() as f32 - middle) * (2.0 - 2.0 * of_red);
                let b = luma + (blue.value() as f32 - middle) * (2.0 - 2.0 * of_blue);
                let g = (luma - of_blue * b - of_red * r) / of_green;
                out.extend([r, g, b].map(|value| T::of(value.round().max(0.0) as u32)));
            }
            // Chunks have as many samples as were asked for.
            _ => {}
        }
    }

    /// The colours of a palette in the depth of the picture.
    fn palette_of<T: Sample>(&self) -> Result<Vec<[T; 3]>, String> {
        if self.photometric != Photometric::Palette {
            return Ok(Vec::new());
        }
        let entries = 1usize << self.bits;
        let [red, green, blue] = [0, 1, 2].map(|channel| {
            let start = channel * entries;
            self.palette.get(start..start + entries)
        });
        let (Some(red), Some(green), Some(blue)) = (red, green, blue) else {
            return Err("a palette that is too short".to_owned());
        };
        // Old writers put 8 bits where 16 belong.
        let is_shallow = self.palette.iter().all(|level| *level <= 0xFF);
        let level = |level: &u64| {
            let level = (*level).min(0xFFFF) as u32;
            let deep = if is_shallow { level * 257 } else { level };
            T::of(match T::FULL {
                0xFF => deep >> 8,
                _ => deep,
            })
        };
        let colours = red.iter().zip(green).zip(blue);
        Ok(colours
            .map(|((red, green), blue)| [level(red), level(green), level(blue)])
            .collect())
    }
}

/// Samples in the words of the program.
struct Channels<T> {
    samples: Vec<T>,
    /// How many of a pixel's samples are colours.
    colours: usize,
    alpha: Alpha,
    /// How many channels are not among them.
    left_out: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Alpha {
    None,
    Unassociated,
    Associated,
}

/// Colours that were multiplied by the last channel, as they were before. Multiplying again gives the same
/// numbers, as long as no colour was lighter than its alpha.
fn divide_by_alpha<T: Sample>(pixel: &mut [T]) {
    if let [colours @ .., alpha] = pixel {
        let alpha = u64::from(alpha.value());
        for level in colours.iter_mut().filter(|_| alpha > 0) {
            let whole = u64::from(level.value()) * u64::from(T::FULL);
            *level = T::of(((whole + alpha / 2) / alpha).min(u64::from(T::FULL)) as u32);
        }
    }
}

/// The picture with its colours multiplied by alpha.
pub(in crate::photo) fn associated(pixels: &DynamicImage) -> Option<DynamicImage> {
    fn multiplied<P: Pixel>(
        picture: &ImageBuffer<P, Vec<P::Subpixel>>,
    ) -> ImageBuffer<P, Vec<P::Subpixel>>
    where
        P::Subpixel: Sample,
    {
        let mut picture = picture.clone();
        for pixel in picture.pixels_mut() {
            if let [colours @ .., alpha] = pixel.channels_mut() {
                let alpha = u64::from(alpha.value());
                let full = u64::from(<P::Subpixel as Sample>::FULL);
                for level in colours {
                    let product = u64::from(level.value()) * alpha;
                    *level = <P::Subpixel as Sample>::of(((product + full / 2) / full) as u32);
                }
            }
        }
        picture
    }
    Some(match pixels {
        DynamicImage::ImageLumaA8(p) => multiplied(p).into(),
        DynamicImage::ImageLumaA16(p) => multiplied(p).into(),
        DynamicImage::ImageRgba8(p) => multiplied(p).into(),
        DynamicImage::ImageRgba16(p) => multiplied(p).into(),
        _ => return None,
    })
}

fn picture_of_bytes((w, h): (u32, u32), channels: usize, data: Vec<u8>) -> Option<DynamicImage> {
    Some(match channels {
        1 => DynamicImage::ImageLuma8(ImageBuffer::from_raw(w, h, data)?),
        2 => DynamicImage::ImageLumaA8(ImageBuffer::from_raw(w, h, data)?),
        3 => DynamicImage::ImageRgb8(ImageBuffer::from_raw(w, h, data)?),
        _ => DynamicImage::ImageRgba8(ImageBuffer::from_raw(w, h, data)?),
    })
}

fn picture_of_words((w, h): (u32, u32), channels: usize, data: Vec<u16>) -> Option<DynamicImage> {
    Some(match channels {
        1 => DynamicImage::ImageLuma16(ImageBuffer::from_raw(w, h, data)?),
        2 => DynamicImage::ImageLumaA16(ImageBuffer::from_raw(w, h, data)?),
        3 => DynamicImage::ImageRgb16(ImageBuffer::from_raw(w, h, data)?),
        _ => DynamicImage::ImageRgba16(ImageBuffer::from_raw(w, h, data)?),
    })
}
