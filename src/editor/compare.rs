//! Pictures that show a client what was done: side by side, split, blinking, or a sheet of several.
//!
//! All are in sRGB, whatever the photos' spaces are: two files may have two, and a viewer of animations
//! knows none.

use std::io::Write;
use std::path::Path;

use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageError, ImageResult, Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use super::sheet::{Sheet, label_in_picture, scale_for};
use crate::photo::{ColourSpace, Format, Photo};

/// What stands on a comparison.
const LABELS: [&str; 2] = ["Before", "After"];
/// The line of a split comparison.
const LINE: Rgb<u8> = Rgb([235, 235, 235]);
/// How long each picture of a blinking comparison stays.
const STAY_MS: u16 = 1000;

/// How before and after are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Layout {
    /// One beside the other.
    #[default]
    SideBySide,
    /// One left of a line, the other right of it.
    Split {
        /// Where the line lies, in per cent of the width.
        percent: u8,
    },
    /// An animation that shows one after the other, again and again.
    Blink(Animation),
}

/// The formats that an animation can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Animation {
    /// 256 colours a picture; shown everywhere.
    #[default]
    Gif,
    /// Without loss.
    WebP,
}

impl Animation {
    /// The format that a file name asks for; `None` for a name that is no animation's.
    pub fn from_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_ascii_lowercase();
        match extension.to_str()? {
            "gif" => Some(Self::Gif),
            "webp" => Some(Self::WebP),
            _ => None,
        }
    }

    /// How names of such files end, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Gif => "gif",
            Self::WebP => "webp",
        }
    }
}

/// Why two pictures cannot be compared so.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// They differ in size.
    #[error(
        "the pictures differ in size ({} × {} and {} × {} pixels); compare them side by side instead",
        before.0, before.1, after.0, after.1
    )]
    Sizes {
        /// Width and height of the first, in pixels.
        before: (u32, u32),
        /// Width and height of the second.
        after: (u32, u32),
    },
    /// An animation of this size cannot be written.
    #[error(
        "an animation has at most {largest_px} pixels a side, not {width} × {height}; reduce it (--longest-side; in the window: Reduce to)"
    )]
    TooLarge {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// The longest side that the format allows.
        largest_px: u32,
    },
    /// The animation could not be encoded.
    #[error("the animation could not be encoded: {0}")]
    Encoding(String),
}

impl From<ImageError> for Error {
    fn from(error: ImageError) -> Self {
        Self::Encoding(error.to_string())
    }
}

/// A photo as it is compared: sRGB in 8 bits, transparent parts over white, its longer side at most
/// `longest_side_px`.
pub fn shown(photo: &Photo, longest_side_px: Option<u32>) -> RgbImage {
    let reduced = longest_side_px.and_then(|side| photo.reduced_to(side));
    let photo = reduced.as_ref().unwrap_or(photo);
    // Depth is kept until the colours are those of sRGB.
    let is_opaque = !photo.pixels().color().has_alpha();
    let opaque = (!is_opaque)
        .then(|| photo.fitted_to(Format::Jpeg))
        .flatten();
    let opaque = opaque.as_ref().map_or(photo, |(photo, _)| photo);
    let shown = ColourSpace::of(opaque).shown(opaque.pixels().clone());
    image::DynamicImage::from(shown).into_rgb8()
}

/// One picture beside the other.
pub fn side_by_side(before: RgbImage, after: RgbImage, has_labels: bool) -> RgbImage {
    let mut sheet = Sheet::scaled(scale_for(before.dimensions()));
    for (picture, label) in [before, after].into_iter().zip(LABELS) {
        sheet.add(0, picture, if has_labels { label } else { "" });
    }
    sheet.draw()
}

