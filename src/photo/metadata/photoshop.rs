//! Photoshop's image resources (`8BIM` blocks) and the IPTC records among them.
//!
//! "Adobe Photoshop File Formats Specification", Image Resources Section; "IPTC-NAA Information Interchange
//! Model", version 4, 1.5 and 1.6. Whatever makes no sense ends the reading, and is carried as it is.

const SIGNATURE: &[u8] = b"8BIM";

mod resource {
    pub const IPTC: u16 = 0x0404;
    /// A digest of the IPTC records.
    pub const IPTC_DIGEST: u16 = 0x0425;
    pub const COPYRIGHT_FLAG: u16 = 0x040A;
    pub const URL: u16 = 0x040B;
    /// Thumbnails of the picture; copies of the EXIF data (with a thumbnail) and of the XMP packet.
    pub const PICTURES: [u16; 5] = [0x0409, 0x040C, 0x0422, 0x0423, 0x0424];
}

/// Data sets of the records 1 (envelope) and 2 (application).
mod data_set {
    pub const CHARACTER_SET: (u8, u8) = (1, 90);
    pub const VERSION: (u8, u8) = (2, 0);
    pub const BY_LINE: (u8, u8) = (2, 80);
    pub const BY_LINE_TITLE: (u8, u8) = (2, 85);
    pub const CREDIT: (u8, u8) = (2, 110);
    pub const COPYRIGHT: (u8, u8) = (2, 116);
    /// Content location code and name, city, sublocation, province, country code and name.
    pub const PLACE: [(u8, u8); 7] = [
        (2, 26),
        (2, 27),
        (2, 90),
        (2, 92),
        (2, 95),
        (2, 100),
        (2, 101),
    ];
}

/// A resource: what it is, and its bytes with header and padding.
struct Resource<'a> {
    id: u16,
    data: &'a [u8],
    whole: &'a [u8],
}

/// The resources of a block, and what follows them and is none.
fn resources(block: &[u8]) -> (Vec<Resource<'_>>, &[u8]) {
    let mut found = Vec::new();
    let mut rest = block;
    while let Some((resource, after)) = split_resource(rest) {
        found.push(resource);
        rest = after;
    }
    (found, rest)
}

fn split_resource(block: &[u8]) -> Option<(Resource<'_>, &[u8])> {
    let rest = block.strip_prefix(SIGNATURE)?;
    let (id, rest) = rest.split_first_chunk()?;
    // A Pascal string, padded to an even length with its length byte.
    let name = (usize::from(*rest.first()?) + 1).next_multiple_of(2);
    let (length, rest) = rest.get(name..)?.split_first_chunk()?;
    let length = u32::from_be_bytes(*length) as usize;
    let data = rest.get(..length)?;
    // The padding of the last may be missing.
    let rest = rest.get(length.next_multiple_of(2)..).unwrap_or_default();
    let whole = block.get(..block.len() - rest.len())?;
    let id = u16::from_be_bytes(*id);
    Some((Resource { id, data, whole }, rest))
}

fn written(id: u16, data: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(data.len()).ok()?;
    let padding: &[u8] = if data.len() % 2 == 1 { &[0] } else { &[] };
    Some(
        [
            SIGNATURE,
            &id.to_be_bytes(),
            &[0, 0],
            &length.to_be_bytes(),
            data,
            padding,
        ]
        .concat(),
    )
}

/// The IPTC records of a block.
pub(in crate::photo) fn iptc(block: &[u8]) -> Option<Vec<u8>> {
    let (resources, _) = resources(block);
    let iptc = resources.iter().find(|it| it.id == resource::IPTC)?;
    (!iptc.data.is_empty()).then(|| iptc.data.to_vec())
}

