//! The chin meter: our own judge of double chins, built in (`onnx/chin_scorer.onnx`, trained in
//! `onnx/training`).

use ndarray::ArrayView4;
use serde::{Deserialize, Serialize};

use super::Error;
use super::pack::sha256_hex;
use crate::runtime::{self, CancelToken, Runtime, Session};

const ONNX: &[u8] = include_bytes!("../../onnx/chin_scorer.onnx");
const IMAGE: &str = "image";
const PROBABILITY: &str = "probability";
const SEVERITY: &str = "severity";

/// What the meter says of an aligned crop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChinReading {
    /// The probability, 0 to 1, of a double chin that a retoucher would be asked to remove.
    pub probability: f32,
    /// How marked it is: 0 none, 0.5 a hint, 1 clear.
    pub severity: f32,
}

impl ChinReading {
    /// Above this probability there is something to remove. Of the portraits that were held out, 96 % of those
    /// with a clear double chin are above it and 20 % of those without (`onnx/chin_scorer.md`).
    pub const THRESHOLD: f32 = 0.2;

    /// The reading at an amount (per cent), between those at the nearest amounts on both sides; beyond the last
    /// one it stays. `None` without readings.
    pub fn interpolated(
        readings: impl IntoIterator<Item = (f32, Self)>,
        amount: f32,
    ) -> Option<Self> {
        let (mut below, mut above) = (None::<(f32, Self)>, None::<(f32, Self)>);
        for reading in readings {
            if reading.0 <= amount && below.is_none_or(|best| best.0 < reading.0) {
                below = Some(reading);
            }
            if reading.0 >= amount && above.is_none_or(|best| best.0 > reading.0) {
                above = Some(reading);
            }
        }
        let ((low, first), (high, other)) = (below.or(above)?, above.or(below)?);
        let share = match high > low {
            true => (amount - low) / (high - low),
            false => 0.0,
        };
        let between = |first: f32, other: f32| first + (other - first) * share;
        Some(Self {
            probability: between(first.probability, other.probability),
            severity: between(first.severity, other.severity),
        })
    }

    /// Is there something to remove?
    pub fn has_double_chin(self) -> bool {
        self.probability > Self::THRESHOLD
    }
}

/// The meter over a session.
pub struct ChinMeter {
    session: Session,
}

impl ChinMeter {
    /// Side of the crop that it takes, in pixels.
    pub const SIZE: u32 = 256;

    /// Loads the network that is built in.
    ///
    /// # Errors
    /// What ONNX Runtime says.
    pub fn own(runtime: &Runtime) -> Result<Self, Error> {
        let session = runtime.session("chin meter", ONNX)?;
        Ok(Self { session })
    }

    /// The SHA-256 of the network.
    pub fn checksum() -> String {
        sha256_hex(ONNX)
    }

    /// Reads an aligned crop `[1, 3, 256, 256]`, RGB in [-1, 1], nothing of it masked.
    ///
    /// # Errors
    /// What ONNX Runtime says; [`runtime::Error::Cancelled`](crate::runtime::Error::Cancelled).
    pub fn read(
        &mut self,
        crop: ArrayView4<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<ChinReading, Error> {
        let outputs = self.session.run(&[(IMAGE, crop.into_dyn())], cancel)?;
        let number = |name: &str| {
            outputs
                .get(name)
                .and_then(|values| values.first().copied())
                .ok_or_else(|| runtime::Error::Interface {
                    network: "chin meter".to_owned(),
                    what: format!("output '{name}'"),
                })
        };
        Ok(ChinReading {
            probability: number(PROBABILITY)?,
            severity: number(SEVERITY)?,
        })
    }
}
