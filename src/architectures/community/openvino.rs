//! OpenVINO models as graphs.
//!
//! Shapes are static and written into the model, so whatever computes with shapes (`ShapeOf`, `Gather`
//! of an axis, …) has no counterpart in the graph: only layers whose *numbers* reach a result are
//! converted, and the shape that each one then has is compared with the one in the model.
//! Operations: <https://docs.openvino.ai/2025/documentation/openvino-ir-format/operation-sets.html>.

mod attributes;
#[cfg(test)]
mod tests;

use crate::architectures::Error;
use crate::checkpoint::openvino::{Constant, Layer, Model, Operand};
use crate::graph::{self, Conv, ConvTranspose, Graph, Tensor, Value};

/// Appends a model to a graph. `arguments` stand for the model's parameters, in the order of the
/// file; the model's results are yielded in the order of the file.
///
/// # Errors
/// [`Error::Layer`] for an operation, or a variant of one, that is not supported;
/// [`Error::OtherNetwork`] if the arguments do not match the parameters; [`Error::Graph`].
pub fn append(graph: &mut Graph, model: &Model, arguments: &[Value]) -> Result<Vec<Value>, Error> {
    let parameters = parameters(model);
    if parameters.len() != arguments.len() {
        let problem = format!("has {} inputs, not {}", parameters.len(), arguments.len());
        return Err(Error::OtherNetwork {
            expected: "the expected network",
            problem,
        });
    }
    let needed = needed(model);
    let mut results = Vec::new();
    let mut values: Vec<Vec<Value>> = vec![Vec::new(); model.layers.len()];
    for (index, layer) in model
        .layers
        .iter()
        .enumerate()
        .filter(|(index, _)| needed[*index])
    {
        let operands = layer
            .data_operands()
            .iter()
            .map(|o| values[o.layer].get(o.result).copied());
        let operands = operands.collect::<Option<Vec<Value>>>();
        let conversion = Conversion { model, layer };
        let operands =
            operands.ok_or_else(|| conversion.cannot("reads a result that is missing"))?;
        values[index] = match parameters.iter().position(|parameter| *parameter == index) {
            Some(position) => arguments[position..=position].to_vec(),
            None => conversion.append(graph, &operands)?,
        };
        if layer.kind == "Result" {
            results.append(&mut values[index]);
        } else if !values[index]
            .iter()
            .map(|value| graph.shape(*value))
            .eq(&layer.results)
        {
            return Err(conversion.cannot("has another shape than the file says"));
        }
    }
    Ok(results)
}

/// The indices of the layers through which data come in, in the order of the file.
pub(super) fn parameters(model: &Model) -> Vec<usize> {
    let is_parameter = |index: &usize| model.layers[*index].kind == "Parameter";
    (0..model.layers.len()).filter(is_parameter).collect()
}

/// For each layer, whether its numbers reach a result. Parameters always count as needed.
pub(super) fn needed(model: &Model) -> Vec<bool> {
    let ends = |layer: &Layer| ["Result", "Parameter"].contains(&layer.kind.as_str());
    let mut needed: Vec<bool> = model.layers.iter().map(ends).collect();
    for (index, layer) in model.layers.iter().enumerate().rev() {
        if needed[index] {
            layer
                .data_operands()
                .iter()
                .for_each(|operand| needed[operand.layer] = true);
        }
    }
    needed
}

impl Layer {
    /// The operands whose numbers matter, as opposed to those that describe a shape or an axis.
    pub(super) fn data_operands(&self) -> &[Operand] {
        let count = match self.kind.as_str() {
            "ShapeOf" => 0,
            "Broadcast" | "ReduceMean" | "ReduceSum" | "Reshape" | "Squeeze" | "Tile"
            | "Unsqueeze" | "VariadicSplit" => 1,
            _ => self.operands.len(),
        };
        &self.operands[..count.min(self.operands.len())]
    }
}

/// One layer on its way into a graph.
struct Conversion<'a> {
    model: &'a Model,
    layer: &'a Layer,
}

