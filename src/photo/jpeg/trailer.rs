//! What lies behind the picture of a JPEG file: further pictures (CIPA DC-007, "Multi-Picture Format": gain maps
//! of HDR photos, previews), the video of a motion photo, what the camera's maker put there.
//!
//! All of it goes behind the changed picture byte for byte, since whoever wrote it finds it from the end of the file
//! or by its length; only the multi-picture directory counts from the front, and is brought up to
//! date. Previews of the whole picture are left out: they would go on showing the old one.

use std::ops::Range;

use super::marker::{APP2, Layout, MULTI_PICTURE, START_OF_IMAGE};
use crate::photo::exif::tiff;

/// What is behind a picture, in words that its owner knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Extra {
    /// A picture that tells HDR screens how much brighter each part is.
    #[error("a gain map for HDR screens")]
    GainMap,
    /// The video of a motion photo.
    #[error("the video of a motion photo")]
    Video,
    /// Further pictures, such as a depth map.
    #[error("further pictures (depth, another exposure)")]
    Pictures,
    /// Bytes that nobody knows.
    #[error("data of an unknown kind behind the picture")]
    Unknown,
}

impl Extra {
    /// What becomes of it in a JPEG file in the quality of the source, in words.
    pub fn stays(self) -> &'static str {
        match self {
            Self::GainMap => {
                "a JPEG file in the quality of the source keeps it, levelled where the photo changes (look at the result on such a screen)"
            }
            Self::Video | Self::Pictures | Self::Unknown => {
                "it stays as it is in a JPEG file in the quality of the source"
            }
        }
    }
}

/// What is behind the picture.
pub fn extras(bytes: &[u8]) -> Vec<Extra> {
    let Some(layout) = Layout::of(bytes) else {
        return Vec::new();
    };
    let trailer = bytes.get(layout.end..).unwrap_or_default();
    // Some programs fill up.
    if trailer
        .iter()
        .all(|byte| matches!(byte, 0 | 0xFF | b'\r' | b'\n'))
    {
        return Vec::new();
    }
    let directory = Directory::find(bytes, &layout);
    let entries = directory.map_or_else(Vec::new, |directory| directory.entries(bytes));
    let previews = entries.iter().filter(|entry| entry.is_preview()).count();
    let others = entries.len().saturating_sub(previews + 1);
    let has = |text: &[u8]| {
        let mut contents = layout
            .segments
            .iter()
            .map(|segment| segment.content.clone());
        contents.any(|content| contains(bytes.get(content).unwrap_or_default(), text))
    };
    let has_map = is_of_gain_map(trailer);
    let has_video = contains(trailer, b"ftyp") && contains(trailer, b"moov")
        || has(b"MicroVideo=\"1\"")
        || has(b"MotionPhoto=\"1\"");
    let mut extras = Vec::new();
    extras.extend(has_map.then_some(Extra::GainMap));
    extras.extend(has_video.then_some(Extra::Video));
    extras.extend((others > usize::from(has_map)).then_some(Extra::Pictures));
    if extras.is_empty() && previews == 0 {
        extras.push(Extra::Unknown);
    }
    extras
}

/// Adobe's and Google's, ISO's, Apple's.
fn is_of_gain_map(bytes: &[u8]) -> bool {
    contains(bytes, b"ns.adobe.com/hdr-gain-map/1.0/")
        || contains(bytes, b"urn:iso:std:iso:ts:21496:-1")
        || contains(bytes, b"HDRGainMap")
}

/// Where the gain map lies in the file: where the directory of pictures says, or the first picture behind the
/// main one that is a map.
pub fn gain_map(bytes: &[u8]) -> Option<Range<usize>> {
    /// More pictures than any photo has.
    const MOST_PICTURES: usize = 16;
    let layout = Layout::of(bytes)?;
    let is_map = |range: &Range<usize>| {
        range.start >= layout.end && bytes.get(range.clone()).is_some_and(is_of_gain_map)
    };
    let directory = Directory::find(bytes, &layout);
    let entries = directory
        .as_ref()
        .map_or_else(Vec::new, |it| it.entries(bytes));
    let base = directory.map_or(0, |directory| directory.block.start);
    let listed = entries
        .iter()
        .filter(|entry| entry.offset != 0 && !entry.is_preview());
    let listed = listed.take(MOST_PICTURES).find_map(|entry| {
        let start = base.saturating_add(entry.offset as usize);
        Some(start..start.saturating_add(entry.size as usize)).filter(is_map)
    });
    listed.or_else(|| {
        let trailer = bytes.get(layout.end..)?;
        let starts = trailer.windows(3).enumerate();
        let starts = starts.filter(|(_, start)| *start == [0xFF, START_OF_IMAGE, 0xFF]);
        let mut pictures = starts.take(MOST_PICTURES).filter_map(|(at, _)| {
            let start = layout.end + at;
            Some(start..start + Layout::of(bytes.get(start..)?)?.end)
        });
        pictures.find(is_map)
    })
}

