//! Taking a part of a graph out, and cutting a graph into a chain of parts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::build::{Graph, Source, Value};
use super::error::Error;

impl Graph {
    /// The part of the graph between some of its values: a graph that computes `outputs` from `inputs`,
    /// each given with its name there, and from those inputs of this graph that are needed besides,
    /// under their own names. Constants are shared, not copied.
    ///
    /// # Errors
    /// [`Error::DuplicateName`] when a name is taken twice.
    pub fn subgraph(
        &self,
        inputs: &[(String, Value)],
        outputs: &[(String, Value)],
    ) -> Result<Self, Error> {
        let cuts: HashSet<Value> = inputs.iter().map(|(_, value)| *value).collect();
        let ends = outputs.iter().map(|(_, value)| *value);
        let needed = self.ancestors(ends, &cuts);
        let mut part = Self::new(self.name());
        let mut here: HashMap<Value, Value> = HashMap::new();
        for (name, value) in inputs {
            let input = part.typed_input(name.as_str(), self.tensor_type(*value).clone())?;
            here.insert(*value, input);
        }
        for &value in self.inputs() {
            if let Some(name) = self.input_name(value)
                && needed.values.contains(&value)
            {
                let input = part.typed_input(name, self.tensor_type(value).clone())?;
                here.insert(value, input);
            }
        }
        for (index, node) in self.nodes().iter().enumerate() {
            if !needed.nodes.contains(&index) {
                continue;
            }
            let operands: Vec<Value> = node
                .inputs
                .iter()
                .map(|&value| self.moved(value, &mut part, &mut here))
                .collect();
            let results = part.push(node.op.clone(), &operands)?;
            here.extend(node.outputs.iter().copied().zip(results));
        }
        for (name, value) in outputs {
            let value = self.moved(*value, &mut part, &mut here);
            part.output(name.as_str(), value)?;
        }
        Ok(part)
    }

    /// Cuts the graph into a chain of graphs that together compute what it computes: the first part
    /// yields all outputs up to `stops[0]`, the second what is needed for `stops[1]` besides, and so on;
    /// the last one the rest. No node is in two parts.
    ///
    /// A part's inputs are those of this graph, and results of parts before it, by their names there;
    /// a result that is no named output of this graph gets a name of its own.
    ///
    /// # Errors
    /// [`Error::DuplicateName`] when an input or output has the name of a cut value (`value_17`).
    pub fn segments(&self, stops: &[Value]) -> Result<Vec<Self>, Error> {
        let part_of_node = self.parts(stops);
        let part_of = |value: Value| match *self.source(value) {
            Source::Node { node, .. } => part_of_node.get(&node).copied(),
            _ => None,
        };
        // Who needs what from an earlier part.
        let mut taken: Vec<BTreeSet<Value>> = vec![BTreeSet::new(); stops.len() + 1];
        let mut given = taken.clone();
        for (index, node) in self.nodes().iter().enumerate() {
            let Some(&part) = part_of_node.get(&index) else {
                continue;
            };
            for &value in &node.inputs {
                if let Some(from) = part_of(value).filter(|&from| from < part) {
                    taken[part].insert(value);
                    given[from].insert(value);
                }
            }
        }
        let mut names: BTreeMap<Value, String> = BTreeMap::new();
        for value in given.iter().flatten() {
            let named = self.outputs().iter().find(|(_, output)| output == value);
            let name = named.map_or_else(|| format!("value_{}", value.0), |(name, _)| name.clone());
            names.insert(*value, name);
        }
        let with_name = |value: &Value| Some((names.get(value)?.clone(), *value));
        (0..=stops.len())
            .map(|part| {
                let inputs: Vec<_> = taken[part].iter().filter_map(with_name).collect();
                let mut outputs: Vec<_> = given[part].iter().filter_map(with_name).collect();
                for (name, value) in self.outputs() {
                    let is_here = part_of(*value).unwrap_or(stops.len()) == part;
                    if is_here && names.get(value) != Some(name) {
                        outputs.push((name.clone(), *value));
                    }
                }
                self.subgraph(&inputs, &outputs)
            })
            .collect()
    }

    /// In which part each node that is needed at all lies.
    fn parts(&self, stops: &[Value]) -> HashMap<usize, usize> {
        let nothing = HashSet::new();
        let ends = stops.iter().map(|&stop| vec![stop]);
        let last = self.outputs().iter().map(|(_, value)| *value).collect();
        let mut part_of_node = HashMap::new();
        for (part, ends) in ends.chain([last]).enumerate() {
            for node in self.ancestors(ends, &nothing).nodes {
                part_of_node.entry(node).or_insert(part);
            }
        }
        part_of_node
    }

