//! One node of an ONNX file → nodes of a [`Graph`].

use super::super::build::{Graph, Value};
use super::super::error::Error;
use super::super::evaluate::evaluate;
use super::super::operator::{
    Binary, Compare, Conv, ConvTranspose, DepthOrder, Op, Pool, Reduce, Unary,
};
use super::super::tensor::{DataType, Tensor};
use super::attributes::Attributes;
use super::proto::NodeProto;
use super::read::{Reader, element_type};
use super::refuse;

/// Integer results of constants up to this size are computed while reading: exporters compute
/// shapes that way.
const MAX_FOLDED: usize = 1 << 12;

impl Reader {
    /// Adds what a node stands for and yields its results.
    pub(super) fn translate(
        &mut self,
        node: &NodeProto,
        label: &str,
        inputs: Vec<Option<Value>>,
    ) -> Result<Vec<Value>, Error> {
        let attributes = Attributes::new(node, label)?;
        let mut context = NodeReader {
            graph: &mut self.graph,
            integers_left: &mut self.integers_left,
            label,
            inputs,
            attributes,
            result_count: node.output.len(),
        };
        let results = context.translate(&node.op_type)?;
        context.attributes.finish()?;
        results
            .into_iter()
            .map(|result| self.fold_integers(result))
            .collect()
    }

    /// The value itself, or a constant in its place if it holds a few integers that are known.
    fn fold_integers(&mut self, value: Value) -> Result<Value, Error> {
        let count = self.graph.shape(value).iter().product::<usize>();
        let Some(node) = self
            .graph
            .producer(value)
            .filter(|_| count <= MAX_FOLDED && self.graph.data_type(value) == DataType::I64)
        else {
            return Ok(value);
        };
        let operands: Option<Vec<&Tensor>> = node
            .inputs
            .iter()
            .map(|&input| self.graph.constant_tensor(input))
            .collect();
        let position = node.outputs.iter().position(|&output| output == value);
        let results = operands.and_then(|operands| evaluate(&node.op, &operands));
        match results
            .zip(position)
            .and_then(|(results, position)| results.into_iter().nth(position))
        {
            Some(tensor) => {
                spend(&mut self.integers_left, count)?;
                Ok(self.graph.constant("folded", tensor))
            }
            None => Ok(value),
        }
    }
}

/// Counts integers that are looked at or computed.
fn spend(integers_left: &mut usize, count: usize) -> Result<(), Error> {
    match integers_left.checked_sub(count) {
        Some(left) => {
            *integers_left = left;
            Ok(())
        }
        None => refuse("its nodes take more shapes, axes and indices than any network needs"),
    }
}

/// One node while it is translated.
pub(super) struct NodeReader<'a> {
    pub(super) graph: &'a mut Graph,
    integers_left: &'a mut usize,
    pub(super) label: &'a str,
    inputs: Vec<Option<Value>>,
    pub(super) attributes: Attributes<'a>,
    /// How many results the file names.
    pub(super) result_count: usize,
}