/// The block with these IPTC records: the same bytes where it has them.
pub(in crate::photo) fn with_iptc(block: &[u8], iptc: Option<&[u8]>) -> Vec<u8> {
    if self::iptc(block).as_deref() == iptc {
        return block.to_vec();
    }
    let (resources, rest) = resources(block);
    let mut changed = Vec::with_capacity(block.len());
    let mut iptc = iptc.and_then(|records| written(resource::IPTC, records));
    for it in resources {
        match it.id {
            resource::IPTC => changed.extend(iptc.take().unwrap_or_default()),
            resource::IPTC_DIGEST => {}
            _ => changed.extend(it.whole),
        }
    }
    changed.extend(iptc.unwrap_or_default());
    changed.extend(rest);
    changed
}

/// Takes pictures of the photo, and copies of what is carried elsewhere, out of a block.
pub(in crate::photo) fn remove_pictures(block: &mut Option<Vec<u8>>) {
    retain(block, |id| !resource::PICTURES.contains(&id), true);
}

/// Leaves nothing of a block but what tells the copyright.
pub(in crate::photo) fn retain_credits(block: &mut Option<Vec<u8>>) {
    let is_kept = |id| matches!(id, resource::COPYRIGHT_FLAG | resource::URL);
    retain(block, is_kept, false);
}

fn retain(block: &mut Option<Vec<u8>>, is_kept: impl Fn(u16) -> bool, keeps_rest: bool) {
    let Some(old) = block.as_deref() else { return };
    let (found, rest) = resources(old);
    let mut kept: Vec<u8> = (found.iter().filter(|it| is_kept(it.id)))
        .flat_map(|it| it.whole.iter().copied())
        .collect();
    if keeps_rest {
        kept.extend(rest);
    }
    *block = (!kept.is_empty()).then_some(kept);
}

/// IPTC records without the place; `None` when nothing else is in them.
pub(in crate::photo) fn iptc_without_place(iptc: &[u8]) -> Option<Vec<u8>> {
    retained(iptc, |it| !data_set::PLACE.contains(&it), true)
}

/// The IPTC records that name author and copyright; `None` when there are none.
pub(in crate::photo) fn iptc_credits(iptc: &[u8]) -> Option<Vec<u8>> {
    let names = [
        data_set::BY_LINE,
        data_set::BY_LINE_TITLE,
        data_set::CREDIT,
        data_set::COPYRIGHT,
    ];
    let frame = [data_set::CHARACTER_SET, data_set::VERSION];
    retained(iptc, |it| names.contains(&it), false)?;
    retained(iptc, |it| names.contains(&it) || frame.contains(&it), false)
}

fn retained(iptc: &[u8], is_kept: impl Fn((u8, u8)) -> bool, keeps_rest: bool) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    let mut rest = iptc;
    while let Some(set) = DataSet::split(rest) {
        if is_kept(set.number) {
            kept.extend(set.whole);
        }
        rest = set.after;
    }
    if keeps_rest {
        kept.extend(rest);
    }
    (!kept.is_empty()).then_some(kept)
}

/// A data set of IPTC records.
struct DataSet<'a> {
    /// Its record and its number there.
    number: (u8, u8),
    whole: &'a [u8],
    /// What follows.
    after: &'a [u8],
}

impl<'a> DataSet<'a> {
    /// The first of some records.
    fn split(iptc: &'a [u8]) -> Option<Self> {
        let [0x1C, record, number, high, low] = *iptc.first_chunk()? else {
            return None;
        };
        let length = u16::from_be_bytes([high, low]);
        let (header, length) = match length & 0x8000 {
            0 => (5, usize::from(length)),
            // The length of the length, for long ones.
            _ => {
                let digits = usize::from(length & 0x7FFF);
                let bytes = iptc.get(5..5 + digits).filter(|_| digits <= 4)?;
                let length = bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (5 + digits, length)
            }
        };
        let (whole, after) = iptc.split_at_checked(header + length)?;
        Some(Self {
            number: (record, number),
            whole,
            after,
        })
    }
}

#[cfg(test)]
#[path = "photoshop_tests.rs"]
pub(in crate::photo) mod tests;
