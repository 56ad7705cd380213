//! Layers beside the picture of a TIFF file, as Photoshop keeps them: the tag `ImageSourceData` (37724),
//! which holds the layer section of its own documents ("Adobe Photoshop TIFF Technical Notes", 2002; "Adobe
//! Photoshop File Formats Specification", layer and mask information).
//!
//! Programs that know no layers show the picture of the file, which is all layers together. The tag is
//! added to a finished file, so whatever that says about its picture stays. For programs that open pages as
//! layers the file has them once more, as [`pages`].

mod pages;

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use image::{DynamicImage, GrayImage};

use super::{Error, Limits, Note, Photo, SaveOptions, Warning};
use crate::fs::atomic;

/// A layer. Its samples are written in 16 bits.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Its name.
    pub name: &'static str,
    /// Where its left edge lies, in pixels of the photo.
    pub left: u32,
    /// Where its upper edge lies.
    pub top: u32,
    /// Its pixels.
    pub pixels: DynamicImage,
    /// Where it shows, of the same size; everywhere without one.
    pub mask: Option<GrayImage>,
}

const IMAGE_SOURCE_DATA: u16 = 37724;
const PHOTOMETRIC: u16 = 262;
const PAGE_NAME: u16 = 285;
/// "Undefined": bytes that only their reader understands.
const TYPE_UNDEFINED: u16 = 7;
const HEADING: &[u8] = b"Adobe Photoshop Document Data Block\0";
/// Bytes of an entry of a directory.
const ENTRY_BYTES: usize = 12;

/// Channels of a layer that are no colours.
const ALPHA: i16 = -1;
const MASK: i16 = -2;

impl Photo {
    /// The same photo in 16 bits a channel.
    #[must_use]
    pub fn sixteen_bit(&self) -> Self {
        let pixels = self.pixels();
        let color = pixels.color();
        if color.bytes_per_pixel() == 2 * color.channel_count() {
            return self.clone();
        }
        self.with_derived_pixels(match (self.is_grey(), color.has_alpha()) {
            (false, true) => pixels.to_rgba16().into(),
            (false, false) => pixels.to_rgb16().into(),
            (true, true) => pixels.to_luma_alpha16().into(),
            (true, false) => pixels.to_luma16().into(),
        })
    }

    /// As [`Photo::save`], for a TIFF file with layers, the lowest first. The file is read back before it
    /// takes its name, and given to `note`.
    ///
    /// # Errors
    /// As [`Photo::save_noted`]; [`crate::fs::Error::Write`] when the layers do not fit into a TIFF file (4 GiB)
    /// and when what is read back is not the photo.
    pub fn save_layered(
        &self,
        path: &Path,
        options: &SaveOptions,
        layers: &[Layer],
        note: Note<'_>,
    ) -> Result<Vec<Warning>, Error> {
        self.allowed(path, options)?;
        let failed = |error: io::Error| crate::fs::Error::writing(path, error.into());
        let folder = tempfile::tempdir().map_err(failed)?;
        let aside = folder.path().join("layered.tif");
        let warnings = self.save(&aside, options)?;
        let file = OpenOptions::new().read(true).write(true).open(&aside);
        let mut file = file.map_err(failed)?;
        add(&mut file, layers).map_err(failed)?;
        let read_back = Self::load(&aside, &Limits::default())?;
        if read_back.pixels().to_rgba16() != self.pixels().to_rgba16() {
            let what = "what was written was read back and is not the photo";
            return Err(failed(io::Error::other(what)).into());
        }
        file.rewind().map_err(failed)?;
        let content = |copy: &mut BufWriter<&mut File>| {
            io::copy(&mut file, copy)?;
            copy.flush()?;
            note(copy.get_mut())
        };
        atomic::write_allowing(path, options.overwrite, content)?;
        Ok(warnings)
    }
}

