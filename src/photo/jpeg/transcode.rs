//! A JPEG file saved again as that JPEG file.
//!
//! The file keeps its quantisation tables, sampling, scans, restart markers, its segments, and every
//! coefficient of blocks in which no pixel has changed. Its pixels stay in the order in which it has
//! them, and its orientation tag says how they are turned: any turn of the blocks themselves would have
//! to re-encode the edges of pictures whose sides are no multiples of a block.

use std::io::Cursor;

use image::DynamicImage;
use image::codecs::jpeg::JpegDecoder;
use image::metadata::Orientation;

use super::change::{self, Model, Pixels};
use super::frame::FrameHeader;
use super::marker::{ADOBE, APP0, APP1, APP2, APP14, APP15, COMMENT, EXIF, ICC, Layout, Segment};
use super::{Fault, Source, read, write};
use crate::photo::exif;

/// What of the metadata goes into the new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum KeptSegments {
    /// All segments as they are.
    All,
    /// Only what tells what the pixels mean: the colour profile, Adobe's and JFIF's segments.
    Colour,
}

impl Source {
    /// Can a photo with such pixels be saved as this file with a change?
    pub fn fits(&self, upright: &DynamicImage) -> bool {
        let header =
            Layout::of(&self.bytes).and_then(|layout| FrameHeader::of(&self.bytes, &layout));
        let Some(header) = header else {
            return false;
        };
        let (width, height) = match is_on_its_side(self.orientation) {
            true => (upright.height(), upright.width()),
            false => (upright.width(), upright.height()),
        };
        let is_grey = matches!(upright, DynamicImage::ImageLuma8(_));
        let is_colour = matches!(upright, DynamicImage::ImageRgb8(_));
        let suits = match header.components.len() {
            1 => is_grey,
            3 | 4 => is_colour,
            _ => false,
        };
        suits && (header.width, header.height) == (width as usize, height as usize)
    }

    /// The pixels as the photo was loaded with, before they were turned.
    ///
    /// # Errors
    /// When the file cannot be decoded.
    pub fn decoded(&self) -> Result<DynamicImage, Fault> {
        let decodable = super::decodable(&self.bytes, self.most_bytes);
        let decoder = JpegDecoder::new(Cursor::new(decodable));
        let pixels = decoder.and_then(DynamicImage::from_decoder);
        pixels.map_err(|_| Fault::Nonsense("it cannot be decoded"))
    }

    /// The file with other pixels, given upright, in the place of those that it has, `before`, as it has them.
    /// `exif` is the block to write in the place of the file's own; its orientation and size become those of the
    /// stored pixels.
    ///
    /// # Errors
    /// When the file cannot be read as coefficients, which decoders that show it may overlook.
    pub fn changed(
        &self,
        before: &DynamicImage,
        upright: &DynamicImage,
        exif: Option<&[u8]>,
        kept: KeptSegments,
    ) -> Result<Vec<u8>, Fault> {
        let bytes = &self.bytes;
        let layout = Layout::of(bytes).ok_or(Fault::Nonsense("there is no picture"))?;
        let mut frame = read::read(bytes, &layout, self.most_bytes)?.frame;
        let model = model(bytes, &layout, &frame.header)?;
        let (Some(before), Some(after)) = (
            Pixels::new(before, Orientation::NoTransforms),
            Pixels::new(upright, self.orientation),
        ) else {
            return Err(Fault::Unsupported("this kind of pixels"));
        };
        if !self.fits(upright) {
            return Err(Fault::Unsupported("another size"));
        }
        change::apply(&mut frame, model, &before, &after)?;
        let size = (frame.header.width as u32, frame.header.height as u32);
        let exif = match self.stored_exif(exif, size)? {
            Some(block) => write::segment(APP1, &[EXIF, &block].concat())?,
            None => Vec::new(),
        };
        let place = exif_place(bytes, &layout);
        write::write(bytes, &layout, &frame, |number, segment| {
            let content = bytes.get(segment.content.clone()).unwrap_or_default();
            let own = match keeps(kept, segment.marker, content) {
                true => write::segment(segment.marker, content)?,
                false => Vec::new(),
            };
            Ok(if number == place {
                [exif.as_slice(), &own].concat()
            } else {
                own
            })
        })
    }

