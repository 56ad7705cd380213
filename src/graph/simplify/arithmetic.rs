//! Arithmetic: neutral elements, chains of constants, cheaper forms of the same function.

use super::super::build::Value;
use super::super::error::Error;
use super::super::infer::broadcast;
use super::super::operator::{Binary, Op, Unary};
use super::rewriter::Rewriter;

impl Rewriter<'_> {
    /// A simpler form of an elementwise node.
    pub(super) fn computed(
        &mut self,
        op: &Op,
        inputs: &[Value],
        only_use: &[bool],
    ) -> Result<Option<Value>, Error> {
        match (op, inputs) {
            (Op::Unary(Unary::Identity), &[x]) => Ok(Some(x)),
            (Op::Unary(Unary::Neg), &[x]) => Ok(self.operand_of(x, &Op::Unary(Unary::Neg))),
            (Op::Cast { to }, &[x]) if self.new.data_type(x) == *to => Ok(Some(x)),
            (Op::PRelu, &[x, slope]) => match self.uniform(slope) {
                // An order of magnitude faster in ONNX Runtime, and it can be fused into a convolution.
                Some(alpha) => self
                    .push_one(Op::Unary(Unary::LeakyRelu { alpha }), &[x])
                    .map(Some),
                None => Ok(None),
            },
            (Op::Binary(binary), &[a, b]) => {
                if let Some(same) = self.neutral(*binary, a, b) {
                    return Ok(Some(same));
                }
                if let Some(result) = self.delayed_expand(op, *binary, a, b)? {
                    return Ok(Some(result));
                }
                match binary {
                    Binary::Pow => self.power(a, b),
                    Binary::Add | Binary::Mul => self.chain(*binary, [a, b], only_use),
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    /// The operand of the node that yields a value, if that node has the given operator.
    fn operand_of(&self, value: Value, op: &Op) -> Option<Value> {
        let node = self.new.producer(value).filter(|node| node.op == *op)?;
        node.inputs.first().copied()
    }

    /// The number that all elements of a constant are equal to.
    fn uniform(&self, value: Value) -> Option<f32> {
        let array = self.f32_constant(value)?;
        let first = *array.iter().next()?;
        array
            .iter()
            .all(|&element| element == first)
            .then_some(first)
    }

    /// The other operand, if one changes nothing: x + 0, x − 0, x · 1, x / 1, x¹.
    fn neutral(&self, binary: Binary, a: Value, b: Value) -> Option<Value> {
        let keeps = |kept: Value, other: Value, number: f32| {
            let full = broadcast(self.new.shape(kept), self.new.shape(other)).ok()?;
            (self.uniform(other) == Some(number) && full == self.new.shape(kept)).then_some(kept)
        };
        match binary {
            Binary::Add => keeps(a, b, 0.0).or_else(|| keeps(b, a, 0.0)),
            Binary::Sub => keeps(a, b, 0.0),
            Binary::Mul => keeps(a, b, 1.0).or_else(|| keeps(b, a, 1.0)),
            Binary::Div | Binary::Pow => keeps(a, b, 1.0),
            Binary::Max | Binary::Min => None,
        }
    }

    /// An operand that was expanded only to fit the other one is broadcast anyway; and what is done to an expanded value
    /// and a number can be done before it is expanded.
    fn delayed_expand(
        &mut self,
        op: &Op,
        binary: Binary,
        a: Value,
        b: Value,
    ) -> Result<Option<Value>, Error> {
        let shape = broadcast(self.new.shape(a), self.new.shape(b)).unwrap_or_default();
        let before = |rewriter: &Self, value: Value| {
            let node = rewriter
                .new
                .producer(value)
                .filter(|node| matches!(node.op, Op::Expand { .. }))?;
            node.inputs.first().copied()
        };
        let (small_a, small_b) = (before(self, a).unwrap_or(a), before(self, b).unwrap_or(b));
        if (small_a, small_b) == (a, b) {
            return Ok(None);
        }
        for [x, y] in [[small_a, small_b], [small_a, b], [a, small_b]] {
            if [x, y] != [a, b]
                && broadcast(self.new.shape(x), self.new.shape(y)).as_ref() == Ok(&shape)
            {
                return self.push_one(op.clone(), &[x, y]).map(Some);
            }
        }
        let small = self.push_one(Op::Binary(binary), &[small_a, small_b])?;
        self.push_one(Op::Expand { shape }, &[small]).map(Some)
    }

    fn power(&mut self, base: Value, exponent: Value) -> Result<Option<Value>, Error> {
        if self.new.shape(exponent).len() > self.new.shape(base).len() {
            return Ok(None);
        }
        match self.uniform(exponent) {
            Some(2.0) => self
                .push_one(Op::Binary(Binary::Mul), &[base, base])
                .map(Some),
            Some(0.5) => self.push_one(Op::Unary(Unary::Sqrt), &[base]).map(Some),
            _ => Ok(None),
        }
    }

    /// `(x + c) + d` with constants `c`, `d`: `x + (c + d)` if the sum is no larger than both, else `(x + d) + c` with the
    /// smaller constant first, where a convolution may take it up. The same for products.
    fn chain(
        &mut self,
        binary: Binary,
        operands: [Value; 2],
        only_use: &[bool],
    ) -> Result<Option<Value>, Error> {
        let is_constant = |rewriter: &Self, value: Value| rewriter.f32_constant(value).is_some();
        let (inner, outer, used_once) = match (operands, only_use) {
            ([a, b], &[once, _]) if is_constant(self, b) => (a, b, once),
            ([a, b], &[_, once]) if is_constant(self, a) => (b, a, once),
            _ => return Ok(None),
        };
        let inner_operands = match self.new.producer(inner) {
            Some(node) if used_once && node.op == Op::Binary(binary) => node.inputs.clone(),
            _ => return Ok(None),
        };
        let (x, constant) = match inner_operands[..] {
            [x, c] if is_constant(self, c) => (x, c),
            [c, x] if is_constant(self, c) => (x, c),
            _ => return Ok(None),
        };
        let elements =
            |rewriter: &Self, value: Value| rewriter.new.shape(value).iter().product::<usize>();
        let (first, second) = (elements(self, constant), elements(self, outer));
        let joined = broadcast(self.new.shape(constant), self.new.shape(outer)).unwrap_or_default();
        let op = Op::Binary(binary);
        if joined.iter().product::<usize>() <= first.max(second) {
            if let Some([sum]) = self.fold(&op, &[constant, outer]).as_deref() {
                return self.push_one(op, &[x, *sum]).map(Some);
            }
        } else if second < first {
            let small = self.push_one(op.clone(), &[x, outer])?;
            return self.push_one(op, &[small, constant]).map(Some);
        }
        Ok(None)
    }
}
