//! WebP files: how lossy one is, and writing lossy ones.
//!
//! `image` writes WebP files without loss only, which makes a lossy one many times as long. The
//! encoder is libwebp.

use std::io::{self, Read, Seek, SeekFrom};

use image::DynamicImage;

/// The quality, 1 to 100, in which a lossy WebP file was encoded, as far as its quantiser tells; `None`
/// for a lossless one, and for one that makes no sense.
pub(super) fn lossy_quality(file: &mut (impl Read + Seek)) -> io::Result<Option<u8>> {
    /// More chunks than any still picture has.
    const MOST_CHUNKS: usize = 64;
    file.seek(SeekFrom::Start(12))?;
    for _ in 0..MOST_CHUNKS {
        let mut head = [0; 8];
        if !read_all(file, &mut head)? {
            return Ok(None);
        }
        let [a, b, c, d, length @ ..] = head;
        if &[a, b, c, d] == b"VP8 " {
            let mut start = [0; 256];
            let count = u64::from(u32::from_le_bytes(length)).min(start.len() as u64);
            let filled = start.get_mut(..count as usize).unwrap_or_default();
            let is_whole = read_all(file, filled)?;
            return Ok(quantiser(&start).filter(|_| is_whole).map(quality));
        }
        let padded = i64::from(u32::from_le_bytes(length)) + i64::from(length[0] & 1);
        file.seek(SeekFrom::Current(padded))?;
    }
    Ok(None)
}

/// `false` at the end of the file.
fn read_all(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// What libwebp turns into this quantiser (0 to 127), the other way round.
fn quality(quantiser: f64) -> u8 {
    let linear = (1.0 - quantiser / 127.0).powi(3);
    let quality = if linear < 0.5 {
        1.5 * linear
    } else {
        (linear + 1.0) / 2.0
    };
    (100.0 * quality).round().clamp(1.0, 100.0) as u8
}

/// The mean quantiser of a key frame (RFC 6386, 9.2 to 9.6).
fn quantiser(frame: &[u8]) -> Option<f64> {
    let (head, partition) = frame.split_first_chunk::<10>()?;
    if head[0] & 1 != 0 || head[3..6] != [0x9D, 0x01, 0x2A] {
        return None;
    }
    let mut bits = BoolReader::new(partition);
    // Colour space and clamping.
    bits.number(2);
    let mut segments = None;
    if bits.number(1) == 1 {
        let updates_map = bits.number(1) == 1;
        if bits.number(1) == 1 {
            let is_absolute = bits.number(1) == 1;
            let quantisers = [(); 4].map(|()| bits.optional(7));
            for _ in 0..4 {
                bits.optional(6);
            }
            segments = Some((is_absolute, quantisers));
        }
        for _ in 0..3 {
            if updates_map && bits.number(1) == 1 {
                bits.number(8);
            }
        }
    }
    // The kind of the loop filter, its level and sharpness.
    bits.number(1 + 6 + 3);
    if bits.number(1) == 1 && bits.number(1) == 1 {
        for _ in 0..8 {
            bits.optional(6);
        }
    }
    // Partitions.
    bits.number(2);
    let base = f64::from(bits.number(7));
    Some(match segments {
        None => base,
        Some((is_absolute, quantisers)) => {
            let start = if is_absolute { 0.0 } else { base };
            let mean = quantisers.iter().sum::<i32>();
            (start + f64::from(mean) / 4.0).clamp(0.0, 127.0)
        }
    })
}

/// Reads bits that are coded as equally probable (RFC 6386, 7.3).
struct BoolReader<'a> {
    bytes: std::slice::Iter<'a, u8>,
    value: u32,
    range: u32,
    count: u32,
}

impl<'a> BoolReader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut bytes = bytes.iter();
        let mut next = || bytes.next().copied().unwrap_or(0);
        let value = u32::from(u16::from_be_bytes([next(), next()]));
        Self {
            bytes,
            value,
            range: 255,
            count: 0,
        }
    }

    fn bit(&mut self) -> bool {
        let split = 1 + (((self.range - 1) * 128) >> 8);
        let is_set = self.value >= split << 8;
        if is_set {
            self.range -= split;
            self.value -= split << 8;
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.value <<= 1;
            self.range <<= 1;
            self.count += 1;
            if self.count == 8 {
                self.count = 0;
                self.value |= u32::from(self.bytes.next().copied().unwrap_or(0));
            }
        }
        is_set
    }

    fn number(&mut self, bits: u32) -> u32 {
        (0..bits).fold(0, |sum, _| sum << 1 | u32::from(self.bit()))
    }

    /// A number with a sign, or 0 when it is not there.
    fn optional(&mut self, bits: u32) -> i32 {
        if self.number(1) == 0 {
            return 0;
        }
        let value = self.number(bits) as i32;
        if self.number(1) == 1 { -value } else { value }
    }
}