/// The file with other bytes in the place of a picture behind the main one; its directory of pictures is
/// brought up to date.
pub fn replaced(bytes: &[u8], picture: &Range<usize>, with: &[u8]) -> Vec<u8> {
    let before = bytes.get(..picture.start).unwrap_or_default();
    let behind = bytes.get(picture.end..).unwrap_or_default();
    let mut file = [before, with, behind].concat();
    let layout = Layout::of(&file);
    let directory = layout.and_then(|layout| Directory::find(&file, &layout));
    let Some(directory) = directory else {
        return file;
    };
    let mut entries = directory.entries(&file);
    for entry in entries.iter_mut().filter(|entry| entry.offset != 0) {
        let start = directory.block.start.saturating_add(entry.offset as usize);
        if start == picture.start {
            entry.size = with.len() as u32;
        } else if start >= picture.end {
            let moved = entry.offset as usize + with.len();
            entry.offset = moved.saturating_sub(picture.len()) as u32;
        }
    }
    directory.write(&mut file, &entries);
    file
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}

/// Appends to the finished picture `file` what is behind that of `source`, and brings the directory of
/// pictures in `file` up to date. To be called when all segments of `file` are in place.
pub fn append(file: &mut Vec<u8>, source: &[u8]) {
    let (Some(old), Some(new)) = (Layout::of(source), Layout::of(file)) else {
        return;
    };
    file.truncate(new.end);
    let old_directory = Directory::find(source, &old);
    let entries = old_directory
        .as_ref()
        .map_or_else(Vec::new, |it| it.entries(source));
    let base = old_directory.map_or(0, |directory| directory.block.start);
    let in_source = |entry: &Entry| {
        let start = base.saturating_add(entry.offset as usize);
        start..start.saturating_add(entry.size as usize)
    };
    let is_behind = |range: &Range<usize>| range.start >= old.end && range.end <= source.len();
    let cuts: Vec<_> = (entries.iter().filter(|entry| entry.is_preview()))
        .map(in_source)
        .filter(is_behind)
        .collect();
    let place = |at: usize| {
        let before = cuts.iter().filter(|cut| cut.end <= at);
        new.end + at - old.end - before.map(|cut| cut.len()).sum::<usize>()
    };
    let mut at = old.end;
    let mut sorted = cuts.clone();
    sorted.sort_by_key(|cut| cut.start);
    for cut in sorted
        .into_iter()
        .chain(std::iter::once(source.len()..source.len()))
    {
        file.extend(source.get(at..cut.start).unwrap_or_default());
        at = at.max(cut.end);
    }
    let Some(directory) = Directory::find(file, &new) else {
        return;
    };
    let mut kept = Vec::new();
    for entry in entries {
        let range = in_source(&entry);
        if entry.offset == 0 {
            let size = (new.end + entry.size as usize).saturating_sub(old.end);
            kept.push(Entry {
                size: size as u32,
                ..entry
            });
        } else if !is_behind(&range) {
            kept.push(entry);
        } else if !cuts.contains(&range) {
            let offset = place(range.start).saturating_sub(directory.block.start);
            kept.push(Entry {
                offset: offset as u32,
                ..entry
            });
        }
    }
    if !cuts.is_empty() {
        // Pictures refer to each other by their places in the list.
        kept.iter_mut().for_each(|entry| entry.dependent = 0);
    }
    directory.write(file, &kept);
}

/// The directory of pictures, which is a small TIFF file.
struct Directory {
    /// Where it lies in the file. Positions count from its start.
    block: Range<usize>,
    order: tiff::Order,
    /// How many pictures there are.
    count: Option<tiff::Entry>,
    list: tiff::Entry,
}

/// A picture in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    attributes: u32,
    size: u32,
    offset: u32,
    dependent: u32,
}

const ENTRY_BYTES: usize = 16;

impl Entry {
    /// "Large thumbnail" (DC-007, 5.2.3.3).
    fn is_preview(&self) -> bool {
        self.offset != 0 && matches!(self.attributes & 0xFF_FFFF, 0x01_0001..=0x01_0005)
    }
}

impl Directory {
    fn find(bytes: &[u8], layout: &Layout) -> Option<Self> {
        const NUMBER_OF_IMAGES: usize = 0xB001;
        const ENTRIES: usize = 0xB002;
        let segment = layout.segments.iter().find(|segment| {
            let content = bytes.get(segment.content.clone()).unwrap_or_default();
            segment.marker == APP2 && content.starts_with(MULTI_PICTURE)
        })?;
        let block = segment.content.start + MULTI_PICTURE.len()..segment.content.end;
        let content = bytes.get(block.clone())?;
        let directory = tiff::Directory::first(content)?;
        let entries = directory.entries(content);
        let entry = |tag: usize| entries.iter().find(|entry| entry.tag == tag).cloned();
        Some(Self {
            block,
            order: directory.order,
            count: entry(NUMBER_OF_IMAGES),
            list: entry(ENTRIES)?,
        })
    }

