//! HEIC and AVIF files: read by libheif where the system has it, never written.
//!
//! libheif turns the pixels upright, puts tiles together and makes RGB of them. What the new file cannot hold
//! (depth, gain maps, videos, further pictures) is said.

mod functions;
mod library;
#[cfg(test)]
mod tests;

use image::{DynamicImage, ImageBuffer, Pixel};

use super::{Format, Metadata, Warning, colour, exif};
use library::{Decoded, Failed, Picture};

/// Whether files of this kind can be read.
pub(super) fn is_there() -> bool {
    library::is_there()
}

/// A photo as its file has it: upright.
pub(super) struct Content {
    pub pixels: DynamicImage,
    pub metadata: Metadata,
    pub warnings: Vec<Warning>,
}

/// Why a file is not opened.
pub(super) enum Refused<E> {
    /// By the caller's check of the size.
    Size(E),
    /// In the library's words.
    Library(Failed),
}

/// Reads the photo of a file. `check` is asked about its width, its height and the bytes that its
/// samples take, before memory is reserved.
///
/// # Errors
/// [`Refused`].
pub(super) fn read<E>(
    bytes: &[u8],
    check: impl Fn(u32, u32, u64) -> Result<(), E>,
) -> Result<Content, Refused<E>> {
    let file = library::File::open(bytes).map_err(Refused::Library)?;
    let picture = file.primary().map_err(Refused::Library)?;
    let (width, height) = picture.size();
    let (is_deep, has_alpha) = (picture.is_deep(), picture.has_alpha());
    let pixel_bytes = (3 + u64::from(has_alpha)) << u32::from(is_deep);
    let pixels = u64::from(width) * u64::from(height);
    check(width, height, pixels * pixel_bytes).map_err(Refused::Size)?;
    let decoded = picture.decoded().map_err(Refused::Library)?;

    let mut metadata = metadata(&picture);
    // The pixels are upright already, whatever the EXIF data say.
    metadata.make_upright(decoded.size);
    metadata.set_size(decoded.size.0, decoded.size.1);
    let is_grey = (metadata.icc_profile.as_deref()).is_none_or(is_of_grey);
    let pixels = pixels_of(decoded, has_alpha, picture.is_premultiplied(), is_grey);
    Ok(Content {
        pixels: pixels.ok_or_else(|| Refused::Library("there are too few pixels".to_owned()))?,
        metadata,
        warnings: left_out(bytes, file.pictures(), &picture.auxiliaries()),
    })
}

/// The format that holds all of the photo in this file: its depth and its transparency.
pub(super) fn written_as(bytes: &[u8]) -> Format {
    let file = library::File::open(bytes);
    let picture = file.as_ref().map(library::File::primary);
    match picture {
        Ok(Ok(picture)) => format_for(picture.is_deep(), picture.has_alpha()),
        // It will be refused whatever its result is called.
        _ => Format::Jpeg,
    }
}

/// The format of the result of such a photo.
pub(super) fn format_for(is_deep: bool, has_alpha: bool) -> Format {
    match (is_deep, has_alpha) {
        (true, _) => Format::Tiff,
        (false, true) => Format::Png,
        (false, false) => Format::Jpeg,
    }
}

fn metadata(picture: &Picture<'_>) -> Metadata {
    let mut metadata = Metadata {
        icc_profile: picture.icc_profile(),
        ..Metadata::default()
    };
    for block in picture.blocks() {
        match (block.kind.as_str(), block.content_type.as_str()) {
            ("Exif", _) if metadata.exif.is_none() => {
                metadata.exif = exif_block(&block.bytes);
            }
            ("mime", "application/rdf+xml") if metadata.xmp.is_none() => {
                metadata.xmp = Some(block.bytes);
            }
            _ => {}
        }
    }
    if metadata.icc_profile.is_none()
        && let Some((primaries, transfer)) = picture.primaries_and_transfer()
    {
        metadata.icc_profile = colour::profile_of_cicp(primaries, transfer);
    }
    metadata
}

/// The EXIF block, from its TIFF header on: behind a number that says how far behind it that is
/// (ISO/IEC 23008-12, annex A.2.1).
fn exif_block(bytes: &[u8]) -> Option<Vec<u8>> {
    let (offset, rest) = bytes.split_first_chunk()?;
    let block = rest.get(u32::from_be_bytes(*offset) as usize..)?;
    // Some count the mark of JPEG files in, some do not.
    Some(exif::without_prefix(block.to_vec()))
}

/// Whether an ICC profile is one for grey.
fn is_of_grey(profile: &[u8]) -> bool {
    profile.get(16..20) == Some(b"GRAY")
}