impl Conversion<'_> {
    fn append(&self, graph: &mut Graph, operands: &[Value]) -> Result<Vec<Value>, Error> {
        let kind = self.layer.kind.as_str();
        let value = match (kind, operands) {
            ("Const", []) => self.constant(graph)?,
            ("Result", [x]) => *x,
            ("Add", [a, b]) => self.binary(graph, Graph::add, *a, *b)?,
            ("Multiply", [a, b]) => self.binary(graph, Graph::mul, *a, *b)?,
            ("Power", [a, b]) => self.binary(graph, Graph::pow, *a, *b)?,
            ("PReLU", [x, slope]) => self.prelu(graph, *x, *slope)?,
            ("MatMul", [a, b]) => self.matmul(graph, *a, *b)?,
            ("ReduceMean" | "ReduceSum", [x]) => self.reduce(graph, *x)?,
            ("Convolution" | "GroupConvolution", [x, weights]) => {
                self.convolution(graph, *x, *weights)?
            }
            ("ConvolutionBackpropData" | "GroupConvolutionBackpropData", [x, weights]) => {
                self.transposed_convolution(graph, *x, *weights)?
            }
            ("Reshape" | "Squeeze" | "Unsqueeze", [x]) => reshaped(graph, *x, self.result()?)?,
            ("Broadcast" | "Tile", [x]) => self.repeated(graph, *x)?,
            ("Concat", parts) if !parts.is_empty() => {
                let axis = self.axis(self.number("axis")?, self.result()?.len())?;
                graph.concat(parts, axis)?
            }
            ("VariadicSplit", [x]) => return self.split(graph, *x),
            _ => return Err(self.cannot("is an operation that is not supported")),
        };
        Ok(vec![value])
    }

    fn constant(&self, graph: &mut Graph) -> Result<Value, Error> {
        let tensor: Tensor = match &self.layer.constant {
            Some(Constant::F32(array)) => array.clone().into(),
            Some(Constant::I64(array)) => array.clone().into(),
            None => return Err(self.cannot("has no value")),
        };
        Ok(graph.constant(self.layer.name.as_str(), tensor))
    }

    fn binary(
        &self,
        graph: &mut Graph,
        operation: fn(&mut Graph, Value, Value) -> Result<Value, graph::Error>,
        a: Value,
        b: Value,
    ) -> Result<Value, Error> {
        match self
            .layer
            .attributes
            .get("auto_broadcast")
            .map(String::as_str)
        {
            None | Some("numpy" | "none") => Ok(operation(graph, a, b)?),
            Some(_) => Err(self.cannot("broadcasts in another way than NumPy")),
        }
    }

    fn prelu(&self, graph: &mut Graph, x: Value, slope: Value) -> Result<Value, Error> {
        // A list of slopes runs along the channels (axis 1), not along the last axis.
        let slope = match *graph.shape(slope) {
            [channels] if channels > 1 => {
                let mut shape = vec![1; graph.shape(x).len().saturating_sub(1)];
                if let Some(first) = shape.first_mut() {
                    *first = channels;
                }
                reshaped(graph, slope, &shape)?
            }
            _ => slope,
        };
        Ok(graph.prelu(x, slope)?)
    }

    fn matmul(&self, graph: &mut Graph, a: Value, b: Value) -> Result<Value, Error> {
        let a = if self.flag("transpose_a")? {
            transposed(graph, a)?
        } else {
            a
        };
        let b = if self.flag("transpose_b")? {
            transposed(graph, b)?
        } else {
            b
        };
        Ok(graph.matmul(a, b)?)
    }

    fn reduce(&self, graph: &mut Graph, x: Value) -> Result<Value, Error> {
        let rank = graph.shape(x).len();
        let axes = self
            .integers(1)?
            .into_iter()
            .map(|axis| self.axis(axis, rank));
        let mut axes = axes.collect::<Result<Vec<usize>, Error>>()?;
        axes.sort_unstable();
        let keep_axes = self.flag("keep_dims")?;
        Ok(match self.layer.kind.as_str() {
            "ReduceMean" => graph.reduce_mean(x, &axes, keep_axes)?,
            _ => graph.reduce_sum(x, &axes, keep_axes)?,
        })
    }

    fn convolution(&self, graph: &mut Graph, x: Value, weights: Value) -> Result<Value, Error> {
        let mut conv = self.convolution_attributes()?;
        let weights = match *graph.shape(weights) {
            [groups, outputs, inputs, height, width] if self.layer.kind == "GroupConvolution" => {
                conv.groups = groups;
                reshaped(
                    graph,
                    weights,
                    &[groups.saturating_mul(outputs), inputs, height, width],
                )?
            }
            _ => weights,
        };
        Ok(graph.conv(x, weights, None, conv)?)
    }

    fn transposed_convolution(
        &self,
        graph: &mut Graph,
        x: Value,
        weights: Value,
    ) -> Result<Value, Error> {
        let mut conv = self.convolution_attributes()?;
        let weights = match *graph.shape(weights) {
            [groups, inputs, outputs, height, width] if self.layer.kind.starts_with("Group") => {
                conv.groups = groups;
                reshaped(
                    graph,
                    weights,
                    &[groups.saturating_mul(inputs), outputs, height, width],
                )?
            }
            _ => weights,
        };
        let output_padding = match self.layer.attributes.get("output_padding") {
            Some(_) => self.pair("output_padding")?,
            None => [0; 2],
        };
        Ok(graph.conv_transpose(
            x,
            weights,
            None,
            ConvTranspose {
                conv,
                output_padding,
            },
        )?)
    }

    fn convolution_attributes(&self) -> Result<Conv, Error> {
        let padding = self
            .layer
            .attributes
            .get("auto_pad")
            .map_or("explicit", String::as_str);
        if padding != "explicit" {
            return Err(self.cannot(format!("asks for the padding `{padding}`")));
        }
        let ([top, left], [bottom, right]) = (self.pair("pads_begin")?, self.pair("pads_end")?);
        Ok(Conv {
            strides: self.pair("strides")?,
            pads: [top, left, bottom, right],
            dilations: self.pair("dilations")?,
            groups: 1,
        })
    }

    /// A value whose axes of length 1 are repeated; other axes cannot be.
    fn repeated(&self, graph: &mut Graph, x: Value) -> Result<Value, Error> {
        let shape = self.result()?;
        if graph.shape(x) == shape {
            Ok(x)
        } else {
            Ok(graph.expand(x, shape)?)
        }
    }

    fn split(&self, graph: &mut Graph, x: Value) -> Result<Vec<Value>, Error> {
        let axis = match *self.integers(1)? {
            [axis] => self.axis(axis, graph.shape(x).len())?,
            _ => return Err(self.cannot("does not split along one axis")),
        };
        let sizes = self
            .layer
            .results
            .iter()
            .map(|shape| shape.get(axis).copied());
        let sizes = sizes.collect::<Option<Vec<usize>>>();
        let sizes = sizes.ok_or_else(|| self.cannot("splits along an axis that is not there"))?;
        Ok(graph.split(x, axis, &sizes)?)
    }
}

/// The same numbers in another shape; a constant stays a constant.
fn reshaped(graph: &mut Graph, x: Value, shape: &[usize]) -> Result<Value, Error> {
    if graph.shape(x) == shape {
        return Ok(x);
    }
    let constant = graph.constant_tensor(x).and_then(Tensor::as_f32);
    match constant.and_then(|array| array.to_owned().into_shape_with_order(shape).ok()) {
        Some(array) => Ok(graph.constant("reshaped", array)),
        None => Ok(graph.reshape(x, shape)?),
    }
}

/// The last two axes exchanged; a constant stays a constant.
fn transposed(graph: &mut Graph, x: Value) -> Result<Value, Error> {
    let rank = graph.shape(x).len();
    let mut permutation: Vec<usize> = (0..rank).collect();
    if rank >= 2 {
        permutation.swap(rank - 2, rank - 1);
    }
    match graph.constant_tensor(x).and_then(Tensor::as_f32) {
        Some(array) => {
            let array = array.to_owned().permuted_axes(permutation);
            Ok(graph.constant("transposed", array))
        }
        None => Ok(graph.transpose(x, &permutation)?),
    }
}
