//! Operators of ONNX files that move elements. What is an operand there is an attribute here.

use super::super::build::Value;
use super::super::error::Error;
use super::super::infer::broadcast;
use super::super::operator::{Op, PadMode, ResizeCoordinates, ResizeMode, SliceRange};
use super::super::tensor::Tensor;
use super::refuse;
use super::translate::NodeReader;

/// No extent is larger; below it every whole `f64` is exact.
const MAX_SCALED: f64 = (1_u64 << 30) as f64;

impl NodeReader<'_> {
    pub(super) fn reshape(&mut self) -> Result<Vec<Value>, Error> {
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

    pub(super) fn transpose(&mut self) -> Result<Vec<Value>, Error> {
        let permutation = match self.attributes.integers("perm")? {
            Some(permutation) => self.extents(permutation)?,
            None => (0..self.rank(0)?).rev().collect(),
        };
        self.push_first(Op::Transpose { permutation })
    }

    pub(super) fn split(&mut self) -> Result<Vec<Value>, Error> {
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
            Some(sizes) if sizes.len() == self.result_count => self.extents(&sizes)?,
            Some(sizes) => {
                return refuse(format!(
                    "{} splits into {} parts and names {} results",
                    self.label,
                    sizes.len(),
                    self.result_count
                ));
            }
            None if parts == 0 || parts > extent || parts != self.result_count => {
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

    pub(super) fn slice(&mut self) -> Result<Vec<Value>, Error> {
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
        let mut ranges: Vec<SliceRange> = shape.iter().map(|&end| (0..end).into()).collect();
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
            // A longer step takes the same single element.
            let step = step.min(range.end.max(1));
            let start = usize::try_from(clamp(start)).unwrap_or(0);
            let end = usize::try_from(clamp(end)).unwrap_or(0).max(start);
            *range = SliceRange { start, end, step };
        }
        self.push_first(Op::Slice { ranges })
    }

    pub(super) fn gather(&mut self) -> Result<Vec<Value>, Error> {
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
        self.spend(array.len())?;
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

    pub(super) fn expand(&mut self) -> Result<Vec<Value>, Error> {
        let Some(wish) = self.integers(1)? else {
            return refuse(format!("{} lacks its shape", self.label));
        };
        let wish = self.extents(&wish)?;
        let old = self.graph.shape(self.operand(0)?);
        // In ONNX the shape takes part in broadcasting; ours is the result's.
        match broadcast(old, &wish) {
            Ok(shape) => self.push_first(Op::Expand { shape }),
            Err(problem) => refuse(format!("{}: {problem}", self.label)),
        }
    }

    pub(super) fn pad(&mut self) -> Result<Vec<Value>, Error> {
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

    pub(super) fn resize(&mut self) -> Result<Vec<Value>, Error> {
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

    /// Extents times factors, which must come out whole: otherwise coordinates depend on the
    /// factor, not on the extents.
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
