//! Adjoints of elementwise operators.

use super::super::build::Value;
use super::super::error::Error;
use super::super::operator::{Binary, Unary};
use super::super::tensor::{DataType, Tensor};
use super::{Refusal, Reverse};

/// Turns the sign of a number into a slope when its product is clipped; smaller than the largest `f32`, so that only
/// subnormal numbers (below 10⁻³⁸) get a slope in between.
const STEEP: f32 = 1e38;

impl Reverse<'_> {
    pub(super) fn unary(
        &mut self,
        unary: Unary,
        x: Value,
        y: Value,
        adjoint: Value,
    ) -> Result<(), Refusal> {
        let graph = &mut *self.graph;
        let product = match unary {
            Unary::Identity => adjoint,
            Unary::Neg => graph.neg(adjoint)?,
            Unary::Abs => {
                let slope = step(graph, x, -1.0)?;
                graph.mul(adjoint, slope)?
            }
            Unary::Sqrt => {
                let half = graph.scale(adjoint, 0.5)?;
                graph.div(half, y)?
            }
            Unary::Exp => graph.mul(adjoint, y)?,
            Unary::Log => graph.div(adjoint, x)?,
            Unary::Sigmoid => {
                // y (1 − y)
                let square = graph.mul(y, y)?;
                let slope = graph.sub(y, square)?;
                graph.mul(adjoint, slope)?
            }
            Unary::Tanh => {
                // 1 − y²
                let square = graph.mul(y, y)?;
                let one = graph.scalar(1.0);
                let slope = graph.sub(one, square)?;
                graph.mul(adjoint, slope)?
            }
            Unary::Softplus => {
                let slope = graph.sigmoid(x)?;
                graph.mul(adjoint, slope)?
            }
            Unary::Relu => {
                let slope = step(graph, y, 0.0)?;
                graph.mul(adjoint, slope)?
            }
            Unary::LeakyRelu { alpha } => {
                // The result has the operand's sign if the slope is positive.
                let slope = step(graph, if alpha > 0.0 { y } else { x }, alpha)?;
                graph.mul(adjoint, slope)?
            }
            Unary::Clip { .. } => {
                let unchanged = graph.equal(x, y)?;
                masked(graph, adjoint, unchanged)?
            }
            Unary::Not => return Ok(()),
        };
        self.contribute(x, product);
        Ok(())
    }

    pub(super) fn binary(
        &mut self,
        binary: Binary,
        operands: [Value; 2],
        result: Value,
        adjoint: Value,
    ) -> Result<(), Refusal> {
        let [a, b] = operands;
        match binary {
            Binary::Add => {
                self.contribute_broadcast(a, adjoint)?;
                self.contribute_broadcast(b, adjoint)?;
            }
            Binary::Sub => {
                self.contribute_broadcast(a, adjoint)?;
                if self.is_active(b) {
                    // Sums first: what was broadcast is cheaper to negate afterwards.
                    let sum = self.sum_to_shape_of(adjoint, b)?;
                    let negative = self.graph.neg(sum)?;
                    self.contribute(b, negative);
                }
            }
            Binary::Mul => {
                for (operand, other) in [(a, b), (b, a)] {
                    if self.is_active(operand) {
                        let product = self.graph.mul(adjoint, other)?;
                        self.contribute_broadcast(operand, product)?;
                    }
                }
            }
            Binary::Div => {
                let quotient = self.graph.div(adjoint, b)?;
                self.contribute_broadcast(a, quotient)?;
                if self.is_active(b) {
                    // d(a / b) / db = −(a / b) / b
                    let product = self.graph.mul(quotient, result)?;
                    let negative = self.graph.neg(product)?;
                    self.contribute_broadcast(b, negative)?;
                }
            }
            Binary::Pow => self.pow(a, b, adjoint)?,
            Binary::Max | Binary::Min => {
                for operand in [a, b] {
                    if self.is_active(operand) {
                        let chosen = self.graph.equal(operand, result)?;
                        let part = masked(self.graph, adjoint, chosen)?;
                        self.contribute_broadcast(operand, part)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn pow(&mut self, base: Value, exponent: Value, adjoint: Value) -> Result<(), Refusal> {
        if self.is_active(exponent) {
            return Err(Refusal::NoRule(
                "its exponent depends on a variable; write it with Exp and Log",
            ));
        }
        let graph = &mut *self.graph;
        let known = graph.constant_tensor(exponent).and_then(Tensor::as_f32);
        let is_two =
            known.is_some_and(|exponents| exponents.iter().all(|&exponent| exponent == 2.0));
        let power = if is_two {
            base
        } else {
            let one = graph.scalar(1.0);
            let lower = graph.sub(exponent, one)?;
            graph.pow(base, lower)?
        };
        let slope = graph.mul(power, exponent)?;
        let product = graph.mul(adjoint, slope)?;
        self.contribute_broadcast(base, product)?;
        Ok(())
    }

    pub(super) fn select(
        &mut self,
        condition: Value,
        branches: [Value; 2],
        adjoint: Value,
    ) -> Result<(), Refusal> {
        let [a, b] = branches;
        if self.is_active(a) {
            let part = masked(self.graph, adjoint, condition)?;
            self.contribute_broadcast(a, part)?;
        }
        if self.is_active(b) {
            let otherwise = self.graph.not(condition)?;
            let part = masked(self.graph, adjoint, otherwise)?;
            self.contribute_broadcast(b, part)?;
        }
        Ok(())
    }

    pub(super) fn prelu(&mut self, x: Value, slope: Value, adjoint: Value) -> Result<(), Refusal> {
        let zero = self.graph.scalar(0.0);
        if self.is_active(x) {
            let positive = self.graph.greater_or_equal(x, zero)?;
            let one = self.graph.scalar(1.0);
            let factor = self.graph.select(positive, one, slope)?;
            let product = self.graph.mul(adjoint, factor)?;
            self.contribute(x, product);
        }
        if self.is_active(slope) {
            let negative_part = self.graph.min(x, zero)?;
            let product = self.graph.mul(adjoint, negative_part)?;
            self.contribute_broadcast(slope, product)?;
        }
        Ok(())
    }
}

/// 1 where `x` is positive, `low` elsewhere (at 0, what 0 clipped to `low..=1` is).
fn step(graph: &mut super::Graph, x: Value, low: f32) -> Result<Value, Error> {
    let steep = graph.scale(x, STEEP)?;
    if low <= 1.0 {
        return graph.clip(steep, low, 1.0);
    }
    // A slope above 1 on the negative side: 1 − (clipped to 1 − low ..= 0, mirrored).
    let zero_one = graph.clip(steep, 0.0, 1.0)?;
    let scaled = graph.scale(zero_one, 1.0 - low)?;
    let low = graph.scalar(low);
    graph.add(scaled, low)
}

/// The adjoint where the condition holds, 0 elsewhere.
fn masked(graph: &mut super::Graph, adjoint: Value, condition: Value) -> Result<Value, Error> {
    let mask = graph.cast(condition, DataType::F32)?;
    graph.mul(adjoint, mask)
}
