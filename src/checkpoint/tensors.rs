use std::collections::BTreeMap;

use ndarray::{ArrayD, ArrayView, Dimension, IxDyn};

use super::Error;

/// Named tensors of 32-bit floats, in the order of their names.
///
/// Nested dictionaries are flattened: the name of a tensor is the path of keys to it, joined by dots.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tensors {
    by_name: BTreeMap<String, ArrayD<f32>>,
}

impl Tensors {
    /// No tensors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor; returns the one that had this name before.
    pub fn insert(&mut self, name: impl Into<String>, tensor: ArrayD<f32>) -> Option<ArrayD<f32>> {
        self.by_name.insert(name.into(), tensor)
    }

    /// The tensor of this name, of any shape.
    pub fn get(&self, name: &str) -> Option<&ArrayD<f32>> {
        self.by_name.get(name)
    }

    /// The tensor of this name, which must have the number of axes that `D` has.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] or [`Error::WrongShape`].
    pub fn view<D: Dimension>(&self, name: &str) -> Result<ArrayView<'_, f32, D>, Error> {
        let tensor = self.get(name).ok_or_else(|| Error::MissingTensor {
            name: name.to_owned(),
        })?;
        tensor
            .view()
            .into_dimensionality()
            .map_err(|_| Error::WrongShape {
                name: name.to_owned(),
                found: tensor.shape().to_vec(),
                expected: D::NDIM.map_or_else(|| "any".to_owned(), |axes| format!("{axes} axes")),
            })
    }

    /// Moves the tensor of this name and shape out.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] or, leaving the tensor where it is, [`Error::WrongShape`].
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<ArrayD<f32>, Error> {
        let found = self.get(name).ok_or_else(|| Error::MissingTensor {
            name: name.to_owned(),
        })?;
        if found.shape() != shape {
            return Err(Error::WrongShape {
                name: name.to_owned(),
                found: found.shape().to_vec(),
                expected: format!("{shape:?}"),
            });
        }
        Ok(self
            .by_name
            .remove(name)
            .unwrap_or_else(|| ArrayD::zeros(IxDyn(shape))))
    }

    /// The tensors whose names start with `prefix` and a dot, under the rest of their names.
    pub fn under(&self, prefix: &str) -> Self {
        let shorter = |name: &str| {
            name.strip_prefix(prefix)?
                .strip_prefix('.')
                .map(str::to_owned)
        };
        let by_name = self
            .iter()
            .filter_map(|(name, tensor)| Some((shorter(name)?, tensor.clone())))
            .collect();
        Self { by_name }
    }

    /// Names and tensors, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ArrayD<f32>)> {
        self.by_name
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is no tensor.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

impl FromIterator<(String, ArrayD<f32>)> for Tensors {
    fn from_iter<I: IntoIterator<Item = (String, ArrayD<f32>)>>(tensors: I) -> Self {
        Self {
            by_name: tensors.into_iter().collect(),
        }
    }
}
