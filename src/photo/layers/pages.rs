//! The same layers as further pages of the TIFF file, for programs that open pages as layers and do not know
//! Photoshop's tag (GIMP 2.10): with their names, their places, and masks as transparency (TIFF 6.0, part 1;
//! `PageName`, `XPosition` and `ExtraSamples` in part 2).

use std::io::{self, Seek, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::DynamicImage;

use super::{Data, Layer, PAGE_NAME};

/// Pixels an inch. Positions are in inches.
const DENSITY: u32 = 72;
/// "Adobe deflate".
const DEFLATE: u16 = 8;
/// A page of a document that has several.
const IS_PAGE: u32 = 2;

/// A value of a directory.
enum Value {
    Short(u16),
    Shorts(Vec<u16>),
    Long(u32),
    Ratio(u32, u32),
    Text(&'static str),
}

impl Data<'_> {
    /// Writes layers as pages, the lowest first; `next` is the directory behind them. Yields that of the first.
    pub fn pages(&mut self, layers: &[Layer], next: u32) -> io::Result<u32> {
        let mut layers = layers.iter().rev();
        layers.try_fold(next, |next, layer| self.page(layer, next))
    }

    fn page(&mut self, layer: &Layer, next: u32) -> io::Result<u32> {
        let (width, height) = (layer.pixels.width(), layer.pixels.height());
        let samples = Samples::of(layer)?;
        let start = self.even_position()?;
        let mut packed = ZlibEncoder::new(&mut self.file, Compression::fast());
        let mut row = Vec::new();
        for y in 0..height as usize {
            row.clear();
            for sample in samples.row(y) {
                row.extend(self.order.bytes(sample.to_le_bytes()));
            }
            packed.write_all(&row)?;
        }
        packed.finish()?;
        let end = self.even_position()?;
        let channels = samples.channels + usize::from(samples.has_alpha());
        let has_colour = layer.pixels.color().has_color();
        let mut values = vec![
            (254, Value::Long(IS_PAGE)),
            (256, Value::Long(width)),
            (257, Value::Long(height)),
            (258, Value::Shorts(vec![16; channels])),
            (259, Value::Short(DEFLATE)),
            (262, Value::Short(if has_colour { 2 } else { 1 })),
            (273, Value::Long(start)),
            (277, Value::Short(channels as u16)),
            (278, Value::Long(height)),
            (279, Value::Long(end - start)),
            (282, Value::Ratio(DENSITY, 1)),
            (283, Value::Ratio(DENSITY, 1)),
            (PAGE_NAME, Value::Text(layer.name)),
            (286, Value::Ratio(layer.left, DENSITY)),
            (287, Value::Ratio(layer.top, DENSITY)),
            // Inches.
            (296, Value::Short(2)),
        ];
        if samples.has_alpha() {
            // Colours are not multiplied by it.
            values.push((338, Value::Short(2)));
        }
        let mut entries = Vec::new();
        for (tag, value) in values {
            entries.push(self.entry(tag, &value)?);
        }
        let directory = self.even_position()?;
        self.number((entries.len() as u16).to_le_bytes())?;
        for entry in entries {
            self.file.write_all(&entry)?;
        }
        self.number(next.to_le_bytes())?;
        Ok(directory)
    }

    /// An entry of a directory. A value that does not fit into it is written where the file ends.
    fn entry(&mut self, tag: u16, value: &Value) -> io::Result<Vec<u8>> {
        let order = self.order;
        let short = |value: &u16| order.bytes(value.to_le_bytes());
        let long = |value: u32| order.bytes(value.to_le_bytes());
        let (kind, count, mut bytes) = match value {
            Value::Short(value) => (3_u16, 1, short(value).to_vec()),
            Value::Shorts(values) => (3, values.len(), values.iter().flat_map(short).collect()),
            Value::Long(value) => (4, 1, long(*value).to_vec()),
            Value::Ratio(a, b) => (5, 1, [long(*a), long(*b)].concat()),
            Value::Text(text) => (2, text.len() + 1, [text.as_bytes(), b"\0"].concat()),
        };
        if bytes.len() > 4 {
            let at = self.even_position()?;
            self.file.write_all(&bytes)?;
            bytes = long(at).to_vec();
        }
        bytes.resize(4, 0);
        let head = [short(&tag), short(&kind)].concat();
        Ok([head, long(count as u32).to_vec(), bytes].concat())
    }

    /// Where the file ends, on an even position as all offsets are.
    pub fn even_position(&mut self) -> io::Result<u32> {
        let at = self.file.stream_position()?;
        self.pad(at, 2)?;
        u32::try_from(at.next_multiple_of(2)).map_err(|_| super::too_large())
    }

    /// The entry that names the picture of the file itself.
    pub fn own_name(&mut self) -> io::Result<Vec<u8>> {
        self.entry(PAGE_NAME, &Value::Text("Result"))
    }
}

/// The samples of a layer, its mask in its alpha.
struct Samples<'a> {
    samples: &'a [u16],
    /// Of a pixel in `samples`, alpha among them.
    stored: usize,
    /// Of a pixel, without alpha.
    channels: usize,
    mask: Option<&'a [u8]>,
    width: usize,
}

impl<'a> Samples<'a> {
    fn of(layer: &'a Layer) -> io::Result<Self> {
        let (samples, stored, channels): (&[u16], _, _) = match &layer.pixels {
            DynamicImage::ImageLuma16(pixels) => (pixels, 1, 1),
            DynamicImage::ImageLumaA16(pixels) => (pixels, 2, 1),
            DynamicImage::ImageRgb16(pixels) => (pixels, 3, 3),
            DynamicImage::ImageRgba16(pixels) => (pixels, 4, 3),
            _ => return Err(io::Error::other("a layer has 16 bits a channel")),
        };
        Ok(Self {
            samples,
            stored,
            channels,
            mask: layer.mask.as_ref().map(|mask| mask.as_raw().as_slice()),
            width: layer.pixels.width() as usize,
        })
    }

    fn has_alpha(&self) -> bool {
        self.mask.is_some() || self.stored > self.channels
    }

    fn row(&self, y: usize) -> impl Iterator<Item = u16> {
        let places = y * self.width..(y + 1) * self.width;
        places.flat_map(move |at| {
            let pixel = self.samples.get(at * self.stored..(at + 1) * self.stored);
            let (colours, own) = pixel
                .unwrap_or_default()
                .split_at(self.channels.min(self.stored));
            let own = own.first().copied().unwrap_or(u16::MAX);
            let level = self.mask.and_then(|mask| mask.get(at)).copied();
            let alpha = match level {
                Some(level) => (u32::from(own) * u32::from(level) + 127) / 255,
                None => u32::from(own),
            };
            let alpha = self.has_alpha().then_some(alpha as u16);
            colours.iter().copied().chain(alpha)
        })
    }
}
