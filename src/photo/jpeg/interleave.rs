//! Sequential pictures whose components come one after the other.
//!
//! The decoder knows them as one scan only, and shows something else without a word. So it gets the same
//! coefficients in one scan.

use std::borrow::Cow;

use super::Fault;
use super::frame::FrameHeader;
use super::marker::{END_OF_IMAGE, HUFFMAN_TABLES, Layout, START_OF_IMAGE, START_OF_SCAN};
use super::{read, write};

/// The file in a form that the decoder understands: nearly always as it is.
///
/// # Errors
/// When it would have to be rewritten, and cannot be read.
pub(super) fn decodable(bytes: &[u8], most_bytes: u64) -> Result<Cow<'_, [u8]>, Fault> {
    let Some(layout) = Layout::of(bytes) else {
        return Ok(Cow::Borrowed(bytes));
    };
    let header = FrameHeader::of(bytes, &layout);
    let Some(header) = header.filter(|header| !header.is_progressive()) else {
        return Ok(Cow::Borrowed(bytes));
    };
    if layout.scans().count() < 2 {
        return Ok(Cow::Borrowed(bytes));
    }
    let frame = read::read(bytes, &layout, most_bytes)?.frame;
    let mut file = vec![0xFF, START_OF_IMAGE];
    for segment in &layout.segments {
        if !matches!(segment.marker, START_OF_SCAN | HUFFMAN_TABLES) {
            let content = bytes.get(segment.content.clone()).unwrap_or_default();
            file.extend(write::segment(segment.marker, content)?);
        }
    }
    let count = [header.components.len() as u8];
    let selectors = header
        .components
        .iter()
        .flat_map(|component| [component.id, 0]);
    let selectors: Vec<u8> = selectors.collect();
    file.extend(write::segment(
        START_OF_SCAN,
        &[&count, selectors.as_slice(), &[0, 63, 0]].concat(),
    )?);
    file.extend([0xFF, END_OF_IMAGE]);
    let layout = Layout::of(&file).ok_or(Fault::Nonsense("there is no picture"))?;
    let written = write::write(&file, &layout, &frame, |_, segment| {
        write::segment(
            segment.marker,
            file.get(segment.content.clone()).unwrap_or_default(),
        )
    })?;
    Ok(Cow::Owned(written))
}
