//! One node of an ONNX file → nodes of a [`Graph`].

use super::super::build::{Graph, Value};
use super::super::error::Error;
use super::super::evaluate::evaluate;
use super::super::operator::{
    Binary, Compare, Conv, ConvTranspose, DepthOrder, Op, PadMode, Pool, Reduce, ResizeCoordinates,
    ResizeMode, SliceRange, Unary,
};
use super::super::tensor::{DataType, Tensor};
use super::attributes::Attributes;
use super::proto::NodeProto;
use super::read::{Reader, element_type};
use super::refuse;

/// Integer results of constants up to this size are computed while reading: exporters compute shapes that way.
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
            label,
            inputs,
            attributes,
        };
        let results = context.translate(&node.op_type)?;
        context.attributes.finish()?;
        results
            .into_iter()
            .map(|result| Ok(self.fold_integers(result)))
            .collect()
    }

    /// The value itself, or a constant in its place if it holds a few integers that are known.
    fn fold_integers(&mut self, value: Value) -> Value {
        let few = self.graph.shape(value).iter().product::<usize>() <= MAX_FOLDED;
        let Some(node) = self
            .graph
            .producer(value)
            .filter(|_| few && self.graph.data_type(value) == DataType::I64)
        else {
            return value;
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
            Some(tensor) => self.graph.constant("folded", tensor),
            None => value,
        }
    }
}

