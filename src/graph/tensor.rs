//! Constant tensors and their types.

use std::fmt;

use ndarray::{ArcArray, ArrayD, Dimension, IxDyn};

/// The element types that networks of this program use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// 32-bit floating point.
    F32,
    /// 64-bit signed integer: indices and shapes.
    I64,
    /// Truth value: results of comparisons.
    Bool,
}

impl fmt::Display for DataType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::F32 => "f32",
            Self::I64 => "i64",
            Self::Bool => "bool",
        })
    }
}

/// The element type and the shape of a value. Both are known when the graph is built.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// Type of one element.
    pub data_type: DataType,
    /// Extent of every axis; empty for a scalar.
    pub shape: Vec<usize>,
}

impl TensorType {
    /// The type of an `f32` tensor.
    pub fn f32(shape: impl Into<Vec<usize>>) -> Self {
        Self {
            data_type: DataType::F32,
            shape: shape.into(),
        }
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{:?}", self.data_type, self.shape)
    }
}

/// A constant array whose elements are shared: cloning it, or a graph full of them, copies no
/// elements.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// 32-bit floating point elements.
    F32(ArcArray<f32, IxDyn>),
    /// 64-bit integer elements.
    I64(ArcArray<i64, IxDyn>),
    /// Truth values.
    Bool(ArcArray<bool, IxDyn>),
}

impl Tensor {
    /// Type of one element.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::F32(_) => DataType::F32,
            Self::I64(_) => DataType::I64,
            Self::Bool(_) => DataType::Bool,
        }
    }

    /// Extent of every axis; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::F32(array) => array.shape(),
            Self::I64(array) => array.shape(),
            Self::Bool(array) => array.shape(),
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element type and shape.
    pub fn tensor_type(&self) -> TensorType {
        TensorType {
            data_type: self.data_type(),
            shape: self.shape().to_vec(),
        }
    }

    /// The elements, when they are `f32`.
    pub fn as_f32(&self) -> Option<&ArcArray<f32, IxDyn>> {
        match self {
            Self::F32(array) => Some(array),
            _ => None,
        }
    }

    /// The elements, when they are `i64`.
    pub fn as_i64(&self) -> Option<&ArcArray<i64, IxDyn>> {
        match self {
            Self::I64(array) => Some(array),
            _ => None,
        }
    }
}

macro_rules! tensor_from_array {
    ($element:ty, $variant:ident) => {
        impl<D: Dimension> From<ndarray::Array<$element, D>> for Tensor {
            fn from(array: ndarray::Array<$element, D>) -> Self {
                // Standard layout, so that writers and readers may treat the elements as one slice.
                let array: ArrayD<$element> = array.into_dyn();
                let array = if array.is_standard_layout() {
                    array
                } else {
                    array.as_standard_layout().into_owned()
                };
                Self::$variant(array.into_shared())
            }
        }
    };
}

tensor_from_array!(f32, F32);
tensor_from_array!(i64, I64);
tensor_from_array!(bool, Bool);

impl From<f32> for Tensor {
    /// A scalar, shape `[]`.
    fn from(number: f32) -> Self {
        ndarray::arr0(number).into()
    }
}
