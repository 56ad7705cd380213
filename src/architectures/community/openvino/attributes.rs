//! What a layer says of itself, checked.

use super::Conversion;
use crate::architectures::Error;
use crate::checkpoint::openvino::Constant;

impl Conversion<'_> {
    /// The shape of the only result.
    pub(super) fn result(&self) -> Result<&[usize], Error> {
        match self.layer.results.as_slice() {
            [shape] => Ok(shape),
            results => Err(self.cannot(format!("has {} results instead of one", results.len()))),
        }
    }

    /// An operand that must be a constant of integers.
    pub(super) fn integers(&self, operand: usize) -> Result<Vec<i64>, Error> {
        let source = self
            .layer
            .operands
            .get(operand)
            .and_then(|o| self.model.layers.get(o.layer));
        match source.and_then(|layer| layer.constant.as_ref()) {
            Some(Constant::I64(array)) => Ok(array.iter().copied().collect()),
            _ => Err(self.cannot(format!("needs constant integers as operand {operand}"))),
        }
    }

    /// The index of an axis, which may be counted from the back.
    pub(super) fn axis(&self, axis: i64, rank: usize) -> Result<usize, Error> {
        let from_front = if axis < 0 {
            axis.saturating_add_unsigned(rank as u64)
        } else {
            axis
        };
        (usize::try_from(from_front).ok().filter(|axis| *axis < rank))
            .ok_or_else(|| self.cannot(format!("mentions axis {axis} of {rank}")))
    }

    pub(super) fn pair(&self, attribute: &str) -> Result<[usize; 2], Error> {
        let numbers: Option<Vec<usize>> = self
            .text(attribute)?
            .split(',')
            .map(|number| number.trim().parse().ok())
            .collect();
        numbers
            .and_then(|numbers| numbers.try_into().ok())
            .ok_or_else(|| self.cannot(format!("has an unusable `{attribute}`")))
    }

    pub(super) fn number(&self, attribute: &str) -> Result<i64, Error> {
        let number = self.text(attribute)?.trim().parse();
        number.map_err(|_| self.cannot(format!("has an unusable `{attribute}`")))
    }

    /// A truth value; `false` if it is not given.
    pub(super) fn flag(&self, attribute: &str) -> Result<bool, Error> {
        match self
            .layer
            .attributes
            .get(attribute)
            .map(|text| text.to_ascii_lowercase())
            .as_deref()
        {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(self.cannot(format!("has an unusable `{attribute}`"))),
        }
    }

    pub(super) fn text(&self, attribute: &str) -> Result<&str, Error> {
        let text = self.layer.attributes.get(attribute);
        Ok(text.ok_or_else(|| self.cannot(format!("has no `{attribute}`")))?)
    }

    pub(super) fn cannot(&self, problem: impl Into<String>) -> Error {
        Error::Layer {
            network: self.model.name.clone(),
            layer: self.layer.name.clone(),
            kind: self.layer.kind.clone(),
            problem: problem.into(),
        }
    }
}
