//! The network of the instant method, built in (`onnx/neck_field.onnx`, trained in `onnx/training`): where
//! the pixels of a slimmer neck come from.

use ndarray::{Array3, ArrayView4, Axis, Ix4};

use super::Error;
use crate::runtime::{self, CancelToken, Runtime, Session};

const ONNX: &[u8] = include_bytes!("../../onnx/neck_field.onnx");
const NETWORK: &str = "neck field";
const INPUT: &str = "input";

/// What the network says of an aligned crop, for the amount that it was taught. All arrays have the rows
/// [`NeckFieldNetwork::ROWS`] of a crop that is [`NeckFieldNetwork::SIZE`] pixels a side.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldOutputs {
    /// Where a pixel comes from, as (x, y) displacements in fractions of the crop's side: `[2, h, w]`, up
    /// to 0.3.
    pub flow: Array3<f32>,
    /// What is added to its colour, sRGB in 0..=1: `[3, h, w]`.
    pub shade: Array3<f32>,
    /// How much of its fine detail stays, 0..=1: `[1, h, w]`.
    pub detail: Array3<f32>,
    /// Where the edit acts, 0..=1, to be multiplied with the region: `[1, h, w]`.
    pub mask: Array3<f32>,
}

/// The network over a session.
pub struct NeckFieldNetwork {
    session: Session,
}

impl NeckFieldNetwork {
    /// Side of the crop, in pixels.
    pub const SIZE: u32 = 256;

    /// The rows that it sees: from above the mouth to the lower edge.
    pub const ROWS: std::ops::Range<u32> = 104..256;

    /// Loads the network that is built in.
    ///
    /// # Errors
    /// What ONNX Runtime says.
    pub fn own(runtime: &Runtime) -> Result<Self, Error> {
        let session = runtime.session(NETWORK, ONNX)?;
        Ok(Self { session })
    }

    /// The field of the rows [`ROWS`](Self::ROWS) of a crop, `[1, 4, 152, 256]`: RGB in [-1, 1], and the
    /// region where an edit may act, 0..=1.
    ///
    /// # Errors
    /// What ONNX Runtime says; [`runtime::Error::Cancelled`](crate::runtime::Error::Cancelled).
    pub fn predict(
        &mut self,
        input: ArrayView4<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<FieldOutputs, Error> {
        let mut outputs = self.session.run(&[(INPUT, input.into_dyn())], cancel)?;
        let mut output = |name: &str, channels: usize| {
            let values = outputs.remove(name);
            let values = values.and_then(|values| values.into_dimensionality::<Ix4>().ok());
            let rows = Self::ROWS.len();
            values
                .filter(|values| values.dim() == (1, channels, rows, Self::SIZE as usize))
                .map(|values| values.remove_axis(Axis(0)))
                .ok_or_else(|| runtime::Error::Interface {
                    network: NETWORK.to_owned(),
                    what: format!("output '{name}'"),
                })
        };
        Ok(FieldOutputs {
            flow: output("flow", 2)?,
            shade: output("shade", 3)?,
            detail: output("detail", 1)?,
            mask: output("mask", 1)?,
        })
    }
}