    fn entries(&self, bytes: &[u8]) -> Vec<Entry> {
        let block = bytes.get(self.block.clone()).unwrap_or_default();
        let list = block.get(self.list.value()).unwrap_or_default();
        let entry = |entry: &[u8; ENTRY_BYTES]| {
            let number = |at: usize| u32::try_from(self.order.number(entry, at, 4)?).ok();
            Some(Entry {
                attributes: number(0)?,
                size: number(4)?,
                offset: number(8)?,
                dependent: number(12)?,
            })
        };
        let (entries, _) = list.as_chunks();
        entries.iter().filter_map(entry).collect()
    }

    /// Writes entries, of which there are no more than before.
    fn write(&self, bytes: &mut [u8], entries: &[Entry]) {
        let block = bytes.get_mut(self.block.clone()).unwrap_or_default();
        let list = block.get_mut(self.list.value()).unwrap_or_default();
        list.fill(0);
        let (places, _) = list.as_chunks_mut::<ENTRY_BYTES>();
        let is_shorter = entries.len() < places.len();
        for (place, entry) in places.iter_mut().zip(entries) {
            let numbers = [entry.attributes, entry.size, entry.offset, entry.dependent];
            for (number, at) in numbers.into_iter().zip([0, 4, 8, 12]) {
                self.order.set_number(place, at, 4, number);
            }
        }
        if is_shorter {
            self.list.shorten(block, entries.len() * ENTRY_BYTES);
            if let (Some(count), Ok(number)) = (&self.count, u32::try_from(entries.len())) {
                count.set(block, number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Kind};
    use super::super::write;
    use super::*;

    fn with_pictures(pictures: &[(u32, &[u8])], rest: &[u8], is_little: bool) -> Vec<u8> {
        fixture::with_pictures(&Kind::USUAL.file(), pictures, rest, is_little)
    }

    /// The pictures that the directory of a file leads to.
    fn pictures(bytes: &[u8]) -> Vec<&[u8]> {
        let directory = Directory::find(bytes, &Layout::of(bytes).unwrap()).unwrap();
        let entries = directory.entries(bytes);
        let picture = |entry: &Entry| {
            let start = match entry.offset {
                0 => 0,
                offset => directory.block.start + offset as usize,
            };
            &bytes[start..start + entry.size as usize]
        };
        entries.iter().map(picture).collect()
    }

    #[test]
    fn pictures_behind_are_found_again_when_the_picture_grows_or_shrinks() {
        let map = b"\xFF\xD8http://ns.adobe.com/hdr-gain-map/1.0/\xFF\xD9".as_slice();
        let depth = b"\xFF\xD8 depth \xFF\xD9".as_slice();
        for is_little in [true, false] {
            let source = with_pictures(&[(0, map), (0, depth)], b"maker's own", is_little);
            assert_eq!(extras(&source), [Extra::GainMap, Extra::Pictures]);
            let end = Layout::of(&source).unwrap().end;
            assert_eq!(pictures(&source), [&source[..end], map, depth]);
            let comment = write::segment(0xFE, &[7; 99]).unwrap();
            let mut longer = [&source[..2], &comment, &source[2..end]].concat();
            let length = longer.len();
            append(&mut longer, &source);
            assert_eq!(pictures(&longer), [&longer[..length], map, depth]);
            assert!(longer.ends_with(b"maker's own"));
            // And back.
            let mut shorter = source[..end].to_vec();
            append(&mut shorter, &longer);
            assert_eq!(shorter, source);
        }
    }

    #[test]
    fn previews_of_the_old_picture_are_left_out() {
        let (map, preview) = (
            b"\xFF\xD8map\xFF\xD9".as_slice(),
            b"\xFF\xD8old\xFF\xD9".as_slice(),
        );
        let source = with_pictures(&[(0x01_0002, preview), (0, map)], b"", true);
        let mut file = source[..Layout::of(&source).unwrap().end].to_vec();
        append(&mut file, &source);
        assert_eq!(pictures(&file)[1..], [map]);
        assert!(!contains(&file, b"old"));
    }

    #[test]
    fn videos_and_unknown_bytes_are_kept_and_fillings_are_nothing() {
        let picture = Kind::USUAL.file();
        let video = b"\0\0\0\x18ftypmp42 moov".as_slice();
        for (rest, expected) in [
            (video, vec![Extra::Video]),
            (b"SEFH what Samsung writes SEFT", vec![Extra::Unknown]),
            (b"\0\0\0\0", Vec::new()),
            (b"", Vec::new()),
        ] {
            let source = [picture.as_slice(), rest].concat();
            assert_eq!(extras(&source), expected);
            let mut file = picture.clone();
            append(&mut file, &source);
            assert_eq!(file, source);
        }
    }

    #[test]
    fn directories_that_make_no_sense_change_nothing() {
        let source = with_pictures(&[(0, b"\xFF\xD8x\xFF\xD9")], b"", true);
        let end = Layout::of(&source).unwrap().end;
        for at in 2..100 {
            let mut broken = source.clone();
            broken[at] ^= 0xFF;
            let mut file = source[..end].to_vec();
            append(&mut file, &broken);
        }
    }
}
