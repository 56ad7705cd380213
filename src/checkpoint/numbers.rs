use half::{bf16, f16};

/// How a file stores the numbers of a tensor, always in little-endian order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    F16,
    Bf16,
    F32,
    F64,
    I8,
    U8,
    I16,
    I32,
    I64,
}

impl Numbers {
    /// Bytes of one number.
    pub(super) fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// The nearest 32-bit floats. A last number that is cut short is left out.
    pub(super) fn to_f32(self, bytes: &[u8]) -> Vec<f32> {
        fn each<const N: usize>(bytes: &[u8], to_f32: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|number| to_f32(*number))
                .collect()
        }
        match self {
            Self::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => each(bytes, f32::from_le_bytes),
            Self::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::I8 => each(bytes, |b| i8::from_le_bytes(b).into()),
            Self::U8 => each(bytes, |b| u8::from_le_bytes(b).into()),
            Self::I16 => each(bytes, |b| i16::from_le_bytes(b).into()),
            Self::I32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
            Self::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_means_the_same_number() {
        let minus_two: [(Numbers, &[u8]); 8] = [
            (Numbers::F16, &[0x00, 0xc0]),
            (Numbers::Bf16, &[0x00, 0xc0]),
            (Numbers::F32, &(-2f32).to_le_bytes()),
            (Numbers::F64, &(-2f64).to_le_bytes()),
            (Numbers::I8, &(-2i8).to_le_bytes()),
            (Numbers::I16, &(-2i16).to_le_bytes()),
            (Numbers::I32, &(-2i32).to_le_bytes()),
            (Numbers::I64, &(-2i64).to_le_bytes()),
        ];
        for (numbers, bytes) in minus_two {
            assert_eq!(bytes.len(), numbers.size());
            assert_eq!(numbers.to_f32(bytes), [-2.0], "{numbers:?}");
        }
        assert_eq!(Numbers::U8.to_f32(&[200, 1]), [200.0, 1.0]);
    }
}