/// The first picture on the left of a line, the second on its right; the line lies at this share of the
/// width, 0 to 1.
///
/// # Errors
/// [`Error::Sizes`].
pub fn split(
    before: RgbImage,
    after: &RgbImage,
    position: f32,
    has_labels: bool,
) -> Result<RgbImage, Error> {
    let (width, height) = before.dimensions();
    same_size(&before, after)?;
    let line_px = 2 * scale_for((width, height));
    let at = (position.clamp(0.0, 1.0) * width as f32).round() as u32;
    let (start, end) = (
        at.saturating_sub(line_px / 2),
        (at + line_px / 2).min(width),
    );
    let (mut before, mut after) = (before, after.clone());
    if has_labels {
        label_in_picture(&mut before, LABELS[0], false);
        label_in_picture(&mut after, LABELS[1], true);
    }
    let mut split = before;
    // Where there is only one of both, there is no line.
    let line = match start > 0 && end < width {
        true => start..end,
        false => at..at,
    };
    for (x, y, pixel) in split.enumerate_pixels_mut() {
        if line.contains(&x) {
            *pixel = LINE;
        } else if x >= line.end {
            *pixel = *after.get_pixel(x, y);
        }
    }
    Ok(split)
}

/// The two pictures of a blinking comparison.
///
/// # Errors
/// [`Error::Sizes`].
pub fn blinking(
    before: RgbImage,
    after: RgbImage,
    has_labels: bool,
) -> Result<[RgbImage; 2], Error> {
    same_size(&before, &after)?;
    let mut frames = [before, after];
    if has_labels {
        for (frame, label) in frames.iter_mut().zip(LABELS) {
            label_in_picture(frame, label, false);
        }
    }
    Ok(frames)
}

/// Pictures with their names in rows of `columns`, each within a square of `side_px`.
pub fn contact_sheet(
    pictures: impl IntoIterator<Item = (RgbImage, String)>,
    columns: usize,
) -> RgbImage {
    let mut sheet = Sheet::new();
    for (index, (picture, name)) in pictures.into_iter().enumerate() {
        sheet.add(index / columns.max(1), picture, &name);
    }
    sheet.draw()
}

/// Encodes pictures of one size as an animation that repeats for ever.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Encoding`].
pub fn write_animation(
    animation: Animation,
    out: &mut impl Write,
    frames: &[RgbImage],
) -> Result<(), Error> {
    match animation {
        Animation::Gif => write_gif(out, frames),
        Animation::WebP => write_webp(out, frames),
    }
}

/// Encodes pictures of one size as a GIF that repeats for ever; colours are reduced to 256 a picture.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Encoding`].
pub fn write_gif(out: &mut impl Write, frames: &[RgbImage]) -> Result<(), Error> {
    let (width, height) = size_within(frames, u16::MAX.into())?;
    let encoding = |error: gif::EncodingError| Error::Encoding(error.to_string());
    let size = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
    let mut encoder = gif::Encoder::new(out, size(width), size(height), &[]).map_err(encoding)?;
    encoder
        .set_repeat(gif::Repeat::Infinite)
        .map_err(encoding)?;
    for frame in frames {
        // From 1, the best palette, to 30.
        const SPEED: i32 = 10;
        let mut encoded =
            gif::Frame::from_rgb_speed(size(width), size(height), frame.as_raw(), SPEED);
        // In hundredths of a second.
        encoded.delay = STAY_MS / 10;
        encoder.write_frame(&encoded).map_err(encoding)?;
    }
    Ok(())
}

