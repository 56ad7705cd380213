//! Putting one graph into another.

use super::{Error, Graph, Source, Value};

impl Graph {
    /// Adds all nodes of `other`, its inputs connected to values of this graph in the order in which
    /// `other` declares them. Yields the values that `other`'s outputs became, in their order.
    /// Constants are shared, not copied.
    ///
    /// # Errors
    /// [`Error::Operands`] when the number of values is not the number of inputs, or a value's type
    /// is not the input's.
    pub fn splice(&mut self, other: &Graph, inputs: &[Value]) -> Result<Vec<Value>, Error> {
        self.check_splice(other, inputs)?;
        let mut here: Vec<Option<Value>> = vec![None; other.values.len()];
        for (theirs, &ours) in other.inputs().iter().zip(inputs) {
            here[theirs.0] = Some(ours);
        }
        for node in other.nodes() {
            let operands: Vec<Value> = node
                .inputs
                .iter()
                .map(|&theirs| match (here[theirs.0], other.source(theirs)) {
                    (Some(ours), _) => ours,
                    (None, Source::Constant(name, tensor)) => {
                        let ours = self.constant(name.clone(), tensor.clone());
                        here[theirs.0] = Some(ours);
                        ours
                    }
                    // Operands come before the nodes that use them, and inputs are all connected.
                    (None, _) => theirs,
                })
                .collect();
            for (theirs, ours) in node
                .outputs
                .iter()
                .zip(self.push(node.op.clone(), &operands)?)
            {
                here[theirs.0] = Some(ours);
            }
        }
        Ok(other
            .outputs()
            .iter()
            .map(
                |(name, theirs)| match (here[theirs.0], other.source(*theirs)) {
                    (Some(ours), _) => ours,
                    (None, Source::Constant(_, tensor)) => {
                        self.constant(name.clone(), tensor.clone())
                    }
                    (None, _) => *theirs,
                },
            )
            .collect())
    }

    fn check_splice(&self, other: &Graph, inputs: &[Value]) -> Result<(), Error> {
        let ours: Vec<_> = inputs
            .iter()
            .map(|&value| self.tensor_type(value))
            .collect();
        let theirs: Vec<_> = other
            .inputs()
            .iter()
            .map(|&value| other.tensor_type(value))
            .collect();
        if ours == theirs {
            return Ok(());
        }
        let list = |types: &[&super::TensorType]| {
            types
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        Err(Error::Operands {
            graph: self.name().to_owned(),
            node: format!("the graph '{}'", other.name()),
            inputs: list(&ours),
            problem: format!("its inputs are {}", list(&theirs)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubling() -> Graph {
        let mut graph = Graph::new("doubling");
        let x = graph.input("x", &[2]).unwrap();
        let two = graph.scalar(2.0);
        let y = graph.mul(x, two).unwrap();
        graph.output("y", y).unwrap();
        graph.output("two", two).unwrap();
        graph
    }

    #[test]
    fn nodes_and_constants_move_in_and_outputs_come_back() {
        let mut graph = Graph::new("outer");
        let x = graph.input("x", &[2]).unwrap();
        let once = graph.splice(&doubling(), &[x]).unwrap();
        let twice = graph.splice(&doubling(), &[once[0]]).unwrap();
        assert_eq!(graph.nodes().len(), 2);
        assert_eq!(graph.nodes()[1].inputs[0], once[0]);
        assert_eq!(graph.shape(twice[0]), [2]);
        assert!(graph.constant_tensor(twice[1]).is_some());
    }

    #[test]
    fn another_shape_is_refused_and_both_are_named() {
        let mut graph = Graph::new("outer");
        let x = graph.input("x", &[3]).unwrap();
        let message = graph.splice(&doubling(), &[x]).unwrap_err().to_string();
        assert!(
            message.contains("[3]") && message.contains("[2]"),
            "{message}"
        );
        assert!(graph.nodes().is_empty());
    }
}
