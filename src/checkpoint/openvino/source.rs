//! From XML elements to connected layers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use roxmltree::Node;

use super::{Constant, Layer, Model, Operand};
use crate::checkpoint::{Error, Numbers};

/// How many times the length of the `.bin` file all constants together may take: equal constants may
/// share their bytes.
pub(super) const SHARING_LIMIT: usize = 4;

/// A file that is being read.
pub(super) struct Source<'a> {
    /// The `.xml` file, for messages.
    pub(super) path: &'a Path,
    /// The content of the `.bin` file.
    pub(super) bin: &'a [u8],
}

/// A layer that is not yet connected.
struct Unconnected {
    layer: Layer,
    /// Numbers of the ports of operands and of results.
    operand_ports: Vec<usize>,
    result_ports: Vec<usize>,
}

impl Source<'_> {
    /// The network, from the root element.
    pub(super) fn model(&self, net: Node) -> Result<Model, Error> {
        let version: u32 = self.number(net, "version", "the network")?;
        if !net.has_tag_name("net") || !(10..=11).contains(&version) {
            let problem = format!("has version {version}, not 10 or 11");
            return Err(Error::unsupported(self.path, "the network", problem));
        }
        let elements = |parent: &str, name: &'static str| {
            let parent = child(net, parent).ok_or_else(|| self.wrong(parent, "is missing"))?;
            Ok(parent
                .children()
                .filter(move |node| node.has_tag_name(name)))
        };
        let mut constants_bytes_left = SHARING_LIMIT.saturating_mul(self.bin.len());
        let mut unconnected = Vec::new();
        let mut index_of_id = HashMap::new();
        for node in elements("layers", "layer")? {
            let id: usize = self.number(node, "id", "a layer")?;
            if index_of_id.insert(id, unconnected.len()).is_some() {
                return Err(self.wrong("the layers", format!("have the number {id} twice")));
            }
            unconnected.push(self.layer(node, &mut constants_bytes_left)?);
        }
        let mut operand_at = HashMap::new();
        for edge in elements("edges", "edge")? {
            let end = |layer: &str, port: &str| -> Result<(usize, usize), Error> {
                let id = self.number(edge, layer, "an edge")?;
                let index = index_of_id.get(&id).copied();
                let index = index.ok_or_else(|| {
                    self.wrong(
                        "an edge",
                        format!("mentions layer {id}, which does not exist"),
                    )
                })?;
                Ok((index, self.number(edge, port, "an edge")?))
            };
            let to = end("to-layer", "to-port")?;
            if operand_at
                .insert(to, end("from-layer", "from-port")?)
                .is_some()
            {
                return Err(self.wrong(
                    "the edges",
                    format!("lead twice to port {} of a layer", to.1),
                ));
            }
        }
        let name = net.attribute("name").unwrap_or("network").to_owned();
        let layers = self.sorted(self.connected(unconnected, operand_at)?)?;
        Ok(Model { name, layers })
    }

    fn layer(&self, node: Node, constants_bytes_left: &mut usize) -> Result<Unconnected, Error> {
        let name = node.attribute("name").unwrap_or("").to_owned();
        let field = format!("layer `{name}`");
        let kind = node
            .attribute("type")
            .ok_or_else(|| self.wrong(&field, "has no type"))?;
        let attributes: BTreeMap<_, _> = child(node, "data")
            .map(|data| {
                data.attributes()
                    .map(|a| (a.name().into(), a.value().into()))
                    .collect()
            })
            .unwrap_or_default();
        let (operand_ports, _) = self.ports(node, "input", &field)?;
        let (result_ports, results) = self.ports(node, "output", &field)?;
        let constant = match kind {
            "Const" => Some(self.constant(&attributes, &results, &field, constants_bytes_left)?),
            _ => None,
        };
        let kind = kind.to_owned();
        let layer = Layer {
            name,
            kind,
            attributes,
            operands: Vec::new(),
            results,
            constant,
        };
        Ok(Unconnected {
            layer,
            operand_ports,
            result_ports,
        })
    }

    /// Numbers and shapes of a layer's ports.
    fn ports(
        &self,
        layer: Node,
        side: &str,
        field: &str,
    ) -> Result<(Vec<usize>, Vec<Vec<usize>>), Error> {
        let Some(side) = child(layer, side) else {
            return Ok(Default::default());
        };
        let mut numbers = Vec::new();
        let mut shapes = Vec::new();
        for port in side.children().filter(|node| node.has_tag_name("port")) {
            numbers.push(self.number(port, "id", field)?);
            let dims = port.children().filter(|node| node.has_tag_name("dim"));
            let shape = dims.map(|dim| {
                let text = dim.text().unwrap_or_default().trim();
                text.parse().map_err(|_| {
                    let problem =
                        format!("has an axis of length `{text}` where a fixed one is needed");
                    Error::unsupported(self.path, field, problem)
                })
            });
            shapes.push(shape.collect::<Result<_, _>>()?);
        }
        Ok((numbers, shapes))
    }

    fn constant(
        &self,
        attributes: &BTreeMap<String, String>,
        results: &[Vec<usize>],
        field: &str,
        bytes_left: &mut usize,
    ) -> Result<Constant, Error> {
        let number = |name: &str| -> Result<usize, Error> {
            let text = attributes.get(name).map_or("", String::as_str);
            text.parse()
                .map_err(|_| self.wrong(field, format!("has no usable `{name}` (`{text}`)")))
        };
        let [shape] = results else {
            return Err(self.wrong(field, "does not have one result"));
        };
        let (offset, length) = (number("offset")?, number("size")?);
        let end = offset.checked_add(length);
        let bytes = end
            .and_then(|end| self.bin.get(offset..end))
            .ok_or_else(|| {
                Error::truncated(
                    &self.path.with_extension("bin"),
                    format!("the constant of {field}"),
                )
            })?;
        *bytes_left = bytes_left
            .checked_sub(length)
            .ok_or_else(|| self.wrong("the constants", "are larger than the .bin file"))?;
        let (size, element_type) = match attributes.get("element_type").map(String::as_str) {
            Some("f32") => (4, Numbers::F32),
            Some("f16") => (2, Numbers::F16),
            Some("i64") => (8, Numbers::I64),
            Some("i32") => (4, Numbers::I32),
            other => {
                let problem = format!("has numbers of type {}", other.unwrap_or("unknown"));
                return Err(Error::unsupported(self.path, field, problem));
            }
        };
        let declared = shape
            .iter()
            .try_fold(size, |all: usize, &axis| all.checked_mul(axis));
        if declared != Some(length) {
            let problem = format!("has {length} bytes for the shape {shape:?}");
            return Err(self.wrong(field, problem));
        }
        let unusable = |e| self.wrong(field, format!("does not fit its shape ({e})"));
        let shape = IxDyn(shape);
        match element_type {
            Numbers::I64 => ArrayD::from_shape_vec(shape, i64s(bytes, i64::from_le_bytes)),
            Numbers::I32 => {
                ArrayD::from_shape_vec(shape, i64s(bytes, |b| i32::from_le_bytes(b).into()))
            }
            floats => {
                let array = ArrayD::from_shape_vec(shape, floats.to_f32(bytes));
                return array.map(Constant::F32).map_err(unusable);
            }
        }
        .map(Constant::I64)
        .map_err(unusable)
    }

    /// Puts the operands in, by layer and port; layers stay in the file's order.
    fn connected(
        &self,
        unconnected: Vec<Unconnected>,
        operand_at: HashMap<(usize, usize), (usize, usize)>,
    ) -> Result<Vec<Layer>, Error> {
        let result_of_port: Vec<HashMap<usize, usize>> = (unconnected.iter())
            .map(|u| {
                u.result_ports
                    .iter()
                    .enumerate()
                    .map(|(index, port)| (*port, index))
                    .collect()
            })
            .collect();
        let connect = |(index, mut u): (usize, Unconnected)| {
            for port in u.operand_ports {
                let operand = operand_at
                    .get(&(index, port))
                    .and_then(|(layer, from_port)| {
                        let result = *result_of_port.get(*layer)?.get(from_port)?;
                        Some(Operand {
                            layer: *layer,
                            result,
                        })
                    });
                u.layer.operands.push(operand.ok_or_else(|| {
                    let problem = format!("has an operand (port {port}) that comes from nowhere");
                    self.wrong(&format!("layer `{}`", u.layer.name), problem)
                })?);
            }
            Ok(u.layer)
        };
        unconnected.into_iter().enumerate().map(connect).collect()
    }

    /// Brings the layers into topological order, and otherwise leaves them in the file's.
    fn sorted(&self, layers: Vec<Layer>) -> Result<Vec<Layer>, Error> {
        let mut users = vec![Vec::new(); layers.len()];
        let mut missing: Vec<usize> = layers.iter().map(|layer| layer.operands.len()).collect();
        for (index, layer) in layers.iter().enumerate() {
            for operand in &layer.operands {
                users[operand.layer].push(index);
            }
        }
        let ready = (0..layers.len()).filter(|index| missing[*index] == 0);
        let mut ready: BTreeSet<usize> = ready.collect();
        let mut new_index = vec![usize::MAX; layers.len()];
        let mut order = Vec::with_capacity(layers.len());
        while let Some(index) = ready.pop_first() {
            new_index[index] = order.len();
            order.push(index);
            for &user in &users[index] {
                missing[user] -= 1;
                if missing[user] == 0 {
                    ready.insert(user);
                }
            }
        }
        if order.len() < layers.len() {
            return Err(self.wrong("the edges", "form a circle"));
        }
        let mut layers: Vec<Option<Layer>> = layers.into_iter().map(Some).collect();
        let sorted = order
            .into_iter()
            .filter_map(|index| layers[index].take())
            .map(|mut layer| {
                layer
                    .operands
                    .iter_mut()
                    .for_each(|operand| operand.layer = new_index[operand.layer]);
                layer
            });
        Ok(sorted.collect())
    }

    fn number<T: std::str::FromStr>(
        &self,
        node: Node,
        name: &str,
        field: &str,
    ) -> Result<T, Error> {
        let text = node.attribute(name).unwrap_or_default();
        text.parse()
            .map_err(|_| self.wrong(field, format!("has no usable `{name}` (`{text}`)")))
    }

    fn wrong(&self, field: &str, problem: impl Into<String>) -> Error {
        Error::malformed(self.path, field, problem)
    }
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name(name))
}

fn i64s<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> i64) -> Vec<i64> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|chunk| number(*chunk))
        .collect()
}
