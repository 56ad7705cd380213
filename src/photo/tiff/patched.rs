//! A file that reads as if some of its bytes were others, for decoders that take a file as it is.

use std::io::{self, Read, Seek, SeekFrom};

/// A file in which some bytes read differently.
pub(super) struct Patched<R> {
    reader: R,
    position: u64,
    patches: Vec<(u64, Vec<u8>)>,
}

impl<R> Patched<R> {
    /// The file, and where which bytes read as others.
    pub(super) fn new(reader: R, patches: Vec<(u64, Vec<u8>)>) -> Self {
        Self {
            reader,
            // The first thing that a decoder does is to seek to the start.
            position: u64::MAX,
            patches,
        }
    }
}

impl<R: Read + Seek> Read for Patched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position == u64::MAX {
            self.seek(SeekFrom::Start(0))?;
        }
        let count = self.reader.read(buffer)?;
        let start = self.position;
        self.position += count as u64;
        for (at, bytes) in &self.patches {
            if *at >= self.position || at + bytes.len() as u64 <= start {
                continue;
            }
            for (place, byte) in (*at..).zip(bytes) {
                let index = place.checked_sub(start).map(|index| index as usize);
                let index = index.filter(|&index| index < count);
                if let Some(target) = index.and_then(|index| buffer.get_mut(index)) {
                    *target = *byte;
                }
            }
        }
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for Patched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.reader.seek(to)?;
        Ok(self.position)
    }
}