/// Adds layers to a TIFF file: the tag's data and a new directory go to its end, and its header leads to
/// that.
fn add(file: &mut File, layers: &[Layer]) -> io::Result<()> {
    let mut header = [0; 8];
    file.rewind()?;
    file.read_exact(&mut header)?;
    let order = match &header {
        [b'I', b'I', 42, 0, ..] => Order::Little,
        [b'M', b'M', 0, 42, ..] => Order::Big,
        _ => {
            return Err(io::Error::other(
                "layers fit into no TIFF file of this kind",
            ));
        }
    };
    let [_, _, _, _, first @ ..] = header;
    file.seek(SeekFrom::Start(order.u32(first).into()))?;
    let mut count = [0; 2];
    file.read_exact(&mut count)?;
    let mut entries = vec![[0; ENTRY_BYTES]; order.u16(count).into()];
    for entry in &mut entries {
        file.read_exact(entry)?;
    }
    let mut next = [0; 4];
    file.read_exact(&mut next)?;

    let is_grey = entries.iter().any(|entry| {
        let [a, b, _, _, _, _, _, _, value @ ..] = *entry;
        let [c, d, _, _] = value;
        order.u16([a, b]) == PHOTOMETRIC && order.u16([c, d]) <= 1
    });
    let end = file.seek(SeekFrom::End(0))?;
    // Offsets are even in a TIFF file.
    let start = end + end % 2;
    file.seek(SeekFrom::Start(start))?;
    let mut data = Data {
        file: BufWriter::new(file),
        order,
    };
    data.layers(layers, is_grey)?;
    let after = data.file.stream_position()?;
    let length = u32::try_from(after - start).map_err(|_| too_large())?;
    let next = data.pages(layers, order.u32(next))?;

    let mut entry = Vec::with_capacity(ENTRY_BYTES);
    entry.extend(order.bytes(IMAGE_SOURCE_DATA.to_le_bytes()));
    entry.extend(order.bytes(TYPE_UNDEFINED.to_le_bytes()));
    entry.extend(order.bytes(length.to_le_bytes()));
    entry.extend(order.bytes((start as u32).to_le_bytes()));
    let entry = <[u8; ENTRY_BYTES]>::try_from(entry).map_err(|_| io::Error::other("an entry"))?;
    let tag = |entry: &[u8; ENTRY_BYTES]| order.u16([entry[0], entry[1]]);
    entries.retain(|old| tag(old) != IMAGE_SOURCE_DATA);
    entries.push(entry);
    if !entries.iter().any(|entry| tag(entry) == PAGE_NAME) {
        let name = <[u8; ENTRY_BYTES]>::try_from(data.own_name()?);
        entries.extend(name);
    }
    entries.sort_by_key(tag);
    let directory = data.even_position()?;
    data.number((entries.len() as u16).to_le_bytes())?;
    for entry in &entries {
        data.file.write_all(entry)?;
    }
    data.number(next.to_le_bytes())?;
    data.file.seek(SeekFrom::Start(4))?;
    data.number(directory.to_le_bytes())?;
    data.file.flush()
}

fn too_large() -> io::Error {
    io::Error::other("the layers are too large for a TIFF file (4 GiB)")
}

/// The order of bytes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// Bytes in this order, of ones in little-endian order, or the other way round.
    fn bytes<const N: usize>(self, mut little: [u8; N]) -> [u8; N] {
        if self == Self::Big {
            little.reverse();
        }
        little
    }

    fn u16(self, bytes: [u8; 2]) -> u16 {
        u16::from_le_bytes(self.bytes(bytes))
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        u32::from_le_bytes(self.bytes(bytes))
    }
}

/// Writes the data of the tag.
struct Data<'a> {
    file: BufWriter<&'a mut File>,
    order: Order,
}