/// One node while it is translated.
pub(super) struct NodeReader<'a> {
    pub(super) graph: &'a mut Graph,
    pub(super) label: &'a str,
    inputs: Vec<Option<Value>>,
    pub(super) attributes: Attributes<'a>,
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
    fn push_all(&mut self, op: Op) -> Result<Vec<Value>, Error> {
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
    fn push_first(&mut self, op: Op) -> Result<Vec<Value>, Error> {
        let input = self.operand(0)?;
        self.graph.push(op, &[input])
    }

    /// The integers of an operand, which must be known.
    pub(super) fn integers(&self, position: usize) -> Result<Option<Vec<i64>>, Error> {
        let Some(value) = self.optional(position) else {
            return Ok(None);
        };
        match self.graph.constant_tensor(value).and_then(Tensor::as_i64) {
            Some(array) => Ok(Some(array.iter().copied().collect())),
            None => refuse(format!(
                "operand {position} of {} must be integers known before the network runs; export the model with fixed shapes",
                self.label
            )),
        }
    }

    /// The integers of an operand or, in older versions of the operator, of an attribute.
    fn integers_or_attribute(
        &mut self,
        position: usize,
        name: &str,
    ) -> Result<Option<Vec<i64>>, Error> {
        match self.integers(position)? {
            Some(integers) => Ok(Some(integers)),
            None => Ok(self.attributes.integers(name)?.map(<[i64]>::to_vec)),
        }
    }

    fn number(&self, position: usize) -> Result<Option<f32>, Error> {
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

    fn reshape(&mut self) -> Result<Vec<Value>, Error> {
        let old = self.graph.shape(self.operand(0)?).to_vec();
        let zero_copies = !self.attributes.flag("allowzero", false)?;
        let Some(wish) = self.integers(1)? else {
            return refuse(format!("{} lacks its shape", self.label));
        };
        let mut shape = Vec::with_capacity(wish.len());
        for (position, &number) in wish.iter().enumerate() {
            shape.push(match (number, old.get(position)) {
                (-1, _) => 1,
                (0, Some(&extent)) if zero_copies => extent,
                (number, _) => self.extents(&[number])?.iter().product(),
            });
        }
        let given = shape
            .iter()
            .try_fold(1_usize, |product, &extent| product.checked_mul(extent));
        let open: Vec<usize> = (0..wish.len())
            .filter(|&position| wish.get(position) == Some(&-1))
            .collect();
        if let ([position], Some(given)) = (open.as_slice(), given.filter(|&given| given > 0))
            && let Some(extent) = shape.get_mut(*position)
        {
            *extent = old.iter().product::<usize>() / given;
        }
        if open.len() > 1 {
            return refuse(format!("{} leaves more than one extent open", self.label));
        }
        self.push_first(Op::Reshape { shape })
    }

    fn transpose(&mut self) -> Result<Vec<Value>, Error> {
        let permutation = match self.attributes.integers("perm")? {
            Some(permutation) => self.extents(permutation)?,
            None => (0..self.rank(0)?).rev().collect(),
        };
        self.push_first(Op::Transpose { permutation })
    }

    fn split(&mut self) -> Result<Vec<Value>, Error> {
        let axis = self.attributes.integer("axis", 0)?;
        let axis = self.axis(axis, self.rank(0)?)?;
        let extent = self
            .graph
            .shape(self.operand(0)?)
            .get(axis)
            .copied()
            .unwrap_or(0);
        let parts = self.attributes.extent("num_outputs", 0)?;
        let sizes = match self.integers_or_attribute(1, "split")? {
            Some(sizes) => self.extents(&sizes)?,
            None if parts == 0 || parts > extent => {
                return refuse(format!(
                    "{} does not say into which parts to split",
                    self.label
                ));
            }
            None => {
                let size = extent.div_ceil(parts);
                (0..parts)
                    .map(|part| extent.saturating_sub(part * size).min(size))
                    .collect()
            }
        };
        self.push_first(Op::Split { axis, sizes })
    }

    fn slice(&mut self) -> Result<Vec<Value>, Error> {
        let shape = self.graph.shape(self.operand(0)?).to_vec();
        let (Some(starts), Some(ends)) = (self.integers(1)?, self.integers(2)?) else {
            return refuse(format!("{} lacks its ranges", self.label));
        };
        let axes = self
            .integers(3)?
            .unwrap_or_else(|| (0..).take(starts.len()).collect());
        let steps = self.integers(4)?.unwrap_or_else(|| vec![1; starts.len()]);
        if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
            return refuse(format!("{} has lists of different lengths", self.label));
        }
        let mut ranges: Vec<_> = shape
            .iter()
            .map(|&end| SliceRange {
                start: 0,
                end,
                step: 1,
            })
            .collect();
        for (((start, end), axis), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
            let axis = self.axis(axis, shape.len())?;
            let Some(range) = ranges.get_mut(axis) else {
                continue;
            };
            let extent = i64::try_from(range.end).unwrap_or(i64::MAX);
            let clamp = |index: i64| {
                if index < 0 {
                    index.saturating_add(extent)
                } else {
                    index
                }
                .clamp(0, extent)
            };
            let Some(step) = usize::try_from(step).ok().filter(|&step| step > 0) else {
                return refuse(format!(
                    "{} steps backwards, which is not supported",
                    self.label
                ));
            };
            let start = usize::try_from(clamp(start)).unwrap_or(0);
            let end = usize::try_from(clamp(end)).unwrap_or(0).max(start);
            *range = SliceRange { start, end, step };
        }
        self.push_first(Op::Slice { ranges })
    }

    fn gather(&mut self) -> Result<Vec<Value>, Error> {
        let axis = self.attributes.integer("axis", 0)?;
        let axis = self.axis(axis, self.rank(0)?)?;
        let extent = self
            .graph
            .shape(self.operand(0)?)
            .get(axis)
            .copied()
            .unwrap_or(0);
        let indices = self.operand(1)?;
        let Some(array) = self
            .graph
            .constant_tensor(indices)
            .and_then(Tensor::as_i64)
            .cloned()
        else {
            return self.push_all(Op::Gather { axis });
        };
        let extent = i64::try_from(extent).unwrap_or(i64::MAX);
        let from_start = array.mapv(|index| {
            if index < 0 {
                index.saturating_add(extent)
            } else {
                index
            }
        });
        if from_start.iter().any(|index| !(0..extent).contains(index)) {
            return refuse(format!(
                "{} takes indices that its operand does not have",
                self.label
            ));
        }
        let indices = if from_start == array {
            indices
        } else {
            self.graph.constant("indices", from_start)
        };
        let data = self.operand(0)?;
        self.graph.push(Op::Gather { axis }, &[data, indices])
    }

    fn expand(&mut self) -> Result<Vec<Value>, Error> {
        let Some(wish) = self.integers(1)? else {
            return refuse(format!("{} lacks its shape", self.label));
        };
        let wish = self.extents(&wish)?;
        let old = self.graph.shape(self.operand(0)?);
        // In ONNX the shape takes part in broadcasting; ours is the result's.
        match super::super::infer::broadcast(old, &wish) {
            Ok(shape) => self.push_first(Op::Expand { shape }),
            Err(problem) => refuse(format!("{}: {problem}", self.label)),
        }
    }

    fn pad(&mut self) -> Result<Vec<Value>, Error> {
        let rank = self.rank(0)?;
        let mode = match self
            .attributes
            .word("mode", &["constant", "reflect", "edge"])?
        {
            "reflect" => PadMode::Reflect,
            "edge" => PadMode::Edge,
            _ => PadMode::Constant(self.number(2)?.unwrap_or(0.0)),
        };
        let Some(pads) = self.integers(1)? else {
            return refuse(format!("{} lacks its pads", self.label));
        };
        let pads = self.extents(&pads)?;
        let axes: Vec<usize> = match self.integers(3)? {
            Some(axes) => axes
                .iter()
                .map(|&axis| self.axis(axis, rank))
                .collect::<Result<_, _>>()?,
            None => (0..rank).collect(),
        };
        if pads.len() != 2 * axes.len() {
            return refuse(format!(
                "{} has {} pads for {} axes",
                self.label,
                pads.len(),
                axes.len()
            ));
        }
        let (first, last) = pads.split_at(axes.len());
        let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
        for ((&axis, &first), &last) in axes.iter().zip(first).zip(last) {
            if let (Some(before), Some(after)) = (before.get_mut(axis), after.get_mut(axis)) {
                (*before, *after) = (first, last);
            }
        }
        self.push_first(Op::Pad {
            before,
            after,
            mode,
        })
    }

    fn resize(&mut self) -> Result<Vec<Value>, Error> {
        let shape = self.graph.shape(self.operand(0)?).to_vec();
        let known = [
            "half_pixel",
            "asymmetric",
            "align_corners",
            "pytorch_half_pixel",
        ];
        let coordinates = match self
            .attributes
            .word("coordinate_transformation_mode", &known)?
        {
            "asymmetric" => ResizeCoordinates::Asymmetric,
            "align_corners" => ResizeCoordinates::AlignCorners,
            _ => ResizeCoordinates::HalfPixel, // PyTorch's differs only for results of extent 1
        };
        let mode = match self.attributes.word("mode", &["nearest", "linear"])? {
            "linear" => ResizeMode::Linear,
            _ => ResizeMode::Nearest,
        };
        let rounding = self
            .attributes
            .word("nearest_mode", &["round_prefer_floor", "floor"])?;
        self.attributes.number("cubic_coeff_a", -0.75)?; // only for a mode that is not supported
        if mode == ResizeMode::Nearest
            && (rounding, coordinates) != ("floor", ResizeCoordinates::Asymmetric)
        {
            return refuse(format!(
                "{} picks the nearest element in an unsupported way; use asymmetric and floor",
                self.label
            ));
        }
        let size = match (self.optional(2), self.integers(3)?) {
            (_, Some(sizes)) => self.extents(&sizes)?,
            (Some(scales), None) => self.scaled(&shape, scales)?,
            (None, None) => {
                return refuse(format!(
                    "{} does not say how large its result is",
                    self.label
                ));
            }
        };
        match (size.as_slice(), shape.as_slice()) {
            (&[n, c, height, width], &[old_n, old_c, ..]) if n == old_n && c == old_c => self
                .push_first(Op::Resize {
                    mode,
                    coordinates,
                    size: [height, width],
                }),
            _ => refuse(format!(
                "{} resizes {shape:?} to {size:?}; only height and width can change",
                self.label
            )),
        }
    }

    /// Extents times factors, which must come out whole: otherwise coordinates depend on the factor, not on the extents.
    fn scaled(&self, shape: &[usize], scales: Value) -> Result<Vec<usize>, Error> {
        let scales = self.graph.constant_tensor(scales).and_then(Tensor::as_f32);
        let Some(scales) = scales.filter(|scales| scales.len() == shape.len()) else {
            return refuse(format!(
                "the factors of {} must be known, one per axis",
                self.label
            ));
        };
        let mut extents = Vec::with_capacity(shape.len());
        for (&extent, &scale) in shape.iter().zip(scales) {
            let scaled = extent as f64 * f64::from(scale);
            if scaled.fract() != 0.0 || !(1.0..=MAX_SCALED).contains(&scaled) {
                return refuse(format!(
                    "{} scales an extent of {extent} by {scale}",
                    self.label
                ));
            }
            extents.push(scaled as usize);
        }
        Ok(extents)
    }
}

/// No extent is larger; below it every whole `f64` is exact.
const MAX_SCALED: f64 = (1_u64 << 30) as f64;

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
