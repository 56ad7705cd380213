//! Adjoints of pooling and resizing.

use ndarray::{Array2, Array4};

use super::super::build::Value;
use super::super::error::Error;
use super::super::operator::{Conv, ConvTranspose, PadMode, Pool, ResizeCoordinates, ResizeMode};
use super::super::tensor::DataType;
use super::{Refusal, Reverse};

impl Reverse<'_> {
    /// The adjoint goes to every element that equals its window's maximum. If several do, each gets all of it (PyTorch
    /// picks the first); behind a ReLU those ties are zeros, whose adjoint the ReLU drops anyway.
    pub(super) fn max_pool(
        &mut self,
        attributes: &Pool,
        x: Value,
        result: Value,
        adjoint: Value,
    ) -> Result<(), Refusal> {
        let Some(tile) = tile(attributes) else {
            return Err(Refusal::NoRule(
                "its windows overlap or are padded; only tiles (kernel = strides) can be differentiated",
            ));
        };
        let maximum = self.repeat_to_shape_of(result, tile, x)?;
        let is_maximum = self.graph.equal(x, maximum)?;
        let mask = self.graph.cast(is_maximum, DataType::F32)?;
        let spread = self.repeat_to_shape_of(adjoint, tile, x)?;
        let from_x = self.graph.mul(spread, mask)?;
        self.contribute(x, from_x);
        Ok(())
    }

    pub(super) fn average_pool(
        &mut self,
        attributes: &Pool,
        x: Value,
        adjoint: Value,
    ) -> Result<(), Refusal> {
        let Pool {
            kernel,
            strides,
            pads,
        } = *attributes;
        let share = 1.0 / (kernel[0] * kernel[1]) as f32;
        let from_x = if let Some(tile) = tile(attributes) {
            let small = self.graph.scale(adjoint, share)?;
            self.repeat_to_shape_of(small, tile, x)?
        } else {
            let &[_, channels, height, width] = self.graph.shape(x) else {
                return Ok(());
            };
            let rest = |extent: usize, axis: usize| {
                (extent + pads[axis] + pads[axis + 2]).saturating_sub(kernel[axis])
                    % strides[axis].max(1)
            };
            let output_padding = [rest(height, 0), rest(width, 1)];
            let weights = Array4::from_elem((channels, 1, kernel[0], kernel[1]), share);
            let weights = self.graph.constant("share", weights);
            let conv = Conv {
                strides,
                pads,
                groups: channels,
                ..Conv::default()
            };
            self.graph.conv_transpose(
                adjoint,
                weights,
                None,
                ConvTranspose {
                    conv,
                    output_padding,
                },
            )?
        };
        self.contribute(x, from_x);
        Ok(())
    }

    /// Repeats every element over its tile. Rows and columns that no tile covers get zeros.
    fn repeat_to_shape_of(
        &mut self,
        small: Value,
        tile: [usize; 2],
        x: Value,
    ) -> Result<Value, Error> {
        let &[_, _, rows, columns] = self.graph.shape(small) else {
            return Ok(small);
        };
        let size = [rows * tile[0], columns * tile[1]];
        let large = self.graph.resize(
            small,
            ResizeMode::Nearest,
            ResizeCoordinates::Asymmetric,
            size,
        )?;
        let &[_, _, height, width] = self.graph.shape(x) else {
            return Ok(large);
        };
        if [height, width] == size {
            return Ok(large);
        }
        self.graph.pad(
            large,
            &[0; 4],
            &[0, 0, height - size[0], width - size[1]],
            PadMode::Constant(0.0),
        )
    }

    /// Up-sampling by whole factors: the mean over the copies times their number. Otherwise resizing is a product with one
    /// matrix per axis, and so is its adjoint.
    pub(super) fn resize(
        &mut self,
        mode: ResizeMode,
        coordinates: ResizeCoordinates,
        x: Value,
        adjoint: Value,
    ) -> Result<(), Refusal> {
        let (&[_, _, height, width], &[_, _, rows, columns]) =
            (self.graph.shape(x), self.graph.shape(adjoint))
        else {
            return Ok(());
        };
        let whole = rows % height == 0 && columns % width == 0;
        let from_x =
            if mode == ResizeMode::Nearest && coordinates == ResizeCoordinates::Asymmetric && whole
            {
                let tile = [rows / height, columns / width];
                let mean = self.graph.average_pool(
                    adjoint,
                    Pool {
                        kernel: tile,
                        strides: tile,
                        pads: [0; 4],
                    },
                )?;
                self.graph.scale(mean, (tile[0] * tile[1]) as f32)?
            } else {
                let vertical = self.graph.constant(
                    "vertical",
                    interpolation(mode, coordinates, height, rows).reversed_axes(),
                );
                let horizontal = self.graph.constant(
                    "horizontal",
                    interpolation(mode, coordinates, width, columns),
                );
                let narrow = self.graph.matmul(adjoint, horizontal)?;
                self.graph.matmul(vertical, narrow)?
            };
        self.contribute(x, from_x);
        Ok(())
    }
}

/// Height and width of the windows if they lie side by side without padding.
fn tile(attributes: &Pool) -> Option<[usize; 2]> {
    (attributes.kernel == attributes.strides && attributes.pads == [0; 4])
        .then_some(attributes.kernel)
}

/// What resizing one axis from `from` to `to` elements is as a matrix `[to, from]`.
fn interpolation(
    mode: ResizeMode,
    coordinates: ResizeCoordinates,
    from: usize,
    to: usize,
) -> Array2<f32> {
    let mut matrix = Array2::zeros((to, from));
    let last = from.saturating_sub(1);
    for (index, mut row) in matrix.rows_mut().into_iter().enumerate() {
        let index = index as f64;
        let ratio = from as f64 / to as f64;
        let position = match coordinates {
            ResizeCoordinates::Asymmetric => index * ratio,
            ResizeCoordinates::HalfPixel => (index + 0.5) * ratio - 0.5,
            ResizeCoordinates::AlignCorners if to == 1 => 0.0,
            ResizeCoordinates::AlignCorners => index * last as f64 / (to - 1) as f64,
        }
        .clamp(0.0, last as f64);
        let lower = position.floor() as usize;
        match mode {
            ResizeMode::Nearest => row[lower] = 1.0,
            ResizeMode::Linear => {
                let fraction = (position - position.floor()) as f32;
                row[lower] += 1.0 - fraction;
                row[(lower + 1).min(last)] += fraction;
            }
        }
    }
    matrix
}