/// Encodes a picture with losses.
///
/// # Errors
/// What libwebp says.
pub(super) fn encode_lossy(pixels: &DynamicImage, quality: u8) -> Result<Vec<u8>, String> {
    let (width, height) = (pixels.width(), pixels.height());
    let (rgb, rgba);
    let encoder = if pixels.color().has_alpha() {
        rgba = pixels.to_rgba8();
        webp::Encoder::from_rgba(&rgba, width, height)
    } else {
        rgb = pixels.to_rgb8();
        webp::Encoder::from_rgb(&rgb, width, height)
    };
    let encoded = encoder.encode_simple(false, quality.clamp(1, 100).into());
    let encoded = encoded.map_err(|error| format!("the WebP encoder failed: {error:?}"))?;
    Ok(encoded.to_vec())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::{Rgba, RgbaImage};

    use super::*;
    use crate::photo::metadata::webp::spliced;
    use crate::photo::{Format, Limits, Metadata, Photo, Quality, SaveOptions};

    fn picture() -> DynamicImage {
        let mut state = 1u32;
        let mut noise = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 28) as u8
        };
        let pixel = |x: u32, y: u32| {
            let edge = if (x / 20 + y / 30).is_multiple_of(2) {
                90
            } else {
                20
            };
            Rgba([
                edge + noise(),
                (x / 2) as u8 + noise(),
                (y / 2) as u8 + noise(),
                200,
            ])
        };
        RgbaImage::from_fn(320, 240, pixel).into()
    }

    #[test]
    fn the_quality_is_found_again() {
        for picture in [picture(), picture().to_rgb8().into()] {
            for wanted in [10, 30, 50, 75, 90, 98] {
                let bytes = encode_lossy(&picture, wanted).unwrap();
                let found = lossy_quality(&mut io::Cursor::new(&bytes))
                    .unwrap()
                    .unwrap();
                assert!(found.abs_diff(wanted) <= 8, "{wanted} {found}");
                for length in 0..40 {
                    lossy_quality(&mut io::Cursor::new(&bytes[..length])).unwrap();
                }
            }
        }
        let mut lossless = io::Cursor::new(Vec::new());
        picture()
            .write_to(&mut lossless, image::ImageFormat::WebP)
            .unwrap();
        assert_eq!(lossy_quality(&mut lossless).unwrap(), None);
    }

    #[test]
    fn a_lossy_file_stays_lossy_with_its_metadata_and_a_lossless_one_lossless() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let metadata = Metadata {
            icc_profile: Some(b"odd".to_vec()),
            exif: Some(crate::photo::exif::only_orientation(
                image::metadata::Orientation::NoTransforms,
            )),
            ..Metadata::default()
        };
        let save = |from: &Path, to: &Path, quality| {
            let photo = Photo::load(from, &Limits::default()).unwrap();
            let options = SaveOptions {
                quality,
                ..SaveOptions::for_path(to).unwrap()
            };
            photo.save(to, &options).unwrap();
            std::fs::read(to).unwrap()
        };
        let bare = encode_lossy(&picture(), 75).unwrap();
        let lossy = spliced(&bare, &metadata, (320, 240), true);
        std::fs::write(at("lossy.webp"), &lossy).unwrap();
        let again = save(&at("lossy.webp"), &at("again.webp"), Quality::AsSource);
        let ratio = again.len() as f64 / lossy.len() as f64;
        assert!((0.8..1.25).contains(&ratio), "{ratio}");
        let photo = Photo::load(&at("again.webp"), &Limits::default()).unwrap();
        assert_eq!(photo.format(), Some(Format::WebP));
        assert_eq!(photo.metadata().icc_profile, metadata.icc_profile);
        assert!(photo.metadata().exif.is_some());
        assert!(photo.pixels().color().has_alpha());

        let lossless = save(&at("lossy.webp"), &at("lossless.webp"), Quality::Lossless);
        assert!(lossless.len() > 2 * lossy.len());
        let as_lossless = save(&at("lossless.webp"), &at("b.webp"), Quality::AsSource);
        assert_eq!(lossless.len(), as_lossless.len());
        let smaller = save(&at("lossless.webp"), &at("c.webp"), Quality::Percent(30));
        assert!(smaller.len() < lossy.len());
    }
}
