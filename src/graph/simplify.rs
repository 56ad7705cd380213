//! Rewrites a graph into a smaller one that computes the same.
//!
//! A round rebuilds the graph node by node: what no output needs is left out, equal nodes become
//! one, and each node is offered to the rules. Rounds are repeated until nothing changes.
//!
//! | module | rules |
//! |---|---|
//! | [`constant`] | nodes of constants become constants |
//! | [`arithmetic`] | neutral elements, chains of constants, cheaper forms of the same function |
//! | [`arrangement`] | reshapes, transpositions, slices that do nothing or undo each other; broadcasts that can wait |
//! | [`convolution`] | constants per channel move into the weights |
//! | [`synthesis`] | wavelet synthesis becomes one grouped transposed convolution |

mod arithmetic;
mod arrangement;
mod constant;
mod convolution;
mod rewriter;
mod synthesis;

use super::build::Graph;
use super::error::Error;
use super::operator::Op;
use rewriter::Rewriter;

/// Rules feed each other; more rounds than any real chain of them needs.
const MAX_ROUNDS: usize = 16;

impl Graph {
    /// Rewrites the graph into a smaller one with the same inputs and outputs. Results may differ
    /// by rounding.
    ///
    /// Values of the graph before are not values of the graph after: look them up again by
    /// [`Graph::input_named`] and [`Graph::output_named`]. Simplify a network before it is
    /// differentiated: the reverse pass then has fewer nodes too.
    ///
    /// # Errors
    /// None that a graph built by its methods could cause; the rules use the same checked methods.
    pub fn simplify(&mut self) -> Result<(), Error> {
        for _ in 0..MAX_ROUNDS {
            let mut rewriter = Rewriter::new(self)?;
            let syntheses = synthesis::find(self, &rewriter.uses);
            for (index, node) in self.nodes().iter().enumerate() {
                if !rewriter.is_live(node) {
                    continue;
                }
                let results = match syntheses.get(&index) {
                    Some(found) => {
                        synthesis::replace(&mut rewriter, found)?.map(|value| vec![value])
                    }
                    None => None,
                };
                let results = match results {
                    Some(results) => results,
                    None => {
                        let inputs = rewriter.here(&node.inputs)?;
                        let only_use = node
                            .inputs
                            .iter()
                            .map(|&input| rewriter.is_used_once(input))
                            .collect();
                        rewriter.apply_rules(node.op.clone(), inputs, only_use)?
                    }
                };
                rewriter.set(&node.outputs, &results);
            }
            let rewritten = rewriter.finish()?;
            // A round that changes nothing numbers the values as the round before did.
            let unchanged =
                rewritten.nodes() == self.nodes() && rewritten.values.len() == self.values.len();
            *self = rewritten;
            if unchanged {
                break;
            }
        }
        Ok(())
    }
}

impl Rewriter<'_> {
    /// Adds a node in the simplest form that the rules find, and yields its results.
    fn apply_rules(
        &mut self,
        op: Op,
        inputs: Vec<super::Value>,
        only_use: Vec<bool>,
    ) -> Result<Vec<super::Value>, Error> {
        if let Some(constants) = self.fold(&op, &inputs) {
            return Ok(constants);
        }
        if let Some(results) = self.split_or_concat(&op, &inputs) {
            return Ok(results);
        }
        if let Some(result) = self.rearranged(&op, &inputs)? {
            return Ok(vec![result]);
        }
        if let Some(result) = self.computed(&op, &inputs, &only_use)? {
            return Ok(vec![result]);
        }
        if let Some(result) = self.fused(&op, &inputs, &only_use)? {
            return Ok(vec![result]);
        }
        self.push(op, &inputs)
    }
}
