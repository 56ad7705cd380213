//! Operators of ONNX files that are read as a few of ours.

use super::super::build::Value;
use super::super::error::Error;
use super::refuse;
use super::translate::NodeReader;

impl NodeReader<'_> {
    /// Operators that have no [`Op`](super::super::operator::Op) of their own.
    pub(super) fn compose(&mut self, operator: &str) -> Result<Vec<Value>, Error> {
        let result = match operator {
            "Constant" => self.constant()?,
            "Shape" => self.shape_operator()?,
            "Flatten" => self.flatten()?,
            "Squeeze" => self.squeeze()?,
            "Unsqueeze" => self.unsqueeze()?,
            "Tile" => self.tile()?,
            "Gemm" => self.gemm()?,
            "GlobalAveragePool" => {
                let input = self.operand(0)?;
                self.graph.global_average_pool(input)?
            }
            "Reciprocal" => {
                let (one, input) = (self.graph.scalar(1.0), self.operand(0)?);
                self.graph.div(one, input)?
            }
            "BatchNormalization" => self.batch_normalization()?,
            "Dropout" => self.operand(0)?, // does nothing when a network is used
            "If" | "Loop" | "Scan" => {
                return refuse(format!(
                    "{} is control flow, which is not supported; export a model without it",
                    self.label
                ));
            }
            _ => {
                return refuse(format!(
                    "{} is an operator that is not supported",
                    self.label
                ));
            }
        };
        Ok(vec![result])
    }

    fn constant(&mut self) -> Result<Value, Error> {
        match self.attributes.tensor("value")? {
            Some(tensor) => {
                let elements = super::read::decode_tensor(tensor, self.label)?;
                Ok(self.graph.constant("constant", elements))
            }
            None => refuse(format!("{} holds no tensor", self.label)),
        }
    }

    fn shape_operator(&mut self) -> Result<Value, Error> {
        let shape = self.graph.shape(self.operand(0)?);
        let extents: Vec<i64> = shape
            .iter()
            .map(|&extent| i64::try_from(extent).unwrap_or(i64::MAX))
            .collect();
        Ok(self.graph.constant("shape", ndarray::Array1::from(extents)))
    }

    fn flatten(&mut self) -> Result<Value, Error> {
        let axis = self.attributes.integer("axis", 1)?;
        let shape = self.graph.shape(self.operand(0)?).to_vec();
        // Here, unlike elsewhere, the axis behind the last one is meant as well.
        let axis = if usize::try_from(axis).is_ok_and(|axis| axis == shape.len()) {
            shape.len()
        } else {
            self.axis(axis, shape.len())?
        };
        let (rows, columns) = shape.split_at(axis);
        let input = self.operand(0)?;
        self.graph
            .reshape(input, &[rows.iter().product(), columns.iter().product()])
    }

    /// The axes given as operand, or as attribute in older versions.
    fn axes_operand(&mut self) -> Result<Option<Vec<i64>>, Error> {
        match self.integers(1)? {
            Some(axes) => Ok(Some(axes)),
            None => Ok(self.attributes.integers("axes")?.map(<[i64]>::to_vec)),
        }
    }

    fn squeeze(&mut self) -> Result<Value, Error> {
        let shape = self.graph.shape(self.operand(0)?).to_vec();
        let axes = match self.axes_operand()? {
            Some(axes) => self.axes(&axes, shape.len())?,
            None => (0..shape.len())
                .filter(|&axis| shape.get(axis) == Some(&1))
                .collect(),
        };
        let kept = shape
            .iter()
            .enumerate()
            .filter(|(axis, _)| !axes.contains(axis))
            .map(|(_, &extent)| extent);
        let kept: Vec<usize> = kept.collect();
        let input = self.operand(0)?;
        self.graph.reshape(input, &kept)
    }

    fn unsqueeze(&mut self) -> Result<Value, Error> {
        let mut shape = self.graph.shape(self.operand(0)?).to_vec();
        let axes = self.axes_operand()?.unwrap_or_default();
        for axis in self.axes(&axes, shape.len() + axes.len())? {
            shape.insert(axis.min(shape.len()), 1);
        }
        let input = self.operand(0)?;
        self.graph.reshape(input, &shape)
    }

    fn tile(&mut self) -> Result<Value, Error> {
        const MOST: usize = 64;
        let repeats = self.integers(1)?.unwrap_or_default();
        let repeats = self.extents(&repeats)?;
        let mut value = self.operand(0)?;
        if repeats.len() != self.rank(0)? {
            return refuse(format!(
                "{} does not say how often to repeat every axis",
                self.label
            ));
        }
        for (axis, &times) in repeats.iter().enumerate() {
            match times {
                1 => {}
                2..=MOST => value = self.graph.concat(&vec![value; times], axis)?,
                _ => {
                    return refuse(format!(
                        "{} repeats an axis {times} times; 1 to {MOST} are supported",
                        self.label
                    ));
                }
            }
        }
        Ok(value)
    }

    /// `alpha · A' · B' + beta · C`, where `'` may transpose.
    fn gemm(&mut self) -> Result<Value, Error> {
        let alpha = self.attributes.number("alpha", 1.0)?;
        let beta = self.attributes.number("beta", 1.0)?;
        let (mut a, mut b) = (self.operand(0)?, self.operand(1)?);
        if self.attributes.flag("transA", false)? {
            a = self.graph.transpose(a, &[1, 0])?;
        }
        if self.attributes.flag("transB", false)? {
            b = self.graph.transpose(b, &[1, 0])?;
        }
        let mut result = self.graph.matmul(a, b)?;
        if alpha != 1.0 {
            result = self.graph.scale(result, alpha)?;
        }
        if let Some(mut c) = self.optional(2) {
            if beta != 1.0 {
                c = self.graph.scale(c, beta)?;
            }
            result = self.graph.add(result, c)?;
        }
        Ok(result)
    }

    /// With the statistics of training: `(x − mean) / √(variance + epsilon) · scale + bias`, per channel.
    fn batch_normalization(&mut self) -> Result<Value, Error> {
        let epsilon = self.attributes.number("epsilon", 1e-5)?;
        self.attributes.number("momentum", 0.9)?; // only for training
        if self.attributes.flag("training_mode", false)? {
            return refuse(format!(
                "{} computes its own statistics; export the model for inference",
                self.label
            ));
        }
        let rank = self.rank(0)?;
        let mut per_channel = Vec::with_capacity(4);
        for position in 1..=4 {
            let value = self.operand(position)?;
            let channels = self.graph.shape(value).iter().product();
            let shape: Vec<usize> = (0..rank)
                .map(|axis| if axis == 1 { channels } else { 1 })
                .collect();
            per_channel.push(self.graph.reshape(value, &shape)?);
        }
        let [scale, bias, mean, variance] = per_channel[..] else {
            return refuse(format!("{} lacks an operand", self.label));
        };
        let epsilon = self.graph.scalar(epsilon);
        let variance = self.graph.add(variance, epsilon)?;
        let deviation = self.graph.sqrt(variance)?;
        let factor = self.graph.div(scale, deviation)?;
        let shift = self.graph.mul(mean, factor)?;
        let shift = self.graph.sub(bias, shift)?;
        let input = self.operand(0)?;
        let scaled = self.graph.mul(input, factor)?;
        self.graph.add(scaled, shift)
    }
}
