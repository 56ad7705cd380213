//! TIFF files with all their tags.

use std::borrow::Cow;
use std::io::{Seek, Write};

use image::error::EncodingError;
use image::{DynamicImage, ImageError, ImageFormat};
use tiff::encoder::colortype::{
    ColorType, Gray8, Gray16, Gray32Float, RGB8, RGB16, RGB32Float, RGBA8, RGBA16, RGBA32Float,
};
use tiff::encoder::compression::DeflateLevel;
use tiff::encoder::{Compression, Predictor, TiffEncoder, TiffValue};
use tiff::tags::{PhotometricInterpretation, SampleFormat, Tag};
use tiff::{TiffError, TiffResult};

use super::pixels::associated;
use super::{fields, tag};
use crate::photo::metadata::{Metadata, TiffCompression};

/// Writes a TIFF file, compressed as the file that its photo comes from.
pub(in crate::photo) fn encode(
    file: &mut (impl Write + Seek),
    pixels: &DynamicImage,
    metadata: &Metadata,
) -> Result<(), ImageError> {
    let pixels = match metadata.tiff.is_alpha_associated {
        true => associated(pixels).map_or(Cow::Borrowed(pixels), Cow::Owned),
        false => Cow::Borrowed(pixels),
    };
    let size = (pixels.width(), pixels.height());
    let written = match pixels.as_ref() {
        DynamicImage::ImageLuma8(p) => write::<Gray8>(file, size, p.as_raw(), metadata),
        DynamicImage::ImageLumaA8(p) => write::<GrayAlpha8>(file, size, p.as_raw(), metadata),
        DynamicImage::ImageRgb8(p) => write::<RGB8>(file, size, p.as_raw(), metadata),
        DynamicImage::ImageRgba8(p) => write::<RGBA8>(file, size, p.as_raw(), metadata),
        DynamicImage::ImageLuma16(p) => write::<Gray16>(file, size, p.as_raw(), metadata),
        DynamicImage::ImageLumaA16(p) => write::<GrayAlpha16>(file, size, p.as_raw(), metadata),
        DynamicImage::ImageRgb16(p) => write::<RGB16>(file, size, p.as_raw(), metadata),
        DynamicImage::ImageRgba16(p) => write::<RGBA16>(file, size, p.as_raw(), metadata),
        DynamicImage::ImageRgb32F(p) if metadata.tiff.is_grey => {
            write::<Gray32Float>(file, size, &greys::<3>(p.as_raw()), metadata)
        }
        DynamicImage::ImageRgba32F(p) if metadata.tiff.is_grey => {
            write::<GrayAlpha32Float>(file, size, &greys::<4>(p.as_raw()), metadata)
        }
        DynamicImage::ImageRgb32F(p) => write::<RGB32Float>(file, size, p.as_raw(), metadata),
        DynamicImage::ImageRgba32F(p) => write::<RGBA32Float>(file, size, p.as_raw(), metadata),
        other => {
            let other = other.to_rgb16();
            write::<RGB16>(file, size, other.as_raw(), metadata)
        }
    };
    written.map_err(explain)
}