    /// Are the stored colours inks (CMYK)?
    pub fn has_inks(&self) -> bool {
        let layout = Layout::of(&self.bytes);
        let header = layout.and_then(|layout| FrameHeader::of(&self.bytes, &layout));
        header.is_some_and(|header| header.components.len() == 4)
    }

    /// Width and height of these upright pixels as they are stored.
    pub fn stored_size(&self, upright: &DynamicImage) -> (u32, u32) {
        let (width, height) = (upright.width(), upright.height());
        match is_on_its_side(self.orientation) {
            true => (height, width),
            false => (width, height),
        }
    }

    /// The block for pixels as they are stored.
    ///
    /// # Errors
    /// When the block has no place for the orientation.
    pub fn stored_exif(
        &self,
        exif: Option<&[u8]>,
        (width, height): (u32, u32),
    ) -> Result<Option<Vec<u8>>, Fault> {
        let orientation = self.orientation;
        let Some(exif) = exif else {
            let is_upright = orientation == Orientation::NoTransforms;
            return Ok((!is_upright).then(|| exif::only_orientation(orientation)));
        };
        let mut exif = exif.to_owned();
        exif::set_size(&mut exif, width, height);
        if exif::set_orientation(&mut exif, orientation).is_none()
            && orientation != Orientation::NoTransforms
        {
            return Err(Fault::Nonsense(
                "the orientation has no place in the EXIF data",
            ));
        }
        Ok(Some(exif))
    }
}

/// The number of the segment before which EXIF data are written: where they are, or behind JFIF's segment,
/// which wants to be the first.
fn exif_place(bytes: &[u8], layout: &Layout) -> usize {
    let is_exif = |segment: &Segment| {
        let content = bytes.get(segment.content.clone()).unwrap_or_default();
        segment.marker == APP1 && content.starts_with(EXIF)
    };
    let segments = layout.segments.iter();
    let place = segments.clone().position(is_exif);
    place.unwrap_or_else(|| {
        segments
            .take_while(|segment| segment.marker == APP0)
            .count()
    })
}

/// Does a segment of the source go into the new file? Its EXIF data never do: they are replaced.
fn keeps(kept: KeptSegments, marker: u8, content: &[u8]) -> bool {
    match (marker, kept) {
        (APP1, _) if content.starts_with(EXIF) => false,
        (APP0 | APP14, _) => true,
        (APP2, KeptSegments::Colour) => content.starts_with(ICC),
        (APP1..=APP15 | COMMENT, KeptSegments::Colour) => false,
        _ => true,
    }
}

/// How the components become colours. As the decoder does it, whose pixels the photo has.
fn model(bytes: &[u8], layout: &Layout, header: &FrameHeader) -> Result<Model, Fault> {
    let adobe = layout
        .segments
        .iter()
        .filter(|segment| segment.marker == APP14);
    let adobe = adobe.filter_map(|segment| bytes.get(segment.content.clone()));
    let transform = adobe
        .filter(|content| content.starts_with(ADOBE))
        .filter_map(|content| content.get(11).copied())
        .next_back();
    let ids: Vec<u8> = header
        .components
        .iter()
        .map(|component| component.id)
        .collect();
    Ok(match (ids.as_slice(), transform) {
        ([_], _) => Model::Grey,
        (b"RGB", _) | ([_, _, _], Some(0)) => Model::Rgb,
        ([_, _, _], _) => Model::YCbCr,
        ([_, _, _, _], Some(2)) => Model::Ycck,
        ([_, _, _, _], None | Some(0)) => Model::Cmyk,
        _ => return Err(Fault::Unsupported("this kind of colours")),
    })
}

fn is_on_its_side(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(
        orientation,
        Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH
    )
}