/// Encodes pictures of one size as a WebP animation that repeats for ever, without loss.
///
/// `image` encodes still pictures only; an animation is a list of their data, each in a chunk with its
/// place and time (RFC 9649, 2.7.1).
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Encoding`].
pub fn write_webp(out: &mut impl Write, frames: &[RgbImage]) -> Result<(), Error> {
    const LARGEST_PX: u32 = 16_383;
    let (width, height) = size_within(frames, LARGEST_PX)?;
    let size = [three_bytes(width - 1), three_bytes(height - 1)].concat();
    const IS_ANIMATION: [u8; 4] = [0b10, 0, 0, 0];
    let mut body = b"WEBP".to_vec();
    push_chunk(&mut body, b"VP8X", &[&IS_ANIMATION, &*size].concat());
    // The background, which is never seen, and how often it repeats: always.
    push_chunk(&mut body, b"ANIM", &[0; 6]);
    for frame in frames {
        let place_and_time = [&[0; 6], &*size, &three_bytes(STAY_MS.into())].concat();
        // Replaces what was there.
        const FLAGS: u8 = 0b10;
        let mut content = [&*place_and_time, &[FLAGS]].concat();
        push_chunk(&mut content, b"VP8L", &lossless_data(frame)?);
        push_chunk(&mut body, b"ANMF", &content);
    }
    let mut file = Vec::new();
    push_chunk(&mut file, b"RIFF", &body);
    out.write_all(&file)
        .map_err(|error| Error::Encoding(error.to_string()))
}

/// The data of a picture that is encoded without loss, out of the file that it would be.
fn lossless_data(picture: &RgbImage) -> ImageResult<Vec<u8>> {
    let mut file = Vec::new();
    let (width, height) = picture.dimensions();
    WebPEncoder::new_lossless(&mut file).encode(
        picture.as_raw(),
        width,
        height,
        ExtendedColorType::Rgb8,
    )?;
    // "RIFF", size, "WEBP", then chunks: name, size, content.
    let mut rest = file.get(12..).unwrap_or_default();
    while let Some((head, content)) = rest.split_first_chunk::<8>() {
        let [name @ .., a, b, c, d] = *head;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if name == *b"VP8L" {
            return Ok(content.get(..length).unwrap_or(content).to_vec());
        }
        rest = content
            .get(length.next_multiple_of(2)..)
            .unwrap_or_default();
    }
    Err(ImageError::IoError(std::io::Error::other(
        "the encoder wrote no lossless data",
    )))
}

fn push_chunk(out: &mut Vec<u8>, name: &[u8; 4], content: &[u8]) {
    out.extend(name);
    out.extend(
        u32::try_from(content.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes(),
    );
    out.extend(content);
    if content.len() % 2 == 1 {
        out.push(0);
    }
}

fn three_bytes(number: u32) -> [u8; 3] {
    let [low, middle, high, _] = number.to_le_bytes();
    [low, middle, high]
}

fn size_within(frames: &[RgbImage], largest_px: u32) -> Result<(u32, u32), Error> {
    let (width, height) = frames.first().map_or((0, 0), RgbImage::dimensions);
    match (1..=largest_px).contains(&width) && (1..=largest_px).contains(&height) {
        true => Ok((width, height)),
        false => Err(Error::TooLarge {
            width,
            height,
            largest_px,
        }),
    }
}

fn same_size(before: &RgbImage, after: &RgbImage) -> Result<(), Error> {
    let (before, after) = (before.dimensions(), after.dimensions());
    match before == after {
        true => Ok(()),
        false => Err(Error::Sizes { before, after }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::AnimationDecoder;
    use image::codecs::webp::WebPDecoder;

    use super::*;
    use crate::photo::colour::tests::{display_p3, with_profile};

    const RED: Rgb<u8> = Rgb([200, 0, 0]);
    const BLUE: Rgb<u8> = Rgb([0, 0, 200]);

    fn pair() -> [RgbImage; 2] {
        [RED, BLUE].map(|colour| RgbImage::from_pixel(60, 41, colour))
    }

    #[test]
    fn photos_are_compared_in_srgb() {
        let pixels = RgbImage::from_pixel(40, 20, Rgb([200, 90, 70]));
        let photo = Photo::from_pixels(pixels.into()).with_metadata(with_profile(&display_p3()));
        let shown = shown(&photo, Some(20));
        assert_eq!(shown.dimensions(), (20, 10));
        assert_eq!(shown.get_pixel(7, 7).0, [216, 81, 62]);
    }

    #[test]
    fn a_split_has_the_first_on_the_left_and_a_line() {
        let [before, after] = pair();
        let split = split(before, &after, 0.25, false).unwrap();
        assert_eq!(split.dimensions(), (60, 41));
        let row: Vec<_> = (0..60).map(|x| *split.get_pixel(x, 20)).collect();
        assert!(row[..14].iter().all(|pixel| *pixel == RED));
        assert_eq!(row[14..16], [LINE; 2]);
        assert!(row[16..].iter().all(|pixel| *pixel == BLUE));
    }

    #[test]
    fn at_its_ends_a_split_is_one_of_both() {
        for (position, colour) in [(0.0, BLUE), (1.0, RED), (-3.0, BLUE), (9.0, RED)] {
            let [before, after] = pair();
            let split = split(before, &after, position, false).unwrap();
            assert!(split.pixels().all(|pixel| *pixel == colour), "{position}");
        }
    }

    #[test]
    fn labels_are_in_the_picture_only_when_wanted() {
        for has_labels in [true, false] {
            let [before, after] = pair();
            let frames = blinking(before.clone(), after.clone(), has_labels).unwrap();
            let side = side_by_side(before, after, has_labels);
            assert_eq!(frames[0].pixels().all(|pixel| *pixel == RED), !has_labels);
            assert_eq!(frames[1].pixels().all(|pixel| *pixel == BLUE), !has_labels);
            let bright = side
                .pixels()
                .filter(|pixel| pixel.0.iter().all(|&v| v > 120));
            assert_eq!(bright.count() > 20, has_labels);
        }
    }

    #[test]
    fn pictures_of_two_sizes_are_refused_where_they_would_not_meet() {
        let [before, _] = pair();
        let other = RgbImage::new(61, 41);
        let message = blinking(before, other, true).unwrap_err().to_string();
        assert!(message.contains("60 × 41 and 61 × 41"), "{message}");
    }

    #[test]
    fn an_animated_webp_shows_both_without_loss() {
        let mut file = Vec::new();
        write_webp(&mut file, &pair()).unwrap();
        let decoder = WebPDecoder::new(Cursor::new(file)).unwrap();
        assert!(decoder.has_animation());
        let frames = decoder.into_frames().collect_frames().unwrap();
        assert_eq!(frames.len(), 2);
        for (frame, colour) in frames.iter().zip([RED, BLUE]) {
            assert_eq!(frame.buffer().dimensions(), (60, 41));
            let [red, green, blue] = colour.0;
            assert!(
                frame
                    .buffer()
                    .pixels()
                    .all(|pixel| pixel.0 == [red, green, blue, 255])
            );
            assert_eq!(frame.delay().numer_denom_ms(), (1000, 1));
        }
    }

    #[test]
    fn a_gif_shows_both_for_ever() {
        let mut file = Vec::new();
        write_gif(&mut file, &pair()).unwrap();
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut decoder = options.read_info(Cursor::new(file)).unwrap();
        for colour in [RED, BLUE] {
            let frame = decoder.read_next_frame().unwrap().unwrap();
            assert_eq!((frame.width, frame.height, frame.delay), (60, 41, 100));
            for (found, wanted) in frame.buffer[..3].iter().zip(colour.0) {
                assert!(found.abs_diff(wanted) < 8, "{found} {wanted}");
            }
        }
        assert!(decoder.read_next_frame().unwrap().is_none());
        assert_eq!(decoder.repeat(), gif::Repeat::Infinite);
    }

    #[test]
    fn what_no_animation_holds_is_refused() {
        let wide = RgbImage::new(16_384, 1);
        let mut file = Vec::new();
        assert!(matches!(
            write_webp(&mut file, &[wide]),
            Err(Error::TooLarge {
                largest_px: 16_383,
                ..
            })
        ));
        assert!(write_gif(&mut file, &[]).is_err());
        assert!(file.is_empty());
    }

    #[test]
    fn a_contact_sheet_fills_its_rows() {
        let picture = || RgbImage::from_pixel(30, 20, RED);
        let sheet = contact_sheet((0..5).map(|i| (picture(), i.to_string())), 3);
        assert_eq!(
            sheet.pixels().filter(|pixel| **pixel == RED).count(),
            5 * 600
        );
        assert!(sheet.width() < 4 * 40 && sheet.height() > 2 * 40);
    }
}