/// What the file holds beside the photo.
fn left_out(bytes: &[u8], pictures: u32, auxiliaries: &[String]) -> Vec<Warning> {
    let is = |words: &'static [&str]| {
        move |name: &&String| words.iter().any(|word| name.to_lowercase().contains(word))
    };
    // Apple's and MPEG's names; a `tmap` item is ISO 21496-1's.
    let gain_map = is(&["gainmap"]);
    let depth = is(&["depth", "auxid:2", "disparity"]);
    let boxes = Boxes::of(bytes);
    let others = |name: &&String| !gain_map(name) && !depth(name);
    Warning::left_out([
        (
            auxiliaries.iter().any(|name| gain_map(&name)) || boxes.has_tone_map,
            "a gain map for HDR screens",
        ),
        (auxiliaries.iter().any(|name| depth(&name)), "a depth map"),
        (
            auxiliaries.iter().any(|name| others(&name)),
            "further masks or maps of the picture",
        ),
        (boxes.has_video, "a video, or a sequence of pictures"),
        (pictures > 1, "further pictures"),
    ])
    .collect()
}

/// What the outermost boxes tell (ISO/IEC 14496-12).
#[derive(Default)]
struct Boxes {
    /// Tracks (`moov`), or the video of a motion photo (`mpvd`).
    has_video: bool,
    /// An item that is made of the picture and a gain map (`tmap`).
    has_tone_map: bool,
}

impl Boxes {
    fn of(bytes: &[u8]) -> Self {
        let mut boxes = Self::default();
        let mut rest = bytes;
        while let Some((head, behind)) = rest.split_first_chunk::<8>() {
            let [s0, s1, s2, s3, kind @ ..] = *head;
            let length = match u32::from_be_bytes([s0, s1, s2, s3]) {
                0 => rest.len() as u64,
                1 => match behind.first_chunk() {
                    Some(long) => u64::from_be_bytes(*long),
                    None => break,
                },
                length => u64::from(length),
            };
            let Some((content, next)) = usize::try_from(length)
                .ok()
                .filter(|length| *length >= head.len())
                .and_then(|length| rest.split_at_checked(length))
            else {
                break;
            };
            match &kind {
                b"moov" | b"mpvd" => boxes.has_video = true,
                b"meta" => boxes.has_tone_map |= content.windows(4).any(|word| word == b"tmap"),
                _ => {}
            }
            rest = next;
        }
        boxes
    }
}

/// The pixels as a photo has them: alpha by itself, grey as grey where `may_be_grey`, more than 8 bits as 16.
fn pixels_of(
    decoded: Decoded,
    has_alpha: bool,
    is_premultiplied: bool,
    may_be_grey: bool,
) -> Option<DynamicImage> {
    let (width, height) = decoded.size;
    let mut pixels: DynamicImage = if decoded.bits > 8 {
        let full = (1 << decoded.bits) - 1;
        let (pairs, _) = decoded.samples.as_chunks::<2>();
        let samples = pairs.iter().map(|pair| {
            let sample = u32::from(u16::from_le_bytes(*pair)).min(full);
            ((sample * 65_535 + full / 2) / full) as u16
        });
        let samples = samples.collect();
        match has_alpha {
            false => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgb16)?,
            true => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgba16)?,
        }
    } else {
        let samples = decoded.samples;
        match has_alpha {
            false => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgb8)?,
            true => ImageBuffer::from_raw(width, height, samples).map(DynamicImage::ImageRgba8)?,
        }
    };
    if is_premultiplied {
        match &mut pixels {
            DynamicImage::ImageRgba8(pixels) => {
                pixels
                    .pixels_mut()
                    .for_each(|pixel| divide(&mut pixel.0, 255));
            }
            DynamicImage::ImageRgba16(pixels) => {
                pixels
                    .pixels_mut()
                    .for_each(|pixel| divide(&mut pixel.0, 65_535));
            }
            _ => {}
        }
    }
    Some(match &pixels {
        _ if !may_be_grey => pixels,
        DynamicImage::ImageRgb8(p) if is_grey(p) => pixels.to_luma8().into(),
        DynamicImage::ImageRgba8(p) if is_grey(p) => pixels.to_luma_alpha8().into(),
        DynamicImage::ImageRgb16(p) if is_grey(p) => pixels.to_luma16().into(),
        DynamicImage::ImageRgba16(p) if is_grey(p) => pixels.to_luma_alpha16().into(),
        _ => pixels,
    })
}

/// Takes alpha out of the colours that were multiplied by it.
fn divide<T: Copy + Into<u32> + TryFrom<u32>>(pixel: &mut [T; 4], full: u32) {
    let [red, green, blue, alpha] = pixel;
    let alpha: u32 = (*alpha).into();
    for sample in [red, green, blue] {
        let times: u64 = u64::from((*sample).into()) * u64::from(full);
        let divided = (times + u64::from(alpha / 2)).checked_div(u64::from(alpha));
        let divided = divided.unwrap_or(0).min(u64::from(full)) as u32;
        *sample = T::try_from(divided).unwrap_or(*sample);
    }
}

/// Whether no pixel has a colour. libheif makes RGB of grey pictures, too.
fn is_grey<P: Pixel>(pixels: &ImageBuffer<P, Vec<P::Subpixel>>) -> bool {
    let mut pixels = pixels.pixels();
    pixels.all(|pixel| match pixel.channels() {
        [red, green, blue, ..] => red == green && green == blue,
        _ => false,
    })
}