impl NodeReader<'_> {
    fn translate(&mut self, operator: &str) -> Result<Vec<Value>, Error> {
        if let Some(op) = plain_operator(operator) {
            return self.push_all(op);
        }
        match operator {
            "LeakyRelu" => {
                let alpha = self.attributes.number("alpha", 0.01)?;
                self.push_all(Op::Unary(Unary::LeakyRelu { alpha }))
            }
            "Clip" => self.clip(),
            "Cast" => {
                let to = self.attributes.integer("to", 0)?;
                let to = element_type(i32::try_from(to).unwrap_or(0), self.label)?;
                self.push_all(Op::Cast { to })
            }
            "Conv" => {
                let conv = self.conv_attributes()?;
                self.push_all(Op::Conv(conv))
            }
            "ConvTranspose" => self.conv_transpose(),
            "MaxPool" => self.max_pool(),
            "AveragePool" => self.average_pool(),
            "ReduceMean" => self.reduce(Reduce::Mean),
            "ReduceSum" => self.reduce(Reduce::Sum),
            "Reshape" => self.reshape(),
            "Transpose" => self.transpose(),
            "Concat" => {
                let rank = self.rank(0)?;
                let axis = self.attributes.integer("axis", i64::MAX)?;
                let axis = self.axis(axis, rank)?;
                self.push_all(Op::Concat { axis })
            }
            "Split" => self.split(),
            "Slice" => self.slice(),
            "Gather" => self.gather(),
            "Expand" => self.expand(),
            "Pad" => self.pad(),
            "Resize" => self.resize(),
            "DepthToSpace" => {
                let block = self.attributes.extent("blocksize", 0)?;
                let order = match self.attributes.word("mode", &["DCR", "CRD"])? {
                    "CRD" => DepthOrder::ChannelFirst,
                    _ => DepthOrder::BlockFirst,
                };
                self.push_all(Op::DepthToSpace { block, order })
            }
            "SpaceToDepth" => {
                let block = self.attributes.extent("blocksize", 0)?;
                self.push_all(Op::SpaceToDepth { block })
            }
            _ => self.compose(operator),
        }
    }

    /// The operand at a position, which must be there.
    pub(super) fn operand(&self, position: usize) -> Result<Value, Error> {
        match self.optional(position) {
            Some(value) => Ok(value),
            None => refuse(format!("{} lacks its operand {position}", self.label)),
        }
    }

    pub(super) fn optional(&self, position: usize) -> Option<Value> {
        self.inputs.get(position).copied().flatten()
    }

    pub(super) fn rank(&self, position: usize) -> Result<usize, Error> {
        Ok(self.graph.shape(self.operand(position)?).len())
    }

    /// Adds a node that takes all operands as they are.
    pub(super) fn push_all(&mut self, op: Op) -> Result<Vec<Value>, Error> {
        let mut inputs = self.inputs.clone();
        while inputs.last() == Some(&None) {
            inputs.pop();
        }
        let Some(inputs) = inputs.into_iter().collect::<Option<Vec<_>>>() else {
            return refuse(format!("{} lacks an operand", self.label));
        };
        self.graph.push(op, &inputs)
    }

    /// Adds a node that takes the first operand; the others became attributes.
    pub(super) fn push_first(&mut self, op: Op) -> Result<Vec<Value>, Error> {
        let input = self.operand(0)?;
        self.graph.push(op, &[input])
    }

    /// The integers of an operand, which must be known.
    pub(super) fn integers(&mut self, position: usize) -> Result<Option<Vec<i64>>, Error> {
        let Some(value) = self.optional(position) else {
            return Ok(None);
        };
        match self.graph.constant_tensor(value).and_then(Tensor::as_i64) {
            Some(array) => {
                spend(self.integers_left, array.len())?;
                Ok(Some(array.iter().copied().collect()))
            }
            None => refuse(format!(
                "operand {position} of {} must be integers known before the network runs; export the model with fixed shapes",
                self.label
            )),
        }
    }

    /// The integers of an operand or, in older versions of the operator, of an attribute.
    pub(super) fn integers_or_attribute(
        &mut self,
        position: usize,
        name: &str,
    ) -> Result<Option<Vec<i64>>, Error> {
        match self.integers(position)? {
            Some(integers) => Ok(Some(integers)),
            None => Ok(self.attributes.integers(name)?.map(<[i64]>::to_vec)),
        }
    }

    /// Counts the elements of an operand that every node looks at for itself.
    pub(super) fn spend(&mut self, count: usize) -> Result<(), Error> {
        spend(self.integers_left, count)
    }

    pub(super) fn number(&self, position: usize) -> Result<Option<f32>, Error> {
        let Some(value) = self.optional(position) else {
            return Ok(None);
        };
        let constant = self.graph.constant_tensor(value).and_then(Tensor::as_f32);
        match constant
            .filter(|array| array.len() == 1)
            .and_then(|array| array.iter().next())
        {
            Some(&number) => Ok(Some(number)),
            None => refuse(format!(
                "operand {position} of {} must be one known number",
                self.label
            )),
        }
    }

    /// An axis, which may count from the end.
    pub(super) fn axis(&self, axis: i64, rank: usize) -> Result<usize, Error> {
        let from_end = i64::try_from(rank).unwrap_or(i64::MAX);
        let axis_from_start = if axis < 0 {
            axis.saturating_add(from_end)
        } else {
            axis
        };
        match usize::try_from(axis_from_start) {
            Ok(found) if found < rank => Ok(found),
            _ => refuse(format!("{} names axis {axis} of {rank}", self.label)),
        }
    }

    pub(super) fn axes(&self, axes: &[i64], rank: usize) -> Result<Vec<usize>, Error> {
        let mut found = axes
            .iter()
            .map(|&axis| self.axis(axis, rank))
            .collect::<Result<Vec<_>, _>>()?;
        found.sort_unstable();
        Ok(found)
    }

    /// Numbers that must not be negative.
    pub(super) fn extents(&self, numbers: &[i64]) -> Result<Vec<usize>, Error> {
        match numbers
            .iter()
            .map(|&number| usize::try_from(number).ok())
            .collect()
        {
            Some(extents) => Ok(extents),
            None => refuse(format!(
                "{} has the extents {numbers:?}, of which one is negative",
                self.label
            )),
        }
    }

    fn clip(&mut self) -> Result<Vec<Value>, Error> {
        let min = self.number(1)?.unwrap_or(f32::NEG_INFINITY);
        let max = self.number(2)?.unwrap_or(f32::INFINITY);
        self.push_first(Op::Unary(Unary::Clip { min, max }))
    }

    fn conv_attributes(&mut self) -> Result<Conv, Error> {
        self.attributes.word("auto_pad", &["NOTSET"])?;
        let kernel = self
            .attributes
            .integers("kernel_shape")?
            .map(|kernel| self.extents(kernel))
            .transpose()?;
        let weights = self.operand(1)?;
        if kernel.is_some_and(|kernel| !self.graph.shape(weights).ends_with(&kernel)) {
            return refuse(format!(
                "the kernel shape of {} differs from its weights'",
                self.label
            ));
        }
        Ok(Conv {
            strides: self.attributes.extents("strides", [1; 2])?,
            pads: self.attributes.extents("pads", [0; 4])?,
            dilations: self.attributes.extents("dilations", [1; 2])?,
            groups: self.attributes.extent("group", 1)?,
        })
    }

    fn conv_transpose(&mut self) -> Result<Vec<Value>, Error> {
        let conv = self.conv_attributes()?;
        let output_padding = self.attributes.extents("output_padding", [0; 2])?;
        self.push_all(Op::ConvTranspose(ConvTranspose {
            conv,
            output_padding,
        }))
    }

    fn pool(&mut self) -> Result<Pool, Error> {
        self.attributes.word("auto_pad", &["NOTSET"])?;
        let pool = Pool {
            kernel: self.attributes.extents("kernel_shape", [0; 2])?,
            strides: self.attributes.extents("strides", [1; 2])?,
            pads: self.attributes.extents("pads", [0; 4])?,
        };
        if self.attributes.flag("ceil_mode", false)?
            || self.attributes.extents("dilations", [1; 2])? != [1; 2]
        {
            return refuse(format!(
                "{} rounds up or is dilated, which is not supported",
                self.label
            ));
        }
        Ok(pool)
    }

    fn max_pool(&mut self) -> Result<Vec<Value>, Error> {
        self.attributes.integer("storage_order", 0)?; // concerns only the indices, which are not supported
        let pool = self.pool()?;
        self.push_all(Op::MaxPool(pool))
    }

    fn average_pool(&mut self) -> Result<Vec<Value>, Error> {
        let pool = self.pool()?;
        if !self.attributes.flag("count_include_pad", false)? && pool.pads != [0; 4] {
            return refuse(format!(
                "{} leaves the padding out of its means, which is not supported",
                self.label
            ));
        }
        self.push_all(Op::AveragePool(pool))
    }

    fn reduce(&mut self, kind: Reduce) -> Result<Vec<Value>, Error> {
        let rank = self.rank(0)?;
        let keep_axes = self.attributes.flag("keepdims", true)?;
        let none_means_all = !self.attributes.flag("noop_with_empty_axes", false)?;
        let axes = self.integers_or_attribute(1, "axes")?.unwrap_or_default();
        let axes = match self.axes(&axes, rank)? {
            none if none.is_empty() && none_means_all => (0..rank).collect(),
            axes => axes,
        };
        if axes.is_empty() {
            return Ok(vec![self.operand(0)?]);
        }
        self.push_first(Op::Reduce {
            kind,
            axes,
            keep_axes,
        })
    }
}

/// Operators without attributes whose operands are ours too.
fn plain_operator(name: &str) -> Option<Op> {
    const UNARY: [Unary; 11] = [
        Unary::Identity,
        Unary::Neg,
        Unary::Abs,
        Unary::Sqrt,
        Unary::Exp,
        Unary::Log,
        Unary::Sigmoid,
        Unary::Tanh,
        Unary::Softplus,
        Unary::Relu,
        Unary::Not,
    ];
    const BINARY: [Binary; 7] = [
        Binary::Add,
        Binary::Sub,
        Binary::Mul,
        Binary::Div,
        Binary::Pow,
        Binary::Max,
        Binary::Min,
    ];
    const COMPARE: [Compare; 5] = [
        Compare::Equal,
        Compare::Greater,
        Compare::GreaterOrEqual,
        Compare::Less,
        Compare::LessOrEqual,
    ];
    match name {
        "Where" => Some(Op::Where),
        "PRelu" => Some(Op::PRelu),
        "MatMul" => Some(Op::MatMul),
        _ => (UNARY.into_iter().map(Op::Unary))
            .chain(BINARY.into_iter().map(Op::Binary))
            .chain(COMPARE.into_iter().map(Op::Compare))
            .find(|op| op.name() == name),
    }
}
