use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ndarray::ArrayD;

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

    /// Moves the tensor of this name and shape out.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] or, leaving the tensor where it is, [`Error::WrongShape`].
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<ArrayD<f32>, Error> {
        match self.by_name.entry(name.to_owned()) {
            Entry::Vacant(_) => Err(Error::MissingTensor {
                name: name.to_owned(),
            }),
            Entry::Occupied(entry) if entry.get().shape() != shape => Err(Error::WrongShape {
                name: name.to_owned(),
                found: entry.get().shape().to_vec(),
                expected: format!("{shape:?}"),
            }),
            Entry::Occupied(entry) => Ok(entry.remove()),
        }
    }

    /// Whether any name starts with `prefix` and a dot.
    pub fn has_under(&self, prefix: &str) -> bool {
        let first = format!("{prefix}.");
        let at_or_after = self.by_name.range(first.clone()..).next();
        at_or_after.is_some_and(|(name, _)| name.starts_with(&first))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors() -> Tensors {
        let named = [("a.w", vec![2, 3]), ("a-b.w", vec![1]), ("b", vec![4])];
        named
            .into_iter()
            .map(|(name, shape)| (name.to_owned(), ArrayD::zeros(shape)))
            .collect()
    }

    #[test]
    fn taking_needs_the_right_shape_and_happens_once() {
        let mut tensors = tensors();
        let message = tensors.take("a.w", &[3, 2]).unwrap_err().to_string();
        assert!(
            message.contains("a.w") && message.contains("[2, 3]") && message.contains("[3, 2]"),
            "{message}"
        );
        assert_eq!(tensors.take("a.w", &[2, 3]).unwrap().len(), 6);
        assert!(matches!(
            tensors.take("a.w", &[2, 3]),
            Err(Error::MissingTensor { .. })
        ));
        assert_eq!(tensors.len(), 2);
    }

    #[test]
    fn a_prefix_ends_at_a_dot() {
        let tensors = tensors();
        assert!(tensors.has_under("a") && tensors.has_under("a-b"));
        assert!(!tensors.has_under("b") && !tensors.has_under("a.w") && !tensors.has_under("c"));
    }
}