    /// All that is needed to compute `ends`, without going beyond `cuts`.
    fn ancestors(&self, ends: impl IntoIterator<Item = Value>, cuts: &HashSet<Value>) -> Ancestors {
        let mut found = Ancestors::default();
        let mut open: Vec<Value> = ends.into_iter().collect();
        while let Some(value) = open.pop() {
            if cuts.contains(&value) || !found.values.insert(value) {
                continue;
            }
            if let Source::Node { node, .. } = *self.source(value)
                && found.nodes.insert(node)
            {
                open.extend(self.nodes()[node].inputs.iter().copied());
            }
        }
        found
    }

    /// The value in `part` that a value of this graph became; a constant moves when first asked for.
    fn moved(&self, value: Value, part: &mut Self, here: &mut HashMap<Value, Value>) -> Value {
        *here
            .entry(value)
            .or_insert_with(|| match self.source(value) {
                Source::Constant(name, tensor) => part.constant(name.clone(), tensor.clone()),
                // Operands come before the nodes that use them, and inputs are all there.
                _ => value,
            })
    }
}

#[derive(Default)]
struct Ancestors {
    nodes: HashSet<usize>,
    values: HashSet<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two levels: `coarse` = tanh(x·2), `fine` = coarse + sigmoid(tanh(x·2))·n, and an unused node.
    fn pyramid() -> Graph {
        let mut graph = Graph::new("pyramid");
        let x = graph.input("x", &[2]).unwrap();
        let n = graph.input("n", &[2]).unwrap();
        let two = graph.scalar(2.0);
        let doubled = graph.mul(x, two).unwrap();
        let features = graph.tanh(doubled).unwrap();
        let coarse = graph.neg(features).unwrap();
        graph.abs(coarse).unwrap();
        let detail = graph.sigmoid(features).unwrap();
        let detail = graph.mul(detail, n).unwrap();
        let fine = graph.add(coarse, detail).unwrap();
        graph.output("coarse", coarse).unwrap();
        graph.output("fine", fine).unwrap();
        graph
    }

    fn ops(graph: &Graph) -> Vec<&'static str> {
        graph.nodes().iter().map(|node| node.op.name()).collect()
    }

    fn input_names(graph: &Graph) -> Vec<&str> {
        graph
            .inputs()
            .iter()
            .filter_map(|&input| graph.input_name(input))
            .collect()
    }

    #[test]
    fn a_part_has_the_nodes_between_its_ends() {
        let graph = pyramid();
        let features = graph.nodes()[1].outputs[0];
        let fine = graph.output_named("fine").unwrap();
        let part = graph
            .subgraph(&[("features".into(), features)], &[("y".into(), fine)])
            .unwrap();
        assert_eq!(ops(&part), ["Neg", "Sigmoid", "Mul", "Add"]);
        assert_eq!(input_names(&part), ["features", "n"]);
        assert!(part.output_named("y").is_some());
    }

    #[test]
    fn a_chain_computes_every_node_once() {
        let graph = pyramid();
        let coarse = graph.output_named("coarse").unwrap();
        let parts = graph.segments(&[coarse]).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(ops(&parts[0]), ["Mul", "Tanh", "Neg"]);
        assert_eq!(ops(&parts[1]), ["Sigmoid", "Mul", "Add"]);
        assert_eq!(input_names(&parts[0]), ["x"]);
        let handed_on: Vec<_> = parts[0].outputs().iter().map(|(name, _)| name).collect();
        let mut expected = input_names(&parts[1]);
        assert_eq!(expected.pop(), Some("n"));
        assert_eq!(handed_on, expected);
        assert!(parts[0].output_named("coarse").is_some());
        assert_eq!(parts[1].outputs().len(), 1);
    }

    #[test]
    fn without_a_stop_the_chain_is_the_graph_without_what_nobody_needs() {
        let graph = pyramid();
        let parts = graph.segments(&[]).unwrap();
        assert_eq!(parts.len(), 1);
        assert_eq!(
            ops(&parts[0]),
            ["Mul", "Tanh", "Neg", "Sigmoid", "Mul", "Add"]
        );
        assert_eq!(parts[0].outputs().len(), 2);
    }
}
