//! PNG files, with all their chunks.

use std::borrow::Cow;
use std::io::Write;

use ::png::chunk::ChunkType;
use ::png::{BitDepth, ColorType, Compression, Encoder, Filter};
use image::error::EncodingError;
use image::{DynamicImage, ImageError, ImageFormat};

use super::Metadata;
use super::metadata::png::chunks;

/// Writes a PNG file.
pub(super) fn encode(
    file: &mut impl Write,
    pixels: &DynamicImage,
    metadata: &Metadata,
) -> Result<(), ImageError> {
    let kind = pixels.color();
    let mut encoder = Encoder::new(&mut *file, pixels.width(), pixels.height());
    encoder.set_color(match (kind.has_color(), kind.has_alpha()) {
        (false, false) => ColorType::Grayscale,
        (false, true) => ColorType::GrayscaleAlpha,
        (true, false) => ColorType::Rgb,
        (true, true) => ColorType::Rgba,
    });
    let is_deep = kind.bytes_per_pixel() > kind.channel_count();
    encoder.set_depth(match is_deep {
        true => BitDepth::Sixteen,
        false => BitDepth::Eight,
    });
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Adaptive);
    let mut writer = encoder.write_header().map_err(explain)?;
    for chunk in chunks(metadata)? {
        (writer.write_chunk(ChunkType(chunk.kind), &chunk.content)).map_err(explain)?;
    }
    writer
        .write_image_data(&in_network_order(pixels, is_deep))
        .map_err(explain)?;
    writer.finish().map_err(explain)
}

/// The samples with their high bytes first.
fn in_network_order(pixels: &DynamicImage, is_deep: bool) -> Cow<'_, [u8]> {
    let bytes = pixels.as_bytes();
    if !is_deep || cfg!(target_endian = "big") {
        return bytes.into();
    }
    let (samples, _) = bytes.as_chunks::<2>();
    (samples.iter().flat_map(|[low, high]| [*high, *low]))
        .collect::<Vec<u8>>()
        .into()
}

/// Errors of the file keep their kind.
fn explain(error: ::png::EncodingError) -> ImageError {
    match error {
        ::png::EncodingError::IoError(error) => error.into(),
        error => ImageError::Encoding(EncodingError::new(ImageFormat::Png.into(), error)),
    }
}
