//! Nodes of constants become constants.

use super::super::build::Value;
use super::super::evaluate::evaluate;
use super::super::infer::infer;
use super::super::operator::Op;
use super::super::tensor::Tensor;
use super::rewriter::Rewriter;

/// A constant result up to this many elements may be larger than its operands; otherwise the file would grow.
const MAX_GROWN: usize = 1 << 16;

impl Rewriter<'_> {
    /// The results as constants if all operands are constants and the results are not much larger.
    pub(super) fn fold(&mut self, op: &Op, inputs: &[Value]) -> Option<Vec<Value>> {
        let operands: Vec<&Tensor> = inputs
            .iter()
            .map(|&input| self.new.constant_tensor(input))
            .collect::<Option<_>>()?;
        let types: Vec<_> = inputs
            .iter()
            .map(|&input| self.new.tensor_type(input))
            .collect();
        let elements: usize = operands.iter().map(|tensor| tensor.len()).sum();
        let results = infer(op, &types).ok()?;
        let result_elements: usize = results
            .iter()
            .map(|result| result.shape.iter().product::<usize>())
            .sum();
        if result_elements > elements.max(MAX_GROWN) {
            return None;
        }
        let name = inputs
            .first()
            .map_or_else(|| "folded".to_owned(), |&input| self.constant_name(input));
        let tensors = evaluate(op, &operands)?;
        Some(
            tensors
                .into_iter()
                .map(|tensor| self.constant(&name, tensor))
                .collect(),
        )
    }

    pub(super) fn constant_name(&self, value: Value) -> String {
        match self.new.source(value) {
            super::super::build::Source::Constant(name, _) => name.clone(),
            _ => "folded".to_owned(),
        }
    }
}