fn write<C: ColorType>(
    file: &mut (impl Write + Seek),
    (width, height): (u32, u32),
    samples: &[C::Inner],
    metadata: &Metadata,
) -> TiffResult<()>
where
    [C::Inner]: TiffValue,
{
    const ASSOCIATED_ALPHA: u16 = 1;
    const UNASSOCIATED_ALPHA: u16 = 2;
    let compression = match metadata.tiff.compression {
        TiffCompression::None => Compression::Uncompressed,
        TiffCompression::Lzw => Compression::Lzw,
        TiffCompression::Deflate => Compression::Deflate(DeflateLevel::Balanced),
        TiffCompression::PackBits => Compression::Packbits,
    };
    // Differences of neighbours repeat more often than levels do.
    let predictor = match metadata.tiff.compression {
        _ if C::SAMPLE_FORMAT.contains(&SampleFormat::IEEEFP) => Predictor::None,
        TiffCompression::Lzw | TiffCompression::Deflate => Predictor::Horizontal,
        TiffCompression::None | TiffCompression::PackBits => Predictor::None,
    };
    let mut tiff = TiffEncoder::new(file)?
        .with_compression(compression)
        .with_predictor(predictor);
    let children = fields::write_children(&mut tiff, metadata)?;
    let mut image = tiff.new_image::<C>(width, height)?;
    if C::BITS_PER_SAMPLE.len().is_multiple_of(2) {
        let alpha = match metadata.tiff.is_alpha_associated {
            true => ASSOCIATED_ALPHA,
            false => UNASSOCIATED_ALPHA,
        };
        (image.encoder()).write_tag(Tag::Unknown(tag::EXTRA_SAMPLES), &[alpha][..])?;
    }
    fields::write_metadata(image.encoder(), metadata, &children)?;
    image.write_data(samples)
}

/// The grey of pixels that have it in three channels, and what follows them.
fn greys<const CHANNELS: usize>(samples: &[f32]) -> Vec<f32> {
    let pixels = samples.as_chunks::<CHANNELS>().0.iter();
    pixels
        .flat_map(|pixel| {
            let (colours, opacity) = pixel.split_at(3.min(CHANNELS));
            let grey = match *colours {
                [red, green, blue] if red != green || green != blue => (red + green + blue) / 3.0,
                [grey, ..] => grey,
                [] => 0.0,
            };
            std::iter::once(grey).chain(opacity.iter().copied())
        })
        .collect()
}

/// Grey with alpha, which `tiff` has no type for.
struct GrayAlpha8;
struct GrayAlpha16;
struct GrayAlpha32Float;

impl ColorType for GrayAlpha32Float {
    type Inner = f32;
    const TIFF_VALUE: PhotometricInterpretation = PhotometricInterpretation::BlackIsZero;
    const BITS_PER_SAMPLE: &'static [u16] = &[32; 2];
    const SAMPLE_FORMAT: &'static [SampleFormat] = &[SampleFormat::IEEEFP; 2];

    /// Never asked for: differences of such numbers would lose bits.
    fn horizontal_predict(row: &[f32], result: &mut Vec<f32>) {
        result.extend(row);
    }
}

impl ColorType for GrayAlpha8 {
    type Inner = u8;
    const TIFF_VALUE: PhotometricInterpretation = PhotometricInterpretation::BlackIsZero;
    const BITS_PER_SAMPLE: &'static [u16] = &[8; 2];
    const SAMPLE_FORMAT: &'static [SampleFormat] = &[SampleFormat::Uint; 2];

    fn horizontal_predict(row: &[u8], result: &mut Vec<u8>) {
        result.extend(row.iter().take(2));
        let pairs = row.iter().zip(row.iter().skip(2));
        result.extend(pairs.map(|(before, level)| level.wrapping_sub(*before)));
    }
}

impl ColorType for GrayAlpha16 {
    type Inner = u16;
    const TIFF_VALUE: PhotometricInterpretation = PhotometricInterpretation::BlackIsZero;
    const BITS_PER_SAMPLE: &'static [u16] = &[16; 2];
    const SAMPLE_FORMAT: &'static [SampleFormat] = &[SampleFormat::Uint; 2];

    fn horizontal_predict(row: &[u16], result: &mut Vec<u16>) {
        result.extend(row.iter().take(2));
        let pairs = row.iter().zip(row.iter().skip(2));
        result.extend(pairs.map(|(before, level)| level.wrapping_sub(*before)));
    }
}

/// Errors of the file keep their kind.
fn explain(error: TiffError) -> ImageError {
    match error {
        TiffError::IoError(error) => error.into(),
        error => ImageError::Encoding(EncodingError::new(ImageFormat::Tiff.into(), error)),
    }
}
