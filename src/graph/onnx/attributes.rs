//! The attributes of a node in an ONNX file, by name and kind.

use super::super::error::Error;
use super::proto::{AttributeProto, NodeProto, TensorProto, attribute_type};
use super::refuse;

/// The most attributes of a node; no operator has half as many.
const MAX_ATTRIBUTES: usize = 32;

/// Attributes of one node. What is not taken out before [`Attributes::finish`] is unknown, and
/// refused.
pub(super) struct Attributes<'file> {
    node: String,
    rest: Vec<&'file AttributeProto>,
}

impl<'file> Attributes<'file> {
    pub(super) fn new(node: &'file NodeProto, label: &str) -> Result<Self, Error> {
        if node.attribute.len() > MAX_ATTRIBUTES {
            return refuse(format!(
                "{label} has {} attributes; at most {MAX_ATTRIBUTES} are supported",
                node.attribute.len()
            ));
        }
        let rest: Vec<_> = node.attribute.iter().collect();
        for (index, attribute) in rest.iter().enumerate() {
            if rest
                .iter()
                .take(index)
                .any(|earlier| earlier.name == attribute.name)
            {
                return refuse(format!("{label} has two attributes {:?}", attribute.name));
            }
            if !attribute.ref_attr_name.is_empty() {
                return refuse(format!(
                    "{label} refers to an attribute of a function, which is not supported"
                ));
            }
        }
        Ok(Self {
            node: label.to_owned(),
            rest,
        })
    }

    fn take(&mut self, name: &str, kind: i32) -> Result<Option<&'file AttributeProto>, Error> {
        let Some(index) = self
            .rest
            .iter()
            .position(|attribute| attribute.name == name)
        else {
            return Ok(None);
        };
        let attribute = self.rest.swap_remove(index);
        if attribute.r#type != kind {
            return refuse(format!(
                "attribute {name:?} of {} has a kind it should not have ({})",
                self.node, attribute.r#type
            ));
        }
        Ok(Some(attribute))
    }

    pub(super) fn integer(&mut self, name: &str, default: i64) -> Result<i64, Error> {
        Ok(self
            .take(name, attribute_type::INT)?
            .map_or(default, |attribute| attribute.i))
    }

    pub(super) fn flag(&mut self, name: &str, default: bool) -> Result<bool, Error> {
        Ok(self.integer(name, i64::from(default))? != 0)
    }

    pub(super) fn number(&mut self, name: &str, default: f32) -> Result<f32, Error> {
        Ok(self
            .take(name, attribute_type::FLOAT)?
            .map_or(default, |attribute| attribute.f))
    }

    pub(super) fn integers(&mut self, name: &str) -> Result<Option<&'file [i64]>, Error> {
        Ok(self
            .take(name, attribute_type::INTS)?
            .map(|attribute| attribute.ints.as_slice()))
    }

    pub(super) fn tensor(&mut self, name: &str) -> Result<Option<&'file TensorProto>, Error> {
        Ok(self
            .take(name, attribute_type::TENSOR)?
            .and_then(|attribute| attribute.t.as_ref()))
    }

    /// A word, which must be one of those given; the first is the default.
    pub(super) fn word(
        &mut self,
        name: &str,
        known: &[&'static str],
    ) -> Result<&'static str, Error> {
        let word = match self.take(name, attribute_type::STRING)? {
            Some(attribute) => String::from_utf8_lossy(&attribute.s).into_owned(),
            None => known.first().copied().unwrap_or_default().to_owned(),
        };
        match known.iter().find(|&&candidate| candidate == word) {
            Some(found) => Ok(found),
            None => refuse(format!(
                "{} has {name} {word:?}; supported are {known:?}",
                self.node
            )),
        }
    }

    /// A list of exactly `N` numbers that are not negative.
    pub(super) fn extents<const N: usize>(
        &mut self,
        name: &str,
        default: [usize; N],
    ) -> Result<[usize; N], Error> {
        let Some(integers) = self.integers(name)? else {
            return Ok(default);
        };
        let extents: Option<Vec<usize>> = integers
            .iter()
            .map(|&number| usize::try_from(number).ok())
            .collect();
        match extents.and_then(|extents| extents.try_into().ok()) {
            Some(extents) => Ok(extents),
            None => refuse(format!(
                "{} has {name} {integers:?}; {N} numbers from 0 up are needed",
                self.node
            )),
        }
    }

    /// A number from 0 up.
    pub(super) fn extent(&mut self, name: &str, default: usize) -> Result<usize, Error> {
        match self.take(name, attribute_type::INT)? {
            None => Ok(default),
            Some(attribute) => match usize::try_from(attribute.i) {
                Ok(extent) => Ok(extent),
                Err(_) => refuse(format!(
                    "{} has {name} {}; it must not be negative",
                    self.node, attribute.i
                )),
            },
        }
    }

    /// Refuses what nobody asked for: ignoring it would compute something else than the file says.
    pub(super) fn finish(self) -> Result<(), Error> {
        match self.rest.first() {
            None => Ok(()),
            Some(attribute) => refuse(format!(
                "attribute {:?} of {} is not supported",
                attribute.name, self.node
            )),
        }
    }
}
