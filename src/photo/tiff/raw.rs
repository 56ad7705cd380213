//! Samples as a file has them.

/// Samples in the depth of the file; those of less than eight bits in bytes.
pub(super) enum Raw {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
    Floats(Vec<f32>),
}

impl Raw {
    /// Samples of less than eight bits, which lie close together in each row.
    pub fn unpacked(packed: &[u8], stride: usize, per_row: usize, bits: u32) -> Self {
        let mask = (1u8 << bits) - 1;
        let in_byte = (8 / bits) as usize;
        let row = |row: &[u8]| -> Vec<u8> {
            (row.iter().flat_map(|byte| {
                (1..=in_byte as u32).map(move |index| byte >> (8 - index * bits) & mask)
            }))
            .take(per_row)
            .collect()
        };
        Self::Bytes(packed.chunks(stride.max(1)).flat_map(row).collect())
    }

    /// The first `length` samples of each of the first `rows` rows, which have `stride` each.
    pub fn cropped(self, stride: usize, length: usize, rows: usize) -> Self {
        fn cropped<T: Copy>(samples: &[T], stride: usize, length: usize, rows: usize) -> Vec<T> {
            let rows = samples.chunks_exact(stride.max(1)).take(rows);
            rows.flat_map(|row| row.iter().take(length))
                .copied()
                .collect()
        }
        match self {
            Self::Bytes(samples) => Self::Bytes(cropped(&samples, stride, length, rows)),
            Self::Words(samples) => Self::Words(cropped(&samples, stride, length, rows)),
            Self::Floats(samples) => Self::Floats(cropped(&samples, stride, length, rows)),
        }
    }

    /// Planes of `plane` samples, one a channel, as pixels.
    pub fn interleaved(self, planes: usize, plane: usize) -> Self {
        fn woven<T: Copy + Default>(samples: &[T], planes: usize, plane: usize) -> Vec<T> {
            let mut woven = vec![T::default(); planes * plane];
            for (index, channel) in samples.chunks(plane.max(1)).take(planes).enumerate() {
                let places = woven.iter_mut().skip(index).step_by(planes);
                places
                    .zip(channel)
                    .for_each(|(place, sample)| *place = *sample);
            }
            woven
        }
        match self {
            Self::Bytes(samples) => Self::Bytes(woven(&samples, planes, plane)),
            Self::Words(samples) => Self::Words(woven(&samples, planes, plane)),
            Self::Floats(samples) => Self::Floats(woven(&samples, planes, plane)),
        }
    }
}
