//! The metadata of a BMP file: how it is to be printed (`biXPelsPerMeter`, `biYPelsPerMeter` of its header).

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::{Density, DensityUnit, Metadata};

/// Where the two numbers stand, four bytes each.
const DENSITY_AT: usize = 38;

/// Reads the metadata of a BMP file from its start.
pub(in crate::photo) fn read(reader: &mut impl Read) -> io::Result<Metadata> {
    /// The shortest header that has these fields.
    const INFO_HEADER: u32 = 40;
    let mut head = Vec::new();
    reader.take(DENSITY_AT as u64 + 8).read_to_end(&mut head)?;
    let number = |at: usize| {
        let bytes = head.get(at..at + 4)?;
        bytes.try_into().map(u32::from_le_bytes).ok()
    };
    let per_metre = |at| number(at).filter(|value| *value <= i32::MAX.cast_unsigned());
    let density = match (number(14), per_metre(DENSITY_AT), per_metre(DENSITY_AT + 4)) {
        (Some(INFO_HEADER..), Some(x), Some(y)) => Density::new((x, 1), (y, 1), DensityUnit::Metre),
        _ => None,
    };
    Ok(Metadata {
        density,
        ..Metadata::default()
    })
}

/// Puts the metadata into a finished file that begins at `start`; the writer stays at its end.
pub(in crate::photo) fn write(
    file: &mut (impl Write + Seek),
    start: u64,
    metadata: &Metadata,
) -> io::Result<()> {
    let Some([x, y]) = metadata.density.and_then(Density::per_metre) else {
        return Ok(());
    };
    let end = file.stream_position()?;
    file.seek(SeekFrom::Start(start + DENSITY_AT as u64))?;
    file.write_all(&[x.to_le_bytes(), y.to_le_bytes()].concat())?;
    file.seek(SeekFrom::Start(end))?;
    Ok(())
}
