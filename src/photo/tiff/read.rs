//! Which picture of a file is the photo, and what kind it is.

use std::collections::HashSet;
use std::io::{self, Read, Seek};

use image::DynamicImage;
use tiff::decoder::{BufferLayoutPreference, Decoder, DecodingResult, Limits};
use tiff::{TiffError, TiffResult};

use super::directory::{Directory, TiffFile, bytes_of_kind};
use super::patched::Patched;
use super::pixels::{Photometric, Samples};
use super::raw::Raw;
use super::{fields, lab, tag};
use crate::photo::metadata::{Metadata, TiffCompression, TiffStorage};
use crate::photo::{Error, Warning};

/// More pictures than any file has.
const MOST_DIRECTORIES: usize = 4096;
const MOST_SUB_DIRECTORIES: usize = 64;

/// The bit of `NewSubfileType` that means a mask of another picture.
const MASK: u64 = 4;

/// A photo as its file has it: not turned.
pub(in crate::photo) struct Content {
    pub pixels: DynamicImage,
    pub metadata: Metadata,
    pub warnings: Vec<Warning>,
}

/// Why a file is not opened.
pub(in crate::photo) enum Refused {
    /// It cannot be read, or ends too early.
    Io(io::Error),
    /// A raw photo; what kind, where that is known.
    Raw(&'static str),
    /// The reason in words.
    Unsupported(String),
    /// The decoder's reason.
    Decoder(TiffError),
    /// Too large, or empty.
    Size(Box<Error>),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TiffError> for Refused {
    fn from(error: TiffError) -> Self {
        match error {
            TiffError::IoError(error) => Self::Io(error),
            error => Self::Decoder(error),
        }
    }
}

/// Reads the photo of a TIFF file. `check` is asked about its width, its height and the bytes that its
/// samples take, before memory is reserved.
///
/// # Errors
/// [`Refused`].
pub(in crate::photo) fn read<R: Read + Seek>(
    mut reader: R,
    check: impl Fn(u32, u32, u64) -> Result<(), Error>,
) -> Result<Content, Refused> {
    let Some((mut file, first)) = TiffFile::open(&mut reader)? else {
        return Err(Refused::Unsupported("an unknown header".to_owned()));
    };
    let pages = Pages::read(&mut file, first)?;
    let (chosen, others) = pages.choose(&mut file)?;
    let kind = Kind::read(&mut file, &chosen)?;
    file.check_pixel_fields(&chosen)?;
    let (width, height) = kind.decoded;
    check(width, height, kind.sample_bytes()).map_err(|error| Refused::Size(Box::new(error)))?;
    let mut metadata = fields::metadata(&mut file, &chosen)?;
    let patches = kind.patches(&file, &chosen)?;

    let samples = kind.samples(Patched::new(reader, patches))?;
    let decoded = samples.decoded().map_err(Refused::Unsupported)?;
    let mut warnings = Vec::new();
    if others > 0 {
        warnings.push(Warning::OtherPages(others));
    }
    if chosen.field(tag::LAYERS).is_some() {
        warnings.push(Warning::LayersLeftOut);
    }
    if decoded.left_out > 0 {
        warnings.push(Warning::ChannelsLeftOut(decoded.left_out));
    }
    if kind.photometric == Photometric::Cmyk {
        warnings.push(Warning::ConvertedFromCmyk);
        // A profile for inks does not describe RGB pixels.
        metadata.icc_profile = None;
    }
    if matches!(kind.photometric, Photometric::Lab(_)) {
        warnings.push(Warning::ConvertedFromLab);
        metadata.icc_profile = lab::profile();
    }
    if decoded.not_finite > 0 {
        warnings.push(Warning::NotFinite(decoded.not_finite));
    }
    metadata.tiff = TiffStorage {
        compression: kind.storage(),
        is_alpha_associated: decoded.was_associated,
        is_grey: kind.is_float && kind.photometric == Photometric::BlackIsZero,
    };
    Ok(Content {
        pixels: decoded.pixels,
        metadata,
        warnings,
    })
}

/// The pictures of a file.
struct Pages {
    chain: Vec<Directory>,
    /// The directories below those of the chain.
    below: Vec<Directory>,
}

impl Pages {
    fn read<R: Read + Seek>(file: &mut TiffFile<R>, first: u64) -> Result<Self, Refused> {
        let mut seen = HashSet::from([first]);
        let mut chain = vec![file.directory(first)?];
        while let Some(next) = chain.last().map(|last| last.next).filter(|next| *next != 0) {
            // What cannot be read after the first picture is no reason to refuse that one.
            let Ok(directory) = file.directory(next) else {
                break;
            };
            if !seen.insert(next) || chain.len() >= MOST_DIRECTORIES {
                break;
            }
            chain.push(directory);
        }
        let mut below = Vec::new();
        for directory in chain.iter().take(MOST_SUB_DIRECTORIES) {
            let links = file.numbers(directory, tag::SUB_DIRECTORIES)?;
            for at in links.into_iter().take(MOST_SUB_DIRECTORIES) {
                if seen.insert(at)
                    && let Ok(directory) = file.directory(at)
                {
                    below.push(directory);
                }
            }
        }
        Ok(Self { chain, below })
    }

    /// The full picture, and how many others the file has, masks among them, that are no reduced ones.
    fn choose<R: Read + Seek>(self, file: &mut TiffFile<R>) -> Result<(Directory, usize), Refused> {
        const COLOUR_FILTERS: u64 = 32_803;
        const LINEAR_RAW: u64 = 34_892;
        let mut full = Vec::new();
        for (is_below, directory) in
            (self.chain.iter().map(|it| (false, it))).chain(self.below.iter().map(|it| (true, it)))
        {
            if directory.field(tag::DNG_VERSION).is_some() {
                return Err(Refused::Raw("DNG"));
            }
            let photometric = file.number(directory, tag::PHOTOMETRIC)?;
            if matches!(photometric, Some(COLOUR_FILTERS | LINEAR_RAW)) {
                return Err(Refused::Raw(""));
            }
            if is_full(file, directory)? {
                full.push((is_below, directory));
            }
        }
        let in_chain = full.iter().filter(|(is_below, _)| !is_below).count();
        let area = |file: &mut TiffFile<R>, directory: &Directory| -> io::Result<u64> {
            let width = file.number(directory, tag::WIDTH)?.unwrap_or_default();
            let length = file.number(directory, tag::LENGTH)?.unwrap_or_default();
            Ok(width.saturating_mul(length))
        };
        let mut chosen = full.first().map(|(_, directory)| *directory);
        let mut others = in_chain.saturating_sub(1);
        // A small first picture that does not say so is a thumbnail all the same.
        if let (Some(first), Some((_, second))) = (chosen, full.get(1)) {
            const THUMBNAIL: u64 = 9;
            if area(file, first)?.saturating_mul(THUMBNAIL) <= area(file, second)? {
                chosen = Some(second);
                others = in_chain.saturating_sub(2);
            }
        }
        for directory in &self.chain {
            others += usize::from(file.number(directory, tag::NEW_SUBFILE_TYPE)? == Some(MASK));
        }
        // A file of nothing but reduced pictures: the first of them.
        match chosen.or(self.chain.first()) {
            Some(directory) => Ok((directory.clone(), others)),
            None => Err(Refused::Unsupported("no picture in it".to_owned())),
        }
    }
}

/// Whether a directory holds a picture of its own, neither a reduced one nor a mask.
fn is_full<R: Read + Seek>(file: &mut TiffFile<R>, directory: &Directory) -> io::Result<bool> {
    const REDUCED: u64 = 1;
    const OLD_REDUCED: u64 = 2;
    let kind = file.number(directory, tag::NEW_SUBFILE_TYPE)?;
    let old_kind = file.number(directory, tag::SUBFILE_TYPE)?;
    let is_other = kind.unwrap_or_default() & (REDUCED | MASK) != 0
        || kind.is_none() && old_kind == Some(OLD_REDUCED);
    Ok(!is_other && directory.field(tag::WIDTH).is_some())
}

/// How the samples of a picture are stored.
struct Kind {
    width: u32,
    height: u32,
    /// Width and height as the decoder is told them: whole tiles where planes are stored in tiles, because it
    /// cannot tell where the tiles of a second plane end at the edge of the picture.
    decoded: (u32, u32),
    bits: u64,
    is_float: bool,
    samples: u64,
    photometric: Photometric,
    compression: u64,
    extra_samples: Vec<u64>,
    has_extra_samples: bool,
    palette: Vec<u64>,
    ycbcr: [f32; 3],
}

impl Kind {
    fn read<R: Read + Seek>(
        file: &mut TiffFile<R>,
        directory: &Directory,
    ) -> Result<Self, Refused> {
        const JPEG: u64 = 7;
        const UNSIGNED: [u64; 2] = [1, 4];
        const SIGNED: u64 = 2;
        const FLOATING_POINT: u64 = 3;
        const CIE_LAB: u64 = 8;
        const ITU_LAB: u64 = 10;
        const PLANES: u64 = 2;
        const LOW_BITS_FIRST: u64 = 2;
        let unsupported = |what: &str| Err(Refused::Unsupported(what.to_owned()));
        let mut number = |tag, default| -> io::Result<u64> {
            Ok(file.number(directory, tag)?.unwrap_or(default))
        };
        let bits = number(tag::BITS_PER_SAMPLE, 1)?;
        let format = number(tag::SAMPLE_FORMAT, 1)?;
        let compression = number(tag::COMPRESSION, 1)?;
        let photometric = number(tag::PHOTOMETRIC, u64::MAX)?;
        let [width, height] = [tag::WIDTH, tag::LENGTH]
            .map(|tag| number(tag, 0).map(|side| u32::try_from(side).unwrap_or(u32::MAX)));
        let samples = number(tag::SAMPLES_PER_PIXEL, 1)?;
        let is_planar = number(tag::PLANAR_CONFIGURATION, 1)? == PLANES && samples > 1;
        let tile = [tag::TILE_WIDTH, tag::TILE_LENGTH].map(|tag| number(tag, 0));
        let is_reversed = number(tag::FILL_ORDER, 1)? == LOW_BITS_FIRST && compression != JPEG;
        let is_float = format == FLOATING_POINT;
        // Half of the numbers of CIE L*a*b* have a sign, which some writers say.
        let is_lab = (CIE_LAB..=ITU_LAB).contains(&photometric);
        let is_known = is_float || UNSIGNED.contains(&format) || is_lab && format == SIGNED;
        if !is_known {
            return unsupported("signed or complex numbers");
        }
        let all_bits = file.numbers(directory, tag::BITS_PER_SAMPLE)?;
        if all_bits.iter().any(|it| *it != bits) {
            return unsupported("channels of different depths");
        }
        if is_float && bits != 32 {
            return Err(Refused::Unsupported(format!(
                "floating point numbers of {bits} bits"
            )));
        }
        if !is_float && !matches!(bits, 1 | 2 | 4 | 8 | 16) {
            return Err(Refused::Unsupported(format!("{bits} bits a channel")));
        }
        let photometric = match photometric {
            0 => Photometric::WhiteIsZero,
            1 => Photometric::BlackIsZero,
            2 => Photometric::Rgb,
            3 => Photometric::Palette,
            4 => return unsupported("a mask"),
            5 => Photometric::Cmyk,
            6 => Photometric::YCbCr,
            8 => Photometric::Lab(lab::Encoding::Cie),
            9 => Photometric::Lab(lab::Encoding::Icc),
            10 => return unsupported("L*a*b* colours of the ITU, which faxes have"),
            _ => return unsupported("unknown colours"),
        };
        if let Some(name) = unknown_compression(compression) {
            return Err(Refused::Unsupported(format!("compressed by {name}")));
        }
        if is_reversed {
            return unsupported("bits in reverse order");
        }
        let (width, height) = (width?, height?);
        let [across, down] = tile;
        let decoded = match (across?, down?) {
            (across, down) if is_planar && across > 0 && down > 0 => {
                if bits < 8 {
                    return unsupported("planes of less than 8 bits in tiles");
                }
                let whole = |side: u32, tile| {
                    let side = u64::from(side).checked_next_multiple_of(tile);
                    side.and_then(|side| u32::try_from(side).ok())
                        .unwrap_or(u32::MAX)
                };
                (whole(width, across), whole(height, down))
            }
            _ => (width, height),
        };
        let subsampling = file.numbers(directory, tag::YCBCR_SUBSAMPLING)?;
        let is_subsampled = subsampling.is_empty() || subsampling.iter().any(|it| *it != 1);
        if photometric == Photometric::YCbCr && compression != JPEG && is_subsampled {
            return unsupported("YCbCr colours of reduced resolution without JPEG compression");
        }
        let coefficients = file.fractions(directory, tag::YCBCR_COEFFICIENTS)?;
        Ok(Self {
            width,
            height,
            decoded,
            bits,
            is_float,
            samples,
            photometric,
            compression,
            extra_samples: file.numbers(directory, tag::EXTRA_SAMPLES)?,
            has_extra_samples: directory.field(tag::EXTRA_SAMPLES).is_some(),
            palette: file.numbers(directory, tag::COLOR_MAP)?,
            ycbcr: coefficients.try_into().unwrap_or([0.299, 0.587, 0.114]),
        })
    }

    /// The most bytes that the samples take, as stored or as pixels.
    fn sample_bytes(&self) -> u64 {
        let pixels = u64::from(self.decoded.0) * u64::from(self.decoded.1);
        let (channels, bytes) = match self.photometric {
            // Grey in floating point stands in three channels.
            _ if self.is_float => (self.samples.saturating_add(2), 4),
            Photometric::Lab(_) => (self.samples, 2),
            _ => (self.samples, self.bits.div_ceil(8)),
        };
        pixels.saturating_mul(channels).saturating_mul(bytes)
    }

    /// What the decoder is to read in other words: the chosen directory first, and the samples just as
    /// they are, whatever they stand for.
    fn patches<R: Read + Seek>(
        &self,
        file: &TiffFile<R>,
        chosen: &Directory,
    ) -> Result<Vec<(u64, Vec<u8>)>, Refused> {
        const BLACK_IS_ZERO: u64 = 1;
        const SHORT: u16 = 3;
        const LONG: u16 = 4;
        let (at, length) = file.first_pointer();
        let mut patches = vec![(at, file.order.bytes(chosen.at, length))];
        for (tag, side, decoded) in [
            (tag::WIDTH, self.width, self.decoded.0),
            (tag::LENGTH, self.height, self.decoded.1),
        ] {
            if side == decoded {
                continue;
            }
            let field = chosen.field(tag).filter(|field| {
                field.kind == LONG || field.kind == SHORT && u16::try_from(decoded).is_ok()
            });
            let Some(field) = field else {
                let reason = "planes in tiles that reach far beyond the picture";
                return Err(Refused::Unsupported(reason.to_owned()));
            };
            let length = bytes_of_kind(field.kind) as usize;
            patches.push((field.value_at, file.order.bytes(decoded.into(), length)));
        }
        match chosen.field(tag::PHOTOMETRIC) {
            Some(field) if field.kind == SHORT => {
                patches.push((field.value_at, file.order.bytes(BLACK_IS_ZERO, 2)));
                Ok(patches)
            }
            _ => Err(Refused::Unsupported("unknown colours".to_owned())),
        }
    }

    /// The samples as they are stored.
    fn samples<R: Read + Seek>(&self, reader: Patched<R>) -> Result<Samples<'_>, Refused> {
        let (decoded, layout) = self.decode(reader)?;
        let plane = layout.plane_stride.map_or(0, usize::from);
        let raw = match decoded {
            DecodingResult::F32(samples) if self.is_float => Raw::Floats(samples),
            DecodingResult::U8(samples) if self.bits == 8 => Raw::Bytes(samples),
            DecodingResult::I8(samples) if self.bits == 8 => {
                Raw::Bytes(samples.into_iter().map(i8::cast_unsigned).collect())
            }
            DecodingResult::I16(samples) if self.bits == 16 => {
                Raw::Words(samples.into_iter().map(i16::cast_unsigned).collect())
            }
            DecodingResult::U16(samples) if self.bits == 16 => Raw::Words(samples),
            DecodingResult::U8(packed) if self.bits < 8 => {
                let stride = layout.row_stride.map_or(0, usize::from);
                let per_row = self.width as usize * self.samples as usize;
                Raw::unpacked(&packed, stride, per_row, self.bits as u32)
            }
            _ => {
                return Err(Refused::Unsupported(format!(
                    "{} bits a channel",
                    self.bits
                )));
            }
        };
        let plane = plane / self.bits.div_ceil(8) as usize;
        let raw = match layout.planes {
            0 | 1 => raw,
            planes => raw.interleaved(planes, plane),
        };
        let per_pixel = self.samples as usize;
        let size = (self.width, self.height);
        Ok(Samples {
            size,
            raw: match self.decoded == size {
                true => raw,
                false => {
                    let [stride, length] =
                        [self.decoded.0, self.width].map(|side| side as usize * per_pixel);
                    raw.cropped(stride, length, self.height as usize)
                }
            },
            per_pixel,
            bits: self.bits as u32,
            photometric: self.photometric,
            extra: (self.has_extra_samples).then_some(&self.extra_samples[..]),
            palette: &self.palette,
            ycbcr: self.ycbcr,
        })
    }

    fn decode<R: Read + Seek>(
        &self,
        reader: Patched<R>,
    ) -> TiffResult<(DecodingResult, BufferLayoutPreference)> {
        // The size was checked before.
        let mut decoder = Decoder::new(reader)?.with_limits(Limits::unlimited());
        let mut decoded = DecodingResult::U8(Vec::new());
        let layout = decoder.read_image_to_buffer(&mut decoded)?;
        Ok((decoded, layout))
    }

    /// The compression of a file that is made from this one: the same, or the closest without loss.
    fn storage(&self) -> TiffCompression {
        match self.compression {
            1 => TiffCompression::None,
            5 => TiffCompression::Lzw,
            32_773 => TiffCompression::PackBits,
            _ => TiffCompression::Deflate,
        }
    }
}

/// The name of a compression that the decoder does not know.
fn unknown_compression(number: u64) -> Option<String> {
    let name = match number {
        1 | 4 | 5 | 7 | 8 | 32_773 | 32_946 | 50_000 => return None,
        2 | 3 => "an old fax code",
        6 => "old-style JPEG",
        34_712 => "JPEG 2000",
        34_887 => "LERC",
        34_925 => "LZMA",
        50_001 => "WebP",
        50_002 | 52_546 => "JPEG XL",
        other => return Some(format!("an unknown method, {other}")),
    };
    Some(name.to_owned())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
