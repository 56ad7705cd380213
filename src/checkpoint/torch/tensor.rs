//! Tensors as views of storages.

use ndarray::{ArrayD, ArrayView, IxDyn, ShapeBuilder};

use crate::checkpoint::Numbers;

/// A run of numbers in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Storage {
    pub(super) numbers: Numbers,
    pub(super) count: usize,
}

impl Storage {
    /// None if its bytes could not be counted.
    pub(super) fn new(numbers: Numbers, count: usize) -> Option<Self> {
        count.checked_mul(numbers.size())?;
        Some(Self { numbers, count })
    }

    pub(super) fn bytes(self) -> usize {
        self.count * self.numbers.size()
    }
}

/// A view of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor<'a> {
    /// The key of its storage.
    pub(super) storage: &'a str,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
    /// The bytes of its numbers, as the file spells them.
    pub(super) bytes: usize,
}

impl<'a> Tensor<'a> {
    /// More axes than any network here has.
    pub(super) const MAX_RANK: usize = 8;

    /// A view, in elements, which must lie inside its storage.
    pub(super) fn new(
        key: &'a str,
        storage: Storage,
        offset: usize,
        shape: Vec<usize>,
        strides: Vec<usize>,
    ) -> Option<Self> {
        let count = shape
            .iter()
            .try_fold(1, |all: usize, axis| all.checked_mul(*axis))?;
        let bytes = count.checked_mul(storage.numbers.size())?;
        let reach = |reach: usize, (axis, stride): (&usize, &usize)| {
            reach.checked_add(axis.saturating_sub(1).checked_mul(*stride)?)
        };
        let last = shape.iter().zip(&strides).try_fold(offset, reach)?;
        let inside = match count {
            0 => offset <= storage.count,
            _ => last < storage.count,
        };
        (inside && shape.len() == strides.len()).then_some(Self {
            storage: key,
            offset,
            shape,
            strides,
            bytes,
        })
    }

    /// Its elements, from those of its storage. None if the memory of the machine could not hold an
    /// array of this shape.
    pub(super) fn array(&self, storage: &[f32]) -> Option<ArrayD<f32>> {
        let shape = IxDyn(&self.shape);
        if self.bytes == 0 {
            return ArrayD::from_shape_vec(shape, Vec::new()).ok();
        }
        let view = shape.strides(IxDyn(&self.strides));
        let array = ArrayView::from_shape(view, storage.get(self.offset..)?).ok()?;
        Some(array.as_standard_layout().into_owned())
    }
}

/// The numbers in a storage of this type (`FloatStorage`).
pub(super) fn storage_numbers(name: &str) -> Option<Numbers> {
    Some(match name {
        "DoubleStorage" => Numbers::F64,
        "FloatStorage" => Numbers::F32,
        "HalfStorage" => Numbers::F16,
        "BFloat16Storage" => Numbers::Bf16,
        "LongStorage" => Numbers::I64,
        "IntStorage" => Numbers::I32,
        "ShortStorage" => Numbers::I16,
        "CharStorage" => Numbers::I8,
        "ByteStorage" | "BoolStorage" => Numbers::U8,
        _ => return None,
    })
}