impl Data<'_> {
    /// A number, told in little-endian bytes.
    fn number<const N: usize>(&mut self, little: [u8; N]) -> io::Result<()> {
        self.file.write_all(&self.order.bytes(little))
    }

    /// A word of four letters, which is a number here: it reads backwards in little-endian files.
    fn word(&mut self, word: [u8; 4]) -> io::Result<()> {
        self.number(u32::from_be_bytes(word).to_le_bytes())
    }

    /// Zeros up to a multiple of `unit`, after `length` bytes.
    fn pad(&mut self, length: u64, unit: u64) -> io::Result<()> {
        let zeros = length.next_multiple_of(unit) - length;
        (0..zeros).try_for_each(|_| self.file.write_all(&[0]))
    }

    fn layers(&mut self, layers: &[Layer], is_grey: bool) -> io::Result<()> {
        let channels: Vec<Vec<Channel>> = (layers.iter())
            .map(|layer| layer.channels(is_grey))
            .collect();
        let records: u64 = layers
            .iter()
            .zip(&channels)
            .map(|(layer, channels)| layer.record_bytes(channels))
            .sum();
        let samples: u64 = (layers.iter().zip(&channels))
            .map(|(layer, channels)| channels.len() as u64 * layer.channel_bytes())
            .sum();
        let length = 2 + records + samples;
        let stored = u32::try_from(length.next_multiple_of(4)).map_err(|_| too_large())?;
        self.file.write_all(HEADING)?;
        self.word(*b"8BIM")?;
        self.word(*b"Lr16")?;
        self.number(stored.to_le_bytes())?;
        self.number((layers.len() as i16).to_le_bytes())?;
        for (layer, channels) in layers.iter().zip(&channels) {
            self.record(layer, channels)?;
        }
        for (layer, channels) in layers.iter().zip(&channels) {
            for channel in channels {
                // Not compressed.
                self.number(0_u16.to_le_bytes())?;
                self.samples(layer, channel)?;
            }
        }
        self.pad(length, 4)
    }

    fn record(&mut self, layer: &Layer, channels: &[Channel]) -> io::Result<()> {
        self.rectangle(layer)?;
        self.number((channels.len() as u16).to_le_bytes())?;
        for channel in channels {
            self.number(channel.id.to_le_bytes())?;
            self.number((layer.channel_bytes() as u32).to_le_bytes())?;
        }
        self.word(*b"8BIM")?;
        self.word(*b"norm")?;
        // Full opacity, not clipped, no flags, a filler.
        self.file.write_all(&[255, 0, 0, 0])?;
        self.number((layer.extra_bytes() as u32).to_le_bytes())?;
        match &layer.mask {
            Some(_) => {
                self.number(MASK_BYTES.to_le_bytes())?;
                self.rectangle(layer)?;
                // Hidden beyond the rectangle, no flags, a filler.
                self.file.write_all(&[0; 4])?;
            }
            None => self.number(0_u32.to_le_bytes())?,
        }
        // No blending ranges.
        self.number(0_u32.to_le_bytes())?;
        self.file.write_all(&[layer.name.len() as u8])?;
        self.file.write_all(layer.name.as_bytes())?;
        self.pad(1 + layer.name.len() as u64, 4)
    }

    fn rectangle(&mut self, layer: &Layer) -> io::Result<()> {
        let (right, bottom) = (
            layer.left + layer.pixels.width(),
            layer.top + layer.pixels.height(),
        );
        for side in [layer.top, layer.left, bottom, right] {
            self.number(side.to_le_bytes())?;
        }
        Ok(())
    }

    fn samples(&mut self, layer: &Layer, channel: &Channel) -> io::Result<()> {
        // Samples are big-endian in every file, as they are in Photoshop's own documents.
        let mut write = |sample: u16| self.file.write_all(&sample.to_be_bytes());
        if channel.id == MASK {
            let mask = layer.mask.iter().flat_map(|mask| mask.as_raw());
            return mask
                .into_iter()
                .try_for_each(|&level| write(u16::from(level) * 257));
        }
        let of = |samples: &[u16], count: usize, write: &mut dyn FnMut(u16) -> io::Result<()>| {
            let mut samples = samples.iter().skip(channel.place).step_by(count);
            samples.try_for_each(|&sample| write(sample))
        };
        match &layer.pixels {
            DynamicImage::ImageLuma16(p) => of(p, 1, &mut write),
            DynamicImage::ImageLumaA16(p) => of(p, 2, &mut write),
            DynamicImage::ImageRgb16(p) => of(p, 3, &mut write),
            DynamicImage::ImageRgba16(p) => of(p, 4, &mut write),
            _ => Err(io::Error::other("a layer has 16 bits a channel")),
        }
    }
}

/// Bytes of what is said about a mask.
const MASK_BYTES: u32 = 20;

/// A channel of a layer.
struct Channel {
    id: i16,
    /// Which sample of a pixel it is.
    place: usize,
}

impl Layer {
    fn channels(&self, is_grey: bool) -> Vec<Channel> {
        let color = self.pixels.color();
        let stored = if color.has_color() { 3 } else { 1 };
        let wanted = if is_grey { 1 } else { 3 };
        let colours = (0..wanted).map(|id| Channel {
            id,
            // Grey in a file of colours is the same in all.
            place: usize::from(id as u16).min(stored - 1),
        });
        let alpha = color.has_alpha().then_some(Channel {
            id: ALPHA,
            place: stored,
        });
        let mask = self.mask.as_ref().map(|_| Channel { id: MASK, place: 0 });
        alpha.into_iter().chain(colours).chain(mask).collect()
    }

    /// Of one channel, with what tells its compression.
    fn channel_bytes(&self) -> u64 {
        2 + 2 * u64::from(self.pixels.width()) * u64::from(self.pixels.height())
    }

    fn extra_bytes(&self) -> u64 {
        let mask = self.mask.as_ref().map_or(0, |_| MASK_BYTES);
        let name = (1 + self.name.len() as u64).next_multiple_of(4);
        4 + u64::from(mask) + 4 + name
    }

    fn record_bytes(&self, channels: &[Channel]) -> u64 {
        16 + 2 + 6 * channels.len() as u64 + 4 + 4 + 4 + 4 + self.extra_bytes()
    }
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
